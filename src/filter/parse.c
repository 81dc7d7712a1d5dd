/* SPDX-License-Identifier: Apache-2.0
 * Filter JSON to tree. The document stays alive in the filter: strings and lists are borrowed. */
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>

#include "tree.h"

static lt_status parse_clause(yyjson_val *json, unsigned depth, lt_clause **out, lt_error *err);

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
    }
    lt_free(c->items);
    *c = (lt_conds){0};
}

static lt_status bad_type(lt_error *err, const char *where, const char *want, yyjson_val *got)
{
    return lt_fail(err, LT_EINVAL, "filter: '%s' must be %s, not %s", where, want,
                   got ? yyjson_get_type_desc(got) : "absent");
}

/* ---- match ----------------------------------------------------------------------------------- */

static bool is_keyword(yyjson_val *v)
{
    return yyjson_is_str(v) || yyjson_is_int(v) || yyjson_is_bool(v);
}

static lt_status parse_match(yyjson_val *m, lt_cond *out, lt_error *err)
{
    static const struct {
        const char *name;
        lt_cond_kind kind;
    } texts[] = {{"text", LT_COND_TEXT},
                 {"text_any", LT_COND_TEXT_ANY},
                 {"phrase", LT_COND_PHRASE},
                 {"prefix", LT_COND_PREFIX}};
    yyjson_val *v;

    if (!yyjson_is_obj(m))
        return bad_type(err, "match", "an object", m);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        v = yyjson_obj_get(m, texts[i].name);
        if (!v)
            continue;
        if (!yyjson_is_str(v))
            return bad_type(err, texts[i].name, "a string", v);
        out->kind = texts[i].kind;
        out->text = yyjson_get_str(v);
        return LT_OK;
    }
    if ((v = yyjson_obj_get(m, "value")) != NULL) {
        if (!is_keyword(v))
            return bad_type(err, "match.value", "a string, an integer or a boolean", v);
        out->kind = LT_COND_MATCH;
        out->values = v;
        return LT_OK;
    }
    bool any = (v = yyjson_obj_get(m, "any")) != NULL;

    if (!any && (v = yyjson_obj_get(m, "except")) == NULL)
        return lt_fail(err, LT_EINVAL,
                       "filter: 'match' needs one of value, any, except, text, text_any, phrase, "
                       "prefix");
    if (!yyjson_is_arr(v))
        return bad_type(err, any ? "match.any" : "match.except", "an array", v);
    size_t i, n;
    yyjson_val *item;

    yyjson_arr_foreach(v, i, n, item)
    {
        if (!yyjson_is_str(item) && !yyjson_is_int(item))
            return bad_type(err, any ? "match.any" : "match.except",
                            "an array of strings or integers", item);
    }
    out->kind = any ? LT_COND_MATCH : LT_COND_EXCEPT;
    out->values = v;
    return LT_OK;
}

/* ---- ranges ---------------------------------------------------------------------------------- */

typedef struct bound {
    const char *name;
    bool *has;
    double *number;
    int64_t *us;
} bound;

static lt_status parse_bound(yyjson_val *r, const bound *b, bool *dates, bool *numbers,
                             lt_error *err)
{
    yyjson_val *v = yyjson_obj_get(r, b->name);

    if (!v || yyjson_is_null(v))
        return LT_OK;
    *b->has = true;
    if (yyjson_is_num(v)) {
        *numbers = true;
        *b->number = yyjson_get_num(v);
        return LT_OK;
    }
    if (!yyjson_is_str(v))
        return bad_type(err, b->name, "a number or a date in quotes", v);
    if (!lt_datetime_parse(yyjson_get_str(v), yyjson_get_len(v), b->us))
        return lt_fail(err, LT_EINVAL, "filter: '%s' is not a date (RFC 3339): \"%s\"", b->name,
                       yyjson_get_str(v));
    *dates = true;
    return LT_OK;
}

static lt_status parse_range(yyjson_val *r, lt_cond *out, lt_error *err)
{
    lt_range *g = &out->range;
    const bound bounds[] = {{"gt", &g->has_gt, &g->gt, &g->gt_us},
                            {"gte", &g->has_gte, &g->gte, &g->gte_us},
                            {"lt", &g->has_lt, &g->lt, &g->lt_us},
                            {"lte", &g->has_lte, &g->lte, &g->lte_us}};
    bool dates = false, numbers = false;

    if (!yyjson_is_obj(r))
        return bad_type(err, "range", "an object with gt, gte, lt or lte", r);
    for (size_t i = 0; i < 4; i++)
        LT_TRY(parse_bound(r, &bounds[i], &dates, &numbers, err));
    if (dates && numbers)
        return lt_fail(err, LT_EINVAL, "filter: 'range' mixes numbers and dates");
    out->kind = dates ? LT_COND_DATE_RANGE : LT_COND_RANGE;
    return LT_OK;
}

static lt_status parse_values_count(yyjson_val *r, lt_cond *out, lt_error *err)
{
    LT_TRY(parse_range(r, out, err));
    if (out->kind == LT_COND_DATE_RANGE)
        return lt_fail(err, LT_EINVAL, "filter: 'values_count' takes numbers");
    out->kind = LT_COND_VALUES_COUNT;
    return LT_OK;
}

/* ---- places ---------------------------------------------------------------------------------- */

static lt_status parse_place(yyjson_val *v, const char *where, double *lat, double *lon,
                             lt_error *err)
{
    yyjson_val *a = yyjson_obj_get(v, "lat"), *o = yyjson_obj_get(v, "lon");

    if (!yyjson_is_num(a) || !yyjson_is_num(o))
        return bad_type(err, where, "an object with numbers lat and lon", v);
    *lat = yyjson_get_num(a);
    *lon = yyjson_get_num(o);
    if (!(*lat >= -90 && *lat <= 90 && *lon >= -180 && *lon <= 180))
        return lt_fail(err, LT_EINVAL, "filter: '%s' is no place on earth: lat %g, lon %g", where,
                       *lat, *lon);
    return LT_OK;
}

static lt_status parse_radius(yyjson_val *v, lt_cond *out, lt_error *err)
{
    yyjson_val *radius = yyjson_obj_get(v, "radius");

    LT_TRY(parse_place(yyjson_obj_get(v, "center"), "geo_radius.center", &out->lat, &out->lon,
                       err));
    if (!yyjson_is_num(radius) || yyjson_get_num(radius) < 0)
        return bad_type(err, "geo_radius.radius", "a number of metres", radius);
    out->radius_m = yyjson_get_num(radius);
    out->kind = LT_COND_GEO_RADIUS;
    return LT_OK;
}

static lt_status parse_box(yyjson_val *v, lt_cond *out, lt_error *err)
{
    LT_TRY(parse_place(yyjson_obj_get(v, "top_left"), "geo_bounding_box.top_left", &out->top,
                       &out->left, err));
    LT_TRY(parse_place(yyjson_obj_get(v, "bottom_right"), "geo_bounding_box.bottom_right",
                       &out->bottom, &out->right, err));
    out->kind = LT_COND_GEO_BOX;
    return LT_OK;
}

static lt_status check_ring(yyjson_val *ring, const char *where, lt_error *err)
{
    yyjson_val *points = yyjson_obj_get(ring, "points"), *p;
    double lat, lon;
    size_t i, n;

    if (!yyjson_is_arr(points) || yyjson_arr_size(points) < 4)
        return bad_type(err, where, "an object with 'points', at least 4, the last like the first",
                        points);
    yyjson_arr_foreach(points, i, n, p)
    {
        LT_TRY(parse_place(p, where, &lat, &lon, err));
    }
    return LT_OK;
}

static lt_status parse_polygon(yyjson_val *v, lt_cond *out, lt_error *err)
{
    yyjson_val *hole;
    size_t i, n;

    out->exterior = yyjson_obj_get(v, "exterior");
    out->interiors = yyjson_obj_get(v, "interiors");
    LT_TRY(check_ring(out->exterior, "geo_polygon.exterior", err));
    if (out->interiors && !yyjson_is_null(out->interiors) && !yyjson_is_arr(out->interiors))
        return bad_type(err, "geo_polygon.interiors", "an array", out->interiors);
    yyjson_arr_foreach(out->interiors, i, n, hole)
    {
        LT_TRY(check_ring(hole, "geo_polygon.interiors", err));
    }
    out->kind = LT_COND_GEO_POLYGON;
    return LT_OK;
}

/* ---- conditions ------------------------------------------------------------------------------ */

static lt_status parse_has_id(yyjson_val *v, lt_cond *out, lt_error *err)
{
    size_t i, n;
    yyjson_val *item;

    if (!yyjson_is_arr(v))
        return bad_type(err, "has_id", "an array", v);
    out->kind = LT_COND_HAS_ID;
    out->ids = lt_calloc(yyjson_arr_size(v), sizeof *out->ids);
    if (!out->ids)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(v, i, n, item)
    {
        if (yyjson_is_uint(item))
            out->ids[i] = lt_id_from_num(yyjson_get_uint(item));
        else if (yyjson_is_str(item))
            LT_TRY(lt_id_parse(yyjson_get_str(item), &out->ids[i], err));
        else
            return bad_type(err, "has_id", "an array of numbers and UUIDs", item);
        out->n_ids++;
    }
    return LT_OK;
}

/* {"is_empty": {"key": "a"}} */
static lt_status parse_keyed(yyjson_val *v, const char *name, lt_cond_kind kind, lt_cond *out,
                             lt_error *err)
{
    yyjson_val *key = yyjson_obj_get(v, "key");

    if (!yyjson_is_str(key))
        return bad_type(err, name, "an object with 'key'", v);
    out->kind = kind;
    out->key = yyjson_get_str(key);
    return LT_OK;
}

static lt_status parse_nested(yyjson_val *v, unsigned depth, lt_cond *out, lt_error *err)
{
    yyjson_val *filter = yyjson_obj_get(v, "filter");

    LT_TRY(parse_keyed(v, "nested", LT_COND_NESTED, out, err));
    if (!filter)
        return bad_type(err, "nested.filter", "a filter", filter);
    return parse_clause(filter, depth + 1, &out->clause, err);
}

/* A condition on one key. */
static lt_status parse_field(yyjson_val *c, lt_cond *out, lt_error *err)
{
    static const struct {
        const char *name;
        lt_status (*parse)(yyjson_val *v, lt_cond *out, lt_error *err);
    } kinds[] = {{"match", parse_match},
                 {"range", parse_range},
                 {"geo_radius", parse_radius},
                 {"geo_bounding_box", parse_box},
                 {"geo_polygon", parse_polygon},
                 {"values_count", parse_values_count}};
    yyjson_val *key = yyjson_obj_get(c, "key");

    if (!yyjson_is_str(key))
        return bad_type(err, "key", "a string", key);
    out->key = yyjson_get_str(key);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        yyjson_val *v = yyjson_obj_get(c, kinds[i].name);

        if (v && !yyjson_is_null(v))
            return kinds[i].parse(v, out, err);
    }
    bool flag = yyjson_obj_get(c, "is_empty") || yyjson_obj_get(c, "is_null");

    if (!flag)
        return lt_fail(err, LT_EINVAL,
                       "filter: the condition on '%s' needs one of match, range, geo_radius, "
                       "geo_bounding_box, geo_polygon, values_count",
                       out->key);
    out->kind = yyjson_obj_get(c, "is_empty") ? LT_COND_IS_EMPTY : LT_COND_IS_NULL;
    return LT_OK;
}

static lt_status parse_cond(yyjson_val *c, unsigned depth, lt_cond *out, lt_error *err)
{
    yyjson_val *v;

    if (!yyjson_is_obj(c))
        return bad_type(err, "condition", "an object", c);
    if (yyjson_obj_get(c, "key"))
        return parse_field(c, out, err);
    if ((v = yyjson_obj_get(c, "is_empty")) != NULL)
        return parse_keyed(v, "is_empty", LT_COND_IS_EMPTY, out, err);
    if ((v = yyjson_obj_get(c, "is_null")) != NULL)
        return parse_keyed(v, "is_null", LT_COND_IS_NULL, out, err);
    if ((v = yyjson_obj_get(c, "has_id")) != NULL)
        return parse_has_id(v, out, err);
    if ((v = yyjson_obj_get(c, "has_vector")) != NULL) {
        if (!yyjson_is_str(v))
            return bad_type(err, "has_vector", "a string", v);
        out->kind = LT_COND_HAS_VECTOR;
        out->text = yyjson_get_str(v);
        return LT_OK;
    }
    if ((v = yyjson_obj_get(c, "nested")) != NULL)
        return parse_nested(v, depth, out, err);
    out->kind = LT_COND_CLAUSE;
    return parse_clause(c, depth + 1, &out->clause, err);
}

/* One condition or an array of them. */
static lt_status parse_conds(yyjson_val *v, const char *name, unsigned depth, lt_conds *out,
                             lt_error *err)
{
    bool many = yyjson_is_arr(v);
    size_t n = many ? yyjson_arr_size(v) : 1;

    if (!many && !yyjson_is_obj(v))
        return bad_type(err, name, "a condition or an array of conditions", v);
    out->items = lt_calloc(n, sizeof *out->items);
    if (!out->items)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        yyjson_val *item = many ? yyjson_arr_get(v, i) : v;

        out->n = i + 1;
        LT_TRY(parse_cond(item, depth, &out->items[i], err));
    }
    return LT_OK;
}

static lt_status parse_min_should(yyjson_val *v, unsigned depth, lt_clause *c, lt_error *err)
{
    yyjson_val *count = yyjson_obj_get(v, "min_count");

    if (!yyjson_is_uint(count))
        return bad_type(err, "min_should.min_count", "a number", count);
    c->min_count = (size_t)yyjson_get_uint(count);
    c->has_min_should = true;
    return parse_conds(yyjson_obj_get(v, "conditions"), "min_should.conditions", depth,
                       &c->min_should, err);
}

static lt_status fill_clause(yyjson_val *json, unsigned depth, lt_clause *c, lt_error *err)
{
    size_t i, n;
    yyjson_val *key, *v;

    yyjson_obj_foreach(json, i, n, key, v)
    {
        const char *name = yyjson_get_str(key);

        if (yyjson_is_null(v))
            continue;
        if (strcmp(name, "must") == 0 && !c->must.items) {
            LT_TRY(parse_conds(v, name, depth, &c->must, err));
        } else if (strcmp(name, "must_not") == 0 && !c->must_not.items) {
            LT_TRY(parse_conds(v, name, depth, &c->must_not, err));
        } else if (strcmp(name, "should") == 0 && !c->should.items) {
            LT_TRY(parse_conds(v, name, depth, &c->should, err));
            c->has_should = c->should.n > 0;
        } else if (strcmp(name, "min_should") == 0 && !c->min_should.items) {
            LT_TRY(parse_min_should(v, depth, c, err));
        } else {
            return lt_fail(err, LT_EINVAL,
                           "filter: unknown or repeated clause '%s' (known: must, should, "
                           "must_not, min_should)",
                           name);
        }
    }
    return LT_OK;
}

static lt_status parse_clause(yyjson_val *json, unsigned depth, lt_clause **out, lt_error *err)
{
    if (!yyjson_is_obj(json))
        return bad_type(err, "filter", "an object", json);
    if (depth > LT_LIMIT_FILTER_DEPTH)
        return lt_fail(err, LT_ELIMIT, "filter: nested deeper than %u", LT_LIMIT_FILTER_DEPTH);
    /* Linked into the parent before it is filled, so that the parent frees it on failure. */
    *out = lt_calloc(1, sizeof **out);
    if (!*out)
        return lt_fail_nomem(err);
    return fill_clause(json, depth, *out, err);
}

lt_status lt_filter_parse(const char *json, size_t n, lt_filter **out, lt_error *err)
{
    if (n > LT_LIMIT_FILTER_BYTES)
        return lt_fail(err, LT_ELIMIT, "filter: larger than %u bytes", LT_LIMIT_FILTER_BYTES);
    lt_filter *f = lt_calloc(1, sizeof *f);

    if (!f)
        return lt_fail_nomem(err);
    lt_status st = lt_json_parse_object(json, n, "filter", &f->doc, err);

    if (st == LT_OK)
        st = parse_clause(yyjson_doc_get_root(f->doc), 0, &f->root, err);
    if (st != LT_OK) {
        lt_filter_free(f);
        return st;
    }
    *out = f;
    return LT_OK;
}

lt_status lt_filter_parse_value(yyjson_val *json, lt_filter **out, lt_error *err)
{
    lt_filter *f = lt_calloc(1, sizeof *f);

    if (!f)
        return lt_fail_nomem(err);
    lt_status st = parse_clause(json, 0, &f->root, err);

    if (st != LT_OK) {
        lt_filter_free(f);
        return st;
    }
    *out = f;
    return LT_OK;
}

void lt_filter_free(lt_filter *f)
{
    if (!f)
        return;
    clause_free(f->root);
    yyjson_doc_free(f->doc);
    lt_free(f);
}
