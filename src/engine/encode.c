/* SPDX-License-Identifier: Apache-2.0
 * Vectors as they come, as they are compared, as they are stored. */
#include <base/hash.h>
#include <base/limits.h>
#include <base/mem.h>
#include <math.h>
#include <simd/kern.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

/* ---- checks ---------------------------------------------------------------------------------- */

static lt_status check_finite(const lt_vector *v, lt_error *err)
{
    for (size_t i = 0; i < v->n_values; i++)
        if (!isfinite(v->values[i]))
            return lt_fail(err, LT_EINVAL, "component %zu of the vector is not a finite number", i);
    return LT_OK;
}

static lt_status check_dims(const lt_vector_schema *schema, size_t n, lt_error *err)
{
    return n == schema->dims ? LT_OK
                             : lt_fail(err, LT_EINVAL,
                                       "Vector dimension error: expected dim: %u, got %zu",
                                       schema->dims, n);
}

static int by_value(const void *a, const void *b, void *context)
{
    const uint32_t *indices = context;
    uint32_t x = indices[*(const uint32_t *)a], y = indices[*(const uint32_t *)b];

    return x < y ? -1 : x > y;
}

void lt_sparse_order(const uint32_t *indices, size_t n, uint32_t *order)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, n, sizeof *order, by_value, (void *)(uintptr_t)indices);
}

static lt_status check_sparse(const lt_vector *v, lt_error *err)
{
    if (v->n_values > LT_LIMIT_SPARSE_VALUES)
        return lt_fail(err, LT_ELIMIT, "a sparse vector of %zu values, at most %u are possible",
                       v->n_values, LT_LIMIT_SPARSE_VALUES);
    LT_AUTOFREE uint32_t *order = lt_calloc(v->n_values, sizeof *order);

    if (!order)
        return lt_fail_nomem(err);
    lt_sparse_order(v->indices, v->n_values, order);
    for (size_t i = 1; i < v->n_values; i++)
        if (v->indices[order[i]] == v->indices[order[i - 1]])
            return lt_fail(err, LT_EVALIDATION, "indices: must be unique");
    return LT_OK;
}

static lt_status check_multi(const lt_vector_schema *schema, const lt_vector *v, lt_error *err)
{
    if (v->n_rows == 0)
        return lt_fail(err, LT_EINVAL, "a multivector must have at least one row");
    if (v->n_values > LT_LIMIT_MULTI_VALUES)
        return lt_fail(err, LT_ELIMIT, "a multivector of %zu numbers, at most %u are possible",
                       v->n_values, LT_LIMIT_MULTI_VALUES);
    if (v->n_values % v->n_rows != 0)
        return lt_fail(err, LT_EINVAL, "the rows of a multivector must be of equal length");
    return check_dims(schema, v->n_values / v->n_rows, err);
}

lt_status lt_vector_check(const lt_vector_schema *schema, const lt_vector *v, lt_error *err)
{
    LT_TRY(check_finite(v, err));
    if (v->kind == LT_VECTOR_SPARSE || schema->kind == LT_VECTOR_SPARSE) {
        if (v->kind != schema->kind)
            return lt_fail(err, LT_EINVAL,
                           "Conversion between sparse and regular vectors failed");
        return check_sparse(v, err);
    }
    if (v->kind == LT_VECTOR_MULTI) {
        LT_TRY(check_multi(schema, v, err));
        if (schema->kind == LT_VECTOR_DENSE)
            return lt_fail(err, LT_EINVAL, "Conversion between multi and regular vectors failed");
        return LT_OK;
    }
    return check_dims(schema, v->n_values, err); /* for a multivector: one row */
}

/* ---- forms ----------------------------------------------------------------------------------- */

void lt_normalize(const float *in, size_t n, float *out)
{
    double squared = 0;

    for (size_t i = 0; i < n; i++)
        squared += (double)in[i] * (double)in[i];
    if (squared < 1.19e-7 || fabs(squared - 1) <= 1e-6) {
        memmove(out, in, n * sizeof *out);
        return;
    }
    double norm = sqrt(squared);

    for (size_t i = 0; i < n; i++)
        out[i] = (float)((double)in[i] / norm);
}

/* As a cast to u8 does: cut off, and no further than 0 and 255. */
static uint8_t to_byte(float x)
{
    return x <= 0 ? 0 : x >= 255 ? 255 : (uint8_t)x;
}

void lt_to_space(const lt_vector_schema *schema, const float *in, size_t n_rows, float *out)
{
    size_t dims = schema->dims;

    for (size_t r = 0; r < n_rows; r++) {
        const float *from = in + r * dims;
        float *to = out + r * dims;

        if (schema->element == LT_ELEMENT_U8)
            for (size_t i = 0; i < dims; i++)
                to[i] = to_byte(from[i]);
        else if (schema->distance == LT_DISTANCE_COSINE)
            lt_normalize(from, dims, to);
        else
            memmove(to, from, dims * sizeof *to);
    }
}

void lt_to_element(const lt_vector_schema *schema, const float *in, void *out)
{
    uint8_t *bytes = out;

    switch (schema->element) {
    case LT_ELEMENT_F16:
        lt_kern_get()->f16_from_f32(in, out, schema->dims);
        return;
    case LT_ELEMENT_U8:
        for (size_t i = 0; i < schema->dims; i++)
            bytes[i] = to_byte(in[i]);
        return;
    default:
        memcpy(out, in, schema->dims * sizeof *in);
    }
}

void lt_from_element(const lt_vector_schema *schema, const void *row, float *out)
{
    const uint8_t *bytes = row;

    switch (schema->element) {
    case LT_ELEMENT_F16:
        lt_kern_get()->f32_from_f16(row, out, schema->dims);
        return;
    case LT_ELEMENT_U8:
        for (size_t i = 0; i < schema->dims; i++)
            out[i] = bytes[i];
        return;
    default:
        memcpy(out, row, schema->dims * sizeof *out);
    }
}

/* ---- encoding -------------------------------------------------------------------------------- */

static lt_status encode_dense(const lt_schema_vector *s, const lt_vector *v, lt_arena *arena,
                              lt_encoded *out, lt_error *err)
{
    char *row = lt_arena_alloc(arena, s->stride, 1);
    float *floats = s->seen.element == LT_ELEMENT_F32
                        ? (float *)(void *)row
                        : lt_arena_alloc(arena, s->seen.dims, sizeof *floats);

    if (!row || !floats)
        return lt_fail_nomem(err);
    lt_to_space(&s->seen, v->values, 1, floats);
    if (s->seen.element != LT_ELEMENT_F32)
        lt_to_element(&s->seen, floats, row);
    out->stored.bytes = row;
    out->stored.n = s->stride;
    out->stored.hash = lt_hash64(row, s->stride);
    return LT_OK;
}

/* Rows of floats, as they are compared: what the element type loses is lost here. */
static lt_status encode_multi(const lt_schema_vector *s, const lt_vector *v, lt_arena *arena,
                              lt_encoded *out, lt_error *err)
{
    size_t dims = s->seen.dims, n_rows = v->n_values / dims;
    float *rows = lt_arena_alloc(arena, v->n_values, sizeof *rows);
    uint16_t *half = lt_arena_alloc(arena, dims, sizeof *half);

    if (!rows || !half)
        return lt_fail_nomem(err);
    lt_to_space(&s->seen, v->values, n_rows, rows);
    for (size_t r = 0; s->seen.element == LT_ELEMENT_F16 && r < n_rows; r++) {
        lt_to_element(&s->seen, rows + r * dims, half);
        lt_from_element(&s->seen, half, rows + r * dims);
    }
    out->stored.is_inline = true;
    out->stored.bytes = rows;
    out->stored.n = v->n_values * sizeof *rows;
    return LT_OK;
}

/* The indices in order, then the values. */
static lt_status encode_sparse(const lt_vector *v, lt_arena *arena, lt_encoded *out, lt_error *err)
{
    uint32_t *indices = lt_arena_alloc(arena, v->n_values, 8);
    uint32_t *order = lt_arena_alloc(arena, v->n_values, sizeof *order);
    float *values = (float *)(void *)(indices + v->n_values);

    if (!indices || !order)
        return lt_fail_nomem(err);
    lt_sparse_order(v->indices, v->n_values, order);
    for (size_t i = 0; i < v->n_values; i++) {
        indices[i] = v->indices[order[i]];
        values[i] = v->values[order[i]];
    }
    out->stored.is_inline = true;
    out->stored.bytes = indices;
    out->stored.n = v->n_values * 8;
    return LT_OK;
}

lt_status lt_vector_encode(const lt_schema *schema, const lt_vector *v, lt_arena *arena,
                           lt_encoded *out, lt_error *err)
{
    const lt_schema_vector *s = lt_schema_find(schema, v->name ? v->name : "");

    if (!s)
        return lt_no_vector(v->name ? v->name : "", err);
    if ((!v->values && v->n_values) || (v->kind == LT_VECTOR_SPARSE && !v->indices && v->n_values))
        return lt_fail(err, LT_EINVAL, "a vector without values");
    LT_TRY(lt_vector_check(&s->seen, v, err));
    *out = (lt_encoded){.name = v->name ? v->name : "", .seen = &s->seen, .number = s->number};
    out->stored.number = (uint16_t)s->number;
    switch (s->seen.kind) {
    case LT_VECTOR_DENSE:
        return encode_dense(s, v, arena, out, err);
    case LT_VECTOR_MULTI:
        return encode_multi(s, v, arena, out, err);
    case LT_VECTOR_SPARSE:
        return encode_sparse(v, arena, out, err);
    }
    return LT_OK;
}
