/* SPDX-License-Identifier: Apache-2.0
 * Vectors made of vectors: weighted sums, prefixes, the parts of a question. */
#include <latent.h>
#include <math.h>
#include <string.h>

#include "lt_cmocka.h"

#define TINY LT_SOURCE_DIR "/tests/data/models/tiny"

enum { TINY_DIMS = 4 };

static void assert_row(const float *got, const double *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(fabs((double)got[i] - want[i]) < 1e-6);
}

static void test_mix(void **state)
{
    static const float rows[] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, weights[] = {3, 4, 0},
                       away[] = {1, -1, 0};
    const double want[] = {0.6, 0.8, 0}, apart[] = {sqrt(0.5), -sqrt(0.5), 0};
    float out[3];
    lt_error err;

    (void)state;
    assert_ok(lt_vectors_mix(rows, weights, 3, 3, out, &err), &err);
    assert_row(out, want, 3);
    assert_ok(lt_vectors_mix(rows, away, 3, 3, out, &err), &err);
    assert_row(out, apart, 3);
    assert_ok(lt_vectors_mix(rows, weights, 1, 3, out, &err), &err);
    assert_true(out[0] == 1 && out[1] == 0 && out[2] == 0);
}

static void test_mix_refuses(void **state)
{
    static const float same[] = {1, 0, 1, 0}, away[] = {1, -1}, wrong[] = {1, NAN}, none[] = {0, 0};
    float out[2] = {7, 7};
    lt_error err;

    (void)state;
    assert_int_equal(lt_vectors_mix(same, away, 2, 2, out, &err), LT_EINVAL);
    assert_non_null(strstr(err.message, "leave nothing"));
    assert_int_equal(lt_vectors_mix(same, none, 2, 2, out, &err), LT_EINVAL);
    assert_int_equal(lt_vectors_mix(same, wrong, 2, 2, out, &err), LT_EINVAL);
    assert_non_null(strstr(err.message, "weight 1 is not"));
    assert_int_equal(lt_vectors_mix(same, away, 0, 2, out, &err), LT_EINVAL);
    assert_int_equal(lt_vectors_mix(same, away, 2, 0, out, &err), LT_EINVAL);
    assert_int_equal(lt_vectors_mix(NULL, away, 2, 2, out, &err), LT_EINVAL);
    assert_true(out[0] == 7 && out[1] == 7);
}

static void test_cut(void **state)
{
    lt_model_info model = LT_MODEL_INFO_INIT;
    float rows[] = {3, 4, 12, 0, 5, 1, 0, 0, 0};
    const double want[] = {0.6, 0.8, 0, 1, 0, 0};
    lt_error err;

    (void)state;
    model.name = "three";
    model.dims = 3;
    assert_ok(lt_vectors_cut(&model, rows, 3, 3, &err), &err);
    assert_true(rows[2] == 12);
    assert_int_equal(lt_vectors_cut(&model, NULL, 0, 2, &err), LT_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "'three' are not ordered"));
    model.dims_ordered = true;
    assert_ok(lt_vectors_cut(&model, NULL, 0, 2, &err), &err);
    assert_ok(lt_vectors_cut(&model, rows, 3, 2, &err), &err);
    assert_row(rows, want, 6);
    assert_int_equal(lt_vectors_cut(&model, rows, 1, 4, &err), LT_EINVAL);
    assert_non_null(strstr(err.message, "makes 3 dimensions, not 4"));
    assert_int_equal(lt_vectors_cut(&model, rows, 1, 0, &err), LT_EINVAL);
    assert_int_equal(lt_vectors_cut(&model, NULL, 1, 2, &err), LT_EINVAL);
}

static void test_parts(void **state)
{
    lt_picture picture = {.path = "a.jpg"};
    const char *text = "ab";
    lt_query_part parts[] = {{.text = text, .weight = 2}, {.text = "b", .weight = -0.5f}};
    lt_query_part neither = {.weight = 1}, both = {.text = text, .picture = &picture, .weight = 1};
    float rows[2 * TINY_DIMS], weights[] = {2, -0.5f}, want[TINY_DIMS], got[TINY_DIMS];
    lt_model_options options = LT_MODEL_OPTIONS_INIT;
    lt_model *m = NULL;
    lt_error err;

    (void)state;
    options.cache_dir = "";
    assert_ok(lt_model_open(TINY, &options, &m, &err), &err);
    assert_ok(lt_model_embed_texts(m, &text, 1, rows, &err), &err);
    assert_ok(lt_model_embed_texts(m, &parts[1].text, 1, rows + TINY_DIMS, &err), &err);
    assert_ok(lt_vectors_mix(rows, weights, 2, TINY_DIMS, want, &err), &err);
    assert_ok(lt_model_embed_parts(m, parts, 2, got, &err), &err);
    assert_memory_equal(got, want, sizeof want);
    assert_int_equal(lt_model_embed_parts(m, &neither, 1, got, &err), LT_EINVAL);
    assert_int_equal(lt_model_embed_parts(m, &both, 1, got, &err), LT_EINVAL);
    assert_non_null(strstr(err.message, "a text or a picture"));
    assert_int_equal(lt_model_embed_parts(m, parts, 0, got, &err), LT_EINVAL);
    assert_int_equal(lt_model_embed_parts(m, parts, LT_QUERY_PARTS_MAX + 1, got, &err), LT_EINVAL);
    lt_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mix),
        cmocka_unit_test(test_mix_refuses),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
