/* SPDX-License-Identifier: Apache-2.0
 * What a model of a tokenizer file is to the rest: it segments pieces into the ids of its
 * vocabulary. unigram.c is one; others join with a file and a line in subword.c. */
#ifndef LT_TEXT_SUBWORD_H
#define LT_TEXT_SUBWORD_H

#include <base/buf.h>

#include "fields.h"
#include "tokenizer.h"

typedef struct lt_subword lt_subword;

typedef struct lt_subword_ops {
    void (*close)(lt_subword *m);
    /* Appends the ids of a piece (valid UTF-8, n > 0). `work` is the caller's scratch memory, one
     * for each thread, kept between calls. */
    lt_status (*encode)(const lt_subword *m, const char *piece, size_t n, lt_buf *work,
                        lt_tokens *out, lt_error *err);
    size_t (*size)(const lt_subword *m);
    const char *(*piece)(const lt_subword *m, size_t id); /* id below size */
    int64_t (*find)(const lt_subword *m, const char *piece, size_t n);
} lt_subword_ops;

/* A model begins with this. */
struct lt_subword {
    const lt_subword_ops *ops;
};

/* Opens the file's model, of whatever kind. It keeps nothing of the JSON. */
lt_status lt_subword_open(yyjson_val *json, const char *file, lt_subword **out, lt_error *err)
    LT_NODISCARD;
void lt_subword_close(lt_subword *m);
lt_status lt_unigram_open(yyjson_val *json, const lt_part *where, lt_subword **out, lt_error *err)
    LT_NODISCARD;

/* Appends one id. */
lt_status lt_tokens_add(lt_tokens *t, int64_t id, lt_error *err) LT_NODISCARD;

#endif
