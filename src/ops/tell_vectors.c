/* SPDX-License-Identifier: Apache-2.0
 * Changes in JSON: vectors.
 *
 *   [1, 2]  dense      [[1, 2], [3, 4]]  multi      {"indices": [...], "values": [...]}  sparse
 *   {"text": ..., "model": ...} and its kin  to be embedded      {name: any of these}  by name
 *
 * A large body is mostly these numbers: each goes from the parsed document into the point's array
 * once, without a look at anything else. */
#include <base/clock.h>
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tell.h"

static void place_text(const tell_place *p, char *out, size_t n_out)
{
    const char *name = p->name ? p->name : "", *dot = *name ? "." : "";

    if (p->batch)
        snprintf(out, n_out, "%s%s%.100s[%zu]", p->list, dot, name, p->at);
    else
        snprintf(out, n_out, "%s[%zu].vector%s%.100s", p->list, p->at, dot, name);
}

static lt_status bad_vector(const tell_place *p, const char *why, lt_error *err)
{
    char where[160];

    place_text(p, where, sizeof where);
    return tell_malformed(err, "%s: %s", where, why);
}

static lt_status invalid_vector(const tell_place *p, const char *field, const char *why,
                                lt_error *err)
{
    char where[160];

    place_text(p, where, sizeof where);
    return lt_fail(err, LT_EVALIDATION, "Validation error in JSON body: [%s%s: %s]", where, field,
                   why);
}

/* NULL, or what is wrong. */
static const char *take_numbers(yyjson_val *list, float *out)
{
    size_t i, n;
    yyjson_val *value;

    yyjson_arr_foreach(list, i, n, value)
    {
        if (!yyjson_is_num(value))
            return "a vector has numbers alone";
        double number = yyjson_get_num(value);

        if (!(fabs(number) <= (double)FLT_MAX))
            return "a number is too large for a 32-bit float";
        out[i] = (float)number;
    }
    return NULL;
}

static lt_status read_dense(tell *t, const tell_place *p, yyjson_val *list, lt_vector *out,
                            lt_error *err)
{
    size_t n = yyjson_arr_size(list);
    float *values = lt_arena_take(&t->arena, n, sizeof *values);

    if (!values)
        return lt_fail_nomem(err);
    const char *wrong = take_numbers(list, values);

    if (wrong)
        return bad_vector(p, wrong, err);
    out->kind = LT_VECTOR_DENSE;
    out->values = values;
    out->n_values = n;
    return LT_OK;
}

static lt_status read_multi(tell *t, const tell_place *p, yyjson_val *list, lt_vector *out,
                            lt_error *err)
{
    size_t rows = yyjson_arr_size(list), dims = yyjson_arr_size(yyjson_arr_get_first(list)), i, n;
    size_t total;
    yyjson_val *row;
    float *values = NULL;

    if (dims == 0)
        return invalid_vector(p, "", "multivector must not be empty", err);
    if (!lt_mul_size(rows, dims, &total) || total > LT_LIMIT_MULTI_VALUES)
        return invalid_vector(p, "", "a multivector has at most 1048576 numbers", err);
    values = lt_arena_take(&t->arena, total, sizeof *values);
    if (!values)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(list, i, n, row)
    {
        if (!yyjson_is_arr(row))
            return bad_vector(p, "rows of numbers are expected", err);
        if (yyjson_arr_size(row) != dims)
            return invalid_vector(p, "", "all vectors must have the same dimension", err);
        const char *wrong = take_numbers(row, values + i * dims);

        if (wrong)
            return bad_vector(p, wrong, err);
    }
    out->kind = LT_VECTOR_MULTI;
    out->values = values;
    out->n_values = total;
    out->n_rows = rows;
    return LT_OK;
}

static int compare_indices(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static lt_status check_unique(tell *t, const tell_place *p, const uint32_t *indices, size_t n,
                              lt_error *err)
{
    uint32_t *sorted = lt_arena_take(&t->arena, n, sizeof *sorted);

    if (!sorted)
        return lt_fail_nomem(err);
    if (n)
        memcpy(sorted, indices, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_indices);
    for (size_t i = 1; i < n; i++)
        if (sorted[i] == sorted[i - 1])
            return invalid_vector(p, ".indices", "must be unique", err);
    return LT_OK;
}

static lt_status read_sparse(tell *t, const tell_place *p, yyjson_val *object, lt_vector *out,
                             lt_error *err)
{
    yyjson_val *indices = tell_field(object, "indices"), *values = tell_field(object, "values");
    yyjson_val *value;
    size_t n = yyjson_arr_size(indices), i, n_seen;

    if (!yyjson_is_arr(indices) || !yyjson_is_arr(values))
        return bad_vector(p, "a sparse vector has indices and values, both arrays", err);
    if (yyjson_arr_size(values) != n)
        return invalid_vector(p, ".values", "must be the same length as indices", err);
    uint32_t *to = lt_arena_take(&t->arena, n, sizeof *to);

    if (!to)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(indices, i, n_seen, value)
    {
        if (!yyjson_is_uint(value) || yyjson_get_uint(value) > UINT32_MAX)
            return bad_vector(p, "indices are integers from 0 to 4294967295", err);
        to[i] = (uint32_t)yyjson_get_uint(value);
    }
    LT_TRY(check_unique(t, p, to, n, err));
    LT_TRY(read_dense(t, p, values, out, err));
    out->kind = LT_VECTOR_SPARSE;
    out->indices = to;
    return LT_OK;
}

/* ---- what is to be embedded ------------------------------------------------------------------ */

/* A named vector is never a string, so a model's name tells the two apart. */
static bool is_inference(yyjson_val *object)
{
    return yyjson_is_str(yyjson_obj_get(object, "model")) &&
           (yyjson_obj_get(object, "text") || yyjson_obj_get(object, "image") ||
            yyjson_obj_get(object, "object"));
}

static lt_status infer(tell *t, const tell_place *p, yyjson_val *object, lt_vector *out,
                       lt_error *err)
{
    const char *text;
    size_t n_text, n = 0;
    float *values = NULL;

    if (!t->options || !t->options->infer)
        return bad_vector(p, "there is no model here that embeds", err);
    if (t->until > 0 && lt_clock_s() > t->until)
        return lt_fail(err, LT_ECANCELED, "Timeout: embedding took too long");
    LT_TRY(tell_text(t, object, &text, &n_text, err));
    LT_TRY(t->options->infer(t->options->context, text, n_text, &values, &n, err));
    float *copy = lt_arena_take(&t->arena, n, sizeof *copy);

    if (copy && n)
        memcpy(copy, values, n * sizeof *copy);
    lt_free(values);
    if (!copy)
        return lt_fail_nomem(err);
    out->kind = LT_VECTOR_DENSE;
    out->values = copy;
    out->n_values = n;
    return LT_OK;
}

/* ---- any ------------------------------------------------------------------------------------- */

lt_status tell_vector(tell *t, const tell_place *place, const char *name, yyjson_val *value,
                      lt_vector *out, lt_error *err)
{
    *out = (lt_vector){.name = name};
    if (yyjson_is_arr(value))
        return yyjson_is_arr(yyjson_arr_get_first(value)) ? read_multi(t, place, value, out, err)
                                                          : read_dense(t, place, value, out, err);
    if (!yyjson_is_obj(value))
        return bad_vector(place, "a vector is an array of numbers or an object", err);
    return is_inference(value) ? infer(t, place, value, out, err)
                               : read_sparse(t, place, value, out, err);
}

static lt_status read_named(tell *t, const tell_place *place, yyjson_val *object,
                            lt_full_point *point, lt_error *err)
{
    size_t n = yyjson_obj_size(object), i, n_seen;
    lt_vector *vectors = lt_arena_take(&t->arena, n, sizeof *vectors);
    yyjson_val *key, *value;

    if (!vectors)
        return lt_fail_nomem(err);
    yyjson_obj_foreach(object, i, n_seen, key, value)
    {
        tell_place named = *place;

        named.name = yyjson_get_str(key);
        LT_TRY(tell_vector(t, &named, named.name, value, &vectors[i], err));
    }
    point->vectors = vectors;
    point->n_vectors = n;
    return LT_OK;
}

lt_status tell_vectors(tell *t, const tell_place *place, yyjson_val *value, lt_full_point *point,
                       lt_error *err)
{
    if (!value)
        return bad_vector(place, "missing field `vector`", err);
    if (yyjson_is_obj(value) && !is_inference(value))
        return read_named(t, place, value, point, err);
    lt_vector *vector = lt_arena_take(&t->arena, 1, sizeof *vector);

    if (!vector)
        return lt_fail_nomem(err);
    LT_TRY(tell_vector(t, place, "", value, vector, err));
    point->vectors = vector;
    point->n_vectors = 1;
    return LT_OK;
}
