/* SPDX-License-Identifier: Apache-2.0
 * Qdrant's REST interface: what its handlers share. docs/COMPATIBILITY.md lists the paths.
 *
 * A handler checks the request (parameters, content type), lets liblatent answer, and puts the
 * result into the envelope {"result", "status", "time"}. Bodies go to liblatent as they came; its
 * answers are JSON texts already. */
#ifndef LT_SERVER_QDRANT_H
#define LT_SERVER_QDRANT_H

#include "rest.h"

/* What we say we are: clients compare it with their own version. */
#define LT_QDRANT_TITLE "qdrant - vector search engine"
#define LT_QDRANT_VERSION "1.19.0"

/* ---- qdrant_answer.c ---- */

/* The query parameters that several operations take. */
typedef struct lt_qdrant_params {
    bool wait;
    unsigned timeout_s; /* 0: not given */
} lt_qdrant_params;

/* LT_EINVAL or LT_EVALIDATION in Qdrant's words. */
lt_status lt_qdrant_read_params(const lt_http_request *r, lt_qdrant_params *out,
                                lt_error *err) LT_NODISCARD;
/* A parameter that is a non-negative integer; *out is left alone when it was not given. */
lt_status lt_qdrant_number(const lt_http_request *r, const char *name, uint64_t min,
                           uint64_t *out, lt_error *err) LT_NODISCARD;
/* A parameter that is one of `words`; `expected` lists them. */
lt_status lt_qdrant_word(const lt_http_request *r, const char *name, const char *const *words,
                         size_t n_words, const char *expected, lt_error *err) LT_NODISCARD;
lt_status lt_qdrant_flag(const lt_http_request *r, const char *name, bool *out,
                         lt_error *err) LT_NODISCARD;
/* The content type says JSON. */
lt_status lt_qdrant_check_body(const lt_http_request *r, lt_error *err) LT_NODISCARD;
/* The same, and parses it; it must be an object. Free with yyjson_doc_free. */
lt_status lt_qdrant_parse_body(const lt_http_request *r, yyjson_doc **out,
                               lt_error *err) LT_NODISCARD;

/* Success: `result` is JSON text. */
void lt_qdrant_ok(const lt_http_request *r, lt_http_answer *a, const char *result,
                  size_t n_result);
/* The same with 202: what was asked for without waiting for it. */
void lt_qdrant_accepted(const lt_http_request *r, lt_http_answer *a);
void lt_qdrant_true(const lt_http_request *r, lt_http_answer *a, bool value);
/* The same from a document, which is taken over. */
lt_status lt_qdrant_doc(const lt_http_request *r, lt_http_answer *a, yyjson_mut_doc *doc,
                        lt_error *err) LT_NODISCARD;
/* {"operation_id", "status"}. */
void lt_qdrant_updated(const lt_http_request *r, lt_http_answer *a, const lt_qdrant_params *params,
                       uint64_t operation);
/* What the router answers when a handler of this interface failed. */
void lt_qdrant_fail(const lt_http_request *r, lt_http_answer *a, const lt_error *err);

/* ---- qdrant_collections.c ---- */
/* Is it a name that a new collection may have? */
lt_status lt_qdrant_check_name(const char *name, lt_error *err) LT_NODISCARD;

/* ---- qdrant_infer.c ---- */

/* Context of lt_qdrant_infer. */
typedef struct lt_qdrant_inference {
    lt_service *service;
    lt_embed_terms terms;
} lt_qdrant_inference;

/* An lt_infer: {"text" or "image" or "object", "model", "options"} to a vector of the model. */
lt_status lt_qdrant_infer(void *context, const char *object, size_t n_object, float **values,
                          size_t *n_values, lt_error *err) LT_NODISCARD;

/* ---- qdrant_service.c ---- */
/* Adds what /metrics says of the collections. */
lt_status lt_qdrant_metrics(lt_service *s, lt_buf *out, lt_error *err) LT_NODISCARD;

/* ---- handlers ---- */
#define LT_QDRANT_HANDLER(name) LT_HANDLER(lt_qdrant_##name)

LT_QDRANT_HANDLER(list_collections);
LT_QDRANT_HANDLER(get_collection);
LT_QDRANT_HANDLER(create_collection);
LT_QDRANT_HANDLER(update_collection);
LT_QDRANT_HANDLER(delete_collection);
LT_QDRANT_HANDLER(collection_exists);
LT_QDRANT_HANDLER(create_vector);
LT_QDRANT_HANDLER(delete_vector);
LT_QDRANT_HANDLER(optimizations);
LT_QDRANT_HANDLER(create_index);
LT_QDRANT_HANDLER(delete_index);
LT_QDRANT_HANDLER(change_aliases);
LT_QDRANT_HANDLER(collection_aliases);
LT_QDRANT_HANDLER(all_aliases);

LT_QDRANT_HANDLER(list_snapshots);
LT_QDRANT_HANDLER(create_snapshot);
LT_QDRANT_HANDLER(get_snapshot);
LT_QDRANT_HANDLER(delete_snapshot);
LT_QDRANT_HANDLER(recover_snapshot);
LT_QDRANT_HANDLER(upload_snapshot);

LT_QDRANT_HANDLER(get_point);
LT_QDRANT_HANDLER(get_points);
LT_QDRANT_HANDLER(scroll);
LT_QDRANT_HANDLER(count);
LT_QDRANT_HANDLER(facet);
LT_QDRANT_HANDLER(query);
LT_QDRANT_HANDLER(query_batch);
LT_QDRANT_HANDLER(query_groups);
LT_QDRANT_HANDLER(search);
LT_QDRANT_HANDLER(search_batch);
LT_QDRANT_HANDLER(search_groups);
LT_QDRANT_HANDLER(recommend);
LT_QDRANT_HANDLER(recommend_batch);
LT_QDRANT_HANDLER(recommend_groups);
LT_QDRANT_HANDLER(discover);
LT_QDRANT_HANDLER(discover_batch);
LT_QDRANT_HANDLER(matrix_pairs);
LT_QDRANT_HANDLER(matrix_offsets);

LT_QDRANT_HANDLER(upsert);
LT_QDRANT_HANDLER(delete_points);
LT_QDRANT_HANDLER(set_payload);
LT_QDRANT_HANDLER(overwrite_payload);
LT_QDRANT_HANDLER(delete_payload);
LT_QDRANT_HANDLER(clear_payload);
LT_QDRANT_HANDLER(set_vectors);
LT_QDRANT_HANDLER(delete_vectors);
LT_QDRANT_HANDLER(batch);

LT_QDRANT_HANDLER(telemetry);
LT_QDRANT_HANDLER(get_issues);
LT_QDRANT_HANDLER(clear_issues);
LT_QDRANT_HANDLER(get_quotas);
LT_QDRANT_HANDLER(set_quotas);
LT_QDRANT_HANDLER(cluster);
LT_QDRANT_HANDLER(cluster_telemetry);
LT_QDRANT_HANDLER(collection_cluster);
LT_QDRANT_HANDLER(shard_keys);
LT_QDRANT_HANDLER(standalone);

#endif
