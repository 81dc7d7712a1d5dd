/* SPDX-License-Identifier: Apache-2.0
 * Memory for one request: many small pieces, given back together. What else has to be released with
 * it (filters, readers, documents) is hung on it, so that the code that made them has nothing to
 * undo. One thread at a time. */
#ifndef LT_BASE_ARENA_H
#define LT_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

typedef struct lt_arena_block lt_arena_block;

/* Zeroed: empty and ready. */
typedef struct lt_arena {
    lt_arena_block *blocks; /* the newest first */
    size_t used;            /* bytes of the newest */
    struct lt_arena_hook *hooks;
    size_t limit; /* bytes it may hold; 0: any number. Set by its owner */
    size_t held;
    bool over; /* something was refused because of the limit */
} lt_arena;

/* n * size bytes, aligned for any type, not zeroed; NULL without memory or on overflow. Valid until
 * lt_arena_done. */
void *lt_arena_take(lt_arena *a, size_t n, size_t size);
/* Counts bytes that are held elsewhere until lt_arena_done; false where that is over the limit. */
bool lt_arena_charge(lt_arena *a, size_t bytes) LT_NODISCARD;
/* The same as lt_arena_take, zeroed and 64-byte aligned. */
void *lt_arena_alloc(lt_arena *a, size_t n, size_t size);
/* A zero-terminated copy. */
char *lt_arena_text(lt_arena *a, const char *bytes, size_t n);
/* Room for one more in an array of `n` items that grows by doubling: the array, perhaps moved, or
 * NULL without memory. The old copy stays in the arena. */
void *lt_arena_grow(lt_arena *a, void *items, size_t n, size_t *cap, size_t size);
/* Has release(object) called by lt_arena_done, the last one hung on first. Without memory it is
 * called at once. */
lt_status lt_arena_defer(lt_arena *a, void (*release)(void *), void *object,
                         lt_error *err) LT_NODISCARD;
void lt_arena_done(lt_arena *a); /* frees everything; may be used again, with the same limit */

#endif
