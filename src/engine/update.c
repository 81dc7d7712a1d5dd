/* SPDX-License-Identifier: Apache-2.0
 * Updates as they are asked for: checked and encoded before they queue, so that the leader of a
 * group has the least to do. */
#include <base/limits.h>
#include <base/mem.h>
#include <filter/filter.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"

/* All updates of one call. */
typedef struct call {
    lt_collection *c;
    lt_schema *schema;
    lt_op *ops;
    size_t n_ops;
    lt_arena arena;
} call;

static void op_done(lt_op *op)
{
    lt_filter_free(op->filter);
    lt_filter_free(op->update_filter);
    lt_filter_binding_free(op->update_binding);
    yyjson_doc_free(op->patch);
    for (size_t i = 0; i < op->n_paths; i++)
        lt_path_done(&op->paths[i]);
}

static void call_done(call *k)
{
    for (size_t i = 0; i < k->n_ops; i++)
        op_done(&k->ops[i]);
    lt_schema_unref(k->schema);
    lt_arena_done(&k->arena);
}

static lt_status call_begin(lt_collection *c, size_t n, call *k, lt_error *err)
{
    *k = (call){.c = c};
    pthread_mutex_lock(&c->view_lock);
    k->schema = lt_schema_ref(c->view->schema);
    pthread_mutex_unlock(&c->view_lock);
    k->ops = lt_arena_alloc(&k->arena, n, sizeof *k->ops);
    return k->ops ? LT_OK : lt_fail_nomem(err);
}

/* ---- checking and encoding ------------------------------------------------------------------- */

static lt_status check_payload(const char *text, size_t n, const char *what, yyjson_doc **out,
                               lt_error *err)
{
    if (n > LT_LIMIT_PAYLOAD_BYTES)
        return lt_fail(err, LT_ELIMIT, "%s: %zu bytes, at most %u are possible", what, n,
                       LT_LIMIT_PAYLOAD_BYTES);
    return lt_json_parse_object(text, n, what, out, err);
}

static lt_status prepare_point(call *k, const lt_full_point *p, size_t i, lt_op_point *out,
                               lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    char what[48];

    lt_key_of(&p->id, &out->key);
    out->payload = p->payload ? p->payload : "{}";
    out->payload_len = p->payload ? p->payload_len : 2;
    snprintf(what, sizeof what, "payload of point %zu", i);
    if (p->payload)
        LT_TRY(check_payload(p->payload, p->payload_len, what, &doc, err));
    if (p->n_vectors > LT_LIMIT_VECTORS || (p->n_vectors && !p->vectors))
        return lt_fail(err, LT_ELIMIT, "point %zu: %zu vectors, at most %u are possible", i,
                       p->n_vectors, LT_LIMIT_VECTORS);
    out->vectors = lt_arena_alloc(&k->arena, p->n_vectors, sizeof *out->vectors);
    if (!out->vectors)
        return lt_fail_nomem(err);
    for (; out->n_vectors < p->n_vectors; out->n_vectors++)
        LT_TRY(lt_vector_encode(k->schema, &p->vectors[out->n_vectors], &k->arena,
                                &out->vectors[out->n_vectors], err));
    return LT_OK;
}

static lt_status prepare_points(call *k, const lt_update *u, lt_op *op, lt_error *err)
{
    if (!u->points && u->n_points)
        return lt_fail(err, LT_EINVAL, "points are required");
    if (u->n_points > LT_LIMIT_BATCH_POINTS)
        return lt_fail(err, LT_ELIMIT, "%zu points in one batch, at most %u are possible",
                       u->n_points, LT_LIMIT_BATCH_POINTS);
    op->points = lt_arena_alloc(&k->arena, u->n_points, sizeof *op->points);
    if (!op->points)
        return lt_fail_nomem(err);
    for (; op->n_points < u->n_points; op->n_points++)
        LT_TRY(prepare_point(k, &u->points[op->n_points], op->n_points, &op->points[op->n_points],
                             err));
    return LT_OK;
}

static lt_status prepare_paths(call *k, const char *const *texts, size_t n, lt_op *op, lt_error *err)
{
    op->paths = lt_arena_alloc(&k->arena, n, sizeof *op->paths);
    if (!op->paths)
        return lt_fail_nomem(err);
    for (; op->n_paths < n; op->n_paths++)
        LT_TRY(lt_path_parse(texts[op->n_paths], &op->paths[op->n_paths], err));
    return LT_OK;
}

static lt_status prepare_selection(const lt_update *u, lt_op *op, lt_error *err)
{
    if (u->n_ids > LT_LIMIT_BATCH_POINTS)
        return lt_fail(err, LT_ELIMIT, "%zu ids in one batch, at most %u are possible", u->n_ids,
                       LT_LIMIT_BATCH_POINTS);
    if (u->n_ids && !u->ids)
        return lt_fail(err, LT_EINVAL, "ids are required");
    op->ids = u->ids;
    op->n_ids = u->n_ids;
    if (u->n_ids == 0 && u->filter)
        return lt_filter_parse(u->filter, strlen(u->filter), &op->filter, err);
    return LT_OK;
}

static lt_status prepare_payload(call *k, const lt_update *u, lt_op *op, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    op->payload = "{}";
    op->payload_len = 2;
    if (u->kind == LT_UPDATE_CLEAR_PAYLOAD)
        return LT_OK;
    if (!u->payload)
        return lt_fail(err, LT_EINVAL, "a payload is required");
    LT_TRY(check_payload(u->payload, u->payload_len, "payload", &doc, err));
    if (u->kind == LT_UPDATE_OVERWRITE_PAYLOAD) {
        op->payload = u->payload;
        op->payload_len = u->payload_len;
        return LT_OK;
    }
    op->patch = lt_steal(&doc);
    return u->key ? prepare_paths(k, &u->key, 1, op, err) : LT_OK;
}

static lt_status prepare_names(call *k, const lt_update *u, lt_op *op, lt_error *err)
{
    if (u->n_names && !u->names)
        return lt_fail(err, LT_EINVAL, "names are required");
    if (u->n_names > LT_LIMIT_BATCH_POINTS)
        return lt_fail(err, LT_ELIMIT, "%zu names, at most %u are possible", u->n_names,
                       LT_LIMIT_BATCH_POINTS);
    if (u->kind == LT_UPDATE_DELETE_PAYLOAD)
        return prepare_paths(k, u->names, u->n_names, op, err);
    op->names = u->names;
    op->n_names = u->n_names;
    for (size_t i = 0; i < u->n_names; i++)
        if (!lt_schema_find(k->schema, u->names[i]))
            return lt_no_vector(u->names[i], err);
    return LT_OK;
}

static lt_status prepare(call *k, const lt_update *u, lt_error *err)
{
    lt_op *op = &k->ops[k->n_ops++]; /* counted at once, so that it is freed */

    if (u->size != sizeof *u)
        return lt_fail(err, LT_EINVAL, "lt_update: start it with LT_UPDATE_INIT");
    op->kind = u->kind;
    op->mode = u->mode;
    switch (u->kind) {
    case LT_UPDATE_UPSERT:
    case LT_UPDATE_SET_VECTORS:
        if (u->update_filter)
            LT_TRY(lt_filter_parse(u->update_filter, strlen(u->update_filter), &op->update_filter,
                                   err));
        return prepare_points(k, u, op, err);
    case LT_UPDATE_DELETE:
        return prepare_selection(u, op, err);
    case LT_UPDATE_SET_PAYLOAD:
    case LT_UPDATE_OVERWRITE_PAYLOAD:
    case LT_UPDATE_CLEAR_PAYLOAD:
        LT_TRY(prepare_payload(k, u, op, err));
        return prepare_selection(u, op, err);
    case LT_UPDATE_DELETE_PAYLOAD:
    case LT_UPDATE_DELETE_VECTORS:
        LT_TRY(prepare_names(k, u, op, err));
        return prepare_selection(u, op, err);
    }
    return lt_fail(err, LT_EINVAL, "unknown kind of update %d", (int)u->kind);
}

/* ---- the calls ------------------------------------------------------------------------------- */

/* Prepares as many as are valid: the first that is not ends the call, after those before it. */
static lt_status run(call *k, const lt_update *updates, size_t n, lt_update_result *results,
                     size_t *n_applied, lt_error *err)
{
    lt_error why = {0};
    lt_status bad = LT_OK;
    lt_write w = {.ops = k->ops};

    while (w.n_ops < n && bad == LT_OK) {
        bad = prepare(k, &updates[w.n_ops], &why);
        w.n_ops += bad == LT_OK;
    }
    lt_status st = w.n_ops ? lt_write_submit(k->c, &w, err) : LT_OK;

    for (size_t i = 0; results && i < w.n_applied; i++)
        results[i] = k->ops[i].result;
    if (n_applied)
        *n_applied = w.n_applied;
    if (st != LT_OK)
        return st;
    if (bad != LT_OK && err)
        *err = why;
    return bad;
}

lt_status lt_points_update(lt_collection *collection, const lt_update *updates, size_t n_updates,
                           lt_update_result *results, size_t *n_applied, lt_error *err)
{
    LT_CLEANUP(call_done) call k = {0};

    if (!collection || (!updates && n_updates))
        return lt_fail(err, LT_EINVAL, "collection and updates are required");
    LT_TRY(lt_check_writable(collection->db, err));
    if (n_updates > LT_LIMIT_BATCH_UPDATES)
        return lt_fail(err, LT_ELIMIT, "%zu updates in one call, at most %u are possible",
                       n_updates, LT_LIMIT_BATCH_UPDATES);
    if (n_applied)
        *n_applied = 0;
    LT_TRY(call_begin(collection, n_updates, &k, err));
    return run(&k, updates, n_updates, results, n_applied, err);
}

/* ---- the simple ones ------------------------------------------------------------------------- */

static lt_status check_simple(const call *k, size_t dims, const lt_point *points, size_t n,
                              lt_error *err)
{
    const lt_schema_vector *s = lt_schema_find(k->schema, "");

    if (!s || s->seen.kind != LT_VECTOR_DENSE)
        return lt_fail(err, LT_EINVAL, "the collection '%s' has no unnamed dense vector",
                       k->c->name);
    if (dims != s->seen.dims)
        return lt_fail(err, LT_EINVAL, "the points have %zu dimensions, the collection '%s' has %u",
                       dims, k->c->name, s->seen.dims);
    for (size_t i = 0; i < n; i++) {
        if (!points[i].vector)
            return lt_fail(err, LT_EINVAL, "point %zu has no vector", i);
        for (size_t d = 0; d < dims; d++)
            if (!isfinite(points[i].vector[d]))
                return lt_fail(err, LT_EINVAL, "point %zu: component %zu is not a finite number", i,
                               d);
    }
    return LT_OK;
}

lt_status lt_points_upsert(lt_collection *collection, const lt_point *points, size_t n_points,
                           size_t dims, lt_error *err)
{
    LT_CLEANUP(call_done) call k = {0};
    lt_update u = LT_UPDATE_INIT;

    if (!collection || (!points && n_points))
        return lt_fail(err, LT_EINVAL, "collection and points are required");
    LT_TRY(lt_check_writable(collection->db, err));
    if (n_points == 0)
        return LT_OK;
    if (n_points > LT_LIMIT_BATCH_POINTS)
        return lt_fail(err, LT_ELIMIT, "%zu points in one batch, at most %u are possible", n_points,
                       LT_LIMIT_BATCH_POINTS);
    LT_TRY(call_begin(collection, 1, &k, err));
    LT_TRY(check_simple(&k, dims, points, n_points, err));
    lt_full_point *full = lt_arena_alloc(&k.arena, n_points, sizeof *full);
    lt_vector *vectors = lt_arena_alloc(&k.arena, n_points, sizeof *vectors);

    if (!full || !vectors)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n_points; i++) {
        vectors[i] = (lt_vector){.name = "", .values = points[i].vector, .n_values = dims};
        full[i] = (lt_full_point){points[i].id, &vectors[i], 1, points[i].payload,
                                  points[i].payload_len};
    }
    u.points = full;
    u.n_points = n_points;
    return run(&k, &u, 1, NULL, NULL, err);
}

lt_status lt_points_delete(lt_collection *collection, const lt_id *ids, size_t n_ids,
                           size_t *n_deleted, lt_error *err)
{
    lt_update u = LT_UPDATE_INIT;
    lt_update_result result = {0};

    if (!collection || (!ids && n_ids))
        return lt_fail(err, LT_EINVAL, "collection and ids are required");
    LT_TRY(lt_check_writable(collection->db, err));
    u.kind = LT_UPDATE_DELETE;
    u.ids = ids;
    u.n_ids = n_ids;
    if (n_ids)
        LT_TRY(lt_points_update(collection, &u, 1, &result, NULL, err));
    if (n_deleted)
        *n_deleted = result.n_changed;
    return LT_OK;
}
