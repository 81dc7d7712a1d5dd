/* SPDX-License-Identifier: Apache-2.0
 * Memory of one request: given out in pieces, freed at once. Other things that have to be released
 * with it (filters, readers, documents) are hung on it, so that the code that made them has nothing
 * to undo. One thread at a time. */
#ifndef LT_BASE_ARENA_H
#define LT_BASE_ARENA_H

#include "error.h"

typedef struct lt_arena {
    struct lt_arena_block *blocks;
    struct lt_arena_hook *hooks;
} lt_arena; /* all zero: empty */

/* Runs the hooks, the last one first, and frees everything. The struct may be used again. */
void lt_arena_done(lt_arena *a);
/* Zeroed, aligned for any type; NULL without memory or when n * size overflows. */
void *lt_arena_alloc(lt_arena *a, size_t n, size_t size) LT_NODISCARD;
/* A zero-terminated copy. NULL without memory. */
char *lt_arena_strndup(lt_arena *a, const char *s, size_t n) LT_NODISCARD;
/* Calls release(object) when the arena is done. Without memory it is called at once. */
lt_status lt_arena_defer(lt_arena *a, void (*release)(void *), void *object,
                         lt_error *err) LT_NODISCARD;

/* Room for one more in an array of `n` items that grows by doubling: the array, perhaps moved, or
 * NULL without memory. The old copy stays in the arena. */
void *lt_arena_grow(lt_arena *a, void *items, size_t n, size_t *cap, size_t size) LT_NODISCARD;

#endif
