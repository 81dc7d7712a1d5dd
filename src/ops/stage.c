/* SPDX-License-Identifier: Apache-2.0
 * A query with its prefetches. The leaves of the tree rank points of the collection, the inner
 * stages rank what the leaves found. A filter holds for its stage and for all below it, so it is
 * applied at the leaves alone; so are the ids that the query uses, which never come back. */
#include <base/mem.h>
#include <string.h>

#include "run.h"

/* The filters from the root down to a stage, joined clause by clause as Qdrant joins them: `must`
 * with `must`, `should` with `should` (so these become alternatives of each other), and so on. */
typedef struct scope {
    const struct scope *up;
    yyjson_val *json;        /* the stage's own filter, or NULL */
    const lt_filter *filter; /* of all; NULL: none */
} scope;

static void free_filter(void *filter)
{
    lt_filter_free(filter);
}

/* Appends the conditions of one clause (a list or one condition). */
static lt_status write_conditions(yyjson_val *clause, bool *any, lt_buf *out, lt_error *err)
{
    size_t i, n;
    yyjson_val *item;

    if (!clause || yyjson_is_null(clause))
        return LT_OK;
    if (!yyjson_is_arr(clause)) {
        LT_TRY(lt_buf_adds(out, *any ? "," : "", err));
        *any = true;
        return lt_json_write(clause, out, err);
    }
    yyjson_arr_foreach(clause, i, n, item)
    {
        LT_TRY(lt_buf_adds(out, *any ? "," : "", err));
        *any = true;
        LT_TRY(lt_json_write(item, out, err));
    }
    return LT_OK;
}

static lt_status write_clause(const scope *s, const char *name, lt_buf *out, lt_error *err)
{
    bool any = false;

    LT_TRY(lt_buf_addf(out, err, "\"%s\":[", name));
    for (; s; s = s->up)
        LT_TRY(write_conditions(yyjson_obj_get(s->json, name), &any, out, err));
    return lt_buf_adds(out, "]", err);
}

/* All their conditions, and the largest of the counts. */
static lt_status write_min_should(const scope *s, lt_buf *out, lt_error *err)
{
    uint64_t most = 0;
    bool any = false, there = false;

    for (const scope *at = s; at; at = at->up) {
        yyjson_val *min = yyjson_obj_get(at->json, "min_should");
        uint64_t count = yyjson_get_uint(yyjson_obj_get(min, "min_count"));

        there = there || yyjson_is_obj(min);
        most = count > most ? count : most;
    }
    if (!there)
        return LT_OK;
    LT_TRY(lt_buf_addf(out, err, ",\"min_should\":{\"min_count\":%llu,\"conditions\":[",
                       (unsigned long long)most));
    for (; s; s = s->up) {
        yyjson_val *min = yyjson_obj_get(s->json, "min_should");

        LT_TRY(write_conditions(yyjson_obj_get(min, "conditions"), &any, out, err));
    }
    return lt_buf_adds(out, "]}", err);
}

static lt_status join_scope(lt_asking *a, scope *s, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};
    lt_filter *joined;

    LT_TRY(lt_buf_addc(&text, '{', err));
    LT_TRY(write_clause(s, "must", &text, err));
    LT_TRY(lt_buf_addc(&text, ',', err));
    LT_TRY(write_clause(s, "should", &text, err));
    LT_TRY(lt_buf_addc(&text, ',', err));
    LT_TRY(write_clause(s, "must_not", &text, err));
    LT_TRY(write_min_should(s, &text, err));
    LT_TRY(lt_buf_addc(&text, '}', err));
    LT_TRY(lt_filter_parse(text.data, text.len, &joined, err));
    s->filter = joined;
    return lt_arena_defer(a->arena, free_filter, joined, err);
}

static lt_status enter_scope(lt_asking *a, const scope *outer, const lt_stage *stage, scope *out,
                             lt_error *err)
{
    *out = (scope){outer, stage->filter_json, outer->filter};
    if (!stage->filter)
        return LT_OK;
    out->filter = stage->filter;
    return outer->filter ? join_scope(a, out, err) : LT_OK;
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
    if (stage->has_threshold && f->kind == LT_FIND_ALL)
        return lt_fail(err, LT_EINVAL,
                       "A query is needed to use the score_threshold. Can't have score_threshold "
                       "without defining a query.");
    if ((f->kind == LT_FIND_RRF || f->kind == LT_FIND_DBSF) && stage->using[0])
        return lt_fail(err, LT_EINVAL, "Fusion queries cannot be combined with the 'using' field.");
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

static bool has_filter_below(const lt_stage *stage)
{
    for (size_t i = 0; i < stage->n_prefetches; i++)
        if (stage->prefetches[i].filter || has_filter_below(&stage->prefetches[i]))
            return true;
    return false;
}

/* Drops what does not pass the filter of the stage itself: joined with a filter below, its `should`
 * was weaker there. */
static lt_status keep_passing(lt_asking *a, const lt_filter *filter, lt_pool *pool, lt_error *err)
{
    uint32_t *kept = lt_arena_take(a->arena, pool->n_listed, sizeof *kept);
    size_t n = 0;

    if (!kept)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < pool->n_listed; i++) {
        LT_CLEANUP(lt_stored_done) lt_stored stored = {0};
        bool passes;

        LT_TRY(lt_reader_load(a->r, pool->listed[i], &stored, err));
        LT_TRY(lt_reader_passes(a->r, filter, &stored, &passes, err));
        if (passes)
            kept[n++] = pool->listed[i];
    }
    pool->listed = kept;
    pool->n_listed = n;
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
    if (here->filter && has_filter_below(stage))
        LT_TRY(keep_passing(a, here->filter, &found, err));
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
