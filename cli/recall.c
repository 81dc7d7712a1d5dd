/* SPDX-License-Identifier: Apache-2.0 */
#include "recall.h"

#include <base/error.h>
#include <base/mem.h>
#include <base/rng.h>
#include <base/thread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

const size_t cli_recall_ks[CLI_RECALL_KS] = {1, 5, 10};

/* ---- scores ------------------------------------------------------------------------------------ */

typedef float lanes __attribute__((vector_size(32)));

/* Eight sums side by side: the compiler may not reorder one sum of floats by itself. */
static float dot(const float *a, const float *b, size_t n)
{
    lanes sum = {0};
    float rest = 0;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        lanes x, y;

        memcpy(&x, a + i, sizeof x);
        memcpy(&y, b + i, sizeof y);
        sum += x * y;
    }
    for (; i < n; i++)
        rest += a[i] * b[i];
    for (int k = 0; k < 8; k++)
        rest += sum[k];
    return rest;
}

/* ---- rows shared out to threads ------------------------------------------------------------------ */

typedef struct job {
    const cli_pairs *p;
    uint32_t *ranks;
    uint32_t (*rank_of)(const cli_pairs *p, size_t row);
    size_t n_rows;
    atomic_size_t next;
} job;

static void *work(void *arg)
{
    job *j = arg;
    size_t row;

    while ((row = atomic_fetch_add(&j->next, 1)) < j->n_rows)
        j->ranks[row] = j->rank_of(j->p, row);
    return NULL;
}

static void share_out(job *j)
{
    pthread_t threads[64];
    size_t want = j->p->threads ? j->p->threads : lt_cores(), n = 0;

    for (; n + 1 < want && n < 64; n++)
        if (pthread_create(&threads[n], NULL, work, j) != 0)
            break;
    (void)work(j);
    for (size_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

static uint32_t photo_rank(const cli_pairs *p, size_t text)
{
    const float *q = p->texts + text * p->dims;
    size_t own = p->owner[text];
    float best = dot(q, p->photos + own * p->dims, p->dims);
    uint32_t rank = 1;

    for (size_t i = 0; i < p->n_photos; i++)
        rank += i != own && dot(q, p->photos + i * p->dims, p->dims) >= best;
    return rank;
}

static uint32_t text_rank(const cli_pairs *p, size_t photo)
{
    const float *q = p->photos + photo * p->dims;
    bool any = false;
    float best = 0;
    uint32_t rank = 1;

    for (size_t t = 0; t < p->n_texts; t++) {
        if (p->owner[t] != photo)
            continue;
        float s = dot(q, p->texts + t * p->dims, p->dims);

        best = !any || s > best ? s : best;
        any = true;
    }
    if (!any)
        return 0;
    for (size_t t = 0; t < p->n_texts; t++)
        rank += p->owner[t] != photo && dot(q, p->texts + t * p->dims, p->dims) >= best;
    return rank;
}

static lt_status check(const cli_pairs *p, lt_error *err)
{
    for (size_t t = 0; t < p->n_texts; t++)
        if (p->owner[t] >= p->n_photos)
            return lt_fail(err, LT_EINVAL, "text %zu belongs to no photo", t);
    return LT_OK;
}

lt_status cli_rank_photos(const cli_pairs *p, uint32_t *ranks, lt_error *err)
{
    job j = {.p = p, .ranks = ranks, .rank_of = photo_rank, .n_rows = p->n_texts};

    LT_TRY(check(p, err));
    share_out(&j);
    return LT_OK;
}

lt_status cli_rank_texts(const cli_pairs *p, uint32_t *ranks, lt_error *err)
{
    job j = {.p = p, .ranks = ranks, .rank_of = text_rank, .n_rows = p->n_photos};

    LT_TRY(check(p, err));
    share_out(&j);
    return LT_OK;
}

/* ---- recall ------------------------------------------------------------------------------------ */

/* What one photo adds: its questions, and how many are answered within each k. */
typedef struct tally {
    uint32_t n;
    uint32_t within[CLI_RECALL_KS];
} tally;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int by_rank(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void recall_of(const tally *sum, double at[CLI_RECALL_KS])
{
    for (int k = 0; k < CLI_RECALL_KS; k++)
        at[k] = sum->n ? (double)sum->within[k] / sum->n : 0;
}

static void add(tally *to, const tally *t)
{
    to->n += t->n;
    for (int k = 0; k < CLI_RECALL_KS; k++)
        to->within[k] += t->within[k];
}

static lt_status median_of(const cli_ranks *r, double *out, lt_error *err)
{
    LT_AUTOFREE uint32_t *sorted = lt_calloc(r->n, sizeof *sorted);

    if (!sorted)
        return lt_fail_nomem(err);
    memcpy(sorted, r->ranks, r->n * sizeof *sorted);
    qsort(sorted, r->n, sizeof *sorted, by_rank);
    *out = ((double)sorted[(r->n - 1) / 2] + (double)sorted[r->n / 2]) / 2;
    return LT_OK;
}

static size_t used_photos(tally *photos, size_t n)
{
    size_t used = 0;

    for (size_t i = 0; i < n; i++)
        if (photos[i].n)
            photos[used++] = photos[i];
    return used;
}

static lt_status bootstrap(const tally *photos, size_t n, unsigned n_draws, uint64_t seed,
                           cli_recall *out, lt_error *err)
{
    LT_AUTOFREE double *drawn = lt_calloc((size_t)n_draws * CLI_RECALL_KS, sizeof *drawn);
    lt_rng rng = {seed};

    if (!drawn)
        return lt_fail_nomem(err);
    for (unsigned d = 0; d < n_draws; d++) {
        tally sum = {0};
        double at[CLI_RECALL_KS];

        for (size_t i = 0; i < n; i++)
            add(&sum, &photos[lt_rng_below(&rng, n)]);
        recall_of(&sum, at);
        for (int k = 0; k < CLI_RECALL_KS; k++)
            drawn[(size_t)k * n_draws + d] = at[k];
    }
    for (int k = 0; k < CLI_RECALL_KS; k++) {
        double *values = drawn + (size_t)k * n_draws;

        qsort(values, n_draws, sizeof *values, by_value);
        out->low[k] = values[(size_t)(0.025 * (n_draws - 1) + 0.5)];
        out->high[k] = values[(size_t)(0.975 * (n_draws - 1) + 0.5)];
    }
    return LT_OK;
}

lt_status cli_recall_compute(const cli_ranks *r, unsigned n_draws, uint64_t seed, cli_recall *out,
                             lt_error *err)
{
    LT_AUTOFREE tally *photos = lt_calloc(r->n_photos, sizeof *photos);
    tally sum = {0};
    cli_recall result = {.n = r->n};

    if (!photos)
        return lt_fail_nomem(err);
    if (r->n == 0 || n_draws == 0)
        return lt_fail(err, LT_EINVAL, "nothing to measure");
    for (size_t i = 0; i < r->n; i++) {
        tally *t = &photos[r->photo[i]];

        t->n++;
        for (int k = 0; k < CLI_RECALL_KS; k++)
            t->within[k] += r->ranks[i] <= cli_recall_ks[k];
    }
    size_t n = used_photos(photos, r->n_photos);

    for (size_t i = 0; i < n; i++)
        add(&sum, &photos[i]);
    recall_of(&sum, result.at);
    LT_TRY(median_of(r, &result.median_rank, err));
    LT_TRY(bootstrap(photos, n, n_draws, seed, &result, err));
    *out = result;
    return LT_OK;
}
