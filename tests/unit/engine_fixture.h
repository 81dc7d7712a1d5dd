/* SPDX-License-Identifier: Apache-2.0
 * A database in a directory of its own, for tests of the engine. */
#ifndef LT_TESTS_ENGINE_FIXTURE_H
#define LT_TESTS_ENGINE_FIXTURE_H

#include <base/buf.h>
#include <base/file.h>
#include <base/mem.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lt_cmocka.h"

typedef struct world {
    char dir[64];
    lt_db *db;
    lt_collection *c;
    lt_error err;
} world;

#define OK(call) assert_ok(call, &w->err)

static int fix_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void fix_open(world *w, const char *name)
{
    OK(lt_db_open(w->dir, NULL, &w->db, &w->err));
    if (name)
        OK(lt_collection_open(w->db, name, &w->c, &w->err));
}

static inline void fix_close(world *w)
{
    lt_collection_close(w->c);
    lt_db_close(w->db);
    w->c = NULL;
    w->db = NULL;
}

static inline void fix_reopen(world *w, const char *name)
{
    fix_close(w);
    fix_open(w, name);
}

static inline int fix_setup(void **state)
{
    world *w = calloc(1, sizeof *w);

    strcpy(w->dir, "/tmp/lt-engine-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    fix_open(w, NULL);
    *state = w;
    return 0;
}

static inline int fix_teardown(void **state)
{
    world *w = *state;

    lt_mem_fail_at(-1, false);
    fix_close(w);
    nftw(w->dir, fix_remove, 16, FTW_DEPTH | FTW_PHYS);
    free(w);
    return 0;
}

/* Creates collection "c" from JSON and opens it. */
static inline void fix_create(world *w, const char *json)
{
    OK(lt_collection_create_json(w->db, "c", json, strlen(json), &w->err));
    OK(lt_collection_open(w->db, "c", &w->c, &w->err));
}

static inline lt_vector fix_dense(const char *name, const float *values, size_t n)
{
    return (lt_vector){.name = name, .kind = LT_VECTOR_DENSE, .values = values, .n_values = n};
}

static inline lt_status fix_update(world *w, const lt_update *u, lt_update_result *result)
{
    lt_update_result mine;
    size_t n;

    return lt_points_update(w->c, u, 1, result ? result : &mine, &n, &w->err);
}

static inline lt_status fix_put(world *w, uint64_t id, const lt_vector *vectors, size_t n,
                                const char *payload)
{
    lt_full_point p = {lt_id_from_num(id), vectors, n, payload, payload ? strlen(payload) : 0};
    lt_update u = LT_UPDATE_INIT;

    u.points = &p;
    u.n_points = 1;
    return fix_update(w, &u, NULL);
}

#endif
