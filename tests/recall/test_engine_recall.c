/* SPDX-License-Identifier: Apache-2.0
 * Recall@10 of a collection with a graph against the exact scan at default settings: plain and under
 * filters that keep 50, 10, 1 and 0.1 percent, by chance and whole clusters, after the build, after
 * overwriting and deleting a third, after reopening and after a new config. That the planner took
 * each of its ways is asserted too. Prints what it measures. LT_LONG=1: ten times the points. */
#include <base/clock.h>
#include <base/rng.h>
#include <engine/reader.h>

#include "../unit/engine_fixture.h"

enum { N = 24000, N_LONG = 240000, DIMS = 48, CENTRES = 1000, QUERIES = 40, K = 10, BATCH = 1000 };

static uint64_t n_points;

static uint64_t draw(lt_rng *r, float out[DIMS])
{
    uint64_t centre = lt_rng_below(r, CENTRES);
    lt_rng c = {centre * 7919 + 1};

    for (int i = 0; i < DIMS; i++)
        out[i] = lt_rng_normal(&c) + 1.0f * lt_rng_normal(r);
    return centre;
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
            unsigned long centre = draw(r, vectors[i]), n = lt_rng_below(r, 1000);

            v[i] = fix_dense("", vectors[i], DIMS);
            snprintf(payloads[i], 64, "{\"chance\":%lu,\"centre\":%lu}", n, centre);
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

/* One question, asked as often as a test likes. */
typedef struct asking {
    world *w;
    lt_reader *r;
    lt_filter *filter;
    lt_prepared *vector;
    lt_nearest q;
} asking;

static void ask(asking *a, world *w, const float *query, const char *filter)
{
    lt_vector v = fix_dense("", query, DIMS);

    *a = (asking){.w = w, .q = LT_NEAREST_INIT};
    OK(lt_reader_open(w->c, &a->r, &w->err));
    if (filter)
        OK(lt_filter_parse(filter, strlen(filter), &a->filter, &w->err));
    OK(lt_reader_prepare(a->r, lt_reader_schema(a->r, ""), &v, &a->vector, &w->err));
    a->q.vector = a->vector;
    a->q.filter = a->filter;
    a->q.k = K;
}

static void ask_done(asking *a)
{
    lt_prepared_free(a->vector);
    lt_filter_free(a->filter);
    lt_reader_close(a->r);
}

static size_t search(asking *a, bool exact, uint32_t slots[K])
{
    world *w = a->w;
    lt_scored *found;
    size_t n;

    a->q.exact = exact;
    OK(lt_reader_nearest(a->r, &a->q, &found, &n, &w->err));
    for (size_t i = 0; i < n; i++)
        slots[i] = found[i].slot;
    lt_free(found);
    return n;
}

static double recall(world *w, const char *filter)
{
    lt_rng r = {4711};
    size_t hits = 0, all = 0;

    for (int q = 0; q < QUERIES; q++) {
        uint32_t exact[K], found[K];
        float query[DIMS];
        asking a;

        draw(&r, query);
        ask(&a, w, query, filter);
        size_t n = search(&a, true, exact), m = search(&a, false, found);

        ask_done(&a);
        assert_int_equal(n, m); /* as many as there are, whatever the filter */
        all += n;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < m; k++)
                hits += exact[i] == found[k];
    }
    return all ? (double)hits / (double)all : 1;
}

/* What the planner says it does, in the words of "by". */
static void planned(world *w, const char *filter, const char *by)
{
    LT_CLEANUP(lt_buf_done) lt_buf json = {0};
    float query[DIMS];
    lt_rng r = {99};
    char part[64];
    asking a;

    draw(&r, query);
    ask(&a, w, query, filter);
    OK(lt_reader_explain_nearest(a.r, &a.q, &json, &w->err));
    ask_done(&a);
    snprintf(part, sizeof part, "\"search\":{\"by\":\"%s\"", by);
    if (!strstr(json.data, part))
        fail_msg("%s is not in %s", part, json.data);
}

/* `graph`: whether it must have been used for what is not few. */
static void check_recall(world *w, const char *when, bool graph)
{
    static const char *const keys[] = {"chance", "centre"};
    static const int keep[] = {1000, 500, 100, 10, 1};

    for (size_t k = 0; k < 2; k++)
        for (size_t i = k; i < 5; i++) {
            char filter[128];
            bool all = keep[i] == 1000;

            snprintf(filter, sizeof filter, "{\"must\":[{\"key\":\"%s\",\"range\":{\"lt\":%d}}]}",
                     keys[k], keep[i]);
            double got = recall(w, all ? NULL : filter);

            printf("%-12s %5.1f %% pass, by %s: recall %.4f\n", when, keep[i] / 10.0, keys[k], got);
            assert_true(got >= 0.95);
            if (graph)
                planned(w, all ? NULL : filter,
                        all ? "graph" : keep[i] >= 100 ? "filtered graph" : "scan");
        }
}

static void index_payload(world *w)
{
    OK(lt_collection_create_index(w->c, "chance", "\"integer\"", 9, NULL, &w->err));
    OK(lt_collection_create_index(w->c, "centre", "\"integer\"", 9, NULL, &w->err));
}

/* A third get new vectors, a sixth go. */
static void overwrite_and_delete(world *w, lt_rng *r)
{
    uint64_t n = n_points / 6;
    LT_AUTOFREE lt_id *ids = lt_calloc(n, sizeof *ids);

    put_range(w, r, 0, n_points / 3);
    for (size_t i = 0; i < n; i++)
        ids[i] = lt_id_from_num(n_points / 2 + i);
    OK(lt_points_delete(w->c, ids, n, NULL, &w->err));
}

static void recall_holds(void **state)
{
    world *w = *state;
    lt_rng r = {1};

    n_points = getenv("LT_LONG") ? N_LONG : N;
    fix_create(w, "{\"vectors\":{\"size\":48,\"distance\":\"Cosine\"},"
                  "\"optimizers_config\":{\"indexing_threshold\":500}}");
    index_payload(w);
    put_range(w, &r, 0, n_points);
    planned(w, "{\"must\":{\"key\":\"chance\",\"range\":{\"lt\":0}}}", "scan");
    wait_green(w);
    assert_false(says(w, "\"indexed_vectors_count\":0,"));
    check_recall(w, "built", true);
    overwrite_and_delete(w, &r);
    wait_green(w);
    check_recall(w, "overwritten", true);
    fix_reopen(w, "c");
    planned(w, NULL, "scan"); /* the first searches wake the thread that opens the graph */
    check_recall(w, "reopened", false);
    wait_green(w);
    check_recall(w, "opened", true);
    const char *patch = "{\"hnsw_config\":{\"m\":12}}";

    OK(lt_collection_update_json(w->c, patch, strlen(patch), &w->err));
    wait_green(w);
    check_recall(w, "rebuilt", true);
    patch = "{\"hnsw_config\":{\"m\":0}}";
    OK(lt_collection_update_json(w->c, patch, strlen(patch), &w->err));
    wait_green(w);
    assert_true(says(w, "\"indexed_vectors_count\":0,"));
    planned(w, NULL, "scan");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(recall_holds, fix_setup, fix_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
