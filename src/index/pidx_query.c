/* SPDX-License-Identifier: Apache-2.0
 * What one payload index says about one condition, in sets and in numbers. */
#include <string.h>

#include "pidx_parts.h"

/* ---- sets ------------------------------------------------------------------------------------ */

static void mark(const roaring_bitmap_t *r, uint64_t *bits, const lt_answer *a)
{
    lt_roaring_mark(r, bits, a->n_slots);
}

/* Every slot with a value that is not null. */
static void mark_any(const lt_pidx *x, uint64_t *bits, const lt_answer *a)
{
    mark(x->typed, bits, a);
    mark(x->other, bits, a);
}

static void invert(uint64_t *bits, size_t n_slots)
{
    size_t n_words = lt_bits_words(n_slots);

    for (size_t i = 0; i < n_words; i++)
        bits[i] = ~bits[i];
    if (n_slots % 64)
        bits[n_words - 1] &= ((uint64_t)1 << (n_slots % 64)) - 1;
}

static void mark_between(const lt_order *o, lt_order_at from, lt_order_at to, lt_answer *a)
{
    uint64_t key;
    uint32_t slot;

    while ((from.block < to.block || (from.block == to.block && from.i < to.i)) &&
           lt_order_next(o, &from, &key, &slot))
        if (slot < a->n_slots)
            lt_bits_set(a->sure, slot);
}

/* ---- match ----------------------------------------------------------------------------------- */

/* Where points with exactly this value are to be found. */
typedef enum route {
    BY_TERM,
    BY_KEY,
    AMONG_OTHERS, /* the index leaves values of this type out */
    AMONG_ALL     /* the index holds such values in another form */
} route;

typedef struct lookup {
    route route;
    lt_term_bytes term;
    uint64_t key;
} lookup;

static lookup look_up(const lt_pidx *x, yyjson_val *v)
{
    lt_payload_type type = x->field->type;
    lookup l = {.route = AMONG_OTHERS};

    if (lt_pidx_term_of(type, v, &l.term)) {
        l.route = BY_TERM;
        if (l.term.bytes != yyjson_get_str(v)) /* `l` will be copied */
            l.term.bytes = NULL;
    } else if (type == LT_PAYLOAD_INTEGER && lt_pidx_key_of(type, v, &l.key)) {
        l.route = BY_KEY;
    } else if ((type == LT_PAYLOAD_FLOAT && yyjson_is_num(v)) ||
               ((type == LT_PAYLOAD_DATETIME || type == LT_PAYLOAD_TEXT) && yyjson_is_str(v))) {
        l.route = AMONG_ALL;
    }
    return l;
}

static const lt_posting *posting_of(const lt_pidx *x, const lookup *l)
{
    return lt_terms_find(x->terms, l->term.bytes ? l->term.bytes : (const char *)l->term.own,
                         l->term.n);
}

static lt_order_at key_end(const lt_order *o, uint64_t key)
{
    return key == UINT64_MAX ? lt_order_end(o) : lt_order_seek(o, key + 1);
}

static void mark_value(const lt_pidx *x, yyjson_val *v, lt_answer *a, lt_listing *l)
{
    lookup at = look_up(x, v);

    if (at.route == BY_TERM) {
        const lt_posting *p = posting_of(x, &at);

        if (p)
            lt_posting_mark(p, a->sure, a->n_slots);
    } else if (at.route == BY_KEY) {
        mark_between(x->order, lt_order_seek(x->order, at.key), key_end(x->order, at.key), a);
    }
    l->others |= at.route == AMONG_OTHERS;
    l->all |= at.route == AMONG_ALL;
}

/* Marks in `sure` who has one of the values for certain. */
static lt_listing mark_listed(const lt_pidx *x, yyjson_val *values, lt_answer *a)
{
    lt_listing l = {false, false};
    size_t i, n;
    yyjson_val *v;

    if (!yyjson_is_arr(values))
        mark_value(x, values, a, &l);
    yyjson_arr_foreach(values, i, n, v)
    {
        mark_value(x, v, a, &l);
    }
    return l;
}

size_t lt_pidx_count_listed(const lt_pidx *x, yyjson_val *values, lt_listing *out)
{
    size_t n_values = yyjson_is_arr(values) ? yyjson_arr_size(values) : 1, count = 0;
    yyjson_val *v = yyjson_is_arr(values) ? yyjson_arr_get_first(values) : values;

    *out = (lt_listing){false, false};
    for (size_t i = 0; i < n_values; i++, v = unsafe_yyjson_get_next(v)) {
        lookup at = look_up(x, v);
        const lt_posting *p = at.route == BY_TERM ? posting_of(x, &at) : NULL;

        if (p)
            count += p->count;
        else if (at.route == BY_KEY)
            count += lt_order_between(x->order, lt_order_seek(x->order, at.key),
                                      key_end(x->order, at.key));
        out->others |= at.route == AMONG_OTHERS;
        out->all |= at.route == AMONG_ALL;
    }
    return count;
}

static void answer_match(const lt_pidx *x, const lt_cond *c, lt_answer *a)
{
    lt_listing l = mark_listed(x, c->values, a);

    if (l.all)
        mark_any(x, a->maybe, a);
    else if (l.others)
        mark(x->other, a->maybe, a);
}

/* A value that is not listed: those without a listed one have it, those with one only if they have
 * more than one. */
static void answer_except(const lt_pidx *x, const lt_cond *c, lt_answer *a)
{
    size_t n_words = lt_bits_words(a->n_slots);
    lt_listing l = mark_listed(x, c->values, a);

    if (l.all) {
        memset(a->sure, 0, n_words * sizeof *a->sure);
        mark_any(x, a->maybe, a);
        return;
    }
    mark(x->multi, a->maybe, a);
    mark_any(x, a->spare, a);
    for (size_t i = 0; i < n_words; i++) {
        a->maybe[i] &= a->sure[i]; /* listed, and more than one */
        a->sure[i] = a->spare[i] & ~a->sure[i];
    }
    if (l.others) { /* a listed value may be among the others, so those are unclear */
        mark(x->other, a->maybe, a);
        lt_bits_and_not(a->sure, a->maybe, n_words);
    }
}

/* ---- text ------------------------------------------------------------------------------------ */

const char *lt_term_token(const lt_term *t, size_t i, size_t *n)
{
    size_t start = i ? t->ends[i - 1] : 0;

    *n = t->ends[i] - start;
    return t->bytes + start;
}

/* Moves what stands in `sure` but is not certain to `maybe`: points with several texts, whose words
 * may be spread over them, and phrases, whose order the index does not know. */
static void doubt(const lt_pidx *x, const lt_cond *c, const lt_term *t, lt_answer *a)
{
    size_t n_words = lt_bits_words(a->n_slots);

    if (t->n_tokens == 1 || c->kind == LT_COND_TEXT_ANY)
        return;
    if (c->kind == LT_COND_PHRASE) {
        lt_bits_or(a->maybe, a->sure, n_words);
        memset(a->sure, 0, n_words * sizeof *a->sure);
        return;
    }
    mark(x->multi, a->maybe, a);
    lt_bits_and(a->maybe, a->sure, n_words);
    lt_bits_and_not(a->sure, a->maybe, n_words);
}

static void answer_tokens(const lt_pidx *x, const lt_cond *c, const lt_term *t, lt_answer *a)
{
    size_t n_words = lt_bits_words(a->n_slots), n;

    for (size_t i = 0; i < t->n_tokens; i++) {
        const char *token = lt_term_token(t, i, &n);
        const lt_posting *p = lt_terms_find(x->terms, token, n);
        bool first = c->kind == LT_COND_TEXT_ANY || i == 0;
        uint64_t *bits = first ? a->sure : a->spare;

        if (!first)
            memset(a->spare, 0, n_words * sizeof *a->spare);
        if (p)
            lt_posting_mark(p, bits, a->n_slots);
        if (!first)
            lt_bits_and(a->sure, a->spare, n_words);
    }
    doubt(x, c, t, a);
}

/* ---- strings of a keyword index -------------------------------------------------------------- */

typedef struct marking {
    lt_answer *a;
} marking;

static void mark_term(void *context, const lt_posting *p)
{
    const marking *m = context;

    lt_posting_mark(p, m->a->sure, m->a->n_slots);
}

static bool string_holds(const lt_cond *c, const lt_posting *p)
{
    int64_t us;

    if (c->kind == LT_COND_DATE_RANGE)
        return lt_datetime_parse(p->bytes, p->n_bytes, &us) && lt_range_holds_us(&c->range, us);
    return lt_words_hold(c, NULL, p->bytes, p->n_bytes);
}

/* A condition that looks at strings: the dictionary has each of them once. */
static void answer_strings(const lt_pidx *x, const lt_cond *c, lt_answer *a)
{
    marking m = {a};

    if (c->kind == LT_COND_PREFIX) {
        lt_terms_each_prefix(x->terms, c->text, c->text_len, mark_term, &m);
        return;
    }
    for (size_t i = 0; i < lt_terms_n(x->terms); i++) {
        const lt_posting *p = lt_terms_at(x->terms, i);

        if (p->count && string_holds(c, p))
            mark_term(&m, p);
    }
}

/* ---- ranges ---------------------------------------------------------------------------------- */

typedef struct limit {
    const lt_range *range;
    lt_payload_type type;
} limit;

static double number_of_key(lt_payload_type type, uint64_t key)
{
    return type == LT_PAYLOAD_FLOAT ? lt_float_of_key(key) : (double)lt_int_of_key(key);
}

static bool below_range(const void *context, uint64_t key)
{
    const limit *l = context;
    const lt_range *r = l->range;

    if (l->type == LT_PAYLOAD_DATETIME)
        return (r->has_gt && lt_int_of_key(key) <= r->gt_us) ||
               (r->has_gte && lt_int_of_key(key) < r->gte_us);
    double x = number_of_key(l->type, key);

    return (r->has_gt && x <= r->gt) || (r->has_gte && x < r->gte);
}

static bool not_above_range(const void *context, uint64_t key)
{
    const limit *l = context;
    const lt_range *r = l->range;

    if (l->type == LT_PAYLOAD_DATETIME)
        return (!r->has_lt || lt_int_of_key(key) < r->lt_us) &&
               (!r->has_lte || lt_int_of_key(key) <= r->lte_us);
    double x = number_of_key(l->type, key);

    return (!r->has_lt || x < r->lt) && (!r->has_lte || x <= r->lte);
}

void lt_pidx_find_range(const lt_pidx *x, const lt_cond *c, lt_order_at *from, lt_order_at *to)
{
    limit l = {&c->range, x->field->type};

    *from = lt_order_seek_if(x->order, below_range, &l);
    *to = lt_order_seek_if(x->order, not_above_range, &l);
}

/* Which type of index has the values that a range is about. */
bool lt_pidx_range_is_for(lt_cond_kind kind, lt_payload_type type)
{
    return kind == LT_COND_RANGE ? type == LT_PAYLOAD_INTEGER || type == LT_PAYLOAD_FLOAT
                                 : type == LT_PAYLOAD_DATETIME;
}

static void answer_range(const lt_pidx *x, const lt_cond *c, lt_answer *a)
{
    lt_order_at from, to;

    lt_pidx_find_range(x, c, &from, &to);
    mark_between(x->order, from, to, a);
    if (x->field->type == LT_PAYLOAD_INTEGER) /* floats, and integers of more than 63 bits */
        mark(x->other, a->maybe, a);
}

/* ---- conditions ------------------------------------------------------------------------------ */

/* Whether the strings at the path are in the index in a form that tells too little of them. */
static bool hides_strings(lt_payload_type type)
{
    return type == LT_PAYLOAD_DATETIME || type == LT_PAYLOAD_UUID || type == LT_PAYLOAD_TEXT;
}

/* A condition on values that the index does not know by themselves. */
static void answer_unknown(const lt_pidx *x, const lt_cond *c, lt_answer *a)
{
    bool strings = c->kind != LT_COND_RANGE && c->kind != LT_COND_GEO_RADIUS &&
                   c->kind != LT_COND_GEO_BOX && c->kind != LT_COND_GEO_POLYGON;

    if (strings && hides_strings(x->field->type))
        mark_any(x, a->maybe, a);
    else
        mark(x->other, a->maybe, a);
}

static void answer_count(const lt_pidx *x, const lt_cond *c, lt_answer *a)
{
    bool empties = lt_range_holds(&c->range, 0);

    mark(x->nonempty, empties ? a->sure : a->maybe, a);
    if (!empties)
        return;
    invert(a->sure, a->n_slots);
    mark(x->nonempty, a->maybe, a);
}

static void answer_presence(const lt_pidx *x, const lt_cond *c, lt_answer *a)
{
    bool empty = c->kind == LT_COND_IS_EMPTY;

    mark(empty ? x->nonempty : x->null, a->sure, a);
    if (empty != c->negated)
        invert(a->sure, a->n_slots);
}

bool lt_pidx_answer(const lt_pidx *x, const lt_cond *c, const lt_term *term, lt_answer *a)
{
    lt_payload_type type = x->field->type;

    switch (c->kind) {
    case LT_COND_MATCH:
        answer_match(x, c, a);
        return true;
    case LT_COND_EXCEPT:
        answer_except(x, c, a);
        return true;
    case LT_COND_TEXT:
    case LT_COND_TEXT_ANY:
    case LT_COND_PHRASE:
        if (type == LT_PAYLOAD_TEXT && term && term->field) {
            answer_tokens(x, c, term, a);
            return true;
        }
        break;
    case LT_COND_RANGE:
    case LT_COND_DATE_RANGE:
        if (lt_pidx_range_is_for(c->kind, type)) {
            answer_range(x, c, a);
            return true;
        }
        break;
    case LT_COND_GEO_RADIUS:
    case LT_COND_GEO_BOX:
    case LT_COND_GEO_POLYGON:
        if (type == LT_PAYLOAD_GEO) {
            lt_pidx_answer_place(x->order, c, a);
            return true;
        }
        break;
    case LT_COND_PREFIX:
        break;
    case LT_COND_VALUES_COUNT:
        answer_count(x, c, a);
        return true;
    case LT_COND_IS_EMPTY:
    case LT_COND_IS_NULL:
        answer_presence(x, c, a);
        return true;
    default:
        return false;
    }
    if (type == LT_PAYLOAD_KEYWORD && c->kind != LT_COND_RANGE && c->kind != LT_COND_GEO_RADIUS &&
        c->kind != LT_COND_GEO_BOX && c->kind != LT_COND_GEO_POLYGON)
        answer_strings(x, c, a);
    else
        answer_unknown(x, c, a);
    return true;
}
