/* SPDX-License-Identifier: Apache-2.0
 * The tokens that were added to a model's vocabulary ("<s>", "<mask>"): found in the text as they
 * stand, before the model sees it. Immutable once open. */
#ifndef LT_TEXT_ADDED_H
#define LT_TEXT_ADDED_H

#include "normalizer.h"
#include "subword.h"
#include "trie.h"

typedef struct lt_added_token {
    char *content;
    uint32_t len;
    uint32_t id;
    bool single_word; /* not within a word */
    bool left, right; /* swallows white space on that side */
    bool normalized;  /* matched, in its normalised form, against the normalised text */
    bool special;
} lt_added_token;

typedef struct lt_added {
    lt_added_token *tokens;
    size_t n_tokens;
    uint32_t end_id;    /* above all ids of the model and of these */
    lt_trie raw;        /* tokens matched in the text as it came; values index tokens */
    lt_trie normalized; /* those matched in the normalised text */
    lt_trie by_content; /* all of them */
} lt_added;

/* `json` is the file's added_tokens, may be NULL. A token that the model has keeps the model's id,
 * others are numbered behind the model's; the ids in the file are not looked at, as the library
 * does not. */
lt_status lt_added_open(lt_added *a, yyjson_val *json, const lt_subword *model,
                        const lt_normalizer *normalizer, const char *file, lt_error *err)
    LT_NODISCARD;
void lt_added_done(lt_added *a);

/* Receives the parts of a text in order: a token's (`token` set) or what lies between two. */
typedef lt_status (*lt_added_sink)(void *context, const lt_added_token *token, size_t begin,
                                   size_t end, lt_error *err);
/* Cuts the text at the tokens of one of the tries: leftmost first, the longest there. */
lt_status lt_added_split(const lt_added *a, const lt_trie *which, const char *text, size_t n,
                         lt_added_sink sink, void *context, lt_error *err) LT_NODISCARD;

#endif
