/* SPDX-License-Identifier: Apache-2.0 */
#include "fields.h"

#include <base/error.h>
#include <base/mem.h>
#include <stdio.h>
#include <string.h>

lt_status lt_problem(lt_problems *p, lt_error *err, const char *format, ...)
{
    char text[320];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return lt_buf_addf(&p->text, err, "%s%s", p->text.len ? "; " : "", text);
}

lt_status lt_problems_end(lt_problems *p, lt_error *err)
{
    lt_status st = p->text.len ? lt_fail(err, LT_EVALIDATION, "%s", p->text.data) : LT_OK;

    lt_buf_done(&p->text);
    return st;
}

lt_status lt_field_wrong(const char *path, const char *want, yyjson_val *got, lt_error *err)
{
    return lt_fail(err, LT_EINVAL, "Format error in JSON body: %s: %s is expected, not %s", path,
                   want, got ? yyjson_get_type_desc(got) : "nothing");
}

static lt_status check_range(const lt_field *f, double value, const char *path, bool whole,
                             lt_problems *p, lt_error *err)
{
    int digits = whole ? 0 : 1;
    char shown[48];

    if (value >= f->min && (f->max == 0 || value <= f->max))
        return LT_OK;
    snprintf(shown, sizeof shown, whole ? "%.0f" : "%g", value);
    if (f->max != 0 && (f->min != 0 || !whole))
        return lt_problem(p, err, "%s: value %s invalid, must be from %.*f to %.*f", path, shown,
                          digits, f->min, digits, f->max);
    if (value < f->min)
        return lt_problem(p, err, "%s: value %s invalid, must be %.*f or larger", path, shown,
                          digits, f->min);
    return lt_problem(p, err, "%s: value %s invalid, must be %.*f or smaller", path, shown, digits,
                      f->max);
}

static lt_status check_enum(const lt_field *f, yyjson_val *v, const char *path, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf all = {0};

    if (!yyjson_is_str(v))
        return lt_field_wrong(path, "a string", v, err);
    for (size_t i = 0; f->values[i]; i++) {
        if (yyjson_equals_str(v, f->values[i]))
            return LT_OK;
        LT_TRY(lt_buf_addf(&all, err, "%s`%s`", i ? ", " : "", f->values[i]));
    }
    return lt_fail(err, LT_EINVAL,
                   "Format error in JSON body: %s: unknown variant `%.60s`, expected one of %s",
                   path, yyjson_get_str(v), all.data);
}

static lt_status check_value(const lt_field *f, yyjson_val *v, const char *path, lt_problems *p,
                             lt_error *err)
{
    switch (f->kind) {
    case LT_FIELD_UINT:
        if (!yyjson_is_uint(v))
            return lt_field_wrong(path, "an unsigned integer", v, err);
        return check_range(f, (double)yyjson_get_uint(v), path, true, p, err);
    case LT_FIELD_NUMBER:
        if (!yyjson_is_num(v))
            return lt_field_wrong(path, "a number", v, err);
        return check_range(f, yyjson_get_num(v), path, false, p, err);
    case LT_FIELD_BOOL:
        return yyjson_is_bool(v) ? LT_OK : lt_field_wrong(path, "a boolean", v, err);
    case LT_FIELD_ENUM:
        return check_enum(f, v, path, err);
    case LT_FIELD_OBJECT:
        return yyjson_is_obj(v) ? LT_OK : lt_field_wrong(path, "an object", v, err);
    case LT_FIELD_ANY:
        return LT_OK;
    }
    return LT_OK;
}

static lt_status take_one(const lt_field *f, yyjson_val *v, const char *path, yyjson_mut_doc *doc,
                          yyjson_mut_val *into, lt_problems *p, lt_error *err)
{
    yyjson_mut_val *key = yyjson_mut_str(doc, f->name), *value;

    LT_TRY(check_value(f, v, path, p, err));
    if (f->kind == LT_FIELD_OBJECT && f->fields) {
        value = yyjson_mut_obj_get(into, f->name);
        if (!value) {
            value = yyjson_mut_obj(doc);
            if (!key || !value || !yyjson_mut_obj_add(into, key, value))
                return lt_fail_nomem(err);
        }
        return lt_fields_take(f->fields, v, path, doc, value, p, err);
    }
    value = yyjson_val_mut_copy(doc, v);
    return key && value && yyjson_mut_obj_put(into, key, value) ? LT_OK : lt_fail_nomem(err);
}

lt_status lt_fields_take(const lt_fields *fields, yyjson_val *from, const char *path,
                         yyjson_mut_doc *doc, yyjson_mut_val *into, lt_problems *problems,
                         lt_error *err)
{
    if (!yyjson_is_obj(from))
        return lt_field_wrong(path[0] ? path : "the body", "an object", from, err);
    for (size_t i = 0; i < fields->n; i++) {
        const lt_field *f = &fields->items[i];
        yyjson_val *v = yyjson_obj_get(from, f->name);
        char at[300];

        snprintf(at, sizeof at, "%s%s%s", path, path[0] ? "." : "", f->name);
        if (v && !yyjson_is_null(v))
            LT_TRY(take_one(f, v, at, doc, into, problems, err));
        else if (f->required && !yyjson_mut_obj_get(into, f->name))
            return lt_fail(err, LT_EINVAL, "Format error in JSON body: %s%smissing field `%s`",
                           path, path[0] ? ": " : "", f->name);
    }
    return LT_OK;
}

static yyjson_mut_val *parse_shown(yyjson_mut_doc *doc, const char *text)
{
    yyjson_doc *d = yyjson_read(text, strlen(text), 0);
    yyjson_mut_val *v = d ? yyjson_val_mut_copy(doc, yyjson_doc_get_root(d)) : NULL;

    yyjson_doc_free(d);
    return v;
}

bool lt_fields_show(const lt_fields *fields, yyjson_val *from, yyjson_mut_doc *doc,
                    yyjson_mut_val *into)
{
    for (size_t i = 0; i < fields->n; i++) {
        const lt_field *f = &fields->items[i];
        yyjson_val *v = yyjson_obj_get(from, f->name);

        if (!v && !f->shown)
            continue;
        yyjson_mut_val *key = yyjson_mut_str(doc, f->name);
        yyjson_mut_val *value = v ? yyjson_val_mut_copy(doc, v) : parse_shown(doc, f->shown);

        if (!key || !value || !yyjson_mut_obj_add(into, key, value))
            return false;
    }
    return true;
}
