/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"

#include <base/file.h>
#include <base/limits.h>
#include <base/mem.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/table.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

/* All that lives is written anew, so it should pay: half of the slots are dead. */
static const double DEAD_PART_MIN = 0.5;

/* ---- vector files ---------------------------------------------------------------------------- */

char *lt_vectors_path(const char *dir, uint32_t number, lt_element element)
{
    const char *kind = element == LT_ELEMENT_F32 ? "f32" : element == LT_ELEMENT_F16 ? "f16" : "u8";
    char name[40];

    if (number == 0 && element == LT_ELEMENT_F32)
        return lt_path_join(dir, "vectors.f32");
    snprintf(name, sizeof name, "vectors-%u.%s", number, kind);
    return lt_path_join(dir, name);
}

lt_vecs *lt_vecs_ref(lt_vecs *v)
{
    if (v)
        atomic_fetch_add(&v->refs, 1);
    return v;
}

void lt_vecs_unref(lt_vecs *v)
{
    if (!v || atomic_fetch_sub(&v->refs, 1) != 1)
        return;
    /* What cannot be unlinked is cleared away when the collection is opened the next time. */
    if (atomic_load(&v->dropped) && v->file.path)
        (void)unlink(v->file.path);
    lt_vecfile_close(&v->file);
    lt_free(v);
}

static lt_status open_vecs(const char *dir, const lt_schema_vector *v, bool read_only,
                           lt_vecs **out, lt_error *err)
{
    LT_AUTOFREE char *path = lt_vectors_path(dir, v->number, v->seen.element);
    lt_vecs *vecs = lt_calloc(1, sizeof *vecs);

    if (!path || !vecs) {
        lt_free(vecs);
        return lt_fail_nomem(err);
    }
    atomic_init(&vecs->refs, 1);
    vecs->file.fd = -1;
    lt_status st = lt_vecfile_open(&vecs->file, path, read_only, err);

    if (st == LT_OK &&
        (vecs->file.dims != v->seen.dims || vecs->file.type != (uint32_t)v->seen.element))
        st = lt_fail(err, LT_ECORRUPT, "%s: holds %u dimensions, the config says %u", path,
                     vecs->file.dims, v->seen.dims);
    if (st != LT_OK) {
        lt_vecs_unref(vecs);
        return st;
    }
    *out = vecs;
    return LT_OK;
}

static bool is_dense(const lt_schema_vector *v)
{
    return v->seen.kind == LT_VECTOR_DENSE;
}

/* ---- reading the config ---------------------------------------------------------------------- */

static lt_status unreadable(const char *what, lt_error *err)
{
    return lt_fail(err, LT_ECORRUPT, "the collection's config cannot be read: %s", what);
}

/* The position of a text in a list that ends with NULL; -1 where it is not there. */
static int index_of(const char *const *names, const char *text)
{
    for (int i = 0; text && names[i]; i++)
        if (strcmp(names[i], text) == 0)
            return i;
    return -1;
}

static lt_status read_dense(yyjson_val *json, lt_schema_vector *v, lt_error *err)
{
    static const char *const types[] = {"float32", "float16", "uint8", NULL};
    yyjson_val *datatype = yyjson_obj_get(json, "datatype");
    int distance = index_of(lt_distance_names, yyjson_get_str(yyjson_obj_get(json, "distance")));
    int type = datatype ? index_of(types, yyjson_get_str(datatype)) : 0;

    if (distance < 0 || type < 0)
        return unreadable("distance or datatype", err);
    v->seen.kind = yyjson_obj_get(json, "multivector_config") ? LT_VECTOR_MULTI : LT_VECTOR_DENSE;
    v->seen.distance = (lt_distance)distance;
    v->seen.element = (lt_element)(LT_ELEMENT_F32 + type);
    v->seen.dims = (uint32_t)yyjson_get_uint(yyjson_obj_get(json, "size"));
    v->stride = lt_vecfile_stride((uint32_t)v->seen.element, v->seen.dims);
    return v->seen.dims ? LT_OK : unreadable("size", err);
}

static void read_sparse(yyjson_val *json, lt_schema_vector *v)
{
    const char *modifier = yyjson_get_str(yyjson_obj_get(json, "modifier"));

    v->seen.kind = LT_VECTOR_SPARSE;
    v->seen.distance = LT_DISTANCE_DOT;
    v->seen.element = LT_ELEMENT_F32;
    v->seen.idf = modifier && strcmp(modifier, "idf") == 0;
}

/* A vector's own setting, or the collection's. */
static double hnsw_setting(yyjson_val *root, yyjson_val *vector, const char *name)
{
    yyjson_val *own = yyjson_obj_get(yyjson_obj_get(vector, "hnsw_config"), name);

    return yyjson_is_num(own) ? yyjson_get_num(own)
                              : lt_config_number(root, "hnsw_config", name);
}

static double bounded(double value, double max)
{
    return value < max ? value : max;
}

static void read_graph_config(yyjson_val *root, yyjson_val *json, lt_schema_vector *v)
{
    yyjson_val *all = yyjson_obj_get(root, "hnsw_config"),
               *own = yyjson_obj_get(json, "hnsw_config");
    double m = bounded(hnsw_setting(root, json, "m"), LT_LIMIT_HNSW_M);
    bool full_scan_set = yyjson_obj_get(all, "full_scan_threshold") ||
                         yyjson_obj_get(own, "full_scan_threshold");

    v->hnsw = (lt_hnsw_config)LT_HNSW_CONFIG_INIT;
    v->hnsw.m = m == 1 ? 2 : (unsigned)m;
    v->hnsw.ef_construct =
        (unsigned)bounded(hnsw_setting(root, json, "ef_construct"), LT_LIMIT_HNSW_EF);
    v->threads = (unsigned)bounded(hnsw_setting(root, json, "max_indexing_threads"), 1024);
    if (full_scan_set)
        v->full_scan_rows =
            (uint64_t)(bounded(hnsw_setting(root, json, "full_scan_threshold"), 1e15) * 1024 /
                       (double)v->stride);
}

static bool is_one(yyjson_val *json, const char *name, const char *text)
{
    return yyjson_equals_str(yyjson_obj_get(json, name), text);
}

static lt_quant_config read_binary(yyjson_val *json)
{
    return (lt_quant_config){
        .kind = LT_QUANT_BINARY,
        .half_bits = is_one(json, "encoding", "two_bits")            ? 4
                     : is_one(json, "encoding", "one_and_half_bits") ? 3
                                                                     : 2,
        .query_bits = is_one(json, "query_encoding", "binary")        ? 1
                      : is_one(json, "query_encoding", "scalar4bits") ? 4
                                                                      : 8};
}

/* "turbo" is a kind that is not known here: it gets the bytes of "scalar", which are no less exact. */
static void read_quantization(yyjson_val *root, yyjson_val *vector, lt_schema_vector *v)
{
    yyjson_val *own = yyjson_obj_get(vector, "quantization_config");
    yyjson_val *q = own ? own : yyjson_obj_get(root, "quantization_config");
    yyjson_val *scalar = yyjson_obj_get(q, "scalar"), *binary = yyjson_obj_get(q, "binary"),
               *product = yyjson_obj_get(q, "product"), *turbo = yyjson_obj_get(q, "turbo");
    yyjson_val *kind = scalar ? scalar : binary ? binary : product ? product : turbo;
    yyjson_val *quantile = yyjson_obj_get(scalar, "quantile");
    const char *ratio = yyjson_get_str(yyjson_obj_get(product, "compression"));

    if (binary)
        v->quant = read_binary(binary);
    else if (product)
        v->quant = (lt_quant_config){.kind = LT_QUANT_PRODUCT,
                                     .ratio = ratio ? (unsigned)strtoul(ratio + 1, NULL, 10) : 4};
    else if (kind)
        v->quant = (lt_quant_config){
            .kind = LT_QUANT_SCALAR,
            .quantile = quantile ? (float)yyjson_get_num(quantile) : 1};
    v->quant_in_memory = yyjson_get_bool(yyjson_obj_get(kind, "always_ram")) ||
                         is_one(kind, "memory", "pinned");
}

static lt_status read_vectors(lt_schema *s, yyjson_val *list, bool sparse, lt_error *err)
{
    size_t i, n;
    yyjson_val *key, *json;

    if (!list)
        return LT_OK;
    yyjson_obj_foreach(list, i, n, key, json)
    {
        lt_schema_vector *v = &s->vectors[s->n_vectors++];

        v->seen.name = yyjson_get_str(key);
        v->number = (uint32_t)yyjson_get_uint(yyjson_obj_get(json, "number"));
        if (v->number >= LT_SLOT_BITMAP_MAX * 8)
            return unreadable("number", err);
        if (sparse)
            read_sparse(json, v);
        else
            LT_TRY(read_dense(json, v, err));
        if (!is_dense(v))
            continue;
        read_graph_config(yyjson_doc_get_root(s->doc), json, v);
        read_quantization(yyjson_doc_get_root(s->doc), json, v);
        v->on_disk = yyjson_get_bool(yyjson_obj_get(json, "on_disk")) ||
                     is_one(json, "memory", "cold");
    }
    return LT_OK;
}

static int by_name(const void *a, const void *b)
{
    const lt_schema_vector *x = a, *y = b;

    return strcmp(x->seen.name, y->seen.name);
}

static int by_path(const void *a, const void *b)
{
    const lt_index_def *x = a, *y = b;

    return strcmp(x->path, y->path);
}

/* An index that was declared the same before is the same: what is built of it is kept. */
static lt_status read_field(lt_index_def *d, yyjson_val *json, const lt_schema *old, lt_error *err)
{
    yyjson_val *params = yyjson_obj_get(json, "params");

    for (size_t i = 0; old && i < old->n_indexes; i++) {
        const lt_index_def *o = &old->indexes[i];

        if (strcmp(o->path, d->path) == 0 && strcmp(o->json, d->json) == 0) {
            d->field = lt_payload_field_ref(o->field);
            return LT_OK;
        }
    }
    return lt_payload_field_new(d->path, params ? params : yyjson_obj_get(json, "data_type"),
                                &d->field, err);
}

static lt_status read_indexes(lt_schema *s, yyjson_val *list, const lt_schema *old, lt_error *err)
{
    size_t i, n;
    yyjson_val *key, *json;

    s->indexes = lt_calloc(yyjson_obj_size(list), sizeof *s->indexes);
    if (!s->indexes)
        return lt_fail_nomem(err);
    if (!list)
        return LT_OK;
    yyjson_obj_foreach(list, i, n, key, json)
    {
        lt_index_def *d = &s->indexes[s->n_indexes];
        int type = index_of(lt_index_type_names, yyjson_get_str(yyjson_obj_get(json, "data_type")));

        if (type < 0)
            return unreadable("payload_schema", err);
        d->type = lt_index_type_names[type];
        d->path = lt_strdup(yyjson_get_str(key));
        if (!d->path)
            return lt_fail_nomem(err);
        s->n_indexes++;
        char *text = yyjson_val_write(json, 0, NULL);

        d->json = text ? lt_strdup(text) : NULL;
        free(text);
        if (!d->json)
            return lt_fail_nomem(err);
        LT_TRY(read_field(d, json, old, err));
    }
    qsort(s->indexes, s->n_indexes, sizeof *s->indexes, by_path);
    return LT_OK;
}

static lt_status parse(const char *config, size_t n, const lt_schema *old, lt_schema *s,
                       lt_error *err)
{
    s->config = lt_strndup(config, n);
    if (!s->config)
        return lt_fail_nomem(err);
    LT_TRY(lt_json_parse_object(config, n, "the collection's config", &s->doc, err));
    yyjson_val *root = yyjson_doc_get_root(s->doc);
    yyjson_val *vectors = yyjson_obj_get(root, "vectors"),
               *sparse = yyjson_obj_get(root, "sparse_vectors"),
               *next = yyjson_obj_get(root, "next_number");

    s->vectors = lt_calloc(yyjson_obj_size(vectors) + yyjson_obj_size(sparse), sizeof *s->vectors);
    if (!s->vectors)
        return lt_fail_nomem(err);
    LT_TRY(read_vectors(s, vectors, false, err));
    LT_TRY(read_vectors(s, sparse, true, err));
    qsort(s->vectors, s->n_vectors, sizeof *s->vectors, by_name);
    s->indexing_bytes = (uint64_t)(
        bounded(lt_config_number(root, "optimizers_config", "indexing_threshold"), 1e15) * 1024);
    s->dead_part = lt_config_number(root, "optimizers_config", "deleted_threshold");
    s->dead_part = s->dead_part > DEAD_PART_MIN ? s->dead_part : DEAD_PART_MIN;
    s->vacuum_min =
        (uint64_t)bounded(lt_config_number(root, "optimizers_config", "vacuum_min_vector_number"), 1e15);
    s->next_number = next ? (uint32_t)yyjson_get_uint(next) : 1; /* format 1 had the one vector */
    return read_indexes(s, yyjson_obj_get(root, "payload_schema"), old, err);
}

static lt_status attach_files(lt_schema *s, const char *dir, bool read_only, const lt_schema *old,
                              lt_error *err)
{
    for (size_t i = 0; i < s->n_vectors; i++) {
        lt_schema_vector *v = &s->vectors[i];
        size_t k = old ? lt_schema_by_number(old, v->number) : 0;

        if (!is_dense(v))
            continue;
        if (old && k < old->n_vectors) {
            v->vecs = lt_vecs_ref(old->vectors[k].vecs);
        } else {
            LT_TRY(open_vecs(dir, v, read_only, &v->vecs, err));
        }
        lt_vecfile_set_on_disk(&v->vecs->file, v->on_disk);
    }
    return LT_OK;
}

lt_status lt_schema_load(const char *dir, const char *config, size_t n, bool read_only,
                         const lt_schema *old, lt_schema **out, lt_error *err)
{
    lt_schema *s = lt_calloc(1, sizeof *s);

    if (!s)
        return lt_fail_nomem(err);
    atomic_init(&s->refs, 1);
    lt_status st = parse(config, n, old, s, err);

    if (st == LT_OK && dir)
        st = attach_files(s, dir, read_only, old, err);
    if (st != LT_OK) {
        lt_schema_unref(s);
        return st;
    }
    *out = s;
    return LT_OK;
}

lt_schema *lt_schema_ref(lt_schema *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void lt_schema_unref(lt_schema *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    for (size_t i = 0; i < s->n_vectors; i++)
        lt_vecs_unref(s->vectors[i].vecs);
    for (size_t i = 0; i < s->n_indexes; i++) {
        lt_free(s->indexes[i].path);
        lt_free((void *)(uintptr_t)s->indexes[i].json);
        lt_payload_field_unref(s->indexes[i].field);
    }
    lt_free(s->vectors);
    lt_free(s->indexes);
    yyjson_doc_free(s->doc);
    lt_free(s->config);
    lt_free(s);
}

/* ---- looking up ------------------------------------------------------------------------------ */

const lt_schema_vector *lt_schema_find(const lt_schema *s, const char *name)
{
    for (size_t i = 0; i < s->n_vectors; i++)
        if (strcmp(s->vectors[i].seen.name, name) == 0)
            return &s->vectors[i];
    return NULL;
}

size_t lt_schema_by_number(const lt_schema *s, uint32_t number)
{
    size_t i = 0;

    while (i < s->n_vectors && s->vectors[i].number != number)
        i++;
    return i;
}

lt_status lt_no_vector(const char *name, lt_error *err)
{
    return lt_fail(err, LT_EINVAL, "Not existing vector name error: %s", name);
}

/* ---- files of a whole schema ----------------------------------------------------------------- */

lt_status lt_schema_create_files(const char *dir, const char *config, size_t n, lt_error *err)
{
    lt_schema *s;

    LT_TRY(lt_schema_load(NULL, config, n, false, NULL, &s, err));
    lt_status st = LT_OK;

    for (size_t i = 0; i < s->n_vectors && st == LT_OK; i++) {
        const lt_schema_vector *v = &s->vectors[i];

        if (!is_dense(v))
            continue;
        LT_AUTOFREE char *path = lt_vectors_path(dir, v->number, v->seen.element);

        st = path ? lt_vecfile_create(path, (uint32_t)v->seen.element, v->seen.dims, err)
                  : lt_fail_nomem(err);
    }
    lt_schema_unref(s);
    return st;
}

char *lt_graph_path(const char *dir, uint32_t number)
{
    char name[40];

    snprintf(name, sizeof name, "graph-%u.hnsw", number);
    return lt_path_join(dir, name);
}

char *lt_codes_path(const char *dir, uint32_t number)
{
    char name[40];

    snprintf(name, sizeof name, "codes-%u.quant", number);
    return lt_path_join(dir, name);
}

/* Is it a file of vectors, a graph or codes, and none of this schema's? */
static bool is_stray(const lt_schema *s, const char *name)
{
    char graph[40], codes[40];

    if (strncmp(name, "vectors", 7) != 0 && strncmp(name, "graph-", 6) != 0 &&
        strncmp(name, "codes-", 6) != 0)
        return false;
    for (size_t i = 0; i < s->n_vectors; i++) {
        const lt_schema_vector *v = &s->vectors[i];

        snprintf(graph, sizeof graph, "graph-%u.hnsw", v->number);
        snprintf(codes, sizeof codes, "codes-%u.quant", v->number);
        if (v->vecs && (strcmp(lt_path_name(v->vecs->file.path), name) == 0 ||
                        strcmp(graph, name) == 0 || strcmp(codes, name) == 0))
            return false;
    }
    return true;
}

void lt_schema_clear_files(const char *dir, const lt_schema *s)
{
    DIR *d = opendir(dir);

    for (struct dirent *e; d && (e = readdir(d)) != NULL;)
        if (is_stray(s, e->d_name))
            (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
}
