/* SPDX-License-Identifier: Apache-2.0
 * The nearest points. */
#include <base/mem.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "read.h"

/* ---- order: equal scores by id --------------------------------------------------------------- */

typedef struct named {
    lt_key key;
    lt_scored scored;
} named;

static int by_key(const void *a, const void *b)
{
    const lt_key *x = &((const named *)a)->key, *y = &((const named *)b)->key;
    int c = memcmp(x->bytes, y->bytes, x->n < y->n ? x->n : y->n);

    return c ? c : x->n < y->n ? -1 : x->n > y->n;
}

static lt_status sort_run(lt_reader *r, lt_scored *items, size_t n, lt_error *err)
{
    LT_AUTOFREE named *run = lt_calloc(n, sizeof *run);

    if (!run)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        run[i].scored = items[i];
        LT_TRY(lt_reader_key(r, items[i].slot, &run[i].key, err));
    }
    qsort(run, n, sizeof *run, by_key);
    for (size_t i = 0; i < n; i++)
        items[i] = run[i].scored;
    return LT_OK;
}

/* Items come best first; runs of equal scores that reach into the first k are put in order of id. */
static lt_status break_ties(lt_reader *r, lt_scored *items, size_t *n, size_t k, lt_error *err)
{
    for (size_t i = 0, end; i < *n && i < k; i = end) {
        for (end = i + 1; end < *n && items[end].score == items[i].score;)
            end++;
        if (end - i > 1)
            LT_TRY(sort_run(r, items + i, end - i, err));
    }
    *n = *n < k ? *n : k;
    return LT_OK;
}

/* ---- vectors in records ----------------------------------------------------------------------------------- */

typedef struct scanning {
    lt_reader *r;
    const lt_prepared *vector;
    uint32_t number;
    lt_best best;
    lt_buf scratch;
} scanning;

static lt_status score_record(void *context, const lt_key *key, const lt_record *record,
                              lt_error *err)
{
    scanning *s = context;
    lt_record_vector v;
    float score;

    if (!lt_record_find(record, s->number, &v) || !v.is_inline)
        return lt_point_damaged(s->r, key, "its record lacks a vector", err);
    LT_TRY(lt_inline_similarity(s->vector, &v, &s->scratch, &score, err));
    return lt_best_offer(&s->best, score, record->slot, err);
}

static lt_status scan_inline(lt_reader *r, const lt_nearest *q, const uint64_t *allowed,
                             lt_scored **out, size_t *n_out, lt_error *err)
{
    size_t i = lt_reader_index_of(r, q->vector->schema);
    scanning s = {.r = r, .vector = q->vector, .number = r->schema->vectors[i].number};
    size_t k = q->k < r->s.view->n_slots ? q->k : (size_t)r->s.view->n_slots;
    lt_status st = lt_best_init(&s.best, k, err);

    if (st == LT_OK)
        st = lt_reader_each_in(r, allowed, score_record, &s, err);
    if (st == LT_OK)
        lt_best_take(&s.best, out, n_out);
    lt_best_done(&s.best);
    lt_buf_done(&s.scratch);
    return st;
}

/* ---- vectors in files ------------------------------------------------------------------------ */

static lt_status search_dense(lt_reader *r, const lt_nearest *q, const uint64_t *allowed,
                              uint64_t n_allowed, lt_scored **out, size_t *n_out, lt_error *err)
{
    LT_CLEANUP(lt_plan_done) lt_plan p;

    lt_plan_make(r, q, allowed, n_allowed, &p);
    return lt_plan_run(r, q, &p, out, n_out, err);
}

/* ---- what may be found ----------------------------------------------------------------------- */

uint64_t lt_reader_keep_within(const lt_reader *r, const lt_nearest *q, uint64_t *bits, uint64_t n)
{
    size_t words = lt_bit_words(r->s.view->n_slots);

    if (!q->within)
        return n;
    for (size_t i = 0; i < words; i++)
        bits[i] &= q->within[i];
    return lt_bits_count(bits, words);
}

/* The slots that pass; borrowed from the view where nothing narrows them. */
static lt_status allowed_slots(lt_reader *r, const lt_nearest *q, uint64_t **own,
                               const uint64_t **out, uint64_t *n, lt_error *err)
{
    const lt_vector_schema *schema = q->vector->schema;
    const lt_view_vector *v = &r->s.view->vectors[lt_reader_index_of(r, schema)];

    *out = v->present;
    *n = v->n_present;
    if (!q->filter && !q->within)
        return LT_OK;
    LT_TRY(lt_reader_select(r, q->filter, schema, own, n, err));
    *n = lt_reader_keep_within(r, q, *own, *n);
    *out = *own;
    return LT_OK;
}

lt_status lt_reader_nearest(lt_reader *r, const lt_nearest *q, lt_scored **out, size_t *n_out,
                            lt_error *err)
{
    LT_AUTOFREE uint64_t *own = NULL;
    LT_AUTOFREE lt_scored *items = NULL;
    const uint64_t *allowed;
    uint64_t n_allowed;
    size_t n = 0;

    LT_TRY(allowed_slots(r, q, &own, &allowed, &n_allowed, err));
    LT_TRY(q->vector->schema->kind == LT_VECTOR_DENSE
               ? search_dense(r, q, allowed, n_allowed, &items, &n, err)
               : scan_inline(r, q, allowed, &items, &n, err));
    LT_TRY(break_ties(r, items, &n, q->k, err));
    *out = lt_steal(&items);
    *n_out = n;
    return LT_OK;
}
