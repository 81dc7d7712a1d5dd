/* SPDX-License-Identifier: Apache-2.0
 * Sets of slots as plain words, a bit a slot: what filters are computed in. */
#ifndef LT_INDEX_PIDX_BITS_H
#define LT_INDEX_PIDX_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t lt_bits_words(size_t n_slots)
{
    return (n_slots + 63) / 64;
}

static inline bool lt_bits_has(const uint64_t *bits, uint32_t slot)
{
    return bits[slot / 64] >> (slot % 64) & 1;
}

static inline void lt_bits_set(uint64_t *bits, uint32_t slot)
{
    bits[slot / 64] |= (uint64_t)1 << (slot % 64);
}

static inline void lt_bits_clear(uint64_t *bits, uint32_t slot)
{
    bits[slot / 64] &= ~((uint64_t)1 << (slot % 64));
}

static inline void lt_bits_and(uint64_t *a, const uint64_t *b, size_t n_words)
{
    for (size_t i = 0; i < n_words; i++)
        a[i] &= b[i];
}

static inline void lt_bits_and_not(uint64_t *a, const uint64_t *b, size_t n_words)
{
    for (size_t i = 0; i < n_words; i++)
        a[i] &= ~b[i];
}

static inline void lt_bits_or(uint64_t *a, const uint64_t *b, size_t n_words)
{
    for (size_t i = 0; i < n_words; i++)
        a[i] |= b[i];
}

static inline size_t lt_bits_count(const uint64_t *a, size_t n_words)
{
    size_t n = 0;

    for (size_t i = 0; i < n_words; i++)
        n += (size_t)__builtin_popcountll(a[i]);
    return n;
}

static inline bool lt_bits_any(const uint64_t *a, size_t n_words)
{
    for (size_t i = 0; i < n_words; i++)
        if (a[i])
            return true;
    return false;
}

#endif
