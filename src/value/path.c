/* SPDX-License-Identifier: Apache-2.0
 * Paths into payloads: keys joined by dots, "[]" for every element of an array, "[3]" for one.
 * A key may be quoted ("a.b") to hold dots. Written after Qdrant's documentation of nested keys. */
#include <base/limits.h>
#include <stdlib.h>
#include <string.h>

#include "value.h"

typedef struct visitor {
    lt_value_visit visit;
    void *context;
    bool whole;
} visitor;

/* The key at the head of `path`; returns what is behind it. */
static const char *read_key(const char *path, const char **key, size_t *n)
{
    if (*path == '"') {
        const char *end = strchr(path + 1, '"');

        if (end) {
            *key = path + 1;
            *n = (size_t)(end - path - 1);
            return end + 1;
        }
    }
    *key = path;
    *n = strcspn(path, ".[");
    return path + *n;
}

static bool visit_end(const visitor *v, yyjson_val *value)
{
    if (!yyjson_is_arr(value) || v->whole)
        return v->visit(v->context, value);
    size_t i, n;
    yyjson_val *item;

    yyjson_arr_foreach(value, i, n, item)
    {
        if (v->visit(v->context, item))
            return true;
    }
    return false;
}

static bool descend(const visitor *v, yyjson_val *value, const char *path, unsigned depth);

/* `path` begins with '['. */
static bool descend_array(const visitor *v, yyjson_val *value, const char *path, unsigned depth)
{
    const char *end = strchr(path, ']');

    if (!end || !yyjson_is_arr(value))
        return false;
    if (end != path + 1) {
        char *stop;
        unsigned long at = strtoul(path + 1, &stop, 10);
        yyjson_val *item = stop == end ? yyjson_arr_get(value, at) : NULL;

        return item && descend(v, item, end + 1, depth + 1);
    }
    size_t i, n;
    yyjson_val *item;

    yyjson_arr_foreach(value, i, n, item)
    {
        if (descend(v, item, end + 1, depth + 1))
            return true;
    }
    return false;
}

static bool descend(const visitor *v, yyjson_val *value, const char *path, unsigned depth)
{
    const char *key;
    size_t n;

    if (depth > LT_LIMIT_FILTER_DEPTH)
        return false;
    if (*path == '\0')
        return visit_end(v, value);
    if (*path == '[')
        return descend_array(v, value, path, depth);
    if (*path == '.')
        path++;
    path = read_key(path, &key, &n);
    yyjson_val *next = yyjson_obj_getn(value, key, n);

    return next && descend(v, next, path, depth + 1);
}

bool lt_value_at(yyjson_val *root, const char *path, bool whole, lt_value_visit visit,
                 void *context)
{
    visitor v = {visit, context, whole};

    return root && path[0] && descend(&v, root, path, 0);
}
