/* SPDX-License-Identifier: Apache-2.0 */
#include "body.h"

#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FORMAT_ERROR "Format error in JSON body: "
enum { PATH_ROOM = 160 }; /* for the text of a path in an error */

/* Lines and columns count from 1, as people and editors do. */
static lt_status syntax_error(const char *text, size_t n, const yyjson_read_err *why, lt_error *err)
{
    size_t line = 1, column = 1, pos = why->pos < n ? why->pos : n;

    for (size_t i = 0; i < pos; i++) {
        column = text[i] == '\n' ? 1 : column + 1;
        line += text[i] == '\n';
    }
    return lt_fail(err, LT_EINVAL, FORMAT_ERROR "%s at line %zu column %zu", why->msg, line, column);
}

lt_status lt_body_parse(const char *json, size_t n_json, yyjson_doc **out, lt_error *err)
{
    yyjson_read_err why;

    if (!json || n_json == 0)
        return lt_body_bad(NULL, "the body is empty at line 1 column 1", err);
    if (n_json > LT_LIMIT_BODY_BYTES)
        return lt_fail(err, LT_ELIMIT, "the body is larger than %u bytes", LT_LIMIT_BODY_BYTES);
    /* Without YYJSON_READ_INSITU the text is not written to, whatever the parameter's type says. */
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json, n_json, 0, NULL, &why);

    if (!doc && why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return lt_fail_nomem(err);
    if (!doc)
        return syntax_error(json, n_json, &why, err);
    lt_status st = lt_body_object(yyjson_doc_get_root(doc), NULL, err);

    if (st != LT_OK) {
        yyjson_doc_free(doc);
        return st;
    }
    *out = doc;
    return LT_OK;
}

void lt_body_done(lt_body *b)
{
    lt_buf_done(&b->invalid);
}

lt_status lt_body_check(lt_body *b, lt_error *err)
{
    if (!b->invalid.len)
        return LT_OK;
    return lt_fail(err, LT_EVALIDATION, "Validation error in JSON body: [%s]", b->invalid.data);
}

yyjson_val *lt_body_field(yyjson_val *object, const char *name)
{
    yyjson_val *v = yyjson_obj_get(object, name);

    return yyjson_is_null(v) ? NULL : v;
}

/* Writes the path to `text`, cut where there is no room, and returns its length. */
static size_t path_of(const lt_at *at, char *text, size_t room)
{
    if (!at) {
        text[0] = '\0';
        return 0;
    }
    size_t n = path_of(at->up, text, room);
    int more = at->name ? snprintf(text + n, room - n, "%s%s", n ? "." : "", at->name)
                        : snprintf(text + n, room - n, "[%zu]", at->index);

    return more < 0 ? n : (size_t)more < room - n ? n + (size_t)more : room - 1;
}

lt_status lt_body_bad(const lt_at *at, const char *what, lt_error *err)
{
    char path[PATH_ROOM];

    return path_of(at, path, sizeof path)
               ? lt_fail(err, LT_EINVAL, FORMAT_ERROR "%s: %s", path, what)
               : lt_fail(err, LT_EINVAL, FORMAT_ERROR "%s", what);
}

lt_status lt_body_wrong(const lt_at *at, const char *want, yyjson_val *got, lt_error *err)
{
    char what[200];

    snprintf(what, sizeof what, "expected %s, not %s", want,
             got ? yyjson_get_type_desc(got) : "nothing");
    return lt_body_bad(at, what, err);
}

lt_status lt_body_invalid(lt_body *b, const lt_at *at, lt_error *err, const char *format, ...)
{
    char path[PATH_ROOM], what[200];
    va_list args;

    path_of(at, path, sizeof path);
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    /* An error's text ends there anyway. */
    if (b->invalid.len > sizeof err->message)
        return LT_OK;
    return lt_buf_addf(&b->invalid, err, "%s%s: %s", b->invalid.len ? "; " : "", path, what);
}

lt_status lt_body_object(yyjson_val *v, const lt_at *at, lt_error *err)
{
    return yyjson_is_obj(v) ? LT_OK : lt_body_wrong(at, "an object", v, err);
}

lt_status lt_body_list(yyjson_val *v, const lt_at *at, size_t max, lt_error *err)
{
    char path[PATH_ROOM];

    if (!yyjson_is_arr(v))
        return lt_body_wrong(at, "a list", v, err);
    if (yyjson_arr_size(v) <= max)
        return LT_OK;
    path_of(at, path, sizeof path);
    return lt_fail(err, LT_ELIMIT, "%s: %zu items, at most %zu are possible", path,
                   yyjson_arr_size(v), max);
}

static lt_status check_size(lt_body *b, const lt_at *at, size_t value, size_t min, size_t max,
                            lt_error *err)
{
    if (value >= min && value <= max)
        return LT_OK;
    if (max == SIZE_MAX)
        return lt_body_invalid(b, at, err, "value %zu invalid, must be %zu or larger", value, min);
    if (min == 0)
        return lt_body_invalid(b, at, err, "value %zu invalid, must be %zu or smaller", value, max);
    return lt_body_invalid(b, at, err, "value %zu invalid, must be from %zu to %zu", value, min,
                           max);
}

lt_status lt_body_size(lt_body *b, yyjson_val *object, const char *name, const lt_at *up, size_t min,
                       size_t max, size_t *out, bool *present, lt_error *err)
{
    const lt_at at = {up, name, 0};
    yyjson_val *v = lt_body_field(object, name);

    if (present)
        *present = v != NULL;
    if (!v)
        return LT_OK;
    if (!yyjson_is_uint(v))
        return lt_body_wrong(&at, "an integer from 0 on", v, err);
    *out = (size_t)yyjson_get_uint(v);
    return check_size(b, &at, *out, min, max, err);
}

lt_status lt_body_bool(yyjson_val *object, const char *name, const lt_at *up, bool *out,
                       lt_error *err)
{
    const lt_at at = {up, name, 0};
    yyjson_val *v = lt_body_field(object, name);

    if (!v)
        return LT_OK;
    if (!yyjson_is_bool(v))
        return lt_body_wrong(&at, "a boolean", v, err);
    *out = yyjson_get_bool(v);
    return LT_OK;
}

lt_status lt_body_double(yyjson_val *object, const char *name, const lt_at *up, double *out,
                         bool *present, lt_error *err)
{
    const lt_at at = {up, name, 0};
    yyjson_val *v = lt_body_field(object, name);

    if (present)
        *present = v != NULL;
    if (!v)
        return LT_OK;
    if (!yyjson_is_num(v))
        return lt_body_wrong(&at, "a number", v, err);
    *out = yyjson_get_num(v);
    return LT_OK;
}

lt_status lt_body_float(yyjson_val *object, const char *name, const lt_at *up, float *out,
                        bool *present, lt_error *err)
{
    const lt_at at = {up, name, 0};
    double d = *out;

    LT_TRY(lt_body_double(object, name, up, &d, present, err));
    if (!isfinite((float)d))
        return lt_body_bad(&at, "a number that is too large for 32 bits", err);
    *out = (float)d;
    return LT_OK;
}

lt_status lt_body_text(yyjson_val *object, const char *name, const lt_at *up, const char **out,
                       lt_error *err)
{
    const lt_at at = {up, name, 0};
    yyjson_val *v = lt_body_field(object, name);

    if (!v)
        return LT_OK;
    if (!yyjson_is_str(v))
        return lt_body_wrong(&at, "a string", v, err);
    /* Names and paths are handled as C strings. */
    if (memchr(yyjson_get_str(v), '\0', yyjson_get_len(v)))
        return lt_body_bad(&at, "a zero character is not allowed here", err);
    *out = yyjson_get_str(v);
    return LT_OK;
}

lt_status lt_body_need(yyjson_val *object, const char *name, const lt_at *at, yyjson_val **out,
                       lt_error *err)
{
    char what[80];
    yyjson_val *v = lt_body_field(object, name);

    if (!v) {
        snprintf(what, sizeof what, "missing field `%s`", name);
        return lt_body_bad(at, what, err);
    }
    *out = v;
    return LT_OK;
}

lt_status lt_body_names(lt_body *b, yyjson_val *v, const lt_at *at, const char ***out, size_t *n,
                        lt_error *err)
{
    size_t i, max;
    yyjson_val *item;

    LT_TRY(lt_body_list(v, at, LT_LIMIT_BATCH_POINTS, err));
    const char **names = lt_arena_alloc(b->arena, yyjson_arr_size(v), sizeof *names);

    if (!names)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(v, i, max, item)
    {
        const lt_at here = {at, NULL, i};

        if (!yyjson_is_str(item) || strlen(yyjson_get_str(item)) != yyjson_get_len(item))
            return lt_body_wrong(&here, "a string", item, err);
        names[i] = yyjson_get_str(item);
    }
    *out = names;
    *n = yyjson_arr_size(v);
    return LT_OK;
}

static lt_status bad_id(yyjson_val *v, const lt_at *at, lt_error *err)
{
    static const char want[] = "is not a valid point ID, valid values are either an unsigned integer "
                               "or a UUID";
    char what[200];

    if (yyjson_is_str(v))
        snprintf(what, sizeof what, "value \"%.60s\" %s", yyjson_get_str(v), want);
    else if (yyjson_is_num(v))
        snprintf(what, sizeof what, "value %.17g %s", yyjson_get_num(v), want);
    else
        snprintf(what, sizeof what, "%s %s", v ? yyjson_get_type_desc(v) : "nothing", want);
    return lt_body_bad(at, what, err);
}

lt_status lt_body_id(yyjson_val *v, const lt_at *at, lt_id *out, lt_error *err)
{
    lt_id id;

    if (yyjson_is_uint(v)) {
        *out = lt_id_from_num(yyjson_get_uint(v));
        return LT_OK;
    }
    /* In JSON digits in quotes are no number. */
    if (!yyjson_is_str(v) || strlen(yyjson_get_str(v)) != yyjson_get_len(v) ||
        lt_id_parse(yyjson_get_str(v), &id, NULL) != LT_OK || id.kind != LT_ID_UUID)
        return bad_id(v, at, err);
    *out = id;
    return LT_OK;
}

lt_status lt_body_ids(lt_body *b, yyjson_val *v, const lt_at *at, lt_id **out, size_t *n,
                      lt_error *err)
{
    size_t i, max;
    yyjson_val *item;

    LT_TRY(lt_body_list(v, at, LT_LIMIT_BATCH_POINTS, err));
    lt_id *ids = lt_arena_take(b->arena, yyjson_arr_size(v), sizeof *ids);

    if (!ids)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(v, i, max, item)
    {
        const lt_at here = {at, NULL, i};

        LT_TRY(lt_body_id(item, &here, &ids[i], err));
    }
    *out = ids;
    *n = yyjson_arr_size(v);
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

lt_status lt_body_json(lt_body *b, yyjson_val *v, const char **out, size_t *n, lt_error *err)
{
    const yyjson_alc alc = {alc_malloc, alc_realloc, alc_free, b->arena};
    const char *text = yyjson_val_write_opts(v, 0, &alc, n, NULL);

    if (!text)
        return lt_fail_nomem(err);
    *out = text;
    return LT_OK;
}

static void free_filter(void *filter)
{
    lt_filter_free(filter);
}

lt_status lt_body_filter(lt_body *b, yyjson_val *object, const char *name, const lt_filter **out,
                         lt_error *err)
{
    yyjson_val *v = lt_body_field(object, name);
    lt_filter *filter;

    *out = NULL;
    if (!v)
        return LT_OK;
    LT_TRY(lt_filter_parse_value(v, &filter, err));
    LT_TRY(lt_arena_defer(b->arena, free_filter, filter, err));
    *out = filter;
    return LT_OK;
}

lt_status lt_body_path(const char *path, const lt_at *at, lt_error *err)
{
    char what[120];

    if (lt_path_valid(path, strlen(path)))
        return LT_OK;
    snprintf(what, sizeof what, "\"%.60s\" is not a path into a payload", path);
    return lt_body_bad(at, what, err);
}
