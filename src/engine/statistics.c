/* SPDX-License-Identifier: Apache-2.0
 * Figures of a collection, for people who operate it. */
#include <base/mem.h>
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "read.h"

static const char *const kinds[] = {"dense", "multi", "sparse"};
static const char *const elements[] = {[LT_ELEMENT_F32] = "float32",
                                       [LT_ELEMENT_F16] = "float16",
                                       [LT_ELEMENT_U8] = "uint8"};

/* ---- vectors --------------------------------------------------------------------------------- */

/* The graph that searches use in this process; null where there is none. */
static bool add_graph(yyjson_mut_doc *doc, yyjson_mut_val *into, lt_collection *c, uint32_t number)
{
    lt_graph *g = lt_graph_get(c, number);
    lt_hnsw_stats s;
    lt_error why;
    bool ok;

    if (!g || lt_hnsw_get_stats(g->hnsw, &s, &why) != LT_OK) {
        ok = yyjson_mut_obj_add_null(doc, into, "graph");
    } else {
        yyjson_mut_val *o = yyjson_mut_obj_add_obj(doc, into, "graph");

        ok = o && yyjson_mut_obj_add_uint(doc, o, "slots", s.n_slots) &&
             yyjson_mut_obj_add_uint(doc, o, "present", s.n_present) &&
             yyjson_mut_obj_add_uint(doc, o, "dead", s.n_dead) &&
             yyjson_mut_obj_add_uint(doc, o, "covered", s.covered) &&
             yyjson_mut_obj_add_uint(doc, o, "levels", s.levels) &&
             yyjson_mut_obj_add_uint(doc, o, "links", s.n_links) &&
             yyjson_mut_obj_add_uint(doc, o, "unreachable", s.n_unreachable) &&
             yyjson_mut_obj_add_uint(doc, o, "bytes", s.bytes);
    }
    lt_graph_unref(g);
    return ok;
}

static bool add_vector(yyjson_mut_doc *doc, yyjson_mut_val *list, lt_reader *r, size_t i)
{
    const lt_schema_vector *v = &r->schema->vectors[i];
    yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
    bool ok = o && yyjson_mut_obj_add_strcpy(doc, o, "name", v->seen.name) &&
              yyjson_mut_obj_add_str(doc, o, "kind", kinds[v->seen.kind]) &&
              yyjson_mut_obj_add_uint(doc, o, "number", v->number) &&
              yyjson_mut_obj_add_uint(doc, o, "points", r->s.view->vectors[i].n_present);

    if (ok && v->seen.kind != LT_VECTOR_SPARSE)
        ok = yyjson_mut_obj_add_uint(doc, o, "dims", v->seen.dims) &&
             yyjson_mut_obj_add_str(doc, o, "distance", lt_distance_names[v->seen.distance]) &&
             yyjson_mut_obj_add_str(doc, o, "datatype", elements[v->seen.element]);
    if (ok && v->vecs)
        ok = yyjson_mut_obj_add_uint(doc, o, "row_bytes", v->stride) &&
             add_graph(doc, o, r->c, v->number);
    return ok;
}

/* ---- payload indexes and files --------------------------------------------------------------- */

static bool add_index(yyjson_mut_doc *doc, yyjson_mut_val *list, lt_reader *r, size_t i)
{
    const lt_index_def *d = &r->schema->indexes[i];
    yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
    size_t n;

    if (!o || !yyjson_mut_obj_add_strcpy(doc, o, "path", d->path) ||
        !yyjson_mut_obj_add_str(doc, o, "type", d->type))
        return false;
    return lt_pidx_state_count(r->s.view->payload_index, i, &n, NULL)
               ? yyjson_mut_obj_add_uint(doc, o, "points", n)
               : yyjson_mut_obj_add_null(doc, o, "points"); /* not built */
}

/* What each file takes of the disk; holes take nothing. */
static bool add_files(yyjson_mut_doc *doc, yyjson_mut_val *into, const char *dir)
{
    yyjson_mut_val *o = yyjson_mut_obj_add_obj(doc, into, "files");
    DIR *d = opendir(dir);
    struct stat st;
    bool ok = o != NULL;

    for (struct dirent *e; d && ok && (e = readdir(d)) != NULL;) {
        if (fstatat(dirfd(d), e->d_name, &st, 0) < 0 || !S_ISREG(st.st_mode))
            continue;
        yyjson_mut_val *key = yyjson_mut_strcpy(doc, e->d_name);

        ok = key &&
             yyjson_mut_obj_add(o, key, yyjson_mut_uint(doc, (uint64_t)st.st_blocks * 512));
    }
    if (d)
        closedir(d);
    return ok;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static bool add_all(yyjson_mut_doc *doc, yyjson_mut_val *root, lt_reader *r,
                    const lt_counts *counts)
{
    const lt_view *v = r->s.view;
    bool ok = root && yyjson_mut_obj_add_strcpy(doc, root, "name", r->c->name) &&
              yyjson_mut_obj_add_strcpy(doc, root, "directory", r->c->dir) &&
              yyjson_mut_obj_add_uint(doc, root, "points", v->n_points) &&
              yyjson_mut_obj_add_uint(doc, root, "slots", v->n_slots) &&
              yyjson_mut_obj_add_uint(doc, root, "dead_slots", v->n_slots - v->n_points) &&
              yyjson_mut_obj_add_uint(doc, root, "operations", counts->operations);
    yyjson_mut_val *vectors = ok ? yyjson_mut_obj_add_arr(doc, root, "vectors") : NULL;

    for (size_t i = 0; vectors && ok && i < r->schema->n_vectors; i++)
        ok = add_vector(doc, vectors, r, i);
    yyjson_mut_val *indexes = ok ? yyjson_mut_obj_add_arr(doc, root, "payload_indexes") : NULL;

    for (size_t i = 0; indexes && ok && i < r->schema->n_indexes; i++)
        ok = add_index(doc, indexes, r, i);
    return ok && vectors && indexes && add_files(doc, root, r->c->dir);
}

lt_status lt_collection_statistics(lt_collection *collection, char **json, lt_error *err)
{
    LT_CLEANUP(lt_reader_done) lt_reader *r = NULL;
    LT_CLEANUP(lt_value_free) yyjson_mut_doc *doc = NULL;
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};
    lt_counts counts;

    if (!collection || !json)
        return lt_fail(err, LT_EINVAL, "collection and json are required");
    LT_TRY(lt_reader_open(collection, &r, err));
    LT_TRY(lt_txn_counts(r->s.txn, &counts, err));
    doc = yyjson_mut_doc_new(NULL);
    if (!doc)
        return lt_fail_nomem(err);
    yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
    if (!add_all(doc, yyjson_mut_doc_get_root(doc), r, &counts))
        return lt_fail_nomem(err);
    LT_TRY(lt_value_print(doc, &text, err));
    *json = lt_buf_steal(&text);
    return LT_OK;
}
