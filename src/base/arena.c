/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <stdint.h>
#include <string.h>

#include "mem.h"

/* Blocks begin small, for most requests are, and what malloc keeps at the top of its heap it gives
 * back to the system as soon as that is much. */
enum { BLOCK_MIN = 4 * 1024, BLOCK_MAX = 64 * 1024 };
enum { SMALL = 16, LARGE = 64 }; /* alignments */

struct lt_arena_block {
    lt_arena_block *next;
    size_t size;
    _Alignas(SMALL) char bytes[];
};

bool lt_arena_charge(lt_arena *a, size_t bytes)
{
    if (a->limit && bytes > a->limit - a->held) {
        a->over = true;
        return false;
    }
    a->held += bytes;
    return true;
}

static lt_arena_block *new_block(lt_arena *a, size_t size)
{
    size_t whole;

    if (!lt_add_size(size, sizeof(lt_arena_block), &whole) || !lt_arena_charge(a, whole))
        return NULL;
    lt_arena_block *b = lt_malloc(whole);

    if (b)
        b->size = size;
    return b;
}

/* Twice what the newest block has. */
static size_t next_size(const lt_arena *a)
{
    if (!a->blocks)
        return BLOCK_MIN;
    return a->blocks->size < BLOCK_MAX / 2 ? a->blocks->size * 2 : BLOCK_MAX;
}

/* Bytes to leave out so that what follows p is aligned. */
static size_t padding(const char *p, size_t align)
{
    return (align - (uintptr_t)p % align) % align;
}

static void *take(lt_arena *a, size_t n, size_t size, size_t align)
{
    size_t bytes;

    if (!lt_mul_size(n, size, &bytes) || bytes > SIZE_MAX - 2 * LARGE)
        return NULL;
    bytes = bytes ? (bytes + SMALL - 1) / SMALL * SMALL : SMALL;
    if (a->blocks) {
        size_t begin = a->used + padding(a->blocks->bytes + a->used, align);

        if (begin <= a->blocks->size && bytes <= a->blocks->size - begin) {
            a->used = begin + bytes;
            return a->blocks->bytes + begin;
        }
    }
    size_t room = next_size(a);
    bool alone = bytes + align > room;
    lt_arena_block *b = new_block(a, alone ? bytes + align : room);

    if (!b)
        return NULL;
    size_t begin = padding(b->bytes, align);

    /* What is larger than a block goes behind the one that still has room. */
    if (alone && a->blocks) {
        b->next = a->blocks->next;
        a->blocks->next = b;
    } else {
        b->next = a->blocks;
        a->blocks = b;
        a->used = begin + bytes;
    }
    return b->bytes + begin;
}

void *lt_arena_take(lt_arena *a, size_t n, size_t size)
{
    return take(a, n, size, SMALL);
}

void *lt_arena_alloc(lt_arena *a, size_t n, size_t size)
{
    void *p = take(a, n, size, LARGE);

    return p ? memset(p, 0, n * size) : NULL;
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
    *a = (lt_arena){.limit = a->limit};
}
