/* SPDX-License-Identifier: Apache-2.0
 * AVX-512 (F, BW, DQ, VL) over float16, bytes and sparse vectors; tails are masked loads. */
#if defined(__x86_64__)
#include "avx512.h"
#include "levels.h"

#define TARGET __attribute__((target(LT_AVX512)))
#define INLINE TARGET static inline __attribute__((always_inline))

enum op { DOT, L2, L1 };

/* ---- float16 --------------------------------------------------------------------------------- */

INLINE __m512 step_f16(enum op op, __m512 acc, __m512 a, __m512 b)
{
    if (op == DOT)
        return _mm512_fmadd_ps(a, b, acc);
    __m512 d = _mm512_sub_ps(a, b);

    if (op == L2)
        return _mm512_fmadd_ps(d, d, acc);
    return _mm512_add_ps(acc, _mm512_abs_ps(d));
}

INLINE __m512 half16(const uint16_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

INLINE float one_f16(enum op op, const float *q, const uint16_t *row, size_t n)
{
    __m512 s0 = _mm512_setzero_ps(), s1 = s0;
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        s0 = step_f16(op, s0, _mm512_loadu_ps(q + i), half16(row + i));
        s1 = step_f16(op, s1, _mm512_loadu_ps(q + i + 16), half16(row + i + 16));
    }
    for (; i < n; i += 16) {
        __mmask16 m = lt_first16(n - i);

        s0 = step_f16(op, s0, _mm512_maskz_loadu_ps(m, q + i),
                      _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, row + i)));
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(s0, s1));
}

TARGET float lt_avx512_dot_f16(const float *query, const uint16_t *row, size_t n)
{
    return one_f16(DOT, query, row, n);
}

TARGET float lt_avx512_l2_f16(const float *query, const uint16_t *row, size_t n)
{
    return one_f16(L2, query, row, n);
}

TARGET float lt_avx512_l1_f16(const float *query, const uint16_t *row, size_t n)
{
    return one_f16(L1, query, row, n);
}

TARGET void lt_avx512_f16_from_f32(const float *in, uint16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 m = lt_first16(n - i);
        __m256i h = _mm512_maskz_cvtps_ph(m, _mm512_maskz_loadu_ps(m, in + i),
                                          _MM_FROUND_TO_NEAREST_INT);

        _mm256_mask_storeu_epi16(out + i, m, h);
    }
}

TARGET void lt_avx512_f32_from_f16(const uint16_t *in, float *out, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 m = lt_first16(n - i);

        _mm512_mask_storeu_ps(out + i, m, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, in + i)));
    }
}

/* ---- bytes, widened to 16 bits, so nothing saturates ----------------------------------------- */

INLINE __m512i wide_u8(__mmask32 m, const uint8_t *p)
{
    return _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(m, p));
}

INLINE uint32_t one_u8(enum op op, const uint8_t *a, const uint8_t *b, size_t n)
{
    __m512i s = _mm512_setzero_si512();

    for (size_t i = 0; i < n; i += 32) {
        __mmask32 m = lt_first32(n - i);
        __m512i x = wide_u8(m, a + i), y = wide_u8(m, b + i);

        if (op == L2)
            x = y = _mm512_sub_epi16(x, y);
        s = _mm512_add_epi32(s, _mm512_madd_epi16(x, y));
    }
    return lt_sum_epi32(s);
}

TARGET uint32_t lt_avx512_dot_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
    return one_u8(DOT, a, b, n);
}

TARGET uint32_t lt_avx512_l2_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
    return one_u8(L2, a, b, n);
}

TARGET uint32_t lt_avx512_l1_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
    __m512i s = _mm512_setzero_si512();

    for (size_t i = 0; i < n; i += 64) {
        __mmask64 m = lt_first64(n - i);

        s = _mm512_add_epi64(s, _mm512_sad_epu8(_mm512_maskz_loadu_epi8(m, a + i),
                                                _mm512_maskz_loadu_epi8(m, b + i)));
    }
    return (uint32_t)_mm512_reduce_add_epi64(s);
}

TARGET int32_t lt_avx512_dot_i8(const int8_t *a, const int8_t *b, size_t n)
{
    __m512i s = _mm512_setzero_si512();

    for (size_t i = 0; i < n; i += 32) {
        __mmask32 m = lt_first32(n - i);
        __m512i x = _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(m, a + i));
        __m512i y = _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(m, b + i));

        s = _mm512_add_epi32(s, _mm512_madd_epi16(x, y));
    }
    return (int32_t)lt_sum_epi32(s);
}

/* ---- sparse ---------------------------------------------------------------------------------- */

/* Each index of the shorter list is looked for among sixteen of the longer one at once. */
TARGET float lt_avx512_dot_sparse(const lt_sparse *a, const lt_sparse *b)
{
    float s = 0;
    size_t j = 0;

    if (a->n > b->n) {
        const lt_sparse *t = a;

        a = b;
        b = t;
    }
    for (size_t i = 0; i < a->n; i++) {
        uint32_t x = a->index[i];

        while (j + 16 <= b->n && b->index[j + 15] < x)
            j += 16;
        __mmask16 m = lt_first16(b->n - j);
        __mmask16 found = _mm512_mask_cmpeq_epi32_mask(
            m, _mm512_maskz_loadu_epi32(m, b->index + j), _mm512_set1_epi32((int)x));

        if (found)
            s += a->value[i] * b->value[j + (size_t)__builtin_ctz(found)];
    }
    return s;
}
#else
typedef int lt_kern_avx512_small_other;
#endif
