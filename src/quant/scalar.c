/* SPDX-License-Identifier: Apache-2.0
 * Scalar: value = mean of its dimension + step * (code - 128), a code being 1..255. One step serves
 * all dimensions, so a product needs no correction by row; the mean of each dimension costs nothing
 * in a product either, since its part is the same for all rows.
 *
 * params: the step, then the means. */
#include <base/mem.h>
#include <math.h>
#include <stdlib.h>

#include "kind.h"

enum { CENTRE = 128, REACH = 127, SAMPLE_MAX = 200000 };

static size_t n_params(const lt_quant *q)
{
    return 1 + q->dims;
}

static size_t code_bytes(const lt_quant *q)
{
    return q->dims;
}

/* ---- training -------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

/* How far from the mean of its dimension `quantile` of the values are at most; of all for 1, else
 * of some taken evenly. */
static lt_status find_reach(const lt_quant *q, const float *rows, size_t n, float *out,
                            lt_error *err)
{
    size_t all = n * q->dims, step = q->config.quantile < 1 ? all / SAMPLE_MAX + 1 : 1, m = 0;
    LT_AUTOFREE float *far = lt_calloc(all / step + 1, sizeof *far);
    const float *mean = q->params + 1;

    if (!far)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < all; i += step)
        far[m++] = fabsf(rows[i] - mean[i % q->dims]);
    if (q->config.quantile < 1)
        qsort(far, m, sizeof *far, by_value);
    *out = far[(size_t)(q->config.quantile * (float)(m - 1))];
    for (size_t i = 0; q->config.quantile >= 1 && i < m; i++)
        *out = fmaxf(*out, far[i]);
    return LT_OK;
}

static lt_status train(lt_quant *q, const float *rows, size_t n, lt_error *err)
{
    float reach = 0;

    LT_TRY(lt_quant_moments(q, rows, n, q->params + 1, NULL, err));
    LT_TRY(find_reach(q, rows, n, &reach, err));
    q->params[0] = reach > 0 ? reach / REACH : 1;
    return LT_OK;
}

/* ---- codes ----------------------------------------------------------------------------------- */

static void encode(const lt_quant *q, const float *vector, void *code)
{
    const float *mean = q->params + 1;
    float per_step = 1 / q->params[0];
    uint8_t *out = code;

    for (size_t d = 0; d < q->dims; d++) {
        float steps = rintf((vector[d] - mean[d]) * per_step);

        steps = steps > -REACH ? (steps < REACH ? steps : REACH) : -REACH; /* NaN too */
        out[d] = (uint8_t)((int)steps + CENTRE);
    }
}

/* ---- queries --------------------------------------------------------------------------------- */

static size_t query_bytes(const lt_quant *q)
{
    return q->dims;
}

static bool is_product(const lt_quant *q)
{
    return q->distance <= LT_DISTANCE_DOT;
}

/* A query of a product has a step of its own:
 * product = query . mean + steps * (sum of codes * query - 128 * sum of query). */
static void prepare_product(lt_quant_query *query, const float *vector)
{
    const lt_quant *q = query->q;
    const float *mean = q->params + 1;
    int8_t *form = query->form;
    double largest = 0, constant = 0;
    int64_t sum = 0;

    for (size_t d = 0; d < q->dims; d++)
        largest = fmax(largest, fabs((double)vector[d]));
    double step = largest > 0 ? largest / REACH : 1;

    for (size_t d = 0; d < q->dims; d++) {
        form[d] = (int8_t)rint((double)vector[d] / step);
        sum += form[d];
        constant += (double)vector[d] * (double)mean[d];
    }
    query->step = -step * (double)q->params[0];
    query->base = -constant - query->step * CENTRE * (double)sum;
}

static void prepare(lt_quant_query *query, const float *vector)
{
    const lt_quant *q = query->q;

    if (is_product(q)) {
        prepare_product(query, vector);
        return;
    }
    encode(q, vector, query->form);
    query->step = (double)q->params[0];
    if (q->distance == LT_DISTANCE_EUCLID)
        query->step *= query->step;
}

static void products(const lt_quant_query *query, const void *const *codes, size_t n, float *out)
{
    enum { BATCH = 64 };
    const lt_quant *q = query->q;
    int32_t sums[BATCH];

    for (size_t i = 0; i < n; i += BATCH) {
        size_t m = n - i < BATCH ? n - i : BATCH;

        /* The same pointers, to what they point at. */
        q->kern->dot_i8u8_rows(query->form, (const uint8_t *const *)(codes + i), q->dims, m, sums);
        for (size_t k = 0; k < m; k++)
            out[i + k] = (float)(query->base + query->step * sums[k]);
    }
}

static void distances(const lt_quant_query *query, const void *const *codes, size_t n, float *out)
{
    const lt_quant *q = query->q;
    lt_kern_u8 one = q->distance == LT_DISTANCE_EUCLID ? q->kern->l2_u8 : q->kern->l1_u8;

    if (is_product(q)) {
        products(query, codes, n, out);
        return;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(query->base + query->step * one(query->form, codes[i], q->dims));
}

const lt_quant_ops lt_quant_scalar = {n_params, code_bytes, query_bytes, train,
                                      encode,   prepare,    distances};
