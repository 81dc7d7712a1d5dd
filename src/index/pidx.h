/* SPDX-License-Identifier: Apache-2.0
 * Payload indexes: from a condition on one path of the payload to the slots whose points satisfy
 * it, to the number of points a value has, and to the points in order of their values.
 *
 * An index is told of every payload under a slot, and of the old one before it changes. It answers
 * a condition with two sets: the slots that satisfy it for sure, and those that may, which have to
 * be looked at. Indexes are exact about values of their own type; values of other types at the
 * path are only known to be there.
 *
 * Threads: any number may ask, or one may change it. */
#ifndef LT_INDEX_PIDX_H
#define LT_INDEX_PIDX_H

#include <filter/field.h>
#include <filter/filter.h>
#include <latent.h>

#include "pidx_bits.h"

typedef struct lt_pidx lt_pidx;

/* An empty index as `field` declares it; it keeps a reference. */
lt_status lt_pidx_new(const lt_payload_field *field, lt_pidx **out, lt_error *err) LT_NODISCARD;
void lt_pidx_free(lt_pidx *x); /* NULL allowed */

/* `payload` is the root object (NULL: {}). After a failure (LT_ENOMEM, LT_ELIMIT) the index misses
 * values of this slot: it has to be made anew. */
lt_status lt_pidx_add(lt_pidx *x, uint32_t slot, yyjson_val *payload, lt_error *err) LT_NODISCARD;
/* `payload` is what was added. */
void lt_pidx_remove(lt_pidx *x, uint32_t slot, yyjson_val *payload);

size_t lt_pidx_n_points(const lt_pidx *x); /* that have a value of the index's type */
size_t lt_pidx_bytes(const lt_pidx *x);    /* memory, about */

/* ---- selection ---- */

/* What filters are answered from. Bitsets have n_slots bits. */
typedef struct lt_pidx_source {
    size_t n_slots;
    const uint64_t *living; /* the points there are */
    /* The index at a path, or NULL. */
    const lt_pidx *(*index_at)(void *context, const char *path);
    /* The slot of a point; false: there is none. NULL: not known. */
    bool (*slot_of)(void *context, const lt_id *id, uint32_t *slot);
    /* The points that have a vector. NULL, or a NULL result: not known. */
    const uint64_t *(*having)(void *context, const char *vector);
    void *context;
} lt_pidx_source;

/* How many points satisfy something. */
typedef struct lt_estimate {
    size_t min, expected, max;
} lt_estimate;

/* What was done about one condition. */
typedef struct lt_pidx_step {
    const char *kind;  /* "match", "range", ... */
    const char *key;   /* "" for a condition without one; borrowed from the filter */
    const char *index; /* type of the index that answered; NULL: points have to be looked at */
    size_t n_sure, n_maybe;
} lt_pidx_step;

enum { LT_PIDX_STEPS = 32 };

typedef struct lt_pidx_explain {
    lt_pidx_step steps[LT_PIDX_STEPS]; /* the first so many conditions */
    size_t n_steps, n_conditions;
} lt_pidx_explain;

/* Sets `sure` and `possible` (room for n_slots bits each, written whole): every point in `sure`
 * passes the filter, none outside `possible` does, those between have to be looked at.
 * `explain` may be NULL. */
lt_status lt_pidx_select(const lt_filter *filter, const lt_filter_binding *binding,
                         const lt_pidx_source *source, uint64_t *sure, uint64_t *possible,
                         lt_pidx_explain *explain, lt_error *err) LT_NODISCARD;
/* The same as numbers, from the indexes' counts alone: much cheaper. */
lt_estimate lt_pidx_estimate(const lt_filter *filter, const lt_filter_binding *binding,
                             const lt_pidx_source *source, size_t n_points);

/* ---- values ---- */

typedef enum lt_value_kind {
    LT_VALUE_TEXT, /* keyword */
    LT_VALUE_UUID,
    LT_VALUE_INT,
    LT_VALUE_FLOAT,
    LT_VALUE_BOOL,
    LT_VALUE_DATE /* microseconds since 1970 in `number` */
} lt_value_kind;

/* A value of an index; the text is borrowed. */
typedef struct lt_index_value {
    lt_value_kind kind;
    const char *text;
    size_t n_text;
    uint8_t uuid[16];
    int64_t number;
    double real;
    bool flag;
} lt_index_value;

/* Calls visit for each value with the number of points that have it, among those in `bits`
 * (n_slots bits; NULL: all), in no order, until it returns other than LT_OK. LT_EINVAL: an index of
 * this type does not count (float, datetime, geo, text). */
typedef lt_status (*lt_facet_visit)(void *context, const lt_index_value *value, size_t n_points,
                                    lt_error *err);
lt_status lt_pidx_facet(const lt_pidx *x, const uint64_t *bits, size_t n_slots,
                        lt_facet_visit visit, void *context, lt_error *err) LT_NODISCARD;

/* Whether the index can give points in order: integer, float, datetime. */
bool lt_pidx_is_ordered(const lt_pidx *x);
/* Calls visit for each pair of a value and a slot in order, from `from` on (inclusive; NULL: the
 * first), until it returns false. Equal values come in order of slots, either way. */
typedef bool (*lt_walk_visit)(void *context, const lt_index_value *value, uint32_t slot);
void lt_pidx_walk(const lt_pidx *x, bool descending, const lt_index_value *from,
                  lt_walk_visit visit, void *context);

/* The values of the index's type in a payload: what lt_pidx_add would index (not text, not geo).
 * Calls visit for each; a value may come twice. */
void lt_payload_field_values(const lt_payload_field *field, yyjson_val *payload,
                     void (*visit)(void *context, const lt_index_value *value), void *context);
/* Order of two values of one kind: < 0, 0, > 0. */
int lt_index_value_compare(const lt_index_value *a, const lt_index_value *b);
/* The same for numbers and dates, also of a float with an integer. */
int lt_index_value_compare_numbers(const lt_index_value *a, const lt_index_value *b);

#endif
