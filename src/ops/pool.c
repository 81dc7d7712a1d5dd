/* SPDX-License-Identifier: Apache-2.0
 * Sets of slots, and the question's clock and readers. */
#include <base/clock.h>
#include <base/mem.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

/* ---- the question ---------------------------------------------------------------------------- */

lt_status lt_asking_check(const lt_asking *a, lt_error *err)
{
    if (a->until_s > 0 && lt_clock_s() > a->until_s)
        return lt_fail(err, LT_ECANCELED, "the question took longer than its time limit");
    return LT_OK;
}

typedef struct lt_other {
    struct lt_other *next;
    const char *name;
    lt_collection *collection;
    lt_reader *reader;
} lt_other;

static void close_other(void *other)
{
    lt_other *o = other;

    lt_reader_close(o->reader);
    lt_collection_close(o->collection);
}

lt_status lt_asking_reader(lt_asking *a, const char *collection, lt_reader **out, lt_error *err)
{
    if (!collection || strcmp(collection, lt_reader_collection_name(a->r)) == 0) {
        *out = a->r;
        return LT_OK;
    }
    for (lt_other *o = a->others; o; o = o->next) {
        if (strcmp(o->name, collection) == 0) {
            *out = o->reader;
            return LT_OK;
        }
    }
    lt_other *o = lt_arena_alloc(a->arena, 1, sizeof *o);

    if (!o)
        return lt_fail_nomem(err);
    o->name = collection;
    LT_TRY(lt_collection_open(lt_reader_db(a->r), collection, &o->collection, err));
    lt_status st = lt_reader_open(o->collection, &o->reader, err);

    if (st != LT_OK) {
        lt_collection_close(o->collection);
        return st;
    }
    LT_TRY(lt_arena_defer(a->arena, close_other, o, err));
    o->next = a->others;
    a->others = o;
    *out = o->reader;
    return LT_OK;
}

void lt_asking_clear(lt_asking *a)
{
    lt_arena_done(a->arena);
    a->others = NULL;
    lt_reader_forget(a->r);
}

/* ---- slots ----------------------------------------------------------------------------------- */

static int compare_slots(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

size_t lt_slots_sort(uint32_t *slots, size_t n)
{
    size_t kept = 0;

    if (n == 0)
        return 0;
    qsort(slots, n, sizeof *slots, compare_slots);
    for (size_t i = 1; i < n; i++)
        if (slots[i] != slots[kept])
            slots[++kept] = slots[i];
    return kept + 1;
}

bool lt_slots_have(const uint32_t *slots, size_t n, uint32_t slot)
{
    return n && bsearch(&slot, slots, n, sizeof *slots, compare_slots) != NULL;
}

static lt_status bits_to_slots(lt_arena *arena, const uint64_t *bits, uint32_t n_bits, uint64_t n,
                               const uint32_t **out, size_t *n_out, lt_error *err)
{
    uint32_t *slots = lt_arena_alloc(arena, (size_t)n, sizeof *slots);
    size_t at = 0;

    if (!slots)
        return lt_fail_nomem(err);
    for (uint32_t word = 0; word < (n_bits + 63) / 64; word++)
        for (uint64_t w = bits[word]; w && at < n; w &= w - 1)
            slots[at++] = word * 64 + (uint32_t)__builtin_ctzll(w);
    *out = slots;
    *n_out = at;
    return LT_OK;
}

static void clear_excluded(const lt_pool *pool, uint64_t *bits, uint64_t *n)
{
    for (size_t i = 0; i < pool->n_excluded; i++) {
        uint64_t *word = &bits[pool->excluded[i] / 64], bit = (uint64_t)1 << pool->excluded[i] % 64;

        *n -= (*word & bit) != 0;
        *word &= ~bit;
    }
}

static lt_status listed_slots(lt_asking *a, const lt_pool *pool, const lt_vector_schema *having,
                              const uint32_t **slots, size_t *n, lt_error *err)
{
    *slots = pool->listed;
    *n = pool->n_listed;
    if (!having)
        return LT_OK;
    uint32_t *kept = lt_arena_take(a->arena, pool->n_listed, sizeof *kept);

    if (!kept)
        return lt_fail_nomem(err);
    *slots = kept;
    *n = 0;
    for (size_t i = 0; i < pool->n_listed; i++)
        if (lt_reader_has(a->r, pool->listed[i], having))
            kept[(*n)++] = pool->listed[i];
    return LT_OK;
}

lt_status lt_pool_slots(lt_asking *a, const lt_pool *pool, const lt_vector_schema *having,
                        const uint32_t **slots, size_t *n, lt_error *err)
{
    LT_AUTOFREE uint64_t *bits = NULL;
    uint64_t count;

    if (pool->listed)
        return listed_slots(a, pool, having, slots, n, err);
    LT_TRY(lt_reader_select(a->r, pool->filter, having, &bits, &count, err));
    clear_excluded(pool, bits, &count);
    return bits_to_slots(a->arena, bits, lt_reader_n_slots(a->r), count, slots, n, err);
}

static void free_bits(void *bits)
{
    lt_free(bits);
}

lt_status lt_pool_bits(lt_asking *a, const lt_pool *pool, const uint64_t **out, lt_error *err)
{
    uint64_t *bits, count;

    *out = NULL;
    if (!pool->listed && !pool->filter && !pool->n_excluded)
        return LT_OK;
    if (!pool->listed) {
        LT_TRY(lt_reader_select(a->r, pool->filter, NULL, &bits, &count, err));
        LT_TRY(lt_arena_defer(a->arena, free_bits, bits, err));
        clear_excluded(pool, bits, &count);
        *out = bits;
        return LT_OK;
    }
    bits = lt_arena_alloc(a->arena, (lt_reader_n_slots(a->r) + 63) / 64, sizeof *bits);
    if (!bits)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < pool->n_listed; i++)
        bits[pool->listed[i] / 64] |= (uint64_t)1 << pool->listed[i] % 64;
    *out = bits;
    return LT_OK;
}

/* ---- the best k ------------------------------------------------------------------------------ */

typedef struct named {
    lt_scored scored;
    lt_id id;
} named;

static int better_first(const void *a, const void *b)
{
    const named *x = a, *y = b;

    if (x->scored.score != y->scored.score)
        return x->scored.score > y->scored.score ? -1 : 1;
    return lt_id_compare(&x->id, &y->id);
}

/* The k-th largest of n scores, which are moved about. Hoare's selection, pivots by median of
 * three. */
static float kth_largest(float *scores, size_t n, size_t k)
{
    size_t low = 0, high = n - 1, want = k - 1;

    while (low < high) {
        float a = scores[low], b = scores[low + (high - low) / 2], c = scores[high];
        float pivot = a > b ? (b > c ? b : a > c ? c : a) : (a > c ? a : b > c ? c : b);
        size_t i = low, j = high;

        for (;; i++, j--) {
            while (scores[i] > pivot)
                i++;
            while (scores[j] < pivot)
                j--;
            if (i >= j)
                break;
            float swap = scores[i];

            scores[i] = scores[j];
            scores[j] = swap;
        }
        if (want <= j)
            high = j;
        else
            low = j + 1;
    }
    return scores[want];
}

/* Drops what cannot be among the k best; what ties with the last of them stays. */
static lt_status select_best(lt_arena *arena, const lt_scored *scored, size_t n, size_t k,
                             named **out, size_t *n_out, lt_error *err)
{
    float *scores = lt_arena_alloc(arena, n, sizeof *scores);
    size_t numbers = 0, kept = 0;

    if (!scores)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n; i++)
        if (scored[i].score == scored[i].score)
            scores[numbers++] = scored[i].score;
    float least = numbers <= k ? -__builtin_inff() : kth_largest(scores, numbers, k);

    for (size_t i = 0; i < n; i++)
        kept += scored[i].score >= least;
    *out = lt_arena_alloc(arena, kept, sizeof **out);
    if (!*out)
        return lt_fail_nomem(err);
    *n_out = 0;
    for (size_t i = 0; i < n; i++)
        if (scored[i].score >= least)
            (*out)[(*n_out)++].scored = scored[i];
    return LT_OK;
}

lt_status lt_rank_top(lt_asking *a, const lt_scored *scored, size_t n, size_t k, lt_ranking *out,
                      lt_error *err)
{
    named *best = NULL;
    size_t n_best = 0;

    *out = (lt_ranking){0};
    if (n == 0 || k == 0)
        return LT_OK;
    LT_TRY(select_best(a->arena, scored, n, k, &best, &n_best, err));
    for (size_t i = 0; i < n_best; i++)
        LT_TRY(lt_reader_id(a->r, best[i].scored.slot, &best[i].id, err));
    qsort(best, n_best, sizeof *best, better_first);
    out->n = n_best < k ? n_best : k;
    out->items = lt_arena_alloc(a->arena, out->n, sizeof *out->items);
    if (!out->items)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < out->n; i++)
        out->items[i] = (lt_ranked){.slot = best[i].scored.slot, .score = best[i].scored.score};
    return LT_OK;
}
