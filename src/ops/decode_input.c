/* SPDX-License-Identifier: Apache-2.0
 * What may stand where a vector may: a dense, multi or sparse vector, a point's id, an object that
 * a model makes a vector of. The union is untagged: the fields tell. */
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"

static lt_status to_floats(yyjson_val *list, const lt_at *at, float *out, lt_error *err)
{
    size_t i, n;
    yyjson_val *item;

    yyjson_arr_foreach(list, i, n, item)
    {
        const lt_at here = {at, NULL, i};

        if (!yyjson_is_num(item))
            return lt_body_wrong(&here, "a number", item, err);
        double number = yyjson_get_num(item);

        if (!(fabs(number) <= (double)FLT_MAX))
            return lt_body_bad(&here, "a number too large for a 32-bit float", err);
        out[i] = (float)number;
    }
    return LT_OK;
}

static lt_status decode_dense(lt_body *b, yyjson_val *v, const lt_at *at, lt_vector *out,
                              lt_error *err)
{
    size_t n = yyjson_arr_size(v);
    float *values = lt_arena_take(b->arena, n, sizeof *values);

    if (!values)
        return lt_fail_nomem(err);
    LT_TRY(to_floats(v, at, values, err));
    *out = (lt_vector){"", LT_VECTOR_DENSE, values, n, 0, NULL};
    return LT_OK;
}

/* *fit: all are lists of `width` items. Looked at before memory is taken for width times rows. */
static lt_status check_rows(lt_body *b, yyjson_val *v, const lt_at *at, size_t width, bool *fit,
                            lt_error *err)
{
    size_t i, n;
    yyjson_val *row;

    *fit = false;
    yyjson_arr_foreach(v, i, n, row)
    {
        const lt_at here = {at, NULL, i};

        if (!yyjson_is_arr(row))
            return lt_body_wrong(&here, "a list of numbers", row, err);
        if (yyjson_arr_size(row) == 0)
            return lt_body_invalid(b, &here, err, "all vectors must be non-empty");
        if (yyjson_arr_size(row) != width)
            return lt_body_invalid(b, &here, err,
                                   "all vectors must have the same dimension, found vector with "
                                   "dimension %zu",
                                   yyjson_arr_size(row));
    }
    *fit = true;
    return LT_OK;
}

static lt_status decode_multi(lt_body *b, yyjson_val *v, const lt_at *at, lt_vector *out,
                              lt_error *err)
{
    size_t n_rows = yyjson_arr_size(v), width = yyjson_arr_size(yyjson_arr_get_first(v)), i, n;
    bool fit;
    yyjson_val *row;

    *out = (lt_vector){.name = "", .kind = LT_VECTOR_MULTI};
    LT_TRY(check_rows(b, v, at, width, &fit, err));
    if (!fit)
        return LT_OK;
    float *values = lt_arena_take(b->arena, width * n_rows, sizeof *values);

    if (!values)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(v, i, n, row)
    {
        const lt_at here = {at, NULL, i};

        LT_TRY(to_floats(row, &here, values + i * width, err));
    }
    *out = (lt_vector){"", LT_VECTOR_MULTI, values, width * n_rows, n_rows, NULL};
    return LT_OK;
}

static lt_status to_indices(yyjson_val *list, const lt_at *up, uint32_t *out, lt_error *err)
{
    const lt_at at = {up, "indices", 0};
    size_t i, n;
    yyjson_val *item;

    yyjson_arr_foreach(list, i, n, item)
    {
        const lt_at here = {&at, NULL, i};

        if (!yyjson_is_uint(item) || yyjson_get_uint(item) > UINT32_MAX)
            return lt_body_wrong(&here, "an integer from 0 to 4294967295", item, err);
        out[i] = (uint32_t)yyjson_get_uint(item);
    }
    return LT_OK;
}

static int compare_indices(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static lt_status check_unique(lt_body *b, const uint32_t *indices, size_t n, const lt_at *up,
                              lt_error *err)
{
    const lt_at at = {up, "indices", 0};
    uint32_t *sorted = lt_arena_take(b->arena, n, sizeof *sorted);

    if (!sorted)
        return lt_fail_nomem(err);
    if (n == 0)
        return LT_OK;
    memcpy(sorted, indices, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_indices);
    for (size_t i = 1; i < n; i++)
        if (sorted[i] == sorted[i - 1])
            return lt_body_invalid(b, &at, err, "must be unique");
    return LT_OK;
}

static lt_status decode_sparse(lt_body *b, yyjson_val *v, const lt_at *at, lt_vector *out,
                               lt_error *err)
{
    const lt_at values_at = {at, "values", 0};
    yyjson_val *indices = lt_body_field(v, "indices"), *values = lt_body_field(v, "values");

    if (!yyjson_is_arr(indices) || !yyjson_is_arr(values))
        return lt_body_bad(at, "a sparse vector has the lists `indices` and `values`", err);
    size_t n = yyjson_arr_size(indices);

    if (yyjson_arr_size(values) != n)
        return lt_body_invalid(b, &values_at, err, "must be the same length as indices");
    uint32_t *index = lt_arena_take(b->arena, n, sizeof *index);
    float *value = lt_arena_take(b->arena, n, sizeof *value);

    if (!index || !value)
        return lt_fail_nomem(err);
    LT_TRY(to_indices(indices, at, index, err));
    LT_TRY(check_unique(b, index, n, at, err));
    LT_TRY(to_floats(values, &values_at, value, err));
    *out = (lt_vector){"", LT_VECTOR_SPARSE, value, n, 0, index};
    return LT_OK;
}

/* {"text" | "image" | "object", "model"}: kept as its text. */
static lt_status decode_object(lt_body *b, yyjson_val *v, const lt_at *at, lt_input *out,
                               lt_error *err)
{
    if (!lt_body_field(v, "text") && !lt_body_field(v, "image") && !lt_body_field(v, "object"))
        return lt_body_bad(at,
                           "expected a vector, a point id, a sparse vector, or an object with "
                           "`text`, `image` or `object` and `model`",
                           err);
    *out = (lt_input){.kind = LT_INPUT_OBJECT};
    return lt_body_json(b, v, &out->object, &out->n_object, err);
}

lt_status lt_decode_vector(lt_body *b, yyjson_val *v, const lt_at *at, lt_vector *out,
                           lt_error *err)
{
    *out = (lt_vector){.name = ""};
    if (yyjson_is_arr(v))
        return yyjson_is_arr(yyjson_arr_get_first(v)) ? decode_multi(b, v, at, out, err)
                                                      : decode_dense(b, v, at, out, err);
    return yyjson_is_obj(v) ? decode_sparse(b, v, at, out, err)
                            : lt_body_wrong(at, "a list of numbers or an object", v, err);
}

lt_status lt_decode_input(lt_body *b, yyjson_val *v, const lt_at *at, lt_input *out, lt_error *err)
{
    *out = (lt_input){.kind = LT_INPUT_VECTOR};
    if (yyjson_is_arr(v) || lt_body_field(v, "indices") || lt_body_field(v, "values"))
        return lt_decode_vector(b, v, at, &out->vector, err);
    if (yyjson_is_obj(v))
        return decode_object(b, v, at, out, err);
    out->kind = LT_INPUT_ID;
    return lt_body_id(v, at, &out->id, err);
}

lt_status lt_decode_inputs(lt_body *b, yyjson_val *object, const char *name, const lt_at *up,
                           lt_inputs *out, lt_error *err)
{
    const lt_at at = {up, name, 0};
    yyjson_val *v = lt_body_field(object, name), *item;
    size_t i, n;

    *out = (lt_inputs){0};
    if (!v)
        return LT_OK;
    LT_TRY(lt_body_list(v, &at, LT_LIMIT_EXAMPLES, err));
    out->items = lt_arena_alloc(b->arena, yyjson_arr_size(v), sizeof *out->items);
    if (!out->items)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(v, i, n, item)
    {
        const lt_at here = {&at, NULL, i};

        LT_TRY(lt_decode_input(b, item, &here, &out->items[i], err));
    }
    out->n = out->cap = yyjson_arr_size(v);
    return LT_OK;
}

static lt_status decode_pair(lt_body *b, yyjson_val *v, const lt_at *at, lt_pair *out, lt_error *err)
{
    const lt_at positive_at = {at, "positive", 0}, negative_at = {at, "negative", 0};
    yyjson_val *positive, *negative;

    LT_TRY(lt_body_object(v, at, err));
    LT_TRY(lt_body_need(v, "positive", at, &positive, err));
    LT_TRY(lt_body_need(v, "negative", at, &negative, err));
    LT_TRY(lt_decode_input(b, positive, &positive_at, &out->positive, err));
    return lt_decode_input(b, negative, &negative_at, &out->negative, err);
}

lt_status lt_decode_pairs(lt_body *b, yyjson_val *object, const char *name, const lt_at *up,
                          lt_find *out, lt_error *err)
{
    const lt_at at = {up, name, 0};
    yyjson_val *v = lt_body_field(object, name), *item;
    size_t n = !v ? 0 : yyjson_is_arr(v) ? yyjson_arr_size(v) : 1, i, max;

    if (yyjson_is_arr(v))
        LT_TRY(lt_body_list(v, &at, LT_LIMIT_EXAMPLES, err));
    out->pairs = lt_arena_alloc(b->arena, n, sizeof *out->pairs);
    if (!out->pairs)
        return lt_fail_nomem(err);
    out->n_pairs = n;
    if (v && !yyjson_is_arr(v))
        return decode_pair(b, v, &at, out->pairs, err);
    yyjson_arr_foreach(v, i, max, item)
    {
        const lt_at here = {&at, NULL, i};

        LT_TRY(decode_pair(b, item, &here, &out->pairs[i], err));
    }
    return LT_OK;
}
