/* SPDX-License-Identifier: Apache-2.0
 * Payload values: JSON documents (yyjson), paths into them, dates and places. */
#ifndef LT_VALUE_VALUE_H
#define LT_VALUE_VALUE_H

#include <base/buf.h>
#include <latent.h>
#include <yyjson.h>

/* Parses a JSON text; err names the place ("line 3, column 7: ..."). `what` begins the message.
 * Free with yyjson_doc_free. */
lt_status lt_json_parse(const char *text, size_t n, const char *what, yyjson_doc **out,
                        lt_error *err) LT_NODISCARD;
/* As lt_json_parse; the document must be an object. */
lt_status lt_json_parse_object(const char *text, size_t n, const char *what, yyjson_doc **out,
                               lt_error *err) LT_NODISCARD;
/* Appends the value as JSON without spaces. */
lt_status lt_json_write(yyjson_val *v, lt_buf *out, lt_error *err) LT_NODISCARD;
void lt_json_free(yyjson_doc **doc); /* for LT_CLEANUP; NULL allowed */

/* Calls visit(context, value) for every value at `path` ("a.b", "a[].b", "a[0].b"; an array at the
 * end of the path is visited element by element unless `whole`). Stops when visit returns true and
 * returns true then. `"a.b"` with quotes names a key with a dot. */
typedef bool (*lt_value_visit)(void *context, yyjson_val *value);
bool lt_value_at(yyjson_val *root, const char *path, bool whole, lt_value_visit visit,
                 void *context);

/* Whether a text is a path as lt_value_at takes it: keys of letters, digits, '_' and '-' (or in
 * quotes, of anything), each followed by any number of "[]" and "[3]". */
bool lt_path_valid(const char *path, size_t n);

/* RFC 3339 with or without zone, a date alone, "YYYY-MM-DD HH:MM[:SS[.frac]]", blanks before it and
 * before the zone, " UTC" for a zone: microseconds since 1970 in UTC. false if it is none. */
bool lt_datetime_parse(const char *text, size_t n, int64_t *out_us);
/* Ids in their order: numbers before UUIDs. */
int lt_id_compare(const lt_id *a, const lt_id *b);
/* Great-circle distance in metres (haversine, mean earth radius 6371008.8 m, as Qdrant's geo). */
double lt_geo_distance_m(double lat1, double lon1, double lat2, double lon2);

#endif
