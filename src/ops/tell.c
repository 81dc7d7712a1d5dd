/* SPDX-License-Identifier: Apache-2.0
 * Changes in JSON: from a body to lt_points_update. */
#include "tell.h"

#include <base/clock.h>
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>

static lt_status read_payload_change(tell *t, yyjson_val *body, lt_update *u, lt_error *err)
{
    yyjson_val *payload = tell_field(body, "payload"), *key = tell_field(body, "key");

    if (!payload)
        return tell_malformed(err, "missing field `payload`");
    if (!yyjson_is_obj(payload))
        return tell_malformed(err, "payload: an object is expected, not %s",
                              yyjson_get_type_desc(payload));
    if (key && !yyjson_is_str(key))
        return tell_malformed(err, "key: a string is expected, not %s", yyjson_get_type_desc(key));
    u->key = key ? yyjson_get_str(key) : NULL;
    LT_TRY(tell_text(t, payload, &u->payload, &u->payload_len, err));
    return tell_selection(t, body, u, err);
}

static lt_status read_vector_names(tell *t, yyjson_val *body, lt_update *u, lt_error *err)
{
    LT_TRY(tell_names(t, tell_field(body, "vector"), "vector", &u->names, &u->n_names, err));
    if (u->n_names == 0)
        return lt_fail(err, LT_EVALIDATION,
                       "Validation error in JSON body: [vector: must contain at least 1 item]");
    return tell_selection(t, body, u, err);
}

static lt_status read_payload_keys(tell *t, yyjson_val *body, lt_update *u, lt_error *err)
{
    LT_TRY(tell_names(t, tell_field(body, "keys"), "keys", &u->names, &u->n_names, err));
    return tell_selection(t, body, u, err);
}

/* One change: how it is called among the operations of a batch, what it does, who reads it. */
typedef struct form {
    lt_tell_kind kind;
    const char *name;
    lt_update_kind update;
    lt_status (*read)(tell *t, yyjson_val *body, lt_update *u, lt_error *err);
} form;

static const form forms[] = {
    {LT_TELL_UPSERT, "upsert", LT_UPDATE_UPSERT, tell_upsert},
    {LT_TELL_DELETE, "delete", LT_UPDATE_DELETE, tell_selection},
    {LT_TELL_SET_PAYLOAD, "set_payload", LT_UPDATE_SET_PAYLOAD, read_payload_change},
    {LT_TELL_OVERWRITE_PAYLOAD, "overwrite_payload", LT_UPDATE_OVERWRITE_PAYLOAD,
     read_payload_change},
    {LT_TELL_DELETE_PAYLOAD, "delete_payload", LT_UPDATE_DELETE_PAYLOAD, read_payload_keys},
    {LT_TELL_CLEAR_PAYLOAD, "clear_payload", LT_UPDATE_CLEAR_PAYLOAD, tell_selection},
    {LT_TELL_SET_VECTORS, "update_vectors", LT_UPDATE_SET_VECTORS, tell_set_vectors},
    {LT_TELL_DELETE_VECTORS, "delete_vectors", LT_UPDATE_DELETE_VECTORS, read_vector_names},
};
enum { N_FORMS = sizeof forms / sizeof *forms };

static lt_status read_form(tell *t, const form *f, yyjson_val *body, lt_update *u, lt_error *err)
{
    if (!yyjson_is_obj(body))
        return tell_malformed(err, "%s: an object is expected, not %s", f->name,
                              yyjson_get_type_desc(body));
    *u = (lt_update)LT_UPDATE_INIT;
    u->kind = f->update;
    return f->read(t, body, u, err);
}

static lt_status read_operation(tell *t, yyjson_val *operation, size_t at, lt_update *u,
                                lt_error *err)
{
    for (size_t i = 0; i < N_FORMS; i++) {
        yyjson_val *body = yyjson_obj_get(operation, forms[i].name);

        if (body)
            return read_form(t, &forms[i], body, u, err);
    }
    return tell_malformed(err,
                          "operations[%zu]: one of upsert, delete, set_payload, overwrite_payload, "
                          "delete_payload, clear_payload, update_vectors, delete_vectors is "
                          "expected",
                          at);
}

static lt_status read_batch(tell *t, yyjson_val *body, lt_update **out, size_t *n_out,
                            lt_error *err)
{
    yyjson_val *list = tell_field(body, "operations"), *operation;
    size_t i, n;

    if (!yyjson_is_arr(list))
        return tell_malformed(err, "operations: an array is expected");
    if (yyjson_arr_size(list) > LT_LIMIT_BATCH_POINTS)
        return lt_fail(err, LT_ELIMIT, "%zu operations in one request, at most %u are possible",
                       yyjson_arr_size(list), LT_LIMIT_BATCH_POINTS);
    lt_update *updates = lt_arena_take(&t->arena, yyjson_arr_size(list), sizeof *updates);

    if (!updates)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(list, i, n, operation)
        LT_TRY(read_operation(t, operation, i, &updates[i], err));
    *out = updates;
    *n_out = n;
    return LT_OK;
}

static lt_status read_updates(tell *t, lt_tell_kind kind, yyjson_val *body, lt_update **out,
                              size_t *n_out, lt_error *err)
{
    if (kind == LT_TELL_BATCH)
        return read_batch(t, body, out, n_out, err);
    for (size_t i = 0; i < N_FORMS; i++) {
        if (forms[i].kind != kind)
            continue;
        *out = lt_arena_take(&t->arena, 1, sizeof **out);
        *n_out = 1;
        return *out ? read_form(t, &forms[i], body, *out, err) : lt_fail_nomem(err);
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

static void done(tell *t)
{
    lt_arena_done(&t->arena);
}

lt_status lt_collection_tell(lt_collection *collection, lt_tell_kind kind, const char *json,
                             size_t n_json, const lt_ask_options *options,
                             lt_update_result **results, size_t *n_results, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    LT_CLEANUP(done) tell t = {.options = options};
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
    LT_TRY(tell_parse(json, n_json, &doc, err));
    LT_TRY(read_updates(&t, kind, yyjson_doc_get_root(doc), &updates, &n, err));
    return apply(collection, updates, n, results, n_results, err);
}

void lt_results_free(lt_update_result *results)
{
    lt_free(results);
}
