/* SPDX-License-Identifier: Apache-2.0
 * Recall@10 of a collection with a graph against the exact scan, through the public interface: plain
 * and under filters that keep 50, 10, 1 and 0.1 percent, after the build, after overwriting and
 * deleting a third, and after reopening. Prints what it measures. */
#include <base/clock.h>
#include <base/rng.h>
#include <engine/reader.h>

#include "../unit/engine_fixture.h"

enum { N = 30000, DIMS = 48, CENTRES = 300, QUERIES = 60, K = 10, BATCH = 1000 };

static void draw(lt_rng *r, float out[DIMS])
{
    uint64_t centre = lt_rng_below(r, CENTRES);
    lt_rng c = {centre * 7919 + 1};

    for (int i = 0; i < DIMS; i++)
        out[i] = lt_rng_normal(&c) + 0.6f * lt_rng_normal(r);
}

static void put_range(world *w, lt_rng *r, uint64_t from, uint64_t to)
{
    static float vectors[BATCH][DIMS];
    static char payloads[BATCH][64];
    static lt_vector v[BATCH];
    static lt_full_point points[BATCH];
    lt_update u = LT_UPDATE_INIT;

    for (uint64_t at = from; at < to; at += BATCH) {
        for (uint64_t i = 0; i < BATCH; i++) {
            draw(r, vectors[i]);
            v[i] = fix_dense("", vectors[i], DIMS);
            snprintf(payloads[i], 64, "{\"n\":%lu}", (unsigned long)lt_rng_below(r, 1000));
            points[i] = (lt_full_point){lt_id_from_num(at + i), &v[i], 1, payloads[i],
                                        strlen(payloads[i])};
        }
        u.points = points;
        u.n_points = BATCH;
        OK(fix_update(w, &u, NULL));
    }
}

static bool says(world *w, const char *what)
{
    char *text;

    OK(lt_collection_describe(w->c, &text, &w->err));
    bool found = strstr(text, what) != NULL;

    if (strstr(text, "\"error\""))
        fail_msg("%s", text);
    lt_text_free(text);
    return found;
}

static void wait_green(world *w)
{
    double limit = lt_clock_s() + 300;

    while (!says(w, "\"status\":\"green\"")) {
        assert_true(lt_clock_s() < limit);
        usleep(20000);
    }
}

static size_t search(world *w, const float *query, const char *filter, bool exact, uint64_t ids[K])
{
    lt_vector v = fix_dense("", query, DIMS);
    lt_nearest q = LT_NEAREST_INIT;
    lt_filter *parsed = NULL;
    lt_prepared *p;
    lt_reader *r;
    lt_scored *found;
    size_t n;

    OK(lt_reader_open(w->c, &r, &w->err));
    if (filter)
        OK(lt_filter_parse(filter, strlen(filter), &parsed, &w->err));
    OK(lt_reader_prepare(r, lt_reader_schema(r, ""), &v, &p, &w->err));
    q.vector = p;
    q.filter = parsed;
    q.k = K;
    q.exact = exact;
    OK(lt_reader_nearest(r, &q, &found, &n, &w->err));
    for (size_t i = 0; i < n; i++) {
        lt_id id;

        OK(lt_reader_id(r, found[i].slot, &id, &w->err));
        ids[i] = id.num;
    }
    lt_free(found);
    lt_prepared_free(p);
    lt_filter_free(parsed);
    lt_reader_close(r);
    return n;
}

static double recall(world *w, const char *filter)
{
    lt_rng r = {4711};
    size_t hits = 0, all = 0;

    for (int q = 0; q < QUERIES; q++) {
        float query[DIMS];
        uint64_t exact[K], found[K];

        draw(&r, query);
        size_t n = search(w, query, filter, true, exact), m = search(w, query, filter, false, found);

        all += n;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < m; k++)
                hits += exact[i] == found[k];
    }
    return (double)hits / (double)all;
}

static void check_recall(world *w, const char *when)
{
    static const int keep[] = {1000, 500, 100, 10, 1};

    for (size_t i = 0; i < 5; i++) {
        char filter[128];

        snprintf(filter, sizeof filter, "{\"must\":[{\"key\":\"n\",\"range\":{\"lt\":%d}}]}",
                 keep[i]);
        double got = recall(w, keep[i] < 1000 ? filter : NULL);

        printf("%-12s %5.1f %% pass: recall %.4f\n", when, keep[i] / 10.0, got);
        assert_true(got >= 0.95);
    }
}

static void recall_holds(void **state)
{
    world *w = *state;
    lt_rng r = {1};
    static lt_id ids[N / 6];

    fix_create(w, "{\"vectors\":{\"size\":48,\"distance\":\"Cosine\"},"
                  "\"optimizers_config\":{\"indexing_threshold\":500}}");
    put_range(w, &r, 0, N);
    wait_green(w);
    assert_false(says(w, "\"indexed_vectors_count\":0,"));
    check_recall(w, "built");
    put_range(w, &r, 0, N / 6 / BATCH * BATCH);
    for (size_t i = 0; i < N / 6; i++)
        ids[i] = lt_id_from_num(N / 3 + i);
    OK(lt_points_delete(w->c, ids, N / 6, NULL, &w->err));
    wait_green(w);
    check_recall(w, "overwritten");
    fix_reopen(w, "c");
    check_recall(w, "reopened"); /* the first searches wake the thread that opens the graph */
    wait_green(w);
    fix_reopen(w, "c");
    wait_green(w); /* to be asked does too */
    assert_false(says(w, "\"indexed_vectors_count\":0,"));
    check_recall(w, "opened");
    const char *patch = "{\"hnsw_config\":{\"m\":8}}";

    OK(lt_collection_update_json(w->c, patch, strlen(patch), &w->err));
    wait_green(w);
    check_recall(w, "rebuilt");
    patch = "{\"hnsw_config\":{\"m\":0}}";
    OK(lt_collection_update_json(w->c, patch, strlen(patch), &w->err));
    wait_green(w);
    assert_true(says(w, "\"indexed_vectors_count\":0,"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(recall_holds, fix_setup, fix_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
