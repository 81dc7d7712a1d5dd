/* SPDX-License-Identifier: Apache-2.0 */
#include "flat.h"

#include <base/mem.h>
#include <math.h>
#include <stdlib.h>

/* ---- the best -------------------------------------------------------------------------------- */

lt_status lt_best_init(lt_best *b, size_t k, lt_error *err)
{
    *b = (lt_best){.heap = lt_calloc(k, sizeof *b->heap), .k = k};
    return b->heap ? LT_OK : lt_fail_nomem(err);
}

void lt_best_done(lt_best *b)
{
    lt_free(b->heap);
    lt_free(b->items);
    *b = (lt_best){0};
}

static void sift_down(lt_best *b, size_t i)
{
    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= b->n_heap)
            return;
        if (child + 1 < b->n_heap && b->heap[child + 1] < b->heap[child])
            child++;
        if (b->heap[i] <= b->heap[child])
            return;
        float t = b->heap[i];

        b->heap[i] = b->heap[child];
        b->heap[child] = t;
        i = child;
    }
}

static void heap_offer(lt_best *b, float score)
{
    if (b->n_heap == b->k) {
        if (score > b->heap[0]) {
            b->heap[0] = score;
            sift_down(b, 0);
        }
        return;
    }
    size_t i = b->n_heap++;

    for (; i > 0 && b->heap[(i - 1) / 2] > score; i = (i - 1) / 2)
        b->heap[i] = b->heap[(i - 1) / 2];
    b->heap[i] = score;
}

/* Leaves out what is worse than the k-th best by now. */
static void sweep(lt_best *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->n_items; i++)
        if (b->items[i].score >= b->heap[0])
            b->items[n++] = b->items[i];
    b->n_items = n;
}

static lt_status make_room(lt_best *b, lt_error *err)
{
    if (b->n_items < b->cap)
        return LT_OK;
    if (b->n_heap == b->k)
        sweep(b);
    if (b->n_items < b->cap - b->cap / 4)
        return LT_OK;
    size_t cap = b->cap ? b->cap * 2 : 256;
    lt_scored *more = lt_realloc(b->items, cap, sizeof *more);

    if (!more)
        return lt_fail_nomem(err);
    b->items = more;
    b->cap = cap;
    return LT_OK;
}

lt_status lt_best_offer(lt_best *b, float score, uint32_t slot, lt_error *err)
{
    if (b->k == 0 || isnan(score) || (b->n_heap == b->k && score < b->heap[0]))
        return LT_OK;
    heap_offer(b, score);
    LT_TRY(make_room(b, err));
    b->items[b->n_items++] = (lt_scored){score, slot};
    return LT_OK;
}

static int better_first(const void *a, const void *b)
{
    const lt_scored *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->slot < y->slot ? -1 : x->slot > y->slot;
}

void lt_best_take(lt_best *b, lt_scored **out, size_t *n_out)
{
    if (b->n_heap)
        sweep(b);
    if (b->n_items)
        qsort(b->items, b->n_items, sizeof *b->items, better_first);
    *n_out = b->n_items;
    *out = lt_steal(&b->items);
    lt_best_done(b);
}

/* ---- the scan -------------------------------------------------------------------------------- */

enum { BATCH = 32 };

typedef struct batch {
    const void *rows[BATCH];
    uint32_t slots[BATCH];
    size_t n;
} batch;

static lt_status score_batch(const lt_flat *f, const void *query, batch *b, lt_best *best,
                             lt_error *err)
{
    float distances[BATCH];

    f->measure(f->context, query, b->rows, b->n, distances);
    for (size_t i = 0; i < b->n; i++)
        LT_TRY(lt_best_offer(best, -distances[i], b->slots[i], err));
    b->n = 0;
    return LT_OK;
}

/* The CPU sees streams too late where rows are short: a quarter more rows a second, measured with 512
 * bytes a row. The rest of long ones it finds itself. */
static inline void prefetch(const void *row, size_t bytes)
{
    enum { PREFETCH_MAX = 1024 };
    const char *p = row;

    for (size_t at = 0; at < bytes && at < PREFETCH_MAX; at += 64)
        __builtin_prefetch(p + at);
}

static lt_status scan(const lt_flat *f, const void *query, lt_best *best, lt_error *err)
{
    batch b = {.n = 0};

    for (size_t slot = f->first; slot < f->n_slots; slot++) {
        if (f->allowed && f->allowed[slot / 64] == 0) {
            slot |= 63; /* none of this word */
            continue;
        }
        if (f->allowed && !(f->allowed[slot / 64] >> (slot % 64) & 1))
            continue;
        b.rows[b.n] = (const char *)f->chunks[slot / f->chunk_slots] +
                      slot % f->chunk_slots * f->stride;
        prefetch(b.rows[b.n], f->stride);
        b.slots[b.n++] = (uint32_t)slot;
        if (b.n == BATCH)
            LT_TRY(score_batch(f, query, &b, best, err));
    }
    return score_batch(f, query, &b, best, err);
}

lt_status lt_flat_search(const lt_flat *f, const void *query, size_t k, lt_scored **out,
                         size_t *n_out, lt_error *err)
{
    LT_CLEANUP(lt_best_done) lt_best best = {0};

    LT_TRY(lt_best_init(&best, k < f->n_slots ? k : f->n_slots, err));
    LT_TRY(scan(f, query, &best, err));
    lt_best_take(&best, out, n_out);
    return LT_OK;
}
