/* SPDX-License-Identifier: Apache-2.0
 * How many points have each value of a payload key. */
#include <base/mem.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "tally.h"

/* What the index at the key holds. */
typedef enum value_sort { SORT_TEXT, SORT_INT, SORT_BOOL, SORT_UUID } value_sort;

typedef struct counting {
    lt_asking *a;
    const char *key;
    value_sort sort;
    lt_tally tally;
    uint64_t *counts; /* by number of the value */
    uint64_t *last;   /* the turn in which the value was met last */
    size_t cap_counts, cap_last;
    uint64_t turn; /* counts the points, from 1 */
    char uuid[LT_ID_TEXT_MAX];
    lt_error *err;
    lt_status status;
} counting;

static bool value_of(counting *c, yyjson_val *v, lt_answer_value *out)
{
    lt_id id;

    if (c->sort == SORT_BOOL && yyjson_is_bool(v)) {
        *out = (lt_answer_value){.kind = LT_ANSWER_BOOL, .i = yyjson_get_bool(v)};
        return true;
    }
    if (c->sort == SORT_INT && yyjson_is_int(v) &&
        (!yyjson_is_uint(v) || yyjson_get_uint(v) <= INT64_MAX)) {
        *out = (lt_answer_value){.kind = LT_ANSWER_INT, .i = yyjson_get_sint(v)};
        return true;
    }
    if (c->sort == SORT_TEXT && yyjson_is_str(v)) {
        *out = (lt_answer_value){.kind = LT_ANSWER_TEXT, .text = yyjson_get_str(v),
                          .n_text = yyjson_get_len(v)};
        return true;
    }
    /* All spellings of a UUID are one value. */
    if (c->sort != SORT_UUID || !yyjson_is_str(v) ||
        lt_id_parse(yyjson_get_str(v), &id, NULL) != LT_OK || id.kind != LT_ID_UUID)
        return false;
    lt_id_format(&id, c->uuid);
    *out = (lt_answer_value){.kind = LT_ANSWER_TEXT, .text = c->uuid, .n_text = strlen(c->uuid)};
    return true;
}

static lt_status count_value(counting *c, const lt_answer_value *v)
{
    size_t number, n = c->tally.n;

    LT_TRY(lt_tally_number(&c->tally, v, &number, c->err));
    if (number == n) {
        c->counts = lt_arena_grow(c->a->arena, c->counts, n, &c->cap_counts, sizeof *c->counts);
        c->last = lt_arena_grow(c->a->arena, c->last, n, &c->cap_last, sizeof *c->last);
        if (!c->counts || !c->last)
            return lt_fail_nomem(c->err);
        c->counts[number] = c->last[number] = 0;
    }
    /* A value that the point has twice counts once. */
    c->counts[number] += c->last[number] != c->turn;
    c->last[number] = c->turn;
    return LT_OK;
}

static bool visit_value(void *context, yyjson_val *json)
{
    counting *c = context;
    lt_answer_value v;

    if (value_of(c, json, &v))
        c->status = count_value(c, &v);
    return c->status != LT_OK;
}

static lt_status visit_point(void *context, const lt_stored *s, lt_error *err)
{
    counting *c = context;
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    if (++c->turn % 1024 == 0)
        LT_TRY(lt_asking_check(c->a, err));
    c->err = err;
    LT_TRY(lt_json_parse(s->payload, s->payload_len, "payload", &doc, err));
    lt_value_at(yyjson_doc_get_root(doc), c->key, false, visit_value, c);
    return c->status;
}

static lt_status find_sort(lt_asking *a, const char *key, value_sort *out, lt_error *err)
{
    static const char *const names[] = {"keyword", "integer", "bool", "uuid"};
    const char *type = lt_reader_index_type(a->r, key);

    for (int i = 0; type && i < 4; i++) {
        if (strcmp(type, names[i]) == 0) {
            *out = (value_sort)i;
            return LT_OK;
        }
    }
    return lt_fail(err, LT_EINVAL,
                   "No appropriate index for faceting: `%s`. Please create one to facet on this "
                   "field (keyword, integer, bool or uuid)",
                   key);
}

static int more_first(const void *a, const void *b)
{
    const lt_facet_hit *x = a, *y = b;

    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return lt_answer_compare(&x->value, &y->value);
}

lt_status lt_run_facet(lt_asking *a, const lt_facet_request *q, lt_facet *out, lt_error *err)
{
    counting c = {.a = a, .key = q->key, .tally.arena = a->arena};
    const lt_pool pool = {.filter = q->filter};
    const uint64_t *bits;

    LT_TRY(find_sort(a, q->key, &c.sort, err));
    LT_TRY(lt_pool_bits(a, &pool, &bits, err));
    LT_TRY(lt_reader_each(a->r, NULL, bits, visit_point, &c, err));
    out->n = c.tally.n;
    out->hits = lt_arena_alloc(a->arena, out->n, sizeof *out->hits);
    if (!out->hits)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < out->n; i++)
        out->hits[i] = (lt_facet_hit){c.tally.values[i], c.counts[i]};
    if (out->n)
        qsort(out->hits, out->n, sizeof *out->hits, more_first);
    if (out->n > q->limit)
        out->n = q->limit;
    return LT_OK;
}
