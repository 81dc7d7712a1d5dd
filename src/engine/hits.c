/* SPDX-License-Identifier: Apache-2.0
 * Results: each hit owns a block with its payload and vector. What is returned was checked against
 * the checksums first, so damage is named instead of served. */
#include <base/hash.h>
#include <base/mem.h>
#include <string.h>

#include "engine.h"

lt_status lt_hits_new(size_t dims, lt_hit_builder **out, lt_error *err)
{
    lt_hit_builder *b = lt_calloc(1, sizeof *b);

    if (!b)
        return lt_fail_nomem(err);
    b->dims = dims;
    *out = b;
    return LT_OK;
}

static lt_status check_vector(lt_collection *c, const lt_view *view, const lt_id *id,
                              const lt_record *record, lt_error *err)
{
    char text[LT_ID_TEXT_MAX];

    if (record->slot >= view->n_slots)
        return lt_fail(err, LT_ECORRUPT, "collection '%s', point %s: slot %u does not exist",
                       c->name, lt_id_format(id, text), record->slot);
    if (lt_hash64(lt_view_vector(c, view, record->slot), c->stride) != record->vector_hash)
        return lt_fail(err, LT_ECORRUPT,
                       "collection '%s', point %s: its vector fails its checksum", c->name,
                       lt_id_format(id, text));
    return LT_OK;
}

static lt_status grow(lt_hit_builder *b, lt_error *err)
{
    size_t cap = b->cap ? b->cap * 2 : 16;
    lt_hit *items;

    if (b->hits.n_items < b->cap)
        return LT_OK;
    items = lt_realloc(b->items, cap, sizeof *items);
    if (!items)
        return lt_fail_nomem(err);
    b->items = items;
    b->hits.items = items;
    b->cap = cap;
    return LT_OK;
}

lt_status lt_hits_add(lt_hit_builder *b, lt_collection *c, const lt_view *view, const lt_id *id,
                      const lt_record *record, float score, bool with_payload, bool with_vector,
                      lt_error *err)
{
    lt_hit hit = {.id = *id, .score = score};

    LT_TRY(check_vector(c, view, id, record, err));
    LT_TRY(grow(b, err));
    if (with_payload) {
        hit.payload = lt_strndup(record->payload, record->payload_len);
        hit.payload_len = record->payload_len;
        if (!hit.payload)
            return lt_fail_nomem(err);
    }
    if (with_vector) {
        float *copy = lt_alloc_aligned(b->dims, sizeof *copy);

        if (!copy) {
            lt_free((void *)(uintptr_t)hit.payload);
            return lt_fail_nomem(err);
        }
        memcpy(copy, lt_view_vector(c, view, record->slot), b->dims * sizeof *copy);
        hit.vector = copy;
    }
    b->items[b->hits.n_items++] = hit;
    return LT_OK;
}

void lt_hits_free(lt_hits *hits)
{
    lt_hit_builder *b = (lt_hit_builder *)hits;

    if (!b)
        return;
    for (size_t i = 0; i < b->hits.n_items; i++) {
        lt_free((void *)(uintptr_t)b->items[i].payload);
        lt_free((void *)(uintptr_t)b->items[i].vector);
    }
    lt_free(b->items);
    lt_free(b);
}
