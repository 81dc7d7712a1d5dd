/* SPDX-License-Identifier: Apache-2.0
 * Distance kernels over float32. One table a CPU level, chosen once; callers fetch it once a query. */
#ifndef LT_SIMD_KERN_H
#define LT_SIMD_KERN_H

#include <stddef.h>

typedef float (*lt_kern_f32)(const float *a, const float *b, size_t n);
/* out[i] = kernel(query, base + i * stride) for i < n; stride in floats. */
typedef void (*lt_kern_f32_many)(const float *query, const float *base, size_t stride, size_t dims,
                                 size_t n, float *out);

typedef struct lt_kern {
    const char *name; /* "scalar", "avx2", "avx512", "neon" */
    lt_kern_f32 dot;
    lt_kern_f32 l2; /* squared */
    lt_kern_f32 l1;
    lt_kern_f32_many dot_many;
} lt_kern;

/* The best table that this CPU and operating system can run; LT_CPU=scalar|avx2|avx512|neon in the
 * environment asks for a lower one. Thread-safe, cheap after the first call. */
const lt_kern *lt_kern_get(void);
/* The table of a level, or NULL where it is unknown or cannot run here. */
const lt_kern *lt_kern_named(const char *name);

/* The tables, for lt_kern_named; NULL where the architecture is another. */
extern const lt_kern lt_kern_scalar;
#if defined(__x86_64__)
extern const lt_kern lt_kern_avx2;
extern const lt_kern lt_kern_avx512;
#endif
#if defined(__aarch64__)
extern const lt_kern lt_kern_neon;
#endif

#endif
