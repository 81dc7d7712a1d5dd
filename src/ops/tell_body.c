/* SPDX-License-Identifier: Apache-2.0
 * Changes in JSON: reading bodies, ids, names, selections. */
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tell.h"

yyjson_val *tell_field(yyjson_val *object, const char *name)
{
    yyjson_val *value = yyjson_obj_get(object, name);

    return yyjson_is_null(value) ? NULL : value;
}

lt_status tell_malformed(lt_error *err, const char *format, ...)
{
    char why[sizeof err->message];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(why, sizeof why, format, args);

    va_end(args);
    return lt_fail(err, LT_EINVAL, "Format error in JSON body: %.450s", n < 0 ? "" : why);
}

/* Lines and columns count from 1, as people and editors do. */
static lt_status syntax_error(const char *text, size_t n, const yyjson_read_err *why, lt_error *err)
{
    size_t line = 1, column = 1, pos = why->pos < n ? why->pos : n;

    for (size_t i = 0; i < pos; i++) {
        column = text[i] == '\n' ? 1 : column + 1;
        line += text[i] == '\n';
    }
    return tell_malformed(err, "%s at line %zu column %zu", why->msg, line, column);
}

lt_status tell_parse(const char *json, size_t n_json, yyjson_doc **out, lt_error *err)
{
    yyjson_read_err why;

    if (!json || n_json == 0)
        return tell_malformed(err, "the body is empty at line 1 column 1");
    /* Without YYJSON_READ_INSITU the text is not written to, whatever the parameter's type says. */
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json, n_json, 0, NULL, &why);

    if (!doc && why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return lt_fail_nomem(err);
    if (!doc)
        return syntax_error(json, n_json, &why, err);
    if (!yyjson_is_obj(yyjson_doc_get_root(doc))) {
        lt_status st = tell_malformed(err, "an object is expected, not %s",
                                      yyjson_get_type_desc(yyjson_doc_get_root(doc)));

        yyjson_doc_free(doc);
        return st;
    }
    *out = doc;
    return LT_OK;
}

/* yyjson writes straight into the arena: it takes one block, grows it a few times, gives back what
 * it has left. What it leaves behind goes with the request. */
static void *alc_malloc(void *context, size_t size)
{
    return lt_arena_take(context, size, 1);
}

static void *alc_realloc(void *context, void *p, size_t old_size, size_t size)
{
    if (size <= old_size)
        return p;
    void *fresh = lt_arena_take(context, size, 1);

    if (fresh && p)
        memcpy(fresh, p, old_size);
    return fresh;
}

static void alc_free(void *context, void *p)
{
    (void)context;
    (void)p;
}

lt_status tell_text(tell *t, yyjson_val *value, const char **out, size_t *n_out, lt_error *err)
{
    const yyjson_alc alc = {alc_malloc, alc_realloc, alc_free, &t->arena};
    size_t n = 0;
    const char *text = yyjson_val_write_opts(value, 0, &alc, &n, NULL);

    if (!text)
        return lt_fail_nomem(err);
    *out = text;
    if (n_out)
        *n_out = n;
    return LT_OK;
}

lt_status tell_id(yyjson_val *value, const char *list, size_t at, lt_id *out, lt_error *err)
{
    static const char valid[] = "valid values are either an unsigned integer or a UUID";

    if (yyjson_is_uint(value)) {
        *out = lt_id_from_num(yyjson_get_uint(value));
        return LT_OK;
    }
    if (yyjson_is_str(value)) {
        const char *text = yyjson_get_str(value);

        /* Digits between quotes are no number here. */
        if (strlen(text) == yyjson_get_len(value) && lt_id_parse(text, out, NULL) == LT_OK &&
            out->kind == LT_ID_UUID)
            return LT_OK;
        return tell_malformed(err, "%s[%zu]: value \"%.80s\" is not a valid point ID, %s", list, at,
                              text, valid);
    }
    if (yyjson_is_num(value))
        return tell_malformed(err, "%s[%zu]: value %.17g is not a valid point ID, %s", list, at,
                              yyjson_get_num(value), valid);
    return tell_malformed(err, "%s[%zu]: %s is not a valid point ID, %s", list, at,
                          value ? yyjson_get_type_desc(value) : "nothing", valid);
}

static lt_status expect_list(yyjson_val *list, const char *name, lt_error *err)
{
    if (!list)
        return tell_malformed(err, "missing field `%s`", name);
    if (!yyjson_is_arr(list))
        return tell_malformed(err, "%s: an array is expected, not %s", name,
                              yyjson_get_type_desc(list));
    if (yyjson_arr_size(list) > LT_LIMIT_BATCH_POINTS)
        return lt_fail(err, LT_ELIMIT, "%s has %zu items, at most %u are possible", name,
                       yyjson_arr_size(list), LT_LIMIT_BATCH_POINTS);
    return LT_OK;
}

lt_status tell_ids(tell *t, yyjson_val *list, const char *name, const lt_id **out, size_t *n_out,
                   lt_error *err)
{
    size_t i, n;
    yyjson_val *value;

    LT_TRY(expect_list(list, name, err));
    lt_id *ids = lt_arena_take(&t->arena, yyjson_arr_size(list), sizeof *ids);

    if (!ids)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(list, i, n, value)
        LT_TRY(tell_id(value, name, i, &ids[i], err));
    *out = ids;
    *n_out = n;
    return LT_OK;
}

lt_status tell_names(tell *t, yyjson_val *list, const char *name, const char *const **out,
                     size_t *n_out, lt_error *err)
{
    size_t i, n;
    yyjson_val *value;

    LT_TRY(expect_list(list, name, err));
    const char **names = lt_arena_take(&t->arena, yyjson_arr_size(list), sizeof *names);

    if (!names)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(list, i, n, value)
    {
        if (!yyjson_is_str(value))
            return tell_malformed(err, "%s[%zu]: a string is expected, not %s", name, i,
                                  yyjson_get_type_desc(value));
        names[i] = yyjson_get_str(value);
        if (strlen(names[i]) != yyjson_get_len(value))
            return tell_malformed(err, "%s[%zu]: a zero byte is not possible here", name, i);
    }
    *out = names;
    *n_out = n;
    return LT_OK;
}

lt_status tell_selection(tell *t, yyjson_val *body, lt_update *u, lt_error *err)
{
    yyjson_val *points = tell_field(body, "points"), *filter = tell_field(body, "filter");

    if (points) {
        LT_TRY(tell_ids(t, points, "points", &u->ids, &u->n_ids, err));
        /* An empty list selects nothing; to the engine no ids means "by filter". */
        if (u->n_ids == 0)
            u->filter = "{\"must\":[{\"has_id\":[]}]}";
        return LT_OK;
    }
    if (!filter)
        return tell_malformed(err, "either list of point ids or filter must be provided");
    if (!yyjson_is_obj(filter))
        return tell_malformed(err, "filter: an object is expected, not %s",
                              yyjson_get_type_desc(filter));
    return tell_text(t, filter, &u->filter, NULL, err);
}

lt_status tell_payload(tell *t, yyjson_val *value, const char *list, size_t at, const char **out,
                       size_t *n_out, lt_error *err)
{
    if (!value || yyjson_is_null(value))
        return LT_OK;
    if (!yyjson_is_obj(value))
        return tell_malformed(err, "%s[%zu]: a payload is an object, not %s", list, at,
                              yyjson_get_type_desc(value));
    if (yyjson_obj_size(value) == 0)
        return LT_OK;
    return tell_text(t, value, out, n_out, err);
}
