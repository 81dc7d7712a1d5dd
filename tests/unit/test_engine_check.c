/* SPDX-License-Identifier: Apache-2.0
 * lt_collection_check finds every kind of damage and names it; a sound collection has none. The
 * damage is done to the closed files, through the store's own tables. */
#include <base/clock.h>
#include <base/rng.h>
#include <engine/engine.h>

#include "engine_fixture.h"

enum { POINTS = 50 };
static const char CONFIG[] =
    "{\"vectors\":{\"d\":{\"size\":8,\"distance\":\"Dot\"},"
    "\"m\":{\"size\":2,\"distance\":\"Dot\",\"multivector_config\":{\"comparator\":\"max_sim\"}}},"
    "\"sparse_vectors\":{\"s\":{}},\"optimizers_config\":{\"indexing_threshold\":10}}";

typedef struct faults {
    size_t n;
    char first[512];
} faults;

static void on_fault(void *context, const char *what)
{
    faults *f = context;

    if (f->n++ == 0)
        snprintf(f->first, sizeof f->first, "%s", what);
}

static lt_check_result check(world *w, faults *f)
{
    lt_check_result result = LT_CHECK_RESULT_INIT;

    *f = (faults){0};
    OK(lt_collection_check(w->c, on_fault, f, &result, &w->err));
    assert_int_equal(f->n, result.n_faults);
    return result;
}

/* A point's vectors; every third has the dense one alone. */
typedef struct made {
    float d[8], m[4], s[2];
    uint32_t indices[2];
    lt_vector all[3];
    char payload[40];
} made;

static lt_full_point make(made *k, uint64_t id, lt_rng *r)
{
    *k = (made){.m = {1, 2, 3, (float)id}, .s = {1, 2}, .indices = {5, (uint32_t)id + 6}};
    for (int i = 0; i < 8; i++)
        k->d[i] = lt_rng_normal(r);
    k->all[0] = fix_dense("d", k->d, 8);
    k->all[1] = (lt_vector){
        .name = "m", .kind = LT_VECTOR_MULTI, .values = k->m, .n_values = 4, .n_rows = 2};
    k->all[2] = (lt_vector){
        .name = "s", .kind = LT_VECTOR_SPARSE, .values = k->s, .n_values = 2, .indices = k->indices};
    int n = snprintf(k->payload, sizeof k->payload, "{\"k\":\"w%lu\"}", (unsigned long)(id % 5));

    return (lt_full_point){lt_id_from_num(id), k->all, id % 3 ? 3 : 1, k->payload, (size_t)n};
}

/* In one update. */
static void put_points(world *w, uint64_t first, size_t n)
{
    lt_full_point *points = calloc(n, sizeof *points);
    made *all = calloc(n, sizeof *all);
    lt_update u = LT_UPDATE_INIT;
    lt_rng r = {first + 1};

    for (size_t i = 0; i < n; i++)
        points[i] = make(&all[i], first + i, &r);
    u.points = points;
    u.n_points = n;
    OK(fix_update(w, &u, NULL));
    free(points);
    free(all);
}

static int setup(void **state)
{
    fix_setup(state);
    world *w = *state;

    fix_create(w, CONFIG);
    OK(lt_collection_create_index(w->c, "k", "\"keyword\"", 9, NULL, &w->err));
    put_points(w, 0, POINTS);
    return 0;
}

static void sound_collections_have_no_faults(void **state)
{
    world *w = *state;
    lt_id gone[3] = {lt_id_from_num(3), lt_id_from_num(4), lt_id_from_num(5)};
    lt_check_result r;
    faults f;

    put_points(w, 10, 20);
    OK(lt_points_delete(w->c, gone, 3, NULL, &w->err));
    r = check(w, &f);
    if (f.n)
        fail_msg("%s", f.first);
    assert_int_equal(r.n_points, POINTS - 3);
    assert_true(r.n_vectors > POINTS);
    fix_reopen(w, "c");
    (void)check(w, &f);
    assert_int_equal(f.n, 0);
}

/* ---- damage in the table --------------------------------------------------------------------- */

/* What is done to a record or a slot; `record` may be changed in place. */
typedef struct damage {
    void (*change)(lt_txn *txn, const lt_key *key, lt_buf *record, lt_error *err);
    const char *expect;
} damage;

static void assert_done(lt_status st, lt_error *err)
{
    assert_ok(st, err);
}

static void flip_payload(lt_txn *txn, const lt_key *key, lt_buf *record, lt_error *err)
{
    record->data[record->len - 3] ^= 1;
    assert_done(lt_txn_put(txn, key, record->data, record->len, err), err);
}

static void cut_record(lt_txn *txn, const lt_key *key, lt_buf *record, lt_error *err)
{
    assert_done(lt_txn_put(txn, key, record->data, 20, err), err);
}

static void forget_point(lt_txn *txn, const lt_key *key, lt_buf *record, lt_error *err)
{
    (void)record;
    assert_done(lt_txn_delete(txn, key, err), err);
}

static void name_another(lt_txn *txn, const lt_key *key, lt_buf *record, lt_error *err)
{
    static const uint8_t numbers = 7;
    lt_id id = lt_id_from_num(1000);
    lt_record r;
    lt_key other;

    lt_key_of(&id, &other);
    assert_done(lt_record_decode(key->bytes, key->n, record->data, record->len, &r, err), err);
    assert_done(lt_txn_put_slot(txn, r.slot, &other, &numbers, 1, err), err);
}

static void forget_vector(lt_txn *txn, const lt_key *key, lt_buf *record, lt_error *err)
{
    static const uint8_t numbers = 1;
    lt_record r;

    assert_done(lt_record_decode(key->bytes, key->n, record->data, record->len, &r, err), err);
    assert_done(lt_txn_put_slot(txn, r.slot, key, &numbers, 1, err), err);
}

/* A record that is right in itself, with another slot, payload or vector. */
static void encode_again(lt_txn *txn, const lt_key *key, const lt_record *r, lt_record_vector *v,
                         lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf bytes = {0};

    assert_done(lt_record_encode(key, r, v, r->n_vectors, &bytes, err), err);
    assert_done(lt_txn_put(txn, key, bytes.data, bytes.len, err), err);
}

static void decode(const lt_key *key, const lt_buf *record, lt_record *r, lt_record_vector v[3],
                   lt_error *err)
{
    assert_done(lt_record_decode(key->bytes, key->n, record->data, record->len, r, err), err);
    assert_int_equal(r->n_vectors, 3);
    for (size_t i = 0; i < 3; i++)
        lt_record_vector_at(r, i, &v[i]);
}

static void share_slot(lt_txn *txn, const lt_key *key, lt_buf *record, lt_error *err)
{
    lt_record_vector v[3];
    lt_record r;

    decode(key, record, &r, v, err);
    r.slot--;
    encode_again(txn, key, &r, v, err);
}

static void far_slot(lt_txn *txn, const lt_key *key, lt_buf *record, lt_error *err)
{
    lt_record_vector v[3];
    lt_record r;

    decode(key, record, &r, v, err);
    r.slot = 4000000000u;
    encode_again(txn, key, &r, v, err);
}

static void list_payload(lt_txn *txn, const lt_key *key, lt_buf *record, lt_error *err)
{
    lt_record_vector v[3];
    lt_record r;

    decode(key, record, &r, v, err);
    r.payload = "[]";
    r.payload_len = 2;
    encode_again(txn, key, &r, v, err);
}

static void odd_multi(lt_txn *txn, const lt_key *key, lt_buf *record, lt_error *err)
{
    lt_record_vector v[3];
    lt_record r;

    decode(key, record, &r, v, err);
    v[1].n -= 4;
    encode_again(txn, key, &r, v, err);
}

static void unordered_sparse(lt_txn *txn, const lt_key *key, lt_buf *record, lt_error *err)
{
    static const uint32_t words[4] = {9, 8, 0, 0};
    lt_record_vector v[3];
    lt_record r;

    decode(key, record, &r, v, err);
    v[2].bytes = words;
    encode_again(txn, key, &r, v, err);
}

static void endless_number(lt_txn *txn, const lt_key *key, lt_buf *record, lt_error *err)
{
    static const uint32_t words[4] = {8, 9, 0x7f800000, 0};
    lt_record_vector v[3];
    lt_record r;

    decode(key, record, &r, v, err);
    v[2].bytes = words;
    encode_again(txn, key, &r, v, err);
}

static void apply(world *w, const damage *d)
{
    LT_CLEANUP(lt_buf_done) lt_buf record = {0};
    LT_AUTOFREE char *path = lt_path_join(w->c->dir, "points.mdb");
    lt_id id = lt_id_from_num(7);
    lt_table *t;
    lt_txn *txn;
    lt_key key;

    fix_close(w);
    lt_key_of(&id, &key);
    OK(lt_table_open(path, false, false, &t, &w->err));
    OK(lt_table_write(t, &txn, &w->err));
    OK(lt_txn_get(txn, &key, &record, &w->err));
    d->change(txn, &key, &record, &w->err);
    OK(lt_txn_commit(txn, &w->err));
    lt_table_close(t);
    fix_open(w, "c");
}

static void damaged_tables_are_named(void **state)
{
    static const damage all[] = {
        {flip_payload, "point 7: its record fails its checksum"},
        {cut_record, "point 7: its record is cut off"},
        {forget_point, "slot 7 names a point that does not have it"},
        {name_another, "point 7: its slot 7 names another point"},
        {forget_vector, "point 7: its slot does not know of a vector 'm'"},
        {share_slot, "point 7: another point has its slot 6"},
        {far_slot, "point 7: its slot 4000000000 does not exist"},
        {list_payload, "point 7: payload"},
        {odd_multi, "point 7: its vector 'm' is cut off"},
        {unordered_sparse, "point 7: its sparse vector 's' is not in order"},
        {endless_number, "point 7: component 0 of the vector is not a finite number"},
    };
    world *w = *state;
    faults f;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        OK(lt_collection_drop(w->db, "c", &w->err));
        lt_collection_close(w->c);
        fix_create(w, CONFIG);
        put_points(w, 0, POINTS);
        apply(w, &all[i]);
        (void)check(w, &f);
        if (f.n == 0 || !strstr(f.first, all[i].expect))
            fail_msg("%zu: %zu faults, '%s', not '%s'", i, f.n, f.first, all[i].expect);
    }
}

/* ---- damage in files ------------------------------------------------------------------------- */

static void flip_byte(const char *path, long at)
{
    FILE *file = fopen(path, "r+");

    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);

    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 4, file), byte ^ 4);
    assert_int_equal(fclose(file), 0);
}

static void damaged_vectors_are_named(void **state)
{
    world *w = *state;
    lt_view *v = lt_view_current(w->c);
    LT_AUTOFREE char *path = lt_strdup(v->schema->vectors[0].vecs->file.path);
    faults f;

    lt_view_unref(v);
    flip_byte(path, LT_VEC_HEADER_BYTES + 7 * 32 + 3);
    (void)check(w, &f);
    assert_int_equal(f.n, 1);
    assert_non_null(strstr(f.first, "point 7: its vector 'd' fails its checksum"));
}

static void wait_for_graph(world *w)
{
    double until = lt_clock_s() + 30;
    LT_AUTOFREE char *path = lt_graph_path(w->c->dir, 0);

    while (!lt_path_exists(path)) {
        assert_true(lt_clock_s() < until);
        usleep(20000);
    }
}

static void damaged_graphs_are_named(void **state)
{
    world *w = *state;
    LT_AUTOFREE char *path = lt_graph_path(w->c->dir, 0);
    lt_check_result r;
    faults f;

    put_points(w, 100, 6000);
    wait_for_graph(w);
    fix_reopen(w, "c");
    r = check(w, &f);
    if (f.n)
        fail_msg("%s", f.first);
    assert_int_equal(r.n_graphs, 1);
    flip_byte(path, 70000);
    (void)check(w, &f);
    assert_int_equal(f.n, 1);
    assert_non_null(strstr(f.first, "graph-0.hnsw: damaged at byte"));
}

/* One flipped bit anywhere in the table's file: its pages are refused by name, or they can be followed,
 * and then the check comes to its end. */
static void damaged_pages_lead_nowhere(void **state)
{
    world *w = *state;
    LT_AUTOFREE char *path = lt_path_join(w->c->dir, "points.mdb");
    LT_CLEANUP(lt_buf_done) lt_buf file = {0};
    lt_rng r = {11};
    size_t n_refused = 0;

    put_points(w, 100, 500);
    assert_int_equal(lt_collection_check_file(w->db, "c", &w->err), LT_EBUSY);
    fix_close(w);
    fix_open(w, NULL);
    OK(lt_collection_check_file(w->db, "c", &w->err));
    assert_int_equal(lt_collection_check_file(w->db, "d", &w->err), LT_ENOTFOUND);
    OK(lt_file_read(path, 1 << 24, &file, &w->err));
    for (int i = 0; i < 400; i++) {
        size_t at = 8192 + lt_rng_below(&r, (uint32_t)file.len - 8192);
        lt_check_result result = LT_CHECK_RESULT_INIT;

        if (i % 2) /* in the head of a page, or where its nodes are said to be */
            at = at / 4096 * 4096 + at % 40;
        flip_byte(path, (long)at);
        lt_status st = lt_collection_check_file(w->db, "c", &w->err);

        if (st != LT_OK) {
            assert_int_equal(st, LT_ECORRUPT);
            assert_non_null(strstr(w->err.message, "points.mdb: damaged: page "));
            n_refused++;
        } else if (lt_collection_open(w->db, "c", &w->c, &w->err) == LT_OK) {
            st = lt_collection_check(w->c, NULL, NULL, &result, &w->err);
            assert_true(st == LT_OK || w->err.message[0]);
        }
        fix_reopen(w, NULL);
        flip_byte(path, (long)at);
    }
    assert_true(n_refused > 50);
    fix_reopen(w, "c");
}

static void figures_are_told(void **state)
{
    world *w = *state;
    char *json;

    put_points(w, 5, 10);
    OK(lt_collection_statistics(w->c, &json, &w->err));
    assert_non_null(strstr(json, "\"points\":50,\"slots\":60,\"dead_slots\":10,\"operations\":3"));
    assert_non_null(strstr(json, "\"name\":\"d\",\"kind\":\"dense\""));
    assert_non_null(strstr(json, "\"points.mdb\":"));
    lt_text_free(json);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, fix_teardown)
    const struct CMUnitTest tests[] = {
        T(sound_collections_have_no_faults), T(damaged_tables_are_named),
        T(damaged_vectors_are_named),        T(damaged_graphs_are_named),
        T(damaged_pages_lead_nowhere),       T(figures_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
