#include <stdio.h> /* BREACH */
int x;		   /* BREACH */
