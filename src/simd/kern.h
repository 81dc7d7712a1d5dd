/* SPDX-License-Identifier: Apache-2.0
 * Distance kernels. One table a CPU level, chosen once; callers fetch it once a query.
 *
 * What holds for every kernel of every level:
 * - pointers need only their element's own alignment; nothing outside the n elements is read;
 * - n = 0 gives 0;
 * - integer kernels are exact for n up to LT_LIMIT_DIMS, float kernels differ between levels only
 *   in the order of their sums;
 * - a NaN among the elements makes a float result NaN; an infinity makes l2 and l1 infinite (NaN
 *   against an equal infinity) and dot infinite, or NaN against a zero. */
#ifndef LT_SIMD_KERN_H
#define LT_SIMD_KERN_H

#include <stddef.h>
#include <stdint.h>

typedef float (*lt_kern_f32)(const float *a, const float *b, size_t n);
/* out[i] = kernel(query, base + i * stride) for i < n; stride in floats. */
typedef void (*lt_kern_f32_many)(const float *query, const float *base, size_t stride, size_t dims,
                                 size_t n, float *out);
/* out[i] = kernel(query, rows[i]) for i < n. Four rows share each load of the query. The same row
 * gives the same bits wherever it stands. The caller has prefetched the rows where that pays. */
typedef void (*lt_kern_f32_rows)(const float *query, const float *const *rows, size_t dims,
                                 size_t n, float *out);
/* A float32 query against a float16 row (IEEE binary16 bits). */
typedef float (*lt_kern_f16)(const float *query, const uint16_t *row, size_t n);
typedef uint32_t (*lt_kern_u8)(const uint8_t *a, const uint8_t *b, size_t n);
typedef int32_t (*lt_kern_i8)(const int8_t *a, const int8_t *b, size_t n);
/* out[i] = the product of the query and rows[i], as lt_kern_f32_rows. */
typedef void (*lt_kern_i8u8_rows)(const int8_t *query, const uint8_t *const *rows, size_t dims,
                                  size_t n, int32_t *out);

/* A sparse vector: n values at strictly ascending indices. */
typedef struct lt_sparse {
    const uint32_t *index;
    const float *value;
    size_t n;
} lt_sparse;

typedef struct lt_kern {
    const char *name; /* "scalar", "avx2", "avx512", "avx512vnni", "neon" */
    lt_kern_f32 dot;
    lt_kern_f32 l2; /* squared */
    lt_kern_f32 l1;
    lt_kern_f32_many dot_many, l2_many, l1_many;
    lt_kern_f32_rows dot_rows, l2_rows, l1_rows;

    lt_kern_f16 dot_f16, l2_f16, l1_f16;
    /* Rounds to nearest, ties to even; beyond 65504 to infinity; NaN stays NaN. */
    void (*f16_from_f32)(const float *in, uint16_t *out, size_t n);
    void (*f32_from_f16)(const uint16_t *in, float *out, size_t n); /* exact */

    lt_kern_u8 dot_u8, l2_u8, l1_u8; /* l2 squared */
    lt_kern_i8 dot_i8;
    /* Bits that differ in n words. */
    uint32_t (*hamming)(const uint64_t *a, const uint64_t *b, size_t n);
    /* Quantised rows of bytes, and of bits: the sum of the weights at the bits that are set. Bit k
     * of the weight of bit i of word w is bit i of planes[8 w + k]; the last plane is the sign. */
    lt_kern_i8u8_rows dot_i8u8_rows;
    int32_t (*dot_bits)(const uint64_t *planes, const uint64_t *bits, size_t n_words);
    float (*dot_sparse)(const lt_sparse *a, const lt_sparse *b);
} lt_kern;

/* The best table that this CPU and operating system can run; LT_CPU=scalar|avx2|avx512|avx512vnni|
 * neon in the environment asks for a lower one. Thread-safe, cheap after the first call. */
const lt_kern *lt_kern_get(void);
/* The table of a level, or NULL where it is unknown or cannot run here. */
const lt_kern *lt_kern_named(const char *name);
/* The names of all levels that exist, best first, on any architecture; NULL behind the last. */
extern const char *const lt_kern_names[];

#endif
