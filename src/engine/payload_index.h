/* SPDX-License-Identifier: Apache-2.0
 * The payload indexes of a collection, as index/pidx_set.h keeps them: each view has a state of the
 * set. They live in memory, are built from the stored payloads by the first reader that asks with a
 * filter, and follow every commit from there on. */
#ifndef LT_ENGINE_PAYLOAD_INDEX_H
#define LT_ENGINE_PAYLOAD_INDEX_H

#include <index/pidx_set.h>

#include "schema.h"

/* The state of a view under `schema` whose payloads are those of `old` (may be NULL): that of `old`
 * where the indexes are the same, else a new, unbuilt set. NULL in *out: there are no indexes. */
lt_status lt_payload_index_for(const lt_schema *schema, lt_pidx_state *old, lt_pidx_state **out,
                               lt_error *err) LT_NODISCARD;
/* What a filter means under `schema`; *out is NULL where its indexes change nothing. */
lt_status lt_schema_bind(const lt_schema *schema, const lt_filter *filter, lt_filter_binding **out,
                         lt_error *err) LT_NODISCARD;
void lt_binding_free(lt_filter_binding **b); /* for LT_CLEANUP */

#endif
