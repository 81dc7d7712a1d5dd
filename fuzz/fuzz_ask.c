/* SPDX-License-Identifier: Apache-2.0
 * The body of a question: the first byte says which, the rest is JSON. What can be decoded is looked
 * at: payloads are cut down to what was asked for and formulas are computed. */
#include <base/mem.h>
#include <ops/decode.h>
#include <ops/formula.h>
#include <ops/select.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static lt_status no_point(void *context, const lt_filter *filter, bool *out, lt_error *err)
{
    (void)context, (void)err;
    *out = filter != NULL;
    return LT_OK;
}

static void use_query(const lt_query_request *q)
{
    const char *text = "{\"a\":{\"b\":[1,{\"c\":2}]},\"d\":\"2024-01-01\",\"e\":[[],{}]}";
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    LT_CLEANUP(lt_buf_done) lt_buf out = {0};
    const float score = 0.5f;
    double value;

    if (lt_json_parse(text, strlen(text), "payload", &doc, NULL) != LT_OK)
        return;
    const lt_formula_point point = {&score, 1, yyjson_doc_get_root(doc), q->stage.find.defaults,
                                    no_point, NULL};

    if (q->shown.payload.tree &&
        lt_select_write(yyjson_doc_get_root(doc), &q->shown.payload, &out, NULL) != LT_OK)
        __builtin_trap();
    if (q->stage.find.formula)
        (void)!lt_formula_value(q->stage.find.formula, &point, &value, NULL);
}

static lt_status decode(lt_body *b, unsigned kind, yyjson_val *json, lt_error *err)
{
    union {
        lt_get_request get;
        lt_scroll_request scroll;
        lt_count_request count;
        lt_facet_request facet;
        lt_matrix_request matrix;
        lt_query_requests batch;
        lt_query_request query;
    } q;

    switch (kind) {
    case 0:
        return lt_decode_get(b, json, &q.get, err);
    case 1:
        return lt_decode_scroll(b, json, &q.scroll, err);
    case 2:
        return lt_decode_count(b, json, &q.count, err);
    case 3:
        return lt_decode_facet(b, json, &q.facet, err);
    case 4:
        return lt_decode_matrix(b, json, &q.matrix, err);
    case 5:
        return lt_decode_batch(b, json, LT_FORM_QUERY, &q.batch, err);
    default:
        LT_TRY(lt_decode_query(b, json, NULL, (lt_query_form)(kind / 2 % 4), kind % 2, &q.query,
                               err));
        use_query(&q.query);
        return LT_OK;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    lt_arena arena = {0};
    lt_body body = {.arena = &arena};
    lt_error err = {0};

    if (size == 0 || lt_json_parse((const char *)data + 1, size - 1, "body", &doc, &err) != LT_OK)
        return 0;
    lt_status st = decode(&body, data[0] % 16, yyjson_doc_get_root(doc), &err);

    if (st == LT_OK)
        st = lt_body_check(&body, &err);
    if (st != LT_OK && (err.message[0] == '\0' || strchr(err.message, '\n')))
        __builtin_trap();
    lt_body_done(&body);
    lt_arena_done(&arena);
    return 0;
}
