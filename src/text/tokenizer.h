/* SPDX-License-Identifier: Apache-2.0
 * Tokenizers read from a hub's tokenizer.json. Immutable after opening: share between threads. */
#ifndef LT_TEXT_TOKENIZER_H
#define LT_TEXT_TOKENIZER_H

#include <base/buf.h>
#include <latent.h>

typedef struct lt_tokenizer lt_tokenizer;

/* Reads the text of a tokenizer.json. `name` is for messages. Kinds of parts that are not known
 * give LT_EUNSUPPORTED with the part's type; a broken file LT_EINVAL with what is wrong. */
lt_status lt_tokenizer_open(const char *json, size_t n, const char *name, lt_tokenizer **out,
                            lt_error *err) LT_NODISCARD;
void lt_tokenizer_close(lt_tokenizer *t);

typedef struct lt_tokens {
    int64_t *ids;
    size_t n;
    size_t cap;
} lt_tokens;
void lt_tokens_done(lt_tokens *t);

/* Appends the ids of a text (any bytes: invalid UTF-8 is replaced by U+FFFD). `special` adds what
 * the post-processor adds (<s> ... </s>). At most max_tokens ids in all, cut as the library
 * `tokenizers` truncates (the special tokens stay); 0: no limit. */
lt_status lt_tokenizer_encode(const lt_tokenizer *t, const char *text, size_t n, bool special,
                              size_t max_tokens, lt_tokens *out, lt_error *err) LT_NODISCARD;

/* Appends the text that ids stand for, as the library `tokenizers` decodes with special tokens
 * skipped. LT_EINVAL for an id that there is not, LT_EUNSUPPORTED for a kind of decoder that is not
 * known. */
lt_status lt_tokenizer_decode(const lt_tokenizer *t, const int64_t *ids, size_t n, lt_buf *out,
                              lt_error *err) LT_NODISCARD;

size_t lt_tokenizer_size(const lt_tokenizer *t);                        /* ids are below this */
const char *lt_tokenizer_piece(const lt_tokenizer *t, int64_t id);      /* NULL: no such id */
int64_t lt_tokenizer_find(const lt_tokenizer *t, const char *piece);    /* -1: none */

#endif
