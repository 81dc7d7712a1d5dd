/* SPDX-License-Identifier: Apache-2.0
 * Between the files of this folder: the tables, the kernels that one level lends to another, and
 * what the CPU has. */
#ifndef LT_SIMD_LEVELS_H
#define LT_SIMD_LEVELS_H

#include <stdbool.h>
#include <string.h>

#include "kern.h"

extern const lt_kern lt_kern_scalar;

#if defined(__x86_64__)
extern const lt_kern lt_kern_avx2;
extern const lt_kern lt_kern_avx512;
extern const lt_kern lt_kern_avx512vnni;

/* What instructions may be used: the CPU has them (CPUID) and the operating system saves their
 * registers (XGETBV). */
typedef struct lt_cpu {
    bool avx2;       /* AVX2, FMA, F16C, POPCNT */
    bool avx512;     /* and AVX-512 F, BW, DQ, VL */
    bool avx512vnni; /* and VNNI, VPOPCNTDQ */
} lt_cpu;
lt_cpu lt_cpu_detect(void);

/* What measures four rows at once. */
typedef void (*lt_four_i8u8)(const int8_t *query, const uint8_t *const *rows, size_t dims,
                             int32_t *out);
/* All n rows by fours; at the end a row stands in for those that lack. */
static inline __attribute__((always_inline)) void lt_i8u8_by_fours(
    lt_four_i8u8 four, const int8_t *query, const uint8_t *const *rows, size_t dims, size_t n,
    int32_t *out)
{
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        four(query, rows + i, dims, out + i);
    if (i < n) {
        const uint8_t *left[4];
        int32_t sums[4];

        for (size_t k = 0; k < 4; k++)
            left[k] = rows[i + k < n ? i + k : i];
        four(query, left, dims, sums);
        memcpy(out + i, sums, (n - i) * sizeof *out);
    }
}

/* kern_avx2_small.c */
uint32_t lt_avx2_dot_u8(const uint8_t *a, const uint8_t *b, size_t n);
uint32_t lt_avx2_l2_u8(const uint8_t *a, const uint8_t *b, size_t n);
uint32_t lt_avx2_l1_u8(const uint8_t *a, const uint8_t *b, size_t n);
int32_t lt_avx2_dot_i8(const int8_t *a, const int8_t *b, size_t n);
uint32_t lt_avx2_hamming(const uint64_t *a, const uint64_t *b, size_t n);
void lt_avx2_dot_i8u8_rows(const int8_t *query, const uint8_t *const *rows, size_t dims, size_t n,
                           int32_t *out);
int32_t lt_avx2_dot_bits(const uint64_t *planes, const uint64_t *bits, size_t n_words);
float lt_avx2_dot_sparse(const lt_sparse *a, const lt_sparse *b);
float lt_avx2_dot_f16(const float *query, const uint16_t *row, size_t n);
float lt_avx2_l2_f16(const float *query, const uint16_t *row, size_t n);
float lt_avx2_l1_f16(const float *query, const uint16_t *row, size_t n);
void lt_avx2_f16_from_f32(const float *in, uint16_t *out, size_t n);
void lt_avx2_f32_from_f16(const uint16_t *in, float *out, size_t n);

/* kern_avx512.c */
float lt_avx512_dot(const float *a, const float *b, size_t n);
float lt_avx512_l2(const float *a, const float *b, size_t n);
float lt_avx512_l1(const float *a, const float *b, size_t n);
void lt_avx512_dot_many(const float *query, const float *base, size_t stride, size_t dims, size_t n,
                        float *out);
void lt_avx512_l2_many(const float *query, const float *base, size_t stride, size_t dims, size_t n,
                       float *out);
void lt_avx512_l1_many(const float *query, const float *base, size_t stride, size_t dims, size_t n,
                       float *out);
void lt_avx512_dot_rows(const float *query, const float *const *rows, size_t dims, size_t n,
                        float *out);
void lt_avx512_l2_rows(const float *query, const float *const *rows, size_t dims, size_t n,
                       float *out);
void lt_avx512_l1_rows(const float *query, const float *const *rows, size_t dims, size_t n,
                       float *out);

/* kern_avx512_small.c */
float lt_avx512_dot_f16(const float *query, const uint16_t *row, size_t n);
float lt_avx512_l2_f16(const float *query, const uint16_t *row, size_t n);
float lt_avx512_l1_f16(const float *query, const uint16_t *row, size_t n);
void lt_avx512_f16_from_f32(const float *in, uint16_t *out, size_t n);
void lt_avx512_f32_from_f16(const uint16_t *in, float *out, size_t n);
uint32_t lt_avx512_dot_u8(const uint8_t *a, const uint8_t *b, size_t n);
uint32_t lt_avx512_l2_u8(const uint8_t *a, const uint8_t *b, size_t n);
uint32_t lt_avx512_l1_u8(const uint8_t *a, const uint8_t *b, size_t n);
int32_t lt_avx512_dot_i8(const int8_t *a, const int8_t *b, size_t n);
float lt_avx512_dot_sparse(const lt_sparse *a, const lt_sparse *b);
#endif

#if defined(__aarch64__)
extern const lt_kern lt_kern_neon;
#endif

#endif
