/* SPDX-License-Identifier: Apache-2.0
 * Payload indexes of one view. The engine calls
 *   lt_payload_index_load    when a collection is opened, or a commit changed the schema;
 *   lt_payload_index_apply   once a committed group, with every point whose payload or slot changed,
 *                            in the order in which they changed; by the leader of writes, before
 *                            the group is committed: what it makes is published with the view.
 * An index is immutable once it is made, so that a reader's is that of its snapshot; what is
 * unchanged should be shared between the old and the new one. */
#ifndef LT_ENGINE_PAYLOAD_INDEX_H
#define LT_ENGINE_PAYLOAD_INDEX_H

#include <store/table.h>

#include "schema.h"

typedef struct lt_payload_index lt_payload_index;

enum { LT_NO_SLOT = UINT32_MAX };

/* One point's change. */
typedef struct lt_payload_change {
    uint32_t old_slot, new_slot; /* LT_NO_SLOT: it was not, is not there */
    const char *old_payload, *new_payload; /* JSON texts, not zero-terminated; NULL with no slot */
    size_t old_len, new_len;
} lt_payload_change;

/* NULL in *out where the schema has no indexes. */
lt_status lt_payload_index_load(lt_txn *txn, const lt_schema *schema, uint64_t n_slots,
                                lt_payload_index **out, lt_error *err) LT_NODISCARD;
lt_status lt_payload_index_apply(lt_payload_index *old, const lt_schema *schema, uint64_t n_slots,
                                 const lt_payload_change *changes, size_t n,
                                 lt_payload_index **out, lt_error *err) LT_NODISCARD;
lt_payload_index *lt_payload_index_ref(lt_payload_index *p);
void lt_payload_index_unref(lt_payload_index *p); /* NULL allowed */
/* How many points the i-th index of the schema holds. */
uint64_t lt_payload_index_count(const lt_payload_index *p, size_t i);

#endif
