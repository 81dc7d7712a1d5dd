/* SPDX-License-Identifier: Apache-2.0 */
#include "formula.h"

#include <base/error.h>
#include <math.h>
#include <string.h>
#include <value/value.h>

#include "decode.h"

bool lt_formula_needs_point(const lt_expr *e)
{
    if (!e)
        return false;
    if (e->kind == LT_EXPR_PATH || e->kind == LT_EXPR_CONDITION ||
        e->kind == LT_EXPR_DATETIME_KEY || e->kind == LT_EXPR_GEO_DISTANCE)
        return true;
    for (size_t i = 0; i < e->n_parts; i++)
        if (lt_formula_needs_point(e->parts[i]))
            return true;
    return false;
}

/* ---- variables ------------------------------------------------------------------------------- */

typedef struct seen {
    yyjson_val *first;
    size_t n;
} seen;

static bool see(void *context, yyjson_val *v)
{
    seen *s = context;

    if (s->n++ == 0)
        s->first = v;
    return s->n > 1;
}

/* The one value at a path, or its default; a list of one is that one. */
static lt_status find_value(const lt_formula_point *p, const char *path, yyjson_val **out,
                            lt_error *err)
{
    seen s = {0};

    lt_value_at(p->payload, path, false, see, &s);
    if (s.n == 0) {
        s.first = yyjson_obj_get(p->defaults, path);
        s.n = s.first != NULL && !yyjson_is_null(s.first);
        if (yyjson_is_arr(s.first)) {
            s.n = yyjson_arr_size(s.first);
            s.first = yyjson_arr_get_first(s.first);
        }
    }
    if (s.n == 0)
        return lt_fail(err, LT_EINVAL,
                       "No value found for `%s` in the payload nor in the formula's defaults", path);
    if (s.n > 1)
        return lt_fail(err, LT_EINVAL,
                       "The formula needs one value for `%s`, in the payload or the defaults are "
                       "several",
                       path);
    *out = s.first;
    return LT_OK;
}

static lt_status number_at(const lt_formula_point *p, const char *path, double *out, lt_error *err)
{
    yyjson_val *v;

    LT_TRY(find_value(p, path, &v, err));
    if (!yyjson_is_num(v))
        return lt_fail(err, LT_EINVAL,
                       "Expected number value for `%s` in the payload and/or in the formula "
                       "defaults, not %s",
                       path, yyjson_get_type_desc(v));
    *out = yyjson_get_num(v);
    return LT_OK;
}

static lt_status date_at(const lt_formula_point *p, const char *path, double *out, lt_error *err)
{
    yyjson_val *v;
    int64_t us;

    LT_TRY(find_value(p, path, &v, err));
    if (!yyjson_is_str(v) || !lt_datetime_parse(yyjson_get_str(v), yyjson_get_len(v), &us))
        return lt_fail(err, LT_EINVAL,
                       "Expected datetime value for `%s` in the payload and/or in the formula "
                       "defaults",
                       path);
    *out = (double)us / 1e6;
    return LT_OK;
}

static lt_status distance_to(const lt_formula_point *p, const lt_expr *e, double *out,
                             lt_error *err)
{
    yyjson_val *v;

    LT_TRY(find_value(p, e->path, &v, err));
    yyjson_val *lat = yyjson_obj_get(v, "lat"), *lon = yyjson_obj_get(v, "lon");

    if (!yyjson_is_num(lat) || !yyjson_is_num(lon))
        return lt_fail(err, LT_EINVAL,
                       "Expected geo point for `%s` in the payload and/or in the formula defaults",
                       e->path);
    *out = lt_geo_distance_m(e->lat, e->lon, yyjson_get_num(lat), yyjson_get_num(lon));
    return LT_OK;
}

/* The score that a prefetch gave, else its default ("$score[0]" and "$score" are one), else 0. */
static lt_status score_of(const lt_formula_point *p, size_t index, double *out, lt_error *err)
{
    size_t i, n, at;
    yyjson_val *key, *v;
    bool broken;

    *out = 0;
    if (index < p->n_scores && !isnan(p->scores[index])) {
        *out = (double)p->scores[index];
        return LT_OK;
    }
    if (!p->defaults)
        return LT_OK;
    yyjson_obj_foreach(p->defaults, i, n, key, v)
    {
        if (!lt_score_variable(yyjson_get_str(key), &broken, &at) || broken || at != index)
            continue;
        if (!yyjson_is_num(v))
            return lt_fail(err, LT_EINVAL, "The formula's default for `%s` is not a number",
                           yyjson_get_str(key));
        *out = yyjson_get_num(v);
    }
    return LT_OK;
}

/* ---- operators ------------------------------------------------------------------------------- */

static lt_status not_finite(lt_error *err, const char *what, double x)
{
    return lt_fail(err, LT_EINVAL, "The expression %s(%g) produced a non-finite number", what, x);
}

static lt_status finite_or(lt_error *err, const char *what, double x, double result, double *out)
{
    if (!isfinite(result))
        return not_finite(err, what, x);
    *out = result;
    return LT_OK;
}

static lt_status fold(const lt_expr *e, const lt_formula_point *p, double *out, lt_error *err)
{
    double x, result = e->kind == LT_EXPR_MULT  ? 1
                       : e->kind == LT_EXPR_MAX ? -INFINITY
                       : e->kind == LT_EXPR_MIN ? INFINITY
                                                : 0;

    for (size_t i = 0; i < e->n_parts; i++) {
        LT_TRY(lt_formula_value(e->parts[i], p, &x, err));
        if (e->kind == LT_EXPR_MULT && x == 0) {
            *out = 0; /* what follows is not looked at */
            return LT_OK;
        }
        result = e->kind == LT_EXPR_MULT  ? result * x
                 : e->kind == LT_EXPR_MAX ? fmax(result, x)
                 : e->kind == LT_EXPR_MIN ? fmin(result, x)
                                          : result + x;
    }
    *out = result;
    return LT_OK;
}

static lt_status apply_one(const lt_expr *e, const lt_formula_point *p, double *out, lt_error *err)
{
    double x;

    LT_TRY(lt_formula_value(e->parts[0], p, &x, err));
    switch (e->kind) {
    case LT_EXPR_NEG:
        *out = -x;
        return LT_OK;
    case LT_EXPR_ABS:
        *out = fabs(x);
        return LT_OK;
    case LT_EXPR_SQRT:
        return finite_or(err, "sqrt", x, sqrt(x), out);
    case LT_EXPR_EXP:
        return finite_or(err, "exp", x, exp(x), out);
    case LT_EXPR_LOG10:
        return finite_or(err, "log10", x, log10(x), out);
    case LT_EXPR_LN:
        return finite_or(err, "ln", x, log(x), out);
    default:
        return finite_or(err, "acosh", x, acosh(x), out);
    }
}

static lt_status divide(const lt_expr *e, const lt_formula_point *p, double *out, lt_error *err)
{
    double left, right;

    LT_TRY(lt_formula_value(e->parts[0], p, &left, err));
    *out = 0;
    if (left == 0)
        return LT_OK;
    LT_TRY(lt_formula_value(e->parts[1], p, &right, err));
    if (right == 0 && e->has_default) {
        *out = e->number;
        return LT_OK;
    }
    if (right == 0 || !isfinite(left / right))
        return lt_fail(err, LT_EINVAL, "The expression %g/%g produced a non-finite number", left,
                       right);
    *out = left / right;
    return LT_OK;
}

static lt_status raise(const lt_expr *e, const lt_formula_point *p, double *out, lt_error *err)
{
    double base, exponent;

    LT_TRY(lt_formula_value(e->parts[0], p, &base, err));
    LT_TRY(lt_formula_value(e->parts[1], p, &exponent, err));
    *out = pow(base, exponent);
    if (!isfinite(*out))
        return lt_fail(err, LT_EINVAL, "The expression %g^%g produced a non-finite number", base,
                       exponent);
    return LT_OK;
}

static lt_status decay(const lt_expr *e, const lt_formula_point *p, double *out, lt_error *err)
{
    double x, target = 0;

    LT_TRY(lt_formula_value(e->parts[0], p, &x, err));
    if (e->parts[1])
        LT_TRY(lt_formula_value(e->parts[1], p, &target, err));
    double d = fabs(x - target);

    *out = e->kind == LT_EXPR_LIN_DECAY   ? fmax(0, 1 - (1 - e->midpoint) / e->scale * d)
           : e->kind == LT_EXPR_EXP_DECAY ? exp(log(e->midpoint) / e->scale * d)
                                          : exp(log(e->midpoint) / (e->scale * e->scale) * d * d);
    return LT_OK;
}

static lt_status passes(const lt_expr *e, const lt_formula_point *p, double *out, lt_error *err)
{
    bool yes;

    LT_TRY(p->passes(p->context, e->condition, &yes, err));
    *out = yes;
    return LT_OK;
}

lt_status lt_formula_value(const lt_expr *e, const lt_formula_point *p, double *out, lt_error *err)
{
    switch (e->kind) {
    case LT_EXPR_NUMBER:
        *out = e->number;
        return LT_OK;
    case LT_EXPR_SCORE:
        return score_of(p, e->index, out, err);
    case LT_EXPR_PATH:
        return number_at(p, e->path, out, err);
    case LT_EXPR_DATETIME_KEY:
        return date_at(p, e->path, out, err);
    case LT_EXPR_GEO_DISTANCE:
        return distance_to(p, e, out, err);
    case LT_EXPR_CONDITION:
        return passes(e, p, out, err);
    case LT_EXPR_MULT:
    case LT_EXPR_SUM:
    case LT_EXPR_MAX:
    case LT_EXPR_MIN:
        return fold(e, p, out, err);
    case LT_EXPR_DIV:
        return divide(e, p, out, err);
    case LT_EXPR_POW:
        return raise(e, p, out, err);
    case LT_EXPR_LIN_DECAY:
    case LT_EXPR_EXP_DECAY:
    case LT_EXPR_GAUSS_DECAY:
        return decay(e, p, out, err);
    default:
        return apply_one(e, p, out, err);
    }
}
