/* SPDX-License-Identifier: Apache-2.0 */
#include "payload_index.h"

#include <base/mem.h>
#include <string.h>

static bool same_fields(const lt_schema *schema, const lt_pidx_state *state)
{
    if (lt_pidx_state_n_fields(state) != schema->n_indexes)
        return false;
    for (size_t i = 0; i < schema->n_indexes; i++)
        if (lt_pidx_state_field_at(state, i) != schema->indexes[i].field)
            return false;
    return true;
}

lt_status lt_payload_index_for(const lt_schema *schema, lt_pidx_state *old, lt_pidx_state **out,
                               lt_error *err)
{
    if (schema->n_indexes == 0) {
        *out = NULL;
        return LT_OK;
    }
    if (old && same_fields(schema, old)) {
        *out = lt_pidx_state_ref(old);
        return LT_OK;
    }
    LT_AUTOFREE lt_payload_field **fields = lt_calloc(schema->n_indexes, sizeof *fields);

    if (!fields)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < schema->n_indexes; i++)
        fields[i] = schema->indexes[i].field;
    return lt_pidx_state_new(fields, schema->n_indexes, out, err);
}

static const lt_payload_field *find_field(void *context, const char *path)
{
    const lt_schema *s = context;

    for (size_t i = 0; i < s->n_indexes; i++)
        if (strcmp(s->indexes[i].path, path) == 0)
            return s->indexes[i].field;
    return NULL;
}

lt_status lt_schema_bind(const lt_schema *schema, const lt_filter *filter, lt_filter_binding **out,
                         lt_error *err)
{
    *out = NULL;
    if (schema->n_indexes == 0)
        return LT_OK;
    return lt_filter_bind(filter, find_field, (void *)(uintptr_t)schema, out, err);
}

void lt_binding_free(lt_filter_binding **b)
{
    lt_filter_binding_free(*b);
    *b = NULL;
}
