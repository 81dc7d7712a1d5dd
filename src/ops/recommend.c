/* SPDX-License-Identifier: Apache-2.0
 * Recommend: from examples that are liked and disliked, either one vector to search with (their
 * average) or a score made of the similarities to each. */
#include <base/mem.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

/* ---- by scores ------------------------------------------------------------------------------- */

static float best_of(const float *x, size_t n)
{
    float best = -INFINITY;

    for (size_t i = 0; i < n; i++)
        best = fmaxf(best, x[i]);
    return best;
}

static float combine_best(const lt_scorer *s, const float *x)
{
    float positive = best_of(x, s->n_positive);
    float negative = best_of(x + s->n_positive, s->n_examples - s->n_positive);

    return positive > negative ? lt_scaled_sigmoid(positive) : -lt_scaled_sigmoid(negative);
}

static float combine_sum(const lt_scorer *s, const float *x)
{
    float positive = 0, negative = 0;

    for (size_t i = 0; i < s->n_examples; i++)
        *(i < s->n_positive ? &positive : &negative) += x[i];
    return positive - negative;
}

static lt_status by_scores(lt_asking *a, const lt_stage *stage, const lt_vector_schema *schema,
                           const lt_pool *pool, size_t limit, lt_ranking *out, lt_error *err)
{
    const lt_find *f = &stage->find;
    lt_scorer s = {.combine = f->strategy == LT_STRATEGY_BEST ? combine_best : combine_sum,
                   .n_positive = f->positive.n,
                   .n_examples = f->positive.n + f->negative.n};

    s.examples = lt_arena_alloc(a->arena, s.n_examples, sizeof(const lt_prepared *));
    if (!s.examples)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < s.n_examples; i++) {
        const lt_input *input = i < f->positive.n ? &f->positive.items[i]
                                                  : &f->negative.items[i - f->positive.n];

        LT_TRY(lt_resolve_prepared(a, stage, schema, input, &s.examples[i], err));
    }
    return lt_rank_by_examples(a, stage, schema, &s, pool, limit, out, err);
}

/* ---- by average ------------------------------------------------------------------------------ */

/* The vectors of the examples, each checked against the schema; the average of those is what is
 * compared, so a bad one is named before it is mixed in. */
static lt_status resolve_all(lt_asking *a, const lt_stage *stage, const lt_vector_schema *schema,
                             const lt_inputs *inputs, lt_vector **out, lt_error *err)
{
    *out = lt_arena_alloc(a->arena, inputs->n, sizeof **out);
    if (!*out)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < inputs->n; i++) {
        LT_TRY(lt_resolve(a, stage, schema, &inputs->items[i], &(*out)[i], err));
        LT_TRY(lt_vector_check(schema, &(*out)[i], err));
    }
    return LT_OK;
}

typedef struct examples {
    lt_vector *positive, *negative;
    size_t n_positive, n_negative;
} examples;

/* 2 avg(positive) - avg(negative), or avg(positive) alone: the weight of one example. */
static double weight_of(const examples *e, bool positive)
{
    if (positive)
        return (e->n_negative ? 2.0 : 1.0) / (double)e->n_positive;
    return -1.0 / (double)e->n_negative;
}

static lt_status average_dense(lt_asking *a, const examples *e, lt_vector *out, lt_error *err)
{
    size_t n = e->positive[0].n_values;
    double *sum = lt_arena_alloc(a->arena, n, sizeof *sum);
    float *values = lt_arena_alloc(a->arena, n, sizeof *values);

    if (!sum || !values)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < e->n_positive + e->n_negative; i++) {
        bool positive = i < e->n_positive;
        const lt_vector *v = positive ? &e->positive[i] : &e->negative[i - e->n_positive];
        double weight = weight_of(e, positive);

        for (size_t d = 0; d < n; d++)
            sum[d] += weight * (double)v->values[d];
    }
    for (size_t d = 0; d < n; d++)
        values[d] = (float)sum[d];
    *out = (lt_vector){"", LT_VECTOR_DENSE, values, n, 0, NULL};
    return LT_OK;
}

/* All rows, those of negatives with their signs turned. */
static lt_status join_rows(lt_asking *a, const examples *e, lt_vector *out, lt_error *err)
{
    size_t n = 0, at = 0;

    *out = (lt_vector){.name = "", .kind = LT_VECTOR_MULTI};
    for (size_t i = 0; i < e->n_positive + e->n_negative; i++) {
        const lt_vector *v = i < e->n_positive ? &e->positive[i] : &e->negative[i - e->n_positive];

        n += v->n_values;
        out->n_rows += v->n_rows;
    }
    float *values = lt_arena_alloc(a->arena, n, sizeof *values);

    if (!values)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < e->n_positive + e->n_negative; i++) {
        bool positive = i < e->n_positive;
        const lt_vector *v = positive ? &e->positive[i] : &e->negative[i - e->n_positive];

        for (size_t d = 0; d < v->n_values; d++)
            values[at++] = positive ? v->values[d] : -v->values[d];
    }
    out->values = values;
    out->n_values = n;
    return LT_OK;
}

typedef struct term {
    uint32_t index;
    double value;
} term;

static int by_index(const void *a, const void *b)
{
    uint32_t x = ((const term *)a)->index, y = ((const term *)b)->index;

    return (x > y) - (x < y);
}

static size_t gather_terms(const lt_vector *v, size_t n, double weight, term *out)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < v[i].n_values; d++)
            out[at++] = (term){v[i].indices[d], weight * (double)v[i].values[d]};
    return at;
}

static lt_status average_sparse(lt_asking *a, const examples *e, lt_vector *out, lt_error *err)
{
    size_t n = 0, kept = 0;

    for (size_t i = 0; i < e->n_positive; i++)
        n += e->positive[i].n_values;
    for (size_t i = 0; i < e->n_negative; i++)
        n += e->negative[i].n_values;
    term *terms = lt_arena_alloc(a->arena, n, sizeof *terms);
    float *values = lt_arena_alloc(a->arena, n, sizeof *values);
    uint32_t *indices = lt_arena_alloc(a->arena, n, sizeof *indices);

    if (!terms || !values || !indices)
        return lt_fail_nomem(err);
    n = gather_terms(e->positive, e->n_positive, weight_of(e, true), terms);
    n += gather_terms(e->negative, e->n_negative, weight_of(e, false), terms + n);
    if (n)
        qsort(terms, n, sizeof *terms, by_index);
    for (size_t i = 0; i < n; kept++) {
        double sum = 0;
        uint32_t index = terms[i].index;

        for (; i < n && terms[i].index == index; i++)
            sum += terms[i].value;
        values[kept] = (float)sum;
        indices[kept] = index;
    }
    *out = (lt_vector){"", LT_VECTOR_SPARSE, values, kept, 0, indices};
    return LT_OK;
}

static lt_status by_average(lt_asking *a, const lt_stage *stage, const lt_vector_schema *schema,
                            const lt_pool *pool, size_t limit, lt_ranking *out, lt_error *err)
{
    const lt_find *f = &stage->find;
    examples e = {.n_positive = f->positive.n, .n_negative = f->negative.n};
    lt_vector average;

    LT_TRY(resolve_all(a, stage, schema, &f->positive, &e.positive, err));
    LT_TRY(resolve_all(a, stage, schema, &f->negative, &e.negative, err));
    LT_TRY(schema->kind == LT_VECTOR_DENSE   ? average_dense(a, &e, &average, err)
           : schema->kind == LT_VECTOR_MULTI ? join_rows(a, &e, &average, err)
                                             : average_sparse(a, &e, &average, err));
    return lt_rank_by_vector(a, stage, schema, &average, pool, limit, out, err);
}

lt_status lt_rank_recommend(lt_asking *a, const lt_stage *stage, const lt_pool *pool, size_t limit,
                            lt_ranking *out, lt_error *err)
{
    const lt_find *f = &stage->find;
    const lt_vector_schema *schema;

    if (f->strategy == LT_STRATEGY_AVERAGE && f->positive.n == 0)
        return lt_fail(err, LT_EINVAL,
                       "At least one positive vector ID required with this strategy");
    if (f->positive.n + f->negative.n == 0)
        return lt_fail(err, LT_EINVAL,
                       "At least one positive or negative vector ID required with this strategy");
    LT_TRY(lt_find_schema(a->r, stage->using, &schema, err));
    return f->strategy == LT_STRATEGY_AVERAGE
               ? by_average(a, stage, schema, pool, limit, out, err)
               : by_scores(a, stage, schema, pool, limit, out, err);
}
