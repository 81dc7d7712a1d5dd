/* SPDX-License-Identifier: Apache-2.0
 * The only caller of libc's allocator. Tests can make any one allocation fail, which is how the
 * out-of-memory paths are walked (tests/oom); the counter costs one relaxed load otherwise. */
#include "mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static atomic_bool fail_armed;
static atomic_long fail_left;
static atomic_bool fail_sticky;

void lt_mem_fail_at(long n, bool sticky)
{
    atomic_store(&fail_left, n);
    atomic_store(&fail_sticky, sticky);
    atomic_store(&fail_armed, n >= 0);
}

static bool must_fail(void)
{
    if (!atomic_load_explicit(&fail_armed, memory_order_relaxed))
        return false;
    long left = atomic_fetch_sub(&fail_left, 1);

    return left == 0 || (left < 0 && atomic_load(&fail_sticky));
}

bool lt_mul_size(size_t a, size_t b, size_t *out)
{
    size_t r;

    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

bool lt_add_size(size_t a, size_t b, size_t *out)
{
    size_t r;

    if (__builtin_add_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

void *lt_malloc(size_t size)
{
    return must_fail() ? NULL : malloc(size ? size : 1);
}

void *lt_calloc(size_t n, size_t size)
{
    if (must_fail())
        return NULL;
    return n && size ? calloc(n, size) : calloc(1, 1);
}

void *lt_realloc(void *p, size_t n, size_t size)
{
    size_t total;

    if (!lt_mul_size(n, size, &total) || must_fail())
        return NULL;
    return realloc(p, total ? total : 1);
}

void *lt_grow(void *items, size_t n, size_t *cap, size_t size)
{
    enum { LEAST = 16 };

    if (n < *cap)
        return items;
    size_t more = *cap ? *cap * 2 : LEAST;
    void *grown = lt_realloc(items, more, size);

    if (grown)
        *cap = more;
    return grown;
}

void lt_free(void *p)
{
    free(p);
}

char *lt_strndup(const char *s, size_t n)
{
    char *copy = n < SIZE_MAX ? lt_malloc(n + 1) : NULL;

    if (!copy)
        return NULL;
    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *lt_strdup(const char *s)
{
    return lt_strndup(s, strlen(s));
}

void *lt_alloc_aligned(size_t n, size_t size)
{
    size_t total;

    if (!lt_mul_size(n, size, &total) || total > SIZE_MAX - 64 || must_fail())
        return NULL;
    total = total ? (total + 63) / 64 * 64 : 64;
    void *p = aligned_alloc(64, total);

    if (p)
        memset(p, 0, total);
    return p;
}

void lt_free_ptr(void *p)
{
    void **slot = p;

    free(*slot);
}
