/* SPDX-License-Identifier: Apache-2.0
 * Changes of a collection's config, and what it says of itself. */
#include <base/file.h>
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "read.h"

/* What a change is given; runs as the only one of its group. */
typedef struct change {
    const char *name, *json; /* a vector's name or a path */
    size_t n_json;
    uint64_t operation;
    lt_vecs *dropped; /* the file of the vector that is taken away; NULL: none */
} change;

/* The group's schema becomes the one that `config` says. */
static lt_status adopt(lt_group *g, const char *config, lt_error *err)
{
    lt_schema *schema;

    LT_TRY(lt_schema_load(g->c->dir, config, strlen(config), false, g->schema, &schema, err));
    return lt_group_set_schema(g, schema, err);
}

static lt_status submit(lt_collection *c,
                        lt_status (*run)(lt_group *g, void *context, lt_error *err), change *what,
                        lt_error *err)
{
    lt_write w = {.change = run, .context = what};

    LT_TRY(lt_check_writable(c->db, err));
    if (what->n_json > LT_LIMIT_CONFIG_BYTES)
        return lt_fail(err, LT_ELIMIT, "a config of %zu bytes, at most %u are possible",
                       what->n_json, LT_LIMIT_CONFIG_BYTES);
    return lt_write_submit(c, &w, err);
}

/* ---- config and metadata --------------------------------------------------------------------- */

static lt_status run_metadata(lt_group *g, void *context, lt_error *err)
{
    const change *k = context;

    return lt_txn_put_meta(g->txn, "metadata", k->json, err);
}

lt_status lt_collection_set_metadata(lt_collection *collection, const char *metadata, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    change k = {.json = metadata};

    if (!collection || !metadata)
        return lt_fail(err, LT_EINVAL, "collection and metadata are required");
    k.n_json = strlen(metadata);
    LT_TRY(lt_json_parse_object(metadata, k.n_json, "metadata", &doc, err));
    return submit(collection, run_metadata, &k, err);
}

static lt_status run_update(lt_group *g, void *context, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf metadata = {0};
    LT_AUTOFREE char *config = NULL, *merged = NULL;
    const change *k = context;

    LT_TRY(lt_txn_meta(g->txn, "metadata", &metadata, err));
    LT_TRY(lt_config_update(g->schema->config, metadata.data, k->json, k->n_json, &config, &merged,
                            err));
    if (merged)
        LT_TRY(lt_txn_put_meta(g->txn, "metadata", merged, err));
    return adopt(g, config, err);
}

lt_status lt_collection_update_json(lt_collection *collection, const char *json, size_t n_json,
                                    lt_error *err)
{
    change k = {.json = json, .n_json = n_json};

    if (!collection || !json)
        return lt_fail(err, LT_EINVAL, "collection and changes are required");
    return submit(collection, run_update, &k, err);
}

/* ---- vectors --------------------------------------------------------------------------------- */

/* The file of a new dense vector. A number that an interrupted change used is used again, and its
 * file written over. */
static lt_status create_file(lt_group *g, const char *config, const char *name, lt_error *err)
{
    lt_schema *parsed;

    LT_TRY(lt_schema_load(NULL, config, strlen(config), false, NULL, &parsed, err));
    const lt_schema_vector *v = lt_schema_find(parsed, name);
    lt_status st = LT_OK;

    if (v && v->seen.kind == LT_VECTOR_DENSE) {
        LT_AUTOFREE char *path = lt_vectors_path(g->c->dir, v->number, v->seen.element);

        st = path ? lt_vecfile_create(path, (uint32_t)v->seen.element, v->seen.dims, err)
                  : lt_fail_nomem(err);
    }
    lt_schema_unref(parsed);
    return st;
}

static lt_status run_add_vector(lt_group *g, void *context, lt_error *err)
{
    LT_AUTOFREE char *config = NULL;
    const change *k = context;

    LT_TRY(lt_config_add_vector(g->schema->config, k->name, k->json, k->n_json, &config, err));
    LT_TRY(create_file(g, config, k->name, err));
    g->counts.operations++;
    return adopt(g, config, err);
}

lt_status lt_collection_add_vector(lt_collection *collection, const char *name, const char *json,
                                   size_t n_json, lt_error *err)
{
    change k = {.name = name, .json = json, .n_json = n_json};

    if (!collection || !name || !json)
        return lt_fail(err, LT_EINVAL, "collection, name and parameters are required");
    return submit(collection, run_add_vector, &k, err);
}

static lt_status run_drop_vector(lt_group *g, void *context, lt_error *err)
{
    LT_AUTOFREE char *config = NULL;
    change *k = context;

    LT_TRY(lt_config_drop_vector(g->schema->config, k->name, &config, err));
    lt_vecs_unref(k->dropped); /* of an attempt before */
    k->dropped = lt_vecs_ref(lt_schema_find(g->schema, k->name)->vecs);
    g->counts.operations++;
    return adopt(g, config, err);
}

/* The vector's file goes with the last view that shows it. */
lt_status lt_collection_drop_vector(lt_collection *collection, const char *name, lt_error *err)
{
    change k = {.name = name};

    if (!collection || !name)
        return lt_fail(err, LT_EINVAL, "collection and name are required");
    lt_status st = submit(collection, run_drop_vector, &k, err);

    if (st == LT_OK && k.dropped)
        atomic_store(&k.dropped->dropped, true);
    lt_vecs_unref(k.dropped);
    return st;
}

/* ---- payload indexes ------------------------------------------------------------------------- */

static lt_status run_index(lt_group *g, void *context, lt_error *err)
{
    LT_AUTOFREE char *config = NULL;
    change *k = context;

    LT_TRY(lt_config_set_index(g->schema->config, k->name, k->json, k->n_json, &config, err));
    k->operation = g->counts.operations++;
    return strcmp(config, g->schema->config) == 0 ? LT_OK : adopt(g, config, err);
}

static lt_status set_index(lt_collection *c, change *k, uint64_t *operation, lt_error *err)
{
    LT_CLEANUP(lt_path_done) lt_path path = {0};

    LT_TRY(lt_path_parse(k->name, &path, err));
    LT_TRY(submit(c, run_index, k, err));
    if (operation)
        *operation = k->operation;
    return LT_OK;
}

lt_status lt_collection_create_index(lt_collection *collection, const char *path,
                                     const char *schema, size_t n_schema, uint64_t *operation,
                                     lt_error *err)
{
    change k = {.name = path, .json = schema, .n_json = n_schema};

    if (!collection || !path || !schema)
        return lt_fail(err, LT_EINVAL, "collection, path and schema are required");
    return set_index(collection, &k, operation, err);
}

lt_status lt_collection_drop_index(lt_collection *collection, const char *path,
                                   uint64_t *operation, lt_error *err)
{
    change k = {.name = path};

    if (!collection || !path)
        return lt_fail(err, LT_EINVAL, "collection and path are required");
    return set_index(collection, &k, operation, err);
}

/* ---- what it says of itself ------------------------------------------------------------------ */

static bool add_index(yyjson_mut_doc *doc, yyjson_mut_val *into, const lt_view *v, size_t i)
{
    const lt_index_def *d = &v->schema->indexes[i];
    yyjson_doc *def = yyjson_read(d->json, strlen(d->json), 0);
    yyjson_mut_val *shown = def ? yyjson_val_mut_copy(doc, yyjson_doc_get_root(def)) : NULL;
    size_t n_points = 0;

    (void)lt_pidx_state_count(v->payload_index, i, &n_points, NULL);
    yyjson_doc_free(def);
    return shown && yyjson_mut_obj_add_val(doc, into, d->path, shown) &&
           yyjson_mut_obj_add_uint(doc, shown, "points", n_points);
}

/* "ok", or {"error": ...}. */
static bool add_optimizer_status(yyjson_mut_doc *doc, const lt_index_state *x, yyjson_mut_val *out)
{
    yyjson_mut_val *v = yyjson_mut_obj(doc);

    if (x->error.code == LT_OK)
        return yyjson_mut_obj_add_str(doc, out, "optimizer_status", "ok");
    return v && yyjson_mut_obj_add_strcpy(doc, v, "error", x->error.message) &&
           yyjson_mut_obj_add_val(doc, out, "optimizer_status", v);
}

static bool describe(yyjson_mut_doc *doc, const lt_view *v, const lt_index_state *x,
                     yyjson_val *metadata, yyjson_mut_val *out)
{
    const char *status = x->error.code != LT_OK ? "red" : x->busy ? "yellow" : "green";
    yyjson_mut_val *schema = yyjson_mut_obj(doc), *queue = yyjson_mut_obj(doc);

    for (size_t i = 0; schema && i < v->schema->n_indexes; i++)
        if (!add_index(doc, schema, v, i))
            return false;
    return out && yyjson_mut_obj_add_str(doc, out, "status", status) &&
           add_optimizer_status(doc, x, out) &&
           yyjson_mut_obj_add_uint(doc, out, "indexed_vectors_count", x->n_indexed) &&
           yyjson_mut_obj_add_uint(doc, out, "points_count", v->n_points) &&
           yyjson_mut_obj_add_uint(doc, out, "segments_count", 1) &&
           yyjson_mut_obj_add_val(doc, out, "config",
                                  lt_config_describe(doc, yyjson_doc_get_root(v->schema->doc),
                                                     metadata)) &&
           yyjson_mut_obj_add_val(doc, out, "payload_schema", schema) && queue &&
           yyjson_mut_obj_add_uint(doc, queue, "length", 0) &&
           yyjson_mut_obj_add_val(doc, out, "update_queue", queue);
}

lt_status lt_collection_describe(lt_collection *collection, char **json, lt_error *err)
{
    LT_CLEANUP(lt_reader_done) lt_reader *r = NULL;
    LT_CLEANUP(lt_buf_done) lt_buf text = {0}, metadata = {0};
    LT_CLEANUP(lt_json_free) yyjson_doc *parsed = NULL;
    LT_CLEANUP(lt_value_free) yyjson_mut_doc *doc = NULL;
    lt_index_state state;

    if (!collection || !json)
        return lt_fail(err, LT_EINVAL, "collection and json are required");
    LT_TRY(lt_reader_open(collection, &r, err));
    LT_TRY(lt_reader_build_indexes(r, err)); /* how many points each has is told */
    LT_TRY(lt_txn_meta(r->s.txn, "metadata", &metadata, err));
    if (metadata.len)
        LT_TRY(lt_json_parse_object(metadata.data, metadata.len, "metadata", &parsed, err));
    doc = yyjson_mut_doc_new(NULL);
    if (!doc)
        return lt_fail_nomem(err);
    yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
    lt_index_describe(collection, r->s.view, &state);
    if (!describe(doc, r->s.view, &state, yyjson_doc_get_root(parsed), yyjson_mut_doc_get_root(doc)))
        return lt_fail_nomem(err);
    LT_TRY(lt_value_print(doc, &text, err));
    *json = lt_buf_steal(&text);
    return LT_OK;
}
