/* SPDX-License-Identifier: Apache-2.0
 * Full text: a text to the tokens by which it is found. One analyzer serves an index, the evaluation
 * of conditions on points that are not in it, and queries, so that all three agree.
 *
 * Threads: an analyzer may be used by any number of them at once. */
#ifndef LT_FILTER_ANALYZER_H
#define LT_FILTER_ANALYZER_H

#include <latent.h>
#include <yyjson.h>

typedef struct lt_analyzer lt_analyzer;

/* From the parameters of a text index: {"tokenizer": "word" | "whitespace" | "prefix" |
 * "multilingual", "lowercase", "ascii_folding", "min_token_len", "max_token_len",
 * "phrase_matching", "stopwords", "stemmer"}; others are left alone. NULL: all defaults. */
lt_status lt_analyzer_new(yyjson_val *params, lt_analyzer **out, lt_error *err) LT_NODISCARD;
void lt_analyzer_free(lt_analyzer *a); /* NULL allowed */

/* Calls visit for each token in order until it returns false; returns whether it went through. A
 * prefix tokenizer gives all beginnings of each word of a document, and of a query's the longest
 * one. `token` is valid during the call, at most LT_LIMIT_TOKEN_BYTES long. */
typedef bool (*lt_token_visit)(void *context, const char *token, size_t n);
bool lt_analyzer_each(const lt_analyzer *a, const char *text, size_t n, bool is_query,
                      lt_token_visit visit, void *context);

#endif
