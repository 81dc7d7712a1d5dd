/* SPDX-License-Identifier: Apache-2.0
 * An open-addressing hash table of numbers of terms (+1; 0 is free). A term that nobody has any more
 * stays, since it may come back; when most are such, the dictionary is made anew. */
#include "pidx_terms.h"

#include <base/error.h>
#include <base/hash.h>
#include <base/mem.h>
#include <string.h>

#include "pidx_bits.h"
#include "pidx_order.h"

struct lt_terms {
    lt_posting *items;
    size_t n, cap, n_unused;
    uint32_t *table; /* a power of two of them, at most half full */
    size_t n_table;
    size_t text_bytes;
    lt_order *sorted; /* first eight bytes -> number of the term; NULL: not kept */
};

lt_terms *lt_terms_new(bool sorted)
{
    lt_terms *t = lt_calloc(1, sizeof *t);

    if (t && sorted && !(t->sorted = lt_order_new())) {
        lt_free(t);
        return NULL;
    }
    return t;
}

void lt_terms_free(lt_terms *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++) {
        if (t->items[i].count > 1)
            roaring_bitmap_free(t->items[i].many);
        lt_free(t->items[i].bytes);
    }
    lt_order_free(t->sorted);
    lt_free(t->items);
    lt_free(t->table);
    lt_free(t);
}

/* ---- the table ------------------------------------------------------------------------------- */

/* Where the term is in the table, or the free place where it would be. */
static size_t table_place(const lt_terms *t, const char *bytes, size_t n)
{
    size_t at = (size_t)lt_hash64(bytes, n) & (t->n_table - 1);

    for (; t->table[at]; at = (at + 1) & (t->n_table - 1)) {
        const lt_posting *p = &t->items[t->table[at] - 1];

        if (p->n_bytes == n && memcmp(p->bytes, bytes, n) == 0)
            break;
    }
    return at;
}

static lt_status grow_table(lt_terms *t, lt_error *err)
{
    size_t n_table = t->n_table ? t->n_table * 2 : 64;
    uint32_t *table = lt_calloc(n_table, sizeof *table);

    if (!table)
        return lt_fail_nomem(err);
    lt_free(t->table);
    t->table = table;
    t->n_table = n_table;
    for (size_t i = 0; i < t->n; i++)
        table[table_place(t, t->items[i].bytes, t->items[i].n_bytes)] = (uint32_t)i + 1;
    return LT_OK;
}

/* The first eight bytes as a number, so that the order of numbers is that of the bytes. */
static uint64_t head_of(const char *bytes, size_t n, uint8_t fill)
{
    uint64_t head = 0;

    for (size_t i = 0; i < 8; i++)
        head = head << 8 | (i < n ? (uint8_t)bytes[i] : fill);
    return head;
}

static lt_status add_term(lt_terms *t, const char *bytes, size_t n, lt_posting **out, lt_error *err)
{
    if (n > UINT32_MAX || t->n >= UINT32_MAX - 1)
        return lt_fail(err, LT_ELIMIT, "payload index: too many or too long values");
    lt_posting *more = lt_grow(t->items, t->n, &t->cap, sizeof *more);

    if (!more)
        return lt_fail_nomem(err);
    t->items = more;
    char *copy = lt_strndup(bytes, n);

    if (!copy)
        return lt_fail_nomem(err);
    lt_status st = t->sorted
                       ? lt_order_add(t->sorted, head_of(bytes, n, 0), (uint32_t)t->n, err)
                       : LT_OK;

    if (st != LT_OK) {
        lt_free(copy);
        return st;
    }
    t->items[t->n] = (lt_posting){.bytes = copy, .n_bytes = (uint32_t)n};
    t->table[table_place(t, bytes, n)] = (uint32_t)t->n + 1;
    *out = &t->items[t->n++];
    t->n_unused++;
    t->text_bytes += n + 1;
    return LT_OK;
}

/* ---- postings -------------------------------------------------------------------------------- */

static lt_status posting_add(lt_posting *p, uint32_t slot, lt_error *err)
{
    if (p->count == 0) {
        p->slot = slot;
        p->count = 1;
        return LT_OK;
    }
    if (p->count == 1) {
        uint32_t first = p->slot;

        if (first == slot)
            return LT_OK;
        roaring_bitmap_t *many = roaring_bitmap_create();

        if (!many)
            return lt_fail_nomem(err);
        roaring_bitmap_add(many, first);
        p->many = many;
    }
    p->count += roaring_bitmap_add_checked(p->many, slot);
    return LT_OK;
}

static void posting_remove(lt_posting *p, uint32_t slot)
{
    if (p->count == 1) {
        p->count = p->slot != slot;
    } else if (p->count > 1 && roaring_bitmap_remove_checked(p->many, slot) && --p->count == 1) {
        uint32_t last = roaring_bitmap_minimum(p->many);

        roaring_bitmap_free(p->many);
        p->slot = last;
    }
}

lt_status lt_terms_add(lt_terms *t, const char *bytes, size_t n, uint32_t slot, lt_error *err)
{
    lt_posting *p = NULL;

    if ((t->n + 1) * 2 > t->n_table)
        LT_TRY(grow_table(t, err));
    size_t at = table_place(t, bytes, n);

    if (t->table[at])
        p = &t->items[t->table[at] - 1];
    else
        LT_TRY(add_term(t, bytes, n, &p, err));
    bool unused = p->count == 0;

    LT_TRY(posting_add(p, slot, err));
    t->n_unused -= unused;
    return LT_OK;
}

/* Gives the places of unused terms to others. Without memory it is left for another time. */
static void compact(lt_terms *t)
{
    lt_order *sorted = t->sorted ? lt_order_new() : NULL;
    size_t n = 0;

    if (t->sorted && !sorted)
        return;
    for (size_t i = 0; sorted && i < t->n; i++) {
        const lt_posting *p = &t->items[i];

        if (p->count && lt_order_add(sorted, head_of(p->bytes, p->n_bytes, 0), (uint32_t)n++,
                                     NULL) != LT_OK) {
            lt_order_free(sorted);
            return;
        }
    }
    n = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (t->items[i].count) {
            t->items[n++] = t->items[i];
        } else {
            t->text_bytes -= t->items[i].n_bytes + 1;
            lt_free(t->items[i].bytes);
        }
    }
    t->n = n;
    t->n_unused = 0;
    lt_order_free(t->sorted);
    t->sorted = sorted;
    memset(t->table, 0, t->n_table * sizeof *t->table);
    for (size_t i = 0; i < t->n; i++)
        t->table[table_place(t, t->items[i].bytes, t->items[i].n_bytes)] = (uint32_t)i + 1;
}

void lt_terms_remove(lt_terms *t, const char *bytes, size_t n, uint32_t slot)
{
    size_t at = t->n ? table_place(t, bytes, n) : 0;

    if (t->n == 0 || !t->table[at])
        return;
    lt_posting *p = &t->items[t->table[at] - 1];
    bool used = p->count > 0;

    posting_remove(p, slot);
    t->n_unused += used && p->count == 0;
    if (t->n_unused > 1024 && t->n_unused > t->n / 2)
        compact(t);
}

/* ---- reading --------------------------------------------------------------------------------- */

const lt_posting *lt_terms_find(const lt_terms *t, const char *bytes, size_t n)
{
    size_t at = t->n ? table_place(t, bytes, n) : 0;
    const lt_posting *p = t->n && t->table[at] ? &t->items[t->table[at] - 1] : NULL;

    return p && p->count ? p : NULL;
}

size_t lt_terms_n(const lt_terms *t)
{
    return t->n;
}

const lt_posting *lt_terms_at(const lt_terms *t, size_t i)
{
    return &t->items[i];
}

void lt_terms_each_prefix(const lt_terms *t, const char *prefix, size_t n,
                          void (*visit)(void *context, const lt_posting *p), void *context)
{
    uint64_t last = head_of(prefix, n, 0xff), key;
    lt_order_at at = lt_order_seek(t->sorted, head_of(prefix, n, 0));
    uint32_t number;

    while (lt_order_next(t->sorted, &at, &key, &number) && key <= last) {
        const lt_posting *p = &t->items[number];

        if (p->count && p->n_bytes >= n && memcmp(p->bytes, prefix, n) == 0)
            visit(context, p);
    }
}

/* An estimate: the bitmaps are asked for what they would take when written. */
size_t lt_terms_bytes(const lt_terms *t)
{
    size_t bytes = sizeof *t + t->cap * sizeof *t->items + t->n_table * sizeof *t->table +
                   t->text_bytes + (t->sorted ? lt_order_bytes(t->sorted) : 0);

    for (size_t i = 0; i < t->n; i++)
        if (t->items[i].count > 1)
            bytes += roaring_bitmap_portable_size_in_bytes(t->items[i].many) +
                     sizeof *t->items[i].many;
    return bytes;
}

enum { AT_ONCE = 256 };

void lt_roaring_mark(const roaring_bitmap_t *r, uint64_t *bits, size_t n_slots)
{
    roaring_uint32_iterator_t it;
    uint32_t slots[AT_ONCE], n;

    roaring_init_iterator(r, &it);
    while ((n = roaring_read_uint32_iterator(&it, slots, AT_ONCE)) > 0)
        for (uint32_t i = 0; i < n && slots[i] < n_slots; i++)
            lt_bits_set(bits, slots[i]);
}

void lt_posting_mark(const lt_posting *p, uint64_t *bits, size_t n_slots)
{
    if (p->count == 1 && p->slot < n_slots)
        lt_bits_set(bits, p->slot);
    else if (p->count > 1)
        lt_roaring_mark(p->many, bits, n_slots);
}

size_t lt_posting_count_in(const lt_posting *p, const uint64_t *bits, size_t n_slots)
{
    roaring_uint32_iterator_t it;
    uint32_t slots[AT_ONCE], n;
    size_t found = 0;

    if (p->count <= 1)
        return p->count && p->slot < n_slots && lt_bits_has(bits, p->slot);
    roaring_init_iterator(p->many, &it);
    while ((n = roaring_read_uint32_iterator(&it, slots, AT_ONCE)) > 0)
        for (uint32_t i = 0; i < n && slots[i] < n_slots; i++)
            found += lt_bits_has(bits, slots[i]);
    return found;
}
