/* SPDX-License-Identifier: Apache-2.0
 * The files of a database: what becomes of them when others die, or take some of them away. */
#include <base/rng.h>
#include <engine/reader.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "engine_fixture.h"

enum { DIMS = 4 };
static const char FOUR[] = "{\"vectors\":{\"size\":4,\"distance\":\"Dot\"}}";

static void put(world *w, uint64_t id, size_t payload_len)
{
    float v[DIMS] = {(float)id, 1, 2, 3};
    lt_vector vector = fix_dense("", v, DIMS);
    LT_CLEANUP(lt_buf_done) lt_buf payload = {0};

    OK(lt_buf_adds(&payload, "{\"text\":\"", &w->err));
    while (payload.len < payload_len)
        OK(lt_buf_adds(&payload, "words ", &w->err));
    OK(lt_buf_adds(&payload, "\"}", &w->err));
    OK(fix_put(w, id, &vector, 1, payload.data));
}

static uint64_t bytes_on_disk(world *w)
{
    lt_collection_info info = LT_COLLECTION_INFO_INIT;

    OK(lt_collection_get_info(w->c, &info, &w->err));
    return info.bytes_on_disk;
}

/* ---- readers --------------------------------------------------------------------------------- */

/* Another process with a reader open, until it is killed. */
static pid_t start_reader(const char *dir)
{
    lt_db_options read_only = LT_DB_OPTIONS_INIT;
    int ready[2];
    char byte;

    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        lt_db *db;
        lt_collection *c;
        lt_reader *r;

        read_only.read_only = true;
        if (lt_db_open(dir, &read_only, &db, NULL) || lt_collection_open(db, "c", &c, NULL) ||
            lt_reader_open(c, &r, NULL) || write(ready[1], "r", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

/* The pages that a reader saw are kept for it, but not when it is dead. */
static void killed_readers_are_forgotten(void **state)
{
    world *w = *state;
    int status;

    fix_create(w, FOUR);
    put(w, 1, 50000);
    pid_t pid = start_reader(w->dir);

    put(w, 1, 50000);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (int i = 0; i < 200; i++)
        put(w, 1, 50000);
    assert_in_range(bytes_on_disk(w), 50000, 6000000); /* 200 versions would be 10 million */
}

/* ---- files that are gone --------------------------------------------------------------------- */

static void a_lost_catalog_loses_no_more(void **state)
{
    world *w = *state;
    LT_AUTOFREE char *catalog = lt_path_join(w->dir, "catalog.mdb");
    LT_AUTOFREE char *aside = lt_path_join(w->dir, "aside");
    lt_db *db;

    fix_create(w, FOUR);
    put(w, 7, 10);
    fix_close(w);
    assert_int_equal(rename(catalog, aside), 0);
    assert_int_equal(lt_db_open(w->dir, NULL, &db, &w->err), LT_ECORRUPT);
    assert_non_null(strstr(w->err.message, "catalog.mdb is missing"));
    assert_false(lt_path_exists(catalog));
    assert_int_equal(rename(aside, catalog), 0);
    fix_open(w, "c");
    assert_true(bytes_on_disk(w) > 0);
}

#ifndef LT_SANITIZED /* sanitizers need all the address space there is */
/* With less address space than a map usually takes, a smaller one does. */
static void little_address_space_is_enough(void **state)
{
    world *w = *state;
    int status;

    fix_create(w, FOUR);
    put(w, 1, 100);
    fix_close(w);
    fflush(NULL);
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit limit = {1u << 30, 1u << 30};
        lt_hits *hits;
        lt_id id = lt_id_from_num(1);

        if (setrlimit(RLIMIT_AS, &limit) || lt_db_open(w->dir, NULL, &w->db, &w->err) ||
            lt_collection_open(w->db, "c", &w->c, &w->err) ||
            lt_points_get(w->c, &id, 1, true, true, &hits, &w->err)) {
            fprintf(stderr, "%s\n", w->err.message);
            _exit(1);
        }
        _exit(hits->n_items == 1 ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    fix_open(w, "c");
}
#endif

/* The file of a vector that no point has grows with the slots all the same. */
static void unused_vectors_are_read_beside_the_owner(void **state)
{
    world *w = *state;
    lt_db_options read_only = LT_DB_OPTIONS_INIT;
    float v[DIMS] = {1, 2, 3, 4};
    lt_vector vector = fix_dense("a", v, DIMS);
    lt_db *db;
    lt_collection *c;
    uint64_t n;

    fix_create(w, "{\"vectors\":{\"a\":{\"size\":4,\"distance\":\"Dot\"},"
                  "\"b\":{\"size\":4,\"distance\":\"Dot\"}}}");
    OK(fix_put(w, 1, &vector, 1, NULL));
    read_only.read_only = true;
    OK(lt_db_open(w->dir, &read_only, &db, &w->err));
    OK(lt_collection_open(db, "c", &c, &w->err));
    OK(lt_points_count(c, NULL, &n, &w->err));
    assert_int_equal(n, 1);
    lt_collection_close(c);
    lt_db_close(db);
}

static void dropped_vectors_take_their_file_along(void **state)
{
    world *w = *state;
    const char *dense = "{\"dense\":{\"size\":4,\"distance\":\"Dot\"}}";
    uint64_t before;

    fix_create(w, FOUR);
    before = bytes_on_disk(w);
    for (int i = 0; i < 20; i++) {
        OK(lt_collection_add_vector(w->c, "more", dense, strlen(dense), &w->err));
        assert_true(bytes_on_disk(w) > before + 60000);
        OK(lt_collection_drop_vector(w->c, "more", &w->err));
    }
    assert_in_range(bytes_on_disk(w), before, before + 60000);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fix_setup, fix_teardown)
    const struct CMUnitTest tests[] = {
        T(killed_readers_are_forgotten),
        T(a_lost_catalog_loses_no_more),
#ifndef LT_SANITIZED
        T(little_address_space_is_enough),
#endif
        T(unused_vectors_are_read_beside_the_owner),
        T(dropped_vectors_take_their_file_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
