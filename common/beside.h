/* common/beside.h - where this program lies, and what lies beside it. */
#ifndef COMMON_BESIDE_H
#define COMMON_BESIDE_H

#include <stddef.h>

/* The folder of the program's own file. */
void beside_folder(char *path, size_t size);
/* 'name' (as "lab/lab") in the tree that the program was built in, or where both were installed:
 * the first of the two that access(2) allows, else the second. */
void beside_find(char *path, size_t size, const char *name, int mode);

#endif
