/* SPDX-License-Identifier: Apache-2.0
 * Yes or no for one point. A condition on a key holds when any value there satisfies it. */
#include <string.h>

#include "tree.h"

/* What a condition is looked at with. Inside `nested` the payload is one object of an array and
 * `id` is NULL: conditions on the point itself do not hold there. */
typedef struct view {
    const lt_filter_point *point;
    const lt_id *id;
    yyjson_val *payload;
} view;

static bool clause_holds(const lt_clause *c, const view *v);

/* ---- values ---------------------------------------------------------------------------------- */

bool lt_uuid_read(yyjson_val *v, uint8_t out[16])
{
    lt_id id;

    if (!yyjson_is_str(v) || yyjson_get_len(v) < 32 ||
        strlen(yyjson_get_str(v)) != yyjson_get_len(v) ||
        lt_id_parse(yyjson_get_str(v), &id, NULL) != LT_OK || id.kind != LT_ID_UUID)
        return false;
    memcpy(out, id.uuid, 16);
    return true;
}

static bool same_value(yyjson_val *a, yyjson_val *b, bool as_uuid)
{
    uint8_t x[16], y[16];

    if (yyjson_is_str(a) && yyjson_is_str(b)) {
        if (as_uuid && lt_uuid_read(a, x) && lt_uuid_read(b, y))
            return memcmp(x, y, 16) == 0;
        return yyjson_get_len(a) == yyjson_get_len(b) &&
               memcmp(yyjson_get_str(a), yyjson_get_str(b), yyjson_get_len(a)) == 0;
    }
    if (yyjson_is_bool(a) && yyjson_is_bool(b))
        return yyjson_get_bool(a) == yyjson_get_bool(b);
    if (!yyjson_is_int(a) || !yyjson_is_int(b))
        return false;
    /* Equal bits are equal numbers, but for the top bit: a sign in one kind, 2^63 in the other. */
    return yyjson_get_uint(a) == yyjson_get_uint(b) &&
           (yyjson_is_sint(a) == yyjson_is_sint(b) || yyjson_get_sint(a) >= 0);
}

static bool in_values(const lt_cond *c, yyjson_val *v, bool as_uuid)
{
    size_t i, n;
    yyjson_val *item;

    if (!yyjson_is_arr(c->values))
        return same_value(v, c->values, as_uuid);
    if (c->sorted && !as_uuid)
        return lt_values_have(c->sorted, yyjson_arr_size(c->values), v);
    yyjson_arr_foreach(c->values, i, n, item)
    {
        if (same_value(v, item, as_uuid))
            return true;
    }
    return false;
}

bool lt_range_holds(const lt_range *r, double x)
{
    return (!r->has_gt || x > r->gt) && (!r->has_gte || x >= r->gte) && (!r->has_lt || x < r->lt) &&
           (!r->has_lte || x <= r->lte);
}

bool lt_range_holds_us(const lt_range *r, int64_t us)
{
    return (!r->has_gt || us > r->gt_us) && (!r->has_gte || us >= r->gte_us) &&
           (!r->has_lt || us < r->lt_us) && (!r->has_lte || us <= r->lte_us);
}

static bool in_date_range(const lt_range *r, yyjson_val *v)
{
    int64_t us;

    return yyjson_is_str(v) && lt_datetime_parse(yyjson_get_str(v), yyjson_get_len(v), &us) &&
           lt_range_holds_us(r, us);
}

static bool value_begins(yyjson_val *v, const char *prefix, size_t n)
{
    return yyjson_is_str(v) && yyjson_get_len(v) >= n && memcmp(yyjson_get_str(v), prefix, n) == 0;
}

static bool place_holds(const lt_cond *c, yyjson_val *v)
{
    double lat, lon;

    return lt_place_read(v, &lat, &lon) && lt_place_holds(c, lat, lon);
}

bool lt_cond_value_holds(const lt_cond *c, const lt_term *term, yyjson_val *v)
{
    switch (c->kind) {
    case LT_COND_MATCH:
        return in_values(c, v, term && term->field);
    case LT_COND_EXCEPT:
        return !yyjson_is_null(v) && !in_values(c, v, term && term->field);
    case LT_COND_PREFIX:
        return value_begins(v, c->text, c->text_len);
    case LT_COND_TEXT:
    case LT_COND_TEXT_ANY:
    case LT_COND_PHRASE:
        return yyjson_is_str(v) && lt_words_hold(c, term, yyjson_get_str(v), yyjson_get_len(v));
    case LT_COND_RANGE:
        return yyjson_is_num(v) && lt_range_holds(&c->range, yyjson_get_num(v));
    case LT_COND_DATE_RANGE:
        return in_date_range(&c->range, v);
    case LT_COND_GEO_RADIUS:
    case LT_COND_GEO_BOX:
    case LT_COND_GEO_POLYGON:
        return place_holds(c, v);
    default:
        return false;
    }
}

typedef struct asking {
    const lt_cond *cond;
    const lt_term *term;
} asking;

static bool value_holds(void *context, yyjson_val *v)
{
    const asking *a = context;

    return lt_cond_value_holds(a->cond, a->term, v);
}

/* ---- whole values ---------------------------------------------------------------------------- */

static bool not_empty(void *context, yyjson_val *v)
{
    (void)context;
    return !yyjson_is_null(v) && !(yyjson_is_arr(v) && yyjson_arr_size(v) == 0);
}

/* Null, or an array with a null in it. */
static bool is_null(void *context, yyjson_val *v)
{
    size_t i, n;
    yyjson_val *item;

    (void)context;
    yyjson_arr_foreach(v, i, n, item)
    {
        if (yyjson_is_null(item))
            return true;
    }
    return yyjson_is_null(v);
}

typedef struct counting {
    const lt_range *range;
    bool any; /* a value was there */
} counting;

static bool count_holds(void *context, yyjson_val *v)
{
    counting *c = context;
    size_t n = yyjson_is_arr(v) ? yyjson_arr_size(v) : !yyjson_is_null(v);

    c->any = true;
    return lt_range_holds(c->range, (double)n);
}

static bool values_count_holds(const lt_cond *c, yyjson_val *payload)
{
    counting count = {&c->range, false};

    return lt_value_at(payload, c->key, true, count_holds, &count) ||
           (!count.any && lt_range_holds(&c->range, 0));
}

/* ---- nested ---------------------------------------------------------------------------------- */

typedef struct nesting {
    const lt_clause *clause;
    const view *outer;
} nesting;

static bool element_holds(void *context, yyjson_val *v)
{
    const nesting *nest = context;
    view inner = {nest->outer->point, NULL, v};

    return yyjson_is_obj(v) && clause_holds(nest->clause, &inner);
}

static bool elements_hold(void *context, yyjson_val *v)
{
    size_t i, n;
    yyjson_val *item;

    yyjson_arr_foreach(v, i, n, item)
    {
        if (element_holds(context, item))
            return true;
    }
    return false;
}

/* "key" and "key[]" both mean the elements of the array at "key". */
static bool nested_holds(const lt_cond *c, const view *v)
{
    nesting nest = {c->clause, v};
    size_t n = strlen(c->key);
    bool each = n > 2 && strcmp(c->key + n - 2, "[]") == 0;

    return lt_value_at(v->payload, c->key, true, each ? element_holds : elements_hold, &nest);
}

/* ---- conditions ------------------------------------------------------------------------------ */

static bool vector_there(const lt_filter_point *p, const char *name)
{
    return p->has_vector ? p->has_vector(p->context, name) : name[0] == '\0';
}

static bool cond_holds(const lt_cond *c, const view *v)
{
    const lt_filter_binding *b = v->point->binding;

    switch (c->kind) {
    case LT_COND_CLAUSE:
        return clause_holds(c->clause, v);
    case LT_COND_HAS_ID:
        return v->id && lt_ids_have(c->ids, c->n_ids, v->id);
    case LT_COND_HAS_VECTOR:
        return v->id && vector_there(v->point, c->text);
    case LT_COND_SLICE:
        return v->id && lt_id_slice(v->id, c->slice_total) == c->slice_index;
    case LT_COND_NESTED:
        return nested_holds(c, v);
    case LT_COND_IS_EMPTY:
        return !lt_value_at(v->payload, c->key, true, not_empty, NULL) != c->negated;
    case LT_COND_IS_NULL:
        return lt_value_at(v->payload, c->key, true, is_null, NULL) != c->negated;
    case LT_COND_VALUES_COUNT:
        return values_count_holds(c, v->payload);
    default: {
        asking a = {c, b ? &b->terms[c->term] : NULL};

        return lt_value_at(v->payload, c->key, false, value_holds, &a);
    }
    }
}

static size_t count_holding(const lt_conds *conds, const view *v, size_t enough)
{
    size_t n = 0;

    for (size_t i = 0; i < conds->n && n < enough; i++)
        n += cond_holds(&conds->items[i], v);
    return n;
}

static bool clause_holds(const lt_clause *c, const view *v)
{
    for (size_t i = 0; i < c->must.n; i++)
        if (!cond_holds(&c->must.items[i], v))
            return false;
    if (count_holding(&c->must_not, v, 1) > 0)
        return false;
    if (c->has_should && count_holding(&c->should, v, 1) == 0)
        return false;
    return !c->has_min_should || count_holding(&c->min_should, v, c->min_count) >= c->min_count;
}

bool lt_filter_passes(const lt_filter *f, const lt_filter_point *p)
{
    view v = {p, p->id, p->payload};

    return clause_holds(f->root, &v);
}

bool lt_filter_match(const lt_filter *f, const lt_id *id, yyjson_val *payload)
{
    lt_filter_point p = {.id = id, .payload = payload};

    return lt_filter_passes(f, &p);
}
