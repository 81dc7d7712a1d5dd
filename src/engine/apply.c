/* SPDX-License-Identifier: Apache-2.0
 * What an update does to the points, inside the transaction of a group.
 *
 * A point keeps its slot while none of its dense vectors gets other components; so its rows are
 * never written over, and indexes that know vectors by slot stay right. A new slot takes the kept
 * rows along. */
#include <base/hash.h>
#include <base/limits.h>
#include <base/mem.h>
#include <filter/filter.h>
#include <string.h>

#include "engine.h"

/* A point before the change. The record's pointers are good until the next `find`. */
typedef struct point {
    lt_key key;
    bool exists;  /* with a record that can be read */
    bool damaged; /* its record cannot be read */
    lt_record old;
} point;

/* What it is to become. */
typedef struct wish {
    const lt_encoded *vectors; /* to set */
    size_t n_vectors;
    bool keep; /* the other vectors stay */
    const char *const *drop; /* vectors not to keep */
    size_t n_drop;
    const char *payload;
    size_t payload_len;
} wish;

/* A record that cannot be read can be replaced, that is how damage is mended; nothing else. */
static lt_status find(lt_group *g, const lt_key *key, bool replace, point *out, lt_error *err)
{
    *out = (point){.key = *key};
    lt_buf_clear(&g->old);
    lt_status st = lt_txn_get(g->txn, key, &g->old, err);

    if (st == LT_OK)
        st = lt_record_decode(key->bytes, key->n, g->old.data, g->old.len, &out->old, err);
    out->exists = st == LT_OK;
    out->damaged = st == LT_ECORRUPT;
    return st == LT_ENOTFOUND || (out->damaged && replace) ? LT_OK : st;
}

/* ---- slots ----------------------------------------------------------------------------------- */

static lt_status release_slot(void *context, uint32_t slot, lt_error *err)
{
    lt_group *g = context;

    LT_TRY(lt_group_note(g, slot, LT_SLOT_ITSELF, false, err));
    for (size_t i = 0; i < g->schema->n_vectors; i++)
        LT_TRY(lt_group_note(g, slot, g->schema->vectors[i].number, false, err));
    return lt_txn_clear_slot(g->txn, slot, err);
}

/* LMDB's cursor must not see its table change: the slots are collected first. */
typedef struct slot_list {
    uint32_t slots[16];
    size_t n;
} slot_list;

static lt_status list_slot(void *context, uint32_t slot, lt_error *err)
{
    slot_list *l = context;

    (void)err;
    if (l->n < sizeof l->slots / sizeof *l->slots)
        l->slots[l->n++] = slot;
    return LT_OK;
}

/* The slots of a point whose record cannot tell them. */
static lt_status release_lost(lt_group *g, const lt_key *key, lt_error *err)
{
    slot_list l = {.n = 0};

    LT_TRY(lt_txn_slots_of(g->txn, key, list_slot, &l, err));
    for (size_t i = 0; i < l.n; i++)
        LT_TRY(release_slot(g, l.slots[i], err));
    return LT_OK;
}

static lt_status note_payload(lt_group *g, const point *p, uint32_t old_slot, uint32_t new_slot,
                              const char *payload, size_t n, lt_error *err)
{
    bool was = old_slot != LT_PIDX_NO_SLOT, is = new_slot != LT_PIDX_NO_SLOT;
    bool same = was && is && old_slot == new_slot && p->old.payload_len == n &&
                memcmp(p->old.payload, payload, n) == 0;

    if (same || (!was && !is) || g->schema->n_indexes == 0)
        return LT_OK;
    lt_pidx_change *more = lt_grow(g->payload_changes, g->n_payload_changes, &g->cap_payload_changes, sizeof *more);

    if (!more)
        return lt_fail_nomem(err);
    g->payload_changes = more;
    char *old = was ? lt_arena_alloc(&g->arena, p->old.payload_len, 1) : NULL;
    char *new = is ? lt_arena_alloc(&g->arena, n, 1) : NULL;

    if ((was && !old) || (is && !new))
        return lt_fail_nomem(err);
    if (was)
        memcpy(old, p->old.payload, p->old.payload_len);
    if (is)
        memcpy(new, payload, n);
    g->payload_changes[g->n_payload_changes++] =
        (lt_pidx_change){old_slot,       new_slot, old,
                            new,            was ? p->old.payload_len : 0, is ? n : 0};
    return LT_OK;
}

/* ---- writing one point ----------------------------------------------------------------------- */

static bool is_dropped(const wish *w, const char *name)
{
    for (size_t i = 0; i < w->n_drop; i++)
        if (strcmp(w->drop[i], name) == 0)
            return true;
    return false;
}

/* The wish for the i-th vector of the schema: the last one counts. */
static const lt_encoded *wished(const wish *w, uint32_t number)
{
    for (size_t i = w->n_vectors; i > 0; i--)
        if (w->vectors[i - 1].number == number)
            return &w->vectors[i - 1];
    return NULL;
}

/* All vectors that the point will have, in order of number; *moves: a dense one gets other
 * components, so the point needs a new slot. */
static size_t merge_vectors(const lt_group *g, const point *p, const wish *w, lt_record_vector *out,
                            bool *moves)
{
    size_t n = 0;

    *moves = !p->exists;
    for (size_t i = 0; i < g->schema->n_vectors; i++) {
        const lt_schema_vector *s = &g->schema->vectors[i];
        const lt_encoded *new = wished(w, s->number);
        lt_record_vector old;
        bool had = p->exists && lt_record_find(&p->old, s->number, &old);
        size_t at = n;

        if (!new && !(had && w->keep && !is_dropped(w, s->seen.name)))
            continue;
        if (new && s->vecs && !(had && old.hash == new->stored.hash))
            *moves = true;
        for (; at > 0 && out[at - 1].number > s->number; at--)
            out[at] = out[at - 1];
        out[at] = new ? new->stored : old;
        n++;
    }
    return n;
}

static lt_status add_rows(lt_group *g, const point *p, const lt_record_vector *vectors, size_t n,
                          uint32_t slot, lt_error *err)
{
    for (size_t k = 0; k < n; k++) {
        size_t i = lt_schema_by_number(g->schema, vectors[k].number);
        const void *row = vectors[k].bytes;

        if (!g->schema->vectors[i].vecs)
            continue;
        if (!row) /* kept */
            LT_TRY(lt_group_row(g, i, p->old.slot, &row, err));
        LT_TRY(lt_group_add_row(g, i, slot, row, err));
    }
    return LT_OK;
}

/* The slot's entry, and what the view has to learn of it. */
static lt_status put_slot(lt_group *g, const point *p, const lt_record_vector *vectors, size_t n,
                          uint32_t slot, lt_error *err)
{
    uint8_t bitmap[LT_SLOT_BITMAP_MAX] = {0};
    size_t n_bytes = 1;

    for (size_t i = 0; i < g->schema->n_vectors; i++) {
        uint32_t number = g->schema->vectors[i].number;
        bool has = false;

        for (size_t k = 0; k < n; k++)
            has |= vectors[k].number == number;
        LT_TRY(lt_group_note(g, slot, number, has, err));
        if (has) {
            bitmap[number / 8] |= (uint8_t)(1 << number % 8);
            n_bytes = n_bytes > number / 8 + 1 ? n_bytes : number / 8 + 1;
        }
    }
    LT_TRY(lt_group_note(g, slot, LT_SLOT_ITSELF, true, err));
    return lt_txn_put_slot(g->txn, slot, &p->key, bitmap, n_bytes, err);
}

static lt_status new_slot(lt_group *g, const point *p, const lt_record_vector *vectors, size_t n,
                          uint32_t *slot, lt_error *err)
{
    if (g->counts.next_slot >= LT_LIMIT_SLOTS)
        return lt_fail(err, LT_EUNSUPPORTED, "collection '%s' has used up its %u slots", g->c->name,
                       LT_LIMIT_SLOTS);
    *slot = (uint32_t)g->counts.next_slot++;
    LT_TRY(add_rows(g, p, vectors, n, *slot, err));
    if (p->exists)
        return release_slot(g, p->old.slot, err);
    if (p->damaged)
        return release_lost(g, &p->key, err);
    g->counts.n_points++;
    return LT_OK;
}

static bool same_vectors(const point *p, const lt_record_vector *vectors, size_t n)
{
    lt_record_vector old;

    if (p->old.n_vectors != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!lt_record_find(&p->old, vectors[i].number, &old))
            return false;
    return true;
}

static lt_status write_point(lt_group *g, const point *p, const wish *w, lt_error *err)
{
    lt_record_vector vectors[LT_LIMIT_VECTORS];
    bool moves;
    size_t n = merge_vectors(g, p, w, vectors, &moves);
    lt_record r = {.slot = p->old.slot,
                   .operation = g->counts.operations,
                   .payload = w->payload,
                   .payload_len = w->payload_len};

    if (moves)
        LT_TRY(new_slot(g, p, vectors, n, &r.slot, err));
    if (moves || !same_vectors(p, vectors, n))
        LT_TRY(put_slot(g, p, vectors, n, r.slot, err));
    LT_TRY(note_payload(g, p, p->exists ? p->old.slot : LT_PIDX_NO_SLOT, r.slot, w->payload,
                        w->payload_len, err));
    lt_buf_clear(&g->record);
    LT_TRY(lt_record_encode(&p->key, &r, vectors, n, &g->record, err));
    return lt_txn_put(g->txn, &p->key, g->record.data, g->record.len, err);
}

lt_status lt_group_put_new(lt_group *g, const lt_key *key, const lt_encoded *vectors,
                           size_t n_vectors, const char *payload, size_t payload_len, lt_error *err)
{
    point p = {.key = *key};
    wish w = {.vectors = vectors,
              .n_vectors = n_vectors,
              .payload = payload,
              .payload_len = payload_len};

    return write_point(g, &p, &w, err);
}

static lt_status delete_point(lt_group *g, const point *p, lt_error *err)
{
    LT_TRY(note_payload(g, p, p->exists ? p->old.slot : LT_PIDX_NO_SLOT, LT_PIDX_NO_SLOT, NULL, 0,
                        err));
    LT_TRY(p->exists ? release_slot(g, p->old.slot, err) : release_lost(g, &p->key, err));
    LT_TRY(lt_txn_delete(g->txn, &p->key, err));
    g->counts.n_points--;
    return LT_OK;
}

/* ---- filters --------------------------------------------------------------------------------- */

static lt_status update_passes(const lt_group *g, const lt_op *op, const point *p, bool *passes,
                               lt_error *err)
{
    *passes = true;
    return op->update_filter ? lt_record_passes(g->schema, op->update_filter, op->update_binding,
                                                &p->key, &p->old, passes, err)
                             : LT_OK;
}

typedef struct choosing {
    lt_group *g;
    const lt_filter *filter;
    lt_filter_binding *binding;
    lt_buf keys; /* of lt_key */
} choosing;

static lt_status choose(void *context, const void *bytes, size_t n_bytes, const void *record,
                        size_t n, lt_error *err)
{
    choosing *c = context;
    lt_key key = {.n = n_bytes};
    lt_record r;
    bool passes;

    if (n_bytes > LT_KEY_MAX)
        return lt_fail(err, LT_ECORRUPT, "a point has an unreadable id");
    memcpy(key.bytes, bytes, n_bytes);
    LT_TRY(lt_record_decode(bytes, n_bytes, record, n, &r, err));
    LT_TRY(lt_record_passes(c->g->schema, c->filter, c->binding, &key, &r, &passes, err));
    return passes ? lt_buf_add(&c->keys, &key, sizeof key, err) : LT_OK;
}

/* ---- the kinds ------------------------------------------------------------------------------- */

static void note_missing(lt_op *op, const lt_key *key)
{
    if (op->result.has_missing)
        return;
    op->result.has_missing = lt_key_id(key->bytes, key->n, &op->result.missing);
}

static lt_status upsert(lt_group *g, lt_op *op, const lt_op_point *o, lt_error *err)
{
    wish w = {.vectors = o->vectors,
              .n_vectors = o->n_vectors,
              .payload = o->payload,
              .payload_len = o->payload_len};
    bool passes = true;
    point p;

    LT_TRY(find(g, &o->key, true, &p, err));
    bool there = p.exists || p.damaged;

    if ((there && op->mode == LT_UPSERT_INSERT_ONLY) ||
        (!there && op->mode == LT_UPSERT_UPDATE_ONLY))
        return LT_OK;
    if (p.exists)
        LT_TRY(update_passes(g, op, &p, &passes, err));
    if (!passes)
        return LT_OK;
    op->result.n_changed++;
    return write_point(g, &p, &w, err);
}

static lt_status set_vectors(lt_group *g, lt_op *op, const lt_op_point *o, lt_error *err)
{
    bool passes;
    point p;

    LT_TRY(find(g, &o->key, false, &p, err));
    if (!p.exists) {
        note_missing(op, &o->key);
        return LT_OK;
    }
    LT_TRY(update_passes(g, op, &p, &passes, err));
    if (!passes)
        return LT_OK;
    wish w = {.vectors = o->vectors,
              .n_vectors = o->n_vectors,
              .keep = true,
              .payload = p.old.payload,
              .payload_len = p.old.payload_len};

    op->result.n_changed++;
    return write_point(g, &p, &w, err);
}

/* The payload of a point as `op` makes it, in g->text. */
static lt_status edit_payload(lt_group *g, const lt_op *op, const point *p, lt_error *err)
{
    LT_CLEANUP(lt_value_free) yyjson_mut_doc *doc = NULL;

    LT_TRY(lt_value_thaw(p->old.payload, p->old.payload_len, "payload", &doc, err));
    if (op->kind == LT_UPDATE_SET_PAYLOAD)
        LT_TRY(lt_value_merge(doc, op->n_paths ? &op->paths[0] : NULL,
                              yyjson_doc_get_root(op->patch), err));
    else
        for (size_t i = 0; i < op->n_paths; i++)
            lt_value_delete(doc, &op->paths[i]);
    lt_buf_clear(&g->text);
    LT_TRY(lt_value_print(doc, &g->text, err));
    if (g->text.len > LT_LIMIT_PAYLOAD_BYTES)
        return lt_fail(err, LT_EINVAL, "the payload would have %zu bytes, at most %u are possible",
                       g->text.len, LT_LIMIT_PAYLOAD_BYTES);
    return LT_OK;
}

static lt_status change_selected(lt_group *g, lt_op *op, const lt_key *key, lt_error *err)
{
    bool delete = op->kind == LT_UPDATE_DELETE;
    wish w = {.keep = true};
    point p;

    LT_TRY(find(g, key, delete, &p, err));
    if (!p.exists && !p.damaged) {
        if (!delete)
            note_missing(op, key);
        return LT_OK;
    }
    op->result.n_changed++;
    w.payload = p.old.payload;
    w.payload_len = p.old.payload_len;
    switch (op->kind) {
    case LT_UPDATE_DELETE:
        return delete_point(g, &p, err);
    case LT_UPDATE_OVERWRITE_PAYLOAD:
    case LT_UPDATE_CLEAR_PAYLOAD:
        w.payload = op->payload;
        w.payload_len = op->payload_len;
        break;
    case LT_UPDATE_DELETE_VECTORS:
        w.drop = op->names;
        w.n_drop = op->n_names;
        break;
    default:
        LT_TRY(edit_payload(g, op, &p, err));
        w.payload = g->text.data;
        w.payload_len = g->text.len;
    }
    return write_point(g, &p, &w, err);
}

static lt_status change_filtered(lt_group *g, lt_op *op, lt_error *err)
{
    choosing c = {.g = g, .filter = op->filter};
    lt_status st = lt_schema_bind(g->schema, op->filter, &c.binding, err);

    if (st == LT_OK)
        st = lt_txn_each_point(g->txn, NULL, choose, &c, err);

    for (size_t at = 0; at < c.keys.len && st == LT_OK; at += sizeof(lt_key)) {
        lt_key key;

        memcpy(&key, c.keys.data + at, sizeof key);
        st = change_selected(g, op, &key, err);
    }
    lt_buf_done(&c.keys);
    lt_filter_binding_free(c.binding);
    return st;
}

static bool same_shape(const lt_vector_schema *a, const lt_vector_schema *b)
{
    return a->kind == b->kind && a->dims == b->dims && a->distance == b->distance &&
           a->element == b->element;
}

/* The schema may have changed since the vectors were encoded: a vacuum gives vectors new numbers, and
 * one may be gone. */
static lt_status follow_numbers(const lt_group *g, lt_op *op, lt_error *err)
{
    for (size_t i = 0; i < op->n_points; i++)
        for (size_t k = 0; k < op->points[i].n_vectors; k++) {
            lt_encoded *e = &op->points[i].vectors[k];
            const lt_schema_vector *s = lt_schema_find(g->schema, e->name);

            if (!s || !same_shape(&s->seen, e->seen))
                return lt_no_vector(e->name, err);
            e->number = s->number;
            e->stored.number = (uint16_t)s->number;
        }
    return LT_OK;
}

static lt_status check_names(const lt_group *g, const lt_op *op, lt_error *err)
{
    for (size_t i = 0; i < op->n_names; i++)
        if (!lt_schema_find(g->schema, op->names[i]))
            return lt_no_vector(op->names[i], err);
    return LT_OK;
}

static lt_status apply_kind(lt_group *g, lt_op *op, lt_error *err)
{
    LT_TRY(follow_numbers(g, op, err));
    LT_TRY(check_names(g, op, err));
    lt_binding_free(&op->update_binding);
    if (op->update_filter)
        LT_TRY(lt_schema_bind(g->schema, op->update_filter, &op->update_binding, err));
    if (op->kind == LT_UPDATE_UPSERT || op->kind == LT_UPDATE_SET_VECTORS) {
        for (size_t i = 0; i < op->n_points; i++)
            LT_TRY(op->kind == LT_UPDATE_UPSERT ? upsert(g, op, &op->points[i], err)
                                                : set_vectors(g, op, &op->points[i], err));
        return LT_OK;
    }
    if (op->filter)
        return change_filtered(g, op, err);
    for (size_t i = 0; i < op->n_ids; i++) {
        lt_key key;

        lt_key_of(&op->ids[i], &key);
        LT_TRY(change_selected(g, op, &key, err));
    }
    return LT_OK;
}

lt_status lt_op_apply(lt_group *g, lt_op *op, lt_error *err)
{
    op->result = (lt_update_result){.operation = g->counts.operations};
    LT_TRY(apply_kind(g, op, err));
    g->counts.operations++;
    return LT_OK;
}
