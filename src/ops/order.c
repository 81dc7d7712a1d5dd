/* SPDX-License-Identifier: Apache-2.0
 * Rankings that need no vector: by id, by a payload value, at random. Their score is 1. */
#include <base/mem.h>
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

/* `start_from` as a value; false: there is none. Numbers start integers and floats, dates dates; a
 * whole number starts anything. */
static lt_status find_start(const lt_order *q, bool dates, lt_index_value *out, bool *any,
                            lt_error *err)
{
    *any = q->start != LT_START_NONE;
    if (q->start == LT_START_INT) {
        *out = (lt_index_value){.kind = dates ? LT_VALUE_DATE : LT_VALUE_INT,
                                .number = q->start_int};
    } else if (q->start == LT_START_FLOAT && !dates) {
        *out = (lt_index_value){.kind = LT_VALUE_FLOAT, .real = q->start_float};
    } else if (q->start == LT_START_TEXT && dates) {
        *out = (lt_index_value){.kind = LT_VALUE_DATE};
        if (!lt_datetime_parse(q->start_text, strlen(q->start_text), &out->number))
            return lt_fail(err, LT_EINVAL, "`start_from` is not a date");
    } else if (*any) {
        return lt_fail(err, LT_EINVAL, "`start_from` does not suit the index of `%s`", q->key);
    }
    return LT_OK;
}

static lt_order_value order_value(const lt_index_value *v)
{
    return v->kind == LT_VALUE_FLOAT ? (lt_order_value){.kind = LT_ORDER_FLOAT, .d = v->real}
                                     : (lt_order_value){.kind = LT_ORDER_INT, .i = v->number};
}

lt_status lt_rank_by_order(lt_asking *a, const lt_order *order, const lt_pool *pool, size_t limit,
                           lt_ranking *out, lt_error *err)
{
    LT_AUTOFREE lt_valued *found = NULL;
    const char *type = lt_reader_index_type(a->r, order->key);
    lt_index_value start;
    const uint64_t *bits;
    bool any;

    LT_TRY(find_start(order, type && strcmp(type, "datetime") == 0, &start, &any, err));
    LT_TRY(lt_pool_bits(a, pool, &bits, err));
    lt_status st = lt_reader_order(a->r, order->key, order->descending, any ? &start : NULL, bits,
                                   limit, &found, &out->n, err);

    if (st == LT_ENOTFOUND || st == LT_EINVAL)
        return lt_fail(err, LT_EINVAL,
                       "No range index for `order_by` key: `%s`. Please create one to use "
                       "`order_by` (integer, float or datetime)",
                       order->key);
    LT_TRY(st);
    out->items = lt_arena_alloc(a->arena, out->n, sizeof *out->items);
    if (!out->items)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < out->n; i++)
        out->items[i] = (lt_ranked){.slot = (uint32_t)found[i].number,
                                    .score = 1,
                                    .order = order_value(&found[i].value)};
    return LT_OK;
}

lt_status lt_rank_order(lt_asking *a, const lt_stage *stage, const lt_pool *pool, size_t limit,
                        lt_ranking *out, lt_error *err)
{
    return lt_rank_by_order(a, &stage->find.order, pool, limit, out, err);
}
