/* SPDX-License-Identifier: Apache-2.0
 * What the kinds of quantisers have in common, and what each does its own way. */
#ifndef LT_QUANT_KIND_H
#define LT_QUANT_KIND_H

#include <simd/kern.h>

#include "quant.h"

typedef struct lt_quant_ops {
    /* Floats that training finds. They are all that there is to know beside the config. */
    size_t (*n_params)(const lt_quant *q);
    size_t (*code_bytes)(const lt_quant *q);
    size_t (*query_bytes)(const lt_quant *q);
    lt_status (*train)(lt_quant *q, const float *rows, size_t n, lt_error *err);
    void (*encode)(const lt_quant *q, const float *vector, void *code);
    void (*prepare)(lt_quant_query *query, const float *vector);
    void (*distances)(const lt_quant_query *query, const void *const *codes, size_t n, float *out);
} lt_quant_ops;

extern const lt_quant_ops lt_quant_scalar, lt_quant_binary, lt_quant_product;

struct lt_quant {
    const lt_quant_ops *ops;
    const lt_kern *kern;
    lt_quant_config config;
    lt_distance distance;
    size_t dims;
    float *params;
    float bias; /* what estimates are short of, on average */
};

/* distance = base + step * what the kernel sums. */
struct lt_quant_query {
    const lt_quant *q;
    void *form; /* the query as the kernel wants it; 64-byte aligned */
    double base;
    double step;
};

/* The part of a distance that one dimension contributes. */
static inline float lt_quant_term(lt_distance distance, float query, float value)
{
    float d = query - value;

    return distance == LT_DISTANCE_EUCLID ? d * d
           : distance == LT_DISTANCE_MANHATTAN ? (d < 0 ? -d : d)
                                               : -query * value;
}

double lt_quant_true_distance(const lt_quant *q, const float *a, const float *b);

/* The mean of each dimension into mean[dims], and its standard deviation (may be NULL). */
lt_status lt_quant_moments(const lt_quant *q, const float *rows, size_t n, float *mean,
                           float *deviation, lt_error *err) LT_NODISCARD;

#endif
