/* SPDX-License-Identifier: Apache-2.0
 * A query with its prefetches. Also what several bodies have in common: search parameters, where ids
 * are looked up, what of a point is shown. */
#include <base/error.h>
#include <base/limits.h>
#include <string.h>

#include "decode.h"
#include "select.h"

void lt_stage_init(lt_stage *stage)
{
    *stage = (lt_stage){.using = "", .limit = 10};
    stage->params.quant_rescore = -1;
}

/* ---- parameters ------------------------------------------------------------------------------ */

static lt_status decode_quantization(yyjson_val *q, lt_body *b, const lt_at *up, lt_params *out,
                                     lt_error *err)
{
    const lt_at at = {up, "quantization", 0}, over_at = {&at, "oversampling", 0};
    bool rescore = false;

    if (!q)
        return LT_OK;
    LT_TRY(lt_body_object(q, &at, err));
    LT_TRY(lt_body_bool(q, "ignore", &at, &out->quant_ignore, err));
    if (lt_body_field(q, "rescore")) {
        LT_TRY(lt_body_bool(q, "rescore", &at, &rescore, err));
        out->quant_rescore = rescore;
    }
    LT_TRY(lt_body_double(q, "oversampling", &at, &out->quant_oversampling, NULL, err));
    if (lt_body_field(q, "oversampling") && !(out->quant_oversampling >= 1))
        return lt_body_invalid(b, &over_at, err, "value %g invalid, must be 1.0 or larger",
                               out->quant_oversampling);
    return LT_OK;
}

/* "global" or {"corpus": filter}. */
static lt_status decode_idf(lt_body *b, yyjson_val *v, const lt_at *up, lt_params *out,
                            lt_error *err)
{
    const lt_at at = {up, "idf", 0};

    if (!v || yyjson_equals_str(v, "global"))
        return LT_OK;
    if (!yyjson_is_obj(v) || !lt_body_field(v, "corpus"))
        return lt_body_bad(&at, "expected `global` or an object with `corpus`", err);
    return lt_body_filter(b, v, "corpus", &out->idf_corpus, err);
}

static lt_status check_acorn(lt_body *b, yyjson_val *v, const lt_at *up, lt_error *err)
{
    const lt_at at = {up, "acorn", 0}, max_at = {&at, "max_selectivity", 0};
    bool enable;
    double max = 0.4;

    if (!v)
        return LT_OK;
    LT_TRY(lt_body_object(v, &at, err));
    LT_TRY(lt_body_bool(v, "enable", &at, &enable, err));
    LT_TRY(lt_body_double(v, "max_selectivity", &at, &max, NULL, err));
    if (!(max >= 0 && max <= 1))
        return lt_body_invalid(b, &max_at, err, "value %g invalid, must be from 0.0 to 1.0", max);
    return LT_OK;
}

lt_status lt_decode_params(lt_body *b, yyjson_val *object, const lt_at *up, lt_params *out,
                           lt_error *err)
{
    const lt_at at = {up, "params", 0};
    yyjson_val *p = lt_body_field(object, "params");

    if (!p)
        return LT_OK;
    LT_TRY(lt_body_object(p, &at, err));
    LT_TRY(lt_body_size(b, p, "hnsw_ef", &at, 1, SIZE_MAX, &out->ef, NULL, err));
    LT_TRY(lt_body_bool(p, "exact", &at, &out->exact, err));
    LT_TRY(lt_body_bool(p, "indexed_only", &at, &out->indexed_only, err));
    LT_TRY(check_acorn(b, lt_body_field(p, "acorn"), &at, err));
    LT_TRY(decode_idf(b, lt_body_field(p, "idf"), &at, out, err));
    return decode_quantization(lt_body_field(p, "quantization"), b, &at, out, err);
}

lt_status lt_decode_lookup(yyjson_val *object, const char *name, const lt_at *up, lt_lookup *out,
                           lt_error *err)
{
    const lt_at at = {up, name, 0};
    yyjson_val *v = lt_body_field(object, name), *collection;

    *out = (lt_lookup){0};
    if (!v)
        return LT_OK;
    LT_TRY(lt_body_object(v, &at, err));
    LT_TRY(lt_body_need(v, "collection", &at, &collection, err));
    LT_TRY(lt_body_text(v, "collection", &at, &out->collection, err));
    return lt_body_text(v, "vector", &at, &out->vector, err);
}

/* ---- stages ---------------------------------------------------------------------------------- */

static lt_status decode_stage(lt_body *b, yyjson_val *v, const lt_at *at, unsigned depth,
                              lt_stage *out, lt_error *err);

static lt_status decode_prefetches(lt_body *b, yyjson_val *object, const lt_at *up, unsigned depth,
                                   lt_stage *out, lt_error *err)
{
    const lt_at at = {up, "prefetch", 0};
    yyjson_val *v = lt_body_field(object, "prefetch");
    bool list = yyjson_is_arr(v);
    size_t n = !v ? 0 : list ? yyjson_arr_size(v) : 1;

    if (n == 0)
        return LT_OK;
    if (depth >= LT_LIMIT_PREFETCH_DEPTH)
        return lt_fail(err, LT_EINVAL, "prefetches nested deeper than %u", LT_LIMIT_PREFETCH_DEPTH);
    out->prefetches = lt_arena_alloc(b->arena, n, sizeof *out->prefetches);
    if (!out->prefetches)
        return lt_fail_nomem(err);
    out->n_prefetches = n;
    for (size_t i = 0; i < n; i++) {
        const lt_at here = {&at, NULL, i};
        yyjson_val *item = list ? (i ? unsafe_yyjson_get_next(v) : yyjson_arr_get_first(v)) : v;

        LT_TRY(decode_stage(b, item, &here, depth + 1, &out->prefetches[i], err));
        v = item;
    }
    return LT_OK;
}

static lt_status decode_stage(lt_body *b, yyjson_val *v, const lt_at *at, unsigned depth,
                              lt_stage *out, lt_error *err)
{
    const lt_at query_at = {at, "query", 0};

    lt_stage_init(out);
    LT_TRY(lt_body_object(v, at, err));
    LT_TRY(lt_decode_find(b, lt_body_field(v, "query"), &query_at, &out->find, err));
    LT_TRY(lt_body_text(v, "using", at, &out->using, err));
    out->filter_json = lt_body_field(v, "filter");
    LT_TRY(lt_body_filter(b, v, "filter", &out->filter, err));
    LT_TRY(lt_decode_params(b, v, at, &out->params, err));
    LT_TRY(lt_body_float(v, "score_threshold", at, &out->threshold, &out->has_threshold, err));
    LT_TRY(lt_body_size(b, v, "limit", at, 1, SIZE_MAX, &out->limit, NULL, err));
    if (depth == 0)
        LT_TRY(lt_body_size(b, v, "offset", at, 0, SIZE_MAX, &out->offset, NULL, err));
    LT_TRY(lt_decode_lookup(v, "lookup_from", at, &out->lookup, err));
    return decode_prefetches(b, v, at, depth, out, err);
}

/* ---- what is shown --------------------------------------------------------------------------- */

static lt_status pick_paths(lt_body *b, yyjson_val *list, const lt_at *at, lt_pick_kind kind,
                            lt_pick *out, lt_error *err)
{
    LT_TRY(lt_body_names(b, list, at, &out->names, &out->n_names, err));
    for (size_t i = 0; i < out->n_names; i++) {
        const lt_at here = {at, NULL, i};

        LT_TRY(lt_body_path(out->names[i], &here, err));
    }
    out->kind = kind;
    out->tree = lt_paths_new(b->arena, out->names, out->n_names);
    return out->tree ? LT_OK : lt_fail_nomem(err);
}

/* What says which parts are picked; NULL: nothing is said, or *out is all or nothing. */
static yyjson_val *pick_parts(yyjson_val *object, const char *name, lt_pick *out)
{
    yyjson_val *v = lt_body_field(object, name);

    if (!v)
        return NULL;
    *out = (lt_pick){0};
    if (!yyjson_is_bool(v))
        return v;
    out->kind = yyjson_get_bool(v) ? LT_PICK_ALL : LT_PICK_NONE;
    return NULL;
}

lt_status lt_decode_payload_pick(lt_body *b, yyjson_val *object, const char *name, const lt_at *up,
                                 lt_pick *out, lt_error *err)
{
    const lt_at at = {up, name, 0};
    yyjson_val *v = pick_parts(object, name, out);

    if (!v)
        return LT_OK;
    if (yyjson_is_arr(v))
        return pick_paths(b, v, &at, LT_PICK_SOME, out, err);
    bool include = yyjson_obj_get(v, "include") != NULL;
    const char *field = include ? "include" : "exclude";
    const lt_at list_at = {&at, field, 0};

    if (yyjson_obj_size(v) != 1 || !yyjson_obj_get(v, field))
        return lt_body_bad(&at,
                           "expected a boolean, a list of paths, or an object with just `include` "
                           "or just `exclude`",
                           err);
    return pick_paths(b, yyjson_obj_get(v, field), &list_at,
                      include ? LT_PICK_SOME : LT_PICK_EXCEPT, out, err);
}

lt_status lt_decode_vector_pick(lt_body *b, yyjson_val *object, const char *name, const lt_at *up,
                                lt_pick *out, lt_error *err)
{
    const lt_at at = {up, name, 0};
    yyjson_val *v = pick_parts(object, name, out);

    if (!v)
        return LT_OK;
    if (!yyjson_is_arr(v))
        return lt_body_wrong(&at, "a boolean or a list of names", v, err);
    out->kind = LT_PICK_SOME;
    return lt_body_names(b, v, &at, &out->names, &out->n_names, err);
}

lt_status lt_decode_shown(lt_body *b, yyjson_val *object, const lt_at *up, lt_shown *out,
                          lt_error *err)
{
    const char *vectors = lt_body_field(object, "with_vector") ? "with_vector" : "with_vectors";

    LT_TRY(lt_decode_payload_pick(b, object, "with_payload", up, &out->payload, err));
    return lt_decode_vector_pick(b, object, vectors, up, &out->vectors, err);
}

/* ---- queries --------------------------------------------------------------------------------- */

lt_status lt_decode_with_lookup(lt_body *b, yyjson_val *object, const lt_at *up,
                                lt_query_request *out, lt_error *err)
{
    const lt_at at = {up, "with_lookup", 0};
    yyjson_val *v = lt_body_field(object, "with_lookup"), *collection;

    out->lookup_shown.payload.kind = LT_PICK_ALL;
    if (!v)
        return LT_OK;
    if (yyjson_is_str(v))
        return lt_body_text(object, "with_lookup", up, &out->lookup, err);
    LT_TRY(lt_body_object(v, &at, err));
    LT_TRY(lt_body_need(v, "collection", &at, &collection, err));
    LT_TRY(lt_body_text(v, "collection", &at, &out->lookup, err));
    return lt_decode_shown(b, v, &at, &out->lookup_shown, err);
}

lt_status lt_decode_grouping(lt_body *b, yyjson_val *object, const lt_at *up, size_t default_size,
                             lt_query_request *out, lt_error *err)
{
    const lt_at at = {up, "group_by", 0};
    yyjson_val *key;

    out->group_size = default_size;
    LT_TRY(lt_body_need(object, "group_by", up, &key, err));
    LT_TRY(lt_body_text(object, "group_by", up, &out->group_by, err));
    if (out->group_by[0] == '\0')
        LT_TRY(lt_body_invalid(b, &at, err, "value invalid, must not be empty"));
    else
        LT_TRY(lt_body_path(out->group_by, &at, err));
    LT_TRY(lt_body_size(b, object, "group_size", up, 1, SIZE_MAX, &out->group_size, NULL, err));
    return lt_decode_with_lookup(b, object, up, out, err);
}

lt_status lt_decode_query(lt_body *b, yyjson_val *v, const lt_at *at, lt_query_form form,
                          bool groups, lt_query_request *out, lt_error *err)
{
    *out = (lt_query_request){0};
    if (form != LT_FORM_QUERY)
        return lt_decode_older(b, v, at, form, groups, out, err);
    LT_TRY(decode_stage(b, v, at, 0, &out->stage, err));
    LT_TRY(lt_decode_shown(b, v, at, &out->shown, err));
    if (!groups)
        return LT_OK;
    out->stage.offset = 0;
    return lt_decode_grouping(b, v, at, 3, out, err);
}

lt_status lt_decode_batch(lt_body *b, yyjson_val *v, lt_query_form form, lt_query_requests *out,
                          lt_error *err)
{
    const lt_at at = {NULL, "searches", 0};
    yyjson_val *searches, *item;
    size_t i, n;

    LT_TRY(lt_body_object(v, NULL, err));
    LT_TRY(lt_body_need(v, "searches", NULL, &searches, err));
    if (!yyjson_is_arr(searches))
        return lt_body_wrong(&at, "a list", searches, err);
    out->n = yyjson_arr_size(searches);
    out->items = lt_arena_alloc(b->arena, out->n, sizeof *out->items);
    if (!out->items)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(searches, i, n, item)
    {
        const lt_at here = {&at, NULL, i};

        LT_TRY(lt_decode_query(b, item, &here, form, false, &out->items[i], err));
    }
    return LT_OK;
}
