/* SPDX-License-Identifier: Apache-2.0
 * Filter JSON to tree: clauses and the conditions that stand on no key of their own. Strings and
 * lists are borrowed from the document. */
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>

#include "tree.h"

static lt_status parse_clause(lt_filter_parser *p, yyjson_val *json, unsigned depth,
                              lt_clause **out, lt_error *err);

static void conds_done(lt_conds *c);

static void clause_free(lt_clause *c)
{
    if (!c)
        return;
    conds_done(&c->must);
    conds_done(&c->should);
    conds_done(&c->must_not);
    conds_done(&c->min_should);
    lt_free(c);
}

static void conds_done(lt_conds *c)
{
    for (size_t i = 0; i < c->n; i++) {
        clause_free(c->items[i].clause);
        lt_free(c->items[i].ids);
        lt_free(c->items[i].sorted);
    }
    lt_free(c->items);
    *c = (lt_conds){0};
}

/* ---- conditions ------------------------------------------------------------------------------ */

static lt_status parse_id(const lt_filter_parser *p, yyjson_val *v, lt_id *out, lt_error *err)
{
    if (yyjson_is_uint(v)) {
        *out = lt_id_from_num(yyjson_get_uint(v));
        return LT_OK;
    }
    if (yyjson_is_str(v) && strlen(yyjson_get_str(v)) == yyjson_get_len(v) &&
        lt_id_parse(yyjson_get_str(v), out, NULL) == LT_OK && out->kind == LT_ID_UUID)
        return LT_OK;
    if (!yyjson_is_str(v))
        return lt_filter_bad_type(p, err, "has_id", "an array of unsigned integers and UUIDs", v);
    return lt_fail(err, LT_EINVAL,
                   "%svalue %.80s is not a valid point ID, valid values are either an unsigned "
                   "integer or a UUID",
                   p->lead, yyjson_get_str(v));
}

static lt_status parse_has_id(const lt_filter_parser *p, yyjson_val *v, lt_cond *out, lt_error *err)
{
    size_t i, n;
    yyjson_val *item;

    if (p->n_nested > 0)
        return lt_fail(err, LT_EINVAL, "%s'has_id' is not allowed inside 'nested'", p->lead);
    if (!yyjson_is_arr(v))
        return lt_filter_bad_type(p, err, "has_id", "an array", v);
    out->kind = LT_COND_HAS_ID;
    out->ids = lt_calloc(yyjson_arr_size(v), sizeof *out->ids);
    if (!out->ids)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(v, i, n, item)
    {
        LT_TRY(parse_id(p, item, &out->ids[i], err));
        out->n_ids++;
    }
    lt_ids_sort(out->ids, out->n_ids);
    return LT_OK;
}

static lt_status parse_has_vector(const lt_filter_parser *p, yyjson_val *v, lt_cond *out,
                                  lt_error *err)
{
    if (!yyjson_is_str(v) || strlen(yyjson_get_str(v)) != yyjson_get_len(v))
        return lt_filter_bad_type(p, err, "has_vector", "a string without zero characters", v);
    out->kind = LT_COND_HAS_VECTOR;
    out->text = yyjson_get_str(v);
    out->text_len = yyjson_get_len(v);
    return LT_OK;
}

static bool is_uint32(yyjson_val *v)
{
    return yyjson_is_uint(v) && yyjson_get_uint(v) <= UINT32_MAX;
}

static lt_status parse_slice(const lt_filter_parser *p, yyjson_val *v, lt_cond *out, lt_error *err)
{
    yyjson_val *total = yyjson_obj_get(v, "total"), *index = yyjson_obj_get(v, "index");

    if (!is_uint32(total) || !is_uint32(index))
        return lt_filter_bad_type(p, err, "slice", "an object with 32-bit numbers total and index",
                                  v);
    out->kind = LT_COND_SLICE;
    out->slice_total = (uint32_t)yyjson_get_uint(total);
    out->slice_index = (uint32_t)yyjson_get_uint(index);
    if (out->slice_total < 1)
        return lt_fail(err, LT_EVALIDATION,
                       "Validation error in JSON body: [slice.total: value 0 invalid, must be 1 or "
                       "larger]");
    if (out->slice_index >= out->slice_total)
        return lt_fail(err, LT_EVALIDATION,
                       "Validation error in JSON body: [slice.index: value %u invalid, must be "
                       "from 0 to %u]",
                       out->slice_index, out->slice_total - 1);
    return LT_OK;
}

/* {"is_empty": {"key": "a"}} */
static lt_status parse_keyed(const lt_filter_parser *p, yyjson_val *v, const char *name,
                             lt_cond_kind kind, lt_cond *out, lt_error *err)
{
    if (!yyjson_is_obj(v))
        return lt_filter_bad_type(p, err, name, "an object with 'key'", v);
    out->kind = kind;
    return lt_filter_parse_key(p, v, &out->key, err);
}

static lt_status parse_nested(lt_filter_parser *p, yyjson_val *v, unsigned depth, lt_cond *out,
                              lt_error *err)
{
    yyjson_val *filter = yyjson_obj_get(v, "filter");

    LT_TRY(parse_keyed(p, v, "nested", LT_COND_NESTED, out, err));
    if (!filter)
        return lt_filter_bad_type(p, err, "nested.filter", "a filter", filter);
    p->n_nested++;
    lt_status st = parse_clause(p, filter, depth + 1, &out->clause, err);

    p->n_nested--;
    return st;
}

static lt_status parse_cond(lt_filter_parser *p, yyjson_val *c, unsigned depth, lt_cond *out,
                            lt_error *err)
{
    yyjson_val *v;

    if (!yyjson_is_obj(c))
        return lt_fail(err, LT_EINVAL,
                       "%sExpected some form of condition, which can be a field condition (like "
                       "{\"key\": ..., \"match\": ... }), not %s",
                       p->lead, yyjson_get_type_desc(c));
    if (yyjson_obj_get(c, "key"))
        return lt_filter_parse_field(p, c, out, err);
    if ((v = yyjson_obj_get(c, "is_empty")) != NULL)
        return parse_keyed(p, v, "is_empty", LT_COND_IS_EMPTY, out, err);
    if ((v = yyjson_obj_get(c, "is_null")) != NULL)
        return parse_keyed(p, v, "is_null", LT_COND_IS_NULL, out, err);
    if ((v = yyjson_obj_get(c, "has_id")) != NULL)
        return parse_has_id(p, v, out, err);
    if ((v = yyjson_obj_get(c, "has_vector")) != NULL)
        return parse_has_vector(p, v, out, err);
    if ((v = yyjson_obj_get(c, "slice")) != NULL)
        return parse_slice(p, v, out, err);
    if ((v = yyjson_obj_get(c, "nested")) != NULL)
        return parse_nested(p, v, depth, out, err);
    out->kind = LT_COND_CLAUSE;
    return parse_clause(p, c, depth + 1, &out->clause, err);
}

/* One condition or an array of them. */
static lt_status parse_conds(lt_filter_parser *p, yyjson_val *v, const char *name, unsigned depth,
                             lt_conds *out, lt_error *err)
{
    bool many = yyjson_is_arr(v);
    size_t n = many ? yyjson_arr_size(v) : 1, i, n_items;
    yyjson_val *item;

    if (!many && !yyjson_is_obj(v))
        return lt_filter_bad_type(p, err, name, "a condition or an array of conditions", v);
    out->items = lt_calloc(n, sizeof *out->items);
    if (!out->items)
        return lt_fail_nomem(err);
    if (!many) {
        out->n = 1;
        return parse_cond(p, v, depth, &out->items[0], err);
    }
    yyjson_arr_foreach(v, i, n_items, item)
    {
        out->n = i + 1;
        LT_TRY(parse_cond(p, item, depth, &out->items[i], err));
    }
    return LT_OK;
}

/* ---- clauses --------------------------------------------------------------------------------- */

static lt_status parse_min_should(lt_filter_parser *p, yyjson_val *v, unsigned depth, lt_clause *c,
                                  lt_error *err)
{
    yyjson_val *count = yyjson_obj_get(v, "min_count");
    yyjson_val *conditions = yyjson_obj_get(v, "conditions");

    if (!yyjson_is_uint(count))
        return lt_filter_bad_type(p, err, "min_should.min_count", "a number", count);
    if (!yyjson_is_arr(conditions))
        return lt_filter_bad_type(p, err, "min_should.conditions", "an array", conditions);
    if (yyjson_get_uint(count) < 1)
        return lt_fail(err, LT_EVALIDATION,
                       "Validation error in JSON body: [min_should.min_count: value 0 invalid, "
                       "must be 1 or larger]");
    c->min_count = (size_t)yyjson_get_uint(count);
    c->has_min_should = true;
    return parse_conds(p, conditions, "min_should.conditions", depth, &c->min_should, err);
}

static lt_status fill_clause(lt_filter_parser *p, yyjson_val *json, unsigned depth, lt_clause *c,
                             lt_error *err)
{
    size_t i, n;
    yyjson_val *key, *v;

    yyjson_obj_foreach(json, i, n, key, v)
    {
        const char *name = yyjson_get_str(key);
        bool must = yyjson_equals_str(key, "must"), must_not = yyjson_equals_str(key, "must_not");
        bool should = yyjson_equals_str(key, "should");
        lt_conds *conds = must       ? &c->must
                          : must_not ? &c->must_not
                          : should   ? &c->should
                                     : &c->min_should;

        if (!must && !must_not && !should && !yyjson_equals_str(key, "min_should"))
            return lt_fail(err, LT_EINVAL,
                           "%sunknown field `%.80s`, expected one of `should`, `min_should`, "
                           "`must`, `must_not`",
                           p->lead, name);
        if (yyjson_is_null(v))
            continue;
        if (conds->items)
            return lt_fail(err, LT_EINVAL, "%sduplicate field `%s`", p->lead, name);
        if (conds == &c->min_should)
            LT_TRY(parse_min_should(p, v, depth, c, err));
        else
            LT_TRY(parse_conds(p, v, name, depth, conds, err));
    }
    c->has_should = c->should.n > 0;
    return LT_OK;
}

static lt_status parse_clause(lt_filter_parser *p, yyjson_val *json, unsigned depth,
                              lt_clause **out, lt_error *err)
{
    if (!yyjson_is_obj(json))
        return lt_filter_bad_type(p, err, "filter", "an object", json);
    if (depth > LT_LIMIT_FILTER_DEPTH)
        return lt_fail(err, LT_ELIMIT, "%snested deeper than %u", p->lead, LT_LIMIT_FILTER_DEPTH);
    /* Linked into the parent before it is filled, so that the parent frees it on failure. */
    *out = lt_calloc(1, sizeof **out);
    if (!*out)
        return lt_fail_nomem(err);
    return fill_clause(p, json, depth, *out, err);
}

static lt_status parse_root(const char *lead, yyjson_doc *doc, yyjson_val *json, lt_filter **out,
                            lt_error *err)
{
    lt_filter_parser p = {.lead = lead};
    lt_filter *f = lt_calloc(1, sizeof *f);

    if (!f) {
        yyjson_doc_free(doc);
        return lt_fail_nomem(err);
    }
    f->doc = doc;
    lt_status st = parse_clause(&p, json, 0, &f->root, err);

    if (st != LT_OK) {
        lt_filter_free(f);
        return st;
    }
    f->n_terms = p.n_terms;
    *out = f;
    return LT_OK;
}

lt_status lt_filter_parse(const char *json, size_t n, lt_filter **out, lt_error *err)
{
    yyjson_doc *doc;

    if (n > LT_LIMIT_FILTER_BYTES)
        return lt_fail(err, LT_ELIMIT, "filter: larger than %u bytes", LT_LIMIT_FILTER_BYTES);
    LT_TRY(lt_json_parse_object(json, n, "filter", &doc, err));
    return parse_root("filter: ", doc, yyjson_doc_get_root(doc), out, err);
}

lt_status lt_filter_parse_value(yyjson_val *json, lt_filter **out, lt_error *err)
{
    return parse_root("Format error in JSON body: ", NULL, json, out, err);
}

void lt_filter_free(lt_filter *f)
{
    if (!f)
        return;
    clause_free(f->root);
    yyjson_doc_free(f->doc);
    lt_free(f);
}
