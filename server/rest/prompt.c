/* SPDX-License-Identifier: Apache-2.0 */
#include "prompt.h"

#include <base/base64.h>
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <base/utf8.h>
#include <math.h>
#include <string.h>

enum { PICTURE_TOKENS = 144, FACTOR_MAX = 1000 };

void lt_prompts_done(lt_prompts *p)
{
    for (size_t i = 0; i < p->n_items; i++)
        lt_buf_done(&p->items[i].bytes);
    lt_free(p->items);
    lt_free(p->asks);
    *p = (lt_prompts){0};
}

static lt_status new_item(lt_prompts *p, bool is_text, lt_prompt_item **out, lt_error *err)
{
    if (p->n_items == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 8;
        lt_prompt_item *items = lt_realloc(p->items, cap, sizeof *items);

        if (!items)
            return lt_fail_nomem(err);
        p->items = items;
        lt_embed_item *asks = lt_realloc(p->asks, cap, sizeof *asks);

        if (!asks)
            return lt_fail_nomem(err);
        p->asks = asks;
        p->cap = cap;
    }
    p->items[p->n_items] =
        (lt_prompt_item){.prompt = p->n_prompts, .weight = 1, .is_text = is_text};
    p->asks[p->n_items] = (lt_embed_item){0};
    *out = &p->items[p->n_items++];
    return LT_OK;
}

/* ---- attention controls ---------------------------------------------------------------------- */

static bool number_at(yyjson_val *obj, const char *key, double *out)
{
    yyjson_val *v = yyjson_obj_get(obj, key);

    *out = yyjson_get_num(v);
    return yyjson_is_num(v) && isfinite(*out);
}

/* How much of a text of n characters a control covers, 0..1. */
static lt_status text_cover(yyjson_val *control, size_t n, double *out, lt_error *err)
{
    double start, length;

    if (!number_at(control, "start", &start) || !number_at(control, "length", &length) ||
        start < 0 || length < 0)
        return lt_fail(err, LT_EINVAL, "a text's control needs 'start' and 'length', not negative");
    double end = fmin(start + length, (double)n);

    *out = n ? fmax(end - start, 0) / (double)n : 0;
    return LT_OK;
}

static lt_status picture_cover(yyjson_val *control, double *out, lt_error *err)
{
    yyjson_val *rect = yyjson_obj_get(control, "rect");
    double left, top, width, height;

    if (!number_at(rect, "left", &left) || !number_at(rect, "top", &top) ||
        !number_at(rect, "width", &width) || !number_at(rect, "height", &height) || left < 0 ||
        top < 0 || width < 0 || height < 0 || left + width > 1.0001 || top + height > 1.0001)
        return lt_fail(err, LT_EINVAL,
                       "a picture's control needs 'rect' with left, top, width and height as parts "
                       "of 1");
    *out = width * height;
    return LT_OK;
}

/* `n`: characters of a text, or ids; 0 for a picture. */
static lt_status read_controls(yyjson_val *item, bool picture, size_t n, double *weight,
                               lt_error *err)
{
    yyjson_val *controls = yyjson_obj_get(item, "controls"), *control;
    size_t i, count;
    double factor, cover = 0;

    *weight = 1;
    if (!controls || yyjson_is_null(controls))
        return LT_OK;
    if (!yyjson_is_arr(controls) || yyjson_arr_size(controls) > LT_PROMPT_CONTROLS_MAX)
        return lt_fail(err, LT_EINVAL, "'controls' must be a list of at most %d",
                       LT_PROMPT_CONTROLS_MAX);
    yyjson_arr_foreach(controls, i, count, control)
    {
        if (!number_at(control, "factor", &factor) || factor < 0 || factor > FACTOR_MAX)
            return lt_fail(err, LT_EINVAL, "a control needs a 'factor' from 0 to %d", FACTOR_MAX);
        if (picture)
            LT_TRY(picture_cover(control, &cover, err));
        else if (yyjson_obj_get(control, "index"))
            cover = n ? 1.0 / (double)n : 0;
        else
            LT_TRY(text_cover(control, n, &cover, err));
        *weight += cover * (factor - 1);
    }
    *weight = fmax(*weight, 0);
    return LT_OK;
}

static size_t count_characters(const char *text, size_t n)
{
    size_t count = 0;

    for (size_t at = 0; at < n; count++) {
        uint32_t cp;

        at += lt_utf8_decode(text + at, n - at, &cp, NULL);
    }
    return count;
}

/* ---- items ----------------------------------------------------------------------------------- */

/* Joined with the text before it, if that is the same prompt's; the weight is then the mean of both
 * by length. */
static lt_status add_text(lt_prompts *p, const char *text, size_t n, double weight, lt_error *err)
{
    lt_prompt_item *last = p->n_items ? &p->items[p->n_items - 1] : NULL;

    if (memchr(text, '\0', n))
        return lt_fail(err, LT_EINVAL, "the text contains a zero character");
    if (!last || last->prompt != p->n_prompts || !last->is_text) {
        LT_TRY(new_item(p, true, &last, err));
        last->weight = weight;
    } else if (last->bytes.len + n > 0) {
        last->weight = (last->weight * (double)last->bytes.len + weight * (double)n) /
                       (double)(last->bytes.len + n);
    }
    if (last->bytes.len + n > LT_LIMIT_TEXT_BYTES)
        return lt_fail(err, LT_ELIMIT, "the text has %zu bytes, at most %u are possible: shorten it",
                       last->bytes.len + n, LT_LIMIT_TEXT_BYTES);
    return lt_buf_add(&last->bytes, text, n, err);
}

static lt_status add_text_item(lt_prompts *p, yyjson_val *item, lt_error *err)
{
    yyjson_val *data = yyjson_obj_get(item, "data");
    double weight;

    if (!yyjson_is_str(data))
        return lt_fail(err, LT_EINVAL, "'data' of a text must be a string");
    const char *text = yyjson_get_str(data);
    size_t n = yyjson_get_len(data);

    LT_TRY(read_controls(item, false, count_characters(text, n), &weight, err));
    return add_text(p, text, n, weight, err);
}

lt_status lt_prompt_ids(yyjson_val *list, int64_t **out, lt_error *err)
{
    LT_AUTOFREE int64_t *ids = lt_calloc(yyjson_arr_size(list), sizeof *ids);
    yyjson_val *id;
    size_t i, n;

    if (!ids)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(list, i, n, id)
    {
        if (!yyjson_is_int(id))
            return lt_fail(err, LT_EINVAL, "token id %zu is not an integer", i);
        ids[i] = yyjson_get_sint(id);
    }
    *out = lt_steal(&ids);
    return LT_OK;
}

static lt_status add_token_ids(lt_prompts *p, lt_model *model, yyjson_val *item, lt_error *err)
{
    yyjson_val *data = yyjson_obj_get(item, "data");
    size_t n_ids = yyjson_arr_size(data);
    LT_AUTOFREE int64_t *ids = NULL;
    char *text = NULL;
    double weight;

    if (!yyjson_is_arr(data) || n_ids == 0)
        return lt_fail(err, LT_EINVAL, "'data' of token_ids must be a list of ids");
    LT_TRY(lt_prompt_ids(data, &ids, err));
    LT_TRY(read_controls(item, false, n_ids, &weight, err));
    LT_TRY(lt_model_detokenize(model, ids, n_ids, &text, err));
    lt_status st = add_text(p, text, strlen(text), weight, err);

    lt_text_free(text);
    return st;
}

/* "x", "y", "size": a square in pixels from the upper left corner; all of them or none. */
static lt_status read_crop(yyjson_val *item, lt_picture *picture, lt_error *err)
{
    yyjson_val *x = yyjson_obj_get(item, "x"), *y = yyjson_obj_get(item, "y"),
               *size = yyjson_obj_get(item, "size");

    if ((!x || yyjson_is_null(x)) && (!y || yyjson_is_null(y)) && (!size || yyjson_is_null(size)))
        return LT_OK;
    if (!yyjson_is_uint(x) || !yyjson_is_uint(y) || !yyjson_is_uint(size) ||
        yyjson_get_uint(size) == 0 || yyjson_get_uint(x) > LT_LIMIT_IMAGE_SIDE ||
        yyjson_get_uint(y) > LT_LIMIT_IMAGE_SIDE || yyjson_get_uint(size) > LT_LIMIT_IMAGE_SIDE)
        return lt_fail(err, LT_EINVAL, "a crop needs x, y and size in pixels, size above 0");
    picture->crop_x = (unsigned)yyjson_get_uint(x);
    picture->crop_y = (unsigned)yyjson_get_uint(y);
    picture->crop_width = picture->crop_height = (unsigned)yyjson_get_uint(size);
    return LT_OK;
}

const char *lt_prompt_data_url(const char *text)
{
    static const char begin[] = "data:image/", end[] = ";base64";
    const char *comma = strchr(text, ',');
    size_t n_end = sizeof end - 1;

    if (strncmp(text, begin, sizeof begin - 1) != 0 || !comma)
        return NULL;
    return strncmp(comma - n_end, end, n_end) == 0 ? comma + 1 : NULL;
}

lt_status lt_prompt_picture(const char *text, size_t n, lt_buf *out, lt_error *err)
{
    const char *data = lt_prompt_data_url(text);

    if (!data && strncmp(text, "data:", 5) == 0)
        return lt_fail(err, LT_EINVAL,
                       "a data: URL of a picture has the form data:image/jpeg;base64,...");
    if (!data && strstr(text, "://"))
        return lt_fail(err, LT_EUNSUPPORTED,
                       "pictures are not fetched from URLs: send the file as base64");
    if (data) {
        n -= (size_t)(data - text);
        text = data;
    }
    LT_TRY(lt_base64_decode(text, n, out, err));
    return out->len ? LT_OK : lt_fail(err, LT_EINVAL, "the picture is empty");
}

static lt_status add_picture(lt_prompts *p, yyjson_val *item, lt_error *err)
{
    yyjson_val *data = yyjson_obj_get(item, "data");
    lt_picture picture = {0};
    lt_prompt_item *added;
    double weight;

    if (!yyjson_is_str(data))
        return lt_fail(err, LT_EINVAL, "'data' of a picture must be a base64 string");
    LT_TRY(read_controls(item, true, 0, &weight, err));
    LT_TRY(read_crop(item, &picture, err));
    LT_TRY(new_item(p, false, &added, err));
    added->weight = weight;
    LT_TRY(lt_prompt_picture(yyjson_get_str(data), yyjson_get_len(data), &added->bytes, err));
    p->asks[p->n_items - 1].picture = picture;
    return LT_OK;
}

static lt_status add_item(lt_prompts *p, lt_model *model, yyjson_val *item, lt_error *err)
{
    const char *type = yyjson_get_str(yyjson_obj_get(item, "type"));

    if (!type)
        return lt_fail(err, LT_EINVAL, "an item needs a 'type': text, image or token_ids");
    if (strcmp(type, "text") == 0)
        return add_text_item(p, item, err);
    if (strcmp(type, "image") == 0)
        return add_picture(p, item, err);
    if (strcmp(type, "token_ids") == 0)
        return add_token_ids(p, model, item, err);
    return lt_fail(err, LT_EINVAL, "unknown type '%s' (known: text, image, token_ids)", type);
}

static const char *text_of(const lt_prompt_item *item)
{
    return item->bytes.data ? item->bytes.data : "";
}

static lt_status count_tokens(lt_prompts *p, lt_model *model, size_t first, lt_error *err)
{
    for (size_t i = first; i < p->n_items; i++) {
        size_t n = PICTURE_TOKENS;

        if (p->items[i].is_text)
            LT_TRY(lt_model_count_tokens(model, text_of(&p->items[i]), &n, err));
        p->n_tokens += n;
    }
    return LT_OK;
}

lt_status lt_prompts_add(lt_prompts *p, lt_model *model, yyjson_val *prompt, lt_error *err)
{
    size_t first = p->n_items, i, n;
    yyjson_val *item;
    lt_error why;

    if (yyjson_is_str(prompt))
        LT_TRY(add_text(p, yyjson_get_str(prompt), yyjson_get_len(prompt), 1, err));
    else if (!yyjson_is_arr(prompt))
        return lt_fail(err, LT_EINVAL, "'prompt' must be a list of items, or a string");
    if (yyjson_is_arr(prompt) && yyjson_arr_size(prompt) > LT_PROMPT_ITEMS_MAX)
        return lt_fail(err, LT_ELIMIT, "a prompt has at most %d items", LT_PROMPT_ITEMS_MAX);
    yyjson_arr_foreach(prompt, i, n, item)
    {
        lt_status st = add_item(p, model, item, &why);

        if (st != LT_OK)
            return lt_fail(err, st, "prompt item %zu: %s", i, why.message);
    }
    if (p->n_items == first)
        return lt_fail(err, LT_EINVAL, "the prompt is empty");
    LT_TRY(count_tokens(p, model, first, err));
    p->n_prompts++;
    return LT_OK;
}

/* ---- vectors --------------------------------------------------------------------------------- */

/* What was wrong with which: a failure says it of one item. */
static lt_status name_failure(const lt_prompts *p, lt_status st, lt_error *err)
{
    size_t i = 0;

    while (i < p->n_items && p->asks[i].status == LT_OK)
        i++;
    if (i == p->n_items || p->n_prompts < 2)
        return st;
    return lt_fail(err, st, "prompt %zu: %s", p->items[i].prompt, p->asks[i].why.message);
}

/* Each prompt's vector from its items', which lie together. */
static lt_status mix_all(const lt_prompts *p, const float *rows, size_t dims, float *out,
                         lt_error *err)
{
    float weights[LT_PROMPT_ITEMS_MAX];
    lt_error why;

    for (size_t i = 0; i < p->n_items;) {
        size_t prompt = p->items[i].prompt, first = i, n = 0;

        for (; i < p->n_items && p->items[i].prompt == prompt; i++)
            weights[n++] = (float)p->items[i].weight;
        lt_status st =
            lt_vectors_mix(rows + first * dims, weights, n, dims, out + prompt * dims, &why);

        if (st == LT_EINVAL)
            return lt_fail(err, st, "prompt %zu: its controls leave nothing of it", prompt);
        if (st != LT_OK)
            return lt_fail_nomem(err);
    }
    return LT_OK;
}

lt_status lt_prompts_embed(lt_prompts *p, lt_embedder *e, const lt_embed_terms *terms, float *out,
                           lt_error *err)
{
    size_t dims = lt_embedder_info(e)->dims;
    LT_AUTOFREE float *rows = lt_calloc(p->n_items * dims, sizeof *rows);

    if (!rows)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < p->n_items; i++) {
        lt_embed_item *ask = &p->asks[i];

        ask->out = rows + i * dims;
        ask->text = p->items[i].is_text ? text_of(&p->items[i]) : NULL;
        ask->picture.bytes = p->items[i].is_text ? NULL : p->items[i].bytes.data;
        ask->picture.n_bytes = p->items[i].bytes.len;
    }
    lt_status st = lt_embedder_run(e, p->asks, p->n_items, terms, err);

    return st == LT_OK ? mix_all(p, rows, dims, out, err) : name_failure(p, st, err);
}

lt_status lt_prompt_dims(yyjson_val *root, const char *key, const lt_model_info *info, size_t *out,
                         lt_error *err)
{
    yyjson_val *v = yyjson_obj_get(root, key);

    *out = info->dims;
    if (!v || yyjson_is_null(v))
        return LT_OK;
    if (!yyjson_is_uint(v) || yyjson_get_uint(v) == 0 || yyjson_get_uint(v) > info->dims)
        return lt_fail(err, LT_EINVAL, "'%s' must be an integer from 1 to %zu", key, info->dims);
    *out = (size_t)yyjson_get_uint(v);
    return LT_OK;
}
