/*
 * Memory for libraries that know nothing of secrets: what is freed is wiped
 * first, so that no token stays behind in the heap.
 */
#ifndef OAUTH2_WIPED_H
#define OAUTH2_WIPED_H

#include <stddef.h>

/* As malloc(3) and its like; of each other's memory only. */
void *wiped_alloc(size_t n);
void *wiped_calloc(size_t n, size_t size);
void *wiped_realloc(void *p, size_t n);
char *wiped_strdup(const char *cstr);
void wiped_free(void *p);

#endif
