/* SPDX-License-Identifier: Apache-2.0
 * The parts of questions that need no database: bodies to requests, formulas, parts of payloads,
 * numbers as text, values of groups, arenas. */
#include <base/arena.h>
#include <base/limits.h>
#include <base/mem.h>
#include <math.h>
#include <ops/decode.h>
#include <ops/formula.h>
#include <ops/print.h>
#include <ops/select.h>
#include <ops/tally.h>
#include <stdlib.h>
#include <string.h>

#include "lt_cmocka.h"

/* A body while it is decoded. */
typedef struct fixture {
    lt_arena arena;
    lt_body body;
    yyjson_doc *doc;
    yyjson_val *json;
    lt_error err;
} fixture;

static void begin(fixture *f, const char *json)
{
    *f = (fixture){0};
    f->body.arena = &f->arena;
    assert_ok(lt_json_parse(json, strlen(json), "test", &f->doc, &f->err), &f->err);
    f->json = yyjson_doc_get_root(f->doc);
}

static void end(fixture *f)
{
    lt_body_done(&f->body);
    lt_arena_done(&f->arena);
    lt_json_free(&f->doc);
}

/* ---- arenas ---------------------------------------------------------------------------------- */

static void count_release(void *object)
{
    ++*(int *)object;
}

static void arena_pieces(void **state)
{
    lt_arena a = {0};
    lt_error err;
    int released = 0;
    size_t cap = 0;
    int *items = NULL;

    (void)state;
    for (size_t i = 0; i < 2000; i++) {
        char *taken = lt_arena_take(&a, i % 77, 3);
        char *zeroed = lt_arena_alloc(&a, i % 501, i % 300);

        assert_non_null(taken);
        assert_non_null(zeroed);
        assert_int_equal((uintptr_t)taken % 16, 0);
        assert_int_equal((uintptr_t)zeroed % 64, 0);
        for (size_t k = 0; k < (i % 501) * (i % 300); k++)
            assert_int_equal(zeroed[k], 0);
        memset(taken, 0x55, i % 77 * 3);
        memset(zeroed, 0x55, (i % 501) * (i % 300));
    }
    assert_null(lt_arena_take(&a, SIZE_MAX / 2, 3));
    assert_null(lt_arena_alloc(&a, SIZE_MAX, 1));
    assert_string_equal(lt_arena_text(&a, "abcdef", 3), "abc");
    for (int i = 0; i < 100; i++) {
        items = lt_arena_grow(&a, items, (size_t)i, &cap, sizeof *items);
        items[i] = i;
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(items[i], i);
    assert_ok(lt_arena_defer(&a, count_release, &released, &err), &err);
    assert_int_equal(released, 0);
    lt_arena_done(&a);
    assert_int_equal(released, 1);
}

static void arena_with_a_limit(void **state)
{
    lt_arena a = {.limit = 100000};

    (void)state;
    for (int round = 0; round < 2; round++) { /* emptied, it has the same limit */
        assert_non_null(lt_arena_take(&a, 50000, 1));
        assert_true(lt_arena_charge(&a, 20000));
        assert_false(a.over);
        assert_null(lt_arena_alloc(&a, 50000, 1));
        assert_true(a.over);
        assert_false(lt_arena_charge(&a, 100000));
        assert_non_null(lt_arena_take(&a, 1, 1)); /* what is there can be used up */
        lt_arena_done(&a);
        assert_false(a.over);
    }
}

static void arena_without_memory(void **state)
{
    lt_arena a = {0};
    lt_error err;
    int released = 0;

    (void)state;
    lt_mem_fail_at(0, true);
    assert_null(lt_arena_take(&a, 1, 1));
    assert_int_equal(lt_arena_defer(&a, count_release, &released, &err), LT_ENOMEM);
    lt_mem_fail_at(-1, false);
    assert_int_equal(released, 1); /* what could not be hung on is released at once */
    lt_arena_done(&a);
    assert_int_equal(released, 1);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void print_f32(void **state)
{
    static const struct {
        float value;
        const char *text;
    } cases[] = {{0, "0.0"},      {1, "1.0"},          {-3, "-3.0"},       {0.1f, "0.1"},
                 {1.0f / 3, "0.33333334"}, {16777216, "16777216.0"}, {0.75f, "0.75"}, {-0.0f, "-0.0"}};
    LT_CLEANUP(lt_buf_done) lt_buf out = {0};
    lt_error err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lt_buf_clear(&out);
        assert_ok(lt_print_f32(cases[i].value, &out, &err), &err);
        assert_string_equal(out.data, cases[i].text);
    }
    /* Any float comes back from its text, and not from one digit less. */
    uint32_t bits = 0x12345u;

    for (int i = 0; i < 20000; i++) {
        float value;

        bits = bits * 1664525u + 1013904223u;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        lt_buf_clear(&out);
        assert_ok(lt_print_f32(value, &out, &err), &err);
        assert_true(strtof(out.data, NULL) == value);
        assert_true(strpbrk(out.data, ".e") != NULL);
    }
}

static void print_vectors(void **state)
{
    const float values[] = {1, 0.5f, -2, 1e-7f};
    const uint32_t indices[] = {7, 9};
    lt_vector vectors[] = {{"", LT_VECTOR_DENSE, values, 2, 0, NULL},
                           {"m\"", LT_VECTOR_MULTI, values, 4, 2, NULL},
                           {"s", LT_VECTOR_SPARSE, values, 2, 0, indices}};
    lt_row row = {.id = lt_id_from_num(18446744073709551615u), .version = 7, .score = 2,
                  .payload = "{\"a\":1}", .payload_len = 7, .has_vectors = true,
                  .vectors = vectors, .n_vectors = 3,
                  .order = {.kind = LT_ORDER_FLOAT, .d = 3}};
    const lt_rows rows = {&row, 1};
    LT_CLEANUP(lt_buf_done) lt_buf out = {0};
    lt_error err;

    (void)state;
    assert_ok(lt_print_rows(&rows, true, &out, &err), &err);
    assert_string_equal(
        out.data, "[{\"id\":18446744073709551615,\"version\":7,\"score\":2.0,\"payload\":{\"a\":1},"
                  "\"vector\":{\"\":[1.0,0.5],\"m\\\"\":[[1.0,0.5],[-2.0,1e-7]],"
                  "\"s\":{\"indices\":[7,9],\"values\":[1.0,0.5]}},\"order_value\":3.0}]");
    row = (lt_row){.id = {.kind = LT_ID_UUID}, .has_vectors = true, .vectors = vectors,
                   .n_vectors = 1, .order = {.kind = LT_ORDER_INT, .i = -4}};
    lt_buf_clear(&out);
    assert_ok(lt_print_rows(&rows, false, &out, &err), &err);
    assert_string_equal(out.data, "[{\"id\":\"00000000-0000-0000-0000-000000000000\","
                                  "\"vector\":[1.0,0.5],\"order_value\":-4}]");
}

/* ---- parts of payloads ----------------------------------------------------------------------- */

static void check_selection(const char *request, const char *payload, const char *want)
{
    LT_CLEANUP(lt_buf_done) lt_buf out = {0};
    fixture f, p;
    lt_pick pick = {0};

    begin(&f, request);
    begin(&p, payload);
    assert_ok(lt_decode_payload_pick(&f.body, f.json, "with_payload", NULL, &pick, &f.err), &f.err);
    assert_ok(lt_select_write(p.json, &pick, &out, &f.err), &f.err);
    assert_string_equal(out.data, want);
    end(&f);
    end(&p);
}

static void select_parts(void **state)
{
    const char *payload = "{\"a\":{\"b\":1,\"c\":2},\"aa\":{\"b\":3},\"a.b\":4,"
                          "\"l\":[{\"b\":5,\"c\":6},7,[{\"b\":8}]]}";

    (void)state;
    check_selection("{\"with_payload\":[\"a.b\"]}", payload, "{\"a\":{\"b\":1}}");
    check_selection("{\"with_payload\":[\"\\\"a.b\\\"\",\"l[].c\"]}", payload,
                    "{\"a.b\":4,\"l\":[{\"c\":6},7,[]]}");
    check_selection("{\"with_payload\":{\"include\":[\"l\",\"l[].b\",\"none\"]}}", payload,
                    "{\"l\":[{\"b\":5,\"c\":6},7,[{\"b\":8}]]}");
    check_selection("{\"with_payload\":{\"include\":[\"l[0].b\"]}}", payload, "{\"l\":[]}");
    check_selection("{\"with_payload\":{\"exclude\":[\"a\",\"l[].b\",\"aa.b\"]}}", payload,
                    "{\"aa\":{},\"a.b\":4,\"l\":[{\"c\":6},7,[{\"b\":8}]]}");
    check_selection("{\"with_payload\":{\"exclude\":[\"l[]\"]}}", payload,
                    "{\"a\":{\"b\":1,\"c\":2},\"aa\":{\"b\":3},\"a.b\":4,\"l\":[]}");
    check_selection("{\"with_payload\":[]}", payload, "{}");
}

/* ---- formulas -------------------------------------------------------------------------------- */

static lt_status never_asked(void *context, const lt_filter *filter, bool *out, lt_error *err)
{
    (void)filter;
    *out = *(const bool *)context;
    return err ? LT_OK : LT_EINVAL;
}

/* The value of a formula where the first prefetch gave 0.5 and the second nothing. */
static lt_status evaluate(const char *formula, const char *defaults, double *out, lt_error *err)
{
    const char *payload = "{\"n\":4,\"list\":[9],\"many\":[1,2],\"none\":[],\"s\":\"x\","
                          "\"when\":\"1970-01-02T00:00:00Z\",\"place\":{\"lat\":0,\"lon\":1}}";
    const float scores[] = {0.5f, NAN};
    bool passes = true;
    fixture f, p, d;
    const lt_expr *e;

    begin(&f, formula);
    begin(&p, payload);
    begin(&d, defaults);
    const lt_formula_point point = {scores, 2, p.json, d.json, never_asked, &passes};
    lt_status st = lt_decode_formula(&f.body, f.json, NULL, &e, err);

    if (st == LT_OK)
        st = lt_formula_value(e, &point, out, err);
    end(&f);
    end(&p);
    end(&d);
    return st;
}

static void check_value(const char *formula, const char *defaults, double want)
{
    double got;
    lt_error err = {0};

    assert_ok(evaluate(formula, defaults, &got, &err), &err);
    assert_float_equal(got, want, 1e-9);
}

static void check_refused(const char *formula, const char *word)
{
    double got;
    lt_error err = {0};

    assert_int_equal(evaluate(formula, "{}", &got, &err), LT_EINVAL);
    if (!strstr(err.message, word))
        fail_msg("%s: '%s' is not about '%s'", formula, err.message, word);
}

static void formula_values(void **state)
{
    (void)state;
    check_value("2.5", "{}", 2.5);
    check_value("\"$score\"", "{}", 0.5);
    check_value("\"$score[0]\"", "{\"$score\":9}", 0.5);
    check_value("\"$score[1]\"", "{}", 0);
    check_value("\"$score[1]\"", "{\"$score[1]\":9}", 9);
    check_value("\"$score[7]\"", "{\"$score[7]\":3}", 3);
    check_value("\"n\"", "{}", 4);
    check_value("\"list\"", "{}", 9);
    check_value("\"none\"", "{\"none\":[3]}", 3);
    check_value("{\"datetime_key\":\"when\"}", "{}", 86400);
    check_value("{\"datetime\":\"1970-01-01T00:00:01.5Z\"}", "{}", 1.5);
    check_value("{\"datetime_key\":\"gone\"}", "{\"gone\":\"1970-01-01\"}", 0);
    check_value("{\"geo_distance\":{\"origin\":{\"lat\":0,\"lon\":0},\"to\":\"place\"}}", "{}",
                6371008.8 * 3.14159265358979323846 / 180);
    check_value("{\"key\":\"n\",\"match\":{\"value\":4}}", "{}", 1);
    check_value("{\"sum\":[1,{\"mult\":[2,\"n\"]},{\"neg\":3}]}", "{}", 6);
    check_value("{\"sum\":[]}", "{}", 0);
    check_value("{\"mult\":[]}", "{}", 1);
    check_value("{\"max\":[1,\"n\",2]}", "{}", 4);
    check_value("{\"min\":[1,\"n\",{\"neg\":2}]}", "{}", -2);
    check_value("{\"abs\":{\"neg\":7}}", "{}", 7);
    check_value("{\"sqrt\":\"n\"}", "{}", 2);
    check_value("{\"pow\":{\"base\":\"n\",\"exponent\":0.5}}", "{}", 2);
    check_value("{\"exp\":{\"ln\":5}}", "{}", 5);
    check_value("{\"log10\":1000}", "{}", 3);
    check_value("{\"acosh\":1}", "{}", 0);
    check_value("{\"div\":{\"left\":1,\"right\":\"n\"}}", "{}", 0.25);
    check_value("{\"div\":{\"left\":1,\"right\":0,\"by_zero_default\":8}}", "{}", 8);
    /* What a zero decides is not looked at. */
    check_value("{\"mult\":[0,\"nowhere\"]}", "{}", 0);
    check_value("{\"div\":{\"left\":0,\"right\":\"nowhere\"}}", "{}", 0);
    check_value("{\"lin_decay\":{\"x\":3,\"target\":2,\"scale\":2}}", "{}", 0.75);
    check_value("{\"lin_decay\":{\"x\":30}}", "{}", 0);
    check_value("{\"exp_decay\":{\"x\":\"n\",\"scale\":4,\"midpoint\":0.3}}", "{}", 0.3);
    check_value("{\"gauss_decay\":{\"x\":\"n\",\"target\":2,\"scale\":2,\"midpoint\":0.25}}", "{}",
                0.25);
}

static void formula_refusals(void **state)
{
    (void)state;
    check_refused("\"gone\"", "No value found for `gone`");
    check_refused("\"many\"", "one value for `many`");
    check_refused("\"s\"", "number value for `s`");
    check_refused("{\"datetime_key\":\"n\"}", "datetime value for `n`");
    check_refused("{\"geo_distance\":{\"origin\":{\"lat\":0,\"lon\":0},\"to\":\"n\"}}", "geo point");
    check_refused("{\"geo_distance\":{\"origin\":{\"lat\":0},\"to\":\"n\"}}", "geo_distance.origin");
    check_refused("{\"sqrt\":{\"neg\":1}}", "sqrt(-1)");
    check_refused("{\"ln\":0}", "ln(0)");
    check_refused("{\"log10\":{\"neg\":1}}", "log10(-1)");
    check_refused("{\"exp\":10000}", "exp(10000)");
    check_refused("{\"acosh\":0.5}", "acosh(0.5)");
    check_refused("{\"pow\":{\"base\":0,\"exponent\":{\"neg\":1}}}", "0^-1");
    check_refused("{\"div\":{\"left\":1,\"right\":0}}", "1/0");
    check_refused("\"$scores\"", "$score");
    check_refused("\"$score[-1]\"", "$score");
    check_refused("\"$score[1]x\"", "$score");
    check_refused("\"a..b\"", "path");
    check_refused("null", "expected a number");
    check_refused("{\"sum\":1}", "sum: expected a list");
    check_refused("{\"min\":[]}", "at least one");
    check_refused("{\"sum\":[1,[2]]}", "sum[1]");
    check_refused("{\"datetime\":\"soon\"}", "datetime");
    check_refused("{\"lin_decay\":{\"x\":1,\"midpoint\":1.5}}", "midpoint");
    check_refused("{\"gauss_decay\":{\"x\":1,\"scale\":0}}", "scale");
    check_refused("{\"nothing\":1}", "nothing");
}

static void formula_depth(void **state)
{
    char *text = lt_malloc(4096);
    size_t n = 0;
    double value;
    lt_error err = {0};

    (void)state;
    assert_non_null(text);
    for (int i = 0; i < 70; i++)
        n += (size_t)sprintf(text + n, "{\"neg\":");
    n += (size_t)sprintf(text + n, "1");
    for (int i = 0; i < 70; i++)
        text[n++] = '}';
    text[n] = '\0';
    assert_int_equal(evaluate(text, "{}", &value, &err), LT_ELIMIT);
    lt_free(text);
}

/* ---- bodies ---------------------------------------------------------------------------------- */

static void decode_kinds(void **state)
{
    static const struct {
        const char *query;
        lt_find_kind kind;
    } cases[] = {
        {"null", LT_FIND_ALL},
        {"[1,2]", LT_FIND_NEAREST},
        {"7", LT_FIND_NEAREST},
        {"{\"indices\":[1],\"values\":[2]}", LT_FIND_NEAREST},
        {"{\"text\":\"x\",\"model\":\"m\"}", LT_FIND_NEAREST},
        {"{\"nearest\":[[1],[2]]}", LT_FIND_NEAREST},
        {"{\"recommend\":{}}", LT_FIND_RECOMMEND},
        {"{\"discover\":{\"target\":1,\"context\":null}}", LT_FIND_DISCOVER},
        {"{\"context\":null}", LT_FIND_CONTEXT},
        {"{\"context\":{\"positive\":1,\"negative\":2}}", LT_FIND_CONTEXT},
        {"{\"order_by\":\"a\"}", LT_FIND_ORDER_BY},
        {"{\"fusion\":\"rrf\"}", LT_FIND_RRF},
        {"{\"fusion\":\"dbsf\"}", LT_FIND_DBSF},
        {"{\"rrf\":{}}", LT_FIND_RRF},
        {"{\"formula\":1}", LT_FIND_FORMULA},
        {"{\"sample\":\"random\"}", LT_FIND_SAMPLE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f;
        lt_query_request q;
        char body[128];

        snprintf(body, sizeof body, "{\"query\":%s}", cases[i].query);
        begin(&f, body);
        assert_ok(lt_decode_query(&f.body, f.json, NULL, LT_FORM_QUERY, false, &q, &f.err), &f.err);
        assert_int_equal(q.stage.find.kind, cases[i].kind);
        assert_int_equal(q.stage.limit, 10);
        assert_int_equal(q.stage.params.quant_rescore, -1);
        if (cases[i].kind == LT_FIND_RRF)
            assert_int_equal(q.stage.find.rrf_k, 2);
        end(&f);
    }
}

static void decode_prefetches(void **state)
{
    fixture f;
    lt_query_request q;

    (void)state;
    begin(&f, "{\"prefetch\":[{\"query\":[1],\"limit\":3},{\"query\":[2],\"using\":\"b\","
              "\"prefetch\":{\"query\":5,\"filter\":{}}}],\"query\":{\"fusion\":\"rrf\"},"
              "\"offset\":4,\"with_vectors\":[\"x\"],\"score_threshold\":0.25,"
              "\"params\":{\"exact\":true,\"hnsw_ef\":5,\"quantization\":{\"rescore\":false}}}");
    assert_ok(lt_decode_query(&f.body, f.json, NULL, LT_FORM_QUERY, false, &q, &f.err), &f.err);
    assert_int_equal(q.stage.n_prefetches, 2);
    assert_int_equal(q.stage.prefetches[0].limit, 3);
    assert_string_equal(q.stage.prefetches[1].using, "b");
    assert_int_equal(q.stage.prefetches[1].prefetches[0].find.target.id.num, 5);
    assert_non_null(q.stage.prefetches[1].prefetches[0].filter);
    assert_int_equal(q.stage.offset, 4);
    assert_true(q.stage.has_threshold && q.stage.threshold == 0.25f);
    assert_true(q.stage.params.exact && q.stage.params.ef == 5);
    assert_int_equal(q.stage.params.quant_rescore, 0);
    assert_int_equal(q.shown.vectors.kind, LT_PICK_SOME);
    assert_int_equal(q.shown.payload.kind, LT_PICK_NONE);
    end(&f);
}

/* Every allocation of a body fails in turn: an error, nothing lost. */
static void decode_without_memory(void **state)
{
    const char *body =
        "{\"prefetch\":[{\"query\":{\"indices\":[1,2],\"values\":[1,2]},\"filter\":{\"must\":[{"
        "\"key\":\"a\",\"match\":{\"any\":[1,2]}}]}},{\"query\":[[1,2],[3,4]]}],\"query\":{"
        "\"formula\":{\"sum\":[1,\"a\",{\"key\":\"b\",\"match\":{\"value\":1}}]}},"
        "\"with_payload\":[\"a.b\",\"c[]\"],\"limit\":0}";

    (void)state;
    for (long n = 0;; n++) {
        fixture f;
        lt_query_request q;

        begin(&f, body);
        lt_mem_fail_at(n, true);
        lt_status st = lt_decode_query(&f.body, f.json, NULL, LT_FORM_QUERY, false, &q, &f.err);

        lt_mem_fail_at(-1, false);
        if (st == LT_OK)
            assert_int_equal(lt_body_check(&f.body, &f.err), LT_EVALIDATION);
        else
            assert_int_equal(st, LT_ENOMEM);
        end(&f);
        if (st == LT_OK)
            break;
        assert_true(n < 1000);
    }
}

static void decode_gathers_values(void **state)
{
    fixture f;
    lt_query_requests q;

    (void)state;
    begin(&f, "{\"searches\":[{\"limit\":0},{\"query\":{\"nearest\":[[1],[2,3]]},\"limit\":0}]}");
    assert_ok(lt_decode_batch(&f.body, f.json, LT_FORM_QUERY, &q, &f.err), &f.err);
    assert_int_equal(lt_body_check(&f.body, &f.err), LT_EVALIDATION);
    assert_string_equal(f.err.message,
                        "Validation error in JSON body: [searches[0].limit: value 0 invalid, must "
                        "be 1 or larger; searches[1].query.nearest[1]: all vectors must have the "
                        "same dimension, found vector with dimension 2; searches[1].limit: value 0 "
                        "invalid, must be 1 or larger]");
    end(&f);
}

/* {`before` x,x,...,x `after`} with n times `item`. */
static void begin_list(fixture *f, const char *before, const char *item, size_t n, const char *after)
{
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};

    assert_ok(lt_buf_adds(&text, before, &f->err), &f->err);
    for (size_t i = 0; i < n; i++)
        assert_ok(lt_buf_addf(&text, &f->err, "%s%s", i ? "," : "", item), &f->err);
    assert_ok(lt_buf_adds(&text, after, &f->err), &f->err);
    begin(f, text.data);
}

static void assert_too_long(const char *before, const char *item, size_t max, const char *after,
                            const char *named)
{
    for (size_t over = 0; over < 2; over++) {
        fixture f;
        lt_query_request q;

        begin_list(&f, before, item, max + over, after);
        lt_status st = lt_decode_query(&f.body, f.json, NULL, LT_FORM_QUERY, false, &q, &f.err);

        assert_int_equal(st, over ? LT_ELIMIT : LT_OK);
        if (over)
            assert_non_null(strstr(f.err.message, named));
        end(&f);
    }
}

static void decode_long_lists(void **state)
{
    (void)state;
    assert_too_long("{\"query\":{\"recommend\":{\"negative\":[", "1", LT_LIMIT_EXAMPLES, "]}}}",
                    "query.recommend.negative: 65537 items");
    assert_too_long("{\"query\":{\"context\":[", "{\"positive\":1,\"negative\":2}",
                    LT_LIMIT_EXAMPLES, "]}}", "query.context: 65537 items");
    assert_too_long("{\"query\":{\"relevance_feedback\":{\"target\":1,\"strategy\":{\"naive\":{"
                    "\"a\":1,\"b\":1,\"c\":1}},\"feedback\":[",
                    "{\"example\":1,\"score\":1}", LT_LIMIT_FEEDBACK, "]}}}",
                    "query.relevance_feedback.feedback: 4097 items");
}

/* ---- values ---------------------------------------------------------------------------------- */

static void tally_values(void **state)
{
    lt_arena a = {0};
    lt_tally t = {.arena = &a};
    lt_error err;
    size_t number;
    char text[16];

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 500; i++) {
            lt_answer_value v = {.kind = LT_ANSWER_TEXT, .text = text};
            lt_answer_value w = {.kind = LT_ANSWER_UINT, .u = (uint64_t)i};

            v.n_text = (size_t)snprintf(text, sizeof text, "%d", i);
            assert_ok(lt_tally_number(&t, &v, &number, &err), &err);
            assert_int_equal(number, 2 * i);
            assert_ok(lt_tally_number(&t, &w, &number, &err), &err);
            assert_int_equal(number, 2 * i + 1);
            assert_true(lt_tally_find(&t, &w, &number) && number == (size_t)(2 * i + 1));
        }
    }
    const lt_answer_value absent = {.kind = LT_ANSWER_INT, .i = 3};

    assert_false(lt_tally_find(&t, &absent, &number));
    assert_int_equal(t.n, 1000);
    assert_string_equal(t.values[0].text, "0");
    lt_arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_pieces),        cmocka_unit_test(arena_without_memory),
        cmocka_unit_test(arena_with_a_limit),  cmocka_unit_test(decode_long_lists),
        cmocka_unit_test(print_f32),           cmocka_unit_test(print_vectors),
        cmocka_unit_test(select_parts),        cmocka_unit_test(formula_values),
        cmocka_unit_test(formula_refusals),    cmocka_unit_test(formula_depth),
        cmocka_unit_test(decode_kinds),        cmocka_unit_test(decode_prefetches),
        cmocka_unit_test(decode_gathers_values), cmocka_unit_test(decode_without_memory),
        cmocka_unit_test(tally_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
