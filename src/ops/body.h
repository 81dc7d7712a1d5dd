/* SPDX-License-Identifier: Apache-2.0
 * Reading fields of a JSON body. null is the same as absent, unknown fields are ignored, and an
 * error names the field by its path ("prefetch[0].limit").
 *
 * Two sorts of error, as Qdrant tells them apart: a value of the wrong type ends the reading
 * (LT_EINVAL, "Format error in JSON body: ..."); values out of range are gathered and reported
 * together at the end (LT_EVALIDATION, "Validation error in JSON body: [a: ...; b: ...]"). */
#ifndef LT_OPS_BODY_H
#define LT_OPS_BODY_H

#include <base/arena.h>
#include <base/buf.h>
#include <filter/filter.h>
#include <yyjson.h>

typedef struct lt_body {
    lt_arena *arena;
    lt_buf invalid; /* messages about values out of range */
} lt_body;

/* A place in the body: a field or (name NULL) an element of what is above. On the C stack. */
typedef struct lt_at {
    const struct lt_at *up;
    const char *name;
    size_t index;
} lt_at;

/* Parses a body, which must be an object; a syntax error is told with line and column. Free with
 * yyjson_doc_free. */
lt_status lt_body_parse(const char *json, size_t n_json, yyjson_doc **out,
                        lt_error *err) LT_NODISCARD;
void lt_body_done(lt_body *b);
/* LT_EVALIDATION when values out of range were seen. */
lt_status lt_body_check(lt_body *b, lt_error *err) LT_NODISCARD;

/* The field, or NULL where it is absent or null. */
yyjson_val *lt_body_field(yyjson_val *object, const char *name);

/* "Format error in JSON body: <path>: expected <want>, not <type of got>". */
lt_status lt_body_wrong(const lt_at *at, const char *want, yyjson_val *got, lt_error *err);
/* "Format error in JSON body: <path>: <what>". */
lt_status lt_body_bad(const lt_at *at, const char *what, lt_error *err);
/* Gathers "<path>: <what>". */
lt_status lt_body_invalid(lt_body *b, const lt_at *at, lt_error *err, const char *format, ...)
    LT_NODISCARD __attribute__((format(printf, 4, 5)));

/* A list of at most `max` items; LT_ELIMIT names the limit. */
lt_status lt_body_list(yyjson_val *v, const lt_at *at, size_t max, lt_error *err) LT_NODISCARD;
lt_status lt_body_object(yyjson_val *v, const lt_at *at, lt_error *err) LT_NODISCARD;
/* An integer field from min to max (SIZE_MAX: no upper bound). Absent: *out stays, *present (may be
 * NULL) is false. */
lt_status lt_body_size(lt_body *b, yyjson_val *object, const char *name, const lt_at *up, size_t min,
                       size_t max, size_t *out, bool *present, lt_error *err) LT_NODISCARD;
lt_status lt_body_bool(yyjson_val *object, const char *name, const lt_at *up, bool *out,
                       lt_error *err) LT_NODISCARD;
lt_status lt_body_double(yyjson_val *object, const char *name, const lt_at *up, double *out,
                         bool *present, lt_error *err) LT_NODISCARD;
lt_status lt_body_float(yyjson_val *object, const char *name, const lt_at *up, float *out,
                        bool *present, lt_error *err) LT_NODISCARD;
/* Borrowed from the document. */
lt_status lt_body_text(yyjson_val *object, const char *name, const lt_at *up, const char **out,
                       lt_error *err) LT_NODISCARD;
/* A field that has to be there; otherwise "missing field `name`". */
lt_status lt_body_need(yyjson_val *object, const char *name, const lt_at *at, yyjson_val **out,
                       lt_error *err) LT_NODISCARD;

/* A list of strings. */
lt_status lt_body_names(lt_body *b, yyjson_val *v, const lt_at *at, const char ***out, size_t *n,
                        lt_error *err) LT_NODISCARD;
/* A list of point ids. */
lt_status lt_body_ids(lt_body *b, yyjson_val *v, const lt_at *at, lt_id **out, size_t *n,
                      lt_error *err) LT_NODISCARD;
/* The JSON text of a value, zero-terminated. */
lt_status lt_body_json(lt_body *b, yyjson_val *v, const char **out, size_t *n,
                       lt_error *err) LT_NODISCARD;
lt_status lt_body_id(yyjson_val *v, const lt_at *at, lt_id *out, lt_error *err) LT_NODISCARD;
/* A filter, hung on the arena; NULL where the field is absent. */
lt_status lt_body_filter(lt_body *b, yyjson_val *object, const char *name, const lt_filter **out,
                         lt_error *err) LT_NODISCARD;
/* A path into payloads: keys of letters, digits, '_' and '-' or in quotes, with [] or [n]. */
lt_status lt_body_path(const char *path, const lt_at *at, lt_error *err) LT_NODISCARD;

#endif
