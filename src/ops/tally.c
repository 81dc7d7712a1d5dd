/* SPDX-License-Identifier: Apache-2.0 */
#include "tally.h"

#include <base/error.h>
#include <base/hash.h>
#include <string.h>

static bool equal(const lt_answer_value *a, const lt_answer_value *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == LT_ANSWER_UINT)
        return a->u == b->u;
    if (a->kind != LT_ANSWER_TEXT)
        return a->i == b->i;
    return a->n_text == b->n_text && (a->n_text == 0 || memcmp(a->text, b->text, a->n_text) == 0);
}

static uint64_t hash_of(const lt_answer_value *v)
{
    if (v->kind == LT_ANSWER_TEXT)
        return lt_hash64(v->text, v->n_text);
    return v->kind == LT_ANSWER_UINT ? lt_hash64_seeded(&v->u, sizeof v->u, 1)
                                    : lt_hash64_seeded(&v->i, sizeof v->i, (uint64_t)v->kind);
}

/* The place of the value in the table, or the free one where it belongs. */
static size_t place_of(const lt_tally *t, const lt_answer_value *v)
{
    size_t place = (size_t)hash_of(v) & (t->n_places - 1);

    while (t->places[place] && !equal(&t->values[t->places[place] - 1], v))
        place = (place + 1) & (t->n_places - 1);
    return place;
}

static lt_status grow_table(lt_tally *t, lt_error *err)
{
    if (t->n * 2 < t->n_places)
        return LT_OK;
    t->n_places = t->n_places ? t->n_places * 2 : 64;
    t->places = lt_arena_alloc(t->arena, t->n_places, sizeof *t->places);
    if (!t->places)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < t->n; i++)
        t->places[place_of(t, &t->values[i])] = (uint32_t)i + 1;
    return LT_OK;
}

bool lt_tally_find(const lt_tally *t, const lt_answer_value *value, size_t *out)
{
    size_t place = t->n_places ? place_of(t, value) : 0;

    if (!t->n_places || !t->places[place])
        return false;
    *out = t->places[place] - 1;
    return true;
}

lt_status lt_tally_number(lt_tally *t, const lt_answer_value *value, size_t *out, lt_error *err)
{
    LT_TRY(grow_table(t, err));
    size_t place = place_of(t, value);

    if (t->places[place]) {
        *out = t->places[place] - 1;
        return LT_OK;
    }
    lt_answer_value copy = *value;

    if (copy.kind == LT_ANSWER_TEXT)
        copy.text = lt_arena_text(t->arena, value->text, value->n_text);
    t->values = lt_arena_grow(t->arena, t->values, t->n, &t->cap, sizeof *t->values);
    if (!t->values || (copy.kind == LT_ANSWER_TEXT && !copy.text))
        return lt_fail_nomem(err);
    t->values[t->n] = copy;
    t->places[place] = (uint32_t)t->n + 1;
    *out = t->n++;
    return LT_OK;
}
