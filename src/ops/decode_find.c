/* SPDX-License-Identifier: Apache-2.0
 * The `query` of a query: a vector in any form, or an object whose one known field says what it is. */
#include <base/error.h>
#include <base/limits.h>
#include <string.h>

#include "decode.h"

/* ---- order ----------------------------------------------------------------------------------- */

static lt_status decode_start(yyjson_val *v, const lt_at *up, lt_order *out, lt_error *err)
{
    const lt_at at = {up, "start_from", 0};
    int64_t us;

    if (yyjson_is_int(v) && (!yyjson_is_uint(v) || yyjson_get_uint(v) <= INT64_MAX)) {
        out->start = LT_START_INT;
        out->start_int = yyjson_get_sint(v);
        return LT_OK;
    }
    if (yyjson_is_num(v)) {
        out->start = LT_START_FLOAT;
        out->start_float = yyjson_get_num(v);
        return LT_OK;
    }
    if (!yyjson_is_str(v) || !lt_datetime_parse(yyjson_get_str(v), yyjson_get_len(v), &us))
        return lt_body_wrong(&at, "a number or a date", v, err);
    out->start = LT_START_TEXT;
    out->start_text = yyjson_get_str(v);
    return LT_OK;
}

lt_status lt_decode_order(yyjson_val *v, const lt_at *at, lt_order *out, lt_error *err)
{
    const lt_at direction_at = {at, "direction", 0};
    const char *direction = NULL;
    yyjson_val *key = v, *start;

    *out = (lt_order){0};
    if (yyjson_is_obj(v))
        LT_TRY(lt_body_need(v, "key", at, &key, err));
    if (!yyjson_is_str(key) || strlen(yyjson_get_str(key)) != yyjson_get_len(key))
        return lt_body_wrong(at, "a key or an object with `key`", key, err);
    out->key = yyjson_get_str(key);
    LT_TRY(lt_body_path(out->key, at, err));
    if (!yyjson_is_obj(v))
        return LT_OK;
    LT_TRY(lt_body_text(v, "direction", at, &direction, err));
    if (direction && strcmp(direction, "asc") != 0 && strcmp(direction, "desc") != 0)
        return lt_body_bad(&direction_at, "unknown variant, expected `asc` or `desc`", err);
    out->descending = direction && strcmp(direction, "desc") == 0;
    start = lt_body_field(v, "start_from");
    return start ? decode_start(start, at, out, err) : LT_OK;
}

/* ---- one decoder a kind ---------------------------------------------------------------------- */

static lt_status decode_nearest(lt_body *b, yyjson_val *v, yyjson_val *whole, const lt_at *at,
                                lt_find *out, lt_error *err)
{
    const lt_at mmr_at = {at->up, "mmr", 0};
    yyjson_val *mmr = lt_body_field(whole, "mmr");

    LT_TRY(lt_decode_input(b, v, at, &out->target, err));
    if (!mmr)
        return LT_OK;
    LT_TRY(lt_body_object(mmr, &mmr_at, err));
    out->has_mmr = true;
    out->diversity = 0.5f;
    LT_TRY(lt_body_float(mmr, "diversity", &mmr_at, &out->diversity, NULL, err));
    if (!(out->diversity >= 0 && out->diversity <= 1)) {
        const lt_at here = {&mmr_at, "diversity", 0};

        LT_TRY(lt_body_invalid(b, &here, err, "value %g invalid, must be from 0.0 to 1.0",
                               (double)out->diversity));
    }
    return lt_body_size(b, mmr, "candidates_limit", &mmr_at, 0, LT_LIMIT_MMR_CANDIDATES,
                        &out->n_candidates, &out->has_candidates, err);
}

lt_status lt_decode_strategy(yyjson_val *object, const lt_at *up, lt_strategy *out, lt_error *err)
{
    static const char *const names[] = {"average_vector", "best_score", "sum_scores"};
    const lt_at at = {up, "strategy", 0};
    const char *name = NULL;

    LT_TRY(lt_body_text(object, "strategy", up, &name, err));
    *out = LT_STRATEGY_AVERAGE;
    for (size_t i = 0; name && i < 3; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (lt_strategy)i;
            return LT_OK;
        }
    }
    return name ? lt_body_bad(&at,
                              "unknown variant, expected one of `average_vector`, `best_score`, "
                              "`sum_scores`",
                              err)
                : LT_OK;
}

static lt_status decode_recommend(lt_body *b, yyjson_val *v, yyjson_val *whole, const lt_at *at,
                                  lt_find *out, lt_error *err)
{
    (void)whole;
    LT_TRY(lt_body_object(v, at, err));
    LT_TRY(lt_decode_inputs(b, v, "positive", at, &out->positive, err));
    LT_TRY(lt_decode_inputs(b, v, "negative", at, &out->negative, err));
    return lt_decode_strategy(v, at, &out->strategy, err);
}

static lt_status decode_discover(lt_body *b, yyjson_val *v, yyjson_val *whole, const lt_at *at,
                                 lt_find *out, lt_error *err)
{
    const lt_at target_at = {at, "target", 0};
    yyjson_val *target;

    (void)whole;
    LT_TRY(lt_body_object(v, at, err));
    LT_TRY(lt_body_need(v, "target", at, &target, err));
    LT_TRY(lt_decode_input(b, target, &target_at, &out->target, err));
    return lt_decode_pairs(b, v, "context", at, out, err);
}

static lt_status decode_context(lt_body *b, yyjson_val *v, yyjson_val *whole, const lt_at *at,
                                lt_find *out, lt_error *err)
{
    (void)v;
    return lt_decode_pairs(b, whole, "context", at->up, out, err);
}

static lt_status decode_order_by(lt_body *b, yyjson_val *v, yyjson_val *whole, const lt_at *at,
                                 lt_find *out, lt_error *err)
{
    (void)b, (void)whole;
    return lt_decode_order(v, at, &out->order, err);
}

static lt_status decode_fusion(lt_body *b, yyjson_val *v, yyjson_val *whole, const lt_at *at,
                               lt_find *out, lt_error *err)
{
    const char *name = yyjson_get_str(v);

    (void)b, (void)whole;
    out->rrf_k = 2;
    if (!yyjson_is_str(v) || (strcmp(name, "rrf") != 0 && strcmp(name, "dbsf") != 0))
        return lt_body_bad(at, "expected `rrf` or `dbsf`", err);
    out->kind = strcmp(name, "rrf") == 0 ? LT_FIND_RRF : LT_FIND_DBSF;
    return LT_OK;
}

static lt_status decode_rrf(lt_body *b, yyjson_val *v, yyjson_val *whole, const lt_at *at,
                            lt_find *out, lt_error *err)
{
    const lt_at weights_at = {at, "weights", 0};
    lt_input weights;

    (void)whole;
    out->rrf_k = 2;
    LT_TRY(lt_body_object(v, at, err));
    LT_TRY(lt_body_size(b, v, "k", at, 1, SIZE_MAX, &out->rrf_k, NULL, err));
    yyjson_val *list = lt_body_field(v, "weights");

    if (!list)
        return LT_OK;
    if (!yyjson_is_arr(list) || yyjson_is_arr(yyjson_arr_get_first(list)))
        return lt_body_wrong(&weights_at, "a list of numbers", list, err);
    LT_TRY(lt_decode_input(b, list, &weights_at, &weights, err));
    out->weights = weights.vector.values;
    out->n_weights = weights.vector.n_values;
    return LT_OK;
}

static lt_status decode_formula(lt_body *b, yyjson_val *v, yyjson_val *whole, const lt_at *at,
                                lt_find *out, lt_error *err)
{
    const lt_at defaults_at = {at->up, "defaults", 0};

    out->defaults = lt_body_field(whole, "defaults");
    if (out->defaults)
        LT_TRY(lt_body_object(out->defaults, &defaults_at, err));
    return lt_decode_formula(b, v, at, &out->formula, err);
}

static lt_status decode_sample(lt_body *b, yyjson_val *v, yyjson_val *whole, const lt_at *at,
                               lt_find *out, lt_error *err)
{
    (void)b, (void)whole, (void)out;
    return yyjson_equals_str(v, "random") ? LT_OK : lt_body_bad(at, "expected `random`", err);
}

static lt_status decode_example(lt_body *b, yyjson_val *v, const lt_at *at, lt_input *input,
                                float *score, lt_error *err)
{
    const lt_at example_at = {at, "example", 0};
    yyjson_val *example;
    bool has_score;

    LT_TRY(lt_body_object(v, at, err));
    LT_TRY(lt_body_need(v, "example", at, &example, err));
    LT_TRY(lt_decode_input(b, example, &example_at, input, err));
    LT_TRY(lt_body_float(v, "score", at, score, &has_score, err));
    return has_score ? LT_OK : lt_body_bad(at, "missing field `score`", err);
}

static lt_status decode_examples(lt_body *b, yyjson_val *v, const lt_at *at, lt_find *out,
                                 lt_error *err)
{
    size_t n = yyjson_arr_size(v), i, max;
    yyjson_val *item;

    LT_TRY(lt_body_list(v, at, LT_LIMIT_FEEDBACK, err));
    out->examples.items = lt_arena_alloc(b->arena, n, sizeof *out->examples.items);
    out->scores = lt_arena_alloc(b->arena, n, sizeof *out->scores);
    if (!out->examples.items || !out->scores)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(v, i, max, item)
    {
        const lt_at here = {at, NULL, i};

        LT_TRY(decode_example(b, item, &here, &out->examples.items[i], &out->scores[i], err));
    }
    out->examples.n = n;
    return LT_OK;
}

static lt_status decode_naive(lt_body *b, yyjson_val *v, const lt_at *at, lt_find *out,
                              lt_error *err)
{
    const lt_at naive_at = {at, "naive", 0}, b_at = {&naive_at, "b", 0};
    yyjson_val *naive = yyjson_is_obj(v) ? lt_body_field(v, "naive") : NULL;
    bool has_a, has_b, has_c;

    if (!yyjson_is_obj(naive))
        return lt_body_bad(at, "expected an object with `naive`", err);
    LT_TRY(lt_body_float(naive, "a", &naive_at, &out->a, &has_a, err));
    LT_TRY(lt_body_float(naive, "b", &naive_at, &out->b, &has_b, err));
    LT_TRY(lt_body_float(naive, "c", &naive_at, &out->c, &has_c, err));
    if (!has_a || !has_b || !has_c)
        return lt_body_bad(&naive_at, "needs `a`, `b` and `c`", err);
    if (out->b < 0)
        return lt_body_invalid(b, &b_at, err, "value %g invalid, must be 0.0 or larger",
                               (double)out->b);
    return LT_OK;
}

static lt_status decode_feedback(lt_body *b, yyjson_val *v, yyjson_val *whole, const lt_at *at,
                                 lt_find *out, lt_error *err)
{
    const lt_at target_at = {at, "target", 0}, feedback_at = {at, "feedback", 0},
                strategy_at = {at, "strategy", 0};
    yyjson_val *target, *feedback, *strategy;

    (void)whole;
    LT_TRY(lt_body_object(v, at, err));
    LT_TRY(lt_body_need(v, "target", at, &target, err));
    LT_TRY(lt_body_need(v, "feedback", at, &feedback, err));
    LT_TRY(lt_body_need(v, "strategy", at, &strategy, err));
    LT_TRY(lt_decode_input(b, target, &target_at, &out->target, err));
    LT_TRY(decode_examples(b, feedback, &feedback_at, out, err));
    return decode_naive(b, strategy, &strategy_at, out, err);
}

static const struct kinds {
    const char *name;
    lt_find_kind kind;
    lt_status (*decode)(lt_body *b, yyjson_val *v, yyjson_val *whole, const lt_at *at, lt_find *out,
                        lt_error *err);
} kinds[] = {
    {"nearest", LT_FIND_NEAREST, decode_nearest},
    {"recommend", LT_FIND_RECOMMEND, decode_recommend},
    {"discover", LT_FIND_DISCOVER, decode_discover},
    {"context", LT_FIND_CONTEXT, decode_context},
    {"order_by", LT_FIND_ORDER_BY, decode_order_by},
    {"fusion", LT_FIND_RRF, decode_fusion},
    {"rrf", LT_FIND_RRF, decode_rrf},
    {"formula", LT_FIND_FORMULA, decode_formula},
    {"sample", LT_FIND_SAMPLE, decode_sample},
    {"relevance_feedback", LT_FIND_FEEDBACK, decode_feedback},
};

lt_status lt_decode_find(lt_body *b, yyjson_val *v, const lt_at *at, lt_find *out, lt_error *err)
{
    *out = (lt_find){.kind = LT_FIND_ALL};
    if (!v)
        return LT_OK;
    for (size_t i = 0; yyjson_is_obj(v) && i < sizeof kinds / sizeof *kinds; i++) {
        const lt_at here = {at, kinds[i].name, 0};
        /* {"context": null} is a context query without pairs. */
        yyjson_val *inner = kinds[i].kind == LT_FIND_CONTEXT ? yyjson_obj_get(v, kinds[i].name)
                                                             : lt_body_field(v, kinds[i].name);

        if (!inner)
            continue;
        out->kind = kinds[i].kind;
        return kinds[i].decode(b, inner, v, &here, out, err);
    }
    out->kind = LT_FIND_NEAREST;
    return lt_decode_input(b, v, at, &out->target, err);
}
