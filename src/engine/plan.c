/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <base/limits.h>
#include <base/mem.h>
#include <stdlib.h>
#include <string.h>

#include "read.h"

/* ---- choosing -------------------------------------------------------------------------------- */

static size_t choose_ef(const lt_nearest *q, const lt_schema_vector *s)
{
    size_t ef = q->ef ? q->ef : s->hnsw.ef_construct;

    ef = ef > q->k ? ef : q->k;
    return ef < LT_LIMIT_HNSW_EF ? ef : LT_LIMIT_HNSW_EF;
}

static lt_hnsw_query graph_query(const lt_reader *r, const lt_nearest *q, const lt_plan *p)
{
    lt_hnsw_query h = LT_HNSW_QUERY_INIT;

    h.vector = q->vector->rows;
    h.k = q->k;
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

void lt_plan_make(lt_reader *r, const lt_nearest *q, const uint64_t *allowed, uint64_t n_allowed,
                  lt_plan *out)
{
    size_t i = lt_reader_index_of(r, q->vector->schema);
    const lt_schema_vector *s = &r->schema->vectors[i];
    uint64_t n_slots = r->s.view->n_slots;

    *out = (lt_plan){.way = LT_WAY_SCAN, .i = i, .allowed = allowed, .n_allowed = n_allowed};
    out->ef = choose_ef(q, s);
    out->scan_max = s->full_scan_rows ? s->full_scan_rows : LT_HNSW_SCAN_PER_EF * out->ef;
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
        out->covered = lt_hnsw_covered(out->graph->hnsw); /* below it all is there */
        out->covered = out->covered < n_slots ? out->covered : (uint32_t)n_slots;
        choose_walk(r, q, out);
    }
}

void lt_plan_done(lt_plan *p)
{
    lt_graph_unref(p->graph);
    p->graph = NULL;
}

/* ---- answering ------------------------------------------------------------------------------- */

/* The allowed slots from `first` on. */
static lt_status scan(lt_reader *r, const lt_nearest *q, const lt_plan *p, uint32_t first,
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

static int better_first(const void *a, const void *b)
{
    const lt_scored *x = a, *y = b;

    return x->score != y->score ? (x->score > y->score ? -1 : 1) : 0;
}

/* Adds the best of the slots that the graph does not cover. */
static lt_status add_tail(lt_reader *r, const lt_nearest *q, const lt_plan *p, lt_scored **items,
                          size_t *n, lt_error *err)
{
    LT_AUTOFREE lt_scored *tail = NULL;
    size_t n_tail;

    LT_TRY(scan(r, q, p, p->covered, &tail, &n_tail, err));
    lt_scored *all = lt_realloc(*items, *n + n_tail, sizeof *all);

    if (!all)
        return lt_fail_nomem(err);
    memcpy(all + *n, tail, n_tail * sizeof *tail);
    *items = all;
    *n += n_tail;
    qsort(all, *n, sizeof *all, better_first);
    return LT_OK;
}

static lt_status walk(lt_reader *r, const lt_nearest *q, const lt_plan *p, lt_scored **out,
                      size_t *n_out, lt_error *err)
{
    LT_AUTOFREE lt_scored *items = lt_calloc(q->k, sizeof *items);
    lt_hnsw_query h = graph_query(r, q, p);
    size_t n = 0;

    if (!items)
        return lt_fail_nomem(err);
    LT_TRY(lt_hnsw_search(p->graph->hnsw, &h, items, &n, err));
    if (p->covered < r->s.view->n_slots && !q->indexed_only)
        LT_TRY(add_tail(r, q, p, &items, &n, err));
    *out = lt_steal(&items);
    *n_out = n;
    return LT_OK;
}

lt_status lt_plan_run(lt_reader *r, const lt_nearest *q, const lt_plan *p, lt_scored **out,
                      size_t *n_out, lt_error *err)
{
    if (p->way == LT_WAY_SCAN)
        return scan(r, q, p, 0, out, n_out, err);
    return walk(r, q, p, out, n_out, err);
}
