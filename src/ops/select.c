/* SPDX-License-Identifier: Apache-2.0 */
#include "select.h"

#include <base/error.h>
#include <base/limits.h>
#include <stdlib.h>
#include <string.h>
#include <value/value.h>

/* ---- the tree -------------------------------------------------------------------------------- */

/* The step at the head of `path` goes to *out; returns what is behind it. */
static const char *read_step(const char *path, lt_paths *out)
{
    *out = (lt_paths){.step = LT_STEP_KEY};
    if (*path == '.')
        path++;
    if (*path == '[') {
        out->step = path[1] == ']' ? LT_STEP_EACH : LT_STEP_INDEX;
        out->key = path + 1;
        out->n_key = strcspn(path + 1, "]");
        return path + out->n_key + 2;
    }
    if (*path == '"') {
        out->key = path + 1;
        out->n_key = strcspn(path + 1, "\"");
        return path + out->n_key + 2;
    }
    out->key = path;
    out->n_key = strcspn(path, ".[");
    return path + out->n_key;
}

static lt_paths *child_for(lt_arena *arena, lt_paths *node, const lt_paths *step)
{
    for (lt_paths *c = node->first; c; c = c->next)
        if (c->step == step->step && c->n_key == step->n_key &&
            memcmp(c->key, step->key, c->n_key) == 0)
            return c;
    lt_paths *c = lt_arena_alloc(arena, 1, sizeof *c);

    if (!c)
        return NULL;
    *c = *step;
    c->next = node->first;
    node->first = c;
    return c;
}

lt_paths *lt_paths_new(lt_arena *arena, const char *const *names, size_t n)
{
    lt_paths *root = lt_arena_alloc(arena, 1, sizeof *root);

    for (size_t i = 0; root && i < n; i++) {
        const char *path = names[i];
        lt_paths *node = root, step;
        unsigned depth = 0;

        /* What is deeper than any payload that we read selects nothing; the bound keeps the
         * recursion below flat. */
        while (*path && !node->whole && depth++ < LT_LIMIT_SELECT_DEPTH) {
            path = read_step(path, &step);
            node = child_for(arena, node, &step);
            if (!node)
                return NULL;
        }
        if (*path == '\0' && depth) {
            node->whole = true;
            node->first = NULL;
        }
    }
    return root;
}

static const lt_paths *child_key(const lt_paths *node, yyjson_val *key)
{
    size_t n = yyjson_get_len(key);

    for (const lt_paths *c = node->first; c; c = c->next)
        if (c->step == LT_STEP_KEY && c->n_key == n && memcmp(c->key, yyjson_get_str(key), n) == 0)
            return c;
    return NULL;
}

static const lt_paths *child_each(const lt_paths *node)
{
    for (const lt_paths *c = node->first; c; c = c->next)
        if (c->step == LT_STEP_EACH)
            return c;
    return NULL;
}

/* ---- writing --------------------------------------------------------------------------------- */

static lt_status write_part(yyjson_val *v, const lt_paths *node, bool include, lt_buf *out,
                            lt_error *err);

static lt_status write_object(yyjson_val *v, const lt_paths *node, bool include, lt_buf *out,
                              lt_error *err)
{
    size_t i, n;
    yyjson_val *key, *item;
    bool any = false;

    LT_TRY(lt_buf_addc(out, '{', err));
    yyjson_obj_foreach(v, i, n, key, item)
    {
        const lt_paths *child = child_key(node, key);

        if (include ? !child : child && child->whole)
            continue;
        if (any)
            LT_TRY(lt_buf_addc(out, ',', err));
        any = true;
        LT_TRY(lt_json_write(key, out, err));
        LT_TRY(lt_buf_addc(out, ':', err));
        /* Nothing below is chosen apart from the rest: whole. */
        LT_TRY(!child || child->whole ? lt_json_write(item, out, err)
                                      : write_part(item, child, include, out, err));
    }
    return lt_buf_addc(out, '}', err);
}

/* Only "[]" selects in lists; "[3]" names a place and does nothing here, as in Qdrant. */
static lt_status write_array(yyjson_val *v, const lt_paths *node, bool include, lt_buf *out,
                             lt_error *err)
{
    const lt_paths *each = child_each(node);
    size_t i, n;
    yyjson_val *item;

    if (!each)
        return include ? lt_buf_adds(out, "[]", err) : lt_json_write(v, out, err);
    if (each->whole)
        return include ? lt_json_write(v, out, err) : lt_buf_adds(out, "[]", err);
    LT_TRY(lt_buf_addc(out, '[', err));
    yyjson_arr_foreach(v, i, n, item)
    {
        if (i)
            LT_TRY(lt_buf_addc(out, ',', err));
        LT_TRY(write_part(item, each, include, out, err));
    }
    return lt_buf_addc(out, ']', err);
}

static lt_status write_part(yyjson_val *v, const lt_paths *node, bool include, lt_buf *out,
                            lt_error *err)
{
    if (yyjson_is_obj(v))
        return write_object(v, node, include, out, err);
    if (yyjson_is_arr(v))
        return write_array(v, node, include, out, err);
    return lt_json_write(v, out, err);
}

lt_status lt_select_write(yyjson_val *payload, const lt_pick *pick, lt_buf *out, lt_error *err)
{
    return write_part(payload, pick->tree, pick->kind == LT_PICK_SOME, out, err);
}
