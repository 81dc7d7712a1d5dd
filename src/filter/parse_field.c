/* SPDX-License-Identifier: Apache-2.0
 * A condition on one key. Unions in Qdrant's interface are untagged: the first variant whose fields
 * are there with the right types is taken, other fields are left alone, null counts as absent. A
 * condition with several clauses holds when any of them does, so it becomes a filter of its own. */
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>

#include "tree.h"

lt_status lt_filter_bad_type(const lt_filter_parser *p, lt_error *err, const char *where,
                             const char *want, yyjson_val *got)
{
    return lt_fail(err, LT_EINVAL, "%s'%s' must be %s, not %s", p->lead, where, want,
                   got ? yyjson_get_type_desc(got) : "absent");
}

lt_status lt_filter_parse_key(const lt_filter_parser *p, yyjson_val *object, const char **out,
                              lt_error *err)
{
    yyjson_val *key = yyjson_obj_get(object, "key");

    if (!yyjson_is_str(key))
        return lt_filter_bad_type(p, err, "key", "a string", key);
    if (yyjson_get_len(key) > LT_LIMIT_PATH_BYTES ||
        !lt_path_valid(yyjson_get_str(key), yyjson_get_len(key)))
        return lt_fail(err, LT_EINVAL, "%s'key' is not a path into the payload: \"%.80s\"", p->lead,
                       yyjson_get_str(key));
    *out = yyjson_get_str(key);
    return LT_OK;
}

static yyjson_val *present(yyjson_val *object, const char *name)
{
    yyjson_val *v = yyjson_obj_get(object, name);

    return yyjson_is_null(v) ? NULL : v;
}

/* ---- match ----------------------------------------------------------------------------------- */

static bool is_int64(yyjson_val *v)
{
    return yyjson_is_sint(v) || (yyjson_is_uint(v) && yyjson_get_uint(v) <= INT64_MAX);
}

static bool is_keyword(yyjson_val *v)
{
    return yyjson_is_str(v) || is_int64(v) || yyjson_is_bool(v);
}

/* Strings alone, or integers alone. */
static bool is_keyword_list(yyjson_val *v)
{
    size_t i, n, n_strings = 0;
    yyjson_val *item;

    if (!yyjson_is_arr(v))
        return false;
    yyjson_arr_foreach(v, i, n, item)
    {
        if (!yyjson_is_str(item) && !is_int64(item))
            return false;
        n_strings += yyjson_is_str(item);
    }
    return n_strings == 0 || n_strings == yyjson_arr_size(v);
}

static const struct variant {
    const char *name;
    lt_cond_kind kind;
    bool (*fits)(yyjson_val *v);
    const char *want;
} variants[] = {
    {"value", LT_COND_MATCH, is_keyword, "a string, an integer or a boolean"},
    {"text", LT_COND_TEXT, yyjson_is_str, "a string"},
    {"text_any", LT_COND_TEXT_ANY, yyjson_is_str, "a string"},
    {"phrase", LT_COND_PHRASE, yyjson_is_str, "a string"},
    {"prefix", LT_COND_PREFIX, yyjson_is_str, "a string"},
    {"any", LT_COND_MATCH, is_keyword_list, "an array of strings or an array of integers"},
    {"except", LT_COND_EXCEPT, is_keyword_list, "an array of strings or an array of integers"},
};

static lt_status fill_match(lt_filter_parser *p, const struct variant *v, yyjson_val *json,
                            lt_cond *out, lt_error *err)
{
    enum { LONG = 8 }; /* what is shorter is compared one by one as fast */

    out->kind = v->kind;
    out->values = json;
    if (v->fits == yyjson_is_str) {
        out->text = yyjson_get_str(json);
        out->text_len = yyjson_get_len(json);
    }
    out->term = p->n_terms++;
    return yyjson_arr_size(json) > LONG ? lt_values_sort(json, &out->sorted, err) : LT_OK;
}

static lt_status parse_match(lt_filter_parser *p, yyjson_val *m, lt_cond *out, lt_error *err)
{
    const struct variant *wrong = NULL;
    char where[32] = "match.";

    if (!yyjson_is_obj(m))
        return lt_filter_bad_type(p, err, "match", "an object", m);
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        yyjson_val *v = yyjson_obj_get(m, variants[i].name);

        if (v && variants[i].fits(v))
            return fill_match(p, &variants[i], v, out, err);
        if (v && !wrong)
            wrong = &variants[i];
    }
    if (!wrong)
        return lt_fail(err, LT_EINVAL,
                       "%s'match' needs one of value, text, text_any, phrase, prefix, any, except",
                       p->lead);
    strcpy(where + 6, wrong->name);
    return lt_filter_bad_type(p, err, where, wrong->want, yyjson_obj_get(m, wrong->name));
}

/* ---- ranges ---------------------------------------------------------------------------------- */

typedef struct bound {
    const char *name;
    bool *has;
    double *number;
    int64_t *us;
} bound;

static lt_status parse_bound(const lt_filter_parser *p, yyjson_val *r, const bound *b, bool *dates,
                             bool *numbers, lt_error *err)
{
    yyjson_val *v = present(r, b->name);

    if (!v)
        return LT_OK;
    *b->has = true;
    if (yyjson_is_num(v)) {
        *numbers = true;
        *b->number = yyjson_get_num(v);
        return LT_OK;
    }
    if (!yyjson_is_str(v))
        return lt_filter_bad_type(p, err, b->name, "a number or a date in quotes", v);
    if (!lt_datetime_parse(yyjson_get_str(v), yyjson_get_len(v), b->us))
        return lt_fail(err, LT_EINVAL, "%s'%s' is not a date (RFC 3339): \"%.80s\"", p->lead,
                       b->name, yyjson_get_str(v));
    *dates = true;
    return LT_OK;
}

static lt_status parse_range(lt_filter_parser *p, yyjson_val *r, lt_cond *out, lt_error *err)
{
    lt_range *g = &out->range;
    const bound bounds[] = {{"gt", &g->has_gt, &g->gt, &g->gt_us},
                            {"gte", &g->has_gte, &g->gte, &g->gte_us},
                            {"lt", &g->has_lt, &g->lt, &g->lt_us},
                            {"lte", &g->has_lte, &g->lte, &g->lte_us}};
    bool dates = false, numbers = false;

    if (!yyjson_is_obj(r))
        return lt_filter_bad_type(p, err, "range", "an object with gt, gte, lt or lte", r);
    for (size_t i = 0; i < 4; i++)
        LT_TRY(parse_bound(p, r, &bounds[i], &dates, &numbers, err));
    if (dates && numbers)
        return lt_fail(err, LT_EINVAL, "%s'range' mixes numbers and dates", p->lead);
    out->kind = dates ? LT_COND_DATE_RANGE : LT_COND_RANGE;
    return LT_OK;
}

static lt_status parse_values_count(lt_filter_parser *p, yyjson_val *r, lt_cond *out, lt_error *err)
{
    static const char *const names[] = {"gt", "gte", "lt", "lte"};

    if (!yyjson_is_obj(r))
        return lt_filter_bad_type(p, err, "values_count", "an object with gt, gte, lt or lte", r);
    for (size_t i = 0; i < 4; i++) {
        yyjson_val *v = present(r, names[i]);

        if (v && !yyjson_is_uint(v))
            return lt_filter_bad_type(p, err, names[i], "a whole number that is not negative", v);
    }
    LT_TRY(parse_range(p, r, out, err));
    out->kind = LT_COND_VALUES_COUNT;
    return LT_OK;
}

/* ---- places ---------------------------------------------------------------------------------- */

static lt_status parse_place(const lt_filter_parser *p, yyjson_val *v, const char *where,
                             double *lat, double *lon, lt_error *err)
{
    yyjson_val *a = yyjson_obj_get(v, "lat"), *o = yyjson_obj_get(v, "lon");

    if (!yyjson_is_num(a) || !yyjson_is_num(o))
        return lt_filter_bad_type(p, err, where, "an object with numbers lat and lon", v);
    *lat = yyjson_get_num(a);
    *lon = yyjson_get_num(o);
    if (!(*lat >= -90 && *lat <= 90 && *lon >= -180 && *lon <= 180))
        return lt_fail(err, LT_EINVAL, "%s'%s' is no place on earth: lat %g, lon %g", p->lead,
                       where, *lat, *lon);
    return LT_OK;
}

static lt_status parse_radius(lt_filter_parser *p, yyjson_val *v, lt_cond *out, lt_error *err)
{
    yyjson_val *radius = yyjson_obj_get(v, "radius");

    LT_TRY(parse_place(p, yyjson_obj_get(v, "center"), "geo_radius.center", &out->lat, &out->lon,
                       err));
    if (!yyjson_is_num(radius) || yyjson_get_num(radius) < 0)
        return lt_filter_bad_type(p, err, "geo_radius.radius", "a number of metres", radius);
    out->radius_m = yyjson_get_num(radius);
    out->kind = LT_COND_GEO_RADIUS;
    return LT_OK;
}

static lt_status parse_box(lt_filter_parser *p, yyjson_val *v, lt_cond *out, lt_error *err)
{
    LT_TRY(parse_place(p, yyjson_obj_get(v, "top_left"), "geo_bounding_box.top_left", &out->top,
                       &out->left, err));
    LT_TRY(parse_place(p, yyjson_obj_get(v, "bottom_right"), "geo_bounding_box.bottom_right",
                       &out->bottom, &out->right, err));
    out->kind = LT_COND_GEO_BOX;
    return LT_OK;
}

static lt_status check_ring(const lt_filter_parser *p, yyjson_val *ring, const char *where,
                            lt_error *err)
{
    yyjson_val *points = yyjson_obj_get(ring, "points"), *place;
    double lat = 0, lon = 0, lat0 = 0, lon0 = 0;
    size_t i, n;

    if (!yyjson_is_arr(points))
        return lt_filter_bad_type(p, err, where, "an object with an array 'points'", ring);
    if (yyjson_arr_size(points) < 4)
        return lt_fail(err, LT_EVALIDATION,
                       "Validation error in JSON body: [%s: polygon invalid, the size must be at "
                       "least 4]",
                       where);
    yyjson_arr_foreach(points, i, n, place)
    {
        LT_TRY(parse_place(p, place, where, &lat, &lon, err));
        if (i == 0) {
            lat0 = lat;
            lon0 = lon;
        }
    }
    if (lat != lat0 || lon != lon0)
        return lt_fail(err, LT_EVALIDATION,
                       "Validation error in JSON body: [%s: polygon invalid, the first and the "
                       "last points should be the same to form a closed line]",
                       where);
    return LT_OK;
}

static lt_status parse_polygon(lt_filter_parser *p, yyjson_val *v, lt_cond *out, lt_error *err)
{
    yyjson_val *hole;
    size_t i, n;

    out->exterior = yyjson_obj_get(v, "exterior");
    out->interiors = present(v, "interiors");
    LT_TRY(check_ring(p, out->exterior, "geo_polygon.exterior", err));
    out->kind = LT_COND_GEO_POLYGON;
    if (!out->interiors)
        return LT_OK;
    if (!yyjson_is_arr(out->interiors))
        return lt_filter_bad_type(p, err, "geo_polygon.interiors", "an array", out->interiors);
    yyjson_arr_foreach(out->interiors, i, n, hole)
    {
        LT_TRY(check_ring(p, hole, "geo_polygon.interiors", err));
    }
    return LT_OK;
}

/* ---- the condition --------------------------------------------------------------------------- */

static lt_status parse_flag(lt_filter_parser *p, yyjson_val *v, lt_cond *out, lt_error *err)
{
    if (!yyjson_is_bool(v))
        return lt_filter_bad_type(p, err, out->kind == LT_COND_IS_EMPTY ? "is_empty" : "is_null",
                                  "true or false", v);
    out->negated = !yyjson_get_bool(v);
    return LT_OK;
}

static lt_status parse_is_empty(lt_filter_parser *p, yyjson_val *v, lt_cond *out, lt_error *err)
{
    out->kind = LT_COND_IS_EMPTY;
    return parse_flag(p, v, out, err);
}

static lt_status parse_is_null(lt_filter_parser *p, yyjson_val *v, lt_cond *out, lt_error *err)
{
    out->kind = LT_COND_IS_NULL;
    return parse_flag(p, v, out, err);
}

static const struct part {
    const char *name;
    lt_status (*parse)(lt_filter_parser *p, yyjson_val *v, lt_cond *out, lt_error *err);
} parts[] = {{"match", parse_match},
             {"range", parse_range},
             {"geo_bounding_box", parse_box},
             {"geo_radius", parse_radius},
             {"geo_polygon", parse_polygon},
             {"values_count", parse_values_count},
             {"is_empty", parse_is_empty},
             {"is_null", parse_is_null}};
enum { N_PARTS = sizeof parts / sizeof *parts };

/* Any of several: a filter with them under `should`. */
static lt_status parse_parts(lt_filter_parser *p, yyjson_val *json, const char *key, size_t n_parts,
                             lt_cond *out, lt_error *err)
{
    out->kind = LT_COND_CLAUSE;
    out->clause = lt_calloc(1, sizeof *out->clause);
    if (!out->clause)
        return lt_fail_nomem(err);
    lt_conds *should = &out->clause->should;

    out->clause->has_should = true;
    should->items = lt_calloc(n_parts, sizeof *should->items);
    if (!should->items)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < N_PARTS; i++) {
        yyjson_val *v = present(json, parts[i].name);

        if (!v)
            continue;
        should->items[should->n].key = key;
        LT_TRY(parts[i].parse(p, v, &should->items[should->n++], err));
    }
    return LT_OK;
}

lt_status lt_filter_parse_field(lt_filter_parser *p, yyjson_val *json, lt_cond *out, lt_error *err)
{
    size_t n_parts = 0, first = 0;

    LT_TRY(lt_filter_parse_key(p, json, &out->key, err));
    for (size_t i = N_PARTS; i-- > 0;) {
        if (present(json, parts[i].name)) {
            n_parts++;
            first = i;
        }
    }
    if (n_parts == 0)
        return lt_fail(err, LT_EINVAL,
                       "%sthe condition on '%.80s' needs at least one of match, range, "
                       "geo_bounding_box, geo_radius, geo_polygon, values_count, is_empty, is_null",
                       p->lead, out->key);
    if (n_parts > 1)
        return parse_parts(p, json, out->key, n_parts, out, err);
    return parts[first].parse(p, present(json, parts[first].name), out, err);
}
