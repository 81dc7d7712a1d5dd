/* SPDX-License-Identifier: Apache-2.0
 * Readers, writers, changes of the config and the indexing thread at once. Points that are written
 * over again and again must be found at every moment, whichever version. */
#include <base/clock.h>
#include <base/rng.h>
#include <engine/reader.h>
#include <pthread.h>
#include <stdatomic.h>

#include "engine_fixture.h"

enum { DIMS = 16, STEADY = 6000, BUSY = 40, N_LOADS = 6 };
#ifdef __SANITIZE_THREAD__
enum { SECONDS = 6 };
#else
enum { SECONDS = 2 };
#endif

typedef struct load {
    world *w;
    uint64_t seed;
    atomic_bool *stop;
    size_t n; /* done */
} load;

/* A point's vectors differ from version to version, but it is the nearest to its own direction. */
static void vector_of(uint64_t id, lt_rng *r, float out[DIMS])
{
    lt_rng own = {id * 31 + 5};

    for (int i = 0; i < DIMS; i++)
        out[i] = lt_rng_normal(&own) + (r ? 0.02f * lt_rng_normal(r) : 0);
}

static void put_some(load *l, uint64_t first, uint64_t n, lt_rng *r)
{
    float vectors[BUSY][DIMS];
    lt_vector v[BUSY];
    lt_full_point points[BUSY];
    lt_update u = LT_UPDATE_INIT;
    lt_error err;

    for (uint64_t i = 0; i < n; i++) {
        vector_of(first + i, r, vectors[i]);
        v[i] = fix_dense("", vectors[i], DIMS);
        points[i] = (lt_full_point){lt_id_from_num(first + i), &v[i], 1, "{\"k\":\"x\"}", 9};
    }
    u.points = points;
    u.n_points = n;
    assert_ok(lt_points_update(l->w->c, &u, 1, NULL, NULL, &err), &err);
}

static void *write_over(void *arg)
{
    load *l = arg;
    lt_rng r = {l->seed};

    for (; !atomic_load(l->stop); l->n++)
        put_some(l, 0, BUSY, &r);
    return NULL;
}

static void *come_and_go(void *arg)
{
    load *l = arg;
    lt_rng r = {l->seed};
    lt_error err;

    for (uint64_t at = 1000000; !atomic_load(l->stop); at += 20, l->n++) {
        lt_id ids[20];
        lt_update u = LT_UPDATE_INIT;

        put_some(l, at, 20, &r);
        for (uint64_t i = 0; i < 20; i++)
            ids[i] = lt_id_from_num(at + i);
        u.kind = LT_UPDATE_SET_PAYLOAD;
        u.ids = ids;
        u.n_ids = 20;
        u.payload = "{\"a\":1}";
        u.payload_len = 7;
        assert_ok(lt_points_update(l->w->c, &u, 1, NULL, NULL, &err), &err);
        assert_ok(lt_points_delete(l->w->c, ids, 20, NULL, &err), &err);
    }
    return NULL;
}

static void *change_config(void *arg)
{
    static const char *const patches[] = {
        "{\"hnsw_config\":{\"m\":6},\"quantization_config\":{\"scalar\":{\"type\":\"int8\"}}}",
        "{\"hnsw_config\":{\"m\":12}}",
        "{\"quantization_config\":{\"product\":{\"compression\":\"x4\"}}}",
        "{\"hnsw_config\":{\"m\":6},\"quantization_config\":\"Disabled\"}"};
    load *l = arg;
    lt_error err;

    for (; !atomic_load(l->stop); l->n++) {
        const char *patch = patches[l->n % 4];
        char *text;

        assert_ok(lt_collection_update_json(l->w->c, patch, strlen(patch), &err), &err);
        assert_ok(lt_collection_create_index(l->w->c, "k", "\"keyword\"", 9, NULL, &err), &err);
        assert_ok(lt_collection_describe(l->w->c, &text, &err), &err);
        assert_null(strstr(text, "\"error\""));
        lt_text_free(text);
        assert_ok(lt_collection_drop_index(l->w->c, "k", NULL, &err), &err);
        usleep(150000);
    }
    return NULL;
}

/* Snapshots, each read by a restore, and the check of all that is stored. */
static void *copy_and_check(void *arg)
{
    load *l = arg;

    for (; !atomic_load(l->stop); l->n++) {
        lt_check_result result = LT_CHECK_RESULT_INIT;
        lt_snapshot_file *f;
        lt_error err;

        assert_ok(lt_snapshots_create(l->w->c, &f, &err), &err);
        assert_ok(lt_snapshots_restore(l->w->db, "copy", f->path, f->sha256, &err), &err);
        lt_snapshots_free(f, 1);
        assert_ok(lt_collection_check(l->w->c, NULL, NULL, &result, &err), &err);
        assert_int_equal(result.n_faults, 0);
    }
    return NULL;
}

static void *look(void *arg)
{
    load *l = arg;
    lt_rng r = {l->seed};

    for (; !atomic_load(l->stop); l->n++) {
        uint64_t id = lt_rng_below(&r, 2) ? lt_rng_below(&r, BUSY) : 1000 + lt_rng_below(&r, STEADY);
        float v[DIMS];
        lt_query q = LT_QUERY_INIT;
        lt_error err;
        lt_hits *h;

        vector_of(id, NULL, v);
        q.vector = v;
        q.dims = DIMS;
        q.k = 5;
        assert_ok(lt_points_query(l->w->c, &q, &h, &err), &err);
        bool found = false;

        for (size_t i = 0; i < h->n_items; i++)
            found |= h->items[i].id.num == id;
        if (!found)
            fail_msg("point %lu was not found", (unsigned long)id);
        lt_hits_free(h);
    }
    return NULL;
}

static void all_at_once(void **state)
{
    world *w = *state;
    atomic_bool stop = false;
    load loads[N_LOADS];
    pthread_t threads[N_LOADS];
    void *(*const work[N_LOADS])(void *) = {write_over,     come_and_go, change_config,
                                            copy_and_check, look,        look};
    uint64_t n;

    fix_create(w, "{\"vectors\":{\"size\":16,\"distance\":\"Cosine\"},"
                  "\"optimizers_config\":{\"indexing_threshold\":20}}");
    for (size_t i = 0; i < N_LOADS; i++)
        loads[i] = (load){w, i + 1, &stop, 0};
    put_some(&loads[0], 0, BUSY, NULL);
    for (uint64_t i = 0; i < STEADY; i += 20)
        put_some(&loads[0], 1000 + i, 20, NULL);
    for (size_t i = 0; i < N_LOADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work[i], &loads[i]), 0);
    sleep(SECONDS);
    atomic_store(&stop, true);
    for (size_t i = 0; i < N_LOADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(loads[i].n > 0);
    }
    printf("overwrites %zu, come and go %zu, changes %zu, snapshots %zu, searches %zu\n", loads[0].n,
           loads[1].n, loads[2].n, loads[3].n, loads[4].n + loads[5].n);
    OK(lt_points_count(w->c, NULL, &n, &w->err));
    assert_int_equal(n, BUSY + STEADY);
    fix_reopen(w, "c");
    OK(lt_points_count(w->c, NULL, &n, &w->err));
    assert_int_equal(n, BUSY + STEADY);
}

typedef struct opener {
    world *w;
    atomic_bool *stop;
} opener;

static void *open_often(void *arg)
{
    opener *o = arg;

    while (!atomic_load(o->stop)) {
        lt_collection *c;
        lt_error err;
        uint64_t n;
        lt_status st = lt_collection_open(o->w->db, "short", &c, &err);

        if (st == LT_ENOTFOUND)
            continue;
        assert_ok(st, &err);
        assert_ok(lt_points_count(c, NULL, &n, &err), &err);
        lt_collection_close(c);
    }
    return NULL;
}

static void dropped_under_readers(void **state)
{
    world *w = *state;
    atomic_bool stop = false;
    opener o = {w, &stop};
    pthread_t threads[2];
    const char *json = "{\"vectors\":{\"size\":16,\"distance\":\"Dot\"}}";

    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_often, &o), 0);
    for (int i = 0; i < 60; i++) {
        OK(lt_collection_create_json(w->db, "short", json, strlen(json), &w->err));
        usleep(2000);
        OK(lt_collection_drop(w->db, "short", &w->err));
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

enum { MANY = 140 }; /* more than are kept open */

typedef struct visitor {
    world *w;
    uint64_t seed;
} visitor;

/* Opens collections at random: each time it is the one that was left, with what was written. */
static void *visit_many(void *arg)
{
    visitor *v = arg;
    lt_rng r = {v->seed};

    for (int i = 0; i < 1500; i++) {
        char name[16];
        lt_collection *c;
        lt_error err;
        uint64_t n;

        snprintf(name, sizeof name, "n%d", (int)lt_rng_below(&r, MANY));
        assert_ok(lt_collection_open(v->w->db, name, &c, &err), &err);
        assert_ok(lt_points_count(c, NULL, &n, &err), &err);
        assert_int_equal(n, 1);
        lt_collection_close(c);
    }
    return NULL;
}

static void closed_and_opened_at_once(void **state)
{
    world *w = *state;
    visitor visitors[3];
    pthread_t threads[3];
    float value = 1;
    lt_vector v = fix_dense("", &value, 1);
    const char *json = "{\"vectors\":{\"size\":1,\"distance\":\"Dot\"}}";

    for (int i = 0; i < MANY; i++) {
        char name[16];

        snprintf(name, sizeof name, "n%d", i);
        OK(lt_collection_create_json(w->db, name, json, strlen(json), &w->err));
        OK(lt_collection_open(w->db, name, &w->c, &w->err));
        OK(fix_put(w, 1, &v, 1, NULL));
        lt_collection_close(w->c);
    }
    w->c = NULL;
    for (size_t i = 0; i < 3; i++) {
        visitors[i] = (visitor){w, i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, visit_many, &visitors[i]), 0);
    }
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_at_once, fix_setup, fix_teardown),
        cmocka_unit_test_setup_teardown(dropped_under_readers, fix_setup, fix_teardown),
        cmocka_unit_test_setup_teardown(closed_and_opened_at_once, fix_setup, fix_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
