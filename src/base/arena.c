/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <stddef.h>
#include <string.h>

#include "mem.h"

enum { BLOCK_BYTES = 16384, ALIGN = _Alignof(max_align_t) };

typedef struct lt_arena_block {
    struct lt_arena_block *next;
    size_t used, cap;
    _Alignas(max_align_t) char bytes[];
} block;

typedef struct lt_arena_hook {
    struct lt_arena_hook *next;
    void (*release)(void *);
    void *object;
} hook;

void lt_arena_done(lt_arena *a)
{
    for (hook *h = a->hooks; h; h = h->next)
        h->release(h->object);
    for (block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        lt_free(b);
    }
    *a = (lt_arena){0};
}

/* A new block behind the newest when it is only for one large piece: the newest still has room. */
static block *add_block(lt_arena *a, size_t need)
{
    size_t cap = need > BLOCK_BYTES / 4 ? need : BLOCK_BYTES, size;
    block *b = lt_add_size(cap, sizeof *b, &size) ? lt_malloc(size) : NULL;

    if (!b)
        return NULL;
    *b = (block){.cap = cap};
    if (cap == need && a->blocks) {
        b->next = a->blocks->next;
        a->blocks->next = b;
    } else {
        b->next = a->blocks;
        a->blocks = b;
    }
    return b;
}

void *lt_arena_alloc(lt_arena *a, size_t n, size_t size)
{
    size_t need;
    block *b = a->blocks;

    if (!lt_mul_size(n, size, &need) || !lt_add_size(need, ALIGN - 1, &need))
        return NULL;
    need &= ~(size_t)(ALIGN - 1);
    if (!b || b->cap - b->used < need)
        b = add_block(a, need);
    if (!b)
        return NULL;
    void *p = b->bytes + b->used;

    b->used += need;
    return memset(p, 0, need);
}

char *lt_arena_strndup(lt_arena *a, const char *s, size_t n)
{
    char *copy = lt_arena_alloc(a, n + 1, 1);

    if (copy && n)
        memcpy(copy, s, n);
    return copy;
}

lt_status lt_arena_defer(lt_arena *a, void (*release)(void *), void *object, lt_error *err)
{
    hook *h = lt_arena_alloc(a, 1, sizeof *h);

    if (!h) {
        release(object);
        return lt_fail_nomem(err);
    }
    *h = (hook){a->hooks, release, object};
    a->hooks = h;
    return LT_OK;
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
