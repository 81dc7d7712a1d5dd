/* SPDX-License-Identifier: Apache-2.0
 * Filters over records. */
#include <base/mem.h>
#include <filter/filter.h>

#include "engine.h"

typedef struct presence {
    const lt_schema *schema;
    const lt_record *record;
} presence;

lt_status lt_record_passes(const lt_schema *schema, const lt_filter *filter, const lt_key *key,
                           const lt_record *r, bool *passes, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    lt_id id;

    (void)schema;
    if (!lt_key_id(key->bytes, key->n, &id))
        return lt_fail(err, LT_ECORRUPT, "a point has an unreadable id");
    LT_TRY(lt_json_parse(r->payload, r->payload_len, "payload", &doc, err));
    *passes = lt_filter_match(filter, &id, yyjson_doc_get_root(doc));
    return LT_OK;
}
