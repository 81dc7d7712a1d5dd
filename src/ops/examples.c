/* SPDX-License-Identifier: Apache-2.0
 * Queries whose score is made of similarities to several examples: recommend by best or sum of
 * scores, discover, context, feedback. Every point of the pool is scored; larger is better whatever
 * the distance. */
#include <base/mem.h>
#include <math.h>

#include "run.h"

float lt_sigmoid(float x)
{
    return isfinite(x) ? x / (1 + fabsf(x)) : x;
}

float lt_scaled_sigmoid(float x)
{
    return 0.5f * (lt_sigmoid(x) + 1);
}

/* Slots whose similarities to one example are computed at once. */
enum { CHUNK_MAX = 512, CHUNK_SIMILARITIES = 1 << 20 };

/* Scores slots[0..n) into scored[0..n). similarity has n_examples rows of n. */
static lt_status score_chunk(lt_asking *a, const lt_vector_schema *schema, const lt_scorer *s,
                             const uint32_t *slots, size_t n, float *similarity, float *column,
                             lt_scored *scored, lt_error *err)
{
    for (size_t e = 0; e < s->n_examples; e++)
        LT_TRY(lt_reader_similarities(a->r, s->examples[e], slots, n, similarity + e * n, err));
    for (size_t i = 0; i < n; i++) {
        for (size_t e = 0; e < s->n_examples; e++) {
            column[e] = similarity[e * n + i];
            /* Sparse vectors without a common index; points without the vector are not here. */
            if (isnan(column[e]) && schema->kind == LT_VECTOR_SPARSE)
                column[e] = 0;
        }
        scored[i] = (lt_scored){s->combine(s, column), slots[i]};
    }
    return LT_OK;
}

/* Custom scores are always better when larger, so their threshold never turns round. */
static void cut(const lt_stage *stage, lt_ranking *ranking)
{
    for (size_t i = 0; stage->has_threshold && i < ranking->n; i++)
        if (!(ranking->items[i].score > stage->threshold))
            ranking->n = i;
}

lt_status lt_rank_by_examples(lt_asking *a, const lt_stage *stage, const lt_vector_schema *schema,
                              const lt_scorer *scorer, const lt_pool *pool, size_t limit,
                              lt_ranking *out, lt_error *err)
{
    const uint32_t *slots;
    size_t n, n_examples = scorer->n_examples, chunk = CHUNK_MAX;

    if (n_examples * chunk > CHUNK_SIMILARITIES)
        chunk = 1 + CHUNK_SIMILARITIES / n_examples;
    LT_TRY(lt_pool_slots(a, pool, schema, &slots, &n, err));
    lt_scored *scored = lt_arena_alloc(a->arena, n, sizeof *scored);
    float *column = lt_arena_alloc(a->arena, n_examples, sizeof *column);
    float *similarity = lt_arena_alloc(a->arena, n_examples * chunk, sizeof *similarity);

    if (!scored || !column || !similarity)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n; i += chunk) {
        size_t m = n - i < chunk ? n - i : chunk;

        LT_TRY(lt_asking_check(a, err));
        LT_TRY(score_chunk(a, schema, scorer, slots + i, m, similarity, column, scored + i, err));
    }
    LT_TRY(lt_rank_top(a, scored, n, limit, out, err));
    cut(stage, out);
    return LT_OK;
}

static lt_status alloc_examples(lt_asking *a, lt_scorer *s, size_t n, lt_error *err)
{
    s->n_examples = n;
    s->examples = lt_arena_alloc(a->arena, n, sizeof(const lt_prepared *));
    return s->examples ? LT_OK : lt_fail_nomem(err);
}

/* ---- discover and context: pairs ------------------------------------------------------------- */

static float combine_discover(const lt_scorer *s, const float *x)
{
    float rank = 0;

    for (size_t i = 1; i + 1 < s->n_examples; i += 2)
        rank += (float)((x[i] > x[i + 1]) - (x[i] < x[i + 1]));
    return rank + lt_scaled_sigmoid(x[0]);
}

static float combine_context(const lt_scorer *s, const float *x)
{
    const float epsilon = 1.1920929e-7f; /* keeps a tie from counting as won */
    float sum = 0;

    for (size_t i = 0; i + 1 < s->n_examples; i += 2)
        sum += lt_sigmoid(fminf(x[i] - x[i + 1] - epsilon, 0));
    return sum;
}

static lt_status resolve_pairs(lt_asking *a, const lt_stage *stage, const lt_vector_schema *schema,
                               const lt_prepared **out, lt_error *err)
{
    for (size_t i = 0; i < stage->find.n_pairs; i++) {
        const lt_pair *pair = &stage->find.pairs[i];

        LT_TRY(lt_resolve_prepared(a, stage, schema, &pair->positive, &out[2 * i], err));
        LT_TRY(lt_resolve_prepared(a, stage, schema, &pair->negative, &out[2 * i + 1], err));
    }
    return LT_OK;
}

lt_status lt_rank_discover(lt_asking *a, const lt_stage *stage, const lt_pool *pool, size_t limit,
                           lt_ranking *out, lt_error *err)
{
    const lt_find *f = &stage->find;
    const lt_vector_schema *schema;
    lt_scorer s = {.combine = combine_discover};

    LT_TRY(lt_find_schema(a->r, stage->using, &schema, err));
    LT_TRY(alloc_examples(a, &s, 1 + 2 * f->n_pairs, err));
    LT_TRY(lt_resolve_prepared(a, stage, schema, &f->target, &s.examples[0], err));
    LT_TRY(resolve_pairs(a, stage, schema, s.examples + 1, err));
    return lt_rank_by_examples(a, stage, schema, &s, pool, limit, out, err);
}

lt_status lt_rank_context(lt_asking *a, const lt_stage *stage, const lt_pool *pool, size_t limit,
                          lt_ranking *out, lt_error *err)
{
    const lt_vector_schema *schema;
    lt_scorer s = {.combine = combine_context};

    LT_TRY(lt_find_schema(a->r, stage->using, &schema, err));
    LT_TRY(alloc_examples(a, &s, 2 * stage->find.n_pairs, err));
    LT_TRY(resolve_pairs(a, stage, schema, s.examples, err));
    return lt_rank_by_examples(a, stage, schema, &s, pool, limit, out, err);
}

/* ---- relevance feedback ---------------------------------------------------------------------- */

static float combine_feedback(const lt_scorer *s, const float *x)
{
    double sum = 0;

    for (size_t i = 0; i < s->n_examples; i++)
        sum += s->weights[i] * (double)x[i];
    return (float)sum;
}

/* Each ordered pair of examples, of which the first was scored higher by d, adds c d^b times the
 * difference of their similarities. Summed up here by example, so that the work for a point grows
 * with the number of examples, not of pairs. */
static void weigh_examples(const lt_find *f, double *weights)
{
    for (size_t i = 0; i < f->examples.n; i++) {
        for (size_t j = 0; j < f->examples.n; j++) {
            if (!(f->scores[i] > f->scores[j]))
                continue;
            double weight = f->c * pow(f->scores[i] - f->scores[j], f->b);

            weights[i] += weight;
            weights[j] -= weight;
        }
    }
}

lt_status lt_rank_feedback(lt_asking *a, const lt_stage *stage, const lt_pool *pool, size_t limit,
                           lt_ranking *out, lt_error *err)
{
    const lt_find *f = &stage->find;
    const lt_vector_schema *schema;
    lt_scorer s = {.combine = combine_feedback};
    double *weights = lt_arena_alloc(a->arena, 1 + f->examples.n, sizeof *weights);

    if (!weights)
        return lt_fail_nomem(err);
    LT_TRY(lt_find_schema(a->r, stage->using, &schema, err));
    LT_TRY(alloc_examples(a, &s, 1 + f->examples.n, err));
    LT_TRY(lt_resolve_prepared(a, stage, schema, &f->target, &s.examples[0], err));
    for (size_t i = 0; i < f->examples.n; i++)
        LT_TRY(lt_resolve_prepared(a, stage, schema, &f->examples.items[i], &s.examples[1 + i],
                                   err));
    weights[0] = f->a;
    weigh_examples(f, weights + 1);
    s.weights = weights;
    return lt_rank_by_examples(a, stage, schema, &s, pool, limit, out, err);
}
