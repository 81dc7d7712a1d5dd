/* SPDX-License-Identifier: Apache-2.0
 * The normaliser of a tokenizer file: a list of steps, sequences flattened. Immutable once open. */
#ifndef LT_TEXT_NORMALIZER_H
#define LT_TEXT_NORMALIZER_H

#include "fields.h"
#include "ntext.h"

typedef struct lt_normalizer lt_normalizer;

/* `json` may be NULL or null: a normaliser without steps. */
lt_status lt_normalizer_open(yyjson_val *json, const char *file, lt_normalizer **out, lt_error *err)
    LT_NODISCARD;
void lt_normalizer_close(lt_normalizer *n);
lt_status lt_normalizer_apply(const lt_normalizer *n, lt_ntext *t, lt_error *err) LT_NODISCARD;

#endif
