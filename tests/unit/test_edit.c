/* SPDX-License-Identifier: Apache-2.0 */
#include <base/mem.h>
#include <string.h>
#include <value/edit.h>

#include "lt_cmocka.h"

static void merges_at_paths(void **state)
{
    static const struct {
        const char *payload, *path, *patch, *expect;
    } cases[] = {
        {"{\"a\":1,\"b\":2}", NULL, "{\"b\":3,\"c\":[1]}", "{\"a\":1,\"b\":3,\"c\":[1]}"},
        {"{\"a\":1,\"b\":2}", NULL, "{\"a\":null,\"z\":null}", "{\"b\":2}"},
        {"{}", "a.b", "{\"x\":1}", "{\"a\":{\"b\":{\"x\":1}}}"},
        {"{\"a\":5}", "a", "{\"x\":1}", "{\"a\":{\"x\":1}}"},
        {"{\"a\":{\"x\":0,\"y\":2}}", "a", "{\"x\":null}", "{\"a\":{\"y\":2}}"},
        {"{\"a\":[1,{\"k\":2}]}", "a[]", "{\"x\":1}", "{\"a\":[{\"x\":1},{\"k\":2,\"x\":1}]}"},
        {"{\"a\":[{\"k\":1},{\"k\":2}]}", "a[1].s", "{\"x\":1}",
         "{\"a\":[{\"k\":1},{\"k\":2,\"s\":{\"x\":1}}]}"},
        {"{\"a\":[1]}", "a[3]", "{\"x\":1}", "{\"a\":[1]}"},
        {"{\"a\":1}", "a[]", "{\"x\":1}", "{\"a\":[]}"},
        {"{}", "\"d.e\"", "{\"x\":1}", "{\"d.e\":{\"x\":1}}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        LT_CLEANUP(lt_value_free) yyjson_mut_doc *doc = NULL;
        LT_CLEANUP(lt_json_free) yyjson_doc *patch = NULL;
        LT_CLEANUP(lt_buf_done) lt_buf text = {0};
        LT_CLEANUP(lt_path_done) lt_path path = {0};
        lt_error err;

        assert_ok(lt_value_thaw(cases[i].payload, strlen(cases[i].payload), "t", &doc, &err), &err);
        assert_ok(lt_json_parse(cases[i].patch, strlen(cases[i].patch), "t", &patch, &err), &err);
        if (cases[i].path)
            assert_ok(lt_path_parse(cases[i].path, &path, &err), &err);
        assert_ok(lt_value_merge(doc, cases[i].path ? &path : NULL, yyjson_doc_get_root(patch),
                                 &err),
                  &err);
        assert_ok(lt_value_print(doc, &text, &err), &err);
        assert_string_equal(text.data, cases[i].expect);
    }
}

static void deletes_paths(void **state)
{
    static const struct {
        const char *payload, *path, *expect;
    } cases[] = {
        {"{\"a\":1,\"b\":2}", "a", "{\"b\":2}"},
        {"{\"a\":{\"b\":{\"c\":1,\"d\":2}}}", "a.b.c", "{\"a\":{\"b\":{\"d\":2}}}"},
        {"{\"a\":{\"b\":[{\"c\":1},{\"c\":2,\"d\":3},7]}}", "a.b[].c",
         "{\"a\":{\"b\":[{},{\"d\":3},7]}}"},
        {"{\"a\":[{\"c\":1},{\"c\":2}]}", "a[1].c", "{\"a\":[{\"c\":1},{}]}"},
        {"{\"a\":[1,2]}", "a[]", "{\"a\":[]}"},
        {"{\"a\":[1,2]}", "a[0]", "{\"a\":[1,2]}"},
        {"{\"a\":1}", "x.y", "{\"a\":1}"},
        {"{\"a\":1}", "a.b", "{\"a\":1}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        LT_CLEANUP(lt_value_free) yyjson_mut_doc *doc = NULL;
        LT_CLEANUP(lt_buf_done) lt_buf text = {0};
        LT_CLEANUP(lt_path_done) lt_path path = {0};
        lt_error err;

        assert_ok(lt_value_thaw(cases[i].payload, strlen(cases[i].payload), "t", &doc, &err), &err);
        assert_ok(lt_path_parse(cases[i].path, &path, &err), &err);
        lt_value_delete(doc, &path);
        assert_ok(lt_value_print(doc, &text, &err), &err);
        assert_string_equal(text.data, cases[i].expect);
    }
}

static void bad_paths_are_refused(void **state)
{
    static const char *const paths[] = {"",    ".a",  "a.",   "a[",     "a[x]", "a]",
                                        "a b", "a..b", "\"a", "a[1]b", "[0]",  "a[99999999999999999999]"};

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        lt_path path = {0};
        lt_error err;

        assert_int_equal(lt_path_parse(paths[i], &path, &err), LT_EINVAL);
        assert_non_null(strstr(err.message, "path"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_at_paths),
        cmocka_unit_test(deletes_paths),
        cmocka_unit_test(bad_paths_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
