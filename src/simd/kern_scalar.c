/* SPDX-License-Identifier: Apache-2.0
 * The twin of every kernel in plain C: the reference of the tests and what runs on any CPU. Four
 * sums side by side, so that the compiler may use what the baseline has. */
#include <math.h>
#include <string.h>

#include "levels.h"

/* ---- float32 --------------------------------------------------------------------------------- */

static float dot(const float *a, const float *b, size_t n)
{
    float s[4] = {0};
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            s[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        s[0] += a[i] * b[i];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

static float l2(const float *a, const float *b, size_t n)
{
    float s[4] = {0};
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            s[k] += (a[i + k] - b[i + k]) * (a[i + k] - b[i + k]);
    for (; i < n; i++)
        s[0] += (a[i] - b[i]) * (a[i] - b[i]);
    return (s[0] + s[1]) + (s[2] + s[3]);
}

static float l1(const float *a, const float *b, size_t n)
{
    float s[4] = {0};
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            s[k] += fabsf(a[i + k] - b[i + k]);
    for (; i < n; i++)
        s[0] += fabsf(a[i] - b[i]);
    return (s[0] + s[1]) + (s[2] + s[3]);
}

static inline void many(lt_kern_f32 one, const float *query, const float *base, size_t stride,
                        size_t dims, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = one(query, base + i * stride, dims);
}

static void dot_many(const float *query, const float *base, size_t stride, size_t dims, size_t n,
                     float *out)
{
    many(dot, query, base, stride, dims, n, out);
}

static void l2_many(const float *query, const float *base, size_t stride, size_t dims, size_t n,
                    float *out)
{
    many(l2, query, base, stride, dims, n, out);
}

static void l1_many(const float *query, const float *base, size_t stride, size_t dims, size_t n,
                    float *out)
{
    many(l1, query, base, stride, dims, n, out);
}

static void dot_rows(const float *query, const float *const *rows, size_t dims, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = dot(query, rows[i], dims);
}

static void l2_rows(const float *query, const float *const *rows, size_t dims, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = l2(query, rows[i], dims);
}

static void l1_rows(const float *query, const float *const *rows, size_t dims, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = l1(query, rows[i], dims);
}

/* ---- float16: sign 1, exponent 5 (bias 15), fraction 10 -------------------------------------- */

static float from_half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = h >> 10 & 31, f = h & 1023, bits;
    float value;

    if (e == 0) { /* zero and the subnormals: f * 2^-24, exact */
        value = (float)f * 0x1p-24f;
        return sign ? -value : value;
    }
    bits = sign | (e == 31 ? 255u : e + 112u) << 23 | f << 13;
    if (e == 31 && f)
        bits |= 0x00400000u; /* a signalling NaN becomes quiet, as the CPUs do */
    memcpy(&value, &bits, 4);
    return value;
}

/* bits >> n rounded to nearest, ties to even; 0 < n < 32. */
static uint32_t shift_round(uint32_t bits, uint32_t n)
{
    uint32_t kept = bits >> n, rest = bits & ((1u << n) - 1), half = 1u << (n - 1);

    return kept + (rest > half || (rest == half && (kept & 1)));
}

static uint16_t to_half(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, 4);
    uint32_t sign = bits >> 16 & 0x8000, e = bits >> 23 & 255, f = bits & 0x7fffff;

    if (e == 255)
        return (uint16_t)(sign | 0x7c00 | (f ? 0x200 | f >> 13 : 0));
    if (e >= 143) /* 2^16 and more */
        return (uint16_t)(sign | 0x7c00);
    if (e >= 113) /* normal; a carry out of the fraction rightly moves into the exponent */
        return (uint16_t)(sign | shift_round((e - 112) << 23 | f, 13));
    if (e < 102) /* below half of the smallest subnormal */
        return (uint16_t)sign;
    return (uint16_t)(sign | shift_round(f | 0x800000, 126 - e));
}

static void f32_from_f16(const uint16_t *in, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = from_half(in[i]);
}

static void f16_from_f32(const float *in, uint16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = to_half(in[i]);
}

static float dot_f16(const float *query, const uint16_t *row, size_t n)
{
    float s = 0;

    for (size_t i = 0; i < n; i++)
        s += query[i] * from_half(row[i]);
    return s;
}

static float l2_f16(const float *query, const uint16_t *row, size_t n)
{
    float s = 0;

    for (size_t i = 0; i < n; i++) {
        float d = query[i] - from_half(row[i]);

        s += d * d;
    }
    return s;
}

static float l1_f16(const float *query, const uint16_t *row, size_t n)
{
    float s = 0;

    for (size_t i = 0; i < n; i++)
        s += fabsf(query[i] - from_half(row[i]));
    return s;
}

/* ---- bytes, bits, sparse --------------------------------------------------------------------- */

static uint32_t dot_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint32_t s = 0;

    for (size_t i = 0; i < n; i++)
        s += (uint32_t)a[i] * b[i];
    return s;
}

static uint32_t l2_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint32_t s = 0;

    for (size_t i = 0; i < n; i++) {
        int d = a[i] - b[i];

        s += (uint32_t)(d * d);
    }
    return s;
}

static uint32_t l1_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint32_t s = 0;

    for (size_t i = 0; i < n; i++)
        s += a[i] > b[i] ? (uint32_t)(a[i] - b[i]) : (uint32_t)(b[i] - a[i]);
    return s;
}

static int32_t dot_i8(const int8_t *a, const int8_t *b, size_t n)
{
    int32_t s = 0;

    for (size_t i = 0; i < n; i++)
        s += a[i] * b[i];
    return s;
}

static uint32_t hamming(const uint64_t *a, const uint64_t *b, size_t n)
{
    uint32_t s = 0;

    for (size_t i = 0; i < n; i++)
        s += (uint32_t)__builtin_popcountll(a[i] ^ b[i]);
    return s;
}

static void dot_i8u8_rows(const int8_t *query, const uint8_t *const *rows, size_t dims, size_t n,
                          int32_t *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = 0;
        for (size_t k = 0; k < dims; k++)
            out[i] += query[k] * rows[i][k];
    }
}

static int32_t dot_bits(const uint64_t *planes, const uint64_t *bits, size_t n_words)
{
    int32_t s = 0;

    for (size_t w = 0; w < n_words; w++)
        for (int k = 0; k < 8; k++) {
            int32_t n = (int32_t)__builtin_popcountll(planes[8 * w + (size_t)k] & bits[w]);

            s += k == 7 ? -128 * n : n << k;
        }
    return s;
}

static float dot_sparse(const lt_sparse *a, const lt_sparse *b)
{
    float s = 0;

    for (size_t i = 0, j = 0; i < a->n && j < b->n;) {
        uint32_t x = a->index[i], y = b->index[j];

        if (x == y)
            s += a->value[i] * b->value[j];
        i += x <= y;
        j += y <= x;
    }
    return s;
}

const lt_kern lt_kern_scalar = {
    .name = "scalar",
    .dot = dot,
    .l2 = l2,
    .l1 = l1,
    .dot_many = dot_many,
    .l2_many = l2_many,
    .l1_many = l1_many,
    .dot_rows = dot_rows,
    .l2_rows = l2_rows,
    .l1_rows = l1_rows,
    .dot_f16 = dot_f16,
    .l2_f16 = l2_f16,
    .l1_f16 = l1_f16,
    .f16_from_f32 = f16_from_f32,
    .f32_from_f16 = f32_from_f16,
    .dot_u8 = dot_u8,
    .l2_u8 = l2_u8,
    .l1_u8 = l1_u8,
    .dot_i8 = dot_i8,
    .hamming = hamming,
    .dot_i8u8_rows = dot_i8u8_rows,
    .dot_bits = dot_bits,
    .dot_sparse = dot_sparse,
};
