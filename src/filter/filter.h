/* SPDX-License-Identifier: Apache-2.0
 * Filters over points, in the JSON form of Qdrant's. */
#ifndef LT_FILTER_FILTER_H
#define LT_FILTER_FILTER_H

#include <latent.h>
#include <value/value.h>

#include "field.h"

typedef struct lt_filter lt_filter;

/* Reads must, should, must_not, min_should, nested filters, and the conditions match (value, text,
 * text_any, phrase, prefix, any, except), range (numbers, or dates in quotes), geo_radius,
 * geo_bounding_box, geo_polygon, values_count, is_empty, is_null, has_id, has_vector, slice, nested.
 * LT_EINVAL (LT_EVALIDATION where a value is out of its range) names what is unknown or of the wrong
 * type. Free with lt_filter_free. */
lt_status lt_filter_parse(const char *json, size_t n, lt_filter **out, lt_error *err) LT_NODISCARD;
/* The same from a parsed value, whose document must outlive the filter. Messages begin as Qdrant's
 * do for a body that does not deserialise: "Format error in JSON body: ". */
lt_status lt_filter_parse_value(yyjson_val *json, lt_filter **out, lt_error *err) LT_NODISCARD;
void lt_filter_free(lt_filter *f);

/* ---- what the payload indexes change ---- */

/* Indexes on text and UUIDs change what a condition means: a binding of the filter to the indexes
 * of a collection holds that. `lookup` gives the index at a path, or NULL. It keeps what it needs
 * of them; free with lt_filter_binding_free. *out is NULL where nothing changes. */
typedef struct lt_filter_binding lt_filter_binding;
typedef const lt_payload_field *(*lt_payload_field_lookup)(void *context, const char *path);
lt_status lt_filter_bind(const lt_filter *f, lt_payload_field_lookup lookup, void *context,
                         lt_filter_binding **out, lt_error *err) LT_NODISCARD;
void lt_filter_binding_free(lt_filter_binding *b); /* NULL allowed */

/* ---- one point ---- */

typedef struct lt_filter_point {
    const lt_id *id;
    yyjson_val *payload; /* the root object; NULL: {} */
    /* Whether the point has a vector; NULL: it has the unnamed one alone. */
    bool (*has_vector)(void *context, const char *name);
    void *context;
    const lt_filter_binding *binding; /* NULL: no indexes */
} lt_filter_point;

/* Does the point pass? Never fails. */
bool lt_filter_passes(const lt_filter *f, const lt_filter_point *p);
/* The same for a point with the unnamed vector, without indexes. */
bool lt_filter_match(const lt_filter *f, const lt_id *id, yyjson_val *payload);

#endif
