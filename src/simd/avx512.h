/* SPDX-License-Identifier: Apache-2.0
 * What the AVX-512 files share: masks of tails, the sum of the lanes. */
#ifndef LT_SIMD_AVX512_H
#define LT_SIMD_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define LT_AVX512 "avx512f,avx512bw,avx512dq,avx512vl"
#define LT_AVX512_INLINE \
    __attribute__((target(LT_AVX512), always_inline)) static inline

/* The masks of the first n lanes; all of them where n is larger. */
LT_AVX512_INLINE __mmask8 lt_first8(size_t n)
{
    return (__mmask8)(n >= 8 ? 0xffu : (1u << n) - 1u);
}

LT_AVX512_INLINE __mmask16 lt_first16(size_t n)
{
    return (__mmask16)(n >= 16 ? 0xffffu : (1u << n) - 1u);
}

LT_AVX512_INLINE __mmask32 lt_first32(size_t n)
{
    return n >= 32 ? 0xffffffffu : (1u << n) - 1u;
}

LT_AVX512_INLINE __mmask64 lt_first64(size_t n)
{
    return n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}

/* Modulo 2^32. The compiler's own reduction adds signed numbers, and UBSan sees it overflow. */
LT_AVX512_INLINE uint32_t lt_sum_epi32(__m512i v)
{
    __m256i h = _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1));

    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(s);
}

#endif
