/* SPDX-License-Identifier: Apache-2.0
 * Filters over records. */
#include <base/mem.h>
#include <filter/filter.h>

#include "engine.h"

typedef struct presence {
    const lt_schema *schema;
    const lt_record *record;
} presence;

static bool has_vector(void *context, const char *name)
{
    const presence *p = context;
    const lt_schema_vector *v = lt_schema_find(p->schema, name);
    lt_record_vector found;

    return v && lt_record_find(p->record, v->number, &found);
}

lt_status lt_record_passes(const lt_schema *schema, const lt_filter *filter,
                           const lt_filter_binding *binding, const lt_key *key, const lt_record *r,
                           bool *passes, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    presence p = {schema, r};
    lt_id id;

    if (!lt_key_id(key->bytes, key->n, &id))
        return lt_fail(err, LT_ECORRUPT, "a point has an unreadable id");
    LT_TRY(lt_json_parse(r->payload, r->payload_len, "payload", &doc, err));
    lt_filter_point point = {.id = &id,
                             .payload = yyjson_doc_get_root(doc),
                             .has_vector = has_vector,
                             .context = &p,
                             .binding = binding};

    *passes = lt_filter_passes(filter, &point);
    return LT_OK;
}
