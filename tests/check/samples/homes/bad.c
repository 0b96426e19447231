// SPDX-License-Identifier: Apache-2.0
/* One breach of each kind. */
#define MY_IFNAME "sixteen-bytes-16" /* BREACH */

int fl_box_read(struct box *b)
{
	fl_auto_close int fd = open("x", O_RDONLY | O_CLOEXEC); /* BREACH */

	b->n = atoi("1");		 /* BREACH */
	b->n = strtoul("1", NULL, 10);	 /* BREACH */
	fprintf(stderr, "not here\n");	 /* BREACH */
	if (b->n)
		exit(1);		 /* BREACH */
	free(b);			 /* BREACH */
	return close(fd);		 /* BREACH */
}
