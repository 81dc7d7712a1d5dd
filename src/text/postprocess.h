/* SPDX-License-Identifier: Apache-2.0
 * The post-processor of a tokenizer file: what is put around the ids of a text. All kinds come down
 * to a list of ids and places for the text. Immutable once open. */
#ifndef LT_TEXT_POSTPROCESS_H
#define LT_TEXT_POSTPROCESS_H

#include "fields.h"
#include "tokenizer.h"

typedef struct lt_layout {
    int64_t *items; /* ids; LT_LAYOUT_TEXT: the ids of the text */
    size_t n_items;
    size_t n_added; /* what the text is cut shorter by when there is a limit */
} lt_layout;

enum { LT_LAYOUT_TEXT = -1 };

/* The layout with or without the special tokens. `json` may be NULL or null: the text alone. */
lt_status lt_layout_open(lt_layout *l, yyjson_val *json, bool special, const char *file,
                         lt_error *err) LT_NODISCARD;
void lt_layout_done(lt_layout *l);

#endif
