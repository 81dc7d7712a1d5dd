/* SPDX-License-Identifier: Apache-2.0
 * Memory that is given back all at once. */
#ifndef LT_BASE_ARENA_H
#define LT_BASE_ARENA_H

#include <stddef.h>

/* Begins as {0}. One thread at a time. */
typedef struct lt_arena {
    void *blocks; /* the newest first, each begins with a pointer to the next */
    char *at;
    size_t left;
} lt_arena;

/* n * size bytes, zeroed, 64-byte aligned, valid until lt_arena_done. NULL without memory. */
void *lt_arena_alloc(lt_arena *a, size_t n, size_t size);
void lt_arena_done(lt_arena *a); /* the struct may be used again */

#endif
