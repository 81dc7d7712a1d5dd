/* SPDX-License-Identifier: Apache-2.0 */
#include "flat.h"

#include <base/mem.h>
#include <math.h>
#include <simd/kern.h>
#include <stdlib.h>

static const void *vector_at(const lt_flat *f, size_t slot)
{
    const char *chunk = f->chunks[slot / f->chunk_slots];

    return chunk + slot % f->chunk_slots * f->stride;
}

static bool is_allowed(const lt_flat *f, size_t slot)
{
    return !f->allowed || (f->allowed[slot / 64] >> (slot % 64) & 1);
}

/* ---- a min-heap of the k best scores: its root is the one to beat ---------------------------- */

typedef struct best {
    float *heap;
    size_t n, k;
} best;

static void sift_down(best *b, size_t i)
{
    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= b->n)
            return;
        if (child + 1 < b->n && b->heap[child + 1] < b->heap[child])
            child++;
        if (b->heap[i] <= b->heap[child])
            return;
        float t = b->heap[i];

        b->heap[i] = b->heap[child];
        b->heap[child] = t;
        i = child;
    }
}

static void offer(best *b, float score)
{
    if (b->n == b->k) {
        if (score <= b->heap[0])
            return;
        b->heap[0] = score;
        sift_down(b, 0);
        return;
    }
    size_t i = b->n++;

    for (; i > 0 && b->heap[(i - 1) / 2] > score; i = (i - 1) / 2)
        b->heap[i] = b->heap[(i - 1) / 2];
    b->heap[i] = score;
}

/* ---- scoring --------------------------------------------------------------------------------- */

static float score_one(const lt_kern *kern, const lt_flat *f, const float *query, size_t slot)
{
    const float *v = vector_at(f, slot);

    switch (f->distance) {
    case LT_DISTANCE_EUCLID:
        return -kern->l2(query, v, f->dims);
    case LT_DISTANCE_MANHATTAN:
        return -kern->l1(query, v, f->dims);
    default:
        return kern->dot(query, v, f->dims);
    }
}

/* All scores; those of slots that are not allowed become -infinity. */
static void score_all(const lt_flat *f, const float *query, float *scores, best *b)
{
    const lt_kern *kern = lt_kern_get();

    for (size_t slot = 0; slot < f->n_slots; slot++) {
        if (!is_allowed(f, slot)) {
            scores[slot] = -INFINITY;
            continue;
        }
        scores[slot] = score_one(kern, f, query, slot);
        offer(b, scores[slot]);
    }
}

static int better_first(const void *a, const void *b)
{
    const lt_scored *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->slot < y->slot ? -1 : x->slot > y->slot;
}

static lt_status gather(const lt_flat *f, const float *scores, float worst, lt_scored **out,
                        size_t *n_out, lt_error *err)
{
    size_t n = 0, at = 0;

    for (size_t i = 0; i < f->n_slots; i++)
        n += scores[i] >= worst && is_allowed(f, i);
    lt_scored *items = lt_calloc(n, sizeof *items);

    if (!items)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < f->n_slots; i++)
        if (scores[i] >= worst && is_allowed(f, i))
            items[at++] = (lt_scored){scores[i], (uint32_t)i};
    qsort(items, n, sizeof *items, better_first);
    *out = items;
    *n_out = n;
    return LT_OK;
}

lt_status lt_flat_search(const lt_flat *f, const float *query, size_t k, lt_scored **out,
                         size_t *n_out, lt_error *err)
{
    LT_AUTOFREE float *scores = lt_alloc_aligned(f->n_slots, sizeof *scores);

    k = k < f->n_slots ? k : f->n_slots;
    LT_AUTOFREE float *heap = lt_calloc(k, sizeof *heap);
    best b = {heap, 0, k};

    if (!scores || !heap)
        return lt_fail_nomem(err);
    if (k == 0) {
        *out = NULL;
        *n_out = 0;
        return LT_OK;
    }
    score_all(f, query, scores, &b);
    return gather(f, scores, b.n ? b.heap[0] : INFINITY, out, n_out, err);
}

float lt_flat_user_score(lt_distance distance, float score)
{
    if (distance == LT_DISTANCE_EUCLID)
        return sqrtf(-score);
    return distance == LT_DISTANCE_MANHATTAN ? -score : score;
}
