/* SPDX-License-Identifier: Apache-2.0 */
#include <base/buf.h>
#include <base/file.h>
#include <base/mem.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lt_cmocka.h"

typedef struct fixture {
    char dir[64];
    lt_db *db;
    lt_collection *c;
    lt_error err;
} fixture;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void open_db(fixture *f)
{
    assert_ok(lt_db_open(f->dir, NULL, &f->db, &f->err), &f->err);
}

static void open_collection(fixture *f)
{
    assert_ok(lt_collection_open(f->db, "c", &f->c, &f->err), &f->err);
}

static void close_all(fixture *f)
{
    lt_collection_close(f->c);
    lt_db_close(f->db);
    f->c = NULL;
    f->db = NULL;
}

static int setup_distance(void **state, lt_distance distance)
{
    fixture *f = calloc(1, sizeof *f);
    lt_collection_config config = LT_COLLECTION_CONFIG_INIT;

    strcpy(f->dir, "/tmp/lt-engine-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    open_db(f);
    config.dims = 3;
    config.distance = distance;
    assert_ok(lt_collection_create(f->db, "c", &config, &f->err), &f->err);
    open_collection(f);
    *state = f;
    return 0;
}

static int setup(void **state)
{
    return setup_distance(state, LT_DISTANCE_COSINE);
}

static int setup_euclid(void **state)
{
    return setup_distance(state, LT_DISTANCE_EUCLID);
}

static int teardown(void **state)
{
    fixture *f = *state;

    lt_mem_fail_at(-1, false);
    close_all(f);
    nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static lt_status put(fixture *f, uint64_t id, float x, float y, float z, const char *payload)
{
    float v[3] = {x, y, z};
    lt_point p = {lt_id_from_num(id), v, payload, payload ? strlen(payload) : 0};

    return lt_points_upsert(f->c, &p, 1, 3, &f->err);
}

static lt_hits *find(fixture *f, float x, float y, float z, size_t k, const char *filter)
{
    float v[3] = {x, y, z};
    lt_query q = LT_QUERY_INIT;
    lt_hits *hits = NULL;

    q.vector = v;
    q.dims = 3;
    q.k = k;
    q.filter = filter;
    q.with_vector = true;
    assert_ok(lt_points_query(f->c, &q, &hits, &f->err), &f->err);
    return hits;
}

static void nearest_come_first(void **state)
{
    fixture *f = *state;

    assert_ok(put(f, 1, 1, 0, 0, "{\"a\":1}"), &f->err);
    assert_ok(put(f, 2, 5, 5, 0, "{\"a\":2}"), &f->err);
    assert_ok(put(f, 3, 0, 0, 2, NULL), &f->err);
    lt_hits *h = find(f, 2, 0, 0, 10, NULL);

    assert_int_equal(h->n_items, 3);
    assert_int_equal(h->items[0].id.num, 1);
    assert_true(fabsf(h->items[0].score - 1.0f) < 1e-6f);
    assert_int_equal(h->items[1].id.num, 2);
    assert_true(fabsf(h->items[1].score - 0.70710678f) < 1e-6f);
    assert_true(fabsf(h->items[1].vector[0] - 0.70710678f) < 1e-6f);
    assert_string_equal(h->items[2].payload, "{}");
    lt_hits_free(h);
}

static void euclid_scores_are_distances(void **state)
{
    fixture *f = *state;

    assert_ok(put(f, 1, 3, 4, 0, NULL), &f->err);
    assert_ok(put(f, 2, 0, 1, 0, NULL), &f->err);
    lt_hits *h = find(f, 0, 0, 0, 2, NULL);

    assert_int_equal(h->items[0].id.num, 2);
    assert_true(fabsf(h->items[1].score - 5.0f) < 1e-6f);
    lt_hits_free(h);
}

static void equal_scores_come_in_order_of_id(void **state)
{
    fixture *f = *state;

    for (uint64_t id = 20; id > 0; id--)
        assert_ok(put(f, id, 1, 1, 1, NULL), &f->err);
    lt_hits *h = find(f, 1, 1, 1, 5, NULL);

    assert_int_equal(h->n_items, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(h->items[i].id.num, i + 1);
    lt_hits_free(h);
}

static void replacing_and_deleting_survive_reopening(void **state)
{
    fixture *f = *state;
    lt_id ids[2] = {lt_id_from_num(1), lt_id_from_num(77)};
    size_t n;
    uint64_t count;

    assert_ok(put(f, 1, 1, 0, 0, "{\"v\":1}"), &f->err);
    assert_ok(put(f, 2, 1, 0, 0, "{\"v\":1}"), &f->err);
    assert_ok(put(f, 2, 0, 1, 0, "{\"v\":2}"), &f->err);
    assert_ok(lt_points_delete(f->c, ids, 2, &n, &f->err), &f->err);
    assert_int_equal(n, 1);
    for (int round = 0; round < 2; round++) {
        lt_hits *h = find(f, 1, 0, 0, 10, NULL);

        assert_int_equal(h->n_items, 1);
        assert_int_equal(h->items[0].id.num, 2);
        assert_string_equal(h->items[0].payload, "{\"v\":2}");
        assert_true(fabsf(h->items[0].score) < 1e-6f);
        lt_hits_free(h);
        assert_ok(lt_points_count(f->c, NULL, &count, &f->err), &f->err);
        assert_int_equal(count, 1);
        close_all(f);
        open_db(f);
        open_collection(f);
    }
}

static void payload_change_keeps_the_slot(void **state)
{
    fixture *f = *state;
    lt_collection_info info = LT_COLLECTION_INFO_INIT;

    for (int i = 0; i < 5; i++)
        assert_ok(put(f, 1, 1, 2, 3, i % 2 ? "{\"a\":1}" : "{}"), &f->err);
    assert_ok(lt_collection_get_info(f->c, &info, &f->err), &f->err);
    assert_int_equal(info.n_points, 1);
    assert_int_equal(info.n_deleted, 0);
}

static void filters_choose(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *filter;
        int expect; /* bits of ids 1..4 */
    } cases[] = {
        {"{\"must\":[{\"key\":\"city\",\"match\":{\"value\":\"Rome\"}}]}", 1},
        {"{\"must_not\":{\"key\":\"city\",\"match\":{\"value\":\"Rome\"}}}", 14},
        {"{\"should\":[{\"key\":\"n\",\"range\":{\"gte\":2,\"lt\":3}},"
         "{\"key\":\"tags[]\",\"match\":{\"value\":\"x\"}}]}",
         2 | 4},
        {"{\"must\":[{\"key\":\"tags\",\"match\":{\"any\":[\"y\"]}}]}", 4},
        {"{\"must\":[{\"key\":\"city\",\"match\":{\"prefix\":\"R\"}}]}", 1},
        {"{\"must\":[{\"is_empty\":{\"key\":\"city\"}}]}", 4 | 8},
        {"{\"must\":[{\"is_null\":{\"key\":\"city\"}}]}", 8},
        {"{\"must\":[{\"has_id\":[1,4]}]}", 1 | 8},
        {"{\"must\":[{\"key\":\"at\",\"range\":{\"gt\":\"2020-01-01\"}}]}", 2},
        {"{\"must\":[{\"key\":\"loc\",\"geo_radius\":{\"center\":{\"lat\":41.9,\"lon\":12.5},"
         "\"radius\":10000}}]}",
         1},
        {"{\"must\":[{\"key\":\"tags\",\"values_count\":{\"gte\":2}}]}", 4},
        {"{\"min_should\":{\"min_count\":2,\"conditions\":[{\"key\":\"n\",\"match\":{\"value\":2}},"
         "{\"key\":\"city\",\"match\":{\"value\":\"Bonn\"}},{\"has_id\":[9]}]}}",
         2},
        {"{\"must\":[{\"nested\":{\"key\":\"subs[]\",\"filter\":{\"must\":[{\"key\":\"a\",\"match\":"
         "{\"value\":1}},{\"key\":\"b\",\"match\":{\"value\":2}}]}}}]}",
         8},
        {"{}", 15},
    };

    assert_ok(put(f, 1, 1, 0, 0,
                  "{\"city\":\"Rome\",\"n\":1,\"loc\":{\"lat\":41.89,\"lon\":12.49}}"),
              &f->err);
    assert_ok(put(f, 2, 1, 0, 0, "{\"city\":\"Bonn\",\"n\":2,\"at\":\"2021-05-01T10:00:00Z\"}"),
              &f->err);
    assert_ok(put(f, 3, 1, 0, 0, "{\"tags\":[\"x\",\"y\"],\"at\":\"2019-05-01\",\"subs\":"
                                 "[{\"a\":1,\"b\":1},{\"a\":2,\"b\":2}]}"),
              &f->err);
    assert_ok(put(f, 4, 1, 0, 0, "{\"city\":null,\"subs\":[{\"a\":1,\"b\":2}]}"), &f->err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lt_hits *h = find(f, 1, 0, 0, 10, cases[i].filter);
        uint64_t count;
        int got = 0;

        for (size_t k = 0; k < h->n_items; k++)
            got |= 1 << (h->items[k].id.num - 1);
        if (got != cases[i].expect)
            fail_msg("%s: got %d, expected %d", cases[i].filter, got, cases[i].expect);
        assert_ok(lt_points_count(f->c, cases[i].filter, &count, &f->err), &f->err);
        assert_int_equal(count, h->n_items);
        lt_hits_free(h);
    }
}

static void queries_are_explained(void **state)
{
    fixture *f = *state;
    const float x[3] = {1, 0, 0};
    lt_query q = LT_QUERY_INIT;
    char *json;

    for (uint64_t i = 0; i < 10; i++) {
        lt_point p = {lt_id_from_num(i), x, i < 4 ? "{\"k\":1}" : NULL, i < 4 ? 7 : 0};

        assert_ok(lt_points_upsert(f->c, &p, 1, 3, &f->err), &f->err);
    }
    q.vector = x;
    q.dims = 3;
    q.filter = "{\"must\":{\"key\":\"k\",\"match\":{\"value\":1}}}";
    assert_ok(lt_points_explain(f->c, &q, &json, &f->err), &f->err);
    assert_non_null(strstr(json, "\"passed\":4,\"search\":{\"by\":\"scan\",\"because\":\"few pass\","
                                 "\"among\":4,"));
    lt_text_free(json);
    q.dims = 2;
    assert_int_equal(lt_points_explain(f->c, &q, &json, &f->err), LT_EINVAL);
    assert_non_null(strstr(f->err.message, "2 dimensions"));
}

static void bad_filters_are_named(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *filter, *says;
    } cases[] = {
        {"{", "line 1"},
        {"[]", "object"},
        {"{\"mst\":[]}", "mst"},
        {"{\"must\":[{\"key\":\"a\"}]}", "'a'"},
        {"{\"must\":[{\"key\":\"a\",\"match\":{}}]}", "match"},
        {"{\"must\":[{\"key\":\"a\",\"range\":{\"gt\":\"yesterday\"}}]}", "yesterday"},
        {"{\"must\":[{\"has_id\":[\"zz\"]}]}", "zz"},
        {"{\"must\":3}", "must"},
    };
    float v[3] = {1, 0, 0};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lt_query q = LT_QUERY_INIT;
        lt_hits *hits;

        q.vector = v;
        q.dims = 3;
        q.filter = cases[i].filter;
        assert_int_equal(lt_points_query(f->c, &q, &hits, &f->err), LT_EINVAL);
        if (!strstr(f->err.message, cases[i].says))
            fail_msg("%s: message '%s' does not name %s", q.filter, f->err.message, cases[i].says);
    }
}

static void bad_points_change_nothing(void **state)
{
    fixture *f = *state;
    float good[3] = {1, 2, 3}, bad[3] = {1, NAN, 3};
    lt_point two[2] = {{lt_id_from_num(1), good, NULL, 0}, {lt_id_from_num(2), bad, NULL, 0}};
    uint64_t n;

    assert_int_equal(lt_points_upsert(f->c, two, 2, 3, &f->err), LT_EINVAL);
    assert_non_null(strstr(f->err.message, "point 1: component 1"));
    assert_int_equal(lt_points_upsert(f->c, two, 1, 4, &f->err), LT_EINVAL);
    assert_int_equal(put(f, 1, 1, 1, 1, "[1]"), LT_EINVAL);
    assert_int_equal(put(f, 1, 1, 1, 1, "{\"a\":}"), LT_EINVAL);
    assert_ok(lt_points_upsert(f->c, NULL, 0, 3, &f->err), &f->err);
    assert_ok(lt_points_count(f->c, NULL, &n, &f->err), &f->err);
    assert_int_equal(n, 0);
}

static void scroll_pages_in_order_of_id(void **state)
{
    fixture *f = *state;
    lt_hits *h;
    lt_id after;
    uint64_t expect = 1;

    for (uint64_t i = 10; i > 0; i--)
        assert_ok(put(f, i, 1, (float)i, 0, i % 2 ? "{\"odd\":true}" : "{}"), &f->err);
    for (int page = 0; page < 4; page++) {
        assert_ok(lt_points_scroll(f->c, page ? &after : NULL, 3, NULL, true, false, &h, &f->err),
                  &f->err);
        assert_int_equal(h->n_items, page < 3 ? 3 : 1);
        for (size_t i = 0; i < h->n_items; i++)
            assert_int_equal(h->items[i].id.num, expect++);
        after = h->items[h->n_items - 1].id;
        lt_hits_free(h);
    }
    assert_ok(lt_points_scroll(f->c, NULL, 9,
                               "{\"must\":[{\"key\":\"odd\",\"match\":{\"value\":true}}]}", false,
                               true, &h, &f->err),
              &f->err);
    assert_int_equal(h->n_items, 5);
    assert_null(h->items[0].payload);
    assert_non_null(h->items[0].vector);
    lt_hits_free(h);
}

static void second_owner_is_told_of_the_first(void **state)
{
    fixture *f = *state;
    lt_db_options read_only = LT_DB_OPTIONS_INIT;
    lt_db *other;
    char pid[32];

    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_int_equal(lt_db_open(f->dir, NULL, &other, &f->err), LT_EBUSY);
    assert_non_null(strstr(f->err.message, pid));
    read_only.read_only = true;
    assert_int_equal(lt_db_open("/tmp/lt-no-such-place", &read_only, &other, &f->err),
                     LT_ENOTFOUND);
}

static void collections_are_created_listed_dropped(void **state)
{
    fixture *f = *state;
    lt_collection_config config = LT_COLLECTION_CONFIG_INIT;
    lt_collection_info info = LT_COLLECTION_INFO_INIT;
    char **names;
    size_t n;

    config.dims = 8;
    config.metadata = "{\"a\":1}";
    assert_ok(lt_collection_create(f->db, "b", &config, &f->err), &f->err);
    assert_int_equal(lt_collection_create(f->db, "b", &config, &f->err), LT_EEXISTS);
    assert_int_equal(lt_collection_create(f->db, "x/y", &config, &f->err), LT_EINVAL);
    config.metadata = "nonsense";
    assert_int_equal(lt_collection_create(f->db, "d", &config, &f->err), LT_EINVAL);
    assert_ok(lt_collection_list(f->db, &names, &n, &f->err), &f->err);
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "b");
    lt_names_free(names, n);
    assert_ok(lt_collection_drop(f->db, "b", &f->err), &f->err);
    assert_int_equal(lt_collection_drop(f->db, "b", &f->err), LT_ENOTFOUND);
    assert_ok(lt_collection_set_metadata(f->c, "{\"m\":2}", &f->err), &f->err);
    assert_ok(lt_collection_get_info(f->c, &info, &f->err), &f->err);
    assert_string_equal(info.metadata, "{\"m\":2}");
    assert_true(info.bytes_on_disk > 0);
}

/* Every byte of the vector file's used part, one at a time: a hit is right or refused. */
static void damaged_vectors_are_refused(void **state)
{
    fixture *f = *state;
    char path[512] = {0};
    LT_CLEANUP(lt_buf_done) lt_buf found = {0};

    assert_ok(put(f, 1, 1, 2, 3, NULL), &f->err);
    close_all(f);
    char command[256];

    snprintf(command, sizeof command, "find %s -name vectors.f32", f->dir);
    FILE *p = popen(command, "r");

    assert_non_null(fgets(path, sizeof path, p));
    pclose(p);
    path[strcspn(path, "\n")] = '\0';
    int fd = open(path, O_RDWR);
    char byte = 77;

    assert_int_equal(pwrite(fd, &byte, 1, 65536 + 5), 1);
    close(fd);
    open_db(f);
    open_collection(f);
    float v[3] = {1, 0, 0};
    lt_query q = LT_QUERY_INIT;
    lt_hits *hits;

    q.vector = v;
    q.dims = 3;
    assert_int_equal(lt_points_query(f->c, &q, &hits, &f->err), LT_ECORRUPT);
    assert_non_null(strstr(f->err.message, "point 1"));
    /* Writing it anew mends it. */
    assert_ok(put(f, 1, 3, 2, 1, NULL), &f->err);
    lt_hits_free(find(f, 1, 0, 0, 1, NULL));
}

static void *upsert_many(void *arg)
{
    fixture *f = arg;

    for (uint64_t i = 0; i < 50; i++) {
        float v[3] = {1, (float)i, 1};
        lt_point p = {lt_id_from_num(1000 + i), v, "{}", 2};
        lt_error err;

        if (lt_points_upsert(f->c, &p, 1, 3, &err) != LT_OK)
            return arg;
    }
    return NULL;
}

static void readers_and_writers_share(void **state)
{
    fixture *f = *state;
    pthread_t writers[4];
    uint64_t n;

    assert_ok(put(f, 1, 1, 0, 0, NULL), &f->err);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, upsert_many, f), 0);
    for (int i = 0; i < 200; i++) {
        lt_hits *h = find(f, 1, 0, 0, 3, NULL);

        assert_true(h->n_items >= 1);
        assert_int_equal(h->items[0].id.num, 1);
        lt_hits_free(h);
    }
    for (int i = 0; i < 4; i++) {
        void *failed;

        pthread_join(writers[i], &failed);
        assert_null(failed);
    }
    assert_ok(lt_points_count(f->c, NULL, &n, &f->err), &f->err);
    assert_int_equal(n, 51);
}

/* Each allocation of an upsert and a query fails in turn: an error, no leak, old state intact. */
static void no_memory_loses_nothing(void **state)
{
    fixture *f = *state;
    bool failed = true;
    uint64_t n;

    assert_ok(put(f, 1, 1, 0, 0, NULL), &f->err);
    for (long i = 0; failed; i++) {
        lt_mem_fail_at(i, true);
        lt_status st = put(f, 2, 0, 1, 0, "{\"a\":1}");

        lt_mem_fail_at(-1, false);
        failed = st != LT_OK;
        if (failed)
            assert_int_equal(st, LT_ENOMEM);
        assert_ok(lt_points_count(f->c, NULL, &n, &f->err), &f->err);
        assert_int_equal(n, failed ? 1 : 2);
    }
    failed = true;
    for (long i = 0; failed; i++) {
        float v[3] = {1, 0, 0};
        lt_query q = LT_QUERY_INIT;
        lt_hits *hits = NULL;

        q.vector = v;
        q.dims = 3;
        q.filter = "{\"must\":[{\"key\":\"a\",\"match\":{\"value\":1}},{\"has_id\":[1,2]}]}";
        lt_mem_fail_at(i, true);
        failed = lt_points_query(f->c, &q, &hits, &f->err) != LT_OK;
        lt_mem_fail_at(-1, false);
        if (failed)
            assert_int_equal(f->err.code, LT_ENOMEM);
        else
            assert_int_equal(hits->n_items, 1);
        lt_hits_free(hits);
    }
}

static void ids_in_every_spelling(void **state)
{
    (void)state;
    lt_error err;
    lt_id id;
    char text[LT_ID_TEXT_MAX];
    static const char *const same[] = {
        "550e8400-e29b-41d4-a716-446655440000", "550E8400E29B41D4A716446655440000",
        "{550e8400-e29b-41d4-a716-446655440000}", "urn:uuid:550e8400-e29b-41d4-a716-446655440000"};

    for (size_t i = 0; i < 4; i++) {
        assert_ok(lt_id_parse(same[i], &id, &err), &err);
        assert_string_equal(lt_id_format(&id, text), same[0]);
    }
    assert_ok(lt_id_parse("18446744073709551615", &id, &err), &err);
    assert_string_equal(lt_id_format(&id, text), "18446744073709551615");
    assert_int_equal(lt_id_parse("18446744073709551616", &id, &err), LT_EINVAL);
    assert_int_equal(lt_id_parse("-1", &id, &err), LT_EINVAL);
    assert_int_equal(lt_id_parse("", &id, &err), LT_EINVAL);
    assert_int_equal(lt_id_parse("550e8400-e29b-41d4-a716-44665544000g", &id, &err), LT_EINVAL);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(nearest_come_first),
        cmocka_unit_test_setup_teardown(euclid_scores_are_distances, setup_euclid, teardown),
        T(equal_scores_come_in_order_of_id),
        T(replacing_and_deleting_survive_reopening),
        T(payload_change_keeps_the_slot),
        T(filters_choose),
        T(queries_are_explained),
        T(bad_filters_are_named),
        T(bad_points_change_nothing),
        T(scroll_pages_in_order_of_id),
        T(second_owner_is_told_of_the_first),
        T(collections_are_created_listed_dropped),
        T(damaged_vectors_are_refused),
        T(readers_and_writers_share),
        T(no_memory_loses_nothing),
        cmocka_unit_test(ids_in_every_spelling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
