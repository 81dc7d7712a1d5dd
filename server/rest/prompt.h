/* SPDX-License-Identifier: Apache-2.0
 * Prompts in the form of Aleph Alpha's API: a text, or a list of texts, pictures and token ids that
 * together get one vector.
 *
 * The rule for mixed prompts: texts and token ids that follow each other are joined and embedded as
 * one text; each text and each picture gets its unit vector, and these are mixed by lt_vectors_mix.
 * The weight is 1 unless attention controls change it: a control that covers the part c (0..1) of a
 * text's or picture's extent with factor f adds c * (f - 1). So a control over all of an item is
 * that item's weight. (The upstream service changed attention inside its model; a dual encoder has
 * one vector an item to weigh.) */
#ifndef LT_SERVER_PROMPT_H
#define LT_SERVER_PROMPT_H

#include <base/buf.h>
#include <yyjson.h>

#include "../embedder.h"

enum { LT_PROMPTS_MAX = 100, LT_PROMPT_ITEMS_MAX = 64, LT_PROMPT_CONTROLS_MAX = 1024 };

typedef struct lt_prompt_item {
    size_t prompt; /* which prompt it belongs to */
    double weight;
    lt_buf bytes; /* the text, or the picture's file */
    bool is_text;
} lt_prompt_item;

typedef struct lt_prompts {
    lt_prompt_item *items;
    lt_embed_item *asks; /* beside `items`, one each */
    size_t n_items, cap;
    size_t n_prompts;
    uint64_t n_tokens; /* as upstream counts them: text by its tokens, 144 a picture */
} lt_prompts;

void lt_prompts_done(lt_prompts *p);
/* Adds one prompt. LT_EINVAL names the item and what is wrong with it. `model` counts tokens. */
lt_status lt_prompts_add(lt_prompts *p, lt_model *model, yyjson_val *prompt,
                         lt_error *err) LT_NODISCARD;
/* Embeds all: out gets n_prompts rows of info->dims floats. */
lt_status lt_prompts_embed(lt_prompts *p, lt_embedder *e, const lt_embed_terms *terms, float *out,
                           lt_error *err) LT_NODISCARD;

/* ---- parts of a request that other APIs have too ---- */
/* The base64 in a picture's data URL (data:image/jpeg;base64,...); NULL: the text is none. */
const char *lt_prompt_data_url(const char *text);
/* The bytes of a picture's file, given as base64 or as a data URL, appended. `text` is
 * zero-terminated. LT_EINVAL when it is neither or empty; other URLs are LT_EUNSUPPORTED. */
lt_status lt_prompt_picture(const char *text, size_t n, lt_buf *out, lt_error *err) LT_NODISCARD;
/* The token ids of a list, as many as it has. LT_EINVAL names the first that is none. Free with
 * lt_free. */
lt_status lt_prompt_ids(yyjson_val *list, int64_t **out, lt_error *err) LT_NODISCARD;
/* How many dimensions are asked for at `key` of the body: all, unless said. LT_EINVAL names the
 * range. */
lt_status lt_prompt_dims(yyjson_val *root, const char *key, const lt_model_info *info, size_t *out,
                         lt_error *err) LT_NODISCARD;

#endif
