/* SPDX-License-Identifier: Apache-2.0
 * JSON bodies to requests. What is decoded borrows strings from the document, which has to stay. */
#ifndef LT_OPS_DECODE_H
#define LT_OPS_DECODE_H

#include "body.h"
#include "request.h"

/* ---- parts ---- */
/* [1, 2], [[1, 2], [3, 4]] or {"indices", "values"}. */
lt_status lt_decode_vector(lt_body *b, yyjson_val *v, const lt_at *at, lt_vector *out,
                           lt_error *err) LT_NODISCARD;
lt_status lt_decode_input(lt_body *b, yyjson_val *v, const lt_at *at, lt_input *out,
                          lt_error *err) LT_NODISCARD;
/* A list of inputs; absent is an empty one. */
lt_status lt_decode_inputs(lt_body *b, yyjson_val *object, const char *name, const lt_at *up,
                           lt_inputs *out, lt_error *err) LT_NODISCARD;
/* One pair or a list of pairs; absent is an empty list. */
lt_status lt_decode_pairs(lt_body *b, yyjson_val *object, const char *name, const lt_at *up,
                          lt_find *out, lt_error *err) LT_NODISCARD;
/* "key" or {"key", "direction", "start_from"}. */
lt_status lt_decode_order(yyjson_val *v, const lt_at *at, lt_order *out, lt_error *err) LT_NODISCARD;
lt_status lt_decode_formula(lt_body *b, yyjson_val *v, const lt_at *at, const lt_expr **out,
                            lt_error *err) LT_NODISCARD;
/* The place of a score: "$score" is 0, "$score[2]" is 2. false: `name` is no such thing. */
bool lt_score_variable(const char *name, bool *broken, size_t *index);
/* `query` of a query. */
lt_status lt_decode_find(lt_body *b, yyjson_val *v, const lt_at *at, lt_find *out,
                         lt_error *err) LT_NODISCARD;
lt_status lt_decode_strategy(yyjson_val *object, const lt_at *up, lt_strategy *out,
                             lt_error *err) LT_NODISCARD;
/* {"collection", "vector"}; absent: both NULL. */
lt_status lt_decode_lookup(yyjson_val *object, const char *name, const lt_at *up, lt_lookup *out,
                           lt_error *err) LT_NODISCARD;
lt_status lt_decode_params(lt_body *b, yyjson_val *object, const lt_at *up, lt_params *out,
                           lt_error *err) LT_NODISCARD;
/* true, false, a list of paths, {"include"}, {"exclude"}. Absent: `out` stays. */
lt_status lt_decode_payload_pick(lt_body *b, yyjson_val *object, const char *name, const lt_at *up,
                                 lt_pick *out, lt_error *err) LT_NODISCARD;
/* true, false or a list of names. */
lt_status lt_decode_vector_pick(lt_body *b, yyjson_val *object, const char *name, const lt_at *up,
                                lt_pick *out, lt_error *err) LT_NODISCARD;
/* with_payload and with_vector (or with_vectors). */
lt_status lt_decode_shown(lt_body *b, yyjson_val *object, const lt_at *up, lt_shown *out,
                          lt_error *err) LT_NODISCARD;
/* "collection" or {"collection", "with_payload", "with_vectors"}. */
lt_status lt_decode_with_lookup(lt_body *b, yyjson_val *object, const lt_at *up,
                                lt_query_request *out, lt_error *err) LT_NODISCARD;
/* group_by and group_size. */
lt_status lt_decode_grouping(lt_body *b, yyjson_val *object, const lt_at *up, size_t default_size,
                             lt_query_request *out, lt_error *err) LT_NODISCARD;
void lt_stage_init(lt_stage *stage);

/* ---- whole bodies ---- */
lt_status lt_decode_get(lt_body *b, yyjson_val *v, lt_get_request *out, lt_error *err) LT_NODISCARD;
lt_status lt_decode_scroll(lt_body *b, yyjson_val *v, lt_scroll_request *out,
                           lt_error *err) LT_NODISCARD;
lt_status lt_decode_count(lt_body *b, yyjson_val *v, lt_count_request *out,
                          lt_error *err) LT_NODISCARD;
lt_status lt_decode_facet(lt_body *b, yyjson_val *v, lt_facet_request *out,
                          lt_error *err) LT_NODISCARD;
lt_status lt_decode_matrix(lt_body *b, yyjson_val *v, lt_matrix_request *out,
                           lt_error *err) LT_NODISCARD;

/* The queries: points/query, and the older search, recommend and discover. */
typedef enum lt_query_form { LT_FORM_QUERY, LT_FORM_SEARCH, LT_FORM_RECOMMEND, LT_FORM_DISCOVER } lt_query_form;

lt_status lt_decode_query(lt_body *b, yyjson_val *v, const lt_at *at, lt_query_form form,
                          bool groups, lt_query_request *out, lt_error *err) LT_NODISCARD;
/* {"searches": [...]}. */
lt_status lt_decode_batch(lt_body *b, yyjson_val *v, lt_query_form form, lt_query_requests *out,
                          lt_error *err) LT_NODISCARD;
/* decode_older.c */
lt_status lt_decode_older(lt_body *b, yyjson_val *v, const lt_at *at, lt_query_form form,
                          bool groups, lt_query_request *out, lt_error *err) LT_NODISCARD;

#endif
