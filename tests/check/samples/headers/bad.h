size_t box_size(void); /* BREACH: size_t is not declared, and nothing is said */

/* One comment, and then a gap. */

int box_open(const char *name); /* BREACH */
