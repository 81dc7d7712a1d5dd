/* SPDX-License-Identifier: Apache-2.0
 * Recall@10 of a collection with a graph against the exact scan at default settings: plain and under
 * filters that keep 50, 10, 1 and 0.1 percent, by chance and whole clusters, after the build, after
 * overwriting and deleting a third, after reopening and after a new config. That the planner took
 * each of its ways is asserted too. Prints what it measures. LT_LONG=1: ten times the points. */
enum { N = 24000, N_LONG = 240000, DIMS = 48, CENTRES = 1000, QUERIES = 40, K = 10, BATCH = 1000 };

#include "recall_fixture.h"

static uint64_t n_points;

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

/* The planner takes this way, in the words of "by". */
static void planned(world *w, const char *filter, const char *by)
{
    float query[DIMS];
    lt_rng r = {99};
    char part[64];
    asking a;

    draw(&r, query);
    ask(&a, w, query, filter);
    snprintf(part, sizeof part, "\"search\":{\"by\":\"%s\"", by);
    if (!explains(&a, part))
        fail_msg("%s is not how it is done", by);
    ask_done(&a);
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
    fix_reopen(w, "c");
    wait_green(w); /* to be asked wakes it too */
    assert_false(says(w, "\"indexed_vectors_count\":0,"));
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
