/* SPDX-License-Identifier: Apache-2.0
 * The payload indexes of a collection, shared by all its committed states.
 *
 * There is one set of indexes, which is changed in place; a state (lt_pidx_state) is a name for
 * what it held after one commit. The set holds the newest. Which slots changed since the oldest
 * state that is still in use is written down, so an answer for an older state has only those to
 * look at again: answers are exact for every state, and none costs a copy.
 *
 * A set begins unbuilt, and is built by the first who needs it, from the points of a state; commits
 * that happen meanwhile are caught up with. Where it is not built, or was broken by a lack of memory
 * or by a commit that failed, every condition is answered with "may".
 *
 * Threads: any number of readers; commits one at a time. Readers and a commit exclude each other for
 * some hundred points at a time. */
#ifndef LT_INDEX_PIDX_SET_H
#define LT_INDEX_PIDX_SET_H

#include "pidx.h"

typedef struct lt_pidx_state lt_pidx_state;

/* The first state of a new, unbuilt set; keeps references to the fields. */
lt_status lt_pidx_state_new(lt_payload_field *const *fields, size_t n_fields, lt_pidx_state **out,
                            lt_error *err) LT_NODISCARD;
lt_pidx_state *lt_pidx_state_ref(lt_pidx_state *s);
void lt_pidx_state_unref(lt_pidx_state *s); /* NULL allowed */

/* The field at a path, for lt_filter_bind with the state as its context; NULL: none. */
const lt_payload_field *lt_pidx_state_field(void *state, const char *path);
size_t lt_pidx_state_n_fields(const lt_pidx_state *s);
const lt_payload_field *lt_pidx_state_field_at(const lt_pidx_state *s, size_t i);
/* How many points have a value of the i-th field; false: not built. The indexes are those of the newest
 * commit, and of a part of it while it is made; *exact (may be NULL): they are just this state's. */
bool lt_pidx_state_count(lt_pidx_state *s, size_t i, size_t *n_points, bool *exact);
bool lt_pidx_state_is_built(lt_pidx_state *s);
size_t lt_pidx_state_bytes(lt_pidx_state *s);

/* ---- commits ---- */

enum { LT_PIDX_NO_SLOT = UINT32_MAX };

/* One point's change; the payloads are JSON texts, not zero-terminated, NULL with no slot. */
typedef struct lt_pidx_change {
    uint32_t old_slot, new_slot; /* LT_PIDX_NO_SLOT: it was not, is not there */
    const char *old_payload, *new_payload;
    size_t old_len, new_len;
} lt_pidx_change;

/* The state after `old`, the newest. To be called before the commit; if that then fails, the new
 * state is given up, and the next call with `old` notices. */
lt_status lt_pidx_state_next(lt_pidx_state *old, const lt_pidx_change *changes, size_t n_changes,
                             lt_pidx_state **out, lt_error *err) LT_NODISCARD;

/* ---- building ---- */

typedef struct lt_pidx_builder lt_pidx_builder;
lt_status lt_pidx_builder_add(lt_pidx_builder *b, uint32_t slot, yyjson_val *payload,
                              lt_error *err) LT_NODISCARD;
/* Calls lt_pidx_builder_add for every point of the state. */
typedef lt_status (*lt_pidx_each_point)(void *context, lt_pidx_builder *b, lt_error *err);
/* Builds the set from the points of `s`, unless it is built or being built. */
lt_status lt_pidx_state_build(lt_pidx_state *s, lt_pidx_each_point each, void *context,
                              lt_error *err) LT_NODISCARD;

/* ---- answers, for the points of this state ---- */

/* As lt_pidx_select; `source` says what the state is (index_at is set here). `source->context` goes
 * to slot_of and having. */
lt_status lt_pidx_state_select(lt_pidx_state *s, const lt_filter *filter,
                               const lt_filter_binding *binding, const lt_pidx_source *source,
                               uint64_t *sure, uint64_t *possible, lt_pidx_explain *explain,
                               lt_error *err) LT_NODISCARD;
lt_estimate lt_pidx_state_estimate(lt_pidx_state *s, const lt_filter *filter,
                                   const lt_filter_binding *binding, size_t n_points);

/* As lt_pidx_facet and lt_pidx_walk over the index at `path`, among the slots in `bits` (n_slots
 * bits, no others): but those whose payload the index may know otherwise are left out, and their
 * bits set in `look` (room for n_slots bits, written whole). LT_EUNSUPPORTED: not built.
 * LT_ENOTFOUND: no such index. The visit must not come back here, and be quick: commits wait. */
lt_status lt_pidx_state_facet(lt_pidx_state *s, const char *path, const uint64_t *bits,
                              size_t n_slots, lt_facet_visit visit, void *context, uint64_t *look,
                              lt_error *err) LT_NODISCARD;
lt_status lt_pidx_state_walk(lt_pidx_state *s, const char *path, bool descending,
                             const lt_index_value *from, const uint64_t *bits, size_t n_slots,
                             lt_walk_visit visit, void *context, uint64_t *look,
                             lt_error *err) LT_NODISCARD;

#endif
