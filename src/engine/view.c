/* SPDX-License-Identifier: Apache-2.0
 * Views and snapshots.
 *
 * A commit becomes visible in two steps: LMDB's, then the publishing of the view, a moment apart. A
 * reader that begins its transaction in between would see points whose slots its view does not know.
 * The view carries the number of the commit it shows, so the reader notices and takes both again;
 * the writer never has to hold a lock that readers need while it syncs. */
#include <base/mem.h>
#include <sched.h>
#include <string.h>

#include "engine.h"

/* The bits and row pointers of one vector. */
static lt_status fill_vector(lt_view *v, size_t i, lt_error *err)
{
    const lt_vecs *vecs = v->schema->vectors[i].vecs;
    lt_view_vector *out = &v->vectors[i];

    out->present = lt_calloc(lt_bit_words(v->n_slots), sizeof *out->present);
    if (!out->present)
        return lt_fail_nomem(err);
    if (!vecs)
        return LT_OK;
    out->chunks = lt_calloc(vecs->file.n_chunks, sizeof *out->chunks);
    if (!out->chunks)
        return lt_fail_nomem(err);
    out->n_chunks = vecs->file.n_chunks;
    for (size_t k = 0; k < out->n_chunks; k++)
        out->chunks[k] = vecs->file.chunks[k];
    return LT_OK;
}

/* An empty view; maps the vector files as far as n_slots. Takes over the reference to `schema`. */
static lt_status new_view(lt_schema *schema, uint64_t n_slots, lt_view **out, lt_error *err)
{
    lt_view *v = lt_calloc(1, sizeof *v);
    lt_status st = LT_OK;

    if (!v) {
        lt_schema_unref(schema);
        return lt_fail_nomem(err);
    }
    atomic_init(&v->refs, 1);
    v->n_slots = n_slots;
    v->schema = schema;
    v->living = lt_calloc(lt_bit_words(n_slots), sizeof *v->living);
    v->vectors = lt_calloc(schema->n_vectors, sizeof *v->vectors);
    if (!v->living || !v->vectors)
        st = lt_fail_nomem(err);
    for (size_t i = 0; i < schema->n_vectors && st == LT_OK; i++) {
        if (schema->vectors[i].vecs)
            st = lt_vecfile_map(&schema->vectors[i].vecs->file, n_slots, err);
        if (st == LT_OK)
            st = fill_vector(v, i, err);
    }
    if (st != LT_OK) {
        lt_view_unref(v);
        return st;
    }
    *out = v;
    return LT_OK;
}

lt_view *lt_view_ref(lt_view *v)
{
    atomic_fetch_add(&v->refs, 1);
    return v;
}

/* view_lock is held. */
static void unlist(lt_view *v)
{
    if (!v->c)
        return; /* never published */
    if (v->newer)
        v->newer->older = v->older;
    else
        v->c->newest = v->older;
    if (v->older)
        v->older->newer = v->newer;
}

static void free_view(lt_view *v)
{
    for (size_t i = 0; v->vectors && i < v->schema->n_vectors; i++) {
        lt_free(v->vectors[i].chunks);
        lt_free(v->vectors[i].present);
    }
    lt_free(v->vectors);
    lt_free(v->living);
    lt_pidx_state_unref(v->payload_index);
    lt_schema_unref(v->schema);
    lt_free(v);
}

/* The last reference: nobody can get another one, for the view is no longer the collection's. */
static void unref_locked(lt_view *v, lt_view **dead)
{
    *dead = NULL;
    if (v && atomic_fetch_sub(&v->refs, 1) == 1) {
        unlist(v);
        *dead = v;
    }
}

void lt_view_unref(lt_view *v)
{
    lt_collection *c = v ? v->c : NULL;

    if (!v)
        return;
    if (!c) {
        free_view(v);
        return;
    }
    /* Only the last one needs the lock, but a view must leave the list before it is freed. */
    pthread_mutex_lock(&c->view_lock);
    unref_locked(v, &v);
    pthread_mutex_unlock(&c->view_lock);
    if (v)
        free_view(v);
}

lt_view *lt_view_current(lt_collection *c)
{
    pthread_mutex_lock(&c->view_lock);
    lt_view *v = lt_view_ref(c->view);

    pthread_mutex_unlock(&c->view_lock);
    return v;
}

bool lt_view_is_oldest(lt_collection *c, const lt_view *v)
{
    pthread_mutex_lock(&c->view_lock);
    bool oldest = !v->older;

    pthread_mutex_unlock(&c->view_lock);
    return oldest;
}

lt_status lt_view_copy(const lt_view *old, lt_schema *schema, uint64_t n_slots, lt_view **out,
                       lt_error *err)
{
    size_t words = lt_bit_words(old->n_slots);
    lt_view *v;

    LT_TRY(new_view(lt_schema_ref(schema), n_slots, &v, err));
    memcpy(v->living, old->living, words * sizeof *old->living);
    for (size_t i = 0; i < schema->n_vectors; i++) {
        size_t k = lt_schema_by_number(old->schema, schema->vectors[i].number);

        if (k < old->schema->n_vectors) {
            memcpy(v->vectors[i].present, old->vectors[k].present, words * sizeof *old->living);
            v->vectors[i].n_present = old->vectors[k].n_present;
        }
    }
    v->n_points = old->n_points;
    *out = v;
    return LT_OK;
}

lt_hnsw_vectors lt_view_vectors(const lt_view *v, size_t i)
{
    const lt_schema_vector *s = &v->schema->vectors[i];

    return (lt_hnsw_vectors){.chunks = v->vectors[i].chunks,
                             .n_chunks = v->vectors[i].n_chunks,
                             .chunk_slots = LT_VEC_CHUNK_SLOTS,
                             .stride = s->stride,
                             .dims = s->seen.dims,
                             .distance = s->seen.distance,
                             .element = s->seen.element};
}

/* ---- loading --------------------------------------------------------------------------------- */

typedef struct loading {
    lt_view *view;
    uint64_t n;
    bool out_of_range;
} loading;

static void load_slot(void *context, uint32_t slot, const uint8_t *numbers, size_t n_bytes)
{
    loading *l = context;
    const lt_schema *s = l->view->schema;

    if (slot >= l->view->n_slots) {
        l->out_of_range = true;
        return;
    }
    lt_bit_set(l->view->living, slot, true);
    for (size_t i = 0; i < s->n_vectors; i++) {
        uint32_t number = s->vectors[i].number;

        if (number / 8 < n_bytes && (numbers[number / 8] >> (number % 8) & 1)) {
            lt_bit_set(l->view->vectors[i].present, slot, true);
            l->view->vectors[i].n_present++;
        }
    }
    l->n++;
}

static lt_status load_slots(lt_collection *c, lt_txn *txn, const lt_counts *counts, lt_view *v,
                            lt_error *err)
{
    loading l = {.view = v};

    LT_TRY(lt_txn_each_slot(txn, load_slot, &l, err));
    if (l.out_of_range || l.n != counts->n_points)
        return lt_fail(err, LT_ECORRUPT,
                       "collection '%s': the slot table holds %llu points, %llu are expected",
                       c->name, (unsigned long long)l.n, (unsigned long long)counts->n_points);
    v->n_points = counts->n_points;
    v->txn = lt_txn_number(txn);
    return lt_payload_index_for(v->schema, NULL, &v->payload_index, err);
}

lt_status lt_view_load(lt_collection *c, lt_txn *txn, lt_schema *schema, lt_view **out,
                       lt_error *err)
{
    lt_counts counts;
    lt_view *v;
    lt_status st = lt_txn_counts(txn, &counts, err);

    if (st == LT_OK && (counts.next_slot > UINT32_MAX || counts.n_points > counts.next_slot))
        st = lt_fail(err, LT_ECORRUPT, "collection '%s': %llu points in %llu slots cannot be",
                     c->name, (unsigned long long)counts.n_points,
                     (unsigned long long)counts.next_slot);
    if (st != LT_OK) {
        lt_schema_unref(schema);
        return st;
    }
    LT_TRY(new_view(schema, counts.next_slot, &v, err));
    st = load_slots(c, txn, &counts, v, err);
    if (st != LT_OK) {
        lt_view_unref(v);
        return st;
    }
    *out = v;
    return LT_OK;
}

/* view_lock is held. */
static lt_view *publish_locked(lt_collection *c, lt_view *v)
{
    lt_view *old = c->view, *dead;

    v->c = c;
    v->older = c->newest;
    if (c->newest)
        c->newest->newer = v;
    c->newest = c->view = v;
    unref_locked(old, &dead);
    return dead;
}

void lt_view_publish(lt_collection *c, lt_view *v)
{
    pthread_mutex_lock(&c->view_lock);
    lt_view *dead = publish_locked(c, v);

    pthread_mutex_unlock(&c->view_lock);
    if (dead)
        free_view(dead);
}

/* ---- snapshots ------------------------------------------------------------------------------- */

/* A read-only process learns of other processes' commits here. view_lock is held. */
static lt_status renew(lt_collection *c, lt_txn *txn, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf config = {0};
    lt_schema *schema;
    lt_view *fresh;

    LT_TRY(lt_txn_meta(txn, "config", &config, err));
    LT_TRY(lt_schema_load(c->dir, config.data, config.len, true, c->view->schema, &schema, err));
    LT_TRY(lt_view_load(c, txn, schema, &fresh, err));
    lt_view *dead = publish_locked(c, fresh);

    if (dead)
        free_view(dead);
    return LT_OK;
}

lt_status lt_snapshot_take(lt_collection *c, lt_snapshot *out, lt_error *err)
{
    uint64_t failed = 0; /* the commit that could not be shown */

    for (;;) {
        lt_txn *txn;
        lt_status st = LT_OK;

        LT_TRY(lt_table_read(c->table, &txn, err));
        uint64_t number = lt_txn_number(txn);

        pthread_mutex_lock(&c->view_lock);
        if (c->db->options.read_only && c->view->txn != number)
            st = renew(c, txn, err);
        bool same = st == LT_OK && c->view->txn == number;
        lt_view *view = same ? lt_view_ref(c->view) : NULL;

        pthread_mutex_unlock(&c->view_lock);
        if (same) {
            *out = (lt_snapshot){view, txn};
            return LT_OK;
        }
        lt_txn_end(txn);
        /* The owner may have taken files of this commit away since: then there is a newer one. */
        if (st != LT_OK && number == failed)
            return st;
        failed = st != LT_OK ? number : 0;
        sched_yield();
    }
}

void lt_snapshot_done(lt_snapshot *s)
{
    lt_txn_end(s->txn);
    lt_view_unref(s->view);
    *s = (lt_snapshot){0};
}
