/* SPDX-License-Identifier: Apache-2.0
 * Texts to rows of tokens to vectors. Immutable once loaded: share between threads. */
#ifndef LT_EMBED_TEXTS_H
#define LT_EMBED_TEXTS_H

#include <text/tokenizer.h>

#include "modeldir.h"
#include "tower.h"

typedef struct lt_texts lt_texts;

/* Reads the tokenizer's file and how long texts may be. The directory must have a text graph and
 * outlive the result. */
lt_status lt_texts_open(const lt_modeldir *d, lt_texts **out, lt_error *err) LT_NODISCARD;
/* Makes the tokenizer, once, before the first text. Apart from opening because it takes 15 ms that
 * another thread can spend while the tower, which needs only the lengths, is loaded. */
lt_status lt_texts_load(lt_texts *t, lt_error *err) LT_NODISCARD;
void lt_texts_close(lt_texts *t);
/* The length every text is padded to; 0: none. The tower is opened with it. */
size_t lt_texts_pad_to(const lt_texts *t);

/* Once loaded. */
const lt_tokenizer *lt_texts_tokenizer(const lt_texts *t);
/* How many tokens the model is given for a text, special ones and all. */
lt_status lt_texts_count(const lt_texts *t, const char *text, size_t *out, lt_error *err)
    LT_NODISCARD;

/* n * text_dims floats as the tower gives them. Texts that are too long for the model are cut.
 * LT_EINVAL for a text without any visible character, LT_ELIMIT above LT_LIMIT_TEXT_BYTES. A text's
 * vector does not depend on its neighbours (but for rounding in the seventh digit). */
lt_status lt_texts_embed(const lt_texts *t, lt_tower *tower, const char *const *texts, size_t n,
                         float *out, lt_error *err) LT_NODISCARD;

#endif
