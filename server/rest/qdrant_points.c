/* SPDX-License-Identifier: Apache-2.0
 * Qdrant's REST interface: points, read (lt_collection_ask) and changed (lt_collection_tell). */
#include <base/buf.h>
#include <base/clock.h>
#include <base/error.h>
#include <base/mem.h>
#include <stdio.h>
#include <string.h>

#include "qdrant.h"

/* What one request works with, and what has to be given back after it. */
typedef struct work {
    lt_service *service;
    lt_shelf_entry *entry;
    lt_qdrant_params params;
    lt_qdrant_inference inference;
    lt_ask_options options;
} work;

static void work_done(work *w)
{
    if (w->entry)
        lt_shelf_give(w->service->shelf, w->entry);
}

static lt_status begin(work *w, const lt_http_request *r, const lt_route_args *args, lt_error *err)
{
    LT_TRY(lt_qdrant_read_params(r, &w->params, err));
    w->inference = (lt_qdrant_inference){w->service, lt_service_terms(w->service, r)};
    w->options = (lt_ask_options)LT_ASK_OPTIONS_INIT;
    w->options.infer = lt_qdrant_infer;
    w->options.context = &w->inference;
    w->options.deadline_s =
        w->params.timeout_s ? (double)w->params.timeout_s : w->service->config->deadline_s;
    return lt_shelf_take(w->service->shelf, args->name, &w->entry, err);
}

/* ---- reading --------------------------------------------------------------------------------- */

static lt_status ask(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                     lt_ask_kind kind, lt_http_answer *a, lt_error *err)
{
    LT_CLEANUP(work_done) work w = {.service = s};
    char *text = NULL;
    size_t n = 0;

    LT_TRY(lt_qdrant_check_body(r, err));
    LT_TRY(begin(&w, r, args, err));
    LT_TRY(lt_collection_ask(lt_shelf_collection(w.entry), kind, r->body, r->n_body, &w.options,
                             &text, &n, err));
    lt_qdrant_ok(r, a, text, n);
    lt_text_free(text);
    return LT_OK;
}

#define ASK(name, kind) LT_QDRANT_HANDLER(name) { return ask(s, r, args, kind, a, err); }
ASK(get_points, LT_ASK_GET)
ASK(scroll, LT_ASK_SCROLL)
ASK(count, LT_ASK_COUNT)
ASK(facet, LT_ASK_FACET)
ASK(query, LT_ASK_QUERY)
ASK(query_batch, LT_ASK_QUERY_BATCH)
ASK(query_groups, LT_ASK_QUERY_GROUPS)
ASK(search, LT_ASK_SEARCH)
ASK(search_batch, LT_ASK_SEARCH_BATCH)
ASK(search_groups, LT_ASK_SEARCH_GROUPS)
ASK(recommend, LT_ASK_RECOMMEND)
ASK(recommend_batch, LT_ASK_RECOMMEND_BATCH)
ASK(recommend_groups, LT_ASK_RECOMMEND_GROUPS)
ASK(discover, LT_ASK_DISCOVER)
ASK(discover_batch, LT_ASK_DISCOVER_BATCH)
ASK(matrix_pairs, LT_ASK_MATRIX_PAIRS)
ASK(matrix_offsets, LT_ASK_MATRIX_OFFSETS)

LT_QDRANT_HANDLER(get_point)
{
    LT_CLEANUP(work_done) work w = {.service = s};
    char body[160], spelled[LT_ID_TEXT_MAX];
    const char *quote;
    char *text = NULL;
    size_t n = 0;
    lt_id id;

    LT_TRY(begin(&w, r, args, err));
    if (lt_id_parse(args->names[1], &id, NULL) != LT_OK)
        return lt_fail(err, LT_EINVAL,
                       "value \"%.80s\" is not a valid point ID, valid values are either an "
                       "unsigned integer or a UUID",
                       args->names[1]);
    quote = id.kind == LT_ID_UUID ? "\"" : "";
    lt_id_format(&id, spelled);
    int n_body = snprintf(body, sizeof body,
                          "{\"ids\":[%s%s%s],\"with_payload\":true,\"with_vector\":true}", quote,
                          spelled, quote);

    LT_TRY(lt_collection_ask(lt_shelf_collection(w.entry), LT_ASK_GET, body, (size_t)n_body,
                             &w.options, &text, &n, err));
    /* A list of one point, or of none. */
    lt_status st = n > 2 ? LT_OK
                         : lt_fail(err, LT_ENOTFOUND, "Point with id %s does not exists!", spelled);

    if (st == LT_OK)
        lt_qdrant_ok(r, a, text + 1, n - 2);
    lt_text_free(text);
    return st;
}

/* ---- changing -------------------------------------------------------------------------------- */

/* One result for each operation of a batch. */
static lt_status answer_batch(const lt_http_request *r, lt_http_answer *a,
                              const lt_qdrant_params *params, const lt_update_result *results,
                              size_t n, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf out = {0};

    LT_TRY(lt_buf_addc(&out, '[', err));
    for (size_t i = 0; i < n; i++)
        LT_TRY(lt_buf_addf(&out, err, "%s{\"operation_id\":%llu,\"status\":\"%s\"}", i ? "," : "",
                           (unsigned long long)results[i].operation,
                           params->wait ? "completed" : "acknowledged"));
    LT_TRY(lt_buf_addc(&out, ']', err));
    lt_qdrant_ok(r, a, out.data, out.len);
    return LT_OK;
}

static void free_results(lt_update_result **results)
{
    lt_results_free(*results);
}

/* What a quota refuses: deleting must stay possible. */
static bool adds(lt_tell_kind kind)
{
    return kind == LT_TELL_UPSERT || kind == LT_TELL_SET_PAYLOAD ||
           kind == LT_TELL_OVERWRITE_PAYLOAD || kind == LT_TELL_SET_VECTORS ||
           kind == LT_TELL_BATCH;
}

/* Every change is on disk when it is answered, with `wait` or without. Without it a listed id that
 * is absent is no error, as the change would not have been looked at yet. */
static lt_status tell(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                      lt_tell_kind kind, lt_http_answer *a, lt_error *err)
{
    LT_CLEANUP(work_done) work w = {.service = s};
    LT_CLEANUP(free_results) lt_update_result *results = NULL;
    size_t n = 0;

    LT_TRY(lt_qdrant_check_body(r, err));
    LT_TRY(begin(&w, r, args, err));
    if (adds(kind))
        LT_TRY(lt_quota_check(w.service->quota, err));
    lt_status st = lt_collection_tell(lt_shelf_collection(w.entry), kind, r->body, r->n_body,
                                      &w.options, &results, &n, err);

    if (st != LT_OK && (st != LT_ENOTFOUND || w.params.wait || n == 0))
        return st;
    if (kind == LT_TELL_BATCH)
        return answer_batch(r, a, &w.params, results, n, err);
    lt_qdrant_updated(r, a, &w.params, n ? results[0].operation : 0);
    return LT_OK;
}

#define TELL(name, kind) LT_QDRANT_HANDLER(name) { return tell(s, r, args, kind, a, err); }
TELL(upsert, LT_TELL_UPSERT)
TELL(delete_points, LT_TELL_DELETE)
TELL(set_payload, LT_TELL_SET_PAYLOAD)
TELL(overwrite_payload, LT_TELL_OVERWRITE_PAYLOAD)
TELL(delete_payload, LT_TELL_DELETE_PAYLOAD)
TELL(clear_payload, LT_TELL_CLEAR_PAYLOAD)
TELL(set_vectors, LT_TELL_SET_VECTORS)
TELL(delete_vectors, LT_TELL_DELETE_VECTORS)
TELL(batch, LT_TELL_BATCH)
