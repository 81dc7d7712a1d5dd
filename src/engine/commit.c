/* SPDX-License-Identifier: Apache-2.0
 * Group commit. Writers queue; the first becomes the leader and commits all that has queued as one
 * group: one write of vectors with one sync, then one LMDB transaction with its sync. Whoever comes
 * meanwhile is the next group. So the cost of a sync is shared by all who wait for it.
 *
 * Order on disk: vectors are synced before the transaction that names their slots commits. A crash
 * in between leaves slots above the stored mark, which the next group writes over. Nothing that was
 * acknowledged is touched by that: living slots are never written again. */
#include <base/hash.h>
#include <base/mem.h>
#include <string.h>

#include "engine.h"

enum { ROWS_FLUSH_BYTES = 4 << 20 };

/* A slot whose living changed, in order. */
typedef struct change {
    uint32_t slot;
    bool living;
} change;

typedef struct group {
    lt_collection *c;
    lt_txn *txn;
    uint64_t next, n_points; /* as they will be */
    uint64_t rows_at;        /* the slot that `rows` begins at */
    lt_buf rows;             /* vectors of slots rows_at.., not yet written */
    lt_buf record, old;
    change *changes;
    size_t n_changes, cap_changes;
    bool wrote_rows;
} group;

static lt_status note_change(group *g, uint32_t slot, bool living, lt_error *err)
{
    if (g->n_changes == g->cap_changes) {
        size_t cap = g->cap_changes ? g->cap_changes * 2 : 256;
        change *more = lt_realloc(g->changes, cap, sizeof *more);

        if (!more)
            return lt_fail_nomem(err);
        g->changes = more;
        g->cap_changes = cap;
    }
    g->changes[g->n_changes++] = (change){slot, living};
    return LT_OK;
}

static lt_status flush_rows(group *g, lt_error *err)
{
    size_t n = g->rows.len / g->c->stride;

    if (n == 0)
        return LT_OK;
    LT_TRY(lt_vecfile_map(&g->c->vectors, g->next, err));
    LT_TRY(lt_vecfile_write(&g->c->vectors, g->rows_at, g->rows.data, n, err));
    g->rows_at += n;
    lt_buf_clear(&g->rows);
    g->wrote_rows = true;
    return LT_OK;
}

static lt_status add_row(group *g, const char *row, uint32_t *slot, lt_error *err)
{
    if (g->next >= UINT32_MAX)
        return lt_fail(err, LT_EUNSUPPORTED, "collection '%s' has used up its 2^32 slots",
                       g->c->name);
    *slot = (uint32_t)g->next++;
    LT_TRY(lt_buf_add(&g->rows, row, g->c->stride, err));
    return g->rows.len >= ROWS_FLUSH_BYTES ? flush_rows(g, err) : LT_OK;
}

/* Reads what is stored for a key. LT_ENOTFOUND when nothing is. */
static lt_status stored(group *g, const lt_key *key, lt_record *out, lt_error *err)
{
    lt_buf_clear(&g->old);
    LT_TRY(lt_txn_get(g->txn, key, &g->old, err));
    return lt_record_decode(key->bytes, key->n, g->old.data, g->old.len, out, err);
}

static lt_status release_slot(group *g, uint32_t slot, lt_error *err)
{
    LT_TRY(lt_txn_clear_slot(g->txn, slot, err));
    return note_change(g, slot, false, err);
}

static lt_status put_point(group *g, const lt_point *p, const char *row, lt_error *err)
{
    lt_key key;
    lt_record old, r = {.vector_hash = lt_hash64(row, g->c->stride),
                        .payload = p->payload ? p->payload : "{}",
                        .payload_len = p->payload ? p->payload_len : 2};

    lt_key_of(&p->id, &key);
    lt_status st = stored(g, &key, &old, err);

    /* A record that cannot be read is replaced: writing over damage is how it is mended. */
    if (st != LT_OK && st != LT_ENOTFOUND && st != LT_ECORRUPT)
        return st;
    if (st == LT_OK && old.vector_hash == r.vector_hash) {
        r.slot = old.slot; /* the same vector: only the payload is new */
    } else {
        if (st == LT_OK)
            LT_TRY(release_slot(g, old.slot, err));
        else if (st == LT_ENOTFOUND)
            g->n_points++;
        LT_TRY(add_row(g, row, &r.slot, err));
        LT_TRY(lt_txn_put_slot(g->txn, r.slot, &key, err));
        LT_TRY(note_change(g, r.slot, true, err));
    }
    lt_buf_clear(&g->record);
    LT_TRY(lt_record_encode(&key, &r, &g->record, err));
    return lt_txn_put(g->txn, &key, g->record.data, g->record.len, err);
}

static lt_status delete_point(group *g, const lt_id *id, size_t *n_deleted, lt_error *err)
{
    lt_key key;
    lt_record old;

    lt_key_of(id, &key);
    lt_status st = stored(g, &key, &old, err);

    if (st == LT_ENOTFOUND)
        return LT_OK;
    LT_TRY(st);
    LT_TRY(release_slot(g, old.slot, err));
    LT_TRY(lt_txn_delete(g->txn, &key, err));
    g->n_points--;
    ++*n_deleted;
    return LT_OK;
}

static lt_status apply(group *g, lt_write *w, lt_error *err)
{
    w->n_deleted = 0;
    for (size_t i = 0; i < w->n_points; i++)
        LT_TRY(put_point(g, &w->points[i], w->rows + i * g->c->stride, err));
    for (size_t i = 0; i < w->n_deletes; i++)
        LT_TRY(delete_point(g, &w->deletes[i], &w->n_deleted, err));
    return w->metadata ? lt_txn_put_meta(g->txn, "metadata", w->metadata, err) : LT_OK;
}

/* Applies the writes in the open transaction and syncs their vectors. */
static lt_status apply_all(group *g, lt_write *writes, lt_error *err)
{
    LT_TRY(lt_txn_counts(g->txn, &g->next, &g->n_points, err));
    g->rows_at = g->next;
    g->n_changes = 0;
    lt_buf_clear(&g->rows);
    for (lt_write *w = writes; w; w = w->next)
        LT_TRY(apply(g, w, err));
    LT_TRY(flush_rows(g, err));
    LT_TRY(lt_txn_put_counts(g->txn, g->next, g->n_points, err));
    return g->wrote_rows && !g->c->db->options.no_sync ? lt_vecfile_sync(&g->c->vectors, err)
                                                       : LT_OK;
}

static lt_status new_view_of(group *g, lt_view **out, lt_error *err)
{
    lt_view *view;

    LT_TRY(lt_vecfile_map(&g->c->vectors, g->next, err));
    LT_TRY(lt_view_copy(g->c->view, &g->c->vectors, g->next, &view, err));
    for (size_t i = 0; i < g->n_changes; i++)
        lt_view_set(view, g->changes[i].slot, g->changes[i].living);
    view->n_points = g->n_points;
    view->txn = lt_txn_number(g->txn);
    *out = view;
    return LT_OK;
}

/* The view is made before the commit, so that nothing can fail after it. */
static lt_status commit_once(group *g, lt_write *writes, lt_error *err)
{
    lt_view *view = NULL;

    LT_TRY(lt_table_write(g->c->table, &g->txn, err));
    lt_status st = apply_all(g, writes, err);

    if (st == LT_OK)
        st = new_view_of(g, &view, err);
    if (st != LT_OK) {
        lt_txn_end(g->txn);
        return st;
    }
    st = lt_txn_commit(g->txn, err);
    if (st == LT_OK)
        lt_view_publish(g->c, view);
    else
        lt_view_unref(view);
    return st;
}

static lt_status commit_group(lt_collection *c, lt_write *writes, lt_error *err)
{
    group g = {.c = c};
    lt_status st;

    while ((st = commit_once(&g, writes, err)) == LT_ELIMIT) {
        st = lt_table_grow(c->table, err);
        if (st != LT_OK)
            break;
    }
    lt_buf_done(&g.rows);
    lt_buf_done(&g.record);
    lt_buf_done(&g.old);
    lt_free(g.changes);
    return st;
}

/* Commits all that has queued; write_lock is held on entry and exit. A group that fails is tried
 * write by write, so that nobody fails for another's sake. */
static void lead(lt_collection *c)
{
    lt_write *writes = c->first;
    lt_error why = {0};

    c->first = c->last = NULL;
    pthread_mutex_unlock(&c->write_lock);
    lt_status st = commit_group(c, writes, &why);

    for (lt_write *w = writes; w; w = w->next) {
        w->status = st;
        w->why = why;
    }
    if (st != LT_OK && writes->next) {
        for (lt_write *w = writes; w; w = w->next) {
            lt_write *next = w->next;

            w->next = NULL;
            w->status = commit_group(c, w, &w->why);
            w->next = next;
        }
    }
    pthread_mutex_lock(&c->write_lock);
    for (lt_write *w = writes, *next; w; w = next) {
        next = w->next; /* once done, w may be gone */
        w->done = true;
    }
    pthread_cond_broadcast(&c->write_done);
}

lt_status lt_write_submit(lt_collection *c, lt_write *w, lt_error *err)
{
    pthread_mutex_lock(&c->write_lock);
    w->next = NULL;
    w->done = false;
    if (c->last)
        c->last->next = w;
    else
        c->first = w;
    c->last = w;
    while (!w->done) {
        if (c->leading) {
            pthread_cond_wait(&c->write_done, &c->write_lock);
            continue;
        }
        c->leading = true;
        lead(c);
        c->leading = false;
        pthread_cond_broadcast(&c->write_done);
    }
    pthread_mutex_unlock(&c->write_lock);
    if (w->status != LT_OK && err)
        *err = w->why;
    return w->status;
}
