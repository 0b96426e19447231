// SPDX-License-Identifier: Apache-2.0
/* What looks like a breach and is none: free(p) in a comment, exit( in another. */
void fl_box_free(struct box **b)
{
	free((*b)->text); /* a destructor may close(fd) too */
	close((*b)->fd);
}

int fl_box_read(struct box *b, struct fl_err *err)
{
	fl_auto_close int fd = -1;

	fd = open("free(x) and exit(1)", O_RDONLY | O_CLOEXEC);
	fl_box_close(b);
	b->close(fd);
	return fl_fail(err, EINVAL, "call free(3), exit(3) and strtol(3) by hand");
}
