/* SPDX-License-Identifier: Apache-2.0
 * One committed state to read from: points, vectors, filters. See reader.h. */
#include <base/hash.h>
#include <base/mem.h>
#include <math.h>
#include <string.h>

#include "read.h"

/* ---- opening --------------------------------------------------------------------------------- */

lt_status lt_reader_open(lt_collection *c, lt_reader **out, lt_error *err)
{
    lt_reader *r = lt_calloc(1, sizeof *r);

    if (!r)
        return lt_fail_nomem(err);
    r->c = c;
    lt_status st = lt_snapshot_take(c, &r->s, err);

    if (st != LT_OK) {
        lt_free(r);
        return st;
    }
    r->schema = r->s.view->schema;
    *out = r;
    return LT_OK;
}

void lt_reader_close(lt_reader *r)
{
    if (!r)
        return;
    lt_snapshot_done(&r->s);
    lt_arena_done(&r->arena);
    lt_buf_done(&r->record);
    lt_free(r);
}

void lt_reader_done(lt_reader **r)
{
    lt_reader_close(*r);
}

lt_db *lt_reader_db(const lt_reader *r)
{
    return r->c->db;
}

const char *lt_reader_collection_name(const lt_reader *r)
{
    return r->c->name;
}

/* ---- schema ---------------------------------------------------------------------------------- */

size_t lt_reader_n_schemas(const lt_reader *r)
{
    return r->schema->n_vectors;
}

const lt_vector_schema *lt_reader_schema_at(const lt_reader *r, size_t i)
{
    return &r->schema->vectors[i].seen;
}

const lt_vector_schema *lt_reader_schema(const lt_reader *r, const char *name)
{
    const lt_schema_vector *v = lt_schema_find(r->schema, name);

    return v ? &v->seen : NULL;
}

const char *lt_reader_index_type(const lt_reader *r, const char *path)
{
    for (size_t i = 0; i < r->schema->n_indexes; i++)
        if (strcmp(r->schema->indexes[i].path, path) == 0)
            return r->schema->indexes[i].type;
    return NULL;
}

uint64_t lt_reader_n_points(const lt_reader *r)
{
    return r->s.view->n_points;
}

uint32_t lt_reader_n_slots(const lt_reader *r)
{
    return (uint32_t)r->s.view->n_slots;
}

/* ---- points ---------------------------------------------------------------------------------- */

lt_status lt_reader_slot(lt_reader *r, const lt_id *id, uint32_t *slot, lt_error *err)
{
    lt_key key;
    lt_record record;

    lt_key_of(id, &key);
    lt_buf_clear(&r->record);
    LT_TRY(lt_txn_get(r->s.txn, &key, &r->record, err));
    LT_TRY(lt_record_decode(key.bytes, key.n, r->record.data, r->record.len, &record, err));
    if (record.slot >= r->s.view->n_slots || !lt_bit_get(r->s.view->living, record.slot))
        return lt_point_damaged(r, &key, "its slot does not exist", err);
    *slot = record.slot;
    return LT_OK;
}

lt_status lt_point_damaged(const lt_reader *r, const lt_key *key, const char *why, lt_error *err)
{
    char text[LT_ID_TEXT_MAX] = "with an unreadable id";
    lt_id id;

    if (lt_key_id(key->bytes, key->n, &id))
        lt_id_format(&id, text);
    return lt_fail(err, LT_ECORRUPT, "collection '%s', point %s: %s", r->c->name, text, why);
}

lt_status lt_reader_key(lt_reader *r, uint32_t slot, lt_key *out, lt_error *err)
{
    lt_status st = lt_txn_slot_key(r->s.txn, slot, out, err);

    return st == LT_ENOTFOUND ? lt_fail(err, LT_ECORRUPT, "collection '%s': slot %u names no point",
                                        r->c->name, slot)
                              : st;
}

lt_status lt_reader_id(lt_reader *r, uint32_t slot, lt_id *id, lt_error *err)
{
    lt_key key;

    LT_TRY(lt_reader_key(r, slot, &key, err));
    return lt_key_id(key.bytes, key.n, id)
               ? LT_OK
               : lt_fail(err, LT_ECORRUPT, "collection '%s': slot %u has an unreadable id",
                         r->c->name, slot);
}

lt_status lt_reader_record(lt_reader *r, uint32_t slot, lt_key *key, lt_buf *bytes, lt_record *out,
                           lt_error *err)
{
    LT_TRY(lt_reader_key(r, slot, key, err));
    lt_buf_clear(bytes);
    lt_status st = lt_txn_get(r->s.txn, key, bytes, err);

    if (st == LT_ENOTFOUND)
        return lt_point_damaged(r, key, "a slot names it, but it is gone", err);
    LT_TRY(st);
    LT_TRY(lt_record_decode(key->bytes, key->n, bytes->data, bytes->len, out, err));
    return out->slot == slot ? LT_OK
                             : lt_point_damaged(r, key, "two slots name it", err);
}

lt_status lt_reader_load(lt_reader *r, uint32_t slot, lt_stored *out, lt_error *err)
{
    lt_stored s = {.slot = slot};
    lt_record record;
    lt_key key;
    lt_status st = lt_reader_record(r, slot, &key, &s.bytes, &record, err);

    if (st == LT_OK && !lt_key_id(key.bytes, key.n, &s.id))
        st = lt_point_damaged(r, &key, "its id cannot be read", err);
    if (st != LT_OK) {
        lt_buf_done(&s.bytes);
        return st;
    }
    s.version = record.operation;
    s.payload = record.payload;
    s.payload_len = record.payload_len;
    *out = s;
    return LT_OK;
}

void lt_stored_done(lt_stored *s)
{
    lt_buf_done(&s->bytes);
}

/* ---- vectors --------------------------------------------------------------------------------- */

static lt_status read_dense(lt_reader *r, uint32_t slot, size_t i, const lt_key *key,
                            const lt_record_vector *v, lt_vector *out, lt_error *err)
{
    const lt_schema_vector *s = &r->schema->vectors[i];
    const void *row = lt_view_row(r->s.view, i, slot);

    if (lt_hash64(row, s->stride) != v->hash)
        return lt_point_damaged(r, key, "its vector fails its checksum", err);
    out->n_values = s->seen.dims;
    out->values = row;
    if (s->seen.element == LT_ELEMENT_F32)
        return LT_OK;
    float *floats = lt_arena_alloc(&r->arena, s->seen.dims, sizeof *floats);

    if (!floats)
        return lt_fail_nomem(err);
    lt_from_element(&s->seen, row, floats);
    out->values = floats;
    return LT_OK;
}

static lt_status read_inline(lt_reader *r, const lt_vector_schema *s, const lt_record_vector *v,
                             lt_vector *out, lt_error *err)
{
    void *copy = lt_arena_alloc(&r->arena, v->n, 1);

    if (!copy)
        return lt_fail_nomem(err);
    memcpy(copy, v->bytes, v->n);
    if (s->kind == LT_VECTOR_SPARSE) {
        out->n_values = v->n / 8;
        out->indices = copy;
        out->values = (const float *)copy + out->n_values;
        return LT_OK;
    }
    out->n_values = v->n / sizeof(float);
    out->n_rows = out->n_values / s->dims;
    out->values = copy;
    return LT_OK;
}

size_t lt_reader_index_of(const lt_reader *r, const lt_vector_schema *schema)
{
    return (size_t)((const lt_schema_vector *)(const void *)schema - r->schema->vectors);
}

bool lt_reader_has(const lt_reader *r, uint32_t slot, const lt_vector_schema *schema)
{
    return lt_bit_get(r->s.view->vectors[lt_reader_index_of(r, schema)].present, slot);
}

void lt_reader_forget(lt_reader *r)
{
    lt_arena_done(&r->arena);
}

lt_status lt_reader_vector(lt_reader *r, uint32_t slot, const lt_vector_schema *schema,
                           lt_vector *out, bool *present, lt_error *err)
{
    size_t i = lt_reader_index_of(r, schema);
    lt_record_vector v;
    lt_record record;
    lt_key key;

    *out = (lt_vector){.name = schema->name, .kind = schema->kind};
    *present = lt_reader_has(r, slot, schema);
    if (!*present)
        return LT_OK;
    LT_TRY(lt_reader_record(r, slot, &key, &r->record, &record, err));
    if (!lt_record_find(&record, r->schema->vectors[i].number, &v) ||
        v.is_inline != (schema->kind != LT_VECTOR_DENSE))
        return lt_point_damaged(r, &key, "its record lacks a vector", err);
    return schema->kind == LT_VECTOR_DENSE ? read_dense(r, slot, i, &key, &v, out, err)
                                           : read_inline(r, schema, &v, out, err);
}

/* ---- all points ------------------------------------------------------------------------------ */

typedef struct walk {
    lt_reader *r;
    const uint64_t *bits;
    lt_record_visit visit;
    void *context;
} walk;

static lt_status walk_on(void *context, const void *bytes, size_t n_bytes, const void *record,
                         size_t n, lt_error *err)
{
    const walk *w = context;
    lt_key key = {.n = n_bytes};
    lt_record r;

    if (n_bytes > LT_KEY_MAX)
        return lt_fail(err, LT_ECORRUPT, "collection '%s': a point has an unreadable id",
                       w->r->c->name);
    memcpy(key.bytes, bytes, n_bytes);
    LT_TRY(lt_record_decode(bytes, n_bytes, record, n, &r, err));
    if (r.slot >= w->r->s.view->n_slots)
        return lt_point_damaged(w->r, &key, "its slot does not exist", err);
    if (w->bits && !lt_bit_get(w->bits, r.slot))
        return LT_OK;
    return w->visit(w->context, &key, &r, err);
}

lt_status lt_reader_each_record(lt_reader *r, const lt_key *from, const uint64_t *bits,
                                lt_record_visit visit, void *context, lt_error *err)
{
    walk w = {r, bits, visit, context};

    return lt_txn_each_point(r->s.txn, from, walk_on, &w, err);
}

typedef struct telling {
    const lt_reader *r;
    lt_stored_visit visit;
    void *context;
} telling;

static lt_status tell_stored(void *context, const lt_key *key, const lt_record *record,
                             lt_error *err)
{
    const telling *t = context;
    lt_stored s = {.slot = record->slot,
                   .version = record->operation,
                   .payload = record->payload,
                   .payload_len = record->payload_len};

    if (!lt_key_id(key->bytes, key->n, &s.id))
        return lt_point_damaged(t->r, key, "its id cannot be read", err);
    return t->visit(t->context, &s, err);
}

lt_status lt_reader_each(lt_reader *r, const lt_id *from, const uint64_t *bits,
                         lt_stored_visit visit, void *context, lt_error *err)
{
    telling t = {r, visit, context};
    lt_key key;

    if (from)
        lt_key_of(from, &key);
    return lt_reader_each_record(r, from ? &key : NULL, bits, tell_stored, &t, err);
}
