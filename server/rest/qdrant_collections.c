/* SPDX-License-Identifier: Apache-2.0
 * Qdrant's REST interface: collections, their named vectors, payload indexes and aliases. */
#include <base/buf.h>
#include <base/error.h>
#include <base/mem.h>
#include <base/utf8.h>
#include <stdlib.h>
#include <string.h>

#include "qdrant.h"

/* ---- what handlers have in common ------------------------------------------------------------ */

/* A handler's work, once the parameters are read; `entry` is the collection, where the path names
 * one that must exist. */
typedef lt_status (*job)(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                         const lt_qdrant_params *params, lt_shelf_entry *entry, lt_http_answer *a,
                         lt_error *err);

static lt_status run_job(job what, bool of_collection, lt_service *s, const lt_http_request *r,
                         const lt_route_args *args, lt_http_answer *a, lt_error *err)
{
    lt_qdrant_params params;
    lt_shelf_entry *entry = NULL;

    LT_TRY(lt_qdrant_read_params(r, &params, err));
    if (of_collection)
        LT_TRY(lt_shelf_take(s->shelf, args->name, &entry, err));
    lt_status st = what(s, r, args, &params, entry, a, err);

    if (entry)
        lt_shelf_give(s->shelf, entry);
    return st;
}

#define JOB(name, what, of_collection)                               \
    LT_QDRANT_HANDLER(name)                                          \
    {                                                                \
        return run_job(what, of_collection, s, r, args, a, err);     \
    }

/* ---- collections ----------------------------------------------------------------------------- */

typedef struct listing {
    const lt_service *service;
    const lt_http_request *request;
    yyjson_mut_doc *doc;
    yyjson_mut_val *list;
} listing;

static lt_status add_name(void *context, const lt_shelf_entry *entry, lt_error *err)
{
    listing *l = context;
    const char *name = lt_shelf_name(entry);

    if (!lt_access_sees(l->service, l->request, name))
        return LT_OK;
    yyjson_mut_val *item = yyjson_mut_arr_add_obj(l->doc, l->list);

    return yyjson_mut_obj_add_strcpy(l->doc, item, "name", name) ? LT_OK : lt_fail_nomem(err);
}

static lt_status list_all(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                          const lt_qdrant_params *params, lt_shelf_entry *entry, lt_http_answer *a,
                          lt_error *err)
{
    listing l = {.service = s, .request = r, .doc = yyjson_mut_doc_new(NULL)};
    yyjson_mut_val *root = l.doc ? yyjson_mut_obj(l.doc) : NULL;

    (void)args;
    (void)params;
    (void)entry;
    if (!root)
        return lt_fail_nomem(err);
    yyjson_mut_doc_set_root(l.doc, root);
    l.list = yyjson_mut_obj_add_arr(l.doc, root, "collections");
    lt_status st = lt_shelf_each(s->shelf, add_name, &l, err);

    if (st == LT_OK)
        return lt_qdrant_doc(r, a, l.doc, err);
    yyjson_mut_doc_free(l.doc);
    return st;
}
JOB(list_collections, list_all, false)

static lt_status describe(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                          const lt_qdrant_params *params, lt_shelf_entry *entry, lt_http_answer *a,
                          lt_error *err)
{
    char *json = NULL;

    (void)s;
    (void)args;
    (void)params;
    LT_TRY(lt_collection_describe(lt_shelf_collection(entry), &json, err));
    lt_qdrant_ok(r, a, json, strlen(json));
    lt_text_free(json);
    return LT_OK;
}
JOB(get_collection, describe, true)

static lt_status exists(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                        const lt_qdrant_params *params, lt_shelf_entry *entry, lt_http_answer *a,
                        lt_error *err)
{
    static const char yes[] = "{\"exists\":true}", no[] = "{\"exists\":false}";
    lt_status st = lt_shelf_take(s->shelf, args->name, &entry, err);

    (void)params;
    if (st == LT_OK)
        lt_shelf_give(s->shelf, entry);
    /* One that is there and cannot be opened exists, too. */
    lt_qdrant_ok(r, a, st == LT_ENOTFOUND ? no : yes, strlen(st == LT_ENOTFOUND ? no : yes));
    return LT_OK;
}
JOB(collection_exists, exists, false)

lt_status lt_qdrant_check_name(const char *name, lt_error *err)
{
    size_t n = strlen(name);

    if (n == 0 || n > 255)
        return lt_fail(err, LT_EVALIDATION,
                       "Validation error in path parameters: [collection_name: value invalid, must "
                       "be from 1 to 255 characters]");
    if (strpbrk(name, "<>:\"/\\|?*\x1f") || !lt_utf8_valid(name, n))
        return lt_fail(err, LT_EVALIDATION,
                       "Validation error in path parameters: [collection_name: a name cannot hold "
                       "< > : \" / \\ | ? * or control characters]");
    return LT_OK;
}

static lt_status create(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                        const lt_qdrant_params *params, lt_shelf_entry *entry, lt_http_answer *a,
                        lt_error *err)
{
    (void)params;
    (void)entry;
    LT_TRY(lt_qdrant_check_body(r, err));
    LT_TRY(lt_qdrant_check_name(args->name, err));
    LT_TRY(lt_shelf_create(s->shelf, args->name, r->body, r->n_body, err));
    lt_qdrant_true(r, a, true);
    return LT_OK;
}
JOB(create_collection, create, false)

static lt_status update(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                        const lt_qdrant_params *params, lt_shelf_entry *entry, lt_http_answer *a,
                        lt_error *err)
{
    (void)s;
    (void)args;
    (void)params;
    LT_TRY(lt_qdrant_check_body(r, err));
    LT_TRY(lt_collection_update_json(lt_shelf_collection(entry), r->body, r->n_body, err));
    lt_qdrant_true(r, a, true);
    return LT_OK;
}
JOB(update_collection, update, true)

static lt_status drop(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                      const lt_qdrant_params *params, lt_shelf_entry *entry, lt_http_answer *a,
                      lt_error *err)
{
    bool dropped = false;

    (void)params;
    (void)entry;
    LT_TRY(lt_shelf_drop(s->shelf, args->name, &dropped, err));
    lt_qdrant_true(r, a, dropped);
    return LT_OK;
}
JOB(delete_collection, drop, false)

/* Nothing waits: what the engine does in the background holds up no request. */
static lt_status show_optimizations(lt_service *s, const lt_http_request *r,
                                    const lt_route_args *args, const lt_qdrant_params *params,
                                    lt_shelf_entry *entry, lt_http_answer *a, lt_error *err)
{
    static const char text[] =
        "{\"summary\":{\"queued_optimizations\":0,\"queued_segments\":0,\"queued_points\":0,"
        "\"idle_segments\":1},\"running\":[]}";
    uint64_t limit;

    (void)s;
    (void)args;
    (void)params;
    (void)entry;
    LT_TRY(lt_qdrant_number(r, "completed_limit", 0, &limit, err));
    lt_qdrant_ok(r, a, text, sizeof text - 1);
    return LT_OK;
}
JOB(optimizations, show_optimizations, true)

/* ---- named vectors --------------------------------------------------------------------------- */

static void answer_changed(const lt_http_request *r, lt_http_answer *a,
                           const lt_qdrant_params *params)
{
    const char *text =
        params->wait ? "{\"status\":\"completed\"}" : "{\"status\":\"acknowledged\"}";

    lt_qdrant_ok(r, a, text, strlen(text));
}

/* That a vector exists already, or does not, is a wrong input, not a missing resource. */
static lt_status as_input(lt_status st, lt_error *err)
{
    if (st == LT_EEXISTS || st == LT_ENOTFOUND)
        st = err->code = LT_EINVAL;
    return st;
}

static lt_status add_vector(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                            const lt_qdrant_params *params, lt_shelf_entry *entry,
                            lt_http_answer *a, lt_error *err)
{
    (void)s;
    LT_TRY(lt_qdrant_check_body(r, err));
    LT_TRY(as_input(lt_collection_add_vector(lt_shelf_collection(entry), args->names[1], r->body,
                                             r->n_body, err),
                    err));
    answer_changed(r, a, params);
    return LT_OK;
}
JOB(create_vector, add_vector, true)

static lt_status drop_vector(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                             const lt_qdrant_params *params, lt_shelf_entry *entry,
                             lt_http_answer *a, lt_error *err)
{
    (void)s;
    LT_TRY(as_input(lt_collection_drop_vector(lt_shelf_collection(entry), args->names[1], err),
                    err));
    answer_changed(r, a, params);
    return LT_OK;
}
JOB(delete_vector, drop_vector, true)

/* ---- payload indexes ------------------------------------------------------------------------- */

static lt_status add_index(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                           const lt_qdrant_params *params, lt_shelf_entry *entry, lt_http_answer *a,
                           lt_error *err)
{
    yyjson_doc *doc = NULL;
    uint64_t operation = 0;
    size_t n = 0;

    (void)s;
    (void)args;
    LT_TRY(lt_qdrant_parse_body(r, &doc, err));
    yyjson_val *root = yyjson_doc_get_root(doc), *field = yyjson_obj_get(root, "field_name");
    yyjson_val *schema = yyjson_obj_get(root, "field_schema");
    lt_status st;

    if (!yyjson_is_str(field)) {
        st = lt_fail(err, LT_EINVAL, "Format error in JSON body: missing field `field_name`");
    } else if (!schema || yyjson_is_null(schema)) {
        st = lt_fail(err, LT_EINVAL, "cannot tell the type of the field, say it in `field_schema`");
    } else {
        char *text = yyjson_val_write(schema, 0, &n);

        st = text ? lt_collection_create_index(lt_shelf_collection(entry), yyjson_get_str(field),
                                               text, n, &operation, err)
                  : lt_fail_nomem(err);
        free(text);
    }
    yyjson_doc_free(doc);
    if (st == LT_OK)
        lt_qdrant_updated(r, a, params, operation);
    return st;
}
JOB(create_index, add_index, true)

static lt_status drop_index(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                            const lt_qdrant_params *params, lt_shelf_entry *entry,
                            lt_http_answer *a, lt_error *err)
{
    uint64_t operation = 0;

    (void)s;
    LT_TRY(lt_collection_drop_index(lt_shelf_collection(entry), args->names[1], &operation, err));
    lt_qdrant_updated(r, a, params, operation);
    return LT_OK;
}
JOB(delete_index, drop_index, true)

/* ---- aliases --------------------------------------------------------------------------------- */

/* A string member of one action; `what` is the action's name. */
static lt_status take_name(yyjson_val *action, const char *what, const char *member,
                           const char **out, lt_error *err)
{
    yyjson_val *value = yyjson_obj_get(action, member);

    if (!yyjson_is_str(value))
        return lt_fail(err, LT_EINVAL, "Format error in JSON body: %s: missing field `%s`", what,
                       member);
    if (yyjson_get_len(value) == 0)
        return lt_fail(err, LT_EVALIDATION,
                       "Validation error in JSON body: [%s.%s: value invalid, must not be empty]",
                       what, member);
    *out = yyjson_get_str(value);
    return LT_OK;
}

static lt_status read_action(yyjson_val *action, size_t at, lt_alias_action *out, lt_error *err)
{
    yyjson_val *body = yyjson_obj_get(action, "create_alias");

    if (body) {
        out->kind = LT_ALIAS_CREATE;
        LT_TRY(take_name(body, "create_alias", "collection_name", &out->collection, err));
        return take_name(body, "create_alias", "alias_name", &out->alias, err);
    }
    if ((body = yyjson_obj_get(action, "delete_alias")) != NULL) {
        out->kind = LT_ALIAS_DELETE;
        return take_name(body, "delete_alias", "alias_name", &out->alias, err);
    }
    if ((body = yyjson_obj_get(action, "rename_alias")) != NULL) {
        out->kind = LT_ALIAS_RENAME;
        LT_TRY(take_name(body, "rename_alias", "old_alias_name", &out->alias, err));
        return take_name(body, "rename_alias", "new_alias_name", &out->new_alias, err);
    }
    return lt_fail(err, LT_EINVAL,
                   "Format error in JSON body: actions[%zu]: one of create_alias, delete_alias, "
                   "rename_alias is expected",
                   at);
}

static lt_status apply_actions(lt_service *s, yyjson_val *root, lt_error *err)
{
    yyjson_val *list = yyjson_obj_get(root, "actions"), *action;
    size_t i, n;

    if (!yyjson_is_arr(list))
        return lt_fail(err, LT_EINVAL, "Format error in JSON body: missing field `actions`");
    LT_AUTOFREE lt_alias_action *actions = lt_calloc(yyjson_arr_size(list) + 1, sizeof *actions);

    if (!actions)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(list, i, n, action)
        LT_TRY(read_action(action, i, &actions[i], err));
    return lt_shelf_alias(s->shelf, actions, n, err);
}

static lt_status change_all(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                            const lt_qdrant_params *params, lt_shelf_entry *entry,
                            lt_http_answer *a, lt_error *err)
{
    yyjson_doc *doc = NULL;

    (void)args;
    (void)params;
    (void)entry;
    LT_TRY(lt_qdrant_parse_body(r, &doc, err));
    lt_status st = apply_actions(s, yyjson_doc_get_root(doc), err);

    yyjson_doc_free(doc);
    if (st == LT_OK)
        lt_qdrant_true(r, a, true);
    return st;
}
JOB(change_aliases, change_all, false)

static lt_status list_aliases(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                              const lt_qdrant_params *params, lt_shelf_entry *entry,
                              lt_http_answer *a, lt_error *err)
{
    lt_alias *aliases = NULL;
    size_t n = 0;

    (void)args;
    (void)params;
    LT_TRY(lt_aliases_list(lt_shelf_db(s->shelf), entry ? lt_shelf_name(entry) : NULL, &aliases, &n,
                           err));
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;

    if (root) {
        yyjson_mut_doc_set_root(doc, root);
        yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "aliases");

        for (size_t i = 0; i < n; i++) {
            yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

            yyjson_mut_obj_add_strcpy(doc, item, "alias_name", aliases[i].alias);
            yyjson_mut_obj_add_strcpy(doc, item, "collection_name", aliases[i].collection);
        }
    }
    lt_aliases_free(aliases, n);
    return lt_qdrant_doc(r, a, doc, err);
}
JOB(collection_aliases, list_aliases, true)
JOB(all_aliases, list_aliases, false)
