/* SPDX-License-Identifier: Apache-2.0
 * The value of a formula for one point, in 64-bit floats. */
#ifndef LT_OPS_FORMULA_H
#define LT_OPS_FORMULA_H

#include "request.h"

typedef struct lt_formula_point {
    const float *scores; /* one a prefetch; NAN where it did not find the point */
    size_t n_scores;
    yyjson_val *payload;  /* object, or NULL */
    yyjson_val *defaults; /* object of values for what is missing, or NULL */
    /* Whether the point passes a condition. */
    lt_status (*passes)(void *context, const lt_filter *filter, bool *out, lt_error *err);
    void *context;
} lt_formula_point;

/* LT_EINVAL where a variable has neither a value nor a default, or a result is not finite. */
lt_status lt_formula_value(const lt_expr *e, const lt_formula_point *p, double *out,
                           lt_error *err) LT_NODISCARD;
/* Whether the value depends on more than the scores. */
bool lt_formula_needs_point(const lt_expr *e);

#endif
