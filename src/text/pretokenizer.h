/* SPDX-License-Identifier: Apache-2.0
 * The pre-tokenizer of a tokenizer file: cuts normalised text into the pieces that the model
 * segments one by one. Immutable once open. */
#ifndef LT_TEXT_PRETOKENIZER_H
#define LT_TEXT_PRETOKENIZER_H

#include "fields.h"
#include "ntext.h"

typedef struct lt_pretokenizer lt_pretokenizer;

enum { LT_PRETOKENIZER_STEPS_MAX = 16 };

/* The working memory of one call: a text for each step. Start with zeros. */
typedef struct lt_pretokenizer_work {
    lt_ntext texts[LT_PRETOKENIZER_STEPS_MAX];
} lt_pretokenizer_work;

/* Receives the pieces in order; they are never empty and valid during the call. */
typedef lt_status (*lt_piece_sink)(void *context, const char *piece, size_t n, lt_error *err);

/* `json` may be NULL or null: the text is one piece. */
lt_status lt_pretokenizer_open(yyjson_val *json, const char *file, lt_pretokenizer **out,
                               lt_error *err) LT_NODISCARD;
void lt_pretokenizer_close(lt_pretokenizer *p);
void lt_pretokenizer_work_done(lt_pretokenizer_work *w);
/* Cuts a piece of valid UTF-8 with its marks (ntext.h). */
lt_status lt_pretokenizer_apply(const lt_pretokenizer *p, lt_pretokenizer_work *w, const char *text,
                                const char *first, size_t n, lt_piece_sink sink, void *context,
                                lt_error *err) LT_NODISCARD;

#endif
