/* SPDX-License-Identifier: Apache-2.0
 * Payload indexes as far as they are counted: how many points have a value of the index's type at
 * its path. */
#include "payload_index.h"

#include <base/mem.h>
#include <stdatomic.h>
#include <string.h>

struct lt_payload_index {
    atomic_int refs;
    size_t n;
    uint64_t counts[]; /* an index of the schema each */
};

static lt_status new_index(size_t n, lt_payload_index **out, lt_error *err)
{
    lt_payload_index *p = lt_calloc(1, sizeof *p + n * sizeof p->counts[0]);

    if (!p)
        return lt_fail_nomem(err);
    atomic_init(&p->refs, 1);
    p->n = n;
    *out = p;
    return LT_OK;
}

lt_payload_index *lt_payload_index_ref(lt_payload_index *p)
{
    if (p)
        atomic_fetch_add(&p->refs, 1);
    return p;
}

void lt_payload_index_unref(lt_payload_index *p)
{
    if (p && atomic_fetch_sub(&p->refs, 1) == 1)
        lt_free(p);
}

uint64_t lt_payload_index_count(const lt_payload_index *p, size_t i)
{
    return p && i < p->n ? p->counts[i] : 0;
}

static bool has_type(void *context, yyjson_val *v)
{
    const lt_index_def *d = context;
    lt_id id;
    lt_error err;
    int64_t us;

    switch (d->type[0]) {
    case 'i':
        return yyjson_is_int(v);
    case 'f':
        return yyjson_is_num(v);
    case 'b':
        return yyjson_is_bool(v);
    case 'g':
        return yyjson_is_num(yyjson_obj_get(v, "lat")) && yyjson_is_num(yyjson_obj_get(v, "lon"));
    case 'd':
        return yyjson_is_str(v) && lt_datetime_parse(yyjson_get_str(v), yyjson_get_len(v), &us);
    case 'u':
        return yyjson_is_str(v) && lt_id_parse(yyjson_get_str(v), &id, &err) == LT_OK &&
               id.kind == LT_ID_UUID;
    default:
        return yyjson_is_str(v); /* keyword, text */
    }
}

/* Adds `step` to the counts of the indexes that hold this payload. */
static lt_status count(lt_payload_index *p, const lt_schema *schema, const char *payload, size_t n,
                       int step, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    LT_TRY(lt_json_parse(payload, n, "payload", &doc, err));
    for (size_t i = 0; i < p->n; i++)
        if (lt_value_at(yyjson_doc_get_root(doc), schema->indexes[i].path, false, has_type,
                        &schema->indexes[i]))
            p->counts[i] += (uint64_t)(int64_t)step;
    return LT_OK;
}

typedef struct loading {
    lt_payload_index *index;
    const lt_schema *schema;
} loading;

static lt_status load_point(void *context, const void *key, size_t n_key, const void *bytes,
                            size_t n, lt_error *err)
{
    loading *l = context;
    lt_record r;

    lt_status st = lt_record_decode(key, n_key, bytes, n, &r, err);

    /* A damaged record is named when it is read; it must not keep the rest from being opened. */
    if (st != LT_OK)
        return st == LT_ECORRUPT ? LT_OK : st;
    return count(l->index, l->schema, r.payload, r.payload_len, 1, err);
}

lt_status lt_payload_index_load(lt_txn *txn, const lt_schema *schema, uint64_t n_slots,
                                lt_payload_index **out, lt_error *err)
{
    loading l = {.schema = schema};

    (void)n_slots;
    *out = NULL;
    if (schema->n_indexes == 0)
        return LT_OK;
    LT_TRY(new_index(schema->n_indexes, &l.index, err));
    lt_status st = lt_txn_each_point(txn, NULL, load_point, &l, err);

    if (st != LT_OK) {
        lt_payload_index_unref(l.index);
        return st;
    }
    *out = l.index;
    return LT_OK;
}

lt_status lt_payload_index_apply(lt_payload_index *old, const lt_schema *schema, uint64_t n_slots,
                                 const lt_payload_change *changes, size_t n,
                                 lt_payload_index **out, lt_error *err)
{
    lt_payload_index *p;

    (void)n_slots;
    if (!old || n == 0) {
        *out = lt_payload_index_ref(old);
        return LT_OK;
    }
    LT_TRY(new_index(old->n, &p, err));
    memcpy(p->counts, old->counts, old->n * sizeof *p->counts);
    lt_status st = LT_OK;

    for (size_t i = 0; i < n && st == LT_OK; i++) {
        const lt_payload_change *c = &changes[i];

        if (c->old_payload)
            st = count(p, schema, c->old_payload, c->old_len, -1, err);
        if (st == LT_OK && c->new_payload)
            st = count(p, schema, c->new_payload, c->new_len, 1, err);
    }
    if (st != LT_OK) {
        lt_payload_index_unref(p);
        return st;
    }
    *out = p;
    return LT_OK;
}
