/* SPDX-License-Identifier: Apache-2.0
 * Changes in JSON: the points of "upsert points", as a list or as a batch of columns, and of
 * "update vectors". */
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>

#include "tell.h"

static lt_status new_points(tell *t, size_t n, lt_full_point **out, lt_error *err)
{
    if (n > LT_LIMIT_BATCH_POINTS)
        return lt_fail(err, LT_ELIMIT, "%zu points in one request, at most %u are possible", n,
                       LT_LIMIT_BATCH_POINTS);
    lt_full_point *points = lt_arena_take(&t->arena, n, sizeof *points);

    if (!points)
        return lt_fail_nomem(err);
    if (n)
        memset(points, 0, n * sizeof *points);
    *out = points;
    return LT_OK;
}

static lt_status read_list(tell *t, yyjson_val *list, bool with_payload, lt_update *u,
                           lt_error *err)
{
    lt_full_point *points;
    size_t i, n;
    yyjson_val *item;

    if (!yyjson_is_arr(list))
        return tell_malformed(err, "points: an array is expected, not %s",
                              yyjson_get_type_desc(list));
    LT_TRY(new_points(t, yyjson_arr_size(list), &points, err));
    yyjson_arr_foreach(list, i, n, item)
    {
        const tell_place place = {.list = "points", .at = i};

        if (!yyjson_is_obj(item))
            return tell_malformed(err, "points[%zu]: an object is expected, not %s", i,
                                  yyjson_get_type_desc(item));
        LT_TRY(tell_id(yyjson_obj_get(item, "id"), "points", i, &points[i].id, err));
        LT_TRY(tell_vectors(t, &place, tell_field(item, "vector"), &points[i], err));
        if (with_payload)
            LT_TRY(tell_payload(t, yyjson_obj_get(item, "payload"), "points", i,
                                &points[i].payload, &points[i].payload_len, err));
    }
    u->points = points;
    u->n_points = n;
    return LT_OK;
}

/* ---- columns --------------------------------------------------------------------------------- */

static lt_status same_length(const char *what, size_t n_ids, size_t n, lt_error *err)
{
    if (n == n_ids)
        return LT_OK;
    return lt_fail(err, LT_EVALIDATION,
                   "Validation error in JSON body: [batch: number of ids and %s must be equal "
                   "(%zu != %zu)]",
                   what, n_ids, n);
}

/* {name: [vectors]}: vector `k` of every point. */
static lt_status read_named_column(tell *t, const char *name, yyjson_val *list, lt_vector *vectors,
                                   size_t n_names, size_t n_ids, lt_error *err)
{
    size_t i, n;
    yyjson_val *value;

    if (!yyjson_is_arr(list))
        return tell_malformed(err, "batch.vectors.%.100s: an array is expected, not %s", name,
                              yyjson_get_type_desc(list));
    LT_TRY(same_length("vectors", n_ids, yyjson_arr_size(list), err));
    yyjson_arr_foreach(list, i, n, value)
    {
        const tell_place place = {.list = "batch.vectors", .at = i, .name = name, .batch = true};

        LT_TRY(tell_vector(t, &place, name, value, &vectors[i * n_names], err));
    }
    return LT_OK;
}

static lt_status read_named_columns(tell *t, yyjson_val *columns, lt_full_point *points,
                                    size_t n_ids, lt_error *err)
{
    size_t n_names = yyjson_obj_size(columns), k, n, total;
    yyjson_val *key, *list;

    if (!lt_mul_size(n_names, n_ids, &total))
        return lt_fail_nomem(err);
    lt_vector *vectors = lt_arena_take(&t->arena, total, sizeof *vectors);

    if (!vectors)
        return lt_fail_nomem(err);
    yyjson_obj_foreach(columns, k, n, key, list)
        LT_TRY(read_named_column(t, yyjson_get_str(key), list, vectors + k, n_names, n_ids, err));
    for (size_t i = 0; i < n_ids; i++) {
        points[i].vectors = vectors + i * n_names;
        points[i].n_vectors = n_names;
    }
    return LT_OK;
}

static lt_status read_column(tell *t, yyjson_val *list, lt_full_point *points, size_t n_ids,
                             lt_error *err)
{
    size_t i, n;
    yyjson_val *value;
    lt_vector *vectors = lt_arena_take(&t->arena, n_ids, sizeof *vectors);

    if (!vectors)
        return lt_fail_nomem(err);
    LT_TRY(same_length("vectors", n_ids, yyjson_arr_size(list), err));
    yyjson_arr_foreach(list, i, n, value)
    {
        const tell_place place = {.list = "batch.vectors", .at = i, .batch = true};

        LT_TRY(tell_vector(t, &place, "", value, &vectors[i], err));
        points[i].vectors = &vectors[i];
        points[i].n_vectors = 1;
    }
    return LT_OK;
}

static lt_status read_payloads(tell *t, yyjson_val *list, lt_full_point *points, size_t n_ids,
                               lt_error *err)
{
    size_t i, n;
    yyjson_val *value;

    if (!list)
        return LT_OK;
    if (!yyjson_is_arr(list))
        return tell_malformed(err, "batch.payloads: an array is expected, not %s",
                              yyjson_get_type_desc(list));
    LT_TRY(same_length("payloads", n_ids, yyjson_arr_size(list), err));
    yyjson_arr_foreach(list, i, n, value)
        LT_TRY(tell_payload(t, value, "batch.payloads", i, &points[i].payload,
                            &points[i].payload_len, err));
    return LT_OK;
}

static lt_status read_batch(tell *t, yyjson_val *batch, lt_update *u, lt_error *err)
{
    yyjson_val *vectors = tell_field(batch, "vectors");
    lt_full_point *points;
    const lt_id *ids;
    size_t n_ids;

    if (!yyjson_is_obj(batch))
        return tell_malformed(err, "batch: an object is expected, not %s",
                              yyjson_get_type_desc(batch));
    LT_TRY(tell_ids(t, tell_field(batch, "ids"), "batch.ids", &ids, &n_ids, err));
    LT_TRY(new_points(t, n_ids, &points, err));
    for (size_t i = 0; i < n_ids; i++)
        points[i].id = ids[i];
    if (yyjson_is_obj(vectors))
        LT_TRY(read_named_columns(t, vectors, points, n_ids, err));
    else if (yyjson_is_arr(vectors))
        LT_TRY(read_column(t, vectors, points, n_ids, err));
    else
        return tell_malformed(err, "batch.vectors: an array, or an object of arrays, is expected");
    LT_TRY(read_payloads(t, tell_field(batch, "payloads"), points, n_ids, err));
    u->points = points;
    u->n_points = n_ids;
    return LT_OK;
}

/* ---- bodies ---------------------------------------------------------------------------------- */

static lt_status read_update_filter(tell *t, yyjson_val *body, lt_update *u, lt_error *err)
{
    yyjson_val *filter = tell_field(body, "update_filter");

    if (!filter)
        return LT_OK;
    if (!yyjson_is_obj(filter))
        return tell_malformed(err, "update_filter: an object is expected, not %s",
                              yyjson_get_type_desc(filter));
    return tell_text(t, filter, &u->update_filter, NULL, err);
}

static lt_status read_mode(yyjson_val *body, lt_update *u, lt_error *err)
{
    yyjson_val *mode = tell_field(body, "update_mode");

    if (!mode || yyjson_equals_str(mode, "upsert"))
        u->mode = LT_UPSERT_ANY;
    else if (yyjson_equals_str(mode, "insert_only"))
        u->mode = LT_UPSERT_INSERT_ONLY;
    else if (yyjson_equals_str(mode, "update_only"))
        u->mode = LT_UPSERT_UPDATE_ONLY;
    else
        return tell_malformed(err,
                              "update_mode: `upsert`, `insert_only` or `update_only` is expected");
    return LT_OK;
}

lt_status tell_upsert(tell *t, yyjson_val *body, lt_update *u, lt_error *err)
{
    yyjson_val *batch = tell_field(body, "batch"), *points = tell_field(body, "points");

    if (!batch && !points)
        return tell_malformed(err, "missing field `points` or `batch`");
    LT_TRY(read_update_filter(t, body, u, err));
    LT_TRY(read_mode(body, u, err));
    return batch ? read_batch(t, batch, u, err) : read_list(t, points, true, u, err);
}

lt_status tell_set_vectors(tell *t, yyjson_val *body, lt_update *u, lt_error *err)
{
    yyjson_val *points = tell_field(body, "points");

    if (!points)
        return tell_malformed(err, "missing field `points`");
    LT_TRY(read_update_filter(t, body, u, err));
    LT_TRY(read_list(t, points, false, u, err));
    if (u->n_points == 0)
        return lt_fail(err, LT_EVALIDATION,
                       "Validation error in JSON body: [points: must contain at least 1 item]");
    return LT_OK;
}
