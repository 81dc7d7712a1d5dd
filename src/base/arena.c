/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <stdint.h>
#include <string.h>

#include "mem.h"

enum { BLOCK_BYTES = 64 * 1024, ALIGN = 16, WIDE = 64 };

struct lt_arena_block {
    lt_arena_block *next;
    size_t size;
    _Alignas(ALIGN) char bytes[];
};

static lt_arena_block *new_block(size_t size)
{
    size_t whole;

    if (!lt_add_size(size, sizeof(lt_arena_block), &whole))
        return NULL;
    lt_arena_block *b = lt_malloc(whole);

    if (b)
        b->size = size;
    return b;
}

void *lt_arena_take(lt_arena *a, size_t n, size_t size)
{
    size_t bytes, room = a->blocks ? a->blocks->size - a->used : 0;

    if (!lt_mul_size(n, size, &bytes) || bytes > SIZE_MAX - ALIGN)
        return NULL;
    bytes = bytes ? (bytes + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
    if (bytes <= room) {
        void *p = a->blocks->bytes + a->used;

        a->used += bytes;
        return p;
    }
    lt_arena_block *b = new_block(bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES);

    if (!b)
        return NULL;
    /* What is larger than a block goes behind the one that still has room. */
    if (bytes > BLOCK_BYTES && a->blocks) {
        b->next = a->blocks->next;
        a->blocks->next = b;
    } else {
        b->next = a->blocks;
        a->blocks = b;
        a->used = bytes;
    }
    return b->bytes;
}

void *lt_arena_alloc(lt_arena *a, size_t n, size_t size)
{
    size_t bytes, whole;

    if (!lt_mul_size(n, size, &bytes) || !lt_add_size(bytes, WIDE - 1, &whole))
        return NULL;
    char *p = lt_arena_take(a, bytes < WIDE ? bytes : whole, 1);

    if (!p)
        return NULL;
    if (bytes >= WIDE)
        p += (WIDE - (uintptr_t)p % WIDE) % WIDE;
    memset(p, 0, bytes);
    return p;
}

char *lt_arena_text(lt_arena *a, const char *bytes, size_t n)
{
    char *copy = n < SIZE_MAX ? lt_arena_take(a, n + 1, 1) : NULL;

    if (copy) {
        if (n)
            memcpy(copy, bytes, n);
        copy[n] = '\0';
    }
    return copy;
}

void *lt_arena_grow(lt_arena *a, void *items, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return items;
    size_t more = *cap ? *cap * 2 : 8;
    void *copy = lt_arena_alloc(a, more, size);

    if (!copy)
        return NULL;
    if (n)
        memcpy(copy, items, n * size);
    *cap = more;
    return copy;
}

typedef struct lt_arena_hook {
    struct lt_arena_hook *next;
    void (*release)(void *);
    void *object;
} hook;

lt_status lt_arena_defer(lt_arena *a, void (*release)(void *), void *object, lt_error *err)
{
    hook *h = lt_arena_take(a, 1, sizeof *h);

    if (!h) {
        release(object);
        return lt_fail_nomem(err);
    }
    *h = (hook){a->hooks, release, object};
    a->hooks = h;
    return LT_OK;
}

void lt_arena_done(lt_arena *a)
{
    for (hook *h = a->hooks; h; h = h->next)
        h->release(h->object);
    for (lt_arena_block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        lt_free(b);
    }
    *a = (lt_arena){0};
}
