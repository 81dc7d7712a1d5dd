/* SPDX-License-Identifier: Apache-2.0
 * The config's fields and the changes of a stored config. */
#include "config.h"

#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <value/edit.h>

#include "fields.h"
#include "index_schema.h"

const char *const lt_distance_names[] = {"Cosine", "Dot", "Euclid", "Manhattan", NULL};

/* ---- the fields ------------------------------------------------------------------------------ */

static const char *const memories[] = {"cold", "cached", "pinned", NULL};
static const char *const datatypes[] = {"float32", "uint8", "float16", "turbo4", NULL};
static const char *const comparators[] = {"max_sim", NULL};
static const char *const modifiers[] = {"none", "idf", NULL};
static const char *const shardings[] = {"auto", "custom", NULL};
static const char *const scalar_types[] = {"int8", NULL};
static const char *const ratios[] = {"x4", "x8", "x16", "x32", "x64", NULL};
static const char *const encodings[] = {"one_bit", "two_bits", "one_and_half_bits", NULL};
static const char *const query_encodings[] = {"default", "binary", "scalar4bits", "scalar8bits",
                                              NULL};
static const char *const turbo_bits[] = {"bits1", "bits1_5", "bits2", "bits4", NULL};

#define UINT_(name, min, max, shown) {name, LT_FIELD_UINT, min, max, NULL, NULL, shown, false}
#define NUMBER_(name, min, max, shown) {name, LT_FIELD_NUMBER, min, max, NULL, NULL, shown, false}
#define BOOL_(name, shown) {name, LT_FIELD_BOOL, 0, 0, NULL, NULL, shown, false}
#define ENUM_(name, values) {name, LT_FIELD_ENUM, 0, 0, values, NULL, NULL, false}
#define OBJECT_(name, fields) {name, LT_FIELD_OBJECT, 0, 0, NULL, fields, NULL, false}
#define ANY_(name) {name, LT_FIELD_ANY, 0, 0, NULL, NULL, NULL, false}

/* What a vector may override is shown as it was set; the collection's own with its defaults. */
static const lt_field hnsw_items[] = {
    UINT_("m", 0, 0, "16"),
    UINT_("ef_construct", 4, 0, "100"),
    UINT_("full_scan_threshold", 10, 0, "10000"),
    UINT_("max_indexing_threads", 0, 0, "0"),
    BOOL_("on_disk", "false"),
    ENUM_("memory", memories),
    UINT_("payload_m", 0, 0, NULL),
    BOOL_("inline_storage", NULL),
};
static const lt_fields hnsw_fields = LT_FIELDS(hnsw_items);

static const lt_field optimizer_items[] = {
    NUMBER_("deleted_threshold", 0, 1, "0.2"),
    UINT_("vacuum_min_vector_number", 100, 0, "1000"),
    UINT_("default_segment_number", 0, 0, "0"),
    UINT_("max_segment_size", 1, 0, "null"),
    UINT_("memmap_threshold", 0, 0, "null"),
    UINT_("indexing_threshold", 0, 0, "10000"),
    UINT_("flush_interval_sec", 0, 0, "5"),
    {"max_optimization_threads", LT_FIELD_ANY, 0, 0, NULL, NULL, "null", false},
    BOOL_("prevent_unoptimized", NULL),
};
static const lt_fields optimizer_fields = LT_FIELDS(optimizer_items);

static const lt_field wal_items[] = {
    UINT_("wal_capacity_mb", 1, 0, "32"),
    UINT_("wal_segments_ahead", 0, 0, "0"),
    UINT_("wal_retain_closed", 1, 0, "1"),
};
static const lt_fields wal_fields = LT_FIELDS(wal_items);

static const lt_field scalar_items[] = {
    {"type", LT_FIELD_ENUM, 0, 0, scalar_types, NULL, NULL, true},
    NUMBER_("quantile", 0.5, 1, NULL),
    BOOL_("always_ram", NULL),
    ENUM_("memory", memories),
};
static const lt_fields scalar_fields = LT_FIELDS(scalar_items);
static const lt_field product_items[] = {
    {"compression", LT_FIELD_ENUM, 0, 0, ratios, NULL, NULL, true},
    BOOL_("always_ram", NULL),
    ENUM_("memory", memories),
};
static const lt_fields product_fields = LT_FIELDS(product_items);
static const lt_field binary_items[] = {
    BOOL_("always_ram", NULL),
    ENUM_("memory", memories),
    ENUM_("encoding", encodings),
    ENUM_("query_encoding", query_encodings),
};
static const lt_fields binary_fields = LT_FIELDS(binary_items);
static const lt_field turbo_items[] = {
    BOOL_("always_ram", NULL),
    ENUM_("memory", memories),
    ENUM_("bits", turbo_bits),
};
static const lt_fields turbo_fields = LT_FIELDS(turbo_items);
static const lt_field quantization_items[] = {
    OBJECT_("scalar", &scalar_fields),
    OBJECT_("product", &product_fields),
    OBJECT_("binary", &binary_fields),
    OBJECT_("turbo", &turbo_fields),
};
static const lt_fields quantization_fields = LT_FIELDS(quantization_items);

static const lt_field strict_items[] = {
    BOOL_("enabled", "false"),
    UINT_("max_query_limit", 1, 0, NULL),
    UINT_("max_timeout", 1, 0, NULL),
    BOOL_("unindexed_filtering_retrieve", NULL),
    BOOL_("unindexed_filtering_update", NULL),
    UINT_("search_max_hnsw_ef", 0, 0, NULL),
    BOOL_("search_allow_exact", NULL),
    NUMBER_("search_max_oversampling", 0, 0, NULL),
    UINT_("upsert_max_batchsize", 0, 0, NULL),
    UINT_("search_max_batchsize", 0, 0, NULL),
    UINT_("max_collection_vector_size_bytes", 0, 0, NULL),
    UINT_("read_rate_limit", 1, 0, NULL),
    UINT_("write_rate_limit", 1, 0, NULL),
    UINT_("max_collection_payload_size_bytes", 0, 0, NULL),
    UINT_("max_points_count", 1, 0, NULL),
    UINT_("filter_max_conditions", 0, 0, NULL),
    UINT_("condition_max_size", 0, 0, NULL),
    ANY_("multivector_config"),
    ANY_("sparse_config"),
    UINT_("max_payload_index_count", 0, 0, NULL),
    UINT_("max_resident_memory_percent", 1, 100, NULL),
};
static const lt_fields strict_fields = LT_FIELDS(strict_items);

static const lt_field multi_items[] = {
    {"comparator", LT_FIELD_ENUM, 0, 0, comparators, NULL, NULL, true},
};
static const lt_fields multi_fields = LT_FIELDS(multi_items);

static const lt_field dense_items[] = {
    {"size", LT_FIELD_UINT, 1, LT_LIMIT_DIMS, NULL, NULL, NULL, true},
    {"distance", LT_FIELD_ENUM, 0, 0, lt_distance_names, NULL, NULL, true},
    OBJECT_("hnsw_config", &hnsw_fields),
    ANY_("quantization_config"),
    BOOL_("on_disk", NULL),
    ENUM_("memory", memories),
    ENUM_("datatype", datatypes),
    OBJECT_("multivector_config", &multi_fields),
};
static const lt_fields dense_fields = LT_FIELDS(dense_items);
static const lt_field dense_diff_items[] = {
    OBJECT_("hnsw_config", &hnsw_fields),
    BOOL_("on_disk", NULL),
    ENUM_("memory", memories),
};
static const lt_fields dense_diff_fields = LT_FIELDS(dense_diff_items);

static const lt_field sparse_index_items[] = {
    UINT_("full_scan_threshold", 0, 0, NULL),
    BOOL_("on_disk", NULL),
    ENUM_("memory", memories),
    ENUM_("datatype", datatypes),
};
static const lt_fields sparse_index_fields = LT_FIELDS(sparse_index_items);
static const lt_field sparse_items[] = {
    OBJECT_("index", &sparse_index_fields),
    ENUM_("modifier", modifiers),
};
static const lt_fields sparse_fields = LT_FIELDS(sparse_items);

static const lt_field payload_items[] = {ENUM_("memory", memories)};
static const lt_fields payload_fields = LT_FIELDS(payload_items);
static const lt_field params_items[] = {
    UINT_("shard_number", 1, 0, "1"),
    ENUM_("sharding_method", shardings),
    UINT_("replication_factor", 1, 0, "1"),
    UINT_("write_consistency_factor", 1, 0, "1"),
    UINT_("read_fan_out_factor", 0, 0, NULL),
    UINT_("read_fan_out_delay_ms", 0, 0, NULL),
    BOOL_("on_disk_payload", "true"),
    OBJECT_("payload", &payload_fields),
};
static const lt_fields params_fields = LT_FIELDS(params_items);

typedef struct section {
    const char *body, *stored; /* their names */
    const lt_fields *fields;
} section;

static const section sections[] = {
    {"hnsw_config", "hnsw_config", &hnsw_fields},
    {"optimizers_config", "optimizers_config", &optimizer_fields},
    {"wal_config", "wal_config", &wal_fields},
    {"strict_mode_config", "strict_mode_config", &strict_fields},
};

static const char *text_of(yyjson_val *key)
{
    const char *text = yyjson_get_str(key);

    return text ? text : "";
}

/* ---- taking ---------------------------------------------------------------------------------- */

/* A change of a stored config in the making. */
typedef struct edit {
    yyjson_doc *from;     /* the body */
    yyjson_mut_doc *doc;  /* the config */
    yyjson_mut_val *root;
    lt_problems problems;
} edit;

static void edit_done(edit *e)
{
    yyjson_doc_free(e->from);
    yyjson_mut_doc_free(e->doc);
    lt_buf_done(&e->problems.text);
}

static lt_status edit_begin(const char *config, const char *json, size_t n, edit *e, lt_error *err)
{
    if (json) {
        LT_TRY(lt_json_parse(json, n, "Format error in JSON body", &e->from, err));
        if (!yyjson_is_obj(yyjson_doc_get_root(e->from)))
            return lt_field_wrong("the body", "an object", yyjson_doc_get_root(e->from), err);
    }
    if (config) {
        LT_TRY(lt_value_thaw(config, strlen(config), "the collection's config", &e->doc, err));
    } else {
        e->doc = yyjson_mut_doc_new(NULL);
        if (!e->doc)
            return lt_fail_nomem(err);
        yyjson_mut_doc_set_root(e->doc, yyjson_mut_obj(e->doc));
    }
    e->root = yyjson_mut_doc_get_root(e->doc);
    return e->root ? LT_OK : lt_fail_nomem(err);
}

static lt_status edit_end(edit *e, char **out, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};

    LT_TRY(lt_problems_end(&e->problems, err));
    LT_TRY(lt_value_print(e->doc, &text, err));
    *out = lt_buf_steal(&text);
    return LT_OK;
}

/* The object `name` of `in`, made where it is missing. NULL without memory. */
static yyjson_mut_val *object_at(yyjson_mut_doc *doc, yyjson_mut_val *in, const char *name)
{
    yyjson_mut_val *v = yyjson_mut_obj_get(in, name), *key;

    if (v)
        return v;
    v = yyjson_mut_obj(doc);
    key = yyjson_mut_strcpy(doc, name);
    return v && key && yyjson_mut_obj_add(in, key, v) ? v : NULL;
}

static lt_status take_section(edit *e, const char *name, const char *stored,
                              const lt_fields *fields, lt_error *err)
{
    yyjson_val *from = yyjson_obj_get(yyjson_doc_get_root(e->from), name);
    yyjson_mut_val *into;

    if (!from || yyjson_is_null(from))
        return LT_OK;
    into = object_at(e->doc, e->root, stored);
    if (!into)
        return lt_fail_nomem(err);
    return lt_fields_take(fields, from, name, e->doc, into, &e->problems, err);
}

/* quantization_config of `from` into `into`: one of its kinds; "Disabled" takes it away. */
static lt_status take_quantization(edit *e, yyjson_val *from, const char *path,
                                   yyjson_mut_val *into, lt_error *err)
{
    yyjson_val *q = yyjson_obj_get(from, "quantization_config");
    yyjson_mut_val *fresh = yyjson_mut_obj(e->doc);
    yyjson_mut_val *key = yyjson_mut_str(e->doc, "quantization_config");

    if (!q || yyjson_is_null(q))
        return LT_OK;
    if (!fresh || !key)
        return lt_fail_nomem(err);
    if (yyjson_equals_str(q, "Disabled")) {
        yyjson_mut_obj_remove_key(into, "quantization_config");
        return LT_OK;
    }
    LT_TRY(lt_fields_take(&quantization_fields, q, path, e->doc, fresh, &e->problems, err));
    if (yyjson_mut_obj_size(fresh) != 1)
        return lt_fail(err, LT_EINVAL,
                       "Format error in JSON body: %s: one of scalar, product, binary, turbo is "
                       "expected",
                       path);
    return yyjson_mut_obj_put(into, key, fresh) ? LT_OK : lt_fail_nomem(err);
}

/* ---- vectors --------------------------------------------------------------------------------- */

static lt_status check_vector_name(const char *name, size_t n, lt_error *err)
{
    if (n > LT_LIMIT_VECTOR_NAME)
        return lt_fail(err, LT_EINVAL, "a vector's name has at most %u bytes",
                       LT_LIMIT_VECTOR_NAME);
    for (size_t i = 0; i < n; i++)
        if (name[i] == '\0' || strchr("<>:\"/\\|?*\x1f", name[i]))
            return lt_fail(err, LT_EINVAL, "vector name cannot contain \"%c\" char",
                           name[i] ? name[i] : '0');
    return LT_OK;
}

static lt_status check_supported(yyjson_mut_val *v, const char *path, lt_error *err)
{
    if (yyjson_mut_equals_str(yyjson_mut_obj_get(v, "memory"), "pinned"))
        return lt_fail(err, LT_EINVAL, "%s.memory: `pinned` is not supported for dense vectors",
                       path);
    if (yyjson_mut_equals_str(yyjson_mut_obj_get(v, "datatype"), "turbo4"))
        return lt_fail(err, LT_EINVAL, "%s.datatype: `turbo4` is not supported", path);
    return LT_OK;
}

/* A new entry of `list` with the next number. */
static lt_status new_vector(edit *e, const char *list, const char *name, yyjson_mut_val **out,
                            lt_error *err)
{
    yyjson_mut_val *other = yyjson_mut_obj_get(e->root, strcmp(list, "vectors") == 0
                                                            ? "sparse_vectors"
                                                            : "vectors");
    yyjson_mut_val *in = object_at(e->doc, e->root, list);
    yyjson_mut_val *next = yyjson_mut_obj_get(e->root, "next_number");
    /* Format 1 had one vector and no numbers. */
    uint64_t number = next                           ? yyjson_mut_get_uint(next)
                      : yyjson_mut_obj_size(in) != 0 ? 1
                                                     : 0;

    LT_TRY(check_vector_name(name, strlen(name), err));
    if (yyjson_mut_obj_get(other, name) || yyjson_mut_obj_get(in, name))
        return lt_fail(err, LT_EEXISTS, "Vector name already exists: %s", name);
    if (number >= LT_LIMIT_VECTORS_EVER ||
        yyjson_mut_obj_size(in) + yyjson_mut_obj_size(other) >= LT_LIMIT_VECTORS)
        return lt_fail(err, LT_ELIMIT,
                       "at most %u vectors in a collection, and %u over its whole life, are "
                       "possible",
                       LT_LIMIT_VECTORS, LT_LIMIT_VECTORS_EVER);
    *out = in ? object_at(e->doc, in, name) : NULL;
    yyjson_mut_val *key = yyjson_mut_str(e->doc, "next_number");
    yyjson_mut_val *value = yyjson_mut_uint(e->doc, number + 1);

    if (!*out || !key || !value || !yyjson_mut_obj_put(e->root, key, value) ||
        !yyjson_mut_obj_add_uint(e->doc, *out, "number", number))
        return lt_fail_nomem(err);
    return LT_OK;
}

static lt_status take_dense(edit *e, const char *name, yyjson_val *from, const char *path,
                            lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf inner = {0};
    yyjson_mut_val *into;

    LT_TRY(new_vector(e, "vectors", name, &into, err));
    LT_TRY(lt_fields_take(&dense_fields, from, path, e->doc, into, &e->problems, err));
    yyjson_mut_obj_remove_key(into, "quantization_config");
    LT_TRY(lt_buf_addf(&inner, err, "%s.quantization_config", path));
    LT_TRY(take_quantization(e, from, inner.data, into, err));
    return check_supported(into, path, err);
}

static lt_status take_sparse(edit *e, const char *name, yyjson_val *from, const char *path,
                             lt_error *err)
{
    yyjson_mut_val *into;

    LT_TRY(new_vector(e, "sparse_vectors", name, &into, err));
    return lt_fields_take(&sparse_fields, from, path, e->doc, into, &e->problems, err);
}

/* One of a map of vectors: its name, its parameters and where these stand. */
typedef lt_status (*take_named)(edit *e, yyjson_val *key, yyjson_val *from, const char *path,
                                lt_error *err);

/* All of the map `what`, which may be absent. */
static lt_status take_each(edit *e, const char *what, take_named take, lt_error *err)
{
    yyjson_val *from = yyjson_obj_get(yyjson_doc_get_root(e->from), what), *key, *v;
    size_t i, n;
    char path[300];

    if (!from || yyjson_is_null(from))
        return LT_OK;
    if (!yyjson_is_obj(from))
        return lt_field_wrong(what, "an object", from, err);
    yyjson_obj_foreach(from, i, n, key, v)
    {
        snprintf(path, sizeof path, "%s.%s", what, text_of(key));
        LT_TRY(take(e, key, v, path, err));
    }
    return LT_OK;
}

static lt_status take_new_dense(edit *e, yyjson_val *key, yyjson_val *from, const char *path,
                                lt_error *err)
{
    LT_TRY(check_vector_name(text_of(key), yyjson_get_len(key), err));
    return take_dense(e, text_of(key), from, path, err);
}

static lt_status take_new_sparse(edit *e, yyjson_val *key, yyjson_val *from, const char *path,
                                 lt_error *err)
{
    LT_TRY(check_vector_name(text_of(key), yyjson_get_len(key), err));
    return take_sparse(e, text_of(key), from, path, err);
}

/* `vectors`: parameters of the unnamed one, or a map. */
static lt_status take_vectors(edit *e, lt_error *err)
{
    yyjson_val *from = yyjson_obj_get(yyjson_doc_get_root(e->from), "vectors");

    if (yyjson_is_num(yyjson_obj_get(from, "size")) || yyjson_is_str(yyjson_obj_get(from, "distance")))
        return take_dense(e, "", from, "vectors", err);
    return take_each(e, "vectors", take_new_dense, err);
}

/* ---- creating -------------------------------------------------------------------------------- */

static lt_status copy_metadata(edit *e, char **out, lt_error *err)
{
    yyjson_val *m = yyjson_obj_get(yyjson_doc_get_root(e->from), "metadata");

    *out = NULL;
    if (!m || yyjson_is_null(m))
        return LT_OK;
    if (!yyjson_is_obj(m))
        return lt_field_wrong("metadata", "an object", m, err);
    char *text = yyjson_val_write(m, 0, NULL);

    *out = text ? lt_strdup(text) : NULL;
    free(text);
    return *out ? LT_OK : lt_fail_nomem(err);
}

/* `params`: the object whose fields stand beside the sections in a body, below "params" when stored. */
static lt_status fill_new(edit *e, yyjson_val *params, lt_error *err)
{
    yyjson_mut_val *into = object_at(e->doc, e->root, "params");

    if (!into)
        return lt_fail_nomem(err);
    LT_TRY(take_vectors(e, err));
    LT_TRY(take_each(e, "sparse_vectors", take_new_sparse, err));
    LT_TRY(lt_fields_take(&params_fields, params, "", e->doc, into, &e->problems, err));
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        LT_TRY(take_section(e, sections[i].body, sections[i].stored, sections[i].fields, err));
    return take_quantization(e, yyjson_doc_get_root(e->from), "quantization_config", e->root, err);
}

lt_status lt_config_create(const char *json, size_t n, char **config, char **metadata,
                           lt_error *err)
{
    LT_CLEANUP(edit_done) edit e = {0};
    LT_AUTOFREE char *kept = NULL;

    LT_TRY(edit_begin(NULL, json, n, &e, err));
    LT_TRY(fill_new(&e, yyjson_doc_get_root(e.from), err));
    LT_TRY(copy_metadata(&e, &kept, err));
    LT_TRY(edit_end(&e, config, err));
    *metadata = lt_steal(&kept);
    return LT_OK;
}

/* ---- payload indexes ------------------------------------------------------------------------- */

static lt_status put_index(edit *e, yyjson_mut_val *list, const char *path, yyjson_val *schema,
                           lt_error *err)
{
    yyjson_mut_val *def = yyjson_mut_obj(e->doc), *key = yyjson_mut_strcpy(e->doc, path);

    if (!def || !key)
        return lt_fail_nomem(err);
    if (yyjson_mut_obj_size(list) >= LT_LIMIT_PAYLOAD_INDEXES && !yyjson_mut_obj_get(list, path))
        return lt_fail(err, LT_ELIMIT, "at most %u payload indexes are possible",
                       LT_LIMIT_PAYLOAD_INDEXES);
    LT_TRY(lt_index_schema_take(schema, e->doc, def, &e->problems, err));
    return yyjson_mut_obj_put(list, key, def) ? LT_OK : lt_fail_nomem(err);
}

static lt_status take_indexes(edit *e, lt_error *err)
{
    yyjson_val *from = yyjson_obj_get(yyjson_doc_get_root(e->from), "payload_schema"), *key, *v;
    yyjson_mut_val *list = object_at(e->doc, e->root, "payload_schema");
    size_t i, n;

    if (!list)
        return lt_fail_nomem(err);
    if (!from)
        return LT_OK;
    yyjson_obj_foreach(from, i, n, key, v)
    {
        LT_CLEANUP(lt_path_done) lt_path path = {0};
        yyjson_val *params = yyjson_obj_get(v, "params");

        LT_TRY(lt_path_parse(text_of(key), &path, err));
        LT_TRY(put_index(e, list, text_of(key), params ? params : yyjson_obj_get(v, "data_type"),
                         err));
    }
    return LT_OK;
}

lt_status lt_config_adopt(const char *stored, size_t n, char **config, lt_error *err)
{
    LT_CLEANUP(edit_done) edit e = {0};
    yyjson_val *params;

    LT_TRY(edit_begin(NULL, stored, n, &e, err));
    params = yyjson_obj_get(yyjson_doc_get_root(e.from), "params");
    LT_TRY(fill_new(&e, params ? params : yyjson_doc_get_root(e.from), err));
    LT_TRY(take_indexes(&e, err));
    return edit_end(&e, config, err);
}

/* ---- changing -------------------------------------------------------------------------------- */

/* A vector of the map `what` that is there. */
static lt_status find_vector(edit *e, const char *what, yyjson_val *key, yyjson_mut_val **out,
                             lt_error *err)
{
    *out = yyjson_mut_obj_get(yyjson_mut_obj_get(e->root, what), text_of(key));
    return *out ? LT_OK
                : lt_fail(err, LT_EINVAL, "Not existing vector name error: %s", text_of(key));
}

static lt_status update_dense(edit *e, yyjson_val *key, yyjson_val *from, const char *path,
                              lt_error *err)
{
    yyjson_mut_val *into;
    char inner[330];

    LT_TRY(find_vector(e, "vectors", key, &into, err));
    snprintf(inner, sizeof inner, "%s.quantization_config", path);
    LT_TRY(lt_fields_take(&dense_diff_fields, from, path, e->doc, into, &e->problems, err));
    LT_TRY(take_quantization(e, from, inner, into, err));
    return check_supported(into, path, err);
}

static lt_status update_sparse(edit *e, yyjson_val *key, yyjson_val *from, const char *path,
                               lt_error *err)
{
    yyjson_mut_val *into;

    LT_TRY(find_vector(e, "sparse_vectors", key, &into, err));
    return lt_fields_take(&sparse_fields, from, path, e->doc, into, &e->problems, err);
}

static lt_status merge_metadata(edit *e, const char *metadata, char **out, lt_error *err)
{
    LT_CLEANUP(lt_value_free) yyjson_mut_doc *doc = NULL;
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};
    yyjson_val *m = yyjson_obj_get(yyjson_doc_get_root(e->from), "metadata");

    *out = NULL;
    if (!m || yyjson_is_null(m))
        return LT_OK;
    if (!yyjson_is_obj(m))
        return lt_field_wrong("metadata", "an object", m, err);
    const char *old = metadata && metadata[0] ? metadata : "{}";

    LT_TRY(lt_value_thaw(old, strlen(old), "metadata", &doc, err));
    LT_TRY(lt_value_merge(doc, NULL, m, err));
    LT_TRY(lt_value_print(doc, &text, err));
    *out = lt_buf_steal(&text);
    return LT_OK;
}

lt_status lt_config_update(const char *config, const char *metadata, const char *json, size_t n,
                           char **config_out, char **metadata_out, lt_error *err)
{
    LT_CLEANUP(edit_done) edit e = {0};
    LT_AUTOFREE char *merged = NULL;

    LT_TRY(edit_begin(config, json, n, &e, err));
    LT_TRY(take_each(&e, "vectors", update_dense, err));
    LT_TRY(take_each(&e, "sparse_vectors", update_sparse, err));
    LT_TRY(take_section(&e, "params", "params", &params_fields, err));
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        LT_TRY(take_section(&e, sections[i].body, sections[i].stored, sections[i].fields, err));
    LT_TRY(take_quantization(&e, yyjson_doc_get_root(e.from), "quantization_config", e.root, err));
    LT_TRY(merge_metadata(&e, metadata, &merged, err));
    LT_TRY(edit_end(&e, config_out, err));
    *metadata_out = lt_steal(&merged);
    return LT_OK;
}

lt_status lt_config_add_vector(const char *config, const char *name, const char *json, size_t n,
                               char **out, lt_error *err)
{
    LT_CLEANUP(edit_done) edit e = {0};

    LT_TRY(edit_begin(config, json, n, &e, err));
    yyjson_val *dense = yyjson_obj_get(yyjson_doc_get_root(e.from), "dense");
    yyjson_val *sparse = yyjson_obj_get(yyjson_doc_get_root(e.from), "sparse");

    if (!dense == !sparse)
        return lt_fail(err, LT_EINVAL,
                       "Format error in JSON body: one of dense, sparse is expected");
    if (dense)
        LT_TRY(take_dense(&e, name, dense, "dense", err));
    else
        LT_TRY(take_sparse(&e, name, sparse, "sparse", err));
    return edit_end(&e, out, err);
}

lt_status lt_config_drop_vector(const char *config, const char *name, char **out, lt_error *err)
{
    LT_CLEANUP(edit_done) edit e = {0};

    LT_TRY(edit_begin(config, NULL, 0, &e, err));
    if (!yyjson_mut_obj_remove_key(yyjson_mut_obj_get(e.root, "vectors"), name) &&
        !yyjson_mut_obj_remove_key(yyjson_mut_obj_get(e.root, "sparse_vectors"), name))
        return lt_fail(err, LT_ENOTFOUND, "Not existing vector name error: %s", name);
    if (!yyjson_mut_obj_get(e.root, "next_number") &&
        !yyjson_mut_obj_add_uint(e.doc, e.root, "next_number", 1))
        return lt_fail_nomem(err);
    return edit_end(&e, out, err);
}

/* Where numbers are free for all vectors: behind those ever given, or from the first again, for who
 * gives all of them anew leaves nothing that has an old one. */
static uint32_t first_number(const edit *e)
{
    yyjson_mut_val *stored = yyjson_mut_obj_get(e->root, "next_number");
    uint64_t next = stored ? yyjson_mut_get_uint(stored) : 1;
    uint64_t n = yyjson_mut_obj_size(yyjson_mut_obj_get(e->root, "vectors")) +
                 yyjson_mut_obj_size(yyjson_mut_obj_get(e->root, "sparse_vectors"));

    return next + n <= LT_LIMIT_VECTORS_EVER ? (uint32_t)next : 0;
}

/* The vectors of one list. *next: the number to begin the search with. */
static lt_status renumber(edit *e, const char *list, uint32_t *next,
                          bool (*is_free)(void *context, uint32_t number), void *context,
                          lt_error *err)
{
    yyjson_mut_val *all = yyjson_mut_obj_get(e->root, list), *name, *v;
    size_t i, n;

    yyjson_mut_obj_foreach(all, i, n, name, v)
    {
        yyjson_mut_val *key = yyjson_mut_str(e->doc, "number"), *value;

        while (*next < LT_LIMIT_VECTORS_EVER && !is_free(context, *next))
            ++*next;
        if (*next == LT_LIMIT_VECTORS_EVER)
            return lt_fail(err, LT_ELIMIT, "no number is free for a vector");
        value = yyjson_mut_uint(e->doc, (*next)++);
        if (!key || !value || !yyjson_mut_obj_put(v, key, value))
            return lt_fail_nomem(err);
    }
    return LT_OK;
}

lt_status lt_config_renumber(const char *config, bool (*is_free)(void *context, uint32_t number),
                             void *context, char **out, lt_error *err)
{
    LT_CLEANUP(edit_done) edit e = {0};
    yyjson_mut_val *key, *value;

    LT_TRY(edit_begin(config, NULL, 0, &e, err));
    uint32_t next = first_number(&e);

    LT_TRY(renumber(&e, "vectors", &next, is_free, context, err));
    LT_TRY(renumber(&e, "sparse_vectors", &next, is_free, context, err));
    key = yyjson_mut_str(e.doc, "next_number");
    value = yyjson_mut_uint(e.doc, next);
    if (!key || !value || !yyjson_mut_obj_put(e.root, key, value))
        return lt_fail_nomem(err);
    return edit_end(&e, out, err);
}

lt_status lt_config_set_index(const char *config, const char *path, const char *schema, size_t n,
                              char **out, lt_error *err)
{
    LT_CLEANUP(edit_done) edit e = {0};
    LT_CLEANUP(lt_json_free) yyjson_doc *from = NULL;
    yyjson_mut_val *list;

    LT_TRY(edit_begin(config, NULL, 0, &e, err));
    list = object_at(e.doc, e.root, "payload_schema");
    if (!list)
        return lt_fail_nomem(err);
    if (!schema) {
        yyjson_mut_obj_remove_key(list, path);
        return edit_end(&e, out, err);
    }
    LT_TRY(lt_json_parse(schema, n, "Format error in JSON body", &from, err));
    LT_TRY(put_index(&e, list, path, yyjson_doc_get_root(from), err));
    return edit_end(&e, out, err);
}

/* ---- showing --------------------------------------------------------------------------------- */

/* A stored vector without what is ours. */
static yyjson_mut_val *show_vector(yyjson_mut_doc *doc, yyjson_val *stored)
{
    yyjson_mut_val *v = yyjson_val_mut_copy(doc, stored);

    yyjson_mut_obj_remove_key(v, "number");
    return v;
}

static bool show_vectors(yyjson_mut_doc *doc, yyjson_val *list, const char *name,
                         yyjson_mut_val *into, bool unnamed_alone)
{
    yyjson_mut_val *map;
    yyjson_val *key, *v;
    size_t i, n;

    if (unnamed_alone && yyjson_obj_size(list) == 1 && yyjson_obj_get(list, "")) {
        map = show_vector(doc, yyjson_obj_get(list, ""));
        return map && yyjson_mut_obj_add_val(doc, into, name, map);
    }
    map = yyjson_mut_obj(doc);
    if (!map || !yyjson_mut_obj_add_val(doc, into, name, map))
        return false;
    if (!list)
        return true;
    yyjson_obj_foreach(list, i, n, key, v)
    {
        yyjson_mut_val *k = yyjson_mut_strcpy(doc, text_of(key));
        yyjson_mut_val *shown = show_vector(doc, v);

        if (!k || !shown || !yyjson_mut_obj_add(map, k, shown))
            return false;
    }
    return true;
}

static bool show_section(yyjson_mut_doc *doc, yyjson_val *config, const char *stored,
                         const char *name, const lt_fields *fields, yyjson_mut_val *into)
{
    yyjson_mut_val *v = yyjson_mut_obj(doc);

    return v && lt_fields_show(fields, yyjson_obj_get(config, stored), doc, v) &&
           yyjson_mut_obj_add_val(doc, into, name, v);
}

static bool show_params(yyjson_mut_doc *doc, yyjson_val *config, yyjson_mut_val *into)
{
    yyjson_mut_val *v = yyjson_mut_obj(doc);
    yyjson_val *sparse = yyjson_obj_get(config, "sparse_vectors");

    return v && show_vectors(doc, yyjson_obj_get(config, "vectors"), "vectors", v, true) &&
           lt_fields_show(&params_fields, yyjson_obj_get(config, "params"), doc, v) &&
           (yyjson_obj_size(sparse) == 0 ||
            show_vectors(doc, sparse, "sparse_vectors", v, false)) &&
           yyjson_mut_obj_add_val(doc, into, "params", v);
}

static bool show_all(yyjson_mut_doc *doc, yyjson_val *config, yyjson_val *metadata,
                     yyjson_mut_val *into)
{
    yyjson_val *q = yyjson_obj_get(config, "quantization_config");
    yyjson_mut_val *quantization = q ? yyjson_val_mut_copy(doc, q) : yyjson_mut_null(doc);

    return show_params(doc, config, into) &&
           show_section(doc, config, "hnsw_config", "hnsw_config", &hnsw_fields, into) &&
           show_section(doc, config, "optimizers_config", "optimizer_config", &optimizer_fields,
                        into) &&
           show_section(doc, config, "wal_config", "wal_config", &wal_fields, into) &&
           yyjson_mut_obj_add_val(doc, into, "quantization_config", quantization) &&
           show_section(doc, config, "strict_mode_config", "strict_mode_config", &strict_fields,
                        into) &&
           (!metadata || yyjson_mut_obj_add_val(doc, into, "metadata",
                                                yyjson_val_mut_copy(doc, metadata)));
}

yyjson_mut_val *lt_config_describe(yyjson_mut_doc *doc, yyjson_val *config, yyjson_val *metadata)
{
    yyjson_mut_val *v = yyjson_mut_obj(doc);

    return v && show_all(doc, config, metadata, v) ? v : NULL;
}

static const lt_field *find_field(const char *name, const char *field)
{
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        const lt_fields *f = sections[i].fields;

        for (size_t k = 0; strcmp(sections[i].stored, name) == 0 && k < f->n; k++)
            if (strcmp(f->items[k].name, field) == 0)
                return &f->items[k];
    }
    return NULL;
}

double lt_config_number(yyjson_val *config, const char *name, const char *field)
{
    yyjson_val *v = yyjson_obj_get(yyjson_obj_get(config, name), field);
    const lt_field *f = find_field(name, field);

    if (yyjson_is_num(v))
        return yyjson_get_num(v);
    return f && f->shown ? strtod(f->shown, NULL) : 0;
}
