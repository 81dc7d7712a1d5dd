/* SPDX-License-Identifier: Apache-2.0
 * From an indexed path to its values: counts for facets, points in order. What the index cannot say
 * about this reader's points, is read from their payloads, also where there is no built index. */
#include <base/mem.h>
#include <stdlib.h>
#include <string.h>

#include "read.h"

static lt_payload_field *field_at(const lt_reader *r, const char *path)
{
    for (size_t i = 0; i < r->schema->n_indexes; i++)
        if (strcmp(r->schema->indexes[i].path, path) == 0)
            return r->schema->indexes[i].field;
    return NULL;
}

/* A list of values with a number each: points for facets, a slot for orders. */
typedef struct value_list {
    lt_reader *r;
    const lt_payload_field *field;
    lt_valued *items;
    size_t n, cap;
    uint32_t slot; /* being read */
    lt_status status;
    lt_error *err;
    /* orders: */
    const lt_index_value *from;
    bool descending;
    size_t limit;
} value_list;

static void list_done(value_list *l)
{
    lt_free(l->items);
}

/* Texts are copied: those of an index are the index's. */
static lt_status add(value_list *l, const lt_index_value *v, uint64_t number)
{
    lt_valued *more = lt_grow(l->items, l->n, &l->cap, sizeof *more);

    if (!more)
        return lt_fail_nomem(l->err);
    l->items = more;
    lt_valued *item = &l->items[l->n];

    *item = (lt_valued){*v, number};
    if (v->kind == LT_VALUE_TEXT) {
        char *copy = lt_arena_alloc(&l->r->arena, v->n_text + 1, 1);

        if (!copy)
            return lt_fail_nomem(l->err);
        memcpy(copy, v->text, v->n_text);
        copy[v->n_text] = '\0';
        item->value.text = copy;
    }
    l->n++;
    return LT_OK;
}

static int by_value(const void *a, const void *b)
{
    const lt_valued *x = a, *y = b;
    int c = lt_index_value_compare(&x->value, &y->value);

    return c ? c : x->number < y->number ? -1 : x->number > y->number;
}

/* ---- payloads -------------------------------------------------------------------------------- */

/* A value counts once a point, however often it is there: drops repeats among the items from
 * `first` on. */
static void drop_repeats(value_list *l, size_t first)
{
    size_t n = first;

    if (l->n - first > 1)
        qsort(l->items + first, l->n - first, sizeof *l->items, by_value);
    for (size_t i = first; i < l->n; i++)
        if (n == first || lt_index_value_compare(&l->items[n - 1].value, &l->items[i].value) != 0)
            l->items[n++] = l->items[i];
    l->n = n;
}

static bool is_before(const value_list *l, const lt_index_value *v)
{
    if (!l->from)
        return false;
    int c = lt_index_value_compare_numbers(v, l->from);

    return l->descending ? c > 0 : c < 0;
}

static void take_value(void *context, const lt_index_value *v)
{
    value_list *l = context;

    if (l->status == LT_OK && !is_before(l, v))
        l->status = add(l, v, l->limit ? l->slot : 1);
}

static lt_status read_point(void *context, const lt_key *key, const lt_record *record,
                            lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    value_list *l = context;
    size_t first = l->n;

    (void)key;
    LT_TRY(lt_json_parse(record->payload, record->payload_len, "payload", &doc, err));
    l->slot = record->slot;
    lt_payload_field_values(l->field, yyjson_doc_get_root(doc), take_value, l);
    drop_repeats(l, first);
    return l->status;
}

/* ---- both ways to begin ---------------------------------------------------------------------- */

/* Which points to ask for: `bits` or all that live. */
static const uint64_t *asked(const lt_reader *r, const uint64_t *bits)
{
    return bits ? bits : r->s.view->living;
}

static lt_status begin(lt_reader *r, const char *path, value_list *l, uint64_t **look,
                       lt_error *err)
{
    *l = (value_list){.r = r, .field = field_at(r, path), .err = err};
    if (!l->field)
        return lt_fail(err, LT_ENOTFOUND, "no payload index at '%.80s'", path);
    *look = lt_calloc(lt_bits_words((size_t)r->s.view->n_slots), sizeof **look);
    if (!*look)
        return lt_fail_nomem(err);
    return lt_reader_build_indexes(r, err);
}

/* ---- facets ---------------------------------------------------------------------------------- */

static lt_status take_count(void *context, const lt_index_value *v, size_t n_points, lt_error *err)
{
    (void)err;
    return add(context, v, n_points);
}

/* Adds up the counts of equal values. */
static void merge(value_list *l)
{
    size_t n = 0;

    if (l->n)
        qsort(l->items, l->n, sizeof *l->items, by_value);
    for (size_t i = 0; i < l->n; i++) {
        if (n && lt_index_value_compare(&l->items[n - 1].value, &l->items[i].value) == 0)
            l->items[n - 1].number += l->items[i].number;
        else
            l->items[n++] = l->items[i];
    }
    l->n = n;
}

static bool can_count(lt_payload_type type)
{
    return type == LT_PAYLOAD_KEYWORD || type == LT_PAYLOAD_INTEGER || type == LT_PAYLOAD_BOOL ||
           type == LT_PAYLOAD_UUID;
}

lt_status lt_reader_facet(lt_reader *r, const char *path, const uint64_t *bits, lt_valued **out,
                          size_t *n_out, lt_error *err)
{
    LT_CLEANUP(list_done) value_list l = {0};
    LT_AUTOFREE uint64_t *look = NULL;
    const uint64_t *points = asked(r, bits);
    size_t n_slots = (size_t)r->s.view->n_slots;

    LT_TRY(begin(r, path, &l, &look, err));
    if (!can_count(l.field->type))
        return lt_fail(err, LT_EINVAL, "an index of type %s does not count its values",
                       lt_payload_type_name(l.field->type));
    lt_status st = lt_pidx_state_facet(r->s.view->payload_index, path, points, n_slots, take_count,
                                       &l, look, err);

    if (st == LT_EUNSUPPORTED)
        memcpy(look, points, lt_bits_words(n_slots) * sizeof *look);
    else if (st != LT_OK)
        return st;
    LT_TRY(lt_reader_each_in(r, look, read_point, &l, err));
    merge(&l);
    *out = lt_steal(&l.items);
    *n_out = l.n;
    return LT_OK;
}

/* ---- orders ---------------------------------------------------------------------------------- */

/* Goes on through all that are equal to the last one wanted: their order is that of the ids. */
static bool take_pair(void *context, const lt_index_value *v, uint32_t slot)
{
    value_list *l = context;

    if (l->n >= l->limit && lt_index_value_compare(&l->items[l->n - 1].value, v) != 0)
        return false;
    l->status = add(l, v, slot);
    return l->status == LT_OK;
}

static void reverse(lt_valued *items, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        lt_valued swap = items[i];

        items[i] = items[n - 1 - i];
        items[n - 1 - i] = swap;
    }
}

typedef struct named {
    lt_key key;
    lt_valued item;
} named;

static int by_key(const void *a, const void *b)
{
    const lt_key *x = &((const named *)a)->key, *y = &((const named *)b)->key;
    int c = memcmp(x->bytes, y->bytes, x->n < y->n ? x->n : y->n);

    return c ? c : x->n < y->n ? -1 : x->n > y->n;
}

static lt_status sort_run(lt_reader *r, lt_valued *items, size_t n, lt_error *err)
{
    LT_AUTOFREE named *run = lt_calloc(n, sizeof *run);

    if (!run)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        run[i].item = items[i];
        LT_TRY(lt_reader_key(r, (uint32_t)items[i].number, &run[i].key, err));
    }
    qsort(run, n, sizeof *run, by_key);
    for (size_t i = 0; i < n; i++)
        items[i] = run[i].item;
    return LT_OK;
}

/* Equal values in order of id, as far as the limit reaches. */
static lt_status sort_ties(value_list *l, lt_error *err)
{
    for (size_t i = 0, end; i < l->n && i < l->limit; i = end) {
        for (end = i + 1; end < l->n && lt_index_value_compare(&l->items[end].value,
                                                               &l->items[i].value) == 0;)
            end++;
        if (end - i > 1)
            LT_TRY(sort_run(l->r, l->items + i, end - i, err));
    }
    l->n = l->n < l->limit ? l->n : l->limit;
    return LT_OK;
}

static bool can_order(const lt_payload_field *f)
{
    return f->type == LT_PAYLOAD_FLOAT || f->type == LT_PAYLOAD_DATETIME ||
           (f->type == LT_PAYLOAD_INTEGER && f->range);
}

lt_status lt_reader_order(lt_reader *r, const char *path, bool descending,
                          const lt_index_value *from, const uint64_t *bits, size_t limit,
                          lt_valued **out, size_t *n_out, lt_error *err)
{
    LT_CLEANUP(list_done) value_list l = {0};
    LT_AUTOFREE uint64_t *look = NULL;
    const uint64_t *points = asked(r, bits);
    size_t n_slots = (size_t)r->s.view->n_slots;

    LT_TRY(begin(r, path, &l, &look, err));
    if (!can_order(l.field))
        return lt_fail(err, LT_EINVAL, "an index of type %s has no order",
                       lt_payload_type_name(l.field->type));
    l.from = from;
    l.descending = descending;
    l.limit = limit ? limit : 1;
    lt_status st = lt_pidx_state_walk(r->s.view->payload_index, path, descending, from, points,
                                      n_slots, take_pair, &l, look, err);

    if (st == LT_EUNSUPPORTED)
        memcpy(look, points, lt_bits_words(n_slots) * sizeof *look);
    else if (st != LT_OK || l.status != LT_OK)
        return st != LT_OK ? st : l.status;
    LT_TRY(lt_reader_each_in(r, look, read_point, &l, err));
    if (l.n)
        qsort(l.items, l.n, sizeof *l.items, by_value);
    if (descending)
        reverse(l.items, l.n);
    LT_TRY(sort_ties(&l, err));
    l.n = limit ? l.n : 0;
    *out = lt_steal(&l.items);
    *n_out = l.n;
    return LT_OK;
}
