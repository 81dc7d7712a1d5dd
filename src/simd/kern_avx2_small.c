/* SPDX-License-Identifier: Apache-2.0
 * AVX2 over float16 (F16C), bytes, bits and sparse vectors. Tails are copied into a zeroed block,
 * which adds nothing to any of these sums. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "levels.h"

#define TARGET __attribute__((target("avx2,fma,f16c,popcnt")))
#define INLINE TARGET static inline __attribute__((always_inline))

enum op { DOT, L2, L1 };

/* ---- float16 --------------------------------------------------------------------------------- */

INLINE __m256 half8(const uint16_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}

INLINE __m256 step_f16(enum op op, __m256 acc, __m256 a, __m256 b)
{
    if (op == DOT)
        return _mm256_fmadd_ps(a, b, acc);
    __m256 d = _mm256_sub_ps(a, b);

    if (op == L2)
        return _mm256_fmadd_ps(d, d, acc);
    return _mm256_add_ps(acc, _mm256_andnot_ps(_mm256_set1_ps(-0.0f), d));
}

INLINE float one_f16(enum op op, const float *q, const uint16_t *row, size_t n)
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        s0 = step_f16(op, s0, _mm256_loadu_ps(q + i), half8(row + i));
        s1 = step_f16(op, s1, _mm256_loadu_ps(q + i + 8), half8(row + i + 8));
    }
    for (; i < n; i += 8) {
        float qt[8] = {0};
        uint16_t rt[8] = {0};
        size_t m = n - i < 8 ? n - i : 8;

        memcpy(qt, q + i, m * sizeof *qt);
        memcpy(rt, row + i, m * sizeof *rt);
        s0 = step_f16(op, s0, _mm256_loadu_ps(qt), half8(rt));
    }
    s0 = _mm256_add_ps(s0, s1);
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(s0), _mm256_extractf128_ps(s0, 1));

    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

TARGET float lt_avx2_dot_f16(const float *query, const uint16_t *row, size_t n)
{
    return one_f16(DOT, query, row, n);
}

TARGET float lt_avx2_l2_f16(const float *query, const uint16_t *row, size_t n)
{
    return one_f16(L2, query, row, n);
}

TARGET float lt_avx2_l1_f16(const float *query, const uint16_t *row, size_t n)
{
    return one_f16(L1, query, row, n);
}

TARGET void lt_avx2_f16_from_f32(const float *in, uint16_t *out, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((__m128i *)(out + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
    for (; i < n; i++)
        out[i] = _cvtss_sh(in[i], _MM_FROUND_TO_NEAREST_INT);
}

TARGET void lt_avx2_f32_from_f16(const uint16_t *in, float *out, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(out + i, half8(in + i));
    for (; i < n; i++)
        out[i] = _cvtsh_ss(in[i]);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

INLINE uint32_t sum_epi32(__m256i v)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(s);
}

/* Bytes are widened to 16 bits first: maddubs would saturate at 255 * 127 * 2. A lane then grows by
 * at most 2 * 255^2 a step of 16: 2^31 is out of reach at LT_LIMIT_DIMS. */
INLINE __m256i step_u8(enum op op, __m256i acc, __m128i a, __m128i b)
{
    __m256i x = _mm256_cvtepu8_epi16(a), y = _mm256_cvtepu8_epi16(b);

    if (op == DOT)
        return _mm256_add_epi32(acc, _mm256_madd_epi16(x, y));
    __m256i d = _mm256_sub_epi16(x, y);

    return _mm256_add_epi32(acc, _mm256_madd_epi16(d, d));
}

INLINE uint32_t one_u8(enum op op, const uint8_t *a, const uint8_t *b, size_t n)
{
    __m256i s = _mm256_setzero_si256();
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
        s = step_u8(op, s, _mm_loadu_si128((const __m128i *)(a + i)),
                    _mm_loadu_si128((const __m128i *)(b + i)));
    if (i < n) {
        uint8_t at[16] = {0}, bt[16] = {0};

        memcpy(at, a + i, n - i);
        memcpy(bt, b + i, n - i);
        s = step_u8(op, s, _mm_loadu_si128((const __m128i *)at),
                    _mm_loadu_si128((const __m128i *)bt));
    }
    return sum_epi32(s);
}

TARGET uint32_t lt_avx2_dot_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
    return one_u8(DOT, a, b, n);
}

TARGET uint32_t lt_avx2_l2_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
    return one_u8(L2, a, b, n);
}

TARGET uint32_t lt_avx2_l1_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
    __m256i s = _mm256_setzero_si256();
    size_t i = 0;

    for (; i + 32 <= n; i += 32)
        s = _mm256_add_epi32(s, _mm256_sad_epu8(_mm256_loadu_si256((const __m256i *)(a + i)),
                                                _mm256_loadu_si256((const __m256i *)(b + i))));
    if (i < n) {
        uint8_t at[32] = {0}, bt[32] = {0};

        memcpy(at, a + i, n - i);
        memcpy(bt, b + i, n - i);
        s = _mm256_add_epi32(s, _mm256_sad_epu8(_mm256_loadu_si256((const __m256i *)at),
                                                _mm256_loadu_si256((const __m256i *)bt)));
    }
    return sum_epi32(s);
}

INLINE __m256i step_i8(__m256i acc, __m128i a, __m128i b)
{
    return _mm256_add_epi32(acc,
                            _mm256_madd_epi16(_mm256_cvtepi8_epi16(a), _mm256_cvtepi8_epi16(b)));
}

TARGET int32_t lt_avx2_dot_i8(const int8_t *a, const int8_t *b, size_t n)
{
    __m256i s = _mm256_setzero_si256();
    size_t i = 0;

    for (; i + 16 <= n; i += 16)
        s = step_i8(s, _mm_loadu_si128((const __m128i *)(a + i)),
                    _mm_loadu_si128((const __m128i *)(b + i)));
    if (i < n) {
        int8_t at[16] = {0}, bt[16] = {0};

        memcpy(at, a + i, n - i);
        memcpy(bt, b + i, n - i);
        s = step_i8(s, _mm_loadu_si128((const __m128i *)at), _mm_loadu_si128((const __m128i *)bt));
    }
    return (int32_t)sum_epi32(s);
}

/* Four sums as four lanes. */
INLINE __m128i sums_epi32(__m256i a, __m256i b, __m256i c, __m256i d)
{
    __m256i s = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));

    return _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
}

INLINE __m256i step_i8u8(__m256i acc, __m256i query, const uint8_t *row)
{
    __m256i x = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)row));

    return _mm256_add_epi32(acc, _mm256_madd_epi16(query, x));
}

/* Bytes of a row behind the last whole 16. */
INLINE __m256i tail_i8u8(__m256i acc, __m256i query, const uint8_t *row, size_t n)
{
    uint8_t t[16] = {0};

    memcpy(t, row, n);
    return step_i8u8(acc, query, t);
}

INLINE void four_i8u8(const int8_t *query, const uint8_t *const rows[4], size_t dims, int32_t *out)
{
    __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
    size_t i = 0;

    for (; i + 16 <= dims; i += 16) {
        __m256i q = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(query + i)));

        a = step_i8u8(a, q, rows[0] + i);
        b = step_i8u8(b, q, rows[1] + i);
        c = step_i8u8(c, q, rows[2] + i);
        d = step_i8u8(d, q, rows[3] + i);
    }
    if (i < dims) {
        int8_t t[16] = {0};

        memcpy(t, query + i, dims - i);
        __m256i q = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)t));

        a = tail_i8u8(a, q, rows[0] + i, dims - i);
        b = tail_i8u8(b, q, rows[1] + i, dims - i);
        c = tail_i8u8(c, q, rows[2] + i, dims - i);
        d = tail_i8u8(d, q, rows[3] + i, dims - i);
    }
    _mm_storeu_si128((__m128i *)out, sums_epi32(a, b, c, d));
}

TARGET void lt_avx2_dot_i8u8_rows(const int8_t *query, const uint8_t *const *rows, size_t dims,
                                  size_t n, int32_t *out)
{
    lt_i8u8_by_fours(four_i8u8, query, rows, dims, n, out);
}

/* ---- bits ------------------------------------------------------------------------------------ */

/* Population count of each 64-bit lane by looking up nibbles (Mula 2008). */
INLINE __m256i popcount(__m256i v)
{
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                           2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    __m256i n = _mm256_add_epi8(
        _mm256_shuffle_epi8(table, _mm256_and_si256(v, low)),
        _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), low)));

    return _mm256_sad_epu8(n, _mm256_setzero_si256());
}

TARGET uint32_t lt_avx2_hamming(const uint64_t *a, const uint64_t *b, size_t n)
{
    __m256i s = _mm256_setzero_si256();
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        s = _mm256_add_epi64(
            s, popcount(_mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(a + i)),
                                         _mm256_loadu_si256((const __m256i *)(b + i)))));
    uint32_t sum = sum_epi32(s);

    for (; i < n; i++)
        sum += (uint32_t)_mm_popcnt_u64(a[i] ^ b[i]);
    return sum;
}

/* The eight planes of a word are two registers; a lane sums what its plane counts. */
TARGET int32_t lt_avx2_dot_bits(const uint64_t *planes, const uint64_t *bits, size_t n_words)
{
    __m256i low = _mm256_setzero_si256(), high = low;
    int64_t n[8], s = 0;

    for (size_t w = 0; w < n_words; w++) {
        const __m256i *p = (const __m256i *)(planes + 8 * w);
        __m256i word = _mm256_set1_epi64x((long long)bits[w]);

        low = _mm256_add_epi64(low, popcount(_mm256_and_si256(word, _mm256_loadu_si256(p))));
        high = _mm256_add_epi64(high, popcount(_mm256_and_si256(word, _mm256_loadu_si256(p + 1))));
    }
    _mm256_storeu_si256((__m256i *)n, low);
    _mm256_storeu_si256((__m256i *)(n + 4), high);
    for (int k = 0; k < 7; k++)
        s += n[k] << k;
    return (int32_t)(s - 128 * n[7]);
}

/* ---- sparse ---------------------------------------------------------------------------------- */

/* Each index of the shorter list is looked for among eight of the longer one at once. */
TARGET float lt_avx2_dot_sparse(const lt_sparse *a, const lt_sparse *b)
{
    float s = 0;
    size_t i = 0, j = 0;

    if (a->n > b->n) {
        const lt_sparse *t = a;

        a = b;
        b = t;
    }
    for (; i < a->n && j + 8 <= b->n;) {
        uint32_t x = a->index[i];

        if (b->index[j + 7] < x) {
            j += 8;
            continue;
        }
        __m256i block = _mm256_loadu_si256((const __m256i *)(b->index + j));
        __m256i same = _mm256_cmpeq_epi32(block, _mm256_set1_epi32((int)x));
        int found = _mm256_movemask_ps(_mm256_castsi256_ps(same));

        if (found)
            s += a->value[i] * b->value[j + (size_t)__builtin_ctz((unsigned)found)];
        i++;
    }
    while (i < a->n && j < b->n) {
        uint32_t x = a->index[i], y = b->index[j];

        if (x == y)
            s += a->value[i] * b->value[j];
        i += x <= y;
        j += y <= x;
    }
    return s;
}
#else
typedef int lt_kern_avx2_small_other;
#endif
