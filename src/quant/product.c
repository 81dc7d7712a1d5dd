/* SPDX-License-Identifier: Apache-2.0
 * Product quantisation (Jegou, Douze, Schmid 2011): the dimensions are taken in groups of ratio / 4,
 * and a group's values become the number of the nearest of its 256 centroids. Centroids are found by
 * k-means. A query is a table of what each centroid of each group adds to the distance.
 *
 * params: a group after the other, dimension by dimension, the 256 centroids' values: so the inner
 * loops run over centroids, which the compiler makes vector code of. The last group may have fewer
 * dimensions. */
#include <base/mem.h>
#include <base/rng.h>
#include <math.h>
#include <string.h>

#include "kind.h"

enum { CENTROIDS = 256, ROUNDS = 6, SAMPLE_MAX = 4096 };

static size_t group_dims(const lt_quant *q)
{
    return q->config.ratio / 4;
}

static size_t n_groups(const lt_quant *q)
{
    return (q->dims + group_dims(q) - 1) / group_dims(q);
}

static size_t n_params(const lt_quant *q)
{
    return CENTROIDS * q->dims;
}

static size_t code_bytes(const lt_quant *q)
{
    return n_groups(q);
}

/* A group: its first dimension, how many, its centroids. */
typedef struct group {
    size_t first, dims;
    float *centroids; /* dims rows of CENTROIDS */
} group;

static group group_of(const lt_quant *q, size_t i)
{
    size_t first = i * group_dims(q), left = q->dims - first;

    return (group){first, left < group_dims(q) ? left : group_dims(q),
                   q->params + first * CENTROIDS};
}

/* ---- the nearest centroid -------------------------------------------------------------------- */

static size_t nearest(const group *g, const float *values)
{
    float distance[CENTROIDS] = {0};
    size_t best = 0;

    for (size_t d = 0; d < g->dims; d++) {
        const float *c = g->centroids + d * CENTROIDS;

        for (size_t k = 0; k < CENTROIDS; k++)
            distance[k] += (values[d] - c[k]) * (values[d] - c[k]);
    }
    for (size_t k = 1; k < CENTROIDS; k++)
        best = distance[k] < distance[best] ? k : best;
    return best;
}

static void encode(const lt_quant *q, const float *vector, void *code)
{
    uint8_t *out = code;

    for (size_t i = 0; i < n_groups(q); i++) {
        group g = group_of(q, i);

        out[i] = (uint8_t)nearest(&g, vector + g.first);
    }
}

/* ---- training -------------------------------------------------------------------------------- */

static void set_centroid(const group *g, size_t k, const float *values)
{
    for (size_t d = 0; d < g->dims; d++)
        g->centroids[d * CENTROIDS + k] = values[d];
}

/* A round of k-means; a centroid that nobody is nearest to moves to a value drawn anew. */
static void improve(const lt_quant *q, const group *g, const float *rows, size_t n, double *sums,
                    lt_rng *r)
{
    size_t counts[CENTROIDS] = {0};

    memset(sums, 0, CENTROIDS * g->dims * sizeof *sums);
    for (size_t i = 0; i < n; i++) {
        const float *values = rows + i * q->dims + g->first;
        size_t k = nearest(g, values);

        counts[k]++;
        for (size_t d = 0; d < g->dims; d++)
            sums[k * g->dims + d] += (double)values[d];
    }
    for (size_t k = 0; k < CENTROIDS; k++) {
        if (counts[k] == 0) {
            set_centroid(g, k, rows + lt_rng_below(r, n) * q->dims + g->first);
            continue;
        }
        for (size_t d = 0; d < g->dims; d++)
            g->centroids[d * CENTROIDS + k] = (float)(sums[k * g->dims + d] / (double)counts[k]);
    }
}

static lt_status train(lt_quant *q, const float *rows, size_t n, lt_error *err)
{
    LT_AUTOFREE double *sums = lt_calloc(CENTROIDS * group_dims(q), sizeof *sums);
    lt_rng r = {1};

    if (!sums)
        return lt_fail_nomem(err);
    n = n < SAMPLE_MAX ? n : SAMPLE_MAX;
    for (size_t i = 0; i < n_groups(q); i++) {
        group g = group_of(q, i);

        for (size_t k = 0; k < CENTROIDS; k++) /* evenly; several times where there are few */
            set_centroid(&g, k, rows + (n < CENTROIDS ? k % n : k * (n / CENTROIDS)) * q->dims +
                                    g.first);
        for (int round = 0; round < ROUNDS; round++)
            improve(q, &g, rows, n, sums, &r);
    }
    return LT_OK;
}

/* ---- queries --------------------------------------------------------------------------------- */

static size_t query_bytes(const lt_quant *q)
{
    return n_groups(q) * CENTROIDS * sizeof(float);
}

static void prepare(lt_quant_query *query, const float *vector)
{
    const lt_quant *q = query->q;
    float *table = query->form;

    for (size_t i = 0; i < n_groups(q); i++) {
        group g = group_of(q, i);

        for (size_t d = 0; d < g.dims; d++)
            for (size_t k = 0; k < CENTROIDS; k++)
                table[i * CENTROIDS + k] += lt_quant_term(q->distance, vector[g.first + d],
                                                          g.centroids[d * CENTROIDS + k]);
    }
}

/* Four sums side by side, so that the loads of the table do not wait for each other. */
static float look_up(const float *table, const uint8_t *code, size_t n)
{
    float s[4] = {0};
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            s[k] += table[(i + k) * CENTROIDS + code[i + k]];
    for (; i < n; i++)
        s[0] += table[i * CENTROIDS + code[i]];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

static void distances(const lt_quant_query *query, const void *const *codes, size_t n, float *out)
{
    size_t groups = n_groups(query->q);

    for (size_t i = 0; i < n; i++)
        out[i] = (float)query->base + look_up(query->form, codes[i], groups);
}

const lt_quant_ops lt_quant_product = {n_params, code_bytes, query_bytes, train,
                                       encode,   prepare,    distances};
