/* SPDX-License-Identifier: Apache-2.0
 * Full-text analysis and the declaration of fields. What filters mean is held against the official
 * client in tests/python/test_filters.py. */
#include <base/buf.h>
#include <base/mem.h>
#include <filter/tree.h>
#include <string.h>

#include "lt_cmocka.h"

static yyjson_doc *json_of(const char *text)
{
    yyjson_doc *doc = yyjson_read(text, strlen(text), 0);

    assert_non_null(doc);
    return doc;
}

static bool join(void *context, const char *token, size_t n)
{
    lt_buf *b = context;

    if (b->len)
        (void)!lt_buf_addc(b, '|', NULL);
    (void)!lt_buf_add(b, token, n, NULL);
    return true;
}

static void texts_become_tokens(void **state)
{
    static const struct {
        const char *params, *text, *document, *query;
    } cases[] = {
        {"{}", "The Quick-brown fox_2", "the|quick|brown|fox|2", NULL},
        {"{}", "", "", NULL},
        {"{\"lowercase\":false}", "The Fox", "The|Fox", NULL},
        {"{\"tokenizer\":\"whitespace\"}", "a-b  C,d", "a-b|c,d", NULL},
        {"{\"tokenizer\":\"prefix\"}", "Fox on", "f|fo|fox|o|on", "fox|on"},
        {"{\"tokenizer\":\"prefix\",\"min_token_len\":2,\"max_token_len\":3}", "Foxes a",
         "fo|fox", "fox"},
        {"{\"min_token_len\":2,\"max_token_len\":3}", "a bc def ghij \xc3\xa9\xc3\xa9\xc3\xa9",
         "bc|def|\xc3\xa9\xc3\xa9\xc3\xa9", NULL},
        {"{\"ascii_folding\":true}", "A\xc3\xa7\xc3\xa3o Stra\xc3\x9f"
                                     "e \xc3\x98re \xd0\xb9",
         "acao|strasse|ore|\xd0\xb9", NULL},
        {"{\"stopwords\":\"english\"}", "The cat and the hat", "cat|hat", NULL},
        {"{\"stopwords\":{\"languages\":[\"german\"],\"custom\":[\"Katze\"]}}",
         "Die Katze und der Hund", "hund", NULL},
        {"{\"stemmer\":{\"type\":\"snowball\",\"language\":\"english\"}}", "running dogs",
         "run|dog", NULL},
        {"{\"stemmer\":{\"type\":\"none\"}}", "running dogs", "running|dogs", NULL},
        {"{\"tokenizer\":\"multilingual\"}", "\xe6\x9d\xb1\xe4\xba\xac Tower",
         "\xe6\x9d\xb1|\xe4\xba\xac|tower", NULL},
        {"{}", "\xe6\x9d\xb1\xe4\xba\xac Tower", "\xe6\x9d\xb1\xe4\xba\xac|tower", NULL},
        {"{}", "\xce\x9f\xce\x94\xce\x9f\xce\xa3", "\xce\xbf\xce\xb4\xce\xbf\xcf\x82", NULL},
        {"{}", "\xd0\x94\xd0\xbe\xd0\xbc", "\xd0\xb4\xd0\xbe\xd0\xbc", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        yyjson_doc *params = json_of(cases[i].params);
        lt_buf document = {0}, query = {0};
        lt_analyzer *a;
        lt_error err;

        assert_ok(lt_analyzer_new(yyjson_doc_get_root(params), &a, &err), &err);
        assert_true(lt_analyzer_each(a, cases[i].text, strlen(cases[i].text), false, join,
                                     &document));
        assert_true(lt_analyzer_each(a, cases[i].text, strlen(cases[i].text), true, join, &query));
        assert_string_equal(document.data ? document.data : "", cases[i].document);
        assert_string_equal(query.data ? query.data : "",
                            cases[i].query ? cases[i].query : cases[i].document);
        lt_buf_done(&document);
        lt_buf_done(&query);
        lt_analyzer_free(a);
        yyjson_doc_free(params);
    }
}

/* A word of any length is cut where a character ends. */
static void long_words_are_cut(void **state)
{
    enum { N = 3000 };
    char *text = lt_malloc(N);
    lt_analyzer *a;
    lt_buf tokens = {0};
    lt_error err;

    (void)state;
    assert_non_null(text);
    text[0] = 'x';
    for (size_t i = 1; i + 1 < N; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    assert_ok(lt_analyzer_new(NULL, &a, &err), &err);
    assert_true(lt_analyzer_each(a, text, N - 1, false, join, &tokens));
    assert_int_equal(tokens.len, 1023);
    lt_buf_done(&tokens);
    lt_analyzer_free(a);
    lt_free(text);
}

static void wrong_fields_are_named(void **state)
{
    static const struct {
        const char *path, *schema, *says;
        lt_status status;
    } cases[] = {
        {"a", "\"words\"", "words", LT_EINVAL},
        {"a", "{\"kind\":\"text\"}", "absent", LT_EINVAL},
        {"a", "3", "unknown type", LT_EINVAL},
        {"a..b", "\"text\"", "a..b", LT_EINVAL},
        {"", "\"text\"", "path", LT_EINVAL},
        {"a", "{\"type\":\"keyword\",\"is_tenant\":1}", "is_tenant", LT_EINVAL},
        {"a", "{\"type\":\"keyword\",\"memory\":\"warm\"}", "memory", LT_EINVAL},
        {"a", "{\"type\":\"integer\",\"lookup\":false,\"range\":false}", "both", LT_EVALIDATION},
        {"a", "{\"type\":\"text\",\"tokenizer\":\"chars\"}", "chars", LT_EINVAL},
        {"a", "{\"type\":\"text\",\"lowercase\":\"yes\"}", "lowercase", LT_EINVAL},
        {"a", "{\"type\":\"text\",\"min_token_len\":-1}", "min_token_len", LT_EINVAL},
        {"a", "{\"type\":\"text\",\"stopwords\":\"klingon\"}", "klingon", LT_EUNSUPPORTED},
        {"a", "{\"type\":\"text\",\"stopwords\":{\"custom\":[1]}}", "custom", LT_EINVAL},
        {"a", "{\"type\":\"text\",\"stemmer\":{\"type\":\"snowball\",\"language\":\"klingon\"}}",
         "klingon", LT_EINVAL},
        {"a", "{\"type\":\"text\",\"stemmer\":\"porter\"}", "stemmer", LT_EINVAL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        yyjson_doc *doc = yyjson_read(cases[i].schema, strlen(cases[i].schema), 0);
        lt_payload_field *f;
        lt_error err;

        if (lt_payload_field_new(cases[i].path, yyjson_doc_get_root(doc), &f, &err) !=
            cases[i].status)
            fail_msg("%s: not refused as it should be", cases[i].schema);
        if (!strstr(err.message, cases[i].says))
            fail_msg("%s: '%s' does not name %s", cases[i].schema, err.message, cases[i].says);
        yyjson_doc_free(doc);
    }
}

static void fields_are_read(void **state)
{
    static const char *const schemas[] = {
        "\"keyword\"", "\"integer\"", "\"float\"", "\"bool\"", "\"geo\"", "\"datetime\"",
        "\"uuid\"", "\"text\"",
        "{\"type\":\"keyword\",\"is_tenant\":true,\"on_disk\":true,\"prefix\":true}",
        "{\"type\":\"integer\",\"lookup\":true,\"range\":false,\"memory\":\"cached\"}",
        "{\"type\":\"text\",\"tokenizer\":\"word\",\"phrase_matching\":true,\"stopwords\":null}",
    };
    static const lt_payload_type types[] = {
        LT_PAYLOAD_KEYWORD, LT_PAYLOAD_INTEGER,  LT_PAYLOAD_FLOAT, LT_PAYLOAD_BOOL,
        LT_PAYLOAD_GEO,     LT_PAYLOAD_DATETIME, LT_PAYLOAD_UUID,  LT_PAYLOAD_TEXT,
        LT_PAYLOAD_KEYWORD, LT_PAYLOAD_INTEGER,  LT_PAYLOAD_TEXT,
    };

    (void)state;
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        yyjson_doc *doc = json_of(schemas[i]);
        lt_payload_field *f;
        lt_error err;

        assert_ok(lt_payload_field_new("a[].b", yyjson_doc_get_root(doc), &f, &err), &err);
        assert_int_equal(f->type, types[i]);
        assert_string_equal(f->path, "a[].b");
        assert_int_equal(f->analyzer != NULL, f->type == LT_PAYLOAD_TEXT);
        lt_payload_field_unref(f);
        yyjson_doc_free(doc);
    }
}

static void slices_are_siphash(void **state)
{
    /* SipHash-2-4 with a zero key, computed with Python's reference of the test client. */
    lt_id number = lt_id_from_num(42), uuid;

    (void)state;
    assert_int_equal(lt_id_parse("550e8400-e29b-41d4-a716-446655440000", &uuid, NULL), LT_OK);
    assert_int_equal(lt_id_slice(&number, 1), 0);
    assert_int_equal(lt_id_slice(&number, 1000003), 789127);
    assert_int_equal(lt_id_slice(&uuid, 1000003), 590343);
}

static const lt_payload_field *lookup_one(void *context, const char *path)
{
    const lt_payload_field *f = context;

    return strcmp(f->path, path) == 0 ? f : NULL;
}

static lt_status parse_and_bind(const char *json, const lt_payload_field *field, lt_error *err)
{
    lt_filter *f;
    lt_filter_binding *b;

    LT_TRY(lt_filter_parse(json, strlen(json), &f, err));
    lt_status st = lt_filter_bind(f, lookup_one, (void *)(uintptr_t)field, &b, err);

    lt_filter_free(f);
    if (st == LT_OK)
        lt_filter_binding_free(b);
    return st;
}

/* Every allocation in turn fails: an error each time, and no leak. */
static void no_memory_is_an_error(void **state)
{
    const char *json = "{\"must\":[{\"key\":\"a\",\"match\":{\"text\":\"some words\"},\"range\":"
                       "{\"gt\":1}},{\"has_id\":[1,2]},{\"nested\":{\"key\":\"n\",\"filter\":"
                       "{\"must\":{\"key\":\"a\",\"match\":{\"phrase\":\"x y\"}}}}}]}";
    yyjson_doc *schema = json_of("\"text\"");
    lt_payload_field *field;
    lt_error err;
    long n = 0;

    (void)state;
    assert_ok(lt_payload_field_new("a", yyjson_doc_get_root(schema), &field, &err), &err);
    for (;; n++) {
        lt_mem_fail_at(n, false);
        lt_status st = parse_and_bind(json, field, &err);

        lt_mem_fail_at(-1, false);
        if (st == LT_OK)
            break;
        assert_int_equal(st, LT_ENOMEM);
    }
    assert_true(n > 5);
    lt_payload_field_unref(field);
    yyjson_doc_free(schema);
}

static void too_many_words_are_refused(void **state)
{
    yyjson_doc *schema = json_of("\"text\"");
    lt_buf json = {0};
    lt_payload_field *field;
    lt_error err;

    (void)state;
    assert_ok(lt_payload_field_new("a", yyjson_doc_get_root(schema), &field, &err), &err);
    assert_ok(lt_buf_adds(&json, "{\"must\":{\"key\":\"a\",\"match\":{\"text\":\"", &err), &err);
    for (int i = 0; i < 1025; i++)
        assert_ok(lt_buf_addf(&json, &err, "w%d ", i), &err);
    assert_ok(lt_buf_adds(&json, "\"}}}", &err), &err);
    assert_int_equal(parse_and_bind(json.data, field, &err), LT_ELIMIT);
    assert_non_null(strstr(err.message, "1024"));
    lt_buf_done(&json);
    lt_payload_field_unref(field);
    yyjson_doc_free(schema);
}

/* Lists that are looked up in, against lists that are gone through. */
static void long_lists_are_looked_up(void **state)
{
    static const char *const values[] = {
        "\"k0\"",  "\"k7\"",  "\"k99\"", "\"k100\"", "\"\"",    "\"k\\u0000\"", "0",      "7",
        "-7",      "99",       "100",      "7.0",       "9223372036854775807", "18446744073709551609",
        "true",    "null",     "{}",       "[1000,7]",  "[\"x\",\"k7\"]",     "[]"};

    (void)state;
    for (int strings = 0; strings < 2; strings++) {
        LT_CLEANUP(lt_buf_done) lt_buf any = {0};
        lt_filter *all, *one;
        lt_error err;

        assert_ok(lt_buf_adds(&any, "{\"must\":{\"key\":\"a\",\"match\":{\"any\":[", &err), &err);
        for (int i = 0; i < 100; i++) /* in no order */
            assert_ok(lt_buf_addf(&any, &err, strings ? "%s\"k%d\"" : "%s%d", i ? "," : "",
                                  i * 37 % 100 - (strings ? 0 : 50)),
                      &err);
        assert_ok(lt_buf_adds(&any, "]}}}", &err), &err);
        assert_ok(lt_filter_parse(any.data, any.len, &all, &err), &err);
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            char text[80];
            bool want = false;

            snprintf(text, sizeof text, "{\"a\":%s}", values[i]);
            yyjson_doc *payload = json_of(text);

            for (int k = 0; k < 100; k++) {
                char match[80];

                snprintf(match, sizeof match,
                         strings ? "{\"must\":{\"key\":\"a\",\"match\":{\"value\":\"k%d\"}}}"
                                 : "{\"must\":{\"key\":\"a\",\"match\":{\"value\":%d}}}",
                         strings ? k : k - 50);
                assert_ok(lt_filter_parse(match, strlen(match), &one, &err), &err);
                want |= lt_filter_match(one, NULL, yyjson_doc_get_root(payload));
                lt_filter_free(one);
            }
            assert_int_equal(lt_filter_match(all, NULL, yyjson_doc_get_root(payload)), want);
            yyjson_doc_free(payload);
        }
        lt_filter_free(all);
    }
}

static void ids_are_looked_up(void **state)
{
    static const char text[] = "{\"must\":{\"has_id\":[9,3,\"00000000-0000-0000-0000-000000000007\",3,"
                               "18446744073709551615]}}";
    static const struct {
        const char *id;
        bool in;
    } cases[] = {{"3", true}, {"9", true}, {"18446744073709551615", true}, {"7", false}, {"0", false},
                 {"00000000-0000-0000-0000-000000000007", true},
                 {"00000000-0000-0000-0000-000000000003", false}};
    lt_filter *f;
    lt_error err;
    lt_id id;

    (void)state;
    assert_ok(lt_filter_parse(text, strlen(text), &f, &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(lt_id_parse(cases[i].id, &id, &err), &err);
        assert_int_equal(lt_filter_match(f, &id, NULL), cases[i].in);
    }
    lt_filter_free(f);
}

int main(void)
{
#define T(f) cmocka_unit_test(f)
    const struct CMUnitTest tests[] = {
        T(texts_become_tokens), T(long_words_are_cut),       T(wrong_fields_are_named),
        T(fields_are_read),     T(slices_are_siphash),       T(no_memory_is_an_error),
        T(too_many_words_are_refused), T(long_lists_are_looked_up), T(ids_are_looked_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
