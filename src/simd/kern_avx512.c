/* SPDX-License-Identifier: Apache-2.0
 * AVX-512 over float32. One row: four accumulators. Four rows: the query is loaded once, two
 * accumulators each. The tail is one masked load, so no dimension pays for not being a multiple of
 * 16. `op` is a constant wherever these inline functions end up. */
#if defined(__x86_64__)
#include "avx512.h"
#include "levels.h"

#define TARGET __attribute__((target(LT_AVX512)))
#define INLINE TARGET static inline __attribute__((always_inline))

enum op { DOT, L2, L1 };

INLINE __m512 step(enum op op, __m512 acc, __m512 a, __m512 b)
{
    if (op == DOT)
        return _mm512_fmadd_ps(a, b, acc);
    __m512 d = _mm512_sub_ps(a, b);

    if (op == L2)
        return _mm512_fmadd_ps(d, d, acc);
    return _mm512_add_ps(acc, _mm512_abs_ps(d));
}

INLINE float one(enum op op, const float *a, const float *b, size_t n)
{
    __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;

    for (; i + 64 <= n; i += 64) {
        s0 = step(op, s0, _mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
        s1 = step(op, s1, _mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16));
        s2 = step(op, s2, _mm512_loadu_ps(a + i + 32), _mm512_loadu_ps(b + i + 32));
        s3 = step(op, s3, _mm512_loadu_ps(a + i + 48), _mm512_loadu_ps(b + i + 48));
    }
    for (; i + 16 <= n; i += 16)
        s0 = step(op, s0, _mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
    if (i < n) {
        __mmask16 m = lt_first16(n - i);

        s1 = step(op, s1, _mm512_maskz_loadu_ps(m, a + i), _mm512_maskz_loadu_ps(m, b + i));
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)));
}

INLINE __m256 fold(__m512 v)
{
    return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
}

INLINE void four(enum op op, const float *q, const float *const r[4], size_t n, float *out)
{
    __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0, t0 = s0, t1 = s0, t2 = s0, t3 = s0;
    const float *r0 = r[0], *r1 = r[1], *r2 = r[2], *r3 = r[3];
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        __m512 v = _mm512_loadu_ps(q + i), w = _mm512_loadu_ps(q + i + 16);

        s0 = step(op, s0, v, _mm512_loadu_ps(r0 + i));
        s1 = step(op, s1, v, _mm512_loadu_ps(r1 + i));
        s2 = step(op, s2, v, _mm512_loadu_ps(r2 + i));
        s3 = step(op, s3, v, _mm512_loadu_ps(r3 + i));
        t0 = step(op, t0, w, _mm512_loadu_ps(r0 + i + 16));
        t1 = step(op, t1, w, _mm512_loadu_ps(r1 + i + 16));
        t2 = step(op, t2, w, _mm512_loadu_ps(r2 + i + 16));
        t3 = step(op, t3, w, _mm512_loadu_ps(r3 + i + 16));
    }
    for (; i < n; i += 16) {
        __mmask16 m = lt_first16(n - i);
        __m512 v = _mm512_maskz_loadu_ps(m, q + i);

        s0 = step(op, s0, v, _mm512_maskz_loadu_ps(m, r0 + i));
        s1 = step(op, s1, v, _mm512_maskz_loadu_ps(m, r1 + i));
        s2 = step(op, s2, v, _mm512_maskz_loadu_ps(m, r2 + i));
        s3 = step(op, s3, v, _mm512_maskz_loadu_ps(m, r3 + i));
    }
    __m256 a = fold(_mm512_add_ps(s0, t0)), b = fold(_mm512_add_ps(s1, t1));
    __m256 c = fold(_mm512_add_ps(s2, t2)), d = fold(_mm512_add_ps(s3, t3));
    __m256 t = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));

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
    TARGET float name(const float *a, const float *b, size_t n)                                \
    {                                                                                          \
        return one(op, a, b, n);                                                               \
    }                                                                                          \
    TARGET void name##_many(const float *query, const float *base, size_t stride, size_t dims, \
                            size_t n, float *out)                                              \
    {                                                                                          \
        many(op, query, base, stride, dims, n, out);                                           \
    }                                                                                          \
    TARGET void name##_rows(const float *query, const float *const *row, size_t dims,          \
                            size_t n, float *out)                                              \
    {                                                                                          \
        rows(op, query, row, dims, n, out);                                                    \
    }

KERNELS(lt_avx512_dot, DOT)
KERNELS(lt_avx512_l2, L2)
KERNELS(lt_avx512_l1, L1)

const lt_kern lt_kern_avx512 = {
    .name = "avx512",
    .dot = lt_avx512_dot,
    .l2 = lt_avx512_l2,
    .l1 = lt_avx512_l1,
    .dot_many = lt_avx512_dot_many,
    .l2_many = lt_avx512_l2_many,
    .l1_many = lt_avx512_l1_many,
    .dot_rows = lt_avx512_dot_rows,
    .l2_rows = lt_avx512_l2_rows,
    .l1_rows = lt_avx512_l1_rows,
    .dot_f16 = lt_avx512_dot_f16,
    .l2_f16 = lt_avx512_l2_f16,
    .l1_f16 = lt_avx512_l1_f16,
    .f16_from_f32 = lt_avx512_f16_from_f32,
    .f32_from_f16 = lt_avx512_f32_from_f16,
    .dot_u8 = lt_avx512_dot_u8,
    .l2_u8 = lt_avx512_l2_u8,
    .l1_u8 = lt_avx512_l1_u8,
    .dot_i8 = lt_avx512_dot_i8,
    .hamming = lt_avx2_hamming,
    .dot_i8u8_rows = lt_avx2_dot_i8u8_rows,
    .dot_bits = lt_avx2_dot_bits,
    .dot_sparse = lt_avx512_dot_sparse,
};
#else
typedef int lt_kern_avx512_other;
#endif
