/* SPDX-License-Identifier: Apache-2.0
 * Vacuum: the disk that dead slots took comes back, and nobody notices anything else. */
#include <base/clock.h>
#include <dirent.h>
#include <engine/engine.h>
#include <pthread.h>

#include "rich_fixture.h"

enum { DIMS = 64, POINTS = 3000 };
static const char CONFIG[] = "{\"vectors\":{\"size\":64,\"distance\":\"Dot\"}}";

/* ---- points whose vector and payload tell their id and generation ------------------------------ */

static void put_all(world *w, uint64_t n, unsigned generation)
{
    float *rows = calloc(n * DIMS, sizeof *rows);
    lt_vector *v = calloc(n, sizeof *v);
    lt_full_point *points = calloc(n, sizeof *points);
    char(*payloads)[64] = calloc(n, sizeof *payloads);
    lt_update u = LT_UPDATE_INIT;
    lt_error err;

    for (uint64_t id = 0; id < n; id++) {
        float *row = rows + id * DIMS;

        for (int i = 0; i < DIMS; i++)
            row[i] = (float)(id + generation * 10000 + (unsigned)i);
        v[id] = fix_dense("", row, DIMS);
        int len = snprintf(payloads[id], 64, "{\"id\":%lu,\"generation\":%u}", (unsigned long)id,
                           generation);

        points[id] = (lt_full_point){lt_id_from_num(id), &v[id], 1, payloads[id], (size_t)len};
    }
    u.points = points;
    u.n_points = n;
    assert_ok(lt_points_update(w->c, &u, 1, NULL, NULL, &err), &err);
    free(rows);
    free(v);
    free(points);
    free(payloads);
}

/* What a reader sees of one point: it must be whole. Returns its generation. */
static unsigned seen(lt_reader *r, uint64_t id)
{
    LT_CLEANUP(lt_stored_done) lt_stored s = {0};
    lt_id want = lt_id_from_num(id);
    unsigned long got;
    unsigned generation;
    uint32_t slot;
    lt_vector v;
    bool present;
    lt_error err;

    assert_ok(lt_reader_slot(r, &want, &slot, &err), &err);
    assert_ok(lt_reader_load(r, slot, &s, &err), &err);
    assert_int_equal(sscanf(s.payload, "{\"id\":%lu,\"generation\":%u", &got, &generation), 2);
    assert_int_equal(got, id);
    assert_ok(lt_reader_vector(r, slot, lt_reader_schema(r, ""), &v, &present, &err), &err);
    assert_true(present);
    for (int i = 0; i < DIMS; i++)
        assert_float_equal(v.values[i], (float)(id + generation * 10000 + (unsigned)i), 0);
    return generation;
}

static void assert_all_are(world *w, uint64_t n, unsigned generation)
{
    lt_reader *r;

    OK(lt_reader_open(w->c, &r, &w->err));
    assert_int_equal(lt_reader_n_points(r), n);
    for (uint64_t id = 0; id < n; id++)
        assert_int_equal(seen(r, id), generation);
    lt_reader_close(r);
}

static void print_fault(void *context, const char *what)
{
    (void)context;
    print_message("%s\n", what);
}

static void assert_sound(world *w)
{
    lt_check_result result = LT_CHECK_RESULT_INIT;

    OK(lt_collection_check(w->c, print_fault, NULL, &result, &w->err));
    assert_int_equal(result.n_faults, 0);
}

static lt_collection_info info_of(world *w)
{
    lt_collection_info info = LT_COLLECTION_INFO_INIT;

    OK(lt_collection_get_info(w->c, &info, &w->err));
    return info;
}

static bool is_due(world *w)
{
    lt_view *v = lt_view_current(w->c);
    bool due = lt_vacuum_due(v);

    lt_view_unref(v);
    return due;
}

static void wait_for_vacuum(world *w)
{
    double until = lt_clock_s() + 60;

    while (is_due(w)) {
        assert_true(lt_clock_s() < until);
        usleep(10000);
    }
}

static size_t n_vector_files(world *w)
{
    DIR *d = opendir(w->c->dir);
    size_t n = 0;

    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += strncmp(e->d_name, "vectors", 7) == 0;
    closedir(d);
    return n;
}

/* ---- in the background ----------------------------------------------------------------------- */

static void ten_overwrites_stay_small(void **state)
{
    world *w = *state;

    fix_create(w, CONFIG);
    put_all(w, POINTS, 0);
    uint64_t fresh = info_of(w).bytes_on_disk, most = 0;

    for (unsigned generation = 1; generation <= 10; generation++) {
        put_all(w, POINTS, generation);
        wait_for_vacuum(w);
        uint64_t now = info_of(w).bytes_on_disk;

        most = now > most ? now : most;
    }
    print_message("fresh %lu bytes, at most %lu, %.2f times\n", (unsigned long)fresh,
                  (unsigned long)most, (double)most / (double)fresh);
    assert_true(most < fresh * 5 / 2);
    assert_true(info_of(w).n_deleted <= POINTS);
    assert_all_are(w, POINTS, 10);
    assert_sound(w);
    fix_reopen(w, "c");
    assert_all_are(w, POINTS, 10);
    assert_sound(w);
}

/* Few dead among many living are left. */
static void few_dead_are_left_alone(void **state)
{
    world *w = *state;

    fix_create(w, CONFIG);
    put_all(w, POINTS, 0);
    put_all(w, POINTS / 2, 1);
    assert_false(is_due(w));
    usleep(100000);
    assert_int_equal(info_of(w).n_deleted, POINTS / 2);
}

/* ---- by hand --------------------------------------------------------------------------------- */

static void older_readers_go_on(void **state)
{
    world *w = *state;
    lt_reader *old, *new;

    fix_create(w, CONFIG);
    put_all(w, 500, 1);
    OK(lt_reader_open(w->c, &old, &w->err));
    put_all(w, 500, 2);
    OK(lt_vacuum_run(w->c, &w->err));
    OK(lt_reader_open(w->c, &new, &w->err));
    put_all(w, 500, 3);
    OK(lt_vacuum_run(w->c, &w->err));
    assert_true(n_vector_files(w) >= 2);
    for (uint64_t id = 0; id < 500; id++) {
        assert_int_equal(seen(old, id), 1);
        assert_int_equal(seen(new, id), 2);
    }
    assert_all_are(w, 500, 3);
    lt_reader_close(old);
    lt_reader_close(new);
    assert_int_equal(n_vector_files(w), 1);
    assert_int_equal(info_of(w).n_deleted, 0);
}

/* Another process finds the new files, whichever commit it knew. */
static void readers_beside_follow(void **state)
{
    world *w = *state, beside = {0};
    lt_db_options read_only = LT_DB_OPTIONS_INIT;

    fix_create(w, CONFIG);
    put_all(w, 200, 0);
    read_only.read_only = true;
    OK(lt_db_open(w->dir, &read_only, &beside.db, &w->err));
    OK(lt_collection_open(beside.db, "c", &beside.c, &w->err));
    for (unsigned generation = 1; generation < 6; generation++) {
        assert_all_are(&beside, 200, generation - 1);
        put_all(w, 200, generation);
        OK(lt_vacuum_run(w->c, &w->err));
        put_all(w, 100, generation);
        OK(lt_vacuum_run(w->c, &w->err));
    }
    assert_all_are(&beside, 200, 5);
    fix_close(&beside);
}

static void every_kind_is_kept(void **state)
{
    world *w = *state;
    lt_rng r = {3};

    rich_fill(w);
    char *before = rich_points(w, w->c), *described, *then;

    OK(lt_collection_describe(w->c, &described, &w->err));
    for (int i = 0; i < 300; i++) { /* so often that numbers begin from the first again */
        OK(lt_vacuum_run(w->c, &w->err));
        assert_int_equal(info_of(w).n_deleted, 0);
    }
    then = rich_points(w, w->c);
    assert_string_equal(then, before);
    lt_text_free(then);
    OK(lt_collection_describe(w->c, &then, &w->err));
    assert_string_equal(then, described);
    lt_text_free(then);
    assert_sound(w);
    rich_put(w, 3, &r);
    fix_reopen(w, "c");
    assert_sound(w);
    lt_text_free(before);
    lt_text_free(described);
}

static void an_empty_collection_is_fine(void **state)
{
    world *w = *state;
    lt_id id = lt_id_from_num(0);

    fix_create(w, CONFIG);
    OK(lt_vacuum_run(w->c, &w->err));
    put_all(w, 1, 0);
    OK(lt_points_delete(w->c, &id, 1, NULL, &w->err));
    OK(lt_vacuum_run(w->c, &w->err));
    assert_int_equal(info_of(w).n_deleted, 0);
    put_all(w, 10, 1);
    assert_all_are(w, 10, 1);
}

/* Damage stops it before it changes anything. */
static void damage_is_left_in_its_place(void **state)
{
    world *w = *state;
    lt_id id = lt_id_from_num(5);
    lt_txn *txn;
    lt_key key;

    fix_create(w, CONFIG);
    put_all(w, 20, 0);
    put_all(w, 10, 1);
    lt_key_of(&id, &key);
    OK(lt_table_write(w->c->table, &txn, &w->err));
    OK(lt_txn_put(txn, &key, "broken", 6, &w->err));
    OK(lt_txn_commit(txn, &w->err));
    assert_int_equal(lt_vacuum_run(w->c, &w->err), LT_ECORRUPT);
    assert_non_null(strstr(w->err.message, "point 5"));
    assert_int_equal(n_vector_files(w), 1);
}

/* ---- beside writers -------------------------------------------------------------------------- */

typedef struct writing {
    world *w;
    atomic_bool stop;
    unsigned generation;
} writing;

static void *write_on(void *arg)
{
    writing *k = arg;

    for (; !atomic_load(&k->stop); k->generation++)
        put_all(k->w, 100 + k->generation % 3 * 50, k->generation + 1);
    return NULL;
}

static void writers_go_on(void **state)
{
    world *w = *state;
    writing k = {.w = w};
    pthread_t thread;

    fix_create(w, CONFIG);
    put_all(w, 300, 0);
    assert_int_equal(pthread_create(&thread, NULL, write_on, &k), 0);
    for (int i = 0; i < 25; i++) {
        lt_reader *r;

        OK(lt_vacuum_run(w->c, &w->err));
        OK(lt_reader_open(w->c, &r, &w->err));
        for (uint64_t id = 0; id < 300; id += 7)
            (void)seen(r, id);
        lt_reader_close(r);
    }
    atomic_store(&k.stop, true);
    pthread_join(thread, NULL);
    assert_true(k.generation > 3);
    assert_sound(w);
    put_all(w, 300, 1);
    OK(lt_vacuum_run(w->c, &w->err));
    assert_all_are(w, 300, 1);
    assert_int_equal(n_vector_files(w), 1);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fix_setup, fix_teardown)
    const struct CMUnitTest tests[] = {
        T(ten_overwrites_stay_small),
        T(few_dead_are_left_alone),
        T(older_readers_go_on),
        T(readers_beside_follow),
        T(every_kind_is_kept),
        T(an_empty_collection_is_fine),
        T(damage_is_left_in_its_place),
        T(writers_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
