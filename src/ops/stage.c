/* SPDX-License-Identifier: Apache-2.0
 * A query with its prefetches. The leaves of the tree rank points of the collection, the inner
 * stages rank what the leaves found. A filter holds for its stage and for all below it, so it is
 * applied at the leaves alone; so are the ids that the query uses, which never come back. */
#include <base/mem.h>
#include <string.h>

#include "run.h"

/* The filters from the root down to a stage, joined. */
typedef struct scope {
    const lt_filter *filter; /* NULL: none */
    const char *text;        /* the same as JSON, where there is something to join it with */
    size_t n_text;
} scope;

static void free_filter(void *filter)
{
    lt_filter_free(filter);
}

static lt_status write_scope(lt_asking *a, const scope *outer, const lt_stage *stage, scope *out,
                             lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};

    if (outer->text) {
        LT_TRY(lt_buf_adds(&text, "{\"must\":[", err));
        LT_TRY(lt_buf_add(&text, outer->text, outer->n_text, err));
        LT_TRY(lt_buf_addc(&text, ',', err));
    }
    LT_TRY(lt_json_write(stage->filter_json, &text, err));
    if (outer->text)
        LT_TRY(lt_buf_adds(&text, "]}", err));
    out->text = lt_arena_text(a->arena, text.data, text.len);
    out->n_text = text.len;
    return out->text ? LT_OK : lt_fail_nomem(err);
}

static lt_status enter_scope(lt_asking *a, const scope *outer, const lt_stage *stage, scope *out,
                             lt_error *err)
{
    lt_filter *joined;

    *out = *outer;
    if (!stage->filter)
        return LT_OK;
    out->filter = stage->filter;
    if (!outer->filter && stage->n_prefetches == 0)
        return LT_OK;
    LT_TRY(write_scope(a, outer, stage, out, err));
    if (!outer->filter)
        return LT_OK;
    LT_TRY(lt_filter_parse(out->text, out->n_text, &joined, err));
    out->filter = joined;
    return lt_arena_defer(a->arena, free_filter, joined, err);
}

static lt_ranker *const rankers[] = {
    [LT_FIND_ALL] = lt_rank_by_id,         [LT_FIND_NEAREST] = lt_rank_nearest,
    [LT_FIND_RECOMMEND] = lt_rank_recommend, [LT_FIND_DISCOVER] = lt_rank_discover,
    [LT_FIND_CONTEXT] = lt_rank_context,   [LT_FIND_ORDER_BY] = lt_rank_order,
    [LT_FIND_SAMPLE] = lt_rank_sample,     [LT_FIND_FEEDBACK] = lt_rank_feedback,
};

static bool is_merge(const lt_find *f)
{
    return f->kind == LT_FIND_RRF || f->kind == LT_FIND_DBSF || f->kind == LT_FIND_FORMULA;
}

static lt_status check_stage(const lt_stage *stage, lt_error *err)
{
    const lt_find *f = &stage->find;

    if (stage->n_prefetches == 0 && is_merge(f))
        return lt_fail(err, LT_EINVAL, "cannot make a %s query without prefetches",
                       f->kind == LT_FIND_RRF    ? "RRF"
                       : f->kind == LT_FIND_DBSF ? "DBSF"
                                                 : "formula");
    if (stage->n_prefetches && f->kind == LT_FIND_ALL)
        return lt_fail(err, LT_EINVAL,
                       "A query is needed to merge the prefetches. Can't have prefetches without "
                       "defining a query.");
    if (f->kind == LT_FIND_RRF && f->weights && f->n_weights != stage->n_prefetches)
        return lt_fail(err, LT_EINVAL,
                       "RRF weights length (%zu) must match the number of prefetches (%zu)",
                       f->n_weights, stage->n_prefetches);
    return LT_OK;
}

static lt_status run(lt_asking *a, const lt_stage *stage, const scope *outer,
                     const lt_pool *everywhere, lt_ranking *out, lt_error *err);

/* The points that any source found. */
static lt_status pool_sources(lt_asking *a, const lt_ranking *sources, size_t n_sources,
                              lt_pool *out, lt_error *err)
{
    size_t n = 0;

    for (size_t i = 0; i < n_sources; i++)
        n += sources[i].n;
    uint32_t *slots = lt_arena_alloc(a->arena, n, sizeof *slots);

    if (!slots)
        return lt_fail_nomem(err);
    n = 0;
    for (size_t i = 0; i < n_sources; i++)
        for (size_t j = 0; j < sources[i].n; j++)
            slots[n++] = sources[i].items[j].slot;
    *out = (lt_pool){.listed = slots, .n_listed = lt_slots_sort(slots, n)};
    return LT_OK;
}

static lt_status run_merge(lt_asking *a, const lt_stage *stage, const lt_ranking *sources,
                           size_t limit, lt_ranking *out, lt_error *err)
{
    size_t n = stage->n_prefetches;

    if (stage->find.kind == LT_FIND_FORMULA)
        LT_TRY(lt_apply_formula(a, &stage->find, sources, n, limit, out, err));
    else
        LT_TRY(lt_fuse(a, &stage->find, sources, n, limit, out, err));
    lt_cut_below(stage, out);
    return LT_OK;
}

static lt_status run_inner(lt_asking *a, const lt_stage *stage, const scope *here,
                           const lt_pool *everywhere, size_t limit, lt_ranking *out, lt_error *err)
{
    lt_ranking *sources = lt_arena_alloc(a->arena, stage->n_prefetches, sizeof *sources);
    lt_pool found;

    if (!sources)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < stage->n_prefetches; i++)
        LT_TRY(run(a, &stage->prefetches[i], here, everywhere, &sources[i], err));
    if (is_merge(&stage->find))
        return run_merge(a, stage, sources, limit, out, err);
    LT_TRY(pool_sources(a, sources, stage->n_prefetches, &found, err));
    return rankers[stage->find.kind](a, stage, &found, limit, out, err);
}

static size_t clamp(size_t n, uint64_t max)
{
    return n < max ? n : (size_t)max;
}

static lt_status run(lt_asking *a, const lt_stage *stage, const scope *outer,
                     const lt_pool *everywhere, lt_ranking *out, lt_error *err)
{
    /* No more than there are points; this also keeps the sum from overflowing. An order may show a
     * point once for each of its values, so it has no such bound. */
    uint64_t max = stage->find.kind == LT_FIND_ORDER_BY ? SIZE_MAX / 4 : lt_reader_n_points(a->r);
    size_t offset = clamp(stage->offset, max), limit = clamp(stage->limit, max) + offset;
    lt_pool pool = *everywhere;
    scope here;

    LT_TRY(lt_asking_check(a, err));
    LT_TRY(check_stage(stage, err));
    LT_TRY(enter_scope(a, outer, stage, &here, err));
    *out = (lt_ranking){0};
    pool.filter = here.filter;
    if (stage->n_prefetches)
        LT_TRY(run_inner(a, stage, &here, everywhere, limit, out, err));
    else
        LT_TRY(rankers[stage->find.kind](a, stage, &pool, limit, out, err));
    offset = clamp(offset, out->n);
    out->items += offset;
    out->n -= offset;
    return LT_OK;
}

lt_status lt_run_stage(lt_asking *a, const lt_stage *stage, lt_ranking *out, lt_error *err)
{
    const scope none = {0};
    lt_pool everywhere = {0};

    LT_TRY(lt_mentioned(a, stage, &everywhere.excluded, &everywhere.n_excluded, err));
    return run(a, stage, &none, &everywhere, out, err);
}

lt_status lt_run_query(lt_asking *a, const lt_query_request *q, lt_rows *out, lt_error *err)
{
    lt_ranking ranking;

    LT_TRY(lt_run_stage(a, &q->stage, &ranking, err));
    return lt_show(a, a->r, &ranking, &q->shown, out, err);
}
