/* SPDX-License-Identifier: Apache-2.0
 * Inside of a payload index, shared by the pidx files. */
#ifndef LT_INDEX_PIDX_PARTS_H
#define LT_INDEX_PIDX_PARTS_H

#include <filter/tree.h>
#include <roaring/roaring.h>

#include "pidx.h"
#include "pidx_order.h"
#include "pidx_terms.h"

struct lt_pidx {
    lt_payload_field *field;
    lt_terms *terms; /* keyword, bool, uuid, text */
    lt_order *order; /* integer, float, datetime, geo */
    /* Sets of slots, whatever the type of the index: */
    roaring_bitmap_t *typed;    /* with a value of the index's type */
    roaring_bitmap_t *other;    /* with a value of another type, not null */
    roaring_bitmap_t *multi;    /* with two values or more, not null */
    roaring_bitmap_t *nonempty; /* for which is_empty does not hold */
    roaring_bitmap_t *null;     /* for which is_null holds */
};

/* Two sets of slots, written by an answer; both begin empty. `spare` is room for a third. */
typedef struct lt_answer {
    uint64_t *sure, *maybe, *spare;
    size_t n_slots;
} lt_answer;

/* ---- pidx.c ---- */

/* The bytes that stand for a value in `terms`; false where it is of another type. */
typedef struct lt_term_bytes {
    const char *bytes;
    size_t n;
    uint8_t own[16];
} lt_term_bytes;
bool lt_pidx_term_of(lt_payload_type type, yyjson_val *v, lt_term_bytes *out);
/* The key of a value in `order`; false where it is of another type. */
bool lt_pidx_key_of(lt_payload_type type, yyjson_val *v, uint64_t *out);

/* ---- pidx_query.c ---- */

/* Answers a condition on the path of the index. false: the index knows nothing about it. */
bool lt_pidx_answer(const lt_pidx *x, const lt_cond *c, const lt_term *term, lt_answer *out);

/* ---- pidx_count.c ---- */

/* The same in numbers, without computing the sets. */
bool lt_pidx_count(const lt_pidx *x, const lt_cond *c, const lt_term *term, size_t n_points,
                   lt_estimate *out);

/* Where the values of a range begin and end; the index is of a type that range_is_for the kind. */
void lt_pidx_find_range(const lt_pidx *x, const lt_cond *c, lt_order_at *from, lt_order_at *to);
/* Which type of index has the values that a range is about. */
bool lt_pidx_range_is_for(lt_cond_kind kind, lt_payload_type type);
const char *lt_term_token(const lt_term *t, size_t i, size_t *n);
/* The points with exactly this value: at most `*others` and `*all` more may have it among those of
 * other types, or among all. */
typedef struct lt_listing {
    bool others, all; /* some listed value is to be sought there */
} lt_listing;
size_t lt_pidx_count_listed(const lt_pidx *x, yyjson_val *values, lt_listing *out);

/* What is expected lies between the bounds, whatever rounding made of it. */
static inline lt_estimate lt_estimate_in_order(lt_estimate e)
{
    e.expected = e.expected < e.min ? e.min : e.expected > e.max ? e.max : e.expected;
    return e;
}

/* ---- pidx_geo.c ---- */

uint64_t lt_key_of_place(double lat, double lon);
void lt_pidx_answer_place(const lt_order *o, const lt_cond *c, lt_answer *out);

#endif
