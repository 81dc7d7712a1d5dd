/* SPDX-License-Identifier: Apache-2.0
 * Changes in JSON: the points of "upsert points", as a list or as a batch of columns, and of
 * "update vectors". */
#include <base/clock.h>
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>

#include "decode.h"
#include "tell.h"

static lt_status new_points(lt_telling *t, size_t n, lt_full_point **out, lt_error *err)
{
    lt_full_point *points = lt_arena_take(&t->arena, n, sizeof *points);

    if (!points)
        return lt_fail_nomem(err);
    if (n)
        memset(points, 0, n * sizeof *points);
    *out = points;
    return LT_OK;
}

static lt_status read_payload(lt_telling *t, yyjson_val *payload, const lt_at *at, lt_full_point *point,
                              lt_error *err)
{
    if (!payload || yyjson_is_null(payload))
        return LT_OK;
    LT_TRY(lt_body_object(payload, at, err));
    if (yyjson_obj_size(payload) == 0)
        return LT_OK;
    return lt_body_json(&t->body, payload, &point->payload, &point->payload_len, err);
}

/* ---- vectors --------------------------------------------------------------------------------- */

/* A named vector is never a string, so a model's name tells the two apart. */
static bool is_inference(yyjson_val *object)
{
    return yyjson_is_str(yyjson_obj_get(object, "model")) &&
           (yyjson_obj_get(object, "text") || yyjson_obj_get(object, "image") ||
            yyjson_obj_get(object, "object"));
}

static lt_status infer(lt_telling *t, yyjson_val *object, lt_vector *out, lt_error *err)
{
    const lt_ask_options *o = t->options;
    const char *text;
    size_t n;

    if (t->until > 0 && lt_clock_s() > t->until)
        return lt_fail(err, LT_ECANCELED, "Timeout: embedding took too long");
    LT_TRY(lt_body_json(&t->body, object, &text, &n, err));
    return lt_embed_object(o ? o->infer : NULL, o ? o->context : NULL, text, n, &t->arena, out, err);
}

static lt_status read_vector(lt_telling *t, const char *name, yyjson_val *v, const lt_at *at,
                             lt_vector *out, lt_error *err)
{
    LT_TRY(is_inference(v) ? infer(t, v, out, err)
                           : lt_decode_vector(&t->body, v, at, out, err));
    out->name = name;
    return LT_OK;
}

/* Names are handled as C strings. */
static lt_status check_name(yyjson_val *key, const lt_at *at, lt_error *err)
{
    return strlen(yyjson_get_str(key)) == yyjson_get_len(key)
               ? LT_OK
               : lt_body_bad(at, "a zero character is not allowed in a name", err);
}

static lt_status read_named(lt_telling *t, yyjson_val *object, const lt_at *at, lt_full_point *point,
                            lt_error *err)
{
    size_t n = yyjson_obj_size(object), i, n_seen;
    lt_vector *vectors = lt_arena_take(&t->arena, n, sizeof *vectors);
    yyjson_val *key, *value;

    if (!vectors)
        return lt_fail_nomem(err);
    yyjson_obj_foreach(object, i, n_seen, key, value)
    {
        const lt_at here = {at, yyjson_get_str(key), 0};

        LT_TRY(check_name(key, at, err));
        LT_TRY(read_vector(t, here.name, value, &here, &vectors[i], err));
    }
    point->vectors = vectors;
    point->n_vectors = n;
    return LT_OK;
}

/* The vector or the vectors by name of one point. */
static lt_status read_vectors(lt_telling *t, yyjson_val *v, const lt_at *at, lt_full_point *point,
                              lt_error *err)
{
    if (yyjson_is_obj(v) && !is_inference(v))
        return read_named(t, v, at, point, err);
    lt_vector *vector = lt_arena_take(&t->arena, 1, sizeof *vector);

    if (!vector)
        return lt_fail_nomem(err);
    LT_TRY(read_vector(t, "", v, at, vector, err));
    point->vectors = vector;
    point->n_vectors = 1;
    return LT_OK;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static lt_status read_point(lt_telling *t, yyjson_val *v, const lt_at *at, bool with_payload,
                            lt_full_point *out, lt_error *err)
{
    const lt_at id_at = {at, "id", 0}, vector_at = {at, "vector", 0}, payload_at = {at, "payload", 0};
    yyjson_val *id, *vector;

    LT_TRY(lt_body_object(v, at, err));
    LT_TRY(lt_body_need(v, "id", at, &id, err));
    LT_TRY(lt_body_id(id, &id_at, &out->id, err));
    LT_TRY(lt_body_need(v, "vector", at, &vector, err));
    LT_TRY(read_vectors(t, vector, &vector_at, out, err));
    if (!with_payload)
        return LT_OK;
    return read_payload(t, yyjson_obj_get(v, "payload"), &payload_at, out, err);
}

static lt_status read_list(lt_telling *t, yyjson_val *list, const lt_at *up, bool with_payload,
                           lt_update *u, lt_error *err)
{
    const lt_at at = {up, "points", 0};
    lt_full_point *points = NULL;
    size_t i, n;
    yyjson_val *item;

    LT_TRY(lt_body_list(list, &at, LT_LIMIT_BATCH_POINTS, err));
    LT_TRY(new_points(t, yyjson_arr_size(list), &points, err));
    yyjson_arr_foreach(list, i, n, item)
    {
        const lt_at here = {&at, NULL, i};

        LT_TRY(read_point(t, item, &here, with_payload, &points[i], err));
    }
    u->points = points;
    u->n_points = n;
    return LT_OK;
}

/* ---- columns --------------------------------------------------------------------------------- */

/* A batch: its points with their ids, to be filled column by column. */
typedef struct columns {
    lt_telling *t;
    const lt_at *at; /* the batch */
    lt_full_point *points;
    size_t n;
    lt_vector *vectors; /* n_names of each point */
    size_t n_names;
} columns;

/* *same: whether the list has a value for each point; where not, that is noted. */
static lt_status check_column(columns *c, const char *what, yyjson_val *list, const lt_at *at,
                              bool *same, lt_error *err)
{
    LT_TRY(lt_body_list(list, at, LT_LIMIT_BATCH_POINTS, err));
    *same = yyjson_arr_size(list) == c->n;
    return *same ? LT_OK
                 : lt_body_invalid(&c->t->body, c->at, err,
                                   "number of ids and %s must be equal (%zu != %zu)", what, c->n,
                                   yyjson_arr_size(list));
}

/* Vector `k` of every point. */
static lt_status read_column(columns *c, const char *name, yyjson_val *list, const lt_at *at,
                             size_t k, lt_error *err)
{
    size_t i, n;
    yyjson_val *value;
    bool same;

    LT_TRY(check_column(c, "vectors", list, at, &same, err));
    if (!same)
        return LT_OK;
    yyjson_arr_foreach(list, i, n, value)
    {
        const lt_at here = {at, NULL, i};

        LT_TRY(read_vector(c->t, name, value, &here, &c->vectors[i * c->n_names + k],
                           err));
    }
    return LT_OK;
}

static lt_status alloc_vectors(columns *c, size_t n_names, lt_error *err)
{
    size_t total;

    if (!lt_mul_size(n_names, c->n, &total))
        return lt_fail_nomem(err);
    c->vectors = lt_arena_alloc(&c->t->arena, total, sizeof *c->vectors);
    c->n_names = n_names;
    if (!c->vectors)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < c->n; i++) {
        c->points[i].vectors = c->vectors + i * n_names;
        c->points[i].n_vectors = n_names;
    }
    return LT_OK;
}

/* [vectors] or {name: [vectors]}. */
static lt_status read_columns(columns *c, yyjson_val *v, lt_error *err)
{
    const lt_at at = {c->at, "vectors", 0};
    size_t k, n;
    yyjson_val *key, *list;

    if (!yyjson_is_obj(v)) {
        LT_TRY(alloc_vectors(c, 1, err));
        return read_column(c, "", v, &at, 0, err);
    }
    LT_TRY(alloc_vectors(c, yyjson_obj_size(v), err));
    yyjson_obj_foreach(v, k, n, key, list)
    {
        const lt_at here = {&at, yyjson_get_str(key), 0};

        LT_TRY(check_name(key, &at, err));
        LT_TRY(read_column(c, here.name, list, &here, k, err));
    }
    return LT_OK;
}

static lt_status read_payloads(columns *c, yyjson_val *list, lt_error *err)
{
    const lt_at at = {c->at, "payloads", 0};
    size_t i, n;
    yyjson_val *value;
    bool same;

    if (!list)
        return LT_OK;
    LT_TRY(check_column(c, "payloads", list, &at, &same, err));
    if (!same)
        return LT_OK;
    yyjson_arr_foreach(list, i, n, value)
    {
        const lt_at here = {&at, NULL, i};

        LT_TRY(read_payload(c->t, value, &here, &c->points[i], err));
    }
    return LT_OK;
}

static lt_status read_batch(lt_telling *t, yyjson_val *batch, const lt_at *up, lt_update *u,
                            lt_error *err)
{
    const lt_at at = {up, "batch", 0}, ids_at = {&at, "ids", 0};
    columns c = {.t = t, .at = &at};
    yyjson_val *list, *vectors;
    lt_id *ids;

    LT_TRY(lt_body_object(batch, &at, err));
    LT_TRY(lt_body_need(batch, "ids", &at, &list, err));
    LT_TRY(lt_body_ids(&t->body, list, &ids_at, &ids, &c.n, err));
    LT_TRY(new_points(t, c.n, &c.points, err));
    for (size_t i = 0; i < c.n; i++)
        c.points[i].id = ids[i];
    LT_TRY(lt_body_need(batch, "vectors", &at, &vectors, err));
    LT_TRY(read_columns(&c, vectors, err));
    LT_TRY(read_payloads(&c, lt_body_field(batch, "payloads"), err));
    u->points = c.points;
    u->n_points = c.n;
    return LT_OK;
}

/* ---- bodies ---------------------------------------------------------------------------------- */

static lt_status read_mode(yyjson_val *body, const lt_at *at, lt_update *u, lt_error *err)
{
    const lt_at here = {at, "update_mode", 0};
    const char *mode = "upsert";

    LT_TRY(lt_body_text(body, "update_mode", at, &mode, err));
    if (strcmp(mode, "upsert") == 0)
        u->mode = LT_UPSERT_ANY;
    else if (strcmp(mode, "insert_only") == 0)
        u->mode = LT_UPSERT_INSERT_ONLY;
    else if (strcmp(mode, "update_only") == 0)
        u->mode = LT_UPSERT_UPDATE_ONLY;
    else
        return lt_body_bad(
            &here, "unknown variant, expected one of `upsert`, `insert_only`, `update_only`", err);
    return LT_OK;
}

lt_status lt_tell_upsert(lt_telling *t, yyjson_val *body, const lt_at *at, lt_update *u, lt_error *err)
{
    yyjson_val *batch = lt_body_field(body, "batch"), *points = lt_body_field(body, "points");

    if (!batch && !points)
        return lt_body_bad(at, "missing field `points` or `batch`", err);
    LT_TRY(lt_tell_filter(t, body, "update_filter", at, &u->update_filter, err));
    LT_TRY(read_mode(body, at, u, err));
    return batch ? read_batch(t, batch, at, u, err) : read_list(t, points, at, true, u, err);
}

lt_status lt_tell_set_vectors(lt_telling *t, yyjson_val *body, const lt_at *at, lt_update *u, lt_error *err)
{
    const lt_at points_at = {at, "points", 0};
    yyjson_val *points;

    LT_TRY(lt_body_need(body, "points", at, &points, err));
    LT_TRY(lt_tell_filter(t, body, "update_filter", at, &u->update_filter, err));
    LT_TRY(read_list(t, points, at, false, u, err));
    if (u->n_points == 0)
        LT_TRY(lt_body_invalid(&t->body, &points_at, err, "must contain at least 1 item"));
    return LT_OK;
}
