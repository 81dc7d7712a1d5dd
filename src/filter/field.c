/* SPDX-License-Identifier: Apache-2.0 */
#include "field.h"

#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>
#include <value/value.h>

static const char *const type_names[] = {"keyword", "integer",  "float", "bool",
                                         "geo",     "datetime", "uuid",  "text"};
enum { N_TYPES = sizeof type_names / sizeof *type_names };

const char *lt_payload_type_name(lt_payload_type type)
{
    return type_names[type];
}

static lt_status read_type(yyjson_val *schema, lt_payload_type *out, lt_error *err)
{
    yyjson_val *name = yyjson_is_obj(schema) ? yyjson_obj_get(schema, "type") : schema;

    for (size_t i = 0; i < N_TYPES; i++) {
        if (yyjson_equals_str(name, type_names[i])) {
            *out = (lt_payload_type)i;
            return LT_OK;
        }
    }
    return lt_fail(err, LT_EINVAL,
                   "unknown type '%.40s' of a payload index, expected one of keyword, integer, "
                   "float, bool, geo, datetime, uuid, text",
                   yyjson_is_str(name) ? yyjson_get_str(name)
                   : name              ? yyjson_get_type_desc(name)
                                       : "absent");
}

static lt_status read_flag(yyjson_val *schema, const char *name, bool *out, lt_error *err)
{
    yyjson_val *v = yyjson_is_obj(schema) ? yyjson_obj_get(schema, name) : NULL;

    if (!v || yyjson_is_null(v))
        return LT_OK;
    if (!yyjson_is_bool(v))
        return lt_fail(err, LT_EINVAL, "payload index: '%s' must be true or false, not %s", name,
                       yyjson_get_type_desc(v));
    *out = yyjson_get_bool(v);
    return LT_OK;
}

/* Parameters that only steer where Qdrant keeps an index: taken when well-formed, and without
 * effect here. */
static lt_status check_placement(yyjson_val *schema, lt_error *err)
{
    static const char *const flags[] = {"on_disk", "is_principal", "is_tenant", "enable_hnsw",
                                        "prefix"};
    yyjson_val *memory = yyjson_is_obj(schema) ? yyjson_obj_get(schema, "memory") : NULL;
    bool ignored = false;

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        LT_TRY(read_flag(schema, flags[i], &ignored, err));
    if (memory && !yyjson_is_null(memory) && !yyjson_equals_str(memory, "cold") &&
        !yyjson_equals_str(memory, "cached") && !yyjson_equals_str(memory, "pinned"))
        return lt_fail(err, LT_EINVAL,
                       "payload index: 'memory' must be one of cold, cached, pinned");
    return LT_OK;
}

static lt_status fill_field(const char *path, yyjson_val *schema, lt_payload_field *f, lt_error *err)
{
    LT_TRY(read_type(schema, &f->type, err));
    LT_TRY(check_placement(schema, err));
    f->lookup = f->range = true;
    if (f->type == LT_PAYLOAD_INTEGER) {
        LT_TRY(read_flag(schema, "lookup", &f->lookup, err));
        LT_TRY(read_flag(schema, "range", &f->range, err));
        if (!f->lookup && !f->range)
            return lt_fail(err, LT_EVALIDATION,
                           "Validation error in JSON body: [field_schema: the 'lookup' and 'range' "
                           "capabilities can't be both disabled]");
    }
    if (f->type == LT_PAYLOAD_TEXT)
        LT_TRY(lt_analyzer_new(yyjson_is_obj(schema) ? schema : NULL, &f->analyzer, err));
    f->path = lt_strdup(path);
    return f->path ? LT_OK : lt_fail_nomem(err);
}

lt_status lt_payload_field_new(const char *path, yyjson_val *schema, lt_payload_field **out,
                               lt_error *err)
{
    if (strlen(path) > LT_LIMIT_PATH_BYTES || !lt_path_valid(path, strlen(path)))
        return lt_fail(err, LT_EINVAL, "'%.80s' is not a path into the payload", path);
    lt_payload_field *f = lt_calloc(1, sizeof *f);

    if (!f)
        return lt_fail_nomem(err);
    f->refs = 1;
    lt_status st = fill_field(path, schema, f, err);

    if (st != LT_OK) {
        lt_payload_field_unref(f);
        return st;
    }
    *out = f;
    return LT_OK;
}

lt_payload_field *lt_payload_field_ref(const lt_payload_field *f)
{
    lt_payload_field *shared = (lt_payload_field *)(uintptr_t)f;

    __atomic_add_fetch(&shared->refs, 1, __ATOMIC_RELAXED);
    return shared;
}

void lt_payload_field_unref(lt_payload_field *f)
{
    if (!f || __atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    lt_analyzer_free(f->analyzer);
    lt_free(f->path);
    lt_free(f);
}
