/* SPDX-License-Identifier: Apache-2.0
 * NEON, which every 64-bit Arm has: float32, float16 as storage (conversion is part of the
 * baseline), bytes, bits. */
#if defined(__aarch64__)
#include <arm_neon.h>
#include <math.h>
#include <string.h>

#include "levels.h"

#define INLINE static inline __attribute__((always_inline))

enum op { DOT, L2, L1 };

INLINE float32x4_t step(enum op op, float32x4_t acc, float32x4_t a, float32x4_t b)
{
    if (op == DOT)
        return vfmaq_f32(acc, a, b);
    float32x4_t d = vsubq_f32(a, b);

    return op == L2 ? vfmaq_f32(acc, d, d) : vaddq_f32(acc, vabsq_f32(d));
}

INLINE float step1(enum op op, float a, float b)
{
    if (op == DOT)
        return a * b;
    return op == L2 ? (a - b) * (a - b) : fabsf(a - b);
}

/* ---- float32 --------------------------------------------------------------------------------- */

INLINE float one(enum op op, const float *a, const float *b, size_t n)
{
    float32x4_t s0 = vdupq_n_f32(0), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        s0 = step(op, s0, vld1q_f32(a + i), vld1q_f32(b + i));
        s1 = step(op, s1, vld1q_f32(a + i + 4), vld1q_f32(b + i + 4));
        s2 = step(op, s2, vld1q_f32(a + i + 8), vld1q_f32(b + i + 8));
        s3 = step(op, s3, vld1q_f32(a + i + 12), vld1q_f32(b + i + 12));
    }
    for (; i + 4 <= n; i += 4)
        s0 = step(op, s0, vld1q_f32(a + i), vld1q_f32(b + i));
    float s = vaddvq_f32(vaddq_f32(vaddq_f32(s0, s1), vaddq_f32(s2, s3)));

    for (; i < n; i++)
        s += step1(op, a[i], b[i]);
    return s;
}

INLINE void four(enum op op, const float *q, const float *const r[4], size_t n, float *out)
{
    float32x4_t s0 = vdupq_n_f32(0), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        float32x4_t v = vld1q_f32(q + i);

        s0 = step(op, s0, v, vld1q_f32(r[0] + i));
        s1 = step(op, s1, v, vld1q_f32(r[1] + i));
        s2 = step(op, s2, v, vld1q_f32(r[2] + i));
        s3 = step(op, s3, v, vld1q_f32(r[3] + i));
    }
    float sums[4] = {vaddvq_f32(s0), vaddvq_f32(s1), vaddvq_f32(s2), vaddvq_f32(s3)};

    for (; i < n; i++)
        for (size_t k = 0; k < 4; k++)
            sums[k] += step1(op, q[i], r[k][i]);
    memcpy(out, sums, sizeof sums);
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

/* ---- float16 --------------------------------------------------------------------------------- */

INLINE float32x4_t half4(const uint16_t *p)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

INLINE float one_f16(enum op op, const float *q, const uint16_t *row, size_t n)
{
    float32x4_t s0 = vdupq_n_f32(0), s1 = s0;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        s0 = step(op, s0, vld1q_f32(q + i), half4(row + i));
        s1 = step(op, s1, vld1q_f32(q + i + 4), half4(row + i + 4));
    }
    for (; i < n; i += 4) {
        float qt[4] = {0};
        uint16_t rt[4] = {0};
        size_t m = n - i < 4 ? n - i : 4;

        memcpy(qt, q + i, m * sizeof *qt);
        memcpy(rt, row + i, m * sizeof *rt);
        s0 = step(op, s0, vld1q_f32(qt), half4(rt));
    }
    return vaddvq_f32(vaddq_f32(s0, s1));
}

static void f16_from_f32(const float *in, uint16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        float t[4] = {0};
        uint16_t h[4];
        size_t m = n - i < 4 ? n - i : 4;

        memcpy(t, in + i, m * sizeof *t);
        vst1_u16(h, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(t))));
        memcpy(out + i, h, m * sizeof *h);
    }
}

static void f32_from_f16(const uint16_t *in, float *out, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        uint16_t h[4] = {0};
        float t[4];
        size_t m = n - i < 4 ? n - i : 4;

        memcpy(h, in + i, m * sizeof *h);
        vst1q_f32(t, half4(h));
        memcpy(out + i, t, m * sizeof *t);
    }
}

#define KERNELS(name, op)                                                                       \
    static float name(const float *a, const float *b, size_t n)                                 \
    {                                                                                           \
        return one(op, a, b, n);                                                                \
    }                                                                                           \
    static void name##_many(const float *query, const float *base, size_t stride, size_t dims,  \
                            size_t n, float *out)                                               \
    {                                                                                           \
        many(op, query, base, stride, dims, n, out);                                            \
    }                                                                                           \
    static void name##_rows(const float *query, const float *const *row, size_t dims, size_t n, \
                            float *out)                                                         \
    {                                                                                           \
        rows(op, query, row, dims, n, out);                                                     \
    }                                                                                           \
    static float name##_f16(const float *query, const uint16_t *row, size_t n)                  \
    {                                                                                           \
        return one_f16(op, query, row, n);                                                      \
    }

KERNELS(dot, DOT)
KERNELS(l2, L2)
KERNELS(l1, L1)

/* ---- bytes, bits, sparse --------------------------------------------------------------------- */

INLINE uint32_t one_u8(enum op op, const uint8_t *a, const uint8_t *b, size_t n)
{
    uint32x4_t s = vdupq_n_u32(0);

    for (size_t i = 0; i < n; i += 8) {
        uint8_t at[8] = {0}, bt[8] = {0};
        size_t m = n - i < 8 ? n - i : 8;

        memcpy(at, a + i, m);
        memcpy(bt, b + i, m);
        uint8x8_t x = vld1_u8(at), y = vld1_u8(bt);

        if (op != DOT)
            x = y = vabd_u8(x, y);
        s = op == L1 ? vpadalq_u16(s, vmovl_u8(x)) : vpadalq_u16(s, vmull_u8(x, y));
    }
    return vaddvq_u32(s);
}

static uint32_t dot_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
    return one_u8(DOT, a, b, n);
}

static uint32_t l2_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
    return one_u8(L2, a, b, n);
}

static uint32_t l1_u8(const uint8_t *a, const uint8_t *b, size_t n)
{
    return one_u8(L1, a, b, n);
}

static int32_t dot_i8(const int8_t *a, const int8_t *b, size_t n)
{
    int32x4_t s = vdupq_n_s32(0);

    for (size_t i = 0; i < n; i += 8) {
        int8_t at[8] = {0}, bt[8] = {0};
        size_t m = n - i < 8 ? n - i : 8;

        memcpy(at, a + i, m);
        memcpy(bt, b + i, m);
        s = vpadalq_s16(s, vmull_s8(vld1_s8(at), vld1_s8(bt)));
    }
    return vaddvq_s32(s);
}

static uint32_t hamming(const uint64_t *a, const uint64_t *b, size_t n)
{
    uint64x2_t s = vdupq_n_u64(0);
    size_t i = 0;

    for (; i + 2 <= n; i += 2) {
        uint8x16_t d = vreinterpretq_u8_u64(veorq_u64(vld1q_u64(a + i), vld1q_u64(b + i)));

        s = vpadalq_u32(s, vpaddlq_u16(vpaddlq_u8(vcntq_u8(d))));
    }
    uint64_t sum = vaddvq_u64(s);

    return (uint32_t)(i < n ? sum + (uint64_t)__builtin_popcountll(a[i] ^ b[i]) : sum);
}

static int32_t one_i8u8(const int8_t *query, const uint8_t *row, size_t n)
{
    int32x4_t s = vdupq_n_s32(0);

    for (size_t i = 0; i < n; i += 8) {
        int8_t qt[8] = {0};
        uint8_t rt[8] = {0};
        size_t m = n - i < 8 ? n - i : 8;

        memcpy(qt, query + i, m);
        memcpy(rt, row + i, m);
        int16x8_t q = vmovl_s8(vld1_s8(qt)), r = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(rt)));

        s = vmlal_s16(s, vget_low_s16(q), vget_low_s16(r));
        s = vmlal_s16(s, vget_high_s16(q), vget_high_s16(r));
    }
    return vaddvq_s32(s);
}

static void dot_i8u8_rows(const int8_t *query, const uint8_t *const *rows, size_t dims, size_t n,
                          int32_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = one_i8u8(query, rows[i], dims);
}

/* The eight planes of a word are four registers of two lanes; a lane sums what its plane counts. */
static int32_t dot_bits(const uint64_t *planes, const uint64_t *bits, size_t n_words)
{
    uint64x2_t n[4] = {vdupq_n_u64(0), vdupq_n_u64(0), vdupq_n_u64(0), vdupq_n_u64(0)};
    int64_t s = 0;

    for (size_t w = 0; w < n_words; w++)
        for (size_t k = 0; k < 4; k++) {
            uint64x2_t d = vandq_u64(vdupq_n_u64(bits[w]), vld1q_u64(planes + 8 * w + 2 * k));
            uint8x16_t count = vcntq_u8(vreinterpretq_u8_u64(d));

            n[k] = vpadalq_u32(n[k], vpaddlq_u16(vpaddlq_u8(count)));
        }
    for (int k = 0; k < 4; k++) {
        int64_t odd = (int64_t)vgetq_lane_u64(n[k], 1) << (2 * k + 1);

        s += (int64_t)vgetq_lane_u64(n[k], 0) << 2 * k;
        s += k == 3 ? -odd : odd;
    }
    return (int32_t)s;
}

/* A merge: without a mask register the search in blocks gains nothing here. */
static float dot_sparse(const lt_sparse *a, const lt_sparse *b)
{
    return lt_kern_scalar.dot_sparse(a, b);
}

const lt_kern lt_kern_neon = {
    .name = "neon",
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
#else
typedef int lt_kern_neon_other;
#endif
