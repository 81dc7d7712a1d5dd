/* SPDX-License-Identifier: Apache-2.0
 * What a payload index is declared to be: the `field_schema` of Qdrant's "create field index". It
 * changes the meaning of conditions on text and UUIDs; everything else it only makes faster. */
#ifndef LT_FILTER_FIELD_H
#define LT_FILTER_FIELD_H

#include "analyzer.h"

typedef enum lt_payload_type {
    LT_PAYLOAD_KEYWORD,
    LT_PAYLOAD_INTEGER,
    LT_PAYLOAD_FLOAT,
    LT_PAYLOAD_BOOL,
    LT_PAYLOAD_GEO,
    LT_PAYLOAD_DATETIME,
    LT_PAYLOAD_UUID,
    LT_PAYLOAD_TEXT
} lt_payload_type;

/* Immutable, shared by count. */
typedef struct lt_payload_field {
    char *path;
    lt_payload_type type;
    lt_analyzer *analyzer; /* text only */
    /* integer: which questions it is for. Both are answered fast whatever these say; order_by
     * needs `range`. */
    bool lookup, range;
    int refs; /* atomic */
} lt_payload_field;

/* `schema` is a type's name or {"type": ..., parameters}. LT_EINVAL names what is unknown or of the
 * wrong type. Release with lt_payload_field_unref. */
lt_status lt_payload_field_new(const char *path, yyjson_val *schema, lt_payload_field **out,
                               lt_error *err) LT_NODISCARD;
lt_payload_field *lt_payload_field_ref(const lt_payload_field *f);
void lt_payload_field_unref(lt_payload_field *f); /* NULL allowed */
const char *lt_payload_type_name(lt_payload_type type);

#endif
