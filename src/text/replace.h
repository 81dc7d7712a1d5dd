/* SPDX-License-Identifier: Apache-2.0
 * The normaliser Replace: a string, or a regular expression of the simple kind that tokenizer files
 * have: characters and classes one after another, where the last may be repeated. Those match
 * without backtracking, in one pass; others are refused by name. */
#ifndef LT_TEXT_REPLACE_H
#define LT_TEXT_REPLACE_H

#include "fields.h"
#include "ntext.h"

typedef struct lt_replace lt_replace;

/* Reads {"pattern": {"String": ..} or {"Regex": ..}, "content": ..}. */
lt_status lt_replace_open(yyjson_val *json, const lt_part *where, lt_replace **out, lt_error *err)
    LT_NODISCARD;
void lt_replace_close(lt_replace *r);
lt_status lt_replace_apply(const lt_replace *r, lt_ntext *t, lt_error *err) LT_NODISCARD;

#endif
