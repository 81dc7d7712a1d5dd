/* SPDX-License-Identifier: Apache-2.0
 * The bodies of points/search, points/recommend and points/discover, which newer clients no longer
 * send, as queries. */
#include <base/error.h>
#include <string.h>

#include "decode.h"

/* [..], {"name", "vector"} or {"name", "vector": {"indices", "values"}}. */
static lt_status decode_named_vector(lt_body *b, yyjson_val *v, const lt_at *at, lt_stage *stage,
                                     lt_error *err)
{
    const lt_at vector_at = {at, "vector", 0};
    yyjson_val *name = yyjson_is_obj(v) ? lt_body_field(v, "name") : NULL, *vector;

    stage->find.kind = LT_FIND_NEAREST;
    if (!name)
        return lt_decode_input(b, v, at, &stage->find.target, err);
    LT_TRY(lt_body_text(v, "name", at, &stage->using, err));
    LT_TRY(lt_body_need(v, "vector", at, &vector, err));
    return lt_decode_input(b, vector, &vector_at, &stage->find.target, err);
}

static lt_status decode_search(lt_body *b, yyjson_val *v, const lt_at *at, lt_stage *stage,
                               lt_error *err)
{
    const lt_at vector_at = {at, "vector", 0};
    yyjson_val *vector;

    LT_TRY(lt_body_need(v, "vector", at, &vector, err));
    return decode_named_vector(b, vector, &vector_at, stage, err);
}

/* "name" or {"name"}. */
static lt_status decode_using(yyjson_val *v, const lt_at *at, lt_stage *stage, lt_error *err)
{
    yyjson_val *using = lt_body_field(v, "using");

    if (yyjson_is_obj(using)) {
        const lt_at here = {at, "using", 0};

        return lt_body_text(using, "name", &here, &stage->using, err);
    }
    return lt_body_text(v, "using", at, &stage->using, err);
}

static lt_status decode_recommend(lt_body *b, yyjson_val *v, const lt_at *at, lt_stage *stage,
                                  lt_error *err)
{
    stage->find.kind = LT_FIND_RECOMMEND;
    LT_TRY(lt_decode_inputs(b, v, "positive", at, &stage->find.positive, err));
    LT_TRY(lt_decode_inputs(b, v, "negative", at, &stage->find.negative, err));
    LT_TRY(lt_decode_strategy(v, at, &stage->find.strategy, err));
    return decode_using(v, at, stage, err);
}

static lt_status decode_discover(lt_body *b, yyjson_val *v, const lt_at *at, lt_stage *stage,
                                 lt_error *err)
{
    const lt_at target_at = {at, "target", 0};
    yyjson_val *target = lt_body_field(v, "target");

    stage->find.kind = target ? LT_FIND_DISCOVER : LT_FIND_CONTEXT;
    if (target)
        LT_TRY(lt_decode_input(b, target, &target_at, &stage->find.target, err));
    LT_TRY(lt_decode_pairs(b, v, "context", at, &stage->find, err));
    if (!target && stage->find.n_pairs == 0)
        return lt_body_bad(at, "needs `target`, `context` or both", err);
    return decode_using(v, at, stage, err);
}

/* `limit` has to be there; `top` is its older name. */
static lt_status decode_limit(lt_body *b, yyjson_val *v, const lt_at *at, lt_stage *stage,
                              lt_error *err)
{
    const char *name = lt_body_field(v, "limit") || !lt_body_field(v, "top") ? "limit" : "top";
    yyjson_val *limit;

    LT_TRY(lt_body_need(v, name, at, &limit, err));
    return lt_body_size(b, v, name, at, 1, SIZE_MAX, &stage->limit, NULL, err);
}

lt_status lt_decode_older(lt_body *b, yyjson_val *v, const lt_at *at, lt_query_form form,
                          bool groups, lt_query_request *out, lt_error *err)
{
    lt_stage *stage = &out->stage;

    lt_stage_init(stage);
    LT_TRY(lt_body_object(v, at, err));
    LT_TRY(form == LT_FORM_SEARCH      ? decode_search(b, v, at, stage, err)
           : form == LT_FORM_RECOMMEND ? decode_recommend(b, v, at, stage, err)
                                       : decode_discover(b, v, at, stage, err));
    stage->filter_json = lt_body_field(v, "filter");
    LT_TRY(lt_body_filter(b, v, "filter", &stage->filter, err));
    LT_TRY(lt_decode_params(b, v, at, &stage->params, err));
    LT_TRY(lt_body_float(v, "score_threshold", at, &stage->threshold, &stage->has_threshold, err));
    LT_TRY(decode_limit(b, v, at, stage, err));
    LT_TRY(lt_decode_lookup(v, "lookup_from", at, &stage->lookup, err));
    LT_TRY(lt_decode_shown(b, v, at, &out->shown, err));
    if (!groups)
        return lt_body_size(b, v, "offset", at, 0, SIZE_MAX, &stage->offset, NULL, err);
    yyjson_val *size;

    LT_TRY(lt_body_need(v, "group_size", at, &size, err));
    return lt_decode_grouping(b, v, at, 3, out, err);
}
