/* SPDX-License-Identifier: Apache-2.0
 * Changes in JSON: what the parts of lt_collection_tell share.
 *
 * A body is parsed once (yyjson) and becomes lt_updates whose arrays lie in one arena. What the
 * collection's schema decides (names, dimensions) is left to the engine; here is checked what the
 * form alone decides. Wordings are Qdrant's where it has one: "Format error in JSON body: ..." for
 * a wrong type or a missing field (LT_EINVAL), "Validation error in JSON body: [field: ...]" for a
 * value outside what is allowed (LT_EVALIDATION). */
#ifndef LT_OPS_TELL_H
#define LT_OPS_TELL_H

#include <base/arena.h>
#include <latent.h>
#include <value/value.h>

typedef struct tell {
    lt_arena arena;
    const lt_ask_options *options; /* may be NULL */
    double until;                  /* lt_clock_s; 0: no deadline */
} tell;

/* Where a vector stands, for messages: "points[3].vector.image", "batch.vectors.image[3]". */
typedef struct tell_place {
    const char *list; /* "points", "batch.vectors" */
    size_t at;
    const char *name; /* of the vector; NULL: not known yet */
    bool batch;
} tell_place;

/* ---- tell_body.c ---- */
/* A member; NULL when it is missing or null, which mean the same. */
yyjson_val *tell_field(yyjson_val *object, const char *name);
lt_status tell_malformed(lt_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Parses the body, which must be an object. Free with yyjson_doc_free. */
lt_status tell_parse(const char *json, size_t n_json, yyjson_doc **out,
                     lt_error *err) LT_NODISCARD;
/* The JSON text of a value, in the arena. */
lt_status tell_text(tell *t, yyjson_val *value, const char **out, size_t *n_out,
                    lt_error *err) LT_NODISCARD;
lt_status tell_id(yyjson_val *value, const char *list, size_t at, lt_id *out,
                  lt_error *err) LT_NODISCARD;
/* An array of ids or of strings. */
lt_status tell_ids(tell *t, yyjson_val *list, const char *name, const lt_id **out, size_t *n_out,
                   lt_error *err) LT_NODISCARD;
lt_status tell_names(tell *t, yyjson_val *list, const char *name, const char *const **out,
                     size_t *n_out, lt_error *err) LT_NODISCARD;
/* `points` or `filter` of a body. */
lt_status tell_selection(tell *t, yyjson_val *body, lt_update *u, lt_error *err) LT_NODISCARD;
lt_status tell_payload(tell *t, yyjson_val *value, const char *list, size_t at, const char **out,
                       size_t *n_out, lt_error *err) LT_NODISCARD;

/* ---- tell_vectors.c ---- */
/* The vector or the vectors by name of one point. */
lt_status tell_vectors(tell *t, const tell_place *place, yyjson_val *value, lt_full_point *point,
                       lt_error *err) LT_NODISCARD;
lt_status tell_vector(tell *t, const tell_place *place, const char *name, yyjson_val *value,
                      lt_vector *out, lt_error *err) LT_NODISCARD;

/* ---- tell_points.c ---- */
/* The bodies of "upsert points" and "update vectors". */
lt_status tell_upsert(tell *t, yyjson_val *body, lt_update *u, lt_error *err) LT_NODISCARD;
lt_status tell_set_vectors(tell *t, yyjson_val *body, lt_update *u, lt_error *err) LT_NODISCARD;

#endif
