/* SPDX-License-Identifier: Apache-2.0
 * Changes in JSON: from a body to lt_points_update. */
#include "tell.h"

#include <base/clock.h>
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>

lt_status lt_tell_filter(lt_telling *t, yyjson_val *body, const char *name, const lt_at *at,
                      const char **out, lt_error *err)
{
    const lt_at here = {at, name, 0};
    yyjson_val *filter = lt_body_field(body, name);
    size_t n;

    *out = NULL;
    if (!filter)
        return LT_OK;
    LT_TRY(lt_body_object(filter, &here, err));
    return lt_body_json(&t->body, filter, out, &n, err);
}

/* `points` or `filter`. */
static lt_status read_selection(lt_telling *t, yyjson_val *body, const lt_at *at, lt_update *u,
                                lt_error *err)
{
    const lt_at points_at = {at, "points", 0};
    yyjson_val *points = lt_body_field(body, "points");
    lt_id *ids;

    if (!points) {
        LT_TRY(lt_tell_filter(t, body, "filter", at, &u->filter, err));
        return u->filter ? LT_OK
                         : lt_body_bad(at, "either list of point ids or filter must be provided",
                                       err);
    }
    LT_TRY(lt_body_ids(&t->body, points, &points_at, &ids, &u->n_ids, err));
    u->ids = ids;
    return LT_OK;
}

static lt_status read_payload_change(lt_telling *t, yyjson_val *body, const lt_at *at, lt_update *u,
                                     lt_error *err)
{
    const lt_at payload_at = {at, "payload", 0};
    yyjson_val *payload;

    LT_TRY(lt_body_need(body, "payload", at, &payload, err));
    LT_TRY(lt_body_object(payload, &payload_at, err));
    LT_TRY(lt_body_text(body, "key", at, &u->key, err));
    LT_TRY(lt_body_json(&t->body, payload, &u->payload, &u->payload_len, err));
    return read_selection(t, body, at, u, err);
}

static lt_status read_names(lt_telling *t, yyjson_val *body, const char *name, const lt_at *at,
                            lt_update *u, lt_error *err)
{
    const lt_at here = {at, name, 0};
    yyjson_val *list;
    const char **names;

    LT_TRY(lt_body_need(body, name, at, &list, err));
    LT_TRY(lt_body_names(&t->body, list, &here, &names, &u->n_names, err));
    u->names = names;
    return LT_OK;
}

static lt_status read_vector_names(lt_telling *t, yyjson_val *body, const lt_at *at, lt_update *u,
                                   lt_error *err)
{
    const lt_at here = {at, "vector", 0};

    LT_TRY(read_names(t, body, "vector", at, u, err));
    if (u->n_names == 0)
        LT_TRY(lt_body_invalid(&t->body, &here, err, "must contain at least 1 item"));
    return read_selection(t, body, at, u, err);
}

static lt_status read_payload_keys(lt_telling *t, yyjson_val *body, const lt_at *at, lt_update *u,
                                   lt_error *err)
{
    LT_TRY(read_names(t, body, "keys", at, u, err));
    return read_selection(t, body, at, u, err);
}

/* One change: how it is called among the operations of a batch, what it does, who reads it. */
typedef struct form {
    lt_tell_kind kind;
    const char *name;
    lt_update_kind update;
    lt_status (*read)(lt_telling *t, yyjson_val *body, const lt_at *at, lt_update *u, lt_error *err);
} form;

static const form forms[] = {
    {LT_TELL_UPSERT, "upsert", LT_UPDATE_UPSERT, lt_tell_upsert},
    {LT_TELL_DELETE, "delete", LT_UPDATE_DELETE, read_selection},
    {LT_TELL_SET_PAYLOAD, "set_payload", LT_UPDATE_SET_PAYLOAD, read_payload_change},
    {LT_TELL_OVERWRITE_PAYLOAD, "overwrite_payload", LT_UPDATE_OVERWRITE_PAYLOAD,
     read_payload_change},
    {LT_TELL_DELETE_PAYLOAD, "delete_payload", LT_UPDATE_DELETE_PAYLOAD, read_payload_keys},
    {LT_TELL_CLEAR_PAYLOAD, "clear_payload", LT_UPDATE_CLEAR_PAYLOAD, read_selection},
    {LT_TELL_SET_VECTORS, "update_vectors", LT_UPDATE_SET_VECTORS, lt_tell_set_vectors},
    {LT_TELL_DELETE_VECTORS, "delete_vectors", LT_UPDATE_DELETE_VECTORS, read_vector_names},
};
enum { N_FORMS = sizeof forms / sizeof *forms };

static lt_status read_form(lt_telling *t, const form *f, yyjson_val *body, const lt_at *at, lt_update *u,
                           lt_error *err)
{
    LT_TRY(lt_body_object(body, at, err));
    *u = (lt_update)LT_UPDATE_INIT;
    u->kind = f->update;
    LT_TRY(f->read(t, body, at, u, err));
    LT_TRY(lt_body_check(&t->body, err));
    if (!u->filter && u->n_ids == 0 && u->n_points == 0)
        return lt_fail(err, LT_EINVAL, "Bad request: Empty update request");
    return LT_OK;
}

static lt_status read_operation(lt_telling *t, yyjson_val *operation, const lt_at *at, lt_update *u,
                                lt_error *err)
{
    for (size_t i = 0; i < N_FORMS; i++) {
        const lt_at here = {at, forms[i].name, 0};
        yyjson_val *body = yyjson_obj_get(operation, forms[i].name);

        if (body)
            return read_form(t, &forms[i], body, &here, u, err);
    }
    return lt_body_bad(at,
                       "expected one of `upsert`, `delete`, `set_payload`, `overwrite_payload`, "
                       "`delete_payload`, `clear_payload`, `update_vectors`, `delete_vectors`",
                       err);
}

static lt_status read_batch(lt_telling *t, yyjson_val *body, lt_update **out, size_t *n_out,
                            lt_error *err)
{
    const lt_at at = {NULL, "operations", 0};
    yyjson_val *list, *operation;
    size_t i, n;

    LT_TRY(lt_body_need(body, "operations", NULL, &list, err));
    LT_TRY(lt_body_list(list, &at, LT_LIMIT_BATCH_POINTS, err));
    lt_update *updates = lt_arena_take(&t->arena, yyjson_arr_size(list), sizeof *updates);

    if (!updates)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(list, i, n, operation)
    {
        const lt_at here = {&at, NULL, i};

        LT_TRY(read_operation(t, operation, &here, &updates[i], err));
    }
    *out = updates;
    *n_out = n;
    return LT_OK;
}

lt_status lt_tell_read(lt_telling *t, lt_tell_kind kind, yyjson_val *body, lt_update **out,
                       size_t *n_out, lt_error *err)
{
    if (kind == LT_TELL_BATCH)
        return read_batch(t, body, out, n_out, err);
    for (size_t i = 0; i < N_FORMS; i++) {
        if (forms[i].kind != kind)
            continue;
        *out = lt_arena_take(&t->arena, 1, sizeof **out);
        *n_out = 1;
        return *out ? read_form(t, &forms[i], body, NULL, *out, err) : lt_fail_nomem(err);
    }
    return lt_fail(err, LT_EINVAL, "%d is not a kind of change", (int)kind);
}

/* An absent id is told after all was done: the others are changed by then, as documented. */
static lt_status report_missing(const lt_update_result *results, size_t n, lt_error *err)
{
    char id[LT_ID_TEXT_MAX];

    for (size_t i = 0; i < n; i++)
        if (results[i].has_missing)
            return lt_fail(err, LT_ENOTFOUND, "No point with id %s found",
                           lt_id_format(&results[i].missing, id));
    return LT_OK;
}

static lt_status apply(lt_collection *c, const lt_update *updates, size_t n,
                       lt_update_result **results, size_t *n_results, lt_error *err)
{
    LT_AUTOFREE lt_update_result *got = lt_calloc(n ? n : 1, sizeof *got);
    size_t n_applied = 0;

    if (!got)
        return lt_fail_nomem(err);
    lt_status st = n ? lt_points_update(c, updates, n, got, &n_applied, err) : LT_OK;

    if (st == LT_OK)
        st = report_missing(got, n_applied, err);
    if (n_results)
        *n_results = n_applied;
    if (results)
        *results = lt_steal(&got);
    return st;
}

static void done(lt_telling *t)
{
    lt_body_done(&t->body);
    lt_arena_done(&t->arena);
}

lt_status lt_collection_tell(lt_collection *collection, lt_tell_kind kind, const char *json,
                             size_t n_json, const lt_ask_options *options,
                             lt_update_result **results, size_t *n_results, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    LT_CLEANUP(done) lt_telling t = {.options = options};
    lt_update *updates = NULL;
    size_t n = 0;

    if (!collection)
        return lt_fail(err, LT_EINVAL, "collection is required");
    if (results)
        *results = NULL;
    if (n_results)
        *n_results = 0;
    if (options && options->deadline_s > 0)
        t.until = lt_clock_s() + options->deadline_s;
    t.body.arena = &t.arena;
    LT_TRY(lt_body_parse(json, n_json, &doc, err));
    LT_TRY(lt_tell_read(&t, kind, yyjson_doc_get_root(doc), &updates, &n, err));
    return apply(collection, updates, n, results, n_results, err);
}

void lt_results_free(lt_update_result *results)
{
    lt_free(results);
}
