/* SPDX-License-Identifier: Apache-2.0
 * Points by id, page by page; counts. */
#include <base/mem.h>

#include "run.h"

/* ---- by id ----------------------------------------------------------------------------------- */

static lt_status show_slot(lt_asking *a, uint32_t slot, const lt_shown *shown, lt_row *out,
                           lt_error *err)
{
    LT_CLEANUP(lt_stored_done) lt_stored stored = {0};

    LT_TRY(lt_reader_load(a->r, slot, &stored, err));
    return lt_show_stored(a, a->r, &stored, shown, out, err);
}

lt_status lt_run_get(lt_asking *a, const lt_get_request *q, lt_rows *out, lt_error *err)
{
    size_t n_words = q->n_ids > 1 ? (lt_reader_n_slots(a->r) + 63) / 64 : 0;
    LT_AUTOFREE uint64_t *seen = lt_calloc(n_words, sizeof *seen);

    *out = (lt_rows){.items = lt_arena_alloc(a->arena, q->n_ids, sizeof *out->items)};
    if (!seen || !out->items)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < q->n_ids; i++) {
        uint32_t slot;
        lt_status st = lt_reader_slot(a->r, &q->ids[i], &slot, err);

        if (st == LT_ENOTFOUND)
            continue;
        LT_TRY(st);
        /* An id that is listed again is shown once. */
        if (n_words && (seen[slot / 64] >> slot % 64 & 1))
            continue;
        if (n_words)
            seen[slot / 64] |= (uint64_t)1 << slot % 64;
        LT_TRY(show_slot(a, slot, &q->shown, &out->items[out->n++], err));
    }
    return LT_OK;
}

/* ---- pages ----------------------------------------------------------------------------------- */

/* Points are first tried one by one, which is quick when most pass; when many do not, all that pass
 * are selected at once and the walk goes on among them. */
typedef struct paging {
    lt_asking *a;
    const lt_scroll_request *q;
    lt_page *page;
    size_t cap;
    bool selected;  /* the walk sees only points that pass */
    size_t n_tries; /* points to try before selecting */
    lt_id stopped_at;
    enum { WALKED_TO_END, PAGE_FULL, TRIED_ENOUGH } end;
} paging;

static lt_status page_point(void *context, const lt_stored *s, lt_error *err)
{
    paging *p = context;
    lt_rows *rows = &p->page->rows;
    bool passes = true;

    if (!p->selected && p->q->filter) {
        if (p->n_tries-- == 0) {
            p->stopped_at = s->id;
            p->end = TRIED_ENOUGH;
            return LT_ECANCELED; /* ends the walk; no error */
        }
        LT_TRY(lt_reader_passes(p->a->r, p->q->filter, s, &passes, err));
    }
    if (!passes)
        return LT_OK;
    if (rows->n == p->q->limit) {
        p->page->has_next = true;
        p->page->next = s->id;
        p->end = PAGE_FULL;
        return LT_ECANCELED;
    }
    rows->items = lt_arena_grow(p->a->arena, rows->items, rows->n, &p->cap, sizeof *rows->items);
    if (!rows->items)
        return lt_fail_nomem(err);
    return lt_show_stored(p->a, p->a->r, s, &p->q->shown, &rows->items[rows->n++], err);
}

static lt_status walk(paging *p, const lt_id *from, const uint64_t *bits, lt_error *err)
{
    p->end = WALKED_TO_END;
    lt_status st = lt_reader_each(p->a->r, from, bits, page_point, p, err);

    return p->end == WALKED_TO_END ? st : LT_OK;
}

static lt_status page_by_id(lt_asking *a, const lt_scroll_request *q, lt_page *out, lt_error *err)
{
    size_t limit = q->limit < 1000000 ? q->limit : 1000000;
    paging p = {.a = a, .q = q, .page = out, .n_tries = 256 + 4 * limit};
    LT_AUTOFREE uint64_t *bits = NULL;
    uint64_t n;

    LT_TRY(walk(&p, q->has_offset ? &q->offset : NULL, NULL, err));
    if (p.end != TRIED_ENOUGH)
        return LT_OK;
    p.selected = true;
    LT_TRY(lt_asking_check(a, err));
    LT_TRY(lt_reader_select(a->r, q->filter, NULL, &bits, &n, err));
    return walk(&p, &p.stopped_at, bits, err);
}

static lt_status page_by_value(lt_asking *a, const lt_scroll_request *q, lt_page *out,
                               lt_error *err)
{
    const lt_pool pool = {.filter = q->filter};
    lt_ranking ranking;

    if (q->has_offset)
        return lt_fail(err, LT_EINVAL,
                       "Cannot use an `offset` when using `order_by`. The alternative for paging "
                       "is to use `order_by.start_from` and a filter to exclude the IDs that "
                       "you've already seen for the `order_by.start_from` value");
    LT_TRY(lt_rank_by_order(a, &q->order, &pool, q->limit, &ranking, err));
    return lt_show(a, a->r, &ranking, &q->shown, &out->rows, err);
}

lt_status lt_run_scroll(lt_asking *a, const lt_scroll_request *q, lt_page *out, lt_error *err)
{
    *out = (lt_page){0};
    return q->order.key ? page_by_value(a, q, out, err) : page_by_id(a, q, out, err);
}

lt_status lt_run_count(lt_asking *a, const lt_count_request *q, uint64_t *out, lt_error *err)
{
    LT_AUTOFREE uint64_t *bits = NULL;

    if (q->filter)
        return lt_reader_select(a->r, q->filter, NULL, &bits, out, err);
    *out = lt_reader_n_points(a->r);
    return LT_OK;
}
