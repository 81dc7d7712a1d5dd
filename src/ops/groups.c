/* SPDX-License-Identifier: Apache-2.0
 * The best points by groups: a group is a value at a payload path. Groups come in the order of
 * their best points, so the first `limit` values met in the ranking are the groups; the ranking is
 * made longer until they are full or there is no more. */
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>

#include "run.h"
#include "tally.h"

typedef struct grouping {
    lt_asking *a;
    const lt_query_request *q;
    lt_tally tally;
    lt_group *groups; /* by number of their value */
    size_t n_full;
    /* the values of the point that is met now */
    lt_answer_value *values;
    size_t n_values, cap_values;
    bool unfit; /* one of them is no string and no integer: the point is in no group */
    bool no_memory;
} grouping;

static bool collect_value(void *context, yyjson_val *v)
{
    grouping *g = context;
    lt_answer_value value = {0};

    if (yyjson_is_str(v)) {
        value = (lt_answer_value){.kind = LT_ANSWER_TEXT, .text = yyjson_get_str(v),
                           .n_text = yyjson_get_len(v)};
    } else if (yyjson_is_uint(v)) {
        value = (lt_answer_value){.kind = LT_ANSWER_UINT, .u = yyjson_get_uint(v)};
    } else if (yyjson_is_sint(v)) {
        value = (lt_answer_value){.kind = LT_ANSWER_INT, .i = yyjson_get_sint(v)};
    } else {
        g->unfit = true;
        return true;
    }
    g->values = lt_arena_grow(g->a->arena, g->values, g->n_values, &g->cap_values,
                              sizeof *g->values);
    g->no_memory = !g->values;
    if (g->values)
        g->values[g->n_values++] = value;
    return g->no_memory;
}

/* The group of a value, made now when there is still room for one more; NULL when not. */
static lt_status group_for(grouping *g, const lt_answer_value *value, lt_group **out, lt_error *err)
{
    size_t n = g->tally.n, number;

    *out = NULL;
    if (n == g->q->stage.limit) {
        if (lt_tally_find(&g->tally, value, &number))
            *out = &g->groups[number];
        return LT_OK;
    }
    LT_TRY(lt_tally_number(&g->tally, value, &number, err));
    *out = &g->groups[number];
    if (number == n)
        **out = (lt_group){.id = g->tally.values[number]};
    return LT_OK;
}

static lt_status add_hit(grouping *g, lt_group *group, const lt_row *row, lt_error *err)
{
    lt_rows *hits = &group->hits;

    hits->items =
        lt_arena_grow(g->a->arena, hits->items, hits->n, &group->cap, sizeof *hits->items);
    if (!hits->items)
        return lt_fail_nomem(err);
    hits->items[hits->n++] = *row;
    g->n_full += hits->n == g->q->group_size;
    return LT_OK;
}

/* A value that the point has twice puts it into the group once. */
static bool is_last_hit(const lt_group *group, const lt_stored *s)
{
    size_t n = group->hits.n;

    return n && lt_id_compare(&group->hits.items[n - 1].id, &s->id) == 0;
}

static lt_status place_point(grouping *g, const lt_stored *s, float score, lt_error *err)
{
    lt_row row;
    bool shown = false;

    for (size_t i = 0; i < g->n_values; i++) {
        lt_group *group;

        LT_TRY(group_for(g, &g->values[i], &group, err));
        if (!group || group->hits.n == g->q->group_size || is_last_hit(group, s))
            continue;
        if (!shown)
            LT_TRY(lt_show_stored(g->a, g->a->r, s, &g->q->shown, &row, err));
        shown = true;
        row.score = score;
        LT_TRY(add_hit(g, group, &row, err));
    }
    return LT_OK;
}

static lt_status add_point(grouping *g, const lt_ranked *ranked, lt_error *err)
{
    LT_CLEANUP(lt_stored_done) lt_stored stored = {0};
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    LT_TRY(lt_reader_load(g->a->r, ranked->slot, &stored, err));
    LT_TRY(lt_json_parse(stored.payload, stored.payload_len, "payload", &doc, err));
    g->n_values = 0;
    g->unfit = false;
    lt_value_at(yyjson_doc_get_root(doc), g->q->group_by, false, collect_value, g);
    if (g->no_memory)
        return lt_fail_nomem(err);
    return g->unfit ? LT_OK : place_point(g, &stored, ranked->score, err);
}

static bool is_done(const grouping *g)
{
    return g->tally.n == g->q->stage.limit && g->n_full == g->tally.n;
}

/* Groups the `k` best points. *all: there are no more. */
static lt_status group_best(grouping *g, lt_stage *stage, size_t k, bool *all, lt_error *err)
{
    lt_ranking ranking;

    g->tally = (lt_tally){.arena = g->a->arena};
    g->n_full = 0;
    stage->limit = k;
    LT_TRY(lt_run_stage(g->a, stage, &ranking, err));
    *all = ranking.n < k;
    for (size_t i = 0; i < ranking.n && !is_done(g); i++)
        LT_TRY(add_point(g, &ranking.items[i], err));
    return LT_OK;
}

/* A copy of the stages whose prefetches bring all they can: their limits were meant for points, not
 * for groups. */
static lt_status widen(lt_asking *a, const lt_stage *stage, lt_stage *out, lt_error *err)
{
    *out = *stage;
    out->prefetches = lt_arena_alloc(a->arena, stage->n_prefetches, sizeof *out->prefetches);
    if (!out->prefetches)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < stage->n_prefetches; i++) {
        LT_TRY(widen(a, &stage->prefetches[i], &out->prefetches[i], err));
        out->prefetches[i].limit = SIZE_MAX / 4;
    }
    return LT_OK;
}

static lt_status look_up(lt_asking *a, const lt_query_request *q, lt_group *group, lt_error *err)
{
    LT_CLEANUP(lt_stored_done) lt_stored stored = {0};
    lt_reader *r;
    lt_id id = lt_id_from_num(group->id.u);
    uint32_t slot;

    LT_TRY(lt_asking_reader(a, q->lookup, &r, err));
    if (group->id.kind == LT_ANSWER_INT)
        return LT_OK;
    if (group->id.kind == LT_ANSWER_TEXT &&
        (lt_id_parse(group->id.text, &id, NULL) != LT_OK || id.kind != LT_ID_UUID))
        return LT_OK;
    lt_status st = lt_reader_slot(r, &id, &slot, err);

    if (st == LT_ENOTFOUND)
        return LT_OK;
    LT_TRY(st);
    LT_TRY(lt_reader_load(r, slot, &stored, err));
    group->lookup = lt_arena_alloc(a->arena, 1, sizeof *group->lookup);
    if (!group->lookup)
        return lt_fail_nomem(err);
    return lt_show_stored(a, r, &stored, &q->lookup_shown, group->lookup, err);
}

lt_status lt_run_groups(lt_asking *a, const lt_query_request *asked, lt_groups *out, lt_error *err)
{
    lt_query_request q = *asked;
    grouping g = {.a = a, .q = &q};
    lt_stage stage;
    bool all = false;
    lt_reader *checked;

    if (q.stage.limit > LT_LIMIT_GROUPS)
        q.stage.limit = LT_LIMIT_GROUPS;
    LT_TRY(lt_asking_reader(a, q.lookup, &checked, err));
    LT_TRY(widen(a, &q.stage, &stage, err));
    g.groups = lt_arena_alloc(a->arena, q.stage.limit, sizeof *g.groups);
    if (!g.groups)
        return lt_fail_nomem(err);
    size_t per = q.group_size < LT_LIMIT_GROUPS ? q.group_size : LT_LIMIT_GROUPS;

    for (size_t k = 64 + 2 * q.stage.limit * per; !all && !is_done(&g);
         k = k < SIZE_MAX / 32 ? k * 4 : SIZE_MAX / 8)
        LT_TRY(group_best(&g, &stage, k, &all, err));
    for (size_t i = 0; q.lookup && i < g.tally.n; i++)
        LT_TRY(look_up(a, &q, &g.groups[i], err));
    *out = (lt_groups){g.groups, g.tally.n};
    return LT_OK;
}
