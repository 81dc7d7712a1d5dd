/* SPDX-License-Identifier: Apache-2.0
 * Named vectors, updates, schema, aliases, readers. */
#include <engine/reader.h>
#include <math.h>

#include "engine_fixture.h"

#define MIXED                                                                                      \
    "{\"vectors\":{\"a\":{\"size\":3,\"distance\":\"Euclid\"},"                                    \
    "\"h\":{\"size\":4,\"distance\":\"Cosine\",\"datatype\":\"float16\"},"                         \
    "\"u\":{\"size\":2,\"distance\":\"Cosine\",\"datatype\":\"uint8\"},"                           \
    "\"m\":{\"size\":2,\"distance\":\"Dot\",\"multivector_config\":{\"comparator\":\"max_sim\"}}}," \
    "\"sparse_vectors\":{\"s\":{},\"t\":{\"modifier\":\"idf\"}}}"

static const float a1[] = {1, 2, 3}, a2[] = {0, 0, 1}, h1[] = {1, 1, 0, 0}, u1[] = {10.7f, 300},
                   m1[] = {1, 0, 0, 2}, s1[] = {0.5f, 2};
static const uint32_t i1[] = {7, 3};

/* Everything a point can have. */
static size_t all_vectors(lt_vector out[6])
{
    out[0] = fix_dense("a", a1, 3);
    out[1] = fix_dense("h", h1, 4);
    out[2] = fix_dense("u", u1, 2);
    out[3] = (lt_vector){"m", LT_VECTOR_MULTI, m1, 4, 2, NULL};
    out[4] = (lt_vector){"s", LT_VECTOR_SPARSE, s1, 2, 0, i1};
    out[5] = (lt_vector){"t", LT_VECTOR_SPARSE, s1, 2, 0, i1};
    return 6;
}

static lt_reader *reader_of(world *w)
{
    lt_reader *r;

    OK(lt_reader_open(w->c, &r, &w->err));
    return r;
}

static bool get_vector(world *w, lt_reader *r, uint64_t id, const char *name, lt_vector *out)
{
    const lt_vector_schema *s = lt_reader_schema(r, name);
    lt_id key = lt_id_from_num(id);
    uint32_t slot;
    bool present;

    assert_non_null(s);
    OK(lt_reader_slot(r, &key, &slot, &w->err));
    OK(lt_reader_vector(r, slot, s, out, &present, &w->err));
    return present;
}

static void assert_payload(world *w, uint64_t id, const char *expect)
{
    lt_id key = lt_id_from_num(id);
    lt_hits *h;

    OK(lt_points_get(w->c, &key, 1, true, false, &h, &w->err));
    assert_int_equal(h->n_items, 1);
    assert_string_equal(h->items[0].payload, expect);
    lt_hits_free(h);
}

static uint64_t version_of(world *w, uint64_t id)
{
    lt_reader *r = reader_of(w);
    lt_id key = lt_id_from_num(id);
    lt_stored s;
    uint32_t slot;

    OK(lt_reader_slot(r, &key, &slot, &w->err));
    OK(lt_reader_load(r, slot, &s, &w->err));
    uint64_t version = s.version;

    lt_stored_done(&s);
    lt_reader_close(r);
    return version;
}

/* ---- vectors --------------------------------------------------------------------------------- */

static void every_kind_comes_back_as_stored(void **state)
{
    world *w = *state;
    lt_vector in[6], out;

    fix_create(w, MIXED);
    OK(fix_put(w, 1, in, all_vectors(in), "{\"x\":1}"));
    OK(fix_put(w, 2, NULL, 0, NULL));
    for (int round = 0; round < 2; round++) {
        lt_reader *r = reader_of(w);

        assert_true(get_vector(w, r, 1, "a", &out));
        assert_memory_equal(out.values, a1, sizeof a1);
        assert_true(get_vector(w, r, 1, "h", &out));
        assert_true(fabsf(out.values[0] - 0.70710678f) < 5e-4f);
        assert_true(get_vector(w, r, 1, "u", &out));
        assert_true(out.values[0] == 10 && out.values[1] == 255);
        assert_true(get_vector(w, r, 1, "m", &out));
        assert_int_equal(out.n_rows, 2);
        assert_memory_equal(out.values, m1, sizeof m1);
        assert_true(get_vector(w, r, 1, "s", &out));
        assert_int_equal(out.n_values, 2);
        assert_true(out.indices[0] == 3 && out.values[0] == 2 && out.indices[1] == 7);
        for (size_t i = 0; i < 6; i++)
            assert_false(get_vector(w, r, 2, in[i].name, &out));
        lt_reader_close(r);
        fix_reopen(w, "c");
    }
}

static void bad_vectors_are_named(void **state)
{
    world *w = *state;
    float nan[] = {1, NAN, 0};
    uint32_t twice[] = {4, 4};
    struct {
        lt_vector v;
        lt_status st;
        const char *says;
    } cases[] = {
        {fix_dense("x", a1, 3), LT_EINVAL, "Not existing vector name error: x"},
        {fix_dense("", a1, 3), LT_EINVAL, "Not existing vector name error: "},
        {fix_dense("a", a1, 2), LT_EINVAL, "Vector dimension error: expected dim: 3, got 2"},
        {fix_dense("a", nan, 3), LT_EINVAL, "component 1"},
        {fix_dense("s", a1, 3), LT_EINVAL, "Conversion between sparse and regular vectors failed"},
        {{"a", LT_VECTOR_SPARSE, s1, 2, 0, i1}, LT_EINVAL, "sparse and regular"},
        {{"a", LT_VECTOR_MULTI, a1, 3, 1, NULL}, LT_EINVAL, "multi and regular"},
        {{"m", LT_VECTOR_MULTI, a1, 3, 1, NULL}, LT_EINVAL, "expected dim: 2, got 3"},
        {{"m", LT_VECTOR_MULTI, a1, 0, 0, NULL}, LT_EINVAL, "at least one row"},
        {{"s", LT_VECTOR_SPARSE, s1, 2, 0, twice}, LT_EVALIDATION, "indices: must be unique"},
    };
    uint64_t n;

    fix_create(w, MIXED);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(fix_put(w, 1, &cases[i].v, 1, NULL), cases[i].st);
        if (!strstr(w->err.message, cases[i].says))
            fail_msg("case %zu: %s", i, w->err.message);
    }
    OK(lt_points_count(w->c, NULL, &n, &w->err));
    assert_int_equal(n, 0);
}

static void vectors_are_set_and_deleted(void **state)
{
    world *w = *state;
    lt_vector in[6], out;
    lt_update u = LT_UPDATE_INIT;
    lt_full_point two[2] = {{.id = lt_id_from_num(1)}, {.id = lt_id_from_num(99)}};
    lt_update_result result;
    const char *names[] = {"h", "s"};
    lt_id ids[2] = {lt_id_from_num(1), lt_id_from_num(5)};

    fix_create(w, MIXED);
    OK(fix_put(w, 1, in, all_vectors(in), "{\"x\":1}"));
    lt_vector change = fix_dense("a", a2, 3);

    two[0].vectors = two[1].vectors = &change;
    two[0].n_vectors = two[1].n_vectors = 1;
    u.kind = LT_UPDATE_SET_VECTORS;
    u.points = two;
    u.n_points = 2;
    OK(fix_update(w, &u, &result));
    assert_int_equal(result.n_changed, 1);
    assert_true(result.has_missing);
    assert_int_equal(result.missing.num, 99);
    u = (lt_update)LT_UPDATE_INIT;
    u.kind = LT_UPDATE_DELETE_VECTORS;
    u.ids = ids;
    u.n_ids = 2;
    u.names = names;
    u.n_names = 2;
    OK(fix_update(w, &u, &result));
    assert_int_equal(result.missing.num, 5);
    for (int round = 0; round < 2; round++) {
        lt_reader *r = reader_of(w);

        assert_true(get_vector(w, r, 1, "a", &out));
        assert_memory_equal(out.values, a2, sizeof a2);
        assert_true(get_vector(w, r, 1, "u", &out)); /* its row moved along */
        assert_true(out.values[1] == 255);
        assert_true(get_vector(w, r, 1, "m", &out));
        assert_false(get_vector(w, r, 1, "h", &out));
        assert_false(get_vector(w, r, 1, "s", &out));
        lt_reader_close(r);
        assert_payload(w, 1, "{\"x\":1}");
        fix_reopen(w, "c");
    }
    names[1] = "nope";
    assert_int_equal(fix_update(w, &u, NULL), LT_EINVAL);
    assert_string_equal(w->err.message, "Not existing vector name error: nope");
}

/* ---- payloads -------------------------------------------------------------------------------- */

static lt_update payload_update(lt_update_kind kind, const lt_id *ids, size_t n, const char *text)
{
    lt_update u = LT_UPDATE_INIT;

    u.kind = kind;
    u.ids = ids;
    u.n_ids = n;
    u.payload = text;
    u.payload_len = text ? strlen(text) : 0;
    return u;
}

static void payloads_are_edited(void **state)
{
    world *w = *state;
    lt_id ids[2] = {lt_id_from_num(1), lt_id_from_num(2)};
    lt_vector v = fix_dense("", a1, 3);
    const char *paths[] = {"a", "list[].c"};
    lt_collection_info info = LT_COLLECTION_INFO_INIT;

    fix_create(w, "{\"vectors\":{\"size\":3,\"distance\":\"Dot\"}}");
    OK(fix_put(w, 1, &v, 1, "{\"a\":1,\"list\":[{\"c\":1,\"d\":2}]}"));
    OK(fix_put(w, 2, &v, 1, NULL));
    lt_update u = payload_update(LT_UPDATE_SET_PAYLOAD, ids, 2, "{\"b\":[true],\"a\":null}");

    OK(fix_update(w, &u, NULL));
    assert_payload(w, 1, "{\"list\":[{\"c\":1,\"d\":2}],\"b\":[true]}");
    assert_payload(w, 2, "{\"b\":[true]}");
    u.payload = "{\"z\":9}";
    u.payload_len = 7;
    u.key = "deep.er";
    u.n_ids = 1;
    OK(fix_update(w, &u, NULL));
    assert_payload(w, 1, "{\"list\":[{\"c\":1,\"d\":2}],\"b\":[true],\"deep\":{\"er\":{\"z\":9}}}");
    u = payload_update(LT_UPDATE_DELETE_PAYLOAD, ids, 2, NULL);
    paths[0] = "deep.er.z";
    u.names = paths;
    u.n_names = 2;
    OK(fix_update(w, &u, NULL));
    assert_payload(w, 1, "{\"list\":[{\"d\":2}],\"b\":[true],\"deep\":{\"er\":{}}}");
    u = payload_update(LT_UPDATE_OVERWRITE_PAYLOAD, ids, 1, "{\"only\":1}");
    OK(fix_update(w, &u, NULL));
    assert_payload(w, 1, "{\"only\":1}");
    u = payload_update(LT_UPDATE_CLEAR_PAYLOAD, NULL, 0, NULL);
    u.filter = "{\"must\":[{\"key\":\"b\",\"match\":{\"value\":true}}]}";
    OK(fix_update(w, &u, NULL));
    assert_payload(w, 1, "{\"only\":1}");
    assert_payload(w, 2, "{}");
    OK(lt_collection_get_info(w->c, &info, &w->err));
    assert_int_equal(info.n_deleted, 0); /* no vector was written again */
    u = payload_update(LT_UPDATE_SET_PAYLOAD, ids, 1, "[1]");
    assert_int_equal(fix_update(w, &u, NULL), LT_EINVAL);
    u = payload_update(LT_UPDATE_SET_PAYLOAD, ids, 1, "{}");
    u.key = "a..b";
    assert_int_equal(fix_update(w, &u, NULL), LT_EINVAL);
    assert_non_null(strstr(w->err.message, "a..b"));
}

static void modes_and_filters_of_upserts(void **state)
{
    world *w = *state;
    lt_vector v = fix_dense("", a1, 3);
    lt_full_point p[2] = {{lt_id_from_num(1), &v, 1, "{\"n\":2}", 7},
                          {lt_id_from_num(2), &v, 1, "{\"n\":2}", 7}};
    lt_update u = LT_UPDATE_INIT;
    lt_update_result result;
    uint64_t n;

    fix_create(w, "{\"vectors\":{\"size\":3,\"distance\":\"Dot\"}}");
    OK(fix_put(w, 1, &v, 1, "{\"n\":1}"));
    u.points = p;
    u.n_points = 2;
    u.mode = LT_UPSERT_UPDATE_ONLY;
    u.update_filter = "{\"must\":[{\"key\":\"n\",\"match\":{\"value\":5}}]}";
    OK(fix_update(w, &u, &result));
    assert_int_equal(result.n_changed, 0);
    u.update_filter = "{\"must\":[{\"key\":\"n\",\"match\":{\"value\":1}}]}";
    OK(fix_update(w, &u, &result));
    assert_int_equal(result.n_changed, 1);
    assert_payload(w, 1, "{\"n\":2}");
    OK(lt_points_count(w->c, NULL, &n, &w->err));
    assert_int_equal(n, 1);
    u.mode = LT_UPSERT_INSERT_ONLY;
    u.update_filter = NULL;
    p[0].payload = p[1].payload = "{\"n\":3}";
    OK(fix_update(w, &u, &result));
    assert_int_equal(result.n_changed, 1);
    assert_payload(w, 1, "{\"n\":2}");
    assert_payload(w, 2, "{\"n\":3}");
}

static void operations_are_numbered_and_are_versions(void **state)
{
    world *w = *state;
    lt_vector v = fix_dense("", a1, 3);
    lt_full_point p = {lt_id_from_num(1), &v, 1, NULL, 0};
    lt_id id = lt_id_from_num(2);
    lt_update u[4] = {LT_UPDATE_INIT, LT_UPDATE_INIT, LT_UPDATE_INIT, LT_UPDATE_INIT};
    lt_update_result results[4];
    size_t n;

    fix_create(w, "{\"vectors\":{\"size\":3,\"distance\":\"Dot\"}}");
    u[0].points = &p;
    u[0].n_points = 1;
    u[1] = payload_update(LT_UPDATE_SET_PAYLOAD, &p.id, 1, "{\"a\":1}");
    u[2].kind = LT_UPDATE_DELETE;
    u[2].ids = &id;
    u[2].n_ids = 1;
    u[3] = payload_update(LT_UPDATE_SET_PAYLOAD, &p.id, 1, "nonsense");
    assert_int_equal(lt_points_update(w->c, u, 4, results, &n, &w->err), LT_EINVAL);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(results[i].operation, i);
    assert_false(results[2].has_missing);
    assert_int_equal(version_of(w, 1), 1);
    fix_reopen(w, "c");
    OK(fix_put(w, 3, &v, 1, NULL));
    assert_int_equal(version_of(w, 3), 3);
    assert_int_equal(version_of(w, 1), 1);
}

/* ---- schema ---------------------------------------------------------------------------------- */

static void assert_describes(world *w, const char *pointer, const char *expect)
{
    char *text;

    OK(lt_collection_describe(w->c, &text, &w->err));
    yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
    yyjson_val *v = yyjson_doc_ptr_get(doc, pointer);
    char *got = v ? yyjson_val_write(v, 0, NULL) : strdup("absent");

    if (strcmp(got, expect) != 0)
        fail_msg("%s is %s, not %s", pointer, got, expect);
    free(got);
    yyjson_doc_free(doc);
    lt_text_free(text);
}

static void a_collection_describes_itself(void **state)
{
    world *w = *state;

    fix_create(w, "{\"vectors\":{\"size\":3,\"distance\":\"Cosine\",\"hnsw_config\":{\"m\":8},"
                  "\"unknown\":1},\"optimizers_config\":{\"indexing_threshold\":7},"
                  "\"metadata\":{\"a\":1,\"b\":2},\"on_disk_payload\":false}");
    assert_describes(w, "/config/params",
                     "{\"vectors\":{\"size\":3,\"distance\":\"Cosine\",\"hnsw_config\":{\"m\":8}},"
                     "\"shard_number\":1,\"replication_factor\":1,\"write_consistency_factor\":1,"
                     "\"on_disk_payload\":false}");
    assert_describes(w, "/config/hnsw_config",
                     "{\"m\":16,\"ef_construct\":100,\"full_scan_threshold\":10000,"
                     "\"max_indexing_threads\":0,\"on_disk\":false}");
    assert_describes(w, "/config/optimizer_config",
                     "{\"deleted_threshold\":0.2,\"vacuum_min_vector_number\":1000,"
                     "\"default_segment_number\":0,\"max_segment_size\":null,"
                     "\"memmap_threshold\":null,\"indexing_threshold\":7,\"flush_interval_sec\":5,"
                     "\"max_optimization_threads\":null}");
    assert_describes(w, "/config/wal_config",
                     "{\"wal_capacity_mb\":32,\"wal_segments_ahead\":0,\"wal_retain_closed\":1}");
    assert_describes(w, "/config/quantization_config", "null");
    assert_describes(w, "/config/strict_mode_config", "{\"enabled\":false}");
    assert_describes(w, "/payload_schema", "{}");
    assert_describes(w, "/update_queue", "{\"length\":0}");
    assert_describes(w, "/status", "\"green\"");
    const char *patch = "{\"hnsw_config\":{\"ef_construct\":200},\"metadata\":{\"a\":null,\"c\":3},"
                        "\"vectors\":{\"\":{\"hnsw_config\":{\"m\":24},\"quantization_config\":"
                        "{\"scalar\":{\"type\":\"int8\",\"quantile\":0.9}}}},"
                        "\"quantization_config\":{\"binary\":{}}}";

    OK(lt_collection_update_json(w->c, patch, strlen(patch), &w->err));
    fix_reopen(w, "c");
    assert_describes(w, "/config/hnsw_config/ef_construct", "200");
    assert_describes(w, "/config/params/vectors/hnsw_config", "{\"m\":24}");
    assert_describes(w, "/config/params/vectors/quantization_config",
                     "{\"scalar\":{\"type\":\"int8\",\"quantile\":0.9}}");
    assert_describes(w, "/config/metadata", "{\"b\":2,\"c\":3}");
    assert_describes(w, "/config/quantization_config", "{\"binary\":{}}");
    patch = "{\"quantization_config\":\"Disabled\"}";
    OK(lt_collection_update_json(w->c, patch, strlen(patch), &w->err));
    assert_describes(w, "/config/quantization_config", "null");
}

static void bad_configs_are_named(void **state)
{
    world *w = *state;
    static const struct {
        const char *json;
        lt_status st;
        const char *says;
    } cases[] = {
        {"{\"vectors\":{\"size\":0,\"distance\":\"Dot\"}}", LT_EVALIDATION,
         "vectors.size: value 0 invalid, must be from 1 to 65536"},
        {"{\"vectors\":{\"x\":{\"size\":70000,\"distance\":\"Dot\"}},\"hnsw_config\":"
         "{\"ef_construct\":3}}",
         LT_EVALIDATION,
         "vectors.x.size: value 70000 invalid, must be from 1 to 65536; hnsw_config.ef_construct: "
         "value 3 invalid, must be 4 or larger"},
        {"{\"vectors\":{\"size\":4}}", LT_EINVAL,
         "Format error in JSON body: vectors: missing field `distance`"},
        {"{\"vectors\":{\"size\":\"4\",\"distance\":\"Dot\"}}", LT_EINVAL,
         "Format error in JSON body: vectors.size: an unsigned integer is expected, not string"},
        {"{\"vectors\":{\"size\":4,\"distance\":\"Near\"}}", LT_EINVAL, "unknown variant `Near`"},
        {"{\"vectors\":{\"a/b\":{\"size\":4,\"distance\":\"Dot\"}}}", LT_EINVAL, "\"/\""},
        {"{\"vectors\":{\"size\":4,\"distance\":\"Dot\",\"datatype\":\"turbo4\"}}", LT_EINVAL,
         "turbo4"},
        {"{\"vectors\":{\"s\":{\"size\":4,\"distance\":\"Dot\"}},\"sparse_vectors\":{\"s\":{}}}",
         LT_EEXISTS, "s"},
        {"{\"quantization_config\":{\"other\":{}}}", LT_EINVAL, "quantization_config"},
        {"{\"optimizers_config\":{\"deleted_threshold\":1.5}}", LT_EVALIDATION,
         "optimizers_config.deleted_threshold: value 1.5 invalid, must be from 0.0 to 1.0"},
        {"[]", LT_EINVAL, "object"},
        {"{", LT_EINVAL, "Format error in JSON body"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(lt_collection_create_json(w->db, "c", cases[i].json,
                                                   strlen(cases[i].json), &w->err),
                         cases[i].st);
        if (!strstr(w->err.message, cases[i].says))
            fail_msg("%s: %s", cases[i].json, w->err.message);
    }
    assert_int_equal(lt_collection_open(w->db, "c", &w->c, &w->err), LT_ENOTFOUND);
    assert_string_equal(w->err.message, "Collection `c` doesn't exist!");
    for (const char *bad = "<>:\"/\\|?*\x1f"; *bad; bad++) {
        char name[] = {'a', *bad, 0};

        assert_int_equal(lt_collection_create_json(w->db, name, "{}", 2, &w->err), LT_EINVAL);
    }
}

static void vectors_come_and_go(void **state)
{
    world *w = *state;
    lt_vector v = fix_dense("", a1, 3), out, both[2];
    const char *dense = "{\"dense\":{\"size\":3,\"distance\":\"Dot\"}}", *sparse = "{\"sparse\":{}}";

    fix_create(w, "{\"vectors\":{\"size\":3,\"distance\":\"Dot\"}}");
    OK(fix_put(w, 1, &v, 1, NULL));
    OK(lt_collection_add_vector(w->c, "b", dense, strlen(dense), &w->err));
    OK(lt_collection_add_vector(w->c, "s", sparse, strlen(sparse), &w->err));
    assert_int_equal(lt_collection_add_vector(w->c, "b", dense, strlen(dense), &w->err), LT_EEXISTS);
    assert_int_equal(lt_collection_add_vector(w->c, "x", "{}", 2, &w->err), LT_EINVAL);
    both[0] = v;
    both[1] = fix_dense("b", a2, 3);
    OK(fix_put(w, 2, both, 2, NULL));
    fix_reopen(w, "c");
    lt_reader *r = reader_of(w);

    assert_false(get_vector(w, r, 1, "b", &out));
    assert_true(get_vector(w, r, 2, "b", &out));
    OK(lt_collection_drop_vector(w->c, "b", &w->err));
    /* The reader still sees it. */
    assert_true(get_vector(w, r, 2, "b", &out));
    assert_memory_equal(out.values, a2, sizeof a2);
    lt_reader_close(r);
    assert_int_equal(lt_collection_drop_vector(w->c, "b", &w->err), LT_ENOTFOUND);
    assert_int_equal(fix_put(w, 3, both, 2, NULL), LT_EINVAL);
    /* A new one of that name does not get the old one's vectors. */
    OK(lt_collection_add_vector(w->c, "b", dense, strlen(dense), &w->err));
    fix_reopen(w, "c");
    r = reader_of(w);
    assert_false(get_vector(w, r, 2, "b", &out));
    assert_true(get_vector(w, r, 2, "", &out));
    lt_reader_close(r);
    assert_describes(w, "/config/params/vectors/b", "{\"size\":3,\"distance\":\"Dot\"}");
}

static void payload_indexes_are_declared_and_counted(void **state)
{
    world *w = *state;
    lt_vector v = fix_dense("", a1, 3);
    const char *text = "{\"type\":\"text\",\"tokenizer\":\"word\",\"lowercase\":true,\"odd\":1}";
    uint64_t first, second;
    lt_id id = lt_id_from_num(1);

    fix_create(w, "{\"vectors\":{\"size\":3,\"distance\":\"Dot\"}}");
    OK(fix_put(w, 1, &v, 1, "{\"k\":\"x\",\"t\":\"some words\"}"));
    OK(lt_collection_create_index(w->c, "k", "\"keyword\"", 9, &first, &w->err));
    OK(lt_collection_create_index(w->c, "t", text, strlen(text), NULL, &w->err));
    OK(lt_collection_create_index(w->c, "t", text, strlen(text), &second, &w->err));
    assert_int_equal(second, first + 2);
    OK(fix_put(w, 2, &v, 1, "{\"k\":\"y\"}"));
    OK(fix_put(w, 3, &v, 1, "{\"k\":7}"));
    for (int round = 0; round < 2; round++) {
        assert_describes(w, "/payload_schema/k", "{\"data_type\":\"keyword\",\"points\":2}");
        assert_describes(w, "/payload_schema/t",
                         "{\"data_type\":\"text\",\"params\":{\"type\":\"text\",\"tokenizer\":"
                         "\"word\",\"lowercase\":true},\"points\":1}");
        fix_reopen(w, "c");
    }
    OK(lt_points_delete(w->c, &id, 1, NULL, &w->err));
    assert_describes(w, "/payload_schema/k/points", "1");
    OK(lt_collection_drop_index(w->c, "t", NULL, &w->err));
    OK(lt_collection_drop_index(w->c, "t", NULL, &w->err));
    assert_describes(w, "/payload_schema/t", "absent");
    assert_int_equal(lt_collection_create_index(w->c, "k", "\"odd\"", 5, NULL, &w->err), LT_EINVAL);
    assert_non_null(strstr(w->err.message, "odd"));
    assert_int_equal(lt_collection_create_index(w->c, "k[", "\"bool\"", 6, NULL, &w->err),
                     LT_EINVAL);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void aliases_name_collections(void **state)
{
    world *w = *state;
    lt_alias_action make = {LT_ALIAS_CREATE, "now", "c", NULL},
                    rename = {LT_ALIAS_RENAME, "now", NULL, "then"},
                    nowhere = {LT_ALIAS_CREATE, "x", "nope", NULL};
    lt_alias_action both[2] = {{LT_ALIAS_CREATE, "y", "c", NULL}, nowhere};
    lt_collection *same;
    lt_alias *aliases;
    size_t n;

    fix_create(w, "{}");
    OK(lt_aliases_change(w->db, &make, 1, &w->err));
    OK(lt_collection_open(w->db, "now", &same, &w->err));
    assert_ptr_equal(same, w->c);
    lt_collection_close(same);
    OK(lt_aliases_change(w->db, &rename, 1, &w->err));
    assert_int_equal(lt_collection_open(w->db, "now", &same, &w->err), LT_ENOTFOUND);
    assert_int_equal(lt_aliases_change(w->db, &rename, 1, &w->err), LT_ENOTFOUND);
    assert_int_equal(lt_aliases_change(w->db, both, 2, &w->err), LT_ENOTFOUND);
    assert_string_equal(w->err.message, "Collection `nope` doesn't exist!");
    OK(lt_aliases_list(w->db, NULL, &aliases, &n, &w->err));
    assert_int_equal(n, 1);
    assert_string_equal(aliases[0].alias, "then");
    assert_string_equal(aliases[0].collection, "c");
    lt_aliases_free(aliases, n);
    assert_int_equal(lt_collection_create_json(w->db, "then", "{}", 2, &w->err), LT_EINVAL);
    make.alias = "c";
    assert_int_equal(lt_aliases_change(w->db, &make, 1, &w->err), LT_EEXISTS);
    OK(lt_collection_drop(w->db, "c", &w->err));
    OK(lt_aliases_list(w->db, NULL, &aliases, &n, &w->err));
    assert_int_equal(n, 0);
    lt_aliases_free(aliases, n);
}

static size_t count_folders(world *w)
{
    char command[128];
    unsigned long n = 0;

    snprintf(command, sizeof command, "ls %s/collections | wc -l", w->dir);
    FILE *p = popen(command, "r");

    assert_int_equal(fscanf(p, "%lu", &n), 1);
    pclose(p);
    return n;
}

static void dropping_takes_the_name_at_once(void **state)
{
    world *w = *state;
    lt_vector v = fix_dense("", a1, 3);
    lt_collection *fresh;
    uint64_t n;

    fix_create(w, "{\"vectors\":{\"size\":3,\"distance\":\"Dot\"}}");
    OK(fix_put(w, 1, &v, 1, NULL));
    OK(lt_collection_drop(w->db, "c", &w->err));
    assert_int_equal(lt_collection_open(w->db, "c", &fresh, &w->err), LT_ENOTFOUND);
    OK(lt_collection_create_json(w->db, "c", "{}", 2, &w->err));
    OK(lt_points_count(w->c, NULL, &n, &w->err)); /* who has it open can read */
    assert_int_equal(n, 1);
    assert_int_equal(fix_put(w, 2, &v, 1, NULL), LT_ENOTFOUND);
    assert_int_equal(count_folders(w), 2);
    lt_collection_close(w->c);
    assert_int_equal(count_folders(w), 1);
    OK(lt_collection_open(w->db, "c", &w->c, &w->err));
    OK(lt_points_count(w->c, NULL, &n, &w->err));
    assert_int_equal(n, 0);
    lt_collection_close(w->c); /* kept open by the database, and dropped so */
    OK(lt_collection_drop(w->db, "c", &w->err));
    assert_int_equal(count_folders(w), 0);
    w->c = NULL;
}

static void many_collections_stay_within_bounds(void **state)
{
    world *w = *state;
    char name[16];

    for (int i = 0; i < 140; i++) {
        lt_collection *c;

        snprintf(name, sizeof name, "n%d", i);
        OK(lt_collection_create_json(w->db, name, "{}", 2, &w->err));
        OK(lt_collection_open(w->db, name, &c, &w->err));
        lt_collection_close(c);
    }
    OK(lt_collection_open(w->db, "n0", &w->c, &w->err));
}

/* ---- searching ------------------------------------------------------------------------------- */

static void assert_nearest(world *w, const char *name, lt_vector query, const char *filter,
                           const uint64_t *ids, const float *scores, size_t n)
{
    lt_reader *r = reader_of(w);
    const lt_vector_schema *schema = lt_reader_schema(r, name);
    lt_nearest q = LT_NEAREST_INIT;
    lt_filter *parsed = NULL;
    lt_prepared *p;
    lt_scored *found;
    size_t n_found;

    if (filter)
        OK(lt_filter_parse(filter, strlen(filter), &parsed, &w->err));
    OK(lt_reader_prepare(r, schema, &query, &p, &w->err));
    OK(lt_reader_weigh(r, p, NULL, &w->err));
    q.vector = p;
    q.filter = parsed;
    OK(lt_reader_nearest(r, &q, &found, &n_found, &w->err));
    assert_int_equal(n_found, n);
    for (size_t i = 0; i < n; i++) {
        float one, user = lt_user_score(schema->distance, found[i].score);
        lt_id id;

        OK(lt_reader_id(r, found[i].slot, &id, &w->err));
        if (id.num != ids[i] || fabsf(user - scores[i]) > 1e-3f)
            fail_msg("%s: place %zu is point %lu with %f", name, i, (unsigned long)id.num,
                     (double)user);
        OK(lt_reader_similarities(r, p, &found[i].slot, 1, &one, &w->err));
        assert_true(one == found[i].score);
    }
    lt_free(found);
    lt_prepared_free(p);
    lt_filter_free(parsed);
    lt_reader_close(r);
}

static void every_kind_is_searched(void **state)
{
    world *w = *state;
    lt_vector in[6];
    float u2[] = {5, 5}, m2[] = {3, 0}, s2[] = {4}, q2[] = {1, 1}, h2[] = {1, 0, 0, 0};
    uint32_t i2[] = {3};

    fix_create(w, MIXED);
    OK(fix_put(w, 1, in, all_vectors(in), "{\"g\":1}"));
    all_vectors(in);
    in[0].values = a2;
    in[1].values = h2;
    in[2].values = u2;
    in[3] = (lt_vector){"m", LT_VECTOR_MULTI, m2, 2, 1, NULL};
    in[4] = (lt_vector){"s", LT_VECTOR_SPARSE, s2, 1, 0, i2};
    in[5] = (lt_vector){"t", LT_VECTOR_SPARSE, s2, 1, 0, i2};
    OK(fix_put(w, 2, in, 6, "{\"g\":2}"));
    OK(fix_put(w, 3, NULL, 0, "{\"g\":1}"));
    assert_nearest(w, "a", fix_dense("", a2, 3), NULL, (uint64_t[]){2, 1},
                   (float[]){0, 3}, 2);
    assert_nearest(w, "h", fix_dense("", h2, 4), NULL, (uint64_t[]){2, 1},
                   (float[]){1, 0.7071f}, 2);
    assert_nearest(w, "u", fix_dense("", q2, 2), NULL, (uint64_t[]){2, 1},
                   (float[]){1, 265.f / (sqrtf(2) * sqrtf(100 + 255 * 255))}, 2);
    /* Query rows (1,1) and (1,0): best rows give 2+1 and 3+3. */
    float rows[] = {1, 1, 1, 0};

    assert_nearest(w, "m", (lt_vector){"", LT_VECTOR_MULTI, rows, 4, 2, NULL}, NULL,
                   (uint64_t[]){2, 1}, (float[]){6, 3}, 2);
    assert_nearest(w, "m", fix_dense("", q2, 2), NULL, (uint64_t[]){2, 1}, (float[]){3, 2}, 2);
    assert_nearest(w, "s", (lt_vector){"", LT_VECTOR_SPARSE, q2, 2, 0, i1}, NULL,
                   (uint64_t[]){2, 1}, (float[]){4, 2.5f}, 2);
    uint32_t seven[] = {7};
    float one[] = {1};

    /* Of two points one has index 7: ln((2 - 1 + 0.5) / 1.5 + 1). */
    assert_nearest(w, "t", (lt_vector){"", LT_VECTOR_SPARSE, one, 1, 0, seven}, NULL,
                   (uint64_t[]){1}, (float[]){0.5f * logf(2)}, 1);
    assert_nearest(w, "a", fix_dense("", a2, 3),
                   "{\"must\":[{\"key\":\"g\",\"match\":{\"value\":1}}]}", (uint64_t[]){1},
                   (float[]){3}, 1);
    assert_nearest(w, "a", fix_dense("", a2, 3), "{\"must_not\":[{\"has_vector\":\"s\"}]}", NULL,
                   NULL, 0);
}

/* ---- what older versions wrote --------------------------------------------------------------- */

static void format_1_is_read_and_written_on(void **state)
{
    world *w = *state;
    char command[256];
    float q[] = {1, 2, 0, 0.5f}, v[] = {0, 0, 0, 1};
    lt_vector fresh = fix_dense("", v, 4);
    lt_collection_info info = LT_COLLECTION_INFO_INIT;

    fix_close(w);
    snprintf(command, sizeof command, "rm -rf %s/* && tar -xzf " LT_SOURCE_DIR
             "/tests/format/v1.tar.gz -C %s", w->dir, w->dir);
    assert_int_equal(system(command), 0);
    fix_open(w, "old");
    for (int round = 0; round < 2; round++) {
        lt_query query = LT_QUERY_INIT;
        lt_hits *h;

        query.vector = q;
        query.dims = 4;
        query.filter = "{\"must\":[{\"key\":\"even\",\"match\":{\"value\":true}}]}";
        OK(lt_points_query(w->c, &query, &h, &w->err));
        assert_int_equal(h->n_items, 9); /* of 20: ten even ones, without 0 */
        assert_string_equal(h->items[0].payload, "{\"n\":2,\"even\":true}");
        lt_hits_free(h);
        OK(lt_collection_get_info(w->c, &info, &w->err));
        assert_int_equal(info.n_points, 18 + (uint64_t)round);
        assert_string_equal(info.metadata, "{\"made_by\":\"format 1\"}");
        OK(fix_put(w, 777, &fresh, 1, "{}"));
        assert_describes(w, "/config/params/vectors",
                         "{\"size\":4,\"distance\":\"Cosine\",\"datatype\":\"float32\"}");
        fix_reopen(w, "old");
    }
    const char *dense = "{\"dense\":{\"size\":2,\"distance\":\"Dot\"}}";

    OK(lt_collection_add_vector(w->c, "more", dense, strlen(dense), &w->err));
    lt_id id = lt_id_from_num(2);
    lt_update u = payload_update(LT_UPDATE_SET_PAYLOAD, &id, 1, "{\"x\":1}");

    OK(fix_update(w, &u, NULL));
    fix_reopen(w, "old");
    assert_payload(w, 2, "{\"n\":2,\"even\":true,\"x\":1}");
    lt_reader *r = reader_of(w);
    lt_vector out;

    assert_true(get_vector(w, r, 2, "", &out));
    assert_false(get_vector(w, r, 2, "more", &out));
    lt_reader_close(r);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fix_setup, fix_teardown)
    const struct CMUnitTest tests[] = {
        T(every_kind_comes_back_as_stored),
        T(bad_vectors_are_named),
        T(vectors_are_set_and_deleted),
        T(payloads_are_edited),
        T(modes_and_filters_of_upserts),
        T(operations_are_numbered_and_are_versions),
        T(a_collection_describes_itself),
        T(bad_configs_are_named),
        T(vectors_come_and_go),
        T(payload_indexes_are_declared_and_counted),
        T(aliases_name_collections),
        T(dropping_takes_the_name_at_once),
        T(many_collections_stay_within_bounds),
        T(every_kind_is_searched),
        T(format_1_is_read_and_written_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
