/* SPDX-License-Identifier: Apache-2.0
 * Filters over payloads, in the JSON form of Qdrant's. */
#ifndef LT_FILTER_FILTER_H
#define LT_FILTER_FILTER_H

#include <latent.h>
#include <value/value.h>

typedef struct lt_filter lt_filter;

/* Reads must, should, must_not, min_should, nested filters, and the conditions match (value, text,
 * text_any, phrase, any, except, and prefix, which is ours), range (numbers, or dates in quotes),
 * geo_radius, geo_bounding_box, geo_polygon, values_count, is_empty, is_null, has_id, has_vector,
 * nested. LT_EINVAL names what is unknown or of the wrong type. Free with lt_filter_free. */
lt_status lt_filter_parse(const char *json, size_t n, lt_filter **out, lt_error *err) LT_NODISCARD;
/* The same from a parsed value, which has to stay until the filter is freed. */
lt_status lt_filter_parse_value(yyjson_val *json, lt_filter **out, lt_error *err) LT_NODISCARD;
void lt_filter_free(lt_filter *f);

/* Does the point pass? `payload` is the root object (NULL: {}). */
bool lt_filter_match(const lt_filter *f, const lt_id *id, yyjson_val *payload);

#endif
