/* SPDX-License-Identifier: Apache-2.0 */
#include "space.h"

#include <base/limits.h>
#include <math.h>

lt_status lt_space_init(lt_space *s, size_t dims, lt_distance distance, lt_element element,
                        lt_error *err)
{
    if (dims < 1 || dims > LT_LIMIT_DIMS)
        return lt_fail(err, LT_EINVAL, "%zu dimensions: 1 to %u are possible", dims, LT_LIMIT_DIMS);
    if (distance < LT_DISTANCE_COSINE || distance > LT_DISTANCE_MANHATTAN)
        return lt_fail(err, LT_EINVAL, "distance %d is unknown", (int)distance);
    if (element < LT_ELEMENT_F32 || element > LT_ELEMENT_I8)
        return lt_fail(err, LT_EINVAL, "element type %d is unknown", (int)element);
    if (element == LT_ELEMENT_I8 && distance > LT_DISTANCE_DOT)
        return lt_fail(err, LT_EINVAL, "signed bytes have no distance but cosine and dot");
    *s = (lt_space){lt_kern_get(), dims, distance, element};
    return LT_OK;
}

size_t lt_space_row_bytes(const lt_space *s)
{
    size_t size = s->element == LT_ELEMENT_F32 ? 4 : s->element == LT_ELEMENT_F16 ? 2 : 1;

    return s->dims * size;
}

static void negate(float *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = -v[i];
}

static void f32_distances(const lt_space *s, const float *query, const float *const *rows, size_t n,
                          float *out)
{
    switch (s->distance) {
    case LT_DISTANCE_EUCLID:
        s->kern->l2_rows(query, rows, s->dims, n, out);
        return;
    case LT_DISTANCE_MANHATTAN:
        s->kern->l1_rows(query, rows, s->dims, n, out);
        return;
    default:
        s->kern->dot_rows(query, rows, s->dims, n, out);
        negate(out, n);
    }
}

static void f16_distances(const lt_space *s, const float *query, const void *const *rows, size_t n,
                          float *out)
{
    lt_kern_f16 one = s->distance == LT_DISTANCE_EUCLID      ? s->kern->l2_f16
                      : s->distance == LT_DISTANCE_MANHATTAN ? s->kern->l1_f16
                                                             : s->kern->dot_f16;

    for (size_t i = 0; i < n; i++)
        out[i] = one(query, rows[i], s->dims);
    if (s->distance <= LT_DISTANCE_DOT)
        negate(out, n);
}

/* Bytes cannot be stored at unit length, so their cosine is made here: products to cosines. A zero
 * vector has cosine 0 with all. */
static void scale_by_norms(const lt_space *s, const uint8_t *query, const void *const *rows,
                           size_t n, float *out)
{
    double q = (double)s->kern->dot_u8(query, query, s->dims);

    for (size_t i = 0; i < n; i++) {
        double both = q * (double)s->kern->dot_u8(rows[i], rows[i], s->dims);

        out[i] = both > 0 ? (float)((double)out[i] / sqrt(both)) : 0;
    }
}

static void u8_distances(const lt_space *s, const uint8_t *query, const void *const *rows, size_t n,
                         float *out)
{
    lt_kern_u8 one = s->distance == LT_DISTANCE_EUCLID      ? s->kern->l2_u8
                     : s->distance == LT_DISTANCE_MANHATTAN ? s->kern->l1_u8
                                                            : s->kern->dot_u8;

    for (size_t i = 0; i < n; i++)
        out[i] = (float)one(query, rows[i], s->dims);
    if (s->distance == LT_DISTANCE_COSINE)
        scale_by_norms(s, query, rows, n, out);
    if (s->distance <= LT_DISTANCE_DOT)
        negate(out, n);
}

static void i8_distances(const lt_space *s, const int8_t *query, const void *const *rows, size_t n,
                         float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = -(float)s->kern->dot_i8(query, rows[i], s->dims);
}

void lt_space_distances(const lt_space *s, const void *query, const void *const *rows, size_t n,
                        float *out)
{
    switch (s->element) {
    case LT_ELEMENT_F32:
        /* The same pointers, to what they point at. */
        f32_distances(s, query, (const float *const *)rows, n, out);
        return;
    case LT_ELEMENT_F16:
        f16_distances(s, query, rows, n, out);
        return;
    case LT_ELEMENT_U8:
        u8_distances(s, query, rows, n, out);
        return;
    case LT_ELEMENT_I8:
        i8_distances(s, query, rows, n, out);
        return;
    }
}

void lt_space_measure(const void *space, const void *query, const void *const *rows, size_t n,
                      float *out)
{
    lt_space_distances(space, query, rows, n, out);
}

const void *lt_space_as_query(const lt_space *s, const void *row, float *room)
{
    if (s->element != LT_ELEMENT_F16)
        return row;
    s->kern->f32_from_f16(row, room, s->dims);
    return room;
}
