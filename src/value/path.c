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

/* ---- grammar --------------------------------------------------------------------------------- */

/* Letters beyond ASCII are not told from other code points there. */
static bool key_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || (unsigned char)c >= 0x80;
}

static bool skip_key(const char **p, const char *end)
{
    const char *start = *p;

    if (start < end && *start == '"') {
        const char *close = memchr(start + 1, '"', (size_t)(end - start - 1));

        *p = close ? close + 1 : start;
        return close != NULL;
    }
    while (*p < end && key_byte(**p))
        ++*p;
    return *p > start;
}

/* `*p` is behind a '['. */
static bool skip_index(const char **p, const char *end)
{
    uint64_t at = 0;

    for (; *p < end && **p >= '0' && **p <= '9'; ++*p) {
        if (__builtin_mul_overflow(at, (uint64_t)10, &at) ||
            __builtin_add_overflow(at, (uint64_t)(**p - '0'), &at))
            return false;
    }
    return *p < end && *(*p)++ == ']';
}

bool lt_path_valid(const char *path, size_t n)
{
    const char *end = path + n;

    if (memchr(path, '\0', n))
        return false;
    for (;;) {
        if (!skip_key(&path, end))
            return false;
        while (path < end && *path == '[') {
            path++;
            if (!skip_index(&path, end))
                return false;
        }
        if (path == end)
            return true;
        if (*path++ != '.')
            return false;
    }
}
