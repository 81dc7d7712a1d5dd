/* SPDX-License-Identifier: Apache-2.0
 * Memory: the only caller of libc's allocator, checked sizes, cleanup of locals. */
#ifndef LT_BASE_MEM_H
#define LT_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* All return NULL when there is no memory (or a test made the call fail). A size of 0 gives a
 * pointer that may be freed. */
void *lt_malloc(size_t size) __attribute__((malloc));
void *lt_calloc(size_t n, size_t size) __attribute__((malloc));
/* n * size with overflow check; the old block stays valid on failure. */
void *lt_realloc(void *p, size_t n, size_t size);
/* `items` with room for at least one more than `n`: itself while n < *cap, else twice as long. The old
 * block stays valid on failure. The twin for arenas: lt_arena_grow. */
void *lt_grow(void *items, size_t n, size_t *cap, size_t size);
void lt_free(void *p);
char *lt_strdup(const char *s) __attribute__((malloc));
char *lt_strndup(const char *s, size_t n) __attribute__((malloc));
/* 64-byte aligned, zeroed; freed with lt_free. */
void *lt_alloc_aligned(size_t n, size_t size) __attribute__((malloc));

/* For tests: the call number `n` from now fails (0: the next one), `sticky`: all after it too.
 * A negative n turns it off. */
void lt_mem_fail_at(long n, bool sticky);

/* false on overflow, then *out is untouched. */
bool lt_mul_size(size_t a, size_t b, size_t *out);
bool lt_add_size(size_t a, size_t b, size_t *out);

/* LT_CLEANUP(fn) T v: fn(&v) runs when v goes out of scope. */
#define LT_CLEANUP(fn) __attribute__((cleanup(fn)))
/* A local pointer freed at the end of its scope: LT_AUTOFREE char *s = ...; */
void lt_free_ptr(void *p);
#define LT_AUTOFREE LT_CLEANUP(lt_free_ptr)
/* Hands the pointer on and leaves NULL behind. */
#define lt_steal(p)                     \
    __extension__({                     \
        __typeof__(*(p)) lt_v_ = *(p);  \
        *(p) = NULL;                    \
        lt_v_;                          \
    })

#endif
