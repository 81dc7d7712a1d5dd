/* SPDX-License-Identifier: Apache-2.0
 * AVX2 + FMA over float32. One row: four accumulators hide the latency of the fused multiply-add.
 * Four rows: one accumulator each, the query is loaded once. Tails are masked loads. `op` is a
 * constant wherever these inline functions end up. */
#if defined(__x86_64__)
#include <immintrin.h>

#include "levels.h"

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE TARGET static inline __attribute__((always_inline))

enum op { DOT, L2, L1 };

INLINE float sum8(__m256 v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* The mask of the first n (< 8) lanes. */
INLINE __m256i first(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE __m256 step(enum op op, __m256 acc, __m256 a, __m256 b)
{
    if (op == DOT)
        return _mm256_fmadd_ps(a, b, acc);
    __m256 d = _mm256_sub_ps(a, b);

    if (op == L2)
        return _mm256_fmadd_ps(d, d, acc);
    return _mm256_add_ps(acc, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), d));
}

INLINE float one(enum op op, const float *a, const float *b, size_t n)
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        s0 = step(op, s0, _mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
        s1 = step(op, s1, _mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8));
        s2 = step(op, s2, _mm256_loadu_ps(a + i + 16), _mm256_loadu_ps(b + i + 16));
        s3 = step(op, s3, _mm256_loadu_ps(a + i + 24), _mm256_loadu_ps(b + i + 24));
    }
    for (; i + 8 <= n; i += 8)
        s0 = step(op, s0, _mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
    if (i < n) {
        __m256i m = first(n - i);

        s1 = step(op, s1, _mm256_maskload_ps(a + i, m), _mm256_maskload_ps(b + i, m));
    }
    return sum8(_mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3)));
}

INLINE void four(enum op op, const float *q, const float *const r[4], size_t n, float out[4])
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m256 v = _mm256_loadu_ps(q + i);

        s0 = step(op, s0, v, _mm256_loadu_ps(r[0] + i));
        s1 = step(op, s1, v, _mm256_loadu_ps(r[1] + i));
        s2 = step(op, s2, v, _mm256_loadu_ps(r[2] + i));
        s3 = step(op, s3, v, _mm256_loadu_ps(r[3] + i));
    }
    if (i < n) {
        __m256i m = first(n - i);
        __m256 v = _mm256_maskload_ps(q + i, m);

        s0 = step(op, s0, v, _mm256_maskload_ps(r[0] + i, m));
        s1 = step(op, s1, v, _mm256_maskload_ps(r[1] + i, m));
        s2 = step(op, s2, v, _mm256_maskload_ps(r[2] + i, m));
        s3 = step(op, s3, v, _mm256_maskload_ps(r[3] + i, m));
    }
    __m256 t = _mm256_hadd_ps(_mm256_hadd_ps(s0, s1), _mm256_hadd_ps(s2, s3));

    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(t), _mm256_extractf128_ps(t, 1)));
}

INLINE void many(enum op op, const float *query, const float *base, size_t stride, size_t dims,
                 size_t n, float *out)
{
    size_t i = 0;

    for (; i + 4 <= n; i += 4, base += 4 * stride) {
        const float *const r[4] = {base, base + stride, base + 2 * stride, base + 3 * stride};

        four(op, query, r, dims, out + i);
    }
    for (; i < n; i++, base += stride)
        out[i] = one(op, query, base, dims);
}

/* Rows that fill no group of four are repeated: a row's result does not depend on its place. */
INLINE void rows(enum op op, const float *query, const float *const *row, size_t dims, size_t n,
                 float *out)
{
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        four(op, query, row + i, dims, out + i);
    if (i < n) {
        size_t last = n - 1;
        const float *const r[4] = {row[i], row[i + 1 < n ? i + 1 : last],
                                   row[i + 2 < n ? i + 2 : last], row[last]};
        float t[4];

        four(op, query, r, dims, t);
        for (size_t k = 0; i + k < n; k++)
            out[i + k] = t[k];
    }
}

#define KERNELS(name, op)                                                                      \
    TARGET static float name(const float *a, const float *b, size_t n)                         \
    {                                                                                          \
        return one(op, a, b, n);                                                               \
    }                                                                                          \
    TARGET static void name##_many(const float *query, const float *base, size_t stride,       \
                                   size_t dims, size_t n, float *out)                          \
    {                                                                                          \
        many(op, query, base, stride, dims, n, out);                                           \
    }                                                                                          \
    TARGET static void name##_rows(const float *query, const float *const *row, size_t dims,   \
                                   size_t n, float *out)                                       \
    {                                                                                          \
        rows(op, query, row, dims, n, out);                                                    \
    }

KERNELS(dot, DOT)
KERNELS(l2, L2)
KERNELS(l1, L1)

const lt_kern lt_kern_avx2 = {
    .name = "avx2",
    .dot = dot,
    .l2 = l2,
    .l1 = l1,
    .dot_many = dot_many,
    .l2_many = l2_many,
    .l1_many = l1_many,
    .dot_rows = dot_rows,
    .l2_rows = l2_rows,
    .l1_rows = l1_rows,
    .dot_f16 = lt_avx2_dot_f16,
    .l2_f16 = lt_avx2_l2_f16,
    .l1_f16 = lt_avx2_l1_f16,
    .f16_from_f32 = lt_avx2_f16_from_f32,
    .f32_from_f16 = lt_avx2_f32_from_f16,
    .dot_u8 = lt_avx2_dot_u8,
    .l2_u8 = lt_avx2_l2_u8,
    .l1_u8 = lt_avx2_l1_u8,
    .dot_i8 = lt_avx2_dot_i8,
    .hamming = lt_avx2_hamming,
    .dot_i8u8_rows = lt_avx2_dot_i8u8_rows,
    .dot_bits = lt_avx2_dot_bits,
    .dot_sparse = lt_avx2_dot_sparse,
};
#else
typedef int lt_kern_avx2_other;
#endif
