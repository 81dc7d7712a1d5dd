/* SPDX-License-Identifier: Apache-2.0
 * From pieces of a vocabulary back to a text: the `decoder` part of a tokenizer file. Immutable once
 * open. */
#ifndef LT_TEXT_DECODER_H
#define LT_TEXT_DECODER_H

#include <base/buf.h>
#include <yyjson.h>

typedef struct lt_decoder lt_decoder;

/* `json` is the file's decoder, may be NULL or null: pieces are then joined by spaces. A kind that
 * is not known is no failure here, since embedding never decodes. */
lt_status lt_decoder_open(yyjson_val *json, lt_decoder **out, lt_error *err) LT_NODISCARD;
void lt_decoder_close(lt_decoder *d);

/* Appends the text of the pieces (zero-terminated). LT_EUNSUPPORTED names an unknown kind. */
lt_status lt_decoder_apply(const lt_decoder *d, const char *const *pieces, size_t n, lt_buf *out,
                           lt_error *err) LT_NODISCARD;

#endif
