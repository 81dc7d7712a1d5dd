/* SPDX-License-Identifier: Apache-2.0
 * Recall@10 of the graph against the exact scan, with floors: per metric and element, serial and
 * parallel build, after inserts, deletes, repair and reopening, under filters of 50 %, 10 % and 1 %
 * that have to do with the vectors or not. Prints what it measures. */
#include <base/file.h>
#include <stdio.h>
#include <unistd.h>

#include "../unit/hnsw_fixture.h"

enum { N = 6000, DIMS = 40, K = 10, QUERIES = 60, M = 16, EF_CONSTRUCT = 100 };
/* Few candidates where the floor is to be near what is measured; the usual number under filters. */
enum { EF = 20, EF_FILTERED = 64 };

typedef struct queries {
    void *rows; /* as queries of the element have them */
    size_t size;
} queries;

static queries draw_queries(const fixture *f, lt_rng *r)
{
    size_t size = f->element <= LT_ELEMENT_F16 ? f->dims * 4 : f->dims;
    queries q = {lt_calloc(QUERIES, size), size};
    LT_AUTOFREE float *v = lt_calloc(f->dims, sizeof *v);

    for (size_t i = 0; i < QUERIES; i++) {
        fix_draw(f, r, lt_rng_below(r, f->n_centres), v);
        if (f->element <= LT_ELEMENT_F16)
            memcpy((char *)q.rows + i * size, v, size);
        else
            fix_store(f, v, (char *)q.rows + i * size);
    }
    return q;
}

/* What a search was asked beside its vector. */
typedef struct ask {
    size_t n; /* vectors in the graph */
    const uint64_t *allowed;
    uint32_t scan_max;
    size_t ef; /* 0: EF */
} ask;

static double recall_of(lt_hnsw *g, const fixture *f, const queries *q, ask a)
{
    size_t hits = 0, wanted = 0;

    for (size_t i = 0; i < QUERIES; i++) {
        lt_scored want[K], got[K];
        lt_hnsw_query query = {(char *)q->rows + i * q->size, K, a.ef ? a.ef : EF, a.allowed, (uint32_t)a.n, 0,
                               a.scan_max, NULL};
        size_t n_want = fix_exact(f, query.vector, a.n, a.allowed, K, want), n;
        lt_error e;

        assert_ok(lt_hnsw_search(g, &query, got, &n, &e), &e);
        assert_int_equal(n, n_want); /* as many as there are, whatever the filter */
        for (size_t j = 0; j < n; j++) {
            assert_true(bit_of(a.allowed, got[j].slot) && got[j].slot < a.n);
            assert_true(j == 0 || got[j - 1].score >= got[j].score);
            /* By score: a tie with the last is as good. */
            hits += got[j].score >= want[n_want - 1].score - 1e-5f * fabsf(want[n_want - 1].score);
        }
        wanted += n_want;
    }
    return wanted ? (double)hits / (double)wanted : 1;
}

static void expect(const char *what, double got, double floor)
{
    print_message("  %-44s recall@10 %.3f (floor %.2f)\n", what, got, floor);
    if (got < floor)
        fail_msg("%s: recall %.3f is below %.2f", what, got, floor);
}

static void insert(lt_hnsw *g, uint32_t from, uint32_t to, const uint64_t *living, unsigned threads)
{
    lt_error e;

    assert_ok(lt_hnsw_insert_range(g, from, to, living, threads, &e), &e);
}

static uint32_t unreachable(lt_hnsw *g)
{
    lt_hnsw_stats s;
    lt_error e;

    assert_ok(lt_hnsw_get_stats(g, &s, &e), &e);
    return s.n_unreachable;
}

/* ---- metrics and elements -------------------------------------------------------------------- */

static void check_build(lt_distance distance, lt_element element, const char *name)
{
    lt_rng r = {(uint64_t)distance * 10 + element};
    fixture f;

    fix_init(&f, &r, N, DIMS, distance, element);
    queries q = draw_queries(&f, &r);

    for (unsigned threads = 1; threads <= 4; threads += 3) {
        lt_hnsw *g = fix_graph(&f, M, EF_CONSTRUCT);
        char what[64];

        insert(g, 0, N / 2, NULL, threads);
        snprintf(what, sizeof what, "%s, %u threads, half", name, threads);
        expect(what, recall_of(g, &f, &q, (ask){.n = N / 2}), 0.95);
        insert(g, N / 2, N, NULL, threads);
        snprintf(what, sizeof what, "%s, %u threads, all", name, threads);
        expect(what, recall_of(g, &f, &q, (ask){.n = N}), 0.95);
        assert_int_equal(lt_hnsw_covered(g), N);
        assert_true(unreachable(g) <= N / 1000);
        fix_check(g);
        lt_hnsw_free(g);
    }
    lt_free(q.rows);
    fix_done(&f);
}

static void every_metric(void **state)
{
    (void)state;
    check_build(LT_DISTANCE_COSINE, LT_ELEMENT_F32, "cosine");
    check_build(LT_DISTANCE_DOT, LT_ELEMENT_F32, "dot");
    check_build(LT_DISTANCE_EUCLID, LT_ELEMENT_F32, "euclid");
    check_build(LT_DISTANCE_MANHATTAN, LT_ELEMENT_F32, "manhattan");
}

static void every_element(void **state)
{
    (void)state;
    check_build(LT_DISTANCE_COSINE, LT_ELEMENT_F16, "cosine f16");
    check_build(LT_DISTANCE_EUCLID, LT_ELEMENT_U8, "euclid u8");
    check_build(LT_DISTANCE_COSINE, LT_ELEMENT_I8, "cosine i8");
}

/* ---- one graph through its life -------------------------------------------------------------- */

static void reopen(lt_hnsw **g, const fixture *f, bool in_memory)
{
    char dir[] = "/tmp/lt-recall-XXXXXX";
    lt_hnsw_vectors v = fix_vectors(f);
    lt_hnsw_open_options o = {in_memory, false};
    lt_error e;

    assert_non_null(mkdtemp(dir));
    LT_AUTOFREE char *path = lt_path_join(dir, "graph");

    assert_ok(lt_hnsw_save(*g, path, &e), &e);
    lt_hnsw_free(*g);
    assert_ok(lt_hnsw_open(path, &v, &o, g, &e), &e);
    assert_ok(lt_dir_remove(dir, &e), &e);
}

static void deletes_do_not_cost_recall(void **state)
{
    (void)state;
    lt_rng r = {99};
    fixture f;
    uint64_t living[N / 64 + 1];
    lt_error e;

    fix_init(&f, &r, N, DIMS, LT_DISTANCE_COSINE, LT_ELEMENT_F32);
    queries q = draw_queries(&f, &r);
    lt_hnsw *g = fix_graph(&f, M, EF_CONSTRUCT);
    uint32_t n = N * 3 / 4;

    memset(living, 0xff, sizeof living);
    insert(g, 0, n, NULL, 2);
    for (uint32_t i = 0; i < n; i++) /* a third, and whole clusters beside them */
        if (lt_rng_below(&r, 3) == 0 || f.cluster[i] % 10 == 3) {
            set_bit(living, i, false);
            assert_ok(lt_hnsw_delete(g, i, &e), &e);
        }
    expect("deleted, not repaired", recall_of(g, &f, &q, (ask){n, living, 1, 0}), 0.95);
    assert_ok(lt_hnsw_repair(g, 2, &e), &e);
    fix_check(g);
    expect("repaired", recall_of(g, &f, &q, (ask){n, living, 1, 0}), 0.95);
    assert_true(unreachable(g) <= n / 1000);
    insert(g, n, N, NULL, 2);
    expect("and more inserted", recall_of(g, &f, &q, (ask){N, living, 1, 0}), 0.95);
    double before = recall_of(g, &f, &q, (ask){N, living, 1, 0});

    for (int in_memory = 0; in_memory <= 1; in_memory++) {
        reopen(&g, &f, in_memory);
        double after = recall_of(g, &f, &q, (ask){N, living, 1, 0});

        expect(in_memory ? "read back" : "mapped", after, 0.95);
        assert_true(after == before);
    }
    /* Nine in ten go, in rounds. */
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < N; i++)
            if (bit_of(living, i) && lt_rng_below(&r, 2) == 0) {
                set_bit(living, i, false);
                assert_ok(lt_hnsw_delete(g, i, &e), &e);
            }
        assert_ok(lt_hnsw_repair(g, 2, &e), &e);
        expect("half deleted, repaired", recall_of(g, &f, &q, (ask){N, living, 1, 0}), 0.95);
    }
    fix_check(g);
    lt_hnsw_free(g);
    lt_free(q.rows);
    fix_done(&f);
}

/* ---- filters --------------------------------------------------------------------------------- */

/* Fills the bits of about permille/1000 of the vectors: by chance, or whole clusters. */
static void draw_filter(const fixture *f, lt_rng *r, unsigned permille, bool by_cluster, uint64_t *bits)
{
    size_t few = f->n_centres * permille / 1000;

    memset(bits, 0, (N / 64 + 1) * sizeof *bits);
    for (size_t i = 0; i < f->n; i++)
        set_bit(bits, i, by_cluster ? f->cluster[i] < (few ? few : 1)
                                    : lt_rng_below(r, 1000) < permille);
}

static void filters_keep_recall(void **state)
{
    (void)state;
    static const unsigned permille[] = {990, 900, 500, 100, 30, 10, 1};
    lt_rng r = {123};
    fixture f;
    uint64_t bits[N / 64 + 1];

    fix_init(&f, &r, N, DIMS, LT_DISTANCE_COSINE, LT_ELEMENT_F32);
    queries q = draw_queries(&f, &r);
    lt_hnsw *g = fix_graph(&f, M, EF_CONSTRUCT);

    insert(g, 0, N, NULL, 2);
    for (size_t i = 0; i < sizeof permille / sizeof *permille; i++)
        for (int by_cluster = 0; by_cluster <= 1; by_cluster++)
            for (uint32_t scan_max = 0; scan_max <= 1; scan_max++) {
                char what[64];

                draw_filter(&f, &r, permille[i], by_cluster, bits);
                snprintf(what, sizeof what, "%.1f %% pass, %s, %s", permille[i] / 10.0,
                         by_cluster ? "whole clusters" : "by chance",
                         scan_max ? "never scanned" : "as planned");
                expect(what, recall_of(g, &f, &q, (ask){N, bits, scan_max, EF_FILTERED}), 0.95);
            }
    lt_hnsw_free(g);
    lt_free(q.rows);
    fix_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_metric),
        cmocka_unit_test(every_element),
        cmocka_unit_test(deletes_do_not_cost_recall),
        cmocka_unit_test(filters_keep_recall),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
