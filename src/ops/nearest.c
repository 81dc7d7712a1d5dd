/* SPDX-License-Identifier: Apache-2.0
 * Nearest to a vector, and the same with diversity. */
#include <base/mem.h>
#include <math.h>
#include <string.h>

#include "run.h"

static bool is_distance(const lt_vector_schema *s)
{
    return s->distance == LT_DISTANCE_EUCLID || s->distance == LT_DISTANCE_MANHATTAN;
}

/* Similarities become what users see; what is not better than the threshold ends the ranking. */
static void finish(const lt_stage *stage, const lt_vector_schema *schema, lt_ranking *ranking)
{
    for (size_t i = 0; i < ranking->n; i++) {
        float score = lt_user_score(schema->distance, ranking->items[i].score);

        if (stage->has_threshold &&
            !(is_distance(schema) ? score < stage->threshold : score > stage->threshold)) {
            ranking->n = i;
            return;
        }
        ranking->items[i].score = score;
    }
}

static lt_status rank_listed(lt_asking *a, const lt_prepared *vector, const lt_pool *pool,
                             size_t limit, lt_ranking *out, lt_error *err)
{
    size_t n = pool->n_listed;
    float *similarity = lt_arena_alloc(a->arena, n, sizeof *similarity);
    lt_scored *scored = lt_arena_alloc(a->arena, n, sizeof *scored);

    if (!similarity || !scored)
        return lt_fail_nomem(err);
    LT_TRY(lt_reader_similarities(a->r, vector, pool->listed, n, similarity, err));
    for (size_t i = 0; i < n; i++)
        scored[i] = (lt_scored){similarity[i], pool->listed[i]};
    return lt_rank_top(a, scored, n, limit, out, err);
}

/* As many more as are excluded are asked for, and dropped: cheaper than to carry the exclusion
 * through the search of a graph. */
static lt_status rank_all(lt_asking *a, const lt_stage *stage, const lt_prepared *vector,
                          const lt_pool *pool, size_t limit, lt_ranking *out, lt_error *err)
{
    LT_AUTOFREE lt_scored *found = NULL;
    lt_nearest q = LT_NEAREST_INIT;
    size_t n, kept = 0;

    q.vector = vector;
    q.k = limit + pool->n_excluded;
    q.filter = pool->filter;
    q.ef = stage->params.ef;
    q.exact = stage->params.exact;
    q.indexed_only = stage->params.indexed_only;
    q.quant_ignore = stage->params.quant_ignore;
    q.quant_rescore = stage->params.quant_rescore;
    q.quant_oversampling = stage->params.quant_oversampling;
    LT_TRY(lt_reader_nearest(a->r, &q, &found, &n, err));
    out->items = lt_arena_alloc(a->arena, n, sizeof *out->items);
    if (!out->items)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n && kept < limit; i++)
        if (!lt_slots_have(pool->excluded, pool->n_excluded, found[i].slot))
            out->items[kept++] = (lt_ranked){.slot = found[i].slot, .score = found[i].score};
    out->n = kept;
    return LT_OK;
}

lt_status lt_rank_by_vector(lt_asking *a, const lt_stage *stage, const lt_vector_schema *schema,
                            const lt_vector *vector, const lt_pool *pool, size_t limit,
                            lt_ranking *out, lt_error *err)
{
    const lt_prepared *prepared;

    *out = (lt_ranking){0};
    LT_TRY(lt_prepare_query(a, stage, schema, vector, &prepared, err));
    if (limit == 0)
        return LT_OK;
    LT_TRY(pool->listed ? rank_listed(a, prepared, pool, limit, out, err)
                        : rank_all(a, stage, prepared, pool, limit, out, err));
    finish(stage, schema, out);
    return LT_OK;
}

lt_status lt_rank_nearest(lt_asking *a, const lt_stage *stage, const lt_pool *pool, size_t limit,
                          lt_ranking *out, lt_error *err)
{
    const lt_find *f = &stage->find;
    const lt_vector_schema *schema;
    lt_vector vector;
    size_t n = f->has_mmr ? f->has_candidates ? f->n_candidates : stage->limit : limit;

    LT_TRY(lt_find_schema(a->r, stage->using, &schema, err));
    LT_TRY(lt_resolve(a, stage, schema, &f->target, &vector, err));
    if (n > lt_reader_n_points(a->r))
        n = (size_t)lt_reader_n_points(a->r);
    LT_TRY(lt_rank_by_vector(a, stage, schema, &vector, pool, n, out, err));
    return f->has_mmr ? lt_diversify(a, stage, schema, &vector, limit, out, err) : LT_OK;
}

/* ---- maximal marginal relevance -------------------------------------------------------------- */

/* Candidates by place in the ranking; `pending` are those not chosen yet. */
typedef struct choice {
    lt_asking *a;
    const lt_vector_schema *schema;
    const lt_ranking *ranking;
    uint32_t *slots;
    float *relevance; /* similarity to the query */
    float *closest;   /* the largest similarity to one that is chosen */
    float *similarity;
    size_t *pending;
    size_t n_pending;
    lt_prepared **prepared; /* multivectors: the candidates as queries; else NULL */
    float lambda;
} choice;

/* As they are, without idf: what points have in common does not depend on the others. */
static lt_status similarities(const choice *c, const lt_vector *to, float *out, lt_error *err)
{
    size_t n = c->ranking->n;
    lt_prepared *prepared;

    LT_TRY(lt_prepare(c->a, c->schema, to, &prepared, err));
    LT_TRY(lt_reader_similarities(c->a->r, prepared, c->slots, n, out, err));
    for (size_t i = 0; i < n; i++)
        if (isnan(out[i])) /* sparse without a common index */
            out[i] = 0;
    return LT_OK;
}

static float worth(const choice *c, size_t candidate, bool first)
{
    return first ? c->relevance[candidate]
                 : c->lambda * c->relevance[candidate] - (1 - c->lambda) * c->closest[candidate];
}

/* Of equals the last is taken and the last pending one takes its place: the order in which Qdrant
 * meets them. */
static size_t choose(choice *c, bool first)
{
    size_t best = 0;

    for (size_t i = 1; i < c->n_pending; i++)
        if (worth(c, c->pending[i], first) >= worth(c, c->pending[best], first))
            best = i;
    size_t chosen = c->pending[best];

    c->pending[best] = c->pending[--c->n_pending];
    return chosen;
}

static lt_status prepare_candidates(choice *c, lt_error *err)
{
    c->prepared = lt_arena_alloc(c->a->arena, c->ranking->n, sizeof(lt_prepared *));
    if (!c->prepared)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < c->ranking->n; i++) {
        lt_vector vector;
        bool present;

        LT_TRY(lt_reader_vector(c->a->r, c->slots[i], c->schema, &vector, &present, err));
        LT_TRY(lt_prepare(c->a, c->schema, &vector, &c->prepared[i], err));
    }
    return LT_OK;
}

/* The similarity of every candidate to the one that was chosen. Rows against rows it depends on
 * which of the two asks: here the candidates do. */
static lt_status compare_multi(const choice *c, size_t chosen, float *out, lt_error *err)
{
    for (size_t i = 0; i < c->ranking->n; i++)
        LT_TRY(lt_reader_similarities(c->a->r, c->prepared[i], &c->slots[chosen], 1, &out[i], err));
    return LT_OK;
}

static lt_status compare_to(const choice *c, size_t chosen, float *out, lt_error *err)
{
    lt_vector vector;
    bool present;

    if (c->prepared)
        return compare_multi(c, chosen, out, err);
    LT_TRY(lt_reader_vector(c->a->r, c->slots[chosen], c->schema, &vector, &present, err));
    return similarities(c, &vector, out, err);
}

static lt_status note_chosen(choice *c, size_t chosen, lt_error *err)
{
    LT_TRY(lt_asking_check(c->a, err));
    LT_TRY(compare_to(c, chosen, c->similarity, err));
    for (size_t i = 0; i < c->ranking->n; i++)
        c->closest[i] = fmaxf(c->closest[i], c->similarity[i]);
    return LT_OK;
}

static lt_status start_choice(choice *c, const lt_vector *query, lt_error *err)
{
    size_t n = c->ranking->n;
    lt_arena *arena = c->a->arena;

    c->slots = lt_arena_alloc(arena, n, sizeof *c->slots);
    c->relevance = lt_arena_alloc(arena, n, sizeof *c->relevance);
    c->closest = lt_arena_alloc(arena, n, sizeof *c->closest);
    c->similarity = lt_arena_alloc(arena, n, sizeof *c->similarity);
    c->pending = lt_arena_alloc(arena, n, sizeof *c->pending);
    if (!c->slots || !c->relevance || !c->closest || !c->similarity || !c->pending)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        c->slots[i] = c->ranking->items[i].slot;
        c->closest[i] = -INFINITY;
        c->pending[i] = i;
    }
    c->n_pending = n;
    if (c->schema->kind == LT_VECTOR_MULTI)
        LT_TRY(prepare_candidates(c, err));
    return similarities(c, query, c->relevance, err);
}

lt_status lt_diversify(lt_asking *a, const lt_stage *stage, const lt_vector_schema *schema,
                       const lt_vector *vector, size_t limit, lt_ranking *ranking, lt_error *err)
{
    choice c = {.a = a, .schema = schema, .ranking = ranking,
                .lambda = 1 - stage->find.diversity};
    lt_ranked *chosen;
    size_t n = 0;

    if (ranking->n == 0)
        return LT_OK;
    LT_TRY(start_choice(&c, vector, err));
    chosen = lt_arena_alloc(a->arena, ranking->n, sizeof *chosen);
    if (!chosen)
        return lt_fail_nomem(err);
    while (n < limit && c.n_pending) {
        size_t next = choose(&c, n == 0);

        chosen[n++] = ranking->items[next];
        if (n < limit && c.n_pending)
            LT_TRY(note_chosen(&c, next, err));
    }
    *ranking = (lt_ranking){chosen, n};
    return LT_OK;
}
