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

static size_t words_for(uint64_t n_slots)
{
    return (size_t)((n_slots + 63) / 64);
}

static lt_status new_view(const lt_vecfile *vectors, uint64_t n_slots, lt_view **out, lt_error *err)
{
    lt_view *v = lt_calloc(1, sizeof *v);

    if (!v)
        return lt_fail_nomem(err);
    atomic_init(&v->refs, 1);
    v->n_slots = n_slots;
    v->n_chunks = vectors->n_chunks;
    v->chunks = lt_calloc(vectors->n_chunks, sizeof *v->chunks);
    v->living = lt_calloc(words_for(n_slots), sizeof *v->living);
    if (!v->chunks || !v->living) {
        lt_view_unref(v);
        return lt_fail_nomem(err);
    }
    for (size_t i = 0; i < vectors->n_chunks; i++)
        v->chunks[i] = vectors->chunks[i];
    *out = v;
    return LT_OK;
}

void lt_view_unref(lt_view *v)
{
    if (!v || atomic_fetch_sub(&v->refs, 1) != 1)
        return;
    lt_free(v->chunks);
    lt_free(v->living);
    lt_free(v);
}

void lt_view_set(lt_view *v, uint64_t slot, bool living)
{
    uint64_t bit = (uint64_t)1 << (slot % 64);

    if (living)
        v->living[slot / 64] |= bit;
    else
        v->living[slot / 64] &= ~bit;
}

lt_status lt_view_copy(const lt_view *old, const lt_vecfile *vectors, uint64_t n_slots,
                       lt_view **out, lt_error *err)
{
    LT_TRY(new_view(vectors, n_slots, out, err));
    memcpy((*out)->living, old->living, words_for(old->n_slots) * sizeof *old->living);
    (*out)->n_points = old->n_points;
    return LT_OK;
}

typedef struct loading {
    lt_view *view;
    uint64_t n;
    bool out_of_range;
} loading;

static void load_slot(void *context, uint32_t slot)
{
    loading *l = context;

    if (slot >= l->view->n_slots) {
        l->out_of_range = true;
        return;
    }
    lt_view_set(l->view, slot, true);
    l->n++;
}

lt_status lt_view_load(lt_collection *c, lt_txn *txn, lt_view **out, lt_error *err)
{
    uint64_t n_slots, n_points;

    LT_TRY(lt_txn_counts(txn, &n_slots, &n_points, err));
    if (n_slots > UINT32_MAX || n_points > n_slots)
        return lt_fail(err, LT_ECORRUPT, "collection '%s': %llu points in %llu slots cannot be",
                       c->name, (unsigned long long)n_points, (unsigned long long)n_slots);
    LT_TRY(lt_vecfile_map(&c->vectors, n_slots, err));
    loading l = {0};

    LT_TRY(new_view(&c->vectors, n_slots, &l.view, err));
    lt_status st = lt_txn_each_slot(txn, load_slot, &l, err);

    if (st == LT_OK && (l.out_of_range || l.n != n_points))
        st = lt_fail(err, LT_ECORRUPT,
                     "collection '%s': the slot table holds %llu points, %llu are expected", c->name,
                     (unsigned long long)l.n, (unsigned long long)n_points);
    if (st != LT_OK) {
        lt_view_unref(l.view);
        return st;
    }
    l.view->n_points = n_points;
    l.view->txn = lt_txn_number(txn);
    *out = l.view;
    return LT_OK;
}

void lt_view_publish(lt_collection *c, lt_view *v)
{
    pthread_mutex_lock(&c->view_lock);
    lt_view *old = c->view;

    c->view = v;
    pthread_mutex_unlock(&c->view_lock);
    lt_view_unref(old);
}

/* A read-only process learns of other processes' commits here. view_lock is held. */
static lt_status renew(lt_collection *c, lt_txn *txn, lt_error *err)
{
    lt_view *fresh;

    LT_TRY(lt_view_load(c, txn, &fresh, err));
    lt_view_unref(c->view);
    c->view = fresh;
    return LT_OK;
}

lt_status lt_snapshot_take(lt_collection *c, lt_snapshot *out, lt_error *err)
{
    for (;;) {
        lt_txn *txn;
        lt_status st = LT_OK;

        LT_TRY(lt_table_read(c->table, &txn, err));
        pthread_mutex_lock(&c->view_lock);
        if (c->db->options.read_only && c->view->txn != lt_txn_number(txn))
            st = renew(c, txn, err);
        lt_view *view = c->view;
        bool same = st == LT_OK && view->txn == lt_txn_number(txn);

        if (same)
            atomic_fetch_add(&view->refs, 1);
        pthread_mutex_unlock(&c->view_lock);
        if (same) {
            *out = (lt_snapshot){view, txn};
            return LT_OK;
        }
        lt_txn_end(txn);
        if (st != LT_OK)
            return st;
        sched_yield();
    }
}

void lt_snapshot_done(lt_snapshot *s)
{
    lt_txn_end(s->txn);
    lt_view_unref(s->view);
    *s = (lt_snapshot){0};
}
