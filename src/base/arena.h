/* SPDX-License-Identifier: Apache-2.0
 * Memory for one request: many small pieces, given back together. */
#ifndef LT_BASE_ARENA_H
#define LT_BASE_ARENA_H

#include <stddef.h>

typedef struct lt_arena_block lt_arena_block;

/* Zeroed: empty and ready. */
typedef struct lt_arena {
    lt_arena_block *blocks; /* the newest first */
    size_t used;            /* bytes of the newest */
} lt_arena;

/* n * size bytes, aligned for any type, not zeroed; NULL without memory or on overflow. Valid until
 * lt_arena_done. */
void *lt_arena_take(lt_arena *a, size_t n, size_t size);
/* The same, zeroed and 64-byte aligned. */
void *lt_arena_alloc(lt_arena *a, size_t n, size_t size);
/* A zero-terminated copy. */
char *lt_arena_text(lt_arena *a, const char *bytes, size_t n);
void lt_arena_done(lt_arena *a); /* frees everything; the struct may be used again */

#endif
