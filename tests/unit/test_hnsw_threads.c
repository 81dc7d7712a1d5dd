/* SPDX-License-Identifier: Apache-2.0
 * Inserts, deletes, searches, repairs, checkpoints and checks at once. Meant for ThreadSanitizer;
 * the invariants are tested in any build. */
#include <base/file.h>
#include <base/thread.h>
#include <stdio.h>

#include "hnsw_fixture.h"

enum { N = 3000, DIMS = 16, INSERTERS = 3, SEARCHERS = 2, K = 10 };

typedef struct crowd {
    fixture f;
    lt_hnsw *g;
    _Atomic uint32_t next;
    _Atomic int inserting;
    _Atomic uint64_t searches;
    char path[64];
} crowd;

/* cmocka's assertions belong to the main thread. */
static _Noreturn void give_up(const char *what, const lt_error *e)
{
    fprintf(stderr, "%s%s%s\n", what, e ? ": " : "", e ? e->message : "");
    abort();
}

static void *insert_some(void *context)
{
    crowd *c = context;
    lt_error e;

    for (uint32_t slot; (slot = c->next++) < N;) {
        lt_status st = lt_hnsw_insert(c->g, slot, &e);

        /* Who fell behind may find that his slot was deleted before it was inserted. */
        if (st != LT_OK && !(st == LT_EEXISTS && slot % 5 == 0))
            give_up("insert", &e);
        /* Every fifth dies a little later, by the hand of whoever is there. */
        if (slot >= 100 && slot % 5 == 0 && lt_hnsw_delete(c->g, slot - 100, &e) != LT_OK)
            give_up("delete", &e);
    }
    c->inserting--;
    return NULL;
}

static void *search_some(void *context)
{
    crowd *c = context;
    uint64_t even[N / 64 + 1];
    lt_rng r = {c->searches++};

    memset(even, 0x55, sizeof even);
    while (c->inserting > 0) {
        bool filtered = lt_rng_below(&r, 2);
        uint32_t covered = lt_hnsw_covered(c->g);
        lt_hnsw_query q = {fix_at(&c->f, lt_rng_below(&r, N)), K, 30, filtered ? even : NULL,
                           filtered ? N : covered, 0, 1, NULL};
        lt_scored out[K];
        lt_error e;
        size_t n;

        if (lt_hnsw_search(c->g, &q, out, &n, &e) != LT_OK)
            give_up("search", &e);
        if (n > K)
            give_up("search: too many", NULL);
        for (size_t i = 0; i < n; i++)
            if (out[i].slot >= q.n_slots || (filtered && out[i].slot % 2))
                give_up("search: a slot that is not allowed", NULL);
        c->searches++;
    }
    return NULL;
}

static void *keep_house(void *context)
{
    crowd *c = context;
    const char *reason = "";
    lt_error e;

    while (c->inserting > 0) {
        if (lt_hnsw_repair(c->g, 2, &e) != LT_OK)
            give_up("repair", &e);
        if (lt_hnsw_save(c->g, c->path, &e) != LT_OK)
            give_up("save", &e);
        if (!lt_hnsw_check(c->g, &reason))
            give_up(reason, NULL);
    }
    return NULL;
}

static void run_crowd(crowd *c)
{
    pthread_t ids[INSERTERS + SEARCHERS + 1];
    size_t n = 0;

    c->inserting = INSERTERS;
    for (int i = 0; i < INSERTERS; i++)
        assert_int_equal(pthread_create(&ids[n++], NULL, insert_some, c), 0);
    for (int i = 0; i < SEARCHERS; i++)
        assert_int_equal(pthread_create(&ids[n++], NULL, search_some, c), 0);
    assert_int_equal(pthread_create(&ids[n++], NULL, keep_house, c), 0);
    while (n > 0)
        pthread_join(ids[--n], NULL);
}

static double recall(crowd *c, const uint64_t *living)
{
    size_t hits = 0, wanted = 0;

    for (size_t i = 0; i < N; i += 30) {
        lt_scored want[K], got[K];
        lt_hnsw_query q = {fix_at(&c->f, i), K, 50, living, N, 0, 1, NULL};
        size_t n_want = fix_exact(&c->f, q.vector, N, living, K, want), n;
        lt_error e;

        assert_ok(lt_hnsw_search(c->g, &q, got, &n, &e), &e);
        for (size_t j = 0; j < n; j++)
            hits += got[j].score >= want[n_want - 1].score - 1e-5f;
        wanted += n_want;
    }
    return (double)hits / (double)wanted;
}

static void all_at_once(void **state)
{
    (void)state;
    crowd c = {0};
    lt_rng r = {17};
    uint64_t living[N / 64 + 1];
    char dir[] = "/tmp/lt-threads-XXXXXX";
    lt_hnsw *copy;
    lt_error e;

    assert_non_null(mkdtemp(dir));
    snprintf(c.path, sizeof c.path, "%s/graph", dir);
    fix_init(&c.f, &r, N, DIMS, LT_DISTANCE_COSINE, LT_ELEMENT_F32);
    c.g = fix_graph(&c.f, 12, 40);
    run_crowd(&c);
    print_message("%llu searches meanwhile\n", (unsigned long long)c.searches);
    fix_check(c.g);
    assert_int_equal(lt_hnsw_covered(c.g), N);
    memset(living, 0xff, sizeof living);
    for (uint32_t slot = 100; slot < N; slot += 5)
        set_bit(living, slot - 100, false);
    double before = recall(&c, living);

    assert_ok(lt_hnsw_repair(c.g, 2, &e), &e);
    fix_check(c.g);
    double after = recall(&c, living);

    print_message("recall@10 %.3f, after a repair %.3f\n", before, after);
    assert_true(before >= 0.97 && after >= 0.97);
    lt_hnsw_vectors v = fix_vectors(&c.f);

    assert_ok(lt_hnsw_open(c.path, &v, NULL, &copy, &e), &e); /* the last checkpoint is whole */
    lt_hnsw_free(copy);
    lt_hnsw_free(c.g);
    fix_done(&c.f);
    assert_ok(lt_dir_remove(dir, &e), &e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_at_once)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
