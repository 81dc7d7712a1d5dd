/* SPDX-License-Identifier: Apache-2.0
 * NEON, which every 64-bit Arm has. */
#if defined(__aarch64__)
#include <arm_neon.h>
#include <math.h>

#include "kern.h"

static float dot(const float *a, const float *b, size_t n)
{
    float32x4_t s0 = vdupq_n_f32(0), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        s0 = vfmaq_f32(s0, vld1q_f32(a + i), vld1q_f32(b + i));
        s1 = vfmaq_f32(s1, vld1q_f32(a + i + 4), vld1q_f32(b + i + 4));
        s2 = vfmaq_f32(s2, vld1q_f32(a + i + 8), vld1q_f32(b + i + 8));
        s3 = vfmaq_f32(s3, vld1q_f32(a + i + 12), vld1q_f32(b + i + 12));
    }
    float s = vaddvq_f32(vaddq_f32(vaddq_f32(s0, s1), vaddq_f32(s2, s3)));

    for (; i < n; i++)
        s += a[i] * b[i];
    return s;
}

static float l2(const float *a, const float *b, size_t n)
{
    float32x4_t s0 = vdupq_n_f32(0), s1 = s0;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        float32x4_t d0 = vsubq_f32(vld1q_f32(a + i), vld1q_f32(b + i));
        float32x4_t d1 = vsubq_f32(vld1q_f32(a + i + 4), vld1q_f32(b + i + 4));

        s0 = vfmaq_f32(s0, d0, d0);
        s1 = vfmaq_f32(s1, d1, d1);
    }
    float s = vaddvq_f32(vaddq_f32(s0, s1));

    for (; i < n; i++)
        s += (a[i] - b[i]) * (a[i] - b[i]);
    return s;
}

static float l1(const float *a, const float *b, size_t n)
{
    float32x4_t s0 = vdupq_n_f32(0);
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        s0 = vaddq_f32(s0, vabdq_f32(vld1q_f32(a + i), vld1q_f32(b + i)));
    float s = vaddvq_f32(s0);

    for (; i < n; i++)
        s += fabsf(a[i] - b[i]);
    return s;
}

static void dot_many(const float *query, const float *base, size_t stride, size_t dims, size_t n,
                     float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = dot(query, base + i * stride, dims);
}

const lt_kern lt_kern_neon = {"neon", dot, l2, l1, dot_many};
#endif
