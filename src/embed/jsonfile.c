/* SPDX-License-Identifier: Apache-2.0 */
#include "jsonfile.h"

#include <base/file.h>
#include <base/limits.h>
#include <base/mem.h>
#include <math.h>
#include <string.h>

void lt_jsonfile_done(lt_jsonfile *f)
{
    yyjson_doc_free(f->doc);
    lt_free(f->path);
    *f = (lt_jsonfile){0};
}

/* yyjson gives a byte's position; people count lines from 1. */
static size_t line_of(const char *text, size_t n, size_t pos)
{
    size_t line = 1;

    for (size_t i = 0; i < pos && i < n; i++)
        line += text[i] == '\n';
    return line;
}

lt_status lt_jsonfile_parse(const char *path, const char *text, size_t n, lt_jsonfile *out,
                            lt_error *err)
{
    yyjson_read_err why;

    if (n == 0)
        return lt_fail(err, LT_EINVAL, "%s: is empty", path);
    /* Without YYJSON_READ_INSITU the text is not written to, whatever the parameter's type says. */
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text, n, 0, NULL, &why);

    if (!doc && why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return lt_fail_nomem(err);
    if (!doc)
        return lt_fail(err, LT_EINVAL, "%s: not valid JSON at line %zu (byte %zu): %s", path,
                       line_of(text, n, why.pos), why.pos, why.msg);
    if (!yyjson_is_obj(yyjson_doc_get_root(doc))) {
        lt_status st = lt_fail(err, LT_EINVAL, "%s: a JSON object is expected, not %s", path,
                               yyjson_get_type_desc(yyjson_doc_get_root(doc)));

        yyjson_doc_free(doc);
        return st;
    }
    char *own = lt_strdup(path);

    if (!own) {
        yyjson_doc_free(doc);
        return lt_fail_nomem(err);
    }
    *out = (lt_jsonfile){own, doc, yyjson_doc_get_root(doc)};
    return LT_OK;
}

lt_status lt_jsonfile_read(const char *dir, const char *name, lt_jsonfile *out, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};
    LT_AUTOFREE char *path = lt_path_join(dir, name);

    if (!path)
        return lt_fail_nomem(err);
    LT_TRY(lt_file_read(path, LT_LIMIT_MODEL_CONFIG_BYTES, &text, err));
    return lt_jsonfile_parse(path, text.data, text.len, out, err);
}

lt_status lt_jsonfile_wrong(const lt_jsonfile *f, const char *key, const char *wanted,
                            yyjson_val *value, lt_error *err)
{
    return lt_fail(err, LT_EINVAL, "%s: '%s' must be %s, not %s", f->path, key, wanted,
                   yyjson_get_type_desc(value));
}

/* NULL where absent or null. */
static yyjson_val *get(yyjson_val *object, const char *key)
{
    yyjson_val *v = yyjson_obj_get(object, key);

    return yyjson_is_null(v) ? NULL : v;
}

lt_status lt_jsonfile_uint(const lt_jsonfile *f, yyjson_val *object, const char *key, uint64_t min,
                           uint64_t max, uint64_t *out, lt_error *err)
{
    yyjson_val *v = get(object, key);

    if (!v)
        return LT_OK;
    if (!yyjson_is_uint(v))
        return lt_jsonfile_wrong(f, key, "a whole number", v, err);
    if (yyjson_get_uint(v) < min || yyjson_get_uint(v) > max)
        return lt_fail(err, LT_EINVAL, "%s: '%s' is %llu, allowed are %llu to %llu", f->path, key,
                       (unsigned long long)yyjson_get_uint(v), (unsigned long long)min,
                       (unsigned long long)max);
    *out = yyjson_get_uint(v);
    return LT_OK;
}

lt_status lt_jsonfile_bool(const lt_jsonfile *f, yyjson_val *object, const char *key, bool *out,
                           lt_error *err)
{
    yyjson_val *v = get(object, key);

    if (!v)
        return LT_OK;
    if (!yyjson_is_bool(v))
        return lt_jsonfile_wrong(f, key, "true or false", v, err);
    *out = yyjson_get_bool(v);
    return LT_OK;
}

lt_status lt_jsonfile_string(const lt_jsonfile *f, yyjson_val *object, const char *key,
                             const char **out, lt_error *err)
{
    yyjson_val *v = get(object, key);

    if (!v)
        return LT_OK;
    if (!yyjson_is_str(v))
        return lt_jsonfile_wrong(f, key, "a string", v, err);
    if (strlen(yyjson_get_str(v)) != yyjson_get_len(v))
        return lt_fail(err, LT_EINVAL, "%s: '%s' contains a zero byte", f->path, key);
    *out = yyjson_get_str(v);
    return LT_OK;
}

lt_status lt_jsonfile_object(const lt_jsonfile *f, yyjson_val *object, const char *key,
                             yyjson_val **out, lt_error *err)
{
    yyjson_val *v = get(object, key);

    if (v && !yyjson_is_obj(v))
        return lt_jsonfile_wrong(f, key, "an object", v, err);
    *out = v;
    return LT_OK;
}

lt_status lt_jsonfile_floats(const lt_jsonfile *f, yyjson_val *object, const char *key, float *out,
                             size_t n, bool *found, lt_error *err)
{
    yyjson_val *v = get(object, key);

    *found = v != NULL;
    if (!v)
        return LT_OK;
    if (!yyjson_is_arr(v))
        return lt_jsonfile_wrong(f, key, "a list of numbers", v, err);
    if (yyjson_arr_size(v) != n)
        return lt_fail(err, LT_EINVAL, "%s: '%s' has %zu numbers, %zu are expected", f->path, key,
                       yyjson_arr_size(v), n);
    for (size_t i = 0; i < n; i++) {
        yyjson_val *item = yyjson_arr_get(v, i);

        if (!yyjson_is_num(item))
            return lt_jsonfile_wrong(f, key, "a list of numbers", item, err);
        out[i] = (float)yyjson_get_num(item);
        if (!isfinite(out[i]))
            return lt_fail(err, LT_EINVAL, "%s: '%s' has a number that is too large", f->path, key);
    }
    return LT_OK;
}
