/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <stdint.h>
#include <string.h>

#include "mem.h"

enum { ALIGN = 64, BLOCK = 64 << 10 };

void *lt_arena_alloc(lt_arena *a, size_t n, size_t size)
{
    size_t bytes;

    if (!lt_mul_size(n, size, &bytes) || bytes > SIZE_MAX - 2 * ALIGN)
        return NULL;
    bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    if (bytes > a->left) {
        size_t block = bytes > BLOCK / 4 ? bytes : BLOCK;
        char *fresh = lt_alloc_aligned(block + ALIGN, 1);

        if (!fresh)
            return NULL;
        memcpy(fresh, &a->blocks, sizeof a->blocks);
        a->blocks = fresh;
        if (block == bytes)
            return fresh + ALIGN; /* a block of its own; the current one goes on */
        a->at = fresh + ALIGN;
        a->left = block;
    }
    void *p = a->at;

    a->at += bytes;
    a->left -= bytes;
    return p;
}

void lt_arena_done(lt_arena *a)
{
    for (void *block = a->blocks, *next; block; block = next) {
        memcpy(&next, block, sizeof next);
        lt_free(block);
    }
    *a = (lt_arena){0};
}
