/* SPDX-License-Identifier: Apache-2.0
 * Stored vectors of one shape and the distance between them. Distances here are smaller when
 * nearer: minus the dot product (dot; cosine too, whose float vectors are stored at unit length; of
 * bytes the cosine is computed), squared L2, L1. */
#ifndef LT_INDEX_SPACE_H
#define LT_INDEX_SPACE_H

#include <base/error.h>
#include <simd/kern.h>

/* How a stored vector's elements look. The numbers are part of file formats. */
typedef enum lt_element {
    LT_ELEMENT_F32 = 1,
    LT_ELEMENT_F16 = 2, /* queries are float32 */
    LT_ELEMENT_U8 = 3,  /* queries are u8 too */
    LT_ELEMENT_I8 = 4   /* queries are i8 too; cosine and dot only */
} lt_element;

typedef struct lt_space {
    const lt_kern *kern;
    size_t dims;
    lt_distance distance;
    lt_element element;
} lt_space;

/* LT_EINVAL for a shape that has no kernel. */
lt_status lt_space_init(lt_space *s, size_t dims, lt_distance distance, lt_element element,
                        lt_error *err) LT_NODISCARD;
/* Bytes of one stored vector, without padding. */
size_t lt_space_row_bytes(const lt_space *s);
/* out[i] = distance of the query to rows[i]. */
void lt_space_distances(const lt_space *s, const void *query, const void *const *rows, size_t n,
                        float *out);
/* What searches measure with: out[i] = distance of the query to rows[i]; `context` is the space, or
 * whatever else knows how to measure copies of the vectors in another form. */
typedef void (*lt_measure)(const void *context, const void *query, const void *const *rows,
                           size_t n, float *out);
/* lt_space_distances as such. */
void lt_space_measure(const void *space, const void *query, const void *const *rows, size_t n,
                      float *out);
/* A stored row in the form that queries have: the row itself, or its values in `room` (dims
 * floats). */
const void *lt_space_as_query(const lt_space *s, const void *row, float *room);

#endif
