/* SPDX-License-Identifier: Apache-2.0
 * The other way round: from an index to its values, with counts for facets and in order. */
#include <base/error.h>
#include <string.h>

#include "pidx_parts.h"

static lt_index_value value_of_term(lt_payload_type type, const lt_posting *p)
{
    lt_index_value v = {.kind = LT_VALUE_TEXT, .text = p->bytes, .n_text = p->n_bytes};

    if (type == LT_PAYLOAD_BOOL) {
        v = (lt_index_value){.kind = LT_VALUE_BOOL, .flag = p->bytes[0] != 0};
    } else if (type == LT_PAYLOAD_UUID) {
        v = (lt_index_value){.kind = LT_VALUE_UUID};
        memcpy(v.uuid, p->bytes, sizeof v.uuid);
    }
    return v;
}

static lt_index_value value_of_key(lt_payload_type type, uint64_t key)
{
    if (type == LT_PAYLOAD_FLOAT)
        return (lt_index_value){.kind = LT_VALUE_FLOAT, .real = lt_float_of_key(key)};
    return (lt_index_value){.kind = type == LT_PAYLOAD_INTEGER ? LT_VALUE_INT : LT_VALUE_DATE,
                            .number = lt_int_of_key(key)};
}

/* ---- facets ---------------------------------------------------------------------------------- */

static lt_status facet_terms(const lt_pidx *x, const uint64_t *bits, size_t n_slots,
                             lt_facet_visit visit, void *context, lt_error *err)
{
    for (size_t i = 0; i < lt_terms_n(x->terms); i++) {
        const lt_posting *p = lt_terms_at(x->terms, i);
        size_t n = bits ? lt_posting_count_in(p, bits, n_slots) : p->count;
        lt_index_value v = value_of_term(x->field->type, p);

        if (n > 0)
            LT_TRY(visit(context, &v, n, err));
    }
    return LT_OK;
}

static lt_status facet_keys(const lt_pidx *x, const uint64_t *bits, size_t n_slots,
                            lt_facet_visit visit, void *context, lt_error *err)
{
    lt_order_at at = lt_order_seek(x->order, 0);
    uint64_t key, last = 0;
    uint32_t slot;
    size_t n = 0;

    for (bool more = true; more;) {
        more = lt_order_next(x->order, &at, &key, &slot);
        if (n > 0 && (!more || key != last)) {
            lt_index_value v = value_of_key(x->field->type, last);

            LT_TRY(visit(context, &v, n, err));
            n = 0;
        }
        if (more) {
            last = key;
            n += !bits || (slot < n_slots && lt_bits_has(bits, slot));
        }
    }
    return LT_OK;
}

lt_status lt_pidx_facet(const lt_pidx *x, const uint64_t *bits, size_t n_slots,
                        lt_facet_visit visit, void *context, lt_error *err)
{
    switch (x->field->type) {
    case LT_PAYLOAD_KEYWORD:
    case LT_PAYLOAD_BOOL:
    case LT_PAYLOAD_UUID:
        return facet_terms(x, bits, n_slots, visit, context, err);
    case LT_PAYLOAD_INTEGER:
        return facet_keys(x, bits, n_slots, visit, context, err);
    default:
        return lt_fail(err, LT_EINVAL, "an index of type %s does not count its values",
                       lt_payload_type_name(x->field->type));
    }
}

/* ---- in order -------------------------------------------------------------------------------- */

bool lt_pidx_is_ordered(const lt_pidx *x)
{
    return x->field->type == LT_PAYLOAD_FLOAT || x->field->type == LT_PAYLOAD_DATETIME ||
           (x->field->type == LT_PAYLOAD_INTEGER && x->field->range);
}

/* Before the first pair with a value of at least `from` (`above`: of more). */
typedef struct start {
    lt_payload_type type;
    const lt_index_value *from;
    bool above;
} start;

static bool before_start(const void *context, uint64_t key)
{
    const start *s = context;
    lt_index_value v = value_of_key(s->type, key);
    int c = lt_index_value_compare_numbers(&v, s->from);

    return c < 0 || (s->above && c == 0);
}

static bool visit_group(const lt_pidx *x, lt_order_at from, lt_order_at to, lt_walk_visit visit,
                        void *context)
{
    uint64_t key;
    uint32_t slot;

    while ((from.block < to.block || (from.block == to.block && from.i < to.i)) &&
           lt_order_next(x->order, &from, &key, &slot)) {
        lt_index_value v = value_of_key(x->field->type, key);

        if (!visit(context, &v, slot))
            return false;
    }
    return true;
}

/* Value by value from the end; within a value slots still ascend. */
static void walk_down(const lt_pidx *x, lt_order_at end, lt_walk_visit visit, void *context)
{
    uint64_t key;
    uint32_t slot;

    for (lt_order_at at = end; lt_order_back(x->order, &at, &key, &slot); end = at) {
        at = lt_order_seek(x->order, key);
        if (!visit_group(x, at, end, visit, context))
            return;
    }
}

void lt_pidx_walk(const lt_pidx *x, bool descending, const lt_index_value *from,
                  lt_walk_visit visit, void *context)
{
    start s = {x->field->type, from, descending};
    lt_order_at at = descending ? lt_order_end(x->order) : lt_order_seek(x->order, 0);

    if (from)
        at = lt_order_seek_if(x->order, before_start, &s);
    if (descending)
        walk_down(x, at, visit, context);
    else
        (void)visit_group(x, at, lt_order_end(x->order), visit, context);
}

/* ---- the values of one payload --------------------------------------------------------------- */

typedef struct reading {
    const lt_payload_field *field;
    void (*visit)(void *context, const lt_index_value *value);
    void *context;
} reading;

static bool read_value(void *context, yyjson_val *v)
{
    const reading *r = context;
    lt_payload_type type = r->field->type;
    lt_term_bytes term;
    uint64_t key;

    if (lt_pidx_term_of(type, v, &term)) {
        lt_posting p = {.bytes = (char *)(uintptr_t)term.bytes, .n_bytes = (uint32_t)term.n};
        lt_index_value value = value_of_term(type, &p);

        r->visit(r->context, &value);
    } else if (type != LT_PAYLOAD_GEO && lt_pidx_key_of(type, v, &key)) {
        lt_index_value value = value_of_key(type, key);

        r->visit(r->context, &value);
    }
    return false;
}

void lt_payload_field_values(const lt_payload_field *field, yyjson_val *payload,
                     void (*visit)(void *context, const lt_index_value *value), void *context)
{
    reading r = {field, visit, context};

    (void)lt_value_at(payload, field->path, false, read_value, &r);
}

int lt_index_value_compare(const lt_index_value *a, const lt_index_value *b)
{
    size_t n = a->n_text < b->n_text ? a->n_text : b->n_text;
    int c;

    switch (a->kind) {
    case LT_VALUE_TEXT:
        c = n ? memcmp(a->text, b->text, n) : 0;
        return c ? c : a->n_text < b->n_text ? -1 : a->n_text > b->n_text;
    case LT_VALUE_UUID:
        return memcmp(a->uuid, b->uuid, sizeof a->uuid);
    case LT_VALUE_FLOAT:
        return a->real < b->real ? -1 : a->real > b->real;
    case LT_VALUE_BOOL:
        return (int)a->flag - (int)b->flag;
    default:
        return a->number < b->number ? -1 : a->number > b->number;
    }
}

int lt_index_value_compare_numbers(const lt_index_value *a, const lt_index_value *b)
{
    if (a->kind == b->kind)
        return lt_index_value_compare(a, b);
    double x = a->kind == LT_VALUE_FLOAT ? a->real : (double)a->number;
    double y = b->kind == LT_VALUE_FLOAT ? b->real : (double)b->number;

    return x < y ? -1 : x > y;
}
