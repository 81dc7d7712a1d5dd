/* SPDX-License-Identifier: Apache-2.0
 * Answers as the JSON of Qdrant's `result`. */
#ifndef LT_OPS_PRINT_H
#define LT_OPS_PRINT_H

#include <base/buf.h>

#include "answer.h"

/* The shortest decimal that gives the float back; whole numbers end in ".0". */
lt_status lt_print_f32(float f, lt_buf *out, lt_error *err) LT_NODISCARD;
lt_status lt_print_f64(double d, lt_buf *out, lt_error *err) LT_NODISCARD;
lt_status lt_print_floats(const float *f, size_t n, lt_buf *out, lt_error *err) LT_NODISCARD;
/* A string with its quotes. */
lt_status lt_print_text(const char *s, size_t n, lt_buf *out, lt_error *err) LT_NODISCARD;
lt_status lt_print_id(const lt_id *id, lt_buf *out, lt_error *err) LT_NODISCARD;
lt_status lt_print_value(const lt_answer_value *v, lt_buf *out, lt_error *err) LT_NODISCARD;

/* `scored`: with version and score. */
lt_status lt_print_rows(const lt_rows *rows, bool scored, lt_buf *out, lt_error *err) LT_NODISCARD;
lt_status lt_print_page(const lt_page *page, lt_buf *out, lt_error *err) LT_NODISCARD;
lt_status lt_print_facet(const lt_facet *facet, lt_buf *out, lt_error *err) LT_NODISCARD;
lt_status lt_print_groups(const lt_groups *groups, lt_buf *out, lt_error *err) LT_NODISCARD;
lt_status lt_print_pairs(const lt_matrix *m, lt_buf *out, lt_error *err) LT_NODISCARD;
lt_status lt_print_offsets(const lt_matrix *m, lt_buf *out, lt_error *err) LT_NODISCARD;

#endif
