/* SPDX-License-Identifier: Apache-2.0
 * Values met in payloads, each with a number of its own: 0, 1, 2, ... in the order they were met. */
#ifndef LT_OPS_TALLY_H
#define LT_OPS_TALLY_H

#include <base/arena.h>

#include "answer.h"

typedef struct lt_tally {
    lt_arena *arena;
    lt_answer_value *values; /* by number */
    size_t n, cap;
    uint32_t *places; /* hash table of numbers + 1; 0 is free */
    size_t n_places;
} lt_tally;

/* The number of a value, given out now when it is new (its text is copied). */
lt_status lt_tally_number(lt_tally *t, const lt_answer_value *value, size_t *out,
                          lt_error *err) LT_NODISCARD;
/* Its number if it has one already. */
bool lt_tally_find(const lt_tally *t, const lt_answer_value *value, size_t *out);

#endif
