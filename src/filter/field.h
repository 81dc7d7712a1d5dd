/* SPDX-License-Identifier: Apache-2.0
 * What a payload index is declared to be: the `field_schema` of Qdrant's "create field index". It
 * changes the meaning of conditions on text and UUIDs; everything else it only makes faster. */
#ifndef LT_FILTER_FIELD_H
#define LT_FILTER_FIELD_H

#include "analyzer.h"

typedef enum lt_field_type {
    LT_FIELD_KEYWORD,
    LT_FIELD_INTEGER,
    LT_FIELD_FLOAT,
    LT_FIELD_BOOL,
    LT_FIELD_GEO,
    LT_FIELD_DATETIME,
    LT_FIELD_UUID,
    LT_FIELD_TEXT
} lt_field_type;

/* Immutable, shared by count. */
typedef struct lt_field {
    char *path;
    lt_field_type type;
    lt_analyzer *analyzer; /* text only */
    /* integer: which questions it is for. Both are answered fast whatever these say; order_by
     * needs `range`. */
    bool lookup, range;
    int refs; /* atomic */
} lt_field;

/* `schema` is a type's name or {"type": ..., parameters}. LT_EINVAL names what is unknown or of the
 * wrong type. Release with lt_field_unref. */
lt_status lt_field_new(const char *path, yyjson_val *schema, lt_field **out,
                       lt_error *err) LT_NODISCARD;
lt_field *lt_field_ref(const lt_field *f);
void lt_field_unref(lt_field *f); /* NULL allowed */
const char *lt_field_type_name(lt_field_type type);

#endif
