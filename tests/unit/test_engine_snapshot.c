/* SPDX-License-Identifier: Apache-2.0
 * Snapshots: whole, of one commit, refused when damaged or forged. */
#include <base/hash.h>
#include <engine/snapshot.h>
#include <math.h>
#include <pthread.h>
#include <store/tar.h>

#include "rich_fixture.h"

static lt_snapshot_file *snapshot(world *w)
{
    lt_snapshot_file *f;

    OK(lt_snapshots_create(w->c, &f, &w->err));
    return f;
}

/* ---- there and back -------------------------------------------------------------------------- */

static uint64_t next_operation(world *w, lt_collection *c)
{
    lt_update u = LT_UPDATE_INIT;
    lt_update_result result;
    size_t n;

    u.kind = LT_UPDATE_DELETE;
    OK(lt_points_update(c, &u, 1, &result, &n, &w->err));
    return result.operation;
}

static void all_comes_back(void **state)
{
    world *w = *state;
    lt_collection *again;
    char *a, *b;

    rich_fill(w);
    lt_snapshot_file *f = snapshot(w);

    OK(lt_snapshots_restore(w->db, "again", f->path, f->sha256, &w->err));
    OK(lt_collection_open(w->db, "again", &again, &w->err));
    a = rich_points(w, w->c);
    b = rich_points(w, again);
    assert_string_equal(a, b);
    lt_text_free(a);
    lt_text_free(b);
    OK(lt_collection_describe(w->c, &a, &w->err));
    OK(lt_collection_describe(again, &b, &w->err));
    assert_string_equal(a, b); /* config, counts, payload indexes, metadata */
    lt_text_free(a);
    lt_text_free(b);
    assert_int_equal(next_operation(w, w->c), next_operation(w, again));
    lt_collection_close(again);
    lt_snapshots_free(f, 1);
    fix_reopen(w, "again");
    a = rich_points(w, w->c);
    b = rich_points_of(w, "c");
    assert_string_equal(a, b);
    lt_text_free(a);
    lt_text_free(b);
}

static void an_empty_collection_comes_back(void **state)
{
    world *w = *state;
    char *text;

    fix_create(w, "{}");
    lt_snapshot_file *f = snapshot(w);

    OK(lt_snapshots_restore(w->db, "e", f->path, NULL, &w->err));
    text = rich_points_of(w, "e");
    assert_non_null(strstr(text, "\"points\":[]"));
    lt_text_free(text);
    lt_snapshots_free(f, 1);
}

static void a_restore_replaces(void **state)
{
    world *w = *state;
    lt_alias_action alias = {LT_ALIAS_CREATE, "nick", "c", NULL};
    lt_rng r = {9};
    char *before, *after, *old;

    rich_fill(w);
    OK(lt_aliases_change(w->db, &alias, 1, &w->err));
    before = rich_points(w, w->c);
    lt_snapshot_file *f = snapshot(w);

    rich_put(w, 1, &r);
    old = rich_points(w, w->c);
    assert_string_not_equal(before, old);
    OK(lt_snapshots_restore(w->db, "c", f->path, NULL, &w->err));
    after = rich_points_of(w, "nick");
    assert_string_equal(before, after);
    lt_text_free(after);
    after = rich_points(w, w->c); /* a handle from before: it reads what was, and writes nothing */
    assert_string_equal(old, after);
    lt_text_free(after);
    assert_int_equal(lt_points_delete(w->c, &(lt_id){.num = 1}, 1, NULL, &w->err), LT_ENOTFOUND);
    fix_reopen(w, "nick");
    after = rich_points(w, w->c);
    assert_string_equal(before, after);
    lt_text_free(after);
    lt_text_free(before);
    lt_text_free(old);
    lt_snapshots_free(f, 1);
}

static void files_are_listed_and_deleted(void **state)
{
    world *w = *state;
    lt_snapshot_file *f, *files;
    size_t n;

    fix_create(w, "{}");
    for (int i = 0; i < 3; i++) {
        f = snapshot(w);
        assert_int_equal(strlen(f->sha256), 64);
        assert_true(f->n_bytes > 1000);
        lt_snapshots_free(f, 1);
    }
    OK(lt_snapshots_list(w->db, "c", &files, &n, &w->err));
    assert_int_equal(n, 3);
    assert_true(strncmp(files[0].name, "c-20", 4) == 0);
    assert_int_equal(lt_snapshots_delete(w->db, "c", "../../catalog.mdb", &w->err), LT_ENOTFOUND);
    assert_int_equal(lt_snapshots_delete(w->db, "c/../c", files[1].name, &w->err), LT_EINVAL);
    OK(lt_snapshots_delete(w->db, "c", files[1].name, &w->err));
    assert_int_equal(lt_snapshots_delete(w->db, "c", files[1].name, &w->err), LT_ENOTFOUND);
    lt_snapshots_free(files, n);
    lt_collection_close(w->c);
    w->c = NULL;
    OK(lt_collection_drop(w->db, "c", &w->err));
    OK(lt_snapshots_list(w->db, "c", &files, &n, &w->err));
    assert_int_equal(n, 2);
    OK(lt_snapshots_restore(w->db, "c", files[0].path, NULL, &w->err));
    lt_snapshots_free(files, n);
    OK(lt_snapshots_list(w->db, "never", &files, &n, &w->err));
    assert_int_equal(n, 0);
    lt_snapshots_free(files, n);
}

/* Names that mean something to a file system. */
static void odd_names_stay_in_their_place(void **state)
{
    static const char *const names[] = {"..", ".", "100%", ".hidden", "%2e", "ä ö"};
    world *w = *state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        LT_AUTOFREE char *root = lt_path_join(w->dir, "snapshots");
        lt_snapshot_file *f, *files;
        size_t n;

        OK(lt_collection_create_json(w->db, names[i], "{}", 2, &w->err));
        OK(lt_collection_open(w->db, names[i], &w->c, &w->err));
        f = snapshot(w);
        assert_true(strncmp(f->path, root, strlen(root)) == 0);
        assert_null(strstr(f->path, "/../"));
        OK(lt_snapshots_list(w->db, names[i], &files, &n, &w->err));
        assert_int_equal(n, 1);
        assert_string_equal(files[0].path, f->path);
        OK(lt_snapshots_restore(w->db, names[i], f->path, NULL, &w->err));
        lt_snapshots_free(files, n);
        lt_snapshots_free(f, 1);
        lt_collection_close(w->c);
        w->c = NULL;
    }
}

/* ---- beside writers -------------------------------------------------------------------------- */

enum { MARKED = 200 };

typedef struct marking {
    world *w;
    atomic_bool stop;
} marking;

/* Every update writes all points anew with one number. */
static void *mark_all(void *arg)
{
    marking *k = arg;
    static float rows[MARKED][5];
    static char payloads[MARKED][32];
    lt_vector v[MARKED];
    lt_full_point points[MARKED];
    lt_error err;

    for (unsigned number = 1; !atomic_load(&k->stop); number++) {
        lt_update u = LT_UPDATE_INIT;

        for (uint64_t i = 0; i < MARKED; i++) {
            int n = snprintf(payloads[i], 32, "{\"number\":%u}", number);

            for (int d = 0; d < 5; d++)
                rows[i][d] = (float)(number + i * 7 + (uint64_t)d);
            v[i] = fix_dense("", rows[i], 5);
            points[i] = (lt_full_point){lt_id_from_num(i), &v[i], 1, payloads[i], (size_t)n};
        }
        u.points = points;
        u.n_points = MARKED;
        assert_ok(lt_points_update(k->w->c, &u, 1, NULL, NULL, &err), &err);
    }
    return NULL;
}

static void assert_one_number(world *w, const char *name)
{
    lt_collection *c;
    lt_hits *hits;
    unsigned first = 0, number;

    OK(lt_collection_open(w->db, name, &c, &w->err));
    OK(lt_points_scroll(c, NULL, MARKED * 2, NULL, true, true, &hits, &w->err));
    if (hits->n_items) /* the first snapshot may have come before the first update */
        assert_int_equal(hits->n_items, MARKED);
    for (size_t i = 0; i < hits->n_items; i++) {
        assert_int_equal(sscanf(hits->items[i].payload, "{\"number\":%u}", &number), 1);
        first = first ? first : number;
        assert_int_equal(number, first);
        assert_float_equal(hits->items[i].vector[1] - hits->items[i].vector[0], 1, 0);
        assert_float_equal(hits->items[i].vector[0], (float)(number + i * 7), 0);
    }
    lt_hits_free(hits);
    lt_collection_close(c);
}

static void a_snapshot_is_one_commit(void **state)
{
    world *w = *state;
    marking k = {.w = w};
    pthread_t thread;

    fix_create(w, "{\"vectors\":{\"size\":5,\"distance\":\"Dot\"}}");
    assert_int_equal(pthread_create(&thread, NULL, mark_all, &k), 0);
    for (int i = 0; i < 12; i++) {
        usleep(3000);
        lt_snapshot_file *f = snapshot(w);

        OK(lt_snapshots_restore(w->db, "then", f->path, NULL, &w->err));
        assert_one_number(w, "then");
        lt_snapshots_free(f, 1);
    }
    atomic_store(&k.stop, true);
    pthread_join(thread, NULL);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void write_copy(const char *path, const lt_buf *bytes, size_t n)
{
    lt_error err;

    assert_ok(lt_file_write_atomic(path, bytes->data, n, &err), &err);
}

static void assert_refused(world *w, const char *path, const char *before)
{
    assert_int_equal(lt_snapshots_restore(w->db, "c", path, NULL, &w->err), LT_ECORRUPT);
    assert_true(strncmp(w->err.message, path, strlen(path)) == 0);
    char *now = rich_points_of(w, "c");

    assert_string_equal(now, before);
    lt_text_free(now);
}

static void damage_is_refused(void **state)
{
    world *w = *state;
    LT_CLEANUP(lt_buf_done) lt_buf bytes = {0};
    LT_AUTOFREE char *bad = lt_path_join(w->dir, "bad.snapshot");

    rich_fill(w);
    char *before = rich_points(w, w->c);
    lt_snapshot_file *f = snapshot(w);

    OK(lt_file_read(f->path, 1 << 24, &bytes, &w->err));
    for (size_t at = 0; at < bytes.len; at += 1 + at % 1999) {
        bytes.data[at] ^= 0x10;
        write_copy(bad, &bytes, bytes.len);
        assert_refused(w, bad, before);
        bytes.data[at] ^= 0x10;
    }
    for (size_t n = 1; n < bytes.len; n += 1 + n / 3) {
        write_copy(bad, &bytes, n);
        assert_refused(w, bad, before);
    }
    write_copy(bad, &bytes, 0);
    assert_refused(w, bad, before);
    assert_int_equal(lt_snapshots_restore(w->db, "c", f->path, "00", &w->err), LT_EINVAL);
    assert_non_null(strstr(w->err.message, f->sha256));
    assert_int_equal(lt_snapshots_restore(w->db, "c", "/no/such/file", NULL, &w->err),
                     LT_ENOTFOUND);
    assert_int_equal(lt_snapshots_restore(w->db, "a/b", f->path, NULL, &w->err), LT_EINVAL);
    lt_text_free(before);
    lt_snapshots_free(f, 1);
}

/* A collection that is damaged itself makes no snapshot. */
static void damage_is_not_carried_on(void **state)
{
    world *w = *state;
    LT_CLEANUP(lt_buf_done) lt_buf path = {0};
    lt_snapshot_file *f, *files;
    size_t n;

    rich_fill(w);
    lt_view *v = lt_view_current(w->c);
    size_t i = lt_schema_by_number(v->schema, lt_schema_find(v->schema, "f")->number);

    OK(lt_buf_adds(&path, v->schema->vectors[i].vecs->file.path, &w->err));
    lt_view_unref(v);
    FILE *file = fopen(path.data, "r+");

    assert_non_null(file);
    assert_int_equal(fseek(file, LT_VEC_HEADER_BYTES + 32 * 50, SEEK_SET), 0);
    assert_int_equal(fputc(0x55, file), 0x55);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(lt_snapshots_create(w->c, &f, &w->err), LT_ECORRUPT);
    assert_non_null(strstr(w->err.message, "its vector fails its checksum"));
    OK(lt_snapshots_list(w->db, "c", &files, &n, &w->err));
    assert_int_equal(n, 0);
    lt_snapshots_free(files, n);
}

/* ---- forgeries: their checksums are right ---------------------------------------------------- */

typedef struct forgery {
    const char *head;
    const char *points; /* NULL: as encoded from what follows */
    size_t n_points;
    uint64_t ids[2];
    const char *payload;
    float row[8]; /* of both points */
    size_t n_row_bytes;
    bool is_inline;
    const char *expect;
    lt_status code;
} forgery;

#define HEAD(points, config) "{\"format\":1,\"points\":" points ",\"operations\":9,\"config\":" config "}"
#define DENSE "{\"vectors\":{\"\":{\"number\":3,\"size\":3,\"distance\":\"Dot\"}},\"next_number\":4}"
#define SPARSE "{\"sparse_vectors\":{\"\":{\"number\":3}},\"next_number\":4}"

static void add_point(const forgery *g, uint64_t id, lt_buf *points)
{
    lt_record_vector v = {.number = 3, .is_inline = g->is_inline, .bytes = g->row, .n = 32};
    lt_record r = {.payload = g->payload, .payload_len = strlen(g->payload)};
    LT_CLEANUP(lt_buf_done) lt_buf record = {0};
    lt_id want = lt_id_from_num(id);
    lt_key key;
    lt_error err;

    lt_key_of(&want, &key);
    v.hash = lt_hash64(g->row, 32);
    assert_ok(lt_record_encode(&key, &r, &v, 1, &record, &err), &err);
    uint32_t lengths[2] = {(uint32_t)key.n, (uint32_t)record.len};

    assert_ok(lt_buf_add(points, lengths, 8, &err), &err);
    assert_ok(lt_buf_add(points, key.bytes, key.n, &err), &err);
    assert_ok(lt_buf_add(points, record.data, record.len, &err), &err);
}

static void forge(const forgery *g, const char *path)
{
    LT_CLEANUP(lt_buf_done) lt_buf points = {0};
    LT_CLEANUP(lt_tar_writer_done) lt_tar_writer t;
    char sha[LT_SHA256_HEX], rows[64];
    FILE *file = fopen(path, "w");
    lt_error err;

    assert_non_null(file);
    memcpy(rows, g->row, 32);
    memcpy(rows + 32, g->row, 32);
    for (size_t i = 0; i < g->n_points; i++)
        add_point(g, g->ids[i], &points);
    if (g->points)
        assert_ok(lt_buf_adds(&points, g->points, &err), &err);
    assert_ok(lt_tar_begin(&t, fileno(file), path, 0, &err), &err);
    assert_ok(lt_tar_member(&t, LT_SNAPSHOT_HEAD, strlen(g->head), &err), &err);
    assert_ok(lt_tar_add(&t, g->head, strlen(g->head), &err), &err);
    assert_ok(lt_tar_member(&t, LT_SNAPSHOT_POINTS, points.len, &err), &err);
    assert_ok(lt_tar_add(&t, points.data, points.len, &err), &err);
    assert_ok(lt_tar_member(&t, "vectors-3", g->n_row_bytes, &err), &err);
    assert_ok(lt_tar_add(&t, rows, g->n_row_bytes, &err), &err);
    assert_ok(lt_tar_finish(&t, sha, &err), &err);
    assert_int_equal(fclose(file), 0);
}

static void forgeries_are_refused(void **state)
{
    static const forgery all[] = {
        {HEAD("2", DENSE), NULL, 2, {1, 2}, "{}", {1, 2, 3}, 64, false, NULL, LT_OK},
        {"{}", NULL, 0, {0}, "{}", {0}, 0, false, "has no format", LT_ECORRUPT},
        {"{\"format\":2}", NULL, 0, {0}, "{}", {0}, 0, false, "format 2 is newer", LT_EVERSION},
        {"[]", NULL, 0, {0}, "{}", {0}, 0, false, "snapshot.json", LT_ECORRUPT},
        {"{\"format\":1}", NULL, 0, {0}, "{}", {0}, 0, false, "has no config", LT_ECORRUPT},
        {HEAD("0", "{\"vectors\":{\"\":{\"size\":0,\"distance\":\"Dot\"}}}"), NULL, 0, {0}, "{}", {0},
         0, false, "size", LT_ECORRUPT},
        {HEAD("0", "{\"vectors\":{\"\":{\"size\":3,\"distance\":\"Far\"}}}"), NULL, 0, {0}, "{}", {0},
         0, false, "Far", LT_ECORRUPT},
        {HEAD("3", DENSE), NULL, 2, {1, 2}, "{}", {1, 2, 3}, 64, false, "more or fewer points",
         LT_ECORRUPT},
        {HEAD("2", DENSE), NULL, 2, {2, 1}, "{}", {1, 2, 3}, 64, false, "out of order", LT_ECORRUPT},
        {HEAD("2", DENSE), NULL, 2, {1, 1}, "{}", {1, 2, 3}, 64, false, "out of order", LT_ECORRUPT},
        {HEAD("2", DENSE), NULL, 2, {1, 2}, "{}", {1, 2, 3}, 32, false, "vector is missing",
         LT_ECORRUPT},
        {HEAD("1", DENSE), NULL, 1, {1}, "{}", {1, 2, 3}, 64, false, "vectors of no point",
         LT_ECORRUPT},
        {HEAD("1", DENSE), NULL, 1, {1}, "{}", {1, NAN, 3}, 32, false, "not a finite number",
         LT_ECORRUPT},
        {HEAD("1", DENSE), NULL, 1, {1}, "{}", {1, 2, 3, 4}, 32, false, "bytes behind its vector",
         LT_ECORRUPT},
        {HEAD("1", DENSE), NULL, 1, {1}, "{}", {1, 2, 3}, 32, true, "another kind", LT_ECORRUPT},
        {HEAD("1", SPARSE), NULL, 1, {1}, "{}", {0, 1, 2, 3}, 32, true, NULL, LT_OK},
        {HEAD("1", SPARSE), NULL, 1, {1}, "{}", {3, 2, 1, 0}, 32, true, "not in order", LT_ECORRUPT},
        {HEAD("1", SPARSE), NULL, 1, {1}, "{}", {1, 1, 2, 3}, 32, true, "unique", LT_ECORRUPT},
        {HEAD("1", DENSE), NULL, 1, {1}, "[1]", {1, 2, 3}, 32, false, "payload", LT_ECORRUPT},
        {HEAD("1", DENSE), NULL, 1, {1}, "{\"a\"", {1, 2, 3}, 32, false, "payload", LT_ECORRUPT},
        {HEAD("1", DENSE), "abc", 1, {1}, "{}", {1, 2, 3}, 32, false, "cut off", LT_ECORRUPT},
        {HEAD("1", DENSE), "\xff\xff\xff\xff\xff\xff\xff\xff", 1, {1}, "{}", {1, 2, 3}, 32, false,
         "cut off", LT_ECORRUPT},
    };
    world *w = *state;
    LT_AUTOFREE char *path = lt_path_join(w->dir, "forged.snapshot");

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        forge(&all[i], path);
        lt_status st = lt_snapshots_restore(w->db, "forged", path, NULL, &w->err);

        if (st != all[i].code)
            fail_msg("forgery %zu: %d, %s", i, st, w->err.message);
        if (st != LT_OK && all[i].expect && !strstr(w->err.message, all[i].expect))
            fail_msg("forgery %zu: %s", i, w->err.message);
        if (st == LT_OK)
            OK(lt_collection_drop(w->db, "forged", &w->err));
    }
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fix_setup, fix_teardown)
    const struct CMUnitTest tests[] = {
        T(all_comes_back),
        T(an_empty_collection_comes_back),
        T(a_restore_replaces),
        T(files_are_listed_and_deleted),
        T(odd_names_stay_in_their_place),
        T(a_snapshot_is_one_commit),
        T(damage_is_refused),
        T(damage_is_not_carried_on),
        T(forgeries_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
