/* SPDX-License-Identifier: Apache-2.0
 * Formulas: an expression is a number, a variable, an operator with its operands, or a condition of
 * a filter. */
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"

typedef struct forms forms;
typedef lt_status (*decode_form)(lt_body *b, yyjson_val *v, const lt_at *at, const forms *form,
                                 unsigned depth, lt_expr *out, lt_error *err);
struct forms {
    const char *name;
    lt_expr_kind kind;
    decode_form decode;
};

static lt_status decode_expr(lt_body *b, yyjson_val *v, const lt_at *at, unsigned depth,
                             lt_expr **out, lt_error *err);

static lt_status make_parts(lt_body *b, lt_expr *e, size_t n, lt_error *err)
{
    e->parts = lt_arena_alloc(b->arena, n, sizeof *e->parts);
    e->n_parts = n;
    return e->parts ? LT_OK : lt_fail_nomem(err);
}

/* ---- operators ------------------------------------------------------------------------------- */

static lt_status decode_list(lt_body *b, yyjson_val *v, const lt_at *at, const forms *form,
                             unsigned depth, lt_expr *out, lt_error *err)
{
    size_t i, n;
    yyjson_val *item;

    if (!yyjson_is_arr(v))
        return lt_body_wrong(at, "a list of expressions", v, err);
    if (yyjson_arr_size(v) == 0 && (form->kind == LT_EXPR_MAX || form->kind == LT_EXPR_MIN))
        return lt_body_bad(at, "needs at least one operand", err);
    LT_TRY(make_parts(b, out, yyjson_arr_size(v), err));
    yyjson_arr_foreach(v, i, n, item)
    {
        const lt_at here = {at, NULL, i};

        LT_TRY(decode_expr(b, item, &here, depth, &out->parts[i], err));
    }
    return LT_OK;
}

static lt_status decode_one(lt_body *b, yyjson_val *v, const lt_at *at, const forms *form,
                            unsigned depth, lt_expr *out, lt_error *err)
{
    (void)form;
    LT_TRY(make_parts(b, out, 1, err));
    return decode_expr(b, v, at, depth, &out->parts[0], err);
}

static lt_status decode_two(lt_body *b, yyjson_val *v, const lt_at *at, const char *first,
                            const char *second, unsigned depth, lt_expr *out, lt_error *err)
{
    const lt_at first_at = {at, first, 0}, second_at = {at, second, 0};
    yyjson_val *x, *y;

    LT_TRY(lt_body_object(v, at, err));
    LT_TRY(lt_body_need(v, first, at, &x, err));
    LT_TRY(lt_body_need(v, second, at, &y, err));
    LT_TRY(make_parts(b, out, 2, err));
    LT_TRY(decode_expr(b, x, &first_at, depth, &out->parts[0], err));
    return decode_expr(b, y, &second_at, depth, &out->parts[1], err);
}

static lt_status decode_div(lt_body *b, yyjson_val *v, const lt_at *at, const forms *form,
                            unsigned depth, lt_expr *out, lt_error *err)
{
    (void)form;
    LT_TRY(decode_two(b, v, at, "left", "right", depth, out, err));
    return lt_body_double(v, "by_zero_default", at, &out->number, &out->has_default, err);
}

static lt_status decode_pow(lt_body *b, yyjson_val *v, const lt_at *at, const forms *form,
                            unsigned depth, lt_expr *out, lt_error *err)
{
    (void)form;
    return decode_two(b, v, at, "base", "exponent", depth, out, err);
}

static lt_status check_decay(const lt_at *at, const lt_expr *e, lt_error *err)
{
    bool linear = e->kind == LT_EXPR_LIN_DECAY;

    if (!(e->scale > 0))
        return lt_body_bad(at, "scale must be larger than 0", err);
    if (linear ? !(e->midpoint >= 0 && e->midpoint <= 1) : !(e->midpoint > 0 && e->midpoint < 1))
        return lt_body_bad(at, linear ? "midpoint must be from 0 to 1"
                                      : "midpoint must be larger than 0 and smaller than 1",
                           err);
    return LT_OK;
}

static lt_status decode_decay(lt_body *b, yyjson_val *v, const lt_at *at, const forms *form,
                              unsigned depth, lt_expr *out, lt_error *err)
{
    const lt_at x_at = {at, "x", 0}, target_at = {at, "target", 0};
    yyjson_val *x, *target = lt_body_field(v, "target");

    (void)form;
    out->scale = 1;
    out->midpoint = 0.5;
    LT_TRY(lt_body_object(v, at, err));
    LT_TRY(lt_body_need(v, "x", at, &x, err));
    LT_TRY(lt_body_double(v, "scale", at, &out->scale, NULL, err));
    LT_TRY(lt_body_double(v, "midpoint", at, &out->midpoint, NULL, err));
    LT_TRY(check_decay(at, out, err));
    LT_TRY(make_parts(b, out, 2, err));
    LT_TRY(decode_expr(b, x, &x_at, depth, &out->parts[0], err));
    return target ? decode_expr(b, target, &target_at, depth, &out->parts[1], err) : LT_OK;
}

/* ---- leaves ---------------------------------------------------------------------------------- */

static lt_status decode_geo(lt_body *b, yyjson_val *v, const lt_at *at, const forms *form,
                            unsigned depth, lt_expr *out, lt_error *err)
{
    const lt_at origin_at = {at, "origin", 0};
    yyjson_val *origin, *to;
    bool lat, lon;

    (void)b, (void)form, (void)depth;
    LT_TRY(lt_body_object(v, at, err));
    LT_TRY(lt_body_need(v, "origin", at, &origin, err));
    LT_TRY(lt_body_need(v, "to", at, &to, err));
    LT_TRY(lt_body_object(origin, &origin_at, err));
    LT_TRY(lt_body_double(origin, "lat", &origin_at, &out->lat, &lat, err));
    LT_TRY(lt_body_double(origin, "lon", &origin_at, &out->lon, &lon, err));
    if (!lat || !lon)
        return lt_body_bad(&origin_at, "a place has `lat` and `lon`", err);
    LT_TRY(lt_body_text(v, "to", at, &out->path, err));
    return lt_body_path(out->path, at, err);
}

static lt_status decode_datetime(lt_body *b, yyjson_val *v, const lt_at *at, const forms *form,
                                 unsigned depth, lt_expr *out, lt_error *err)
{
    int64_t us;

    (void)b, (void)form, (void)depth;
    if (!yyjson_is_str(v) || !lt_datetime_parse(yyjson_get_str(v), yyjson_get_len(v), &us))
        return lt_body_wrong(at, "a date (RFC 3339)", v, err);
    out->kind = LT_EXPR_NUMBER;
    out->number = (double)us / 1e6;
    return LT_OK;
}

static lt_status decode_datetime_key(lt_body *b, yyjson_val *v, const lt_at *at, const forms *form,
                                     unsigned depth, lt_expr *out, lt_error *err)
{
    (void)b, (void)form, (void)depth;
    if (!yyjson_is_str(v) || strlen(yyjson_get_str(v)) != yyjson_get_len(v))
        return lt_body_wrong(at, "a path into the payload", v, err);
    out->path = yyjson_get_str(v);
    return lt_body_path(out->path, at, err);
}

bool lt_score_variable(const char *name, bool *broken, size_t *index)
{
    *broken = false;
    *index = 0;
    if (strncmp(name, "$score", 6) != 0)
        return false;
    name += 6;
    if (*name == '\0')
        return true;
    size_t digits = *name == '[' ? strspn(name + 1, "0123456789") : 0;

    *broken = digits == 0 || digits > 9 || strcmp(name + 1 + digits, "]") != 0;
    *index = *broken ? 0 : strtoul(name + 1, NULL, 10);
    return true;
}

static lt_status decode_variable(yyjson_val *v, const lt_at *at, lt_expr *out, lt_error *err)
{
    bool broken;

    out->path = yyjson_get_str(v);
    if (strlen(out->path) != yyjson_get_len(v))
        return lt_body_bad(at, "a zero character is not allowed here", err);
    if (!lt_score_variable(out->path, &broken, &out->index)) {
        out->kind = LT_EXPR_PATH;
        return lt_body_path(out->path, at, err);
    }
    out->kind = LT_EXPR_SCORE;
    return broken ? lt_body_bad(at, "a score is `$score` or `$score[<number>]`", err) : LT_OK;
}

static void free_filter(void *filter)
{
    lt_filter_free(filter);
}

/* A condition of a filter, or a whole filter. A filter with this one condition says the same. */
static lt_status decode_condition(lt_body *b, yyjson_val *v, lt_expr *out, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};
    lt_filter *filter;

    LT_TRY(lt_buf_adds(&text, "{\"must\":[", err));
    LT_TRY(lt_json_write(v, &text, err));
    LT_TRY(lt_buf_adds(&text, "]}", err));
    LT_TRY(lt_filter_parse(text.data, text.len, &filter, err));
    out->kind = LT_EXPR_CONDITION;
    out->condition = filter;
    return lt_arena_defer(b->arena, free_filter, filter, err);
}

static const forms operators[] = {
    {"mult", LT_EXPR_MULT, decode_list},
    {"sum", LT_EXPR_SUM, decode_list},
    {"max", LT_EXPR_MAX, decode_list},
    {"min", LT_EXPR_MIN, decode_list},
    {"neg", LT_EXPR_NEG, decode_one},
    {"abs", LT_EXPR_ABS, decode_one},
    {"sqrt", LT_EXPR_SQRT, decode_one},
    {"exp", LT_EXPR_EXP, decode_one},
    {"log10", LT_EXPR_LOG10, decode_one},
    {"ln", LT_EXPR_LN, decode_one},
    {"acosh", LT_EXPR_ACOSH, decode_one},
    {"div", LT_EXPR_DIV, decode_div},
    {"pow", LT_EXPR_POW, decode_pow},
    {"geo_distance", LT_EXPR_GEO_DISTANCE, decode_geo},
    {"datetime", LT_EXPR_NUMBER, decode_datetime},
    {"datetime_key", LT_EXPR_DATETIME_KEY, decode_datetime_key},
    {"lin_decay", LT_EXPR_LIN_DECAY, decode_decay},
    {"exp_decay", LT_EXPR_EXP_DECAY, decode_decay},
    {"gauss_decay", LT_EXPR_GAUSS_DECAY, decode_decay},
};

static lt_status decode_operator(lt_body *b, yyjson_val *v, const lt_at *up, unsigned depth,
                                 lt_expr *out, lt_error *err)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        const forms *form = &operators[i];
        const lt_at at = {up, form->name, 0};
        yyjson_val *inner = lt_body_field(v, form->name);

        if (!inner)
            continue;
        out->kind = form->kind;
        return form->decode(b, inner, &at, form, depth, out, err);
    }
    return decode_condition(b, v, out, err);
}

static lt_status decode_expr(lt_body *b, yyjson_val *v, const lt_at *at, unsigned depth,
                             lt_expr **out, lt_error *err)
{
    lt_expr *e = lt_arena_alloc(b->arena, 1, sizeof *e);

    if (!e)
        return lt_fail_nomem(err);
    if (depth > LT_LIMIT_FORMULA_DEPTH)
        return lt_fail(err, LT_ELIMIT, "formula: nested deeper than %u", LT_LIMIT_FORMULA_DEPTH);
    *out = e;
    if (yyjson_is_num(v)) {
        e->kind = LT_EXPR_NUMBER;
        e->number = yyjson_get_num(v);
        return LT_OK;
    }
    if (yyjson_is_str(v))
        return decode_variable(v, at, e, err);
    if (yyjson_is_obj(v))
        return decode_operator(b, v, at, depth + 1, e, err);
    return lt_body_wrong(at, "a number, a variable, an operator or a condition", v, err);
}

lt_status lt_decode_formula(lt_body *b, yyjson_val *v, const lt_at *at, const lt_expr **out,
                            lt_error *err)
{
    lt_expr *e;

    LT_TRY(decode_expr(b, v, at, 0, &e, err));
    *out = e;
    return LT_OK;
}
