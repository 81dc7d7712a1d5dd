/* SPDX-License-Identifier: Apache-2.0
 * The nearest points. */
#include <base/limits.h>
#include <base/mem.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- scans ----------------------------------------------------------------------------------- */

/* Slots from `first` on. */
static lt_status scan_dense(lt_reader *r, const lt_nearest *q, const uint64_t *allowed,
                            uint32_t first, lt_scored **out, size_t *n_out, lt_error *err)
{
    size_t i = lt_reader_index_of(r, q->vector->schema);
    const lt_view *v = r->s.view;
    lt_flat flat = {.space = &q->vector->space,
                    .chunks = v->vectors[i].chunks,
                    .chunk_slots = LT_VEC_CHUNK_SLOTS,
                    .stride = r->schema->vectors[i].stride,
                    .first = first,
                    .n_slots = (size_t)v->n_slots,
                    .allowed = allowed};

    return lt_flat_search(&flat, q->vector->rows, q->k, out, n_out, err);
}

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

/* ---- the graph ------------------------------------------------------------------------------- */

/* The question with what is known about it. */
typedef struct plan {
    const lt_nearest *q;
    const uint64_t *allowed;
    uint64_t n_allowed;
    size_t i; /* the vector's position in the schema */
    size_t ef;
} plan;

static void graph_unref(lt_graph **g)
{
    lt_graph_unref(*g);
}

static int better_first(const void *a, const void *b)
{
    const lt_scored *x = a, *y = b;

    return x->score != y->score ? (x->score > y->score ? -1 : 1) : 0;
}

/* Slots that the graph does not cover are scanned. */
static lt_status scan_tail(lt_reader *r, const plan *p, uint32_t from, lt_scored **items, size_t *n,
                           lt_error *err)
{
    LT_AUTOFREE lt_scored *tail = NULL;
    size_t n_tail;

    LT_TRY(scan_dense(r, p->q, p->allowed, from, &tail, &n_tail, err));
    lt_scored *all = lt_realloc(*items, *n + n_tail, sizeof *all);

    if (!all)
        return lt_fail_nomem(err);
    memcpy(all + *n, tail, n_tail * sizeof *tail);
    *items = all;
    *n += n_tail;
    qsort(all, *n, sizeof *all, better_first);
    return LT_OK;
}

static lt_status search_graph(lt_reader *r, const plan *p, lt_graph *g, lt_scored **out,
                              size_t *n_out, lt_error *err)
{
    const lt_view *v = r->s.view;
    lt_hnsw_query q = LT_HNSW_QUERY_INIT;
    uint32_t covered = lt_hnsw_covered(g->hnsw); /* read first: below it all is there */
    LT_AUTOFREE lt_scored *items = lt_calloc(p->q->k, sizeof *items);
    size_t n = 0;

    if (!items)
        return lt_fail_nomem(err);
    covered = covered < v->n_slots ? covered : (uint32_t)v->n_slots;
    q.vector = p->q->vector->rows;
    q.k = p->q->k;
    q.ef = p->ef;
    q.n_slots = covered;
    /* A graph may hold what this commit lacks, so there is always something to leave out. */
    q.allowed = p->allowed;
    q.n_allowed = covered == v->n_slots ? (uint32_t)p->n_allowed : 0;
    q.scan_max = (uint32_t)(r->schema->vectors[p->i].full_scan_rows < UINT32_MAX
                                ? r->schema->vectors[p->i].full_scan_rows
                                : UINT32_MAX);
    LT_TRY(lt_hnsw_search(g->hnsw, &q, items, &n, err));
    if (covered < v->n_slots && !p->q->indexed_only)
        LT_TRY(scan_tail(r, p, covered, &items, &n, err));
    *out = lt_steal(&items);
    *n_out = n;
    return LT_OK;
}

/* So few are quicker measured one by one, and exactly. */
static bool better_scanned(const plan *p)
{
    enum { ROWS_PER_CANDIDATE = 16 };

    return p->q->k > LT_LIMIT_HNSW_EF / 2 || p->n_allowed <= p->ef * ROWS_PER_CANDIDATE;
}

static lt_status search_dense(lt_reader *r, const lt_nearest *q, const uint64_t *allowed,
                              uint64_t n_allowed, lt_scored **out, size_t *n_out, lt_error *err)
{
    plan p = {q, allowed, n_allowed, lt_reader_index_of(r, q->vector->schema), q->ef};
    const lt_schema_vector *s = &r->schema->vectors[p.i];

    p.ef = p.ef ? p.ef : s->hnsw.ef_construct;
    p.ef = p.ef > q->k ? p.ef : q->k;
    p.ef = p.ef < LT_LIMIT_HNSW_EF ? p.ef : LT_LIMIT_HNSW_EF;
    if (n_allowed == 0 || q->k == 0 || q->exact || better_scanned(&p))
        return scan_dense(r, q, allowed, 0, out, n_out, err);
    LT_CLEANUP(graph_unref) lt_graph *g = lt_graph_get(r->c, s->number);

    if (g)
        return search_graph(r, &p, g, out, n_out, err);
    lt_index_searched(r->c);
    return scan_dense(r, q, allowed, 0, out, n_out, err);
}

/* ---- what may be found ----------------------------------------------------------------------- */

/* The slots that pass; borrowed from the view where nothing narrows them. */
static lt_status allowed_slots(lt_reader *r, const lt_nearest *q, uint64_t **own,
                               const uint64_t **out, uint64_t *n, lt_error *err)
{
    const lt_vector_schema *schema = q->vector->schema;
    const lt_view_vector *v = &r->s.view->vectors[lt_reader_index_of(r, schema)];
    size_t words = lt_bit_words(r->s.view->n_slots);

    *out = v->present;
    *n = v->n_present;
    if (!q->filter && !q->within)
        return LT_OK;
    LT_TRY(lt_reader_select(r, q->filter, schema, own, n, err));
    for (size_t i = 0; q->within && i < words; i++)
        (*own)[i] &= q->within[i];
    if (q->within)
        *n = lt_bits_count(*own, words);
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
