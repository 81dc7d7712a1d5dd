/* SPDX-License-Identifier: Apache-2.0
 * Binary: each dimension is cut at one threshold (its mean) or at two (so that about a third lies
 * below, between and above), each threshold being a bit: is the value above it? 1 bit has one
 * threshold a dimension, 2 bits two, 1.5 bits two for every other dimension.
 *
 * A level (below all, between, above all) stands for the mean of the sample's values there. Any
 * distance that is a sum over dimensions is then a sum of weights at the bits that are set, since
 * f(level) = f(0) + bit 0 * (f(1) - f(0)) + bit 1 * (f(2) - f(1)): the asymmetric query is these
 * weights, cut to 4 or 8 bits. The symmetric one is a code, and the differing bits are turned into a
 * distance by a line fitted to pairs of the sample.
 *
 * A code is the first bits of all dimensions, then the second bits of those that have one.
 * params: the fitted line (2), then a dimension: thresholds (2), means of the levels (3). */
#include <base/mem.h>
#include <base/rng.h>
#include <math.h>
#include <string.h>

#include "kind.h"

enum { LINE = 2, PER_DIM = 5 };
#define TERCILE 0.43f /* of the normal distribution, in standard deviations */

static size_t n_params(const lt_quant *q)
{
    return LINE + PER_DIM * q->dims;
}

/* Thresholds, then levels. */
static float *params_of(const lt_quant *q, size_t d)
{
    return q->params + LINE + PER_DIM * d;
}

static bool has_two(const lt_quant *q, size_t d)
{
    return q->config.half_bits == 4 || (q->config.half_bits == 3 && d % 2 == 1);
}

static size_t n_words(const lt_quant *q)
{
    return (q->dims * q->config.half_bits / 2 + 63) / 64;
}

static size_t code_bytes(const lt_quant *q)
{
    return n_words(q) * 8;
}

/* Where the second bit of a dimension is that has one. */
static size_t second_bit(const lt_quant *q, size_t d)
{
    return q->dims + (q->config.half_bits == 4 ? d : d / 2);
}

/* ---- codes ----------------------------------------------------------------------------------- */

static void set_bit(uint64_t *code, size_t bit)
{
    code[bit / 64] |= (uint64_t)1 << bit % 64;
}

static void encode(const lt_quant *q, const float *vector, void *out)
{
    uint64_t *code = out;

    memset(code, 0, code_bytes(q));
    for (size_t d = 0; d < q->dims; d++) {
        const float *threshold = params_of(q, d);

        if (vector[d] > threshold[0])
            set_bit(code, d);
        if (has_two(q, d) && vector[d] > threshold[1])
            set_bit(code, second_bit(q, d));
    }
}

/* ---- training -------------------------------------------------------------------------------- */

static lt_status find_thresholds(lt_quant *q, const float *rows, size_t n, lt_error *err)
{
    LT_AUTOFREE float *mean = lt_calloc(q->dims, sizeof *mean);
    LT_AUTOFREE float *deviation = lt_calloc(q->dims, sizeof *deviation);

    if (!mean || !deviation)
        return lt_fail_nomem(err);
    LT_TRY(lt_quant_moments(q, rows, n, mean, deviation, err));
    for (size_t d = 0; d < q->dims; d++) {
        float apart = has_two(q, d) ? TERCILE * deviation[d] : 0;

        params_of(q, d)[0] = mean[d] - apart;
        params_of(q, d)[1] = mean[d] + apart;
    }
    return LT_OK;
}

static size_t level_of(const lt_quant *q, size_t d, float value)
{
    const float *threshold = params_of(q, d);

    return (size_t)(value > threshold[0]) + (size_t)(has_two(q, d) && value > threshold[1]);
}

/* A level that no value of the sample has stands for its nearer threshold. */
static void find_levels(lt_quant *q, const float *rows, size_t n)
{
    for (size_t d = 0; d < q->dims; d++) {
        float *threshold = params_of(q, d), *level = threshold + 2;
        double sums[3] = {0};
        size_t counts[3] = {0};

        for (size_t i = 0; i < n; i++) {
            float v = rows[i * q->dims + d];
            size_t l = level_of(q, d, v);

            sums[l] += (double)v;
            counts[l]++;
        }
        for (size_t l = 0; l < 3; l++)
            level[l] = counts[l] ? (float)(sums[l] / (double)counts[l]) : threshold[l > 0];
    }
}

/* The line from differing bits to distances, by least squares over pairs of the sample. */
static lt_status fit_line(lt_quant *q, const float *rows, size_t n, lt_error *err)
{
    enum { PAIRS = 1000 };
    size_t words = n_words(q);
    LT_AUTOFREE uint64_t *codes = lt_calloc(2 * words, sizeof *codes);
    double sx = 0, sy = 0, sxx = 0, sxy = 0;
    lt_rng r = {1};

    if (!codes)
        return lt_fail_nomem(err);
    for (int i = 0; i < PAIRS; i++) {
        const float *a = rows + lt_rng_below(&r, n) * q->dims;
        const float *b = rows + lt_rng_below(&r, n) * q->dims;

        encode(q, a, codes);
        encode(q, b, codes + words);
        double x = q->kern->hamming(codes, codes + words, words);
        double y = lt_quant_true_distance(q, a, b);

        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
    }
    double spread = sxx - sx * sx / PAIRS, slope = spread > 0 ? (sxy - sx * sy / PAIRS) / spread : 0;

    /* More differing bits are farther, whatever a small sample says. */
    slope = slope > 1e-9 ? slope : 1e-9;
    q->params[0] = (float)((sy - slope * sx) / PAIRS);
    q->params[1] = (float)slope;
    return LT_OK;
}

static lt_status train(lt_quant *q, const float *rows, size_t n, lt_error *err)
{
    LT_TRY(find_thresholds(q, rows, n, err));
    find_levels(q, rows, n);
    return fit_line(q, rows, n, err);
}

/* ---- queries --------------------------------------------------------------------------------- */

static size_t query_bytes(const lt_quant *q)
{
    return q->config.query_bits == 1 ? code_bytes(q) : 8 * code_bytes(q);
}

/* The weights of a dimension's bits; returns what it contributes where no bit is set. */
static double weigh(const lt_quant *q, size_t d, float value, float weight[2])
{
    const float *level = params_of(q, d) + 2;
    float at[3];

    for (size_t l = 0; l < 3; l++)
        at[l] = lt_quant_term(q->distance, value, level[l]);
    weight[0] = at[1] - at[0];
    weight[1] = has_two(q, d) ? at[2] - at[1] : 0;
    return (double)at[0];
}

static int cut(double steps, int reach)
{
    return steps > -reach ? (steps < reach ? (int)rint(steps) : reach) : -reach; /* NaN too */
}

static void put_weight(uint64_t *planes, size_t bit, int weight)
{
    for (size_t k = 0; k < 8; k++)
        planes[bit / 64 * 8 + k] |= (uint64_t)((unsigned)weight >> k & 1) << bit % 64;
}

static void prepare_weights(lt_quant_query *query, const float *vector)
{
    const lt_quant *q = query->q;
    float largest = 0, weight[2];
    int reach = q->config.query_bits == 4 ? 7 : 127;

    query->base = 0;
    for (size_t d = 0; d < q->dims; d++) {
        query->base += weigh(q, d, vector[d], weight);
        largest = fmaxf(largest, fmaxf(fabsf(weight[0]), fabsf(weight[1])));
    }
    query->step = largest > 0 ? (double)largest / reach : 1;
    for (size_t d = 0; d < q->dims; d++) {
        (void)weigh(q, d, vector[d], weight);
        put_weight(query->form, d, cut((double)weight[0] / query->step, reach));
        if (has_two(q, d))
            put_weight(query->form, second_bit(q, d), cut((double)weight[1] / query->step, reach));
    }
}

static void prepare(lt_quant_query *query, const float *vector)
{
    const lt_quant *q = query->q;

    if (q->config.query_bits > 1) {
        prepare_weights(query, vector);
        return;
    }
    encode(q, vector, query->form);
    query->base = (double)q->params[0];
    query->step = (double)q->params[1];
}

static void distances(const lt_quant_query *query, const void *const *codes, size_t n, float *out)
{
    const lt_quant *q = query->q;
    size_t words = n_words(q);

    if (q->config.query_bits == 1)
        for (size_t i = 0; i < n; i++)
            out[i] = (float)(query->base +
                             query->step * q->kern->hamming(query->form, codes[i], words));
    else
        for (size_t i = 0; i < n; i++)
            out[i] = (float)(query->base +
                             query->step * q->kern->dot_bits(query->form, codes[i], words));
}

const lt_quant_ops lt_quant_binary = {n_params, code_bytes, query_bytes, train,
                                      encode,   prepare,    distances};
