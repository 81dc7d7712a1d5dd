/* SPDX-License-Identifier: Apache-2.0
 * What prefetches found, scored anew by a formula. */
#include <base/mem.h>
#include <math.h>
#include <stdlib.h>

#include "formula.h"
#include "run.h"

/* A source by slot, to look scores up. */
typedef struct table {
    lt_ranked *items;
    size_t n;
} table;

static int by_slot(const void *a, const void *b)
{
    uint32_t x = ((const lt_ranked *)a)->slot, y = ((const lt_ranked *)b)->slot;

    return (x > y) - (x < y);
}

static lt_status make_table(lt_asking *a, const lt_ranking *source, table *out, lt_error *err)
{
    out->items = lt_arena_take(a->arena, source->n, sizeof *out->items);
    out->n = source->n;
    if (!out->items)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < source->n; i++)
        out->items[i] = source->items[i];
    if (out->n)
        qsort(out->items, out->n, sizeof *out->items, by_slot);
    return LT_OK;
}

static float score_in(const table *t, uint32_t slot)
{
    const lt_ranked want = {.slot = slot};
    const lt_ranked *found = t->n ? bsearch(&want, t->items, t->n, sizeof want, by_slot) : NULL;

    return found ? found->score : NAN;
}

typedef struct subject {
    lt_asking *a;
    const lt_stored *stored;
} subject;

static lt_status subject_passes(void *context, const lt_filter *filter, bool *out, lt_error *err)
{
    const subject *s = context;

    return lt_reader_passes(s->a->r, filter, s->stored, out, err);
}

static lt_status score_point(lt_asking *a, const lt_find *find, const lt_stored *stored,
                             const float *scores, size_t n_scores, float *out, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    subject s = {a, stored};
    lt_formula_point p = {.scores = scores, .n_scores = n_scores, .defaults = find->defaults,
                          .passes = subject_passes, .context = &s};
    double value;

    if (stored) {
        LT_TRY(lt_json_parse(stored->payload, stored->payload_len, "payload", &doc, err));
        p.payload = yyjson_doc_get_root(doc);
    }
    LT_TRY(lt_formula_value(find->formula, &p, &value, err));
    if (!isfinite((float)value))
        return lt_fail(err, LT_EINVAL, "The formula produced a non-finite number: %g", value);
    *out = (float)value;
    return LT_OK;
}

/* The slots that any source has, each once. */
static lt_status all_slots(lt_asking *a, const table *tables, size_t n_tables, uint32_t **slots,
                           size_t *n, lt_error *err)
{
    size_t at = 0;

    *n = 0;
    for (size_t i = 0; i < n_tables; i++)
        *n += tables[i].n;
    *slots = lt_arena_take(a->arena, *n, sizeof **slots);
    if (!*slots)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n_tables; i++)
        for (size_t j = 0; j < tables[i].n; j++)
            (*slots)[at++] = tables[i].items[j].slot;
    *n = lt_slots_sort(*slots, *n);
    return LT_OK;
}

lt_status lt_apply_formula(lt_asking *a, const lt_find *find, const lt_ranking *sources,
                           size_t n_sources, size_t limit, lt_ranking *out, lt_error *err)
{
    bool needs_point = lt_formula_needs_point(find->formula);
    table *tables = lt_arena_alloc(a->arena, n_sources, sizeof *tables);
    float *scores = lt_arena_alloc(a->arena, n_sources, sizeof *scores);
    uint32_t *slots;
    size_t n;

    if (!tables || !scores)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n_sources; i++)
        LT_TRY(make_table(a, &sources[i], &tables[i], err));
    LT_TRY(all_slots(a, tables, n_sources, &slots, &n, err));
    lt_scored *scored = lt_arena_take(a->arena, n, sizeof *scored);

    if (!scored)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        LT_CLEANUP(lt_stored_done) lt_stored stored = {0};

        for (size_t s = 0; s < n_sources; s++)
            scores[s] = score_in(&tables[s], slots[i]);
        if (needs_point)
            LT_TRY(lt_reader_load(a->r, slots[i], &stored, err));
        scored[i].slot = slots[i];
        LT_TRY(score_point(a, find, needs_point ? &stored : NULL, scores, n_sources,
                           &scored[i].score, err));
    }
    return lt_rank_top(a, scored, n, limit, out, err);
}
