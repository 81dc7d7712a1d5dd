/* SPDX-License-Identifier: Apache-2.0
 * lt_collection_ask: a body is decoded, answered from one committed state and printed. */
#include <base/clock.h>
#include <base/limits.h>
#include <base/mem.h>
#include <stdatomic.h>
#include <string.h>

#include "decode.h"
#include "print.h"
#include "run.h"

/* One question from its body to its answer's text. */
typedef struct question {
    lt_arena decoded; /* the request */
    lt_arena work;    /* what answering it takes */
    lt_body body;
    lt_asking asking;
    yyjson_val *json;
    lt_buf *out;
} question;

/* ---- one function a form of body ------------------------------------------------------------- */

static lt_status ask_get(question *q, lt_error *err)
{
    lt_get_request request;
    lt_rows rows;

    LT_TRY(lt_decode_get(&q->body, q->json, &request, err));
    LT_TRY(lt_body_check(&q->body, err));
    LT_TRY(lt_run_get(&q->asking, &request, &rows, err));
    return lt_print_rows(&rows, false, q->out, err);
}

static lt_status ask_scroll(question *q, lt_error *err)
{
    lt_scroll_request request;
    lt_page page;

    LT_TRY(lt_decode_scroll(&q->body, q->json, &request, err));
    LT_TRY(lt_body_check(&q->body, err));
    LT_TRY(lt_run_scroll(&q->asking, &request, &page, err));
    return lt_print_page(&page, q->out, err);
}

static lt_status ask_count(question *q, lt_error *err)
{
    lt_count_request request;
    uint64_t n;

    LT_TRY(lt_decode_count(&q->body, q->json, &request, err));
    LT_TRY(lt_body_check(&q->body, err));
    LT_TRY(lt_run_count(&q->asking, &request, &n, err));
    return lt_buf_addf(q->out, err, "{\"count\":%llu}", (unsigned long long)n);
}

static lt_status ask_facet(question *q, lt_error *err)
{
    lt_facet_request request;
    lt_facet facet;

    LT_TRY(lt_decode_facet(&q->body, q->json, &request, err));
    LT_TRY(lt_body_check(&q->body, err));
    LT_TRY(lt_run_facet(&q->asking, &request, &facet, err));
    return lt_print_facet(&facet, q->out, err);
}

static lt_status ask_matrix(question *q, bool pairs, lt_error *err)
{
    lt_matrix_request request;
    lt_matrix matrix;

    LT_TRY(lt_decode_matrix(&q->body, q->json, &request, err));
    LT_TRY(lt_body_check(&q->body, err));
    LT_TRY(lt_run_matrix(&q->asking, &request, &matrix, err));
    return pairs ? lt_print_pairs(&matrix, q->out, err) : lt_print_offsets(&matrix, q->out, err);
}

/* A query's points; the newer form has them in an object. */
static lt_status answer_query(question *q, lt_query_form form, const lt_query_request *request,
                              lt_error *err)
{
    lt_rows rows;

    LT_TRY(lt_run_query(&q->asking, request, &rows, err));
    if (form == LT_FORM_QUERY)
        LT_TRY(lt_buf_adds(q->out, "{\"points\":", err));
    LT_TRY(lt_print_rows(&rows, true, q->out, err));
    return form == LT_FORM_QUERY ? lt_buf_addc(q->out, '}', err) : LT_OK;
}

static lt_status ask_query(question *q, lt_query_form form, lt_error *err)
{
    lt_query_request request;

    LT_TRY(lt_decode_query(&q->body, q->json, NULL, form, false, &request, err));
    LT_TRY(lt_body_check(&q->body, err));
    return answer_query(q, form, &request, err);
}

static lt_status check_length(const question *q, lt_error *err)
{
    if (q->out->len > LT_LIMIT_ANSWER_BYTES)
        return lt_fail(err, LT_ELIMIT, "the answer is longer than %u bytes", LT_LIMIT_ANSWER_BYTES);
    return LT_OK;
}

static lt_status ask_batch(question *q, lt_query_form form, lt_error *err)
{
    lt_query_requests requests;

    LT_TRY(lt_decode_batch(&q->body, q->json, form, &requests, err));
    LT_TRY(lt_body_check(&q->body, err));
    LT_TRY(lt_buf_addc(q->out, '[', err));
    for (size_t i = 0; i < requests.n; i++) {
        if (i)
            LT_TRY(lt_buf_addc(q->out, ',', err));
        LT_TRY(answer_query(q, form, &requests.items[i], err));
        LT_TRY(check_length(q, err));
        lt_asking_clear(&q->asking);
    }
    return lt_buf_addc(q->out, ']', err);
}

static lt_status ask_groups(question *q, lt_query_form form, lt_error *err)
{
    lt_query_request request;
    lt_groups groups;

    LT_TRY(lt_decode_query(&q->body, q->json, NULL, form, true, &request, err));
    LT_TRY(lt_body_check(&q->body, err));
    LT_TRY(lt_run_groups(&q->asking, &request, &groups, err));
    return lt_print_groups(&groups, q->out, err);
}

static lt_status answer(question *q, lt_ask_kind kind, lt_error *err)
{
    switch (kind) {
    case LT_ASK_GET:
        return ask_get(q, err);
    case LT_ASK_SCROLL:
        return ask_scroll(q, err);
    case LT_ASK_COUNT:
        return ask_count(q, err);
    case LT_ASK_FACET:
        return ask_facet(q, err);
    case LT_ASK_QUERY:
        return ask_query(q, LT_FORM_QUERY, err);
    case LT_ASK_QUERY_BATCH:
        return ask_batch(q, LT_FORM_QUERY, err);
    case LT_ASK_QUERY_GROUPS:
        return ask_groups(q, LT_FORM_QUERY, err);
    case LT_ASK_SEARCH:
        return ask_query(q, LT_FORM_SEARCH, err);
    case LT_ASK_SEARCH_BATCH:
        return ask_batch(q, LT_FORM_SEARCH, err);
    case LT_ASK_SEARCH_GROUPS:
        return ask_groups(q, LT_FORM_SEARCH, err);
    case LT_ASK_RECOMMEND:
        return ask_query(q, LT_FORM_RECOMMEND, err);
    case LT_ASK_RECOMMEND_BATCH:
        return ask_batch(q, LT_FORM_RECOMMEND, err);
    case LT_ASK_RECOMMEND_GROUPS:
        return ask_groups(q, LT_FORM_RECOMMEND, err);
    case LT_ASK_DISCOVER:
        return ask_query(q, LT_FORM_DISCOVER, err);
    case LT_ASK_DISCOVER_BATCH:
        return ask_batch(q, LT_FORM_DISCOVER, err);
    case LT_ASK_MATRIX_PAIRS:
        return ask_matrix(q, true, err);
    case LT_ASK_MATRIX_OFFSETS:
        return ask_matrix(q, false, err);
    default:
        return lt_fail(err, LT_EINVAL, "lt_ask_kind: %d is none", (int)kind);
    }
}

/* ---- the call -------------------------------------------------------------------------------- */

static void question_done(question *q)
{
    lt_body_done(&q->body);
    lt_arena_done(&q->work);
    lt_arena_done(&q->decoded);
    lt_reader_close(q->asking.r);
}

static uint64_t next_seed(void)
{
    static _Atomic uint64_t count;

    return (uint64_t)(lt_clock_s() * 1e9) ^ atomic_fetch_add(&count, 0x9e3779b97f4a7c15u);
}

static lt_status set_options(question *q, const lt_ask_options *options, lt_error *err)
{
    q->asking.rng.state = next_seed();
    if (!options)
        return LT_OK;
    if (options->size != sizeof *options)
        return lt_fail(err, LT_EINVAL, "lt_ask_options: start it with LT_ASK_OPTIONS_INIT");
    q->asking.infer = options->infer;
    q->asking.infer_context = options->context;
    if (options->deadline_s > 0)
        q->asking.until_s = lt_clock_s() + options->deadline_s;
    return LT_OK;
}

lt_status lt_collection_ask(lt_collection *collection, lt_ask_kind kind, const char *json,
                            size_t n_json, const lt_ask_options *options, char **out,
                            size_t *n_out, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};
    LT_CLEANUP(question_done) question q = {.out = &text};

    if (!collection || (!json && n_json) || !out || !n_out)
        return lt_fail(err, LT_EINVAL, "collection, json, out and n_out are required");
    q.decoded.limit = q.work.limit = LT_LIMIT_QUESTION_BYTES;
    q.body.arena = &q.decoded;
    q.asking.arena = &q.work;
    LT_TRY(set_options(&q, options, err));
    LT_TRY(lt_body_parse(json, n_json, &doc, err));
    q.json = yyjson_doc_get_root(doc);
    LT_TRY(lt_reader_open(collection, &q.asking.r, err));
    lt_status st = answer(&q, kind, err);

    if (st == LT_ENOMEM && (q.decoded.over || q.work.over))
        return lt_fail(err, LT_ELIMIT, "the question takes more than %u bytes of memory",
                       LT_LIMIT_QUESTION_BYTES);
    LT_TRY(st);
    LT_TRY(check_length(&q, err));
    *n_out = text.len;
    *out = lt_buf_steal(&text);
    return LT_OK;
}
