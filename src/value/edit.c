/* SPDX-License-Identifier: Apache-2.0 */
#include "edit.h"

#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <stdlib.h>
#include <string.h>

/* ---- paths ----------------------------------------------------------------------------------- */

static bool key_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || (unsigned char)c >= 0x80;
}

/* A quoted or bare key at *p. false where none stands there. */
static bool read_key(const char **p, lt_step *out)
{
    const char *start = *p, *end = start;

    out->kind = LT_STEP_KEY;
    if (*start == '"') {
        end = strchr(++start, '"');
        if (!end)
            return false;
        *p = end + 1;
    } else {
        while (key_byte(*end))
            end++;
        if (end == start)
            return false;
        *p = end;
    }
    out->key = start;
    out->n_key = (size_t)(end - start);
    return true;
}

/* "[]" or "[3]" at *p. */
static bool read_bracket(const char **p, lt_step *out)
{
    const char *s = *p + 1;

    out->kind = *s == ']' ? LT_STEP_EACH : LT_STEP_INDEX;
    out->index = 0;
    for (; *s >= '0' && *s <= '9'; s++)
        if (__builtin_mul_overflow(out->index, (size_t)10, &out->index) ||
            __builtin_add_overflow(out->index, (size_t)(*s - '0'), &out->index))
            return false;
    if (*s != ']')
        return false;
    *p = s + 1;
    return true;
}

static bool read_steps(const char *p, lt_path *out)
{
    for (;;) {
        if (out->n_steps == LT_LIMIT_FILTER_DEPTH || !read_key(&p, &out->steps[out->n_steps]))
            return false;
        out->n_steps++;
        while (*p == '[') {
            if (out->n_steps == LT_LIMIT_FILTER_DEPTH ||
                !read_bracket(&p, &out->steps[out->n_steps]))
                return false;
            out->n_steps++;
        }
        if (*p == '\0')
            return true;
        if (*p++ != '.')
            return false;
    }
}

lt_status lt_path_parse(const char *text, lt_path *out, lt_error *err)
{
    lt_path p = {.steps = lt_calloc(LT_LIMIT_FILTER_DEPTH, sizeof(lt_step))};

    if (!p.steps)
        return lt_fail_nomem(err);
    if (!read_steps(text, &p)) {
        lt_free(p.steps);
        return lt_fail(err, LT_EINVAL, "'%.200s' is not a path into a payload", text);
    }
    *out = p;
    return LT_OK;
}

void lt_path_done(lt_path *p)
{
    lt_free(p->steps);
    *p = (lt_path){0};
}

/* ---- merging --------------------------------------------------------------------------------- */

static yyjson_mut_val *get(yyjson_mut_val *obj, const lt_step *s)
{
    return yyjson_mut_obj_getn(obj, s->key, s->n_key);
}

static bool put(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *key, size_t n,
                yyjson_mut_val *value)
{
    yyjson_mut_val *name = yyjson_mut_strncpy(doc, key, n);

    return name && value && yyjson_mut_obj_put(obj, name, value);
}

static bool merge_object(yyjson_mut_doc *doc, yyjson_mut_val *into, yyjson_val *patch)
{
    size_t i, n;
    yyjson_val *key, *value;

    yyjson_obj_foreach(patch, i, n, key, value)
    {
        const char *name = yyjson_get_str(key);
        size_t len = yyjson_get_len(key);

        if (yyjson_is_null(value))
            yyjson_mut_obj_remove_keyn(into, name, len);
        else if (!put(doc, into, name, len, yyjson_val_mut_copy(doc, value)))
            return false;
    }
    return true;
}

/* What has to stand where `step` is taken: an object for a key, an array for a bracket. */
static yyjson_mut_val *container_for(yyjson_mut_doc *doc, const lt_step *step)
{
    return !step || step->kind == LT_STEP_KEY ? yyjson_mut_obj(doc) : yyjson_mut_arr(doc);
}

static bool fits(yyjson_mut_val *v, const lt_step *step)
{
    return !step || step->kind == LT_STEP_KEY ? yyjson_mut_is_obj(v) : yyjson_mut_is_arr(v);
}

static bool merge_at(yyjson_mut_doc *doc, yyjson_mut_val *at, const lt_step *step, size_t n,
                     yyjson_val *patch);

static bool merge_elements(yyjson_mut_doc *doc, yyjson_mut_val *arr, const lt_step *step, size_t n,
                           yyjson_val *patch)
{
    const lt_step *next = n > 1 ? step + 1 : NULL;
    size_t size = yyjson_mut_arr_size(arr);
    size_t from = step->kind == LT_STEP_EACH ? 0 : step->index;
    size_t to = step->kind == LT_STEP_EACH ? size : from < size ? from + 1 : from;

    for (size_t i = from; i < to; i++) {
        yyjson_mut_val *item = yyjson_mut_arr_get(arr, i);

        if (!fits(item, next)) {
            item = container_for(doc, next);
            if (!item || !yyjson_mut_arr_replace(arr, i, item))
                return false;
        }
        if (!merge_at(doc, item, next, n - 1, patch))
            return false;
    }
    return true;
}

/* `at` fits step[0]; no steps left: merge here. */
static bool merge_at(yyjson_mut_doc *doc, yyjson_mut_val *at, const lt_step *step, size_t n,
                     yyjson_val *patch)
{
    if (n == 0)
        return merge_object(doc, at, patch);
    if (step->kind != LT_STEP_KEY)
        return merge_elements(doc, at, step, n, patch);
    const lt_step *next = n > 1 ? step + 1 : NULL;
    yyjson_mut_val *child = get(at, step);

    if (!child || !fits(child, next)) {
        child = container_for(doc, next);
        if (!child || !put(doc, at, step->key, step->n_key, child))
            return false;
    }
    return merge_at(doc, child, next, n - 1, patch);
}

lt_status lt_value_merge(yyjson_mut_doc *doc, const lt_path *path, yyjson_val *patch, lt_error *err)
{
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    bool ok = path ? merge_at(doc, root, path->steps, path->n_steps, patch)
                   : merge_object(doc, root, patch);

    return ok ? LT_OK : lt_fail_nomem(err);
}

/* ---- deleting -------------------------------------------------------------------------------- */

static void delete_at(yyjson_mut_val *at, const lt_step *step, size_t n)
{
    size_t i, size;
    yyjson_mut_val *item;

    if (step->kind == LT_STEP_KEY) {
        if (n == 1)
            yyjson_mut_obj_remove_keyn(at, step->key, step->n_key);
        else if ((item = get(at, step)) != NULL)
            delete_at(item, step + 1, n - 1);
        return;
    }
    if (!yyjson_mut_is_arr(at))
        return;
    if (n == 1) {
        if (step->kind == LT_STEP_EACH)
            yyjson_mut_arr_clear(at);
        return;
    }
    yyjson_mut_arr_foreach(at, i, size, item)
    {
        if (step->kind == LT_STEP_EACH || i == step->index)
            delete_at(item, step + 1, n - 1);
    }
}

void lt_value_delete(yyjson_mut_doc *doc, const lt_path *path)
{
    if (path->n_steps)
        delete_at(yyjson_mut_doc_get_root(doc), path->steps, path->n_steps);
}

/* ---- texts ----------------------------------------------------------------------------------- */

lt_status lt_value_print(const yyjson_mut_doc *doc, lt_buf *out, lt_error *err)
{
    size_t n;
    yyjson_write_err why;
    char *text = yyjson_mut_write_opts(doc, 0, NULL, &n, &why);

    if (!text)
        return why.code == YYJSON_WRITE_ERROR_MEMORY_ALLOCATION
                   ? lt_fail_nomem(err)
                   : lt_fail(err, LT_EINVAL, "cannot be written as JSON: %s", why.msg);
    lt_status st = lt_buf_add(out, text, n, err);

    free(text);
    return st;
}

lt_status lt_value_thaw(const char *text, size_t n, const char *what, yyjson_mut_doc **out,
                        lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    LT_TRY(lt_json_parse_object(text, n, what, &doc, err));
    *out = yyjson_doc_mut_copy(doc, NULL);
    return *out ? LT_OK : lt_fail_nomem(err);
}

void lt_value_free(yyjson_mut_doc **doc)
{
    yyjson_mut_doc_free(*doc);
    *doc = NULL;
}
