/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <base/limits.h>
#include <base/mem.h>
#include <stdlib.h>
#include <string.h>

#include "read.h"

/* ---- choosing -------------------------------------------------------------------------------- */

/* How many of the best by codes are measured again for each of k. Chosen so that the true k are among
 * them but for one in a hundred or so (docs/BENCHMARKS.md). */
static double oversampling(const lt_nearest *q, const lt_quant_config *c)
{
    if (q->quant_oversampling > 0)
        return q->quant_oversampling;
    switch (c->kind) {
    case LT_QUANT_BINARY:
        return c->half_bits == 2 ? 8 : 6;
    case LT_QUANT_PRODUCT:
        return c->ratio <= 8 ? 3 : 8;
    default:
        return 2;
    }
}

/* Takes the codes where the question allows it. */
static void choose_codes(lt_reader *r, const lt_nearest *q, const lt_schema_vector *s, lt_plan *out)
{
    if (q->exact || q->quant_ignore || !(out->codes = lt_codes_get(r->c, s->number)))
        return;
    const lt_quant_config *c = lt_quant_get_config(out->codes->quant);
    double n = (double)q->k * (q->quant_rescore == 0 ? 1 : oversampling(q, c));

    n = n < LT_LIMIT_HNSW_EF ? n : LT_LIMIT_HNSW_EF;
    if ((double)out->n_allowed <= 2 * n) { /* nearly all would be measured again */
        lt_codes_unref(out->codes);
        out->codes = NULL;
        return;
    }
    uint32_t covered = atomic_load_explicit(&out->codes->covered, memory_order_acquire);

    out->covered = covered < out->covered ? covered : out->covered;
    out->n_candidates = n > (double)q->k ? (size_t)n : q->k;
    out->rescore = q->quant_rescore != 0;
}

static size_t choose_ef(const lt_nearest *q, const lt_schema_vector *s, size_t at_least)
{
    size_t ef = q->ef ? q->ef : s->hnsw.ef_construct;

    ef = ef > at_least ? ef : at_least;
    return ef < LT_LIMIT_HNSW_EF ? ef : LT_LIMIT_HNSW_EF;
}

static lt_hnsw_query graph_query(const lt_reader *r, const lt_nearest *q, const lt_plan *p)
{
    lt_hnsw_query h = LT_HNSW_QUERY_INIT;

    h.vector = q->vector->rows;
    h.k = p->n_candidates;
    h.ef = p->ef;
    h.n_slots = p->covered;
    /* A graph may hold what this commit lacks, so there is always something to leave out. */
    h.allowed = p->allowed;
    /* Where some lie behind what it covers, it counts those that do not. */
    h.n_allowed = p->covered == r->s.view->n_slots ? (uint32_t)p->n_allowed : 0;
    h.scan_max = (uint32_t)(p->scan_max < UINT32_MAX ? p->scan_max : UINT32_MAX);
    return h;
}

/* The way through the graph that the plan holds. */
static void choose_walk(const lt_reader *r, const lt_nearest *q, lt_plan *p)
{
    lt_hnsw_query h = graph_query(r, q, p);

    switch (lt_hnsw_way_of(p->graph->hnsw, &h)) {
    case LT_HNSW_WALK:
        p->way = LT_WAY_GRAPH;
        p->because = "most points pass";
        break;
    case LT_HNSW_WALK_FILTERED:
        p->way = LT_WAY_FILTERED;
        p->because = "too many pass to measure them all, too few to drop the others at the end";
        break;
    case LT_HNSW_SCAN:
        p->because = "few pass";
        break;
    }
}

/* Codes lie close together: under a filter, measuring 6,000 of 30,000 x 128 took 70 us by int8 codes
 * and the filtered walk 170 us at ef 100. Without a filter the walk is quicker than both. */
static uint64_t choose_scan_max(const lt_reader *r, const lt_schema_vector *s, const lt_plan *p)
{
    enum { CODES_FACTOR = 4 };
    bool narrowed = p->n_allowed < r->s.view->vectors[p->i].n_present;

    if (s->full_scan_rows)
        return s->full_scan_rows;
    return LT_HNSW_SCAN_PER_EF * p->ef * (p->codes && narrowed ? CODES_FACTOR : 1);
}

void lt_plan_make(lt_reader *r, const lt_nearest *q, const uint64_t *allowed, uint64_t n_allowed,
                  lt_plan *out)
{
    size_t i = lt_reader_index_of(r, q->vector->schema);
    const lt_schema_vector *s = &r->schema->vectors[i];

    *out = (lt_plan){.way = LT_WAY_SCAN, .i = i, .allowed = allowed, .n_allowed = n_allowed,
                     .n_candidates = q->k, .covered = (uint32_t)r->s.view->n_slots};
    choose_codes(r, q, s, out);
    out->ef = choose_ef(q, s, out->n_candidates);
    out->scan_max = choose_scan_max(r, s, out);
    if (q->exact) {
        out->because = "exact was asked for";
    } else if (n_allowed <= out->scan_max) {
        out->because = "few pass";
    } else if (q->k > LT_LIMIT_HNSW_EF / 2) {
        out->because = "more are wanted than a walk keeps";
    } else if (!(out->graph = lt_graph_get(r->c, s->number))) {
        out->because = "there is no graph";
        lt_index_searched(r->c);
    } else {
        uint32_t covered = lt_hnsw_covered(out->graph->hnsw); /* below it all is there */

        out->covered = covered < out->covered ? covered : out->covered;
        choose_walk(r, q, out);
    }
}

void lt_plan_done(lt_plan *p)
{
    lt_graph_unref(p->graph);
    lt_codes_unref(p->codes);
    *p = (lt_plan){.graph = NULL};
}

/* ---- measuring ------------------------------------------------------------------------------- */

static void free_query(lt_quant_query **query)
{
    lt_quant_query_free(*query);
}

static void measure_codes(const void *context, const void *query, const void *const *rows, size_t n,
                          float *out)
{
    (void)query;
    lt_quant_distances(context, rows, n, out);
}

/* NULL in *out without codes. */
static lt_status prepare_codes(const lt_nearest *q, const lt_plan *p, lt_quant_query **out,
                               lt_error *err)
{
    const lt_vector_schema *s = q->vector->schema;
    LT_AUTOFREE float *floats = lt_calloc(s->dims, sizeof *floats);

    *out = NULL;
    if (!p->codes)
        return LT_OK;
    if (!floats)
        return lt_fail_nomem(err);
    if (s->element == LT_ELEMENT_U8)
        lt_codes_floats(s, q->vector->rows, floats);
    else
        memcpy(floats, q->vector->rows, s->dims * sizeof *floats);
    return lt_quant_query_new(p->codes->quant, floats, out, err);
}

static int better_first(const void *a, const void *b)
{
    const lt_scored *x = a, *y = b;

    return x->score != y->score ? (x->score > y->score ? -1 : 1) : 0;
}

/* Gives candidates by codes their true scores, and their order. */
static void rescore(lt_reader *r, const lt_nearest *q, const lt_plan *p, lt_scored *items, size_t n)
{
    for (size_t k = 0; k < n; k++)
        __builtin_prefetch(lt_view_row(r->s.view, p->i, items[k].slot));
    for (size_t k = 0; k < n; k++) {
        const void *row = lt_view_row(r->s.view, p->i, items[k].slot);
        float distance;

        lt_space_distances(&q->vector->space, q->vector->rows, &row, 1, &distance);
        items[k].score = -distance;
    }
    qsort(items, n, sizeof *items, better_first);
}

/* ---- answering ------------------------------------------------------------------------------- */

/* The allowed slots from `first` on, as they are. */
static lt_status scan_rows(lt_reader *r, const lt_nearest *q, const lt_plan *p, uint32_t first,
                           lt_scored **out, size_t *n_out, lt_error *err)
{
    const lt_view *v = r->s.view;
    lt_flat flat = {.measure = lt_space_measure,
                    .context = &q->vector->space,
                    .chunks = v->vectors[p->i].chunks,
                    .chunk_slots = LT_VEC_CHUNK_SLOTS,
                    .stride = r->schema->vectors[p->i].stride,
                    .first = first,
                    .n_slots = (size_t)v->n_slots,
                    .allowed = p->allowed};

    return lt_flat_search(&flat, q->vector->rows, q->k, out, n_out, err);
}

/* The covered slots by their codes. */
static lt_status scan_codes(const lt_plan *p, const lt_quant_query *query, lt_scored **out,
                            size_t *n_out, lt_error *err)
{
    lt_flat flat = {.measure = measure_codes,
                    .context = query,
                    .chunks = p->codes->chunks,
                    .chunk_slots = LT_VEC_CHUNK_SLOTS,
                    .stride = p->codes->stride,
                    .n_slots = p->covered,
                    .allowed = p->allowed};

    return lt_flat_search(&flat, NULL, p->n_candidates, out, n_out, err);
}

static lt_status walk(lt_reader *r, const lt_nearest *q, const lt_plan *p,
                      const lt_quant_query *query, lt_scored **out, size_t *n_out, lt_error *err)
{
    LT_AUTOFREE lt_scored *items = lt_calloc(p->n_candidates, sizeof *items);
    lt_hnsw_query h = graph_query(r, q, p);
    lt_hnsw_copies copies;

    if (!items)
        return lt_fail_nomem(err);
    if (query) {
        copies = (lt_hnsw_copies){p->codes->chunks, p->covered, p->codes->stride,
                                  lt_quant_code_bytes(p->codes->quant), measure_codes, query};
        h.copies = &copies;
    }
    LT_TRY(lt_hnsw_search(p->graph->hnsw, &h, items, n_out, err));
    *out = lt_steal(&items);
    return LT_OK;
}

/* Adds the best of the slots that are not covered. */
static lt_status add_tail(lt_reader *r, const lt_nearest *q, const lt_plan *p, lt_scored **items,
                          size_t *n, lt_error *err)
{
    LT_AUTOFREE lt_scored *tail = NULL;
    size_t n_tail;

    LT_TRY(scan_rows(r, q, p, p->covered, &tail, &n_tail, err));
    lt_scored *all = lt_realloc(*items, *n + n_tail, sizeof *all);

    if (!all)
        return lt_fail_nomem(err);
    memcpy(all + *n, tail, n_tail * sizeof *tail);
    *items = all;
    *n += n_tail;
    qsort(all, *n, sizeof *all, better_first);
    return LT_OK;
}

lt_status lt_plan_run(lt_reader *r, const lt_nearest *q, const lt_plan *p, lt_scored **out,
                      size_t *n_out, lt_error *err)
{
    LT_CLEANUP(free_query) lt_quant_query *query = NULL;
    LT_AUTOFREE lt_scored *items = NULL;
    bool tail = p->covered < r->s.view->n_slots && !(q->indexed_only && p->way != LT_WAY_SCAN);
    size_t n = 0;

    if (p->way == LT_WAY_SCAN && !p->codes)
        return scan_rows(r, q, p, 0, out, n_out, err);
    LT_TRY(prepare_codes(q, p, &query, err));
    LT_TRY(p->way == LT_WAY_SCAN ? scan_codes(p, query, &items, &n, err)
                                 : walk(r, q, p, query, &items, &n, err));
    if (query && p->rescore)
        rescore(r, q, p, items, n);
    if (tail)
        LT_TRY(add_tail(r, q, p, &items, &n, err));
    *out = lt_steal(&items);
    *n_out = n;
    return LT_OK;
}
