/* SPDX-License-Identifier: Apache-2.0
 * How many points a condition keeps, from the counts of one index, without touching a set. */
#include "pidx_parts.h"

static size_t size_of(const roaring_bitmap_t *r)
{
    return (size_t)roaring_bitmap_get_cardinality(r);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* `sure` points and up to `maybe` more; of those, half. */
static lt_estimate about(size_t sure, size_t maybe, size_t n_points)
{
    size_t max = least(sure + maybe, n_points);

    sure = least(sure, n_points);
    return (lt_estimate){sure, sure + (max - sure) / 2, max};
}

/* Values may share points where points have several: the sum is an upper bound. */
static lt_estimate about_sum(const lt_pidx *x, size_t largest, size_t sum, size_t maybe,
                             size_t n_points)
{
    bool shared = !roaring_bitmap_is_empty(x->multi);
    lt_estimate e = about(shared ? largest : sum, maybe, n_points);

    e.expected = least(sum + maybe / 2, n_points);
    e.max = least(sum + maybe, n_points);
    return e;
}

static lt_estimate count_match(const lt_pidx *x, const lt_cond *c, size_t n_points)
{
    lt_listing l;
    size_t listed = lt_pidx_count_listed(x, c->values, &l);
    bool one = !yyjson_is_arr(c->values);
    size_t maybe = l.all      ? size_of(x->typed) + size_of(x->other)
                   : l.others ? size_of(x->other)
                              : 0;

    return about_sum(x, one ? listed : 0, listed, maybe, n_points);
}

static lt_estimate count_except(const lt_pidx *x, const lt_cond *c, size_t n_points)
{
    lt_listing l;
    size_t listed = lt_pidx_count_listed(x, c->values, &l);
    size_t any = least(size_of(x->typed) + size_of(x->other), n_points);
    size_t typed = size_of(x->typed), min = typed > listed && !l.all ? typed - listed : 0;

    if (l.others)
        min = min > size_of(x->other) ? min - size_of(x->other) : 0;
    return (lt_estimate){least(min, n_points), any > listed ? any - listed : 0, any};
}

static lt_estimate count_tokens(const lt_pidx *x, const lt_cond *c, const lt_term *t,
                                size_t n_points)
{
    double share = 1, none = 1, n = n_points ? (double)n_points : 1;
    size_t fewest = t->n_tokens ? n_points : 0, sum = 0, most = 0, len;

    for (size_t i = 0; i < t->n_tokens; i++) {
        const char *token = lt_term_token(t, i, &len);
        const lt_posting *p = lt_terms_find(x->terms, token, len);
        size_t count = p ? p->count : 0;

        fewest = least(fewest, count);
        most = count > most ? count : most;
        sum += count;
        share *= (double)count / n;
        none *= 1 - (double)least(count, n_points) / n;
    }
    if (c->kind == LT_COND_TEXT_ANY)
        return lt_estimate_in_order((lt_estimate){least(most, n_points), (size_t)((1 - none) * n),
                                                  least(sum, n_points)});
    if (t->n_tokens == 1)
        return about(fewest, 0, n_points);
    return (lt_estimate){0, t->n_tokens ? least((size_t)(share * n), fewest) : 0, fewest};
}

static lt_estimate count_range(const lt_pidx *x, const lt_cond *c, size_t n_points)
{
    lt_order_at from, to;

    lt_pidx_find_range(x, c, &from, &to);
    size_t pairs = lt_order_between(x->order, from, to);

    return about_sum(x, pairs > 0, pairs,
                     x->field->type == LT_PAYLOAD_INTEGER ? size_of(x->other) : 0, n_points);
}

static lt_estimate exactly(size_t n, size_t n_points)
{
    return about(n, 0, n_points);
}

static lt_estimate count_presence(const lt_pidx *x, const lt_cond *c, size_t n_points)
{
    bool empty = c->kind == LT_COND_IS_EMPTY;
    size_t n = least(size_of(empty ? x->nonempty : x->null), n_points);

    return exactly(empty != c->negated ? n_points - n : n, n_points);
}

bool lt_pidx_count(const lt_pidx *x, const lt_cond *c, const lt_term *term, size_t n_points,
                   lt_estimate *out)
{
    lt_payload_type type = x->field->type;

    switch (c->kind) {
    case LT_COND_MATCH:
        *out = count_match(x, c, n_points);
        return true;
    case LT_COND_EXCEPT:
        *out = count_except(x, c, n_points);
        return true;
    case LT_COND_IS_EMPTY:
    case LT_COND_IS_NULL:
        *out = count_presence(x, c, n_points);
        return true;
    case LT_COND_RANGE:
    case LT_COND_DATE_RANGE:
        if (!lt_pidx_range_is_for(c->kind, type))
            break;
        *out = count_range(x, c, n_points);
        return true;
    case LT_COND_TEXT:
    case LT_COND_TEXT_ANY:
    case LT_COND_PHRASE:
        if (type != LT_PAYLOAD_TEXT || !term || !term->field)
            break;
        *out = count_tokens(x, c, term, n_points);
        return true;
    case LT_COND_VALUES_COUNT:
        if (lt_range_holds(&c->range, 0))
            return false;
        *out = about(0, size_of(x->nonempty), n_points);
        return true;
    case LT_COND_PREFIX:
    case LT_COND_GEO_RADIUS:
    case LT_COND_GEO_BOX:
    case LT_COND_GEO_POLYGON:
        break;
    default:
        return false;
    }
    *out = about(0, size_of(x->typed) + size_of(x->other), n_points);
    return true;
}
