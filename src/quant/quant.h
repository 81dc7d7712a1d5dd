/* SPDX-License-Identifier: Apache-2.0
 * Quantisation: short codes of vectors, and distances to them that are nearly those of the vectors.
 *
 *   scalar    a byte a dimension: steps of equal width around the mean of the dimension
 *   binary    1, 1.5 or 2 bits a dimension: below or above thresholds; the query keeps 4 or 8 bits,
 *             or becomes bits itself
 *   product   a byte for several dimensions: the nearest of 256 centroids of that group
 *
 * What a code stands for is trained from a sample of the vectors. Distances have the sign and scale
 * of lt_space's: minus the product (cosine, dot), squared L2, L1; so they can be compared with those
 * of vectors that have no code. A quantiser is immutable: any number of threads may use it. */
#ifndef LT_QUANT_QUANT_H
#define LT_QUANT_QUANT_H

#include <base/buf.h>
#include <latent.h>

typedef enum lt_quant_kind {
    LT_QUANT_NONE = 0,
    LT_QUANT_SCALAR = 1, /* the numbers are part of the file format */
    LT_QUANT_BINARY = 2,
    LT_QUANT_PRODUCT = 3
} lt_quant_kind;

typedef struct lt_quant_config {
    lt_quant_kind kind;
    float quantile;      /* scalar: this part of the values is within range, (0.5, 1] */
    unsigned half_bits;  /* binary: 2, 3 or 4 for 1, 1.5 or 2 bits a dimension */
    unsigned query_bits; /* binary: of a query's weights, 4 or 8; 1: as the codes */
    unsigned ratio;      /* product: bytes of float32 that become one byte, 4..64 */
} lt_quant_config;

bool lt_quant_same_config(const lt_quant_config *a, const lt_quant_config *b);

typedef struct lt_quant lt_quant;

/* Trains with n > 0 rows of `dims` floats, one after the other, as they are compared (of unit length
 * for cosine). LT_EINVAL for a config that is not possible. */
lt_status lt_quant_train(const lt_quant_config *config, lt_distance distance, size_t dims,
                         const float *rows, size_t n, lt_quant **out, lt_error *err) LT_NODISCARD;
void lt_quant_free(lt_quant *q); /* NULL allowed */
const lt_quant_config *lt_quant_get_config(const lt_quant *q);

/* Was it trained for such vectors? */
bool lt_quant_fits(const lt_quant *q, lt_distance distance, size_t dims);

/* Bytes of a code. Codes must lie at multiples of 8. */
size_t lt_quant_code_bytes(const lt_quant *q);
void lt_quant_encode(const lt_quant *q, const float *vector, void *code);

/* A query, prepared; the quantiser must outlive it. Free with lt_quant_query_free. */
typedef struct lt_quant_query lt_quant_query;
lt_status lt_quant_query_new(const lt_quant *q, const float *vector, lt_quant_query **out,
                             lt_error *err) LT_NODISCARD;
void lt_quant_query_free(lt_quant_query *query); /* NULL allowed */
/* out[i] = the estimated distance of the vector whose code is codes[i]. */
void lt_quant_distances(const lt_quant_query *query, const void *const *codes, size_t n, float *out);

/* Appends what was trained; reads it back. LT_ECORRUPT for bytes that cannot be. */
lt_status lt_quant_write(const lt_quant *q, lt_buf *out, lt_error *err) LT_NODISCARD;
lt_status lt_quant_read(const void *bytes, size_t n, lt_quant **out, lt_error *err) LT_NODISCARD;

#endif
