/* SPDX-License-Identifier: Apache-2.0
 * Several rankings put together: by ranks (reciprocal rank fusion) or by scores rescaled to what is
 * usual in their source (distribution-based score fusion). */
#include <base/mem.h>
#include <math.h>
#include <stdlib.h>

#include "run.h"

/* What one source gives one point. */
typedef struct share {
    uint32_t slot;
    uint32_t source;
    double score;
} share;

static int by_slot(const void *a, const void *b)
{
    const share *x = a, *y = b;

    if (x->slot != y->slot)
        return x->slot < y->slot ? -1 : 1;
    return (x->source > y->source) - (x->source < y->source);
}

static void rank_shares(const lt_find *f, const lt_ranking *source, uint32_t at, share *out)
{
    double weight = f->weights ? (double)f->weights[at] : 1;

    for (size_t i = 0; i < source->n; i++) {
        double score = weight > 0 ? 1 / ((double)(i + 1) / weight + (double)f->rrf_k - 1) : 0;

        out[i] = (share){source->items[i].slot, at, score};
    }
}

/* From the mean less three deviations, which is 0, to the mean and three, which is 1. */
static void score_shares(const lt_ranking *source, uint32_t at, share *out)
{
    double n = (double)source->n, mean = 0, squares = 0;

    for (size_t i = 0; i < source->n; i++)
        mean += (double)source->items[i].score / n;
    for (size_t i = 0; i < source->n; i++)
        squares += pow((double)source->items[i].score - mean, 2);
    double deviation = n > 1 ? sqrt(squares / (n - 1)) : 0, low = mean - 3 * deviation;

    for (size_t i = 0; i < source->n; i++) {
        double score = (double)source->items[i].score;

        out[i] = (share){source->items[i].slot, at,
                         deviation > 0 ? (score - low) / (6 * deviation) : 0.5};
    }
}

static lt_status add_shares(lt_asking *a, share *shares, size_t n, size_t limit, lt_ranking *out,
                            lt_error *err)
{
    lt_scored *scored = lt_arena_take(a->arena, n, sizeof *scored);
    size_t n_points = 0;

    if (!scored)
        return lt_fail_nomem(err);
    if (n)
        qsort(shares, n, sizeof *shares, by_slot);
    for (size_t i = 0; i < n; n_points++) {
        uint32_t slot = shares[i].slot;
        double sum = 0;

        for (; i < n && shares[i].slot == slot; i++)
            sum += shares[i].score;
        scored[n_points] = (lt_scored){(float)sum, slot};
    }
    return lt_rank_top(a, scored, n_points, limit, out, err);
}

lt_status lt_fuse(lt_asking *a, const lt_find *find, const lt_ranking *sources, size_t n_sources,
                  size_t limit, lt_ranking *out, lt_error *err)
{
    size_t n = 0;

    for (size_t i = 0; i < n_sources; i++)
        n += sources[i].n;
    share *shares = lt_arena_take(a->arena, n, sizeof *shares);

    if (!shares)
        return lt_fail_nomem(err);
    n = 0;
    for (size_t i = 0; i < n_sources; n += sources[i++].n) {
        if (find->kind == LT_FIND_RRF)
            rank_shares(find, &sources[i], (uint32_t)i, shares + n);
        else
            score_shares(&sources[i], (uint32_t)i, shares + n);
    }
    return add_shares(a, shares, n, limit, out, err);
}

void lt_cut_below(const lt_stage *stage, lt_ranking *ranking)
{
    for (size_t i = 0; stage->has_threshold && i < ranking->n; i++)
        if (!(ranking->items[i].score >= stage->threshold))
            ranking->n = i;
}
