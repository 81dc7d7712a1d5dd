/* SPDX-License-Identifier: Apache-2.0
 * The twin of every kernel in plain C: the reference of the tests and what runs on any CPU. Four
 * sums side by side, so that the compiler may use what the baseline has. */
#include <math.h>

#include "kern.h"

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

static void dot_many(const float *query, const float *base, size_t stride, size_t dims, size_t n,
                     float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = dot(query, base + i * stride, dims);
}

const lt_kern lt_kern_scalar = {"scalar", dot, l2, l1, dot_many};
