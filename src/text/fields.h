/* SPDX-License-Identifier: Apache-2.0
 * Typed access to the JSON of a tokenizer file. Numbers arrive as their text (the reader is told
 * so): scores must become the doubles that the reference library makes of them, see lt_json_double.
 * Every error names the file, the part and the field. */
#ifndef LT_TEXT_FIELDS_H
#define LT_TEXT_FIELDS_H

#include <base/error.h>
#include <yyjson.h>

/* Where we are in the file, for messages: "<file>: <part>: ...". */
typedef struct lt_part {
    const char *file;
    const char *part;
} lt_part;

/* Reads JSON text with all memory from base/mem. Free with lt_tokenizer_json_free. */
lt_status lt_tokenizer_json_read(const char *json, size_t n, const char *name, yyjson_doc **out,
                                 lt_error *err) LT_NODISCARD;
void lt_tokenizer_json_free(yyjson_doc **doc);

/* A string that must be there; borrowed from the document, `n` bytes, zero-terminated. */
lt_status lt_field_string(yyjson_val *object, const char *key, const lt_part *where,
                          const char **out, size_t *n, lt_error *err) LT_NODISCARD;
/* A boolean; absent or null gives `absent`. */
lt_status lt_field_bool(yyjson_val *object, const char *key, bool absent, const lt_part *where,
                        bool *out, lt_error *err) LT_NODISCARD;
/* An array that must be there. */
lt_status lt_field_array(yyjson_val *object, const char *key, const lt_part *where,
                         yyjson_val **out, lt_error *err) LT_NODISCARD;

/* A whole number 0..UINT32_MAX; false where the value is none. */
bool lt_json_u32(yyjson_val *value, uint32_t *out);
/* A number as serde_json reads it by default: the digits as one integer, then one multiplication
 * or division by a power of ten. That may be an ULP beside the nearest double, and ties between
 * segmentations depend on it. false where the value is no number. */
bool lt_json_double(yyjson_val *value, double *out);

/* "<file>: <part> of type '<type>' is not supported" as LT_EUNSUPPORTED. */
lt_status lt_unsupported_type(const lt_part *where, const char *type, lt_error *err);

#endif
