/* SPDX-License-Identifier: Apache-2.0 */
#include "quant.h"

#include <base/limits.h>
#include <base/mem.h>
#include <base/rng.h>
#include <endian.h>
#include <math.h>
#include <string.h>

#include "kind.h"

/* ---- configs --------------------------------------------------------------------------------- */

static const lt_quant_ops *ops_of(lt_quant_kind kind)
{
    switch (kind) {
    case LT_QUANT_SCALAR:
        return &lt_quant_scalar;
    case LT_QUANT_BINARY:
        return &lt_quant_binary;
    case LT_QUANT_PRODUCT:
        return &lt_quant_product;
    default:
        return NULL;
    }
}

static bool config_is_possible(const lt_quant_config *c)
{
    switch (c->kind) {
    case LT_QUANT_SCALAR:
        return c->quantile > 0.5f && c->quantile <= 1;
    case LT_QUANT_BINARY:
        return c->half_bits >= 2 && c->half_bits <= 4 &&
               (c->query_bits == 1 || c->query_bits == 4 || c->query_bits == 8);
    case LT_QUANT_PRODUCT:
        return c->ratio >= 4 && c->ratio <= 64 && (c->ratio & (c->ratio - 1)) == 0;
    default:
        return false;
    }
}

bool lt_quant_same_config(const lt_quant_config *a, const lt_quant_config *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == LT_QUANT_SCALAR ? a->quantile == b->quantile
           : a->kind == LT_QUANT_BINARY
               ? a->half_bits == b->half_bits && a->query_bits == b->query_bits
               : a->ratio == b->ratio;
}

/* ---- making ---------------------------------------------------------------------------------- */

static lt_status new_quant(const lt_quant_config *config, lt_distance distance, size_t dims,
                           lt_quant **out, lt_error *err)
{
    if (!config_is_possible(config) || dims < 1 || dims > LT_LIMIT_DIMS ||
        distance < LT_DISTANCE_COSINE || distance > LT_DISTANCE_MANHATTAN)
        return lt_fail(err, LT_EINVAL, "such a quantisation is not possible");
    lt_quant *q = lt_calloc(1, sizeof *q);

    if (!q)
        return lt_fail_nomem(err);
    *q = (lt_quant){.ops = ops_of(config->kind),
                    .kern = lt_kern_get(),
                    .config = *config,
                    .distance = distance,
                    .dims = dims};
    q->params = lt_calloc(q->ops->n_params(q), sizeof *q->params);
    if (!q->params) {
        lt_quant_free(q);
        return lt_fail_nomem(err);
    }
    *out = q;
    return LT_OK;
}

double lt_quant_true_distance(const lt_quant *q, const float *a, const float *b)
{
    double sum = 0;

    for (size_t d = 0; d < q->dims; d++)
        sum += (double)lt_quant_term(q->distance, a[d], b[d]);
    return sum;
}

/* A code stands for the middle of what has it, so an estimate lacks how the values spread around it.
 * That is nearly the same for all codes, and found from pairs of the sample. */
static lt_status find_bias(lt_quant *q, const float *rows, size_t n, lt_error *err)
{
    enum { PAIRS = 100 };
    LT_AUTOFREE uint64_t *code = lt_calloc(lt_quant_code_bytes(q) / 8 + 1, sizeof *code);
    const void *at = code;
    double missing = 0;
    lt_rng r = {2};

    if (!code)
        return lt_fail_nomem(err);
    for (int i = 0; i < PAIRS; i++) {
        const float *a = rows + lt_rng_below(&r, n) * q->dims;
        const float *b = rows + lt_rng_below(&r, n) * q->dims;
        lt_quant_query *query;
        float estimate;

        LT_TRY(lt_quant_query_new(q, a, &query, err));
        lt_quant_encode(q, b, code);
        lt_quant_distances(query, &at, 1, &estimate);
        lt_quant_query_free(query);
        missing += lt_quant_true_distance(q, a, b) - (double)estimate;
    }
    q->bias = isfinite((float)(missing / PAIRS)) ? (float)(missing / PAIRS) : 0;
    return LT_OK;
}

lt_status lt_quant_train(const lt_quant_config *config, lt_distance distance, size_t dims,
                         const float *rows, size_t n, lt_quant **out, lt_error *err)
{
    lt_quant *q;

    if (n == 0)
        return lt_fail(err, LT_EINVAL, "there is nothing to train a quantisation with");
    LT_TRY(new_quant(config, distance, dims, &q, err));
    lt_status st = q->ops->train(q, rows, n, err);

    if (st == LT_OK)
        st = find_bias(q, rows, n, err);
    if (st != LT_OK) {
        lt_quant_free(q);
        return st;
    }
    *out = q;
    return LT_OK;
}

void lt_quant_free(lt_quant *q)
{
    if (!q)
        return;
    lt_free(q->params);
    lt_free(q);
}

const lt_quant_config *lt_quant_get_config(const lt_quant *q)
{
    return &q->config;
}

lt_status lt_quant_moments(const lt_quant *q, const float *rows, size_t n, float *mean,
                           float *deviation, lt_error *err)
{
    LT_AUTOFREE double *sums = lt_calloc(2 * q->dims, sizeof *sums);

    if (!sums)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < q->dims; d++) {
            double v = (double)rows[i * q->dims + d];

            sums[2 * d] += v;
            sums[2 * d + 1] += v * v;
        }
    for (size_t d = 0; d < q->dims; d++) {
        double m = sums[2 * d] / (double)n, spread = sums[2 * d + 1] / (double)n - m * m;

        mean[d] = (float)m;
        if (deviation)
            deviation[d] = spread > 0 ? (float)sqrt(spread) : 0;
    }
    return LT_OK;
}

bool lt_quant_fits(const lt_quant *q, lt_distance distance, size_t dims)
{
    return q->distance == distance && q->dims == dims;
}

/* ---- using ----------------------------------------------------------------------------------- */

size_t lt_quant_code_bytes(const lt_quant *q)
{
    return q->ops->code_bytes(q);
}

void lt_quant_encode(const lt_quant *q, const float *vector, void *code)
{
    q->ops->encode(q, vector, code);
}

lt_status lt_quant_query_new(const lt_quant *q, const float *vector, lt_quant_query **out,
                             lt_error *err)
{
    lt_quant_query *query = lt_calloc(1, sizeof *query);

    if (!query)
        return lt_fail_nomem(err);
    query->q = q;
    query->form = lt_alloc_aligned(1, q->ops->query_bytes(q));
    if (!query->form) {
        lt_quant_query_free(query);
        return lt_fail_nomem(err);
    }
    q->ops->prepare(query, vector);
    query->base += (double)q->bias;
    *out = query;
    return LT_OK;
}

void lt_quant_query_free(lt_quant_query *query)
{
    if (!query)
        return;
    lt_free(query->form);
    lt_free(query);
}

void lt_quant_distances(const lt_quant_query *query, const void *const *codes, size_t n, float *out)
{
    query->q->ops->distances(query, codes, n, out);
}

/* ---- storing: 36 bytes, then the floats, little-endian --------------------------------------- */

typedef struct stored {
    uint32_t kind, distance, dims, half_bits, query_bits, ratio, n_params;
    float quantile, bias;
} stored;
_Static_assert(sizeof(stored) == 36, "the head is part of the file format");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "floats are stored as they are");

lt_status lt_quant_write(const lt_quant *q, lt_buf *out, lt_error *err)
{
    size_t n = q->ops->n_params(q);
    stored s = {.kind = (uint32_t)q->config.kind,
                .distance = (uint32_t)q->distance,
                .dims = (uint32_t)q->dims,
                .half_bits = q->config.half_bits,
                .query_bits = q->config.query_bits,
                .ratio = q->config.ratio,
                .n_params = (uint32_t)n,
                .quantile = q->config.quantile,
                .bias = q->bias};

    LT_TRY(lt_buf_add(out, &s, sizeof s, err));
    return lt_buf_add(out, q->params, n * sizeof *q->params, err);
}

lt_status lt_quant_read(const void *bytes, size_t n, lt_quant **out, lt_error *err)
{
    stored s;
    lt_error why;
    lt_quant *q;

    if (n < sizeof s)
        return lt_fail(err, LT_ECORRUPT, "the quantiser is cut off");
    memcpy(&s, bytes, sizeof s);
    lt_quant_config c = {(lt_quant_kind)s.kind, s.quantile, s.half_bits, s.query_bits, s.ratio};
    lt_status st = new_quant(&c, (lt_distance)s.distance, s.dims, &q, &why);

    if (st == LT_ENOMEM)
        return lt_fail_nomem(err);
    if (st != LT_OK)
        return lt_fail(err, LT_ECORRUPT, "the quantiser's head cannot be");
    bool fits = q->ops->n_params(q) == s.n_params && n == sizeof s + s.n_params * sizeof(float);

    if (fits)
        memcpy(q->params, (const char *)bytes + sizeof s, n - sizeof s);
    q->bias = s.bias;
    fits = fits && isfinite(s.bias);
    fits = fits && (c.kind != LT_QUANT_SCALAR || q->params[0] > 0); /* the step */
    for (size_t i = 0; fits && i < s.n_params; i++)
        fits = isfinite(q->params[i]);
    if (!fits) {
        lt_quant_free(q);
        return lt_fail(err, LT_ECORRUPT, "the quantiser's numbers cannot be");
    }
    *out = q;
    return LT_OK;
}
