/* SPDX-License-Identifier: Apache-2.0
 * Rankings that need no vector: by id, by a payload value, at random. Their score is 1. */
#include <base/mem.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

/* ---- by id ----------------------------------------------------------------------------------- */

typedef struct taking {
    lt_ranking *out;
    size_t limit;
    size_t cap;
    lt_arena *arena;
    bool full;
} taking;

static lt_status take_point(void *context, const lt_stored *s, lt_error *err)
{
    taking *t = context;

    if (t->out->n == t->limit) {
        t->full = true;
        return LT_ECANCELED; /* ends the walk; no error */
    }
    t->out->items =
        lt_arena_grow(t->arena, t->out->items, t->out->n, &t->cap, sizeof *t->out->items);
    if (!t->out->items)
        return lt_fail_nomem(err);
    t->out->items[t->out->n++] = (lt_ranked){.slot = s->slot, .score = 1};
    return LT_OK;
}

lt_status lt_rank_by_id(lt_asking *a, const lt_stage *stage, const lt_pool *pool, size_t limit,
                        lt_ranking *out, lt_error *err)
{
    taking t = {.out = out, .limit = limit, .arena = a->arena};
    const uint64_t *bits;

    (void)stage;
    LT_TRY(lt_pool_bits(a, pool, &bits, err));
    lt_status st = lt_reader_each(a->r, NULL, bits, take_point, &t, err);

    return t.full ? LT_OK : st;
}

/* ---- at random ------------------------------------------------------------------------------- */

lt_status lt_rank_sample(lt_asking *a, const lt_stage *stage, const lt_pool *pool, size_t limit,
                         lt_ranking *out, lt_error *err)
{
    const uint32_t *slots;
    size_t n;

    (void)stage;
    LT_TRY(lt_pool_slots(a, pool, NULL, &slots, &n, err));
    uint32_t *left = lt_arena_take(a->arena, n, sizeof *left);

    out->n = limit < n ? limit : n;
    out->items = lt_arena_alloc(a->arena, out->n, sizeof *out->items);
    if (!left || !out->items)
        return lt_fail_nomem(err);
    if (n)
        memcpy(left, slots, n * sizeof *left);
    for (size_t i = 0; i < out->n; i++) {
        size_t drawn = i + (size_t)lt_rng_below(&a->rng, n - i);

        out->items[i] = (lt_ranked){.slot = left[drawn], .score = 1};
        left[drawn] = left[i];
    }
    return LT_OK;
}

/* ---- by a payload value ---------------------------------------------------------------------- */

/* What the index at the key makes of values. */
typedef enum value_sort { SORT_INT, SORT_FLOAT, SORT_DATE } value_sort;

/* One value of one point. `turn` counts the points as they are met, in order of id. */
typedef struct entry {
    lt_order_value value;
    uint64_t turn;
    uint32_t slot;
} entry;

typedef struct ordering {
    lt_asking *a;
    const lt_order *order;
    value_sort sort;
    lt_order_value start;
    size_t limit; /* so many entries are wanted */
    uint64_t turn;
    uint32_t slot;
    entry *entries; /* up to twice as many as wanted, then the worse half goes */
    size_t n, cap;
    size_t n_before; /* entries when the point that is met now began */
    lt_error *err;
    lt_status status;
} ordering;

static int compare_values(const lt_order_value *x, const lt_order_value *y)
{
    if (x->kind == LT_ORDER_INT)
        return (x->i > y->i) - (x->i < y->i);
    return (x->d > y->d) - (x->d < y->d);
}

static int ascending(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int c = compare_values(&x->value, &y->value);

    return c ? c : (x->turn > y->turn) - (x->turn < y->turn);
}

static int descending(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int c = compare_values(&y->value, &x->value);

    return c ? c : (x->turn > y->turn) - (x->turn < y->turn);
}

static void sort_entries(ordering *o)
{
    if (o->n)
        qsort(o->entries, o->n, sizeof *o->entries, o->order->descending ? descending : ascending);
    if (o->n > o->limit)
        o->n = o->limit;
}

static bool value_of(value_sort sort, yyjson_val *v, lt_order_value *out)
{
    int64_t us;

    if (sort == SORT_INT && yyjson_is_int(v) &&
        (!yyjson_is_uint(v) || yyjson_get_uint(v) <= INT64_MAX)) {
        *out = (lt_order_value){.kind = LT_ORDER_INT, .i = yyjson_get_sint(v)};
        return true;
    }
    if (sort == SORT_FLOAT && yyjson_is_num(v)) {
        *out = (lt_order_value){.kind = LT_ORDER_FLOAT, .d = yyjson_get_num(v)};
        return true;
    }
    if (sort == SORT_DATE && yyjson_is_str(v) &&
        lt_datetime_parse(yyjson_get_str(v), yyjson_get_len(v), &us)) {
        *out = (lt_order_value){.kind = LT_ORDER_INT, .i = us};
        return true;
    }
    return false;
}

static bool starts_before(const ordering *o, const lt_order_value *v)
{
    int c = o->start.kind ? compare_values(v, &o->start) : 0;

    return o->order->descending ? c > 0 : c < 0;
}

static bool add_value(void *context, yyjson_val *json)
{
    ordering *o = context;
    lt_order_value v;

    if (!value_of(o->sort, json, &v) || starts_before(o, &v))
        return false;
    /* A value that the point has twice counts once. */
    for (size_t i = o->n_before; i < o->n; i++)
        if (compare_values(&o->entries[i].value, &v) == 0)
            return false;
    o->entries = lt_arena_grow(o->a->arena, o->entries, o->n, &o->cap, sizeof *o->entries);
    if (!o->entries) {
        o->status = lt_fail_nomem(o->err);
        return true;
    }
    o->entries[o->n++] = (entry){v, o->turn, o->slot};
    return false;
}

static lt_status add_point(void *context, const lt_stored *s, lt_error *err)
{
    ordering *o = context;
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    if (o->turn % 1024 == 0)
        LT_TRY(lt_asking_check(o->a, err));
    o->slot = s->slot;
    o->err = err;
    LT_TRY(lt_json_parse(s->payload, s->payload_len, "payload", &doc, err));
    if (o->n / 2 >= o->limit && o->n > 64)
        sort_entries(o);
    o->n_before = o->n;
    lt_value_at(yyjson_doc_get_root(doc), o->order->key, false, add_value, o);
    o->turn++;
    return o->status;
}

static lt_status find_sort(lt_asking *a, const lt_order *order, value_sort *out, lt_error *err)
{
    static const char *const names[] = {"integer", "float", "datetime"};
    const char *type = lt_reader_index_type(a->r, order->key);

    for (int i = 0; type && i < 3; i++) {
        if (strcmp(type, names[i]) == 0) {
            *out = (value_sort)i;
            return LT_OK;
        }
    }
    return lt_fail(err, LT_EINVAL,
                   "No range index for `order_by` key: `%s`. Please create one to use `order_by` "
                   "(integer, float or datetime)",
                   order->key);
}

/* `start_from` as the index's sort of value: an integer bound of whole numbers is rounded towards
 * what it leaves out. */
static lt_status find_start(ordering *o, lt_error *err)
{
    const lt_order *q = o->order;
    int64_t us;

    if (q->start == LT_START_NONE)
        return LT_OK;
    if ((q->start == LT_START_TEXT) != (o->sort == SORT_DATE) && q->start != LT_START_INT)
        return lt_fail(err, LT_EINVAL, "`start_from` does not suit the index of `%s`", q->key);
    if (q->start == LT_START_TEXT) {
        if (!lt_datetime_parse(q->start_text, strlen(q->start_text), &us))
            return lt_fail(err, LT_EINVAL, "`start_from` is not a date");
        o->start = (lt_order_value){.kind = LT_ORDER_INT, .i = us};
        return LT_OK;
    }
    double d = q->start == LT_START_INT ? (double)q->start_int : q->start_float;

    if (o->sort == SORT_FLOAT) {
        o->start = (lt_order_value){.kind = LT_ORDER_FLOAT, .d = d};
        return LT_OK;
    }
    o->start = (lt_order_value){.kind = LT_ORDER_INT, .i = q->start_int};
    if (q->start == LT_START_FLOAT) {
        d = q->descending ? floor(d) : ceil(d);
        o->start.i = d >= 9.2e18 ? INT64_MAX : d <= -9.2e18 ? INT64_MIN : (int64_t)d;
    }
    return LT_OK;
}

lt_status lt_rank_by_order(lt_asking *a, const lt_order *order, const lt_pool *pool, size_t limit,
                           lt_ranking *out, lt_error *err)
{
    ordering o = {.a = a, .order = order, .limit = limit};
    const uint64_t *bits;

    LT_TRY(find_sort(a, order, &o.sort, err));
    LT_TRY(find_start(&o, err));
    LT_TRY(lt_pool_bits(a, pool, &bits, err));
    LT_TRY(lt_reader_each(a->r, NULL, bits, add_point, &o, err));
    sort_entries(&o);
    out->n = o.n;
    out->items = lt_arena_alloc(a->arena, o.n, sizeof *out->items);
    if (!out->items)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < o.n; i++)
        out->items[i] =
            (lt_ranked){.slot = o.entries[i].slot, .score = 1, .order = o.entries[i].value};
    return LT_OK;
}

lt_status lt_rank_order(lt_asking *a, const lt_stage *stage, const lt_pool *pool, size_t limit,
                        lt_ranking *out, lt_error *err)
{
    return lt_rank_by_order(a, &stage->find.order, pool, limit, out, err);
}
