/* SPDX-License-Identifier: Apache-2.0
 * In a Sequence each processor works on what the one before made of the text: a list of segments,
 * since a template makes one of each of its items and the others treat the first one apart. */
#include "postprocess.h"

#include <base/mem.h>
#include <string.h>

enum { DEPTH_MAX = 16, ITEMS_MAX = 4096 };

/* The layout being built: items, and where each segment ends. */
typedef struct draft {
    int64_t items[ITEMS_MAX];
    size_t ends[ITEMS_MAX];
    size_t n_segments;
    size_t n_added;
} draft;

static size_t n_items(const draft *d)
{
    return d->n_segments ? d->ends[d->n_segments - 1] : 0;
}

/* Appends items to a segment under way; a segment is closed by its end. */
static lt_status add_items(draft *d, size_t *n, const int64_t *items, size_t n_new,
                           const lt_part *where, lt_error *err)
{
    if (n_new > ITEMS_MAX - *n)
        return lt_fail(err, LT_ELIMIT, "%s: %s: more than %d tokens", where->file, where->part,
                       ITEMS_MAX);
    if (n_new)
        memcpy(d->items + *n, items, n_new * sizeof *items);
    *n += n_new;
    return LT_OK;
}

static lt_status end_segment(draft *d, size_t n, const lt_part *where, lt_error *err)
{
    if (d->n_segments == ITEMS_MAX)
        return lt_fail(err, LT_ELIMIT, "%s: %s: more than %d parts", where->file, where->part,
                       ITEMS_MAX);
    d->ends[d->n_segments++] = n;
    return LT_OK;
}

/* ---- BertProcessing and RobertaProcessing ---------------------------------------------------- */

/* ["<s>", 0] */
static lt_status read_pair(yyjson_val *json, const char *key, const lt_part *where, int64_t *id,
                           lt_error *err)
{
    yyjson_val *pair = yyjson_obj_get(json, key);
    uint32_t value;

    if (yyjson_arr_size(pair) != 2 || !yyjson_is_str(yyjson_arr_get_first(pair)) ||
        !lt_json_u32(yyjson_arr_get_last(pair), &value))
        return lt_fail(err, LT_EINVAL, "%s: %s: '%s' is not a token with its id", where->file,
                       where->part, key);
    *id = value;
    return LT_OK;
}

/* cls and sep around the first segment; sep behind (Roberta: around) each further one. */
static lt_status put_around(draft *d, yyjson_val *json, bool special, bool roberta,
                            const lt_part *where, lt_error *err)
{
    int64_t cls, sep;
    size_t n = 0, begin = 0;

    LT_TRY(read_pair(json, "cls", where, &cls, err));
    LT_TRY(read_pair(json, "sep", where, &sep, err));
    d->n_added += 2;
    if (!special)
        return LT_OK;
    LT_AUTOFREE draft *old = lt_malloc(sizeof *old);

    if (!old)
        return lt_fail_nomem(err);
    *old = *d;
    d->n_segments = 0;
    for (size_t i = 0; i < old->n_segments; i++) {
        if (i == 0)
            LT_TRY(add_items(d, &n, &cls, 1, where, err));
        else if (roberta)
            LT_TRY(add_items(d, &n, &sep, 1, where, err));
        LT_TRY(add_items(d, &n, old->items + begin, old->ends[i] - begin, where, err));
        LT_TRY(add_items(d, &n, &sep, 1, where, err));
        LT_TRY(end_segment(d, n, where, err));
        begin = old->ends[i];
    }
    return LT_OK;
}

/* ---- TemplateProcessing ---------------------------------------------------------------------- */

/* The ids of a special token of the template, appended. */
static lt_status add_special(draft *d, size_t *n, yyjson_val *tokens, const char *name,
                             const lt_part *where, lt_error *err)
{
    yyjson_val *token = yyjson_obj_get(tokens, name), *ids, *item;
    size_t i, max;

    if (!yyjson_is_obj(token))
        return lt_fail(err, LT_EINVAL, "%s: %s: the special token '%s' of the template is missing",
                       where->file, where->part, name);
    LT_TRY(lt_field_array(token, "ids", where, &ids, err));
    yyjson_arr_foreach(ids, i, max, item)
    {
        uint32_t value;

        if (!lt_json_u32(item, &value))
            return lt_fail(err, LT_EINVAL,
                           "%s: %s: an id of the special token '%s' is not a whole "
                           "number",
                           where->file, where->part, name);
        LT_TRY(add_items(d, n, &(int64_t){value}, 1, where, err));
    }
    return LT_OK;
}

static lt_status apply_template(draft *d, yyjson_val *json, bool special, const lt_part *where,
                                lt_error *err)
{
    LT_AUTOFREE draft *old = lt_malloc(sizeof *old);
    yyjson_val *single, *item, *tokens = yyjson_obj_get(json, "special_tokens");
    size_t i, max, n = 0, n_added = 0;

    if (!old)
        return lt_fail_nomem(err);
    *old = *d;
    if (old->n_segments != 1)
        return lt_fail(err, LT_EUNSUPPORTED,
                       "%s: %s: a TemplateProcessing behind another is not "
                       "supported",
                       where->file, where->part);
    LT_TRY(lt_field_array(json, "single", where, &single, err));
    d->n_segments = 0;
    yyjson_arr_foreach(single, i, max, item)
    {
        yyjson_val *sequence = yyjson_obj_get(item, "Sequence");
        yyjson_val *token = yyjson_obj_get(item, "SpecialToken");
        const char *id;
        size_t len, before = n;

        if (!sequence && !token)
            return lt_fail(err, LT_EINVAL,
                           "%s: %s: item %zu of 'single' is neither Sequence nor "
                           "SpecialToken",
                           where->file, where->part, i);
        LT_TRY(lt_field_string(sequence ? sequence : token, "id", where, &id, &len, err));
        if (sequence && strcmp(id, "A") != 0)
            return lt_fail(err, LT_EINVAL, "%s: %s: 'single' asks for sequence '%s'", where->file,
                           where->part, id);
        if (sequence) {
            LT_TRY(add_items(d, &n, old->items, n_items(old), where, err));
        } else {
            LT_TRY(add_special(d, &n, tokens, id, where, err));
            n_added += n - before;
            if (!special) {
                n = before;
                continue;
            }
        }
        LT_TRY(end_segment(d, n, where, err));
    }
    d->n_added += n_added;
    return LT_OK;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static lt_status apply(draft *d, yyjson_val *json, bool special, const lt_part *where,
                       unsigned depth, lt_error *err)
{
    yyjson_val *list, *item;
    const char *type;
    size_t len, i, max;

    LT_TRY(lt_field_string(json, "type", where, &type, &len, err));
    if (strcmp(type, "TemplateProcessing") == 0)
        return apply_template(d, json, special, where, err);
    if (strcmp(type, "RobertaProcessing") == 0)
        return put_around(d, json, special, true, where, err);
    if (strcmp(type, "BertProcessing") == 0)
        return put_around(d, json, special, false, where, err);
    if (strcmp(type, "ByteLevel") == 0)
        return LT_OK; /* trims offsets only */
    if (strcmp(type, "Sequence") != 0)
        return lt_unsupported_type(where, type, err);
    if (depth == DEPTH_MAX)
        return lt_fail(err, LT_ELIMIT, "%s: %s: sequences nest too deeply", where->file,
                       where->part);
    LT_TRY(lt_field_array(json, "processors", where, &list, err));
    yyjson_arr_foreach(list, i, max, item) LT_TRY(apply(d, item, special, where, depth + 1, err));
    return LT_OK;
}

lt_status lt_layout_open(lt_layout *l, yyjson_val *json, bool special, const char *file,
                         lt_error *err)
{
    const lt_part where = {file, "post_processor"};
    LT_AUTOFREE draft *d = lt_calloc(1, sizeof *d);

    if (!d)
        return lt_fail_nomem(err);
    d->items[0] = LT_LAYOUT_TEXT;
    d->ends[0] = 1;
    d->n_segments = 1;
    if (json && !yyjson_is_null(json))
        LT_TRY(apply(d, json, special, &where, 0, err));
    int64_t *items = lt_malloc(n_items(d) * sizeof *items);

    if (!items)
        return lt_fail_nomem(err);
    memcpy(items, d->items, n_items(d) * sizeof *items);
    *l = (lt_layout){items, n_items(d), special ? d->n_added : 0};
    return LT_OK;
}

void lt_layout_done(lt_layout *l)
{
    lt_free(l->items);
    *l = (lt_layout){0};
}
