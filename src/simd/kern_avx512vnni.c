/* SPDX-License-Identifier: Apache-2.0
 * AVX-512 with VNNI and VPOPCNTDQ (Ice Lake, Zen 4 and later): byte products four to a lane in one
 * instruction, bits counted in one. Floats are those of kern_avx512.c. */
#if defined(__x86_64__)
#include <string.h>

#include "avx512.h"
#include "levels.h"

#define TARGET __attribute__((target(LT_AVX512 ",avx512vnni,avx512vpopcntdq")))

/* VPDPBUSD multiplies unsigned by signed bytes. b - 128 is b with its top bit turned over, and
 * a.b = a.(b - 128) + 128 * sum(a). Lanes that the mask leaves out have a = 0. */
TARGET static uint32_t dot_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
    const __m512i top = _mm512_set1_epi8((char)0x80);
    __m512i s = _mm512_setzero_si512(), sum_a = s;

    for (size_t i = 0; i < n; i += 64) {
        __mmask64 m = lt_first64(n - i);
        __m512i x = _mm512_maskz_loadu_epi8(m, a + i), y = _mm512_maskz_loadu_epi8(m, b + i);

        s = _mm512_dpbusd_epi32(s, x, _mm512_xor_si512(y, top));
        sum_a = _mm512_add_epi64(sum_a, _mm512_sad_epu8(x, _mm512_setzero_si512()));
    }
    return lt_sum_epi32(s) + 128u * (uint32_t)_mm512_reduce_add_epi64(sum_a);
}

TARGET static uint32_t l2_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
    __m512i s = _mm512_setzero_si512(), t = s;

    for (size_t i = 0; i < n; i += 64) {
        __mmask64 m = lt_first64(n - i);
        __m512i x = _mm512_maskz_loadu_epi8(m, a + i), y = _mm512_maskz_loadu_epi8(m, b + i);
        __m512i d = _mm512_or_si512(_mm512_subs_epu8(x, y), _mm512_subs_epu8(y, x)); /* |x - y| */
        __m512i even = _mm512_and_si512(d, _mm512_set1_epi16(255)), odd = _mm512_srli_epi16(d, 8);

        s = _mm512_dpwssd_epi32(s, even, even);
        t = _mm512_dpwssd_epi32(t, odd, odd);
    }
    return lt_sum_epi32(_mm512_add_epi32(s, t));
}

/* a.b = (a + 128).b - 128 * sum(b). Lanes that the mask leaves out have b = 0. */
TARGET static int32_t dot_i8(const int8_t *a, const int8_t *b, size_t n)
{
    const __m512i top = _mm512_set1_epi8((char)0x80);
    __m512i s = _mm512_setzero_si512(), sum_b = s;

    for (size_t i = 0; i < n; i += 64) {
        __mmask64 m = lt_first64(n - i);
        __m512i x = _mm512_maskz_loadu_epi8(m, a + i), y = _mm512_maskz_loadu_epi8(m, b + i);

        s = _mm512_dpbusd_epi32(s, _mm512_xor_si512(x, top), y);
        sum_b = _mm512_dpbusd_epi32(sum_b, top, y);
    }
    return (int32_t)(lt_sum_epi32(s) - lt_sum_epi32(sum_b));
}

TARGET static uint32_t hamming(const uint64_t *a, const uint64_t *b, size_t n)
{
    __m512i s = _mm512_setzero_si512();

    for (size_t i = 0; i < n; i += 8) {
        __mmask8 m = lt_first8(n - i);
        __m512i d = _mm512_xor_si512(_mm512_maskz_loadu_epi64(m, a + i),
                                     _mm512_maskz_loadu_epi64(m, b + i));

        s = _mm512_add_epi64(s, _mm512_popcnt_epi64(d));
    }
    return (uint32_t)_mm512_reduce_add_epi64(s);
}

/* Four sums as four lanes. */
TARGET static inline __m128i sums_epi32(__m512i a, __m512i b, __m512i c, __m512i d)
{
#define HALF(v) _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1))
    __m256i s = _mm256_hadd_epi32(_mm256_hadd_epi32(HALF(a), HALF(b)),
                                  _mm256_hadd_epi32(HALF(c), HALF(d)));
#undef HALF
    return _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
}

TARGET static inline void four_i8u8(const int8_t *query, const uint8_t *const rows[4], size_t dims,
                                    int32_t *out)
{
    __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;

    for (size_t i = 0; i < dims; i += 64) {
        __mmask64 m = lt_first64(dims - i);
        __m512i q = _mm512_maskz_loadu_epi8(m, query + i);

        a = _mm512_dpbusd_epi32(a, _mm512_maskz_loadu_epi8(m, rows[0] + i), q);
        b = _mm512_dpbusd_epi32(b, _mm512_maskz_loadu_epi8(m, rows[1] + i), q);
        c = _mm512_dpbusd_epi32(c, _mm512_maskz_loadu_epi8(m, rows[2] + i), q);
        d = _mm512_dpbusd_epi32(d, _mm512_maskz_loadu_epi8(m, rows[3] + i), q);
    }
    _mm_storeu_si128((__m128i *)out, sums_epi32(a, b, c, d));
}

TARGET static void dot_i8u8_rows(const int8_t *query, const uint8_t *const *rows, size_t dims,
                                 size_t n, int32_t *out)
{
    lt_i8u8_by_fours(four_i8u8, query, rows, dims, n, out);
}

/* The eight planes of a word are one register; a lane sums what its plane counts. */
TARGET static int32_t dot_bits(const uint64_t *planes, const uint64_t *bits, size_t n_words)
{
    __m512i n = _mm512_setzero_si512();
    const __m512i places = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);

    for (size_t w = 0; w < n_words; w++) {
        __m512i word = _mm512_set1_epi64((long long)bits[w]);
        __m512i p = _mm512_loadu_si512(planes + 8 * w);

        n = _mm512_add_epi64(n, _mm512_popcnt_epi64(_mm512_and_si512(word, p)));
    }
    n = _mm512_sllv_epi64(n, places);
    n = _mm512_mask_sub_epi64(n, 0x80, _mm512_setzero_si512(), n);
    return (int32_t)_mm512_reduce_add_epi64(n);
}

const lt_kern lt_kern_avx512vnni = {
    .name = "avx512vnni",
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
    .dot_u8 = dot_u8,
    .l2_u8 = l2_u8,
    .l1_u8 = lt_avx512_l1_u8,
    .dot_i8 = dot_i8,
    .hamming = hamming,
    .dot_i8u8_rows = dot_i8u8_rows,
    .dot_bits = dot_bits,
    .dot_sparse = lt_avx512_dot_sparse,
};
#else
typedef int lt_kern_avx512vnni_other;
#endif
