/* SPDX-License-Identifier: Apache-2.0
 * Filters to sets of slots. The payload indexes give bounds: who passes for sure, and who may; only
 * the latter are read and looked at. */
#include <base/mem.h>
#include <string.h>

#include "read.h"

/* ---- bounds ---------------------------------------------------------------------------------- */

/* Serves the indexes' questions about a view. */
typedef struct sourcing {
    lt_reader *r;
    lt_status status; /* of the last lookup that failed */
    lt_error *err;
} sourcing;

static bool slot_of(void *context, const lt_id *id, uint32_t *slot)
{
    sourcing *s = context;
    lt_status st = lt_reader_slot(s->r, id, slot, s->err);

    if (st != LT_OK && st != LT_ENOTFOUND)
        s->status = st;
    return st == LT_OK;
}

static const uint64_t *having_vector(void *context, const char *name)
{
    const sourcing *s = context;
    const lt_vector_schema *schema = lt_reader_schema(s->r, name);

    return schema ? s->r->s.view->vectors[lt_reader_index_of(s->r, schema)].present : NULL;
}

static lt_status add_to_index(void *context, const lt_key *key, const lt_record *record,
                              lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    (void)key;
    LT_TRY(lt_json_parse(record->payload, record->payload_len, "payload", &doc, err));
    return lt_pidx_builder_add(context, record->slot, yyjson_doc_get_root(doc), err);
}

static lt_status each_for_index(void *context, lt_pidx_builder *b, lt_error *err)
{
    return lt_reader_each_record(context, NULL, NULL, add_to_index, b, err);
}

/* A reader of another process's database makes one answer of it, mostly: a scan is as cheap. */
lt_status lt_reader_build_indexes(lt_reader *r, lt_error *err)
{
    lt_pidx_state *state = r->s.view->payload_index;

    if (!state || r->c->db->options.read_only || lt_pidx_state_is_built(state))
        return LT_OK;
    lt_status st = lt_pidx_state_build(state, each_for_index, r, err);

    /* A damaged record keeps the indexes from being built, not the others from being found. */
    return st == LT_ECORRUPT ? LT_OK : st;
}

lt_status lt_reader_bounds(lt_reader *r, const lt_filter *filter, const lt_vector_schema *having,
                           const lt_filter_binding *binding, uint64_t *sure, uint64_t *possible,
                           lt_pidx_explain *explain, lt_error *err)
{
    const lt_view *v = r->s.view;
    sourcing context = {r, LT_OK, err};
    lt_pidx_source source = {
        .n_slots = (size_t)v->n_slots,
        .living = having ? v->vectors[lt_reader_index_of(r, having)].present : v->living,
        .slot_of = slot_of,
        .having = having_vector,
        .context = &context};

    LT_TRY(lt_reader_build_indexes(r, err));
    lt_status st = v->payload_index
                       ? lt_pidx_state_select(v->payload_index, filter, binding, &source, sure,
                                              possible, explain, err)
                       : lt_pidx_select(filter, binding, &source, sure, possible, explain, err);

    return st == LT_OK ? context.status : st;
}

/* ---- looking --------------------------------------------------------------------------------- */

typedef struct looking {
    lt_reader *r;
    const lt_filter *filter;
    const lt_filter_binding *binding;
    uint64_t *bits;
} looking;

static lt_status look_at(void *context, const lt_key *key, const lt_record *record, lt_error *err)
{
    const looking *l = context;
    bool passes;

    LT_TRY(lt_record_passes(l->r->schema, l->filter, l->binding, key, record, &passes, err));
    if (passes)
        lt_bits_set(l->bits, record->slot);
    return LT_OK;
}

lt_status lt_reader_each_in(lt_reader *r, const uint64_t *bits, lt_record_visit visit,
                            void *context, lt_error *err)
{
    size_t words = lt_bits_words((size_t)r->s.view->n_slots);

    /* Two lookups a point cost as much as passing over four. */
    if (lt_bits_count(bits, words) * 4 > r->s.view->n_points)
        return lt_reader_each_record(r, NULL, bits, visit, context, err);
    for (size_t w = 0; w < words; w++) {
        for (uint64_t left = bits[w]; left; left &= left - 1) {
            uint32_t slot = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(left));
            lt_record record;
            lt_key key;

            LT_TRY(lt_reader_record(r, slot, &key, &r->record, &record, err));
            LT_TRY(visit(context, &key, &record, err));
        }
    }
    return LT_OK;
}

/* The slots that live and have the vector, as a new bitset. */
static lt_status copy_living(lt_reader *r, const lt_vector_schema *having, uint64_t **out,
                             lt_error *err)
{
    const lt_view *v = r->s.view;
    const uint64_t *from = having ? v->vectors[lt_reader_index_of(r, having)].present : v->living;
    size_t words = lt_bits_words((size_t)v->n_slots);
    uint64_t *bits = lt_calloc(words, sizeof *bits);

    if (!bits)
        return lt_fail_nomem(err);
    memcpy(bits, from, words * sizeof *bits);
    *out = bits;
    return LT_OK;
}

static lt_status select_filtered(lt_reader *r, const lt_filter *filter,
                                 const lt_vector_schema *having, lt_selection *out, lt_error *err)
{
    LT_CLEANUP(lt_binding_free) lt_filter_binding *binding = NULL;
    size_t words = lt_bits_words((size_t)r->s.view->n_slots);
    LT_AUTOFREE uint64_t *sure = lt_calloc(words, sizeof *sure);
    LT_AUTOFREE uint64_t *open = lt_calloc(words, sizeof *open);

    if (!sure || !open)
        return lt_fail_nomem(err);
    LT_TRY(lt_schema_bind(r->schema, filter, &binding, err));
    LT_TRY(lt_reader_bounds(r, filter, having, binding, sure, open, &out->explain, err));
    lt_bits_and_not(open, sure, words);
    out->n_sure = lt_bits_count(sure, words);
    out->n_looked = lt_bits_count(open, words);
    looking l = {r, filter, binding, sure};

    if (out->n_looked)
        LT_TRY(lt_reader_each_in(r, open, look_at, &l, err));
    out->n = lt_bits_count(sure, words);
    out->bits = lt_steal(&sure);
    return LT_OK;
}

lt_status lt_reader_select_explained(lt_reader *r, const lt_filter *filter,
                                     const lt_vector_schema *having, lt_selection *out,
                                     lt_error *err)
{
    *out = (lt_selection){.n = 0};
    if (filter)
        return select_filtered(r, filter, having, out, err);
    LT_TRY(copy_living(r, having, &out->bits, err));
    out->n = out->n_sure = lt_bits_count(out->bits, lt_bits_words((size_t)r->s.view->n_slots));
    return LT_OK;
}

lt_status lt_reader_select(lt_reader *r, const lt_filter *filter, const lt_vector_schema *having,
                           uint64_t **bits, uint64_t *n, lt_error *err)
{
    lt_selection s;

    LT_TRY(lt_reader_select_explained(r, filter, having, &s, err));
    *bits = s.bits;
    *n = s.n;
    return LT_OK;
}

lt_status lt_reader_narrow(lt_reader *r, const lt_filter *filter, uint64_t **sure,
                           uint64_t **possible, lt_error *err)
{
    LT_CLEANUP(lt_binding_free) lt_filter_binding *binding = NULL;
    size_t words = lt_bits_words((size_t)r->s.view->n_slots);
    LT_AUTOFREE uint64_t *low = lt_calloc(words, sizeof *low);
    LT_AUTOFREE uint64_t *high = lt_calloc(words, sizeof *high);

    if (!low || !high)
        return lt_fail_nomem(err);
    LT_TRY(lt_schema_bind(r->schema, filter, &binding, err));
    LT_TRY(lt_reader_bounds(r, filter, NULL, binding, low, high, NULL, err));
    *sure = lt_steal(&low);
    *possible = lt_steal(&high);
    return LT_OK;
}

lt_status lt_reader_passes(lt_reader *r, const lt_filter *filter, const lt_stored *s, bool *passes,
                           lt_error *err)
{
    LT_CLEANUP(lt_binding_free) lt_filter_binding *binding = NULL;
    lt_record record;
    lt_key key;

    LT_TRY(lt_schema_bind(r->schema, filter, &binding, err));
    LT_TRY(lt_reader_record(r, s->slot, &key, &r->record, &record, err));
    return lt_record_passes(r->schema, filter, binding, &key, &record, passes, err);
}
