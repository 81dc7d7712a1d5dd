/* SPDX-License-Identifier: Apache-2.0
 * Group commit. Writers queue; the first becomes the leader and commits all that has queued as one
 * group: one write of vectors with one sync a file, then one LMDB transaction with its sync. Whoever
 * comes meanwhile is the next group. So the cost of a sync is shared by all who wait for it.
 *
 * Order on disk: vectors are synced before the transaction that names their slots commits. A crash
 * in between leaves slots above the stored mark, which the next group writes over. Nothing that was
 * acknowledged is touched by that: living slots are never written again. */
#include <base/mem.h>
#include <string.h>

#include "engine.h"

enum { ROWS_FLUSH_BYTES = 4 << 20 };

/* ---- rows ------------------------------------------------------------------------------------ */

static lt_vecfile *file_of(lt_group *g, size_t i)
{
    return &g->schema->vectors[i].vecs->file;
}

static lt_status flush_rows(lt_group *g, size_t i, lt_error *err)
{
    lt_rows *r = &g->rows[i];
    size_t n;

    if (r->bytes.len == 0)
        return LT_OK;
    n = r->bytes.len / g->schema->vectors[i].stride;
    LT_TRY(lt_vecfile_map(file_of(g, i), r->first + n, err));
    LT_TRY(lt_vecfile_write(file_of(g, i), r->first, r->bytes.data, n, err));
    lt_buf_clear(&r->bytes);
    r->dirty = true;
    return LT_OK;
}

lt_status lt_group_add_row(lt_group *g, size_t i, uint32_t slot, const void *row, lt_error *err)
{
    lt_rows *r = &g->rows[i];
    size_t stride = g->schema->vectors[i].stride;

    if (r->bytes.len >= ROWS_FLUSH_BYTES || r->first + r->bytes.len / stride != slot)
        LT_TRY(flush_rows(g, i, err));
    if (r->bytes.len == 0)
        r->first = slot;
    return lt_buf_add(&r->bytes, row, stride, err);
}

lt_status lt_group_row(lt_group *g, size_t i, uint32_t slot, const void **out, lt_error *err)
{
    size_t stride = g->schema->vectors[i].stride;

    if (g->rows[i].bytes.len && slot >= g->rows[i].first)
        LT_TRY(flush_rows(g, i, err));
    LT_TRY(lt_vecfile_map(file_of(g, i), (uint64_t)slot + 1, err));
    *out = (const char *)file_of(g, i)->chunks[slot / LT_VEC_CHUNK_SLOTS] +
           slot % LT_VEC_CHUNK_SLOTS * stride;
    return LT_OK;
}

static lt_status finish_rows(lt_group *g, lt_error *err)
{
    for (size_t i = 0; i < g->schema->n_vectors; i++) {
        LT_TRY(flush_rows(g, i, err));
        if (g->rows[i].dirty && !g->c->db->options.no_sync)
            LT_TRY(lt_vecfile_sync(file_of(g, i), err));
        g->rows[i].dirty = false;
    }
    return LT_OK;
}

/* ---- what changes in the view ---------------------------------------------------------------- */

lt_status lt_group_note(lt_group *g, uint32_t slot, uint32_t number, bool on, lt_error *err)
{
    lt_slot_change *more = lt_grow(g->changes, g->n_changes, &g->cap_changes, sizeof *more);

    if (!more)
        return lt_fail_nomem(err);
    g->changes = more;
    g->changes[g->n_changes++] = (lt_slot_change){slot, number, on};
    return LT_OK;
}

static void set_present(lt_view_vector *v, uint32_t slot, bool on)
{
    v->n_present += (uint64_t)on - (uint64_t)lt_bit_get(v->present, slot);
    lt_bit_set(v->present, slot, on);
}

static void apply_changes(const lt_group *g, lt_view *v)
{
    for (size_t i = 0; i < g->n_changes; i++) {
        const lt_slot_change *c = &g->changes[i];
        size_t k;

        if (c->number == LT_SLOT_ITSELF)
            lt_bit_set(v->living, c->slot, c->on);
        else if ((k = lt_schema_by_number(v->schema, c->number)) < v->schema->n_vectors)
            set_present(&v->vectors[k], c->slot, c->on);
    }
}

static lt_status new_view_of(lt_group *g, bool schema_changed, lt_view **out, lt_error *err)
{
    const lt_view *old = g->c->view;
    lt_view *v;

    if (g->renumbered)
        return lt_view_load(g->c, g->txn, lt_schema_ref(g->schema), out, err);
    LT_TRY(lt_view_copy(old, g->schema, g->counts.next_slot, &v, err));
    apply_changes(g, v);
    v->n_points = g->counts.n_points;
    v->txn = lt_txn_number(g->txn);
    lt_status st = LT_OK;

    if (schema_changed)
        st = lt_payload_index_for(g->schema, old->payload_index, &v->payload_index, err);
    else if (old->payload_index)
        st = lt_pidx_state_next(old->payload_index, g->payload_changes, g->n_payload_changes,
                                &v->payload_index, err);

    if (st != LT_OK) {
        lt_view_unref(v);
        return st;
    }
    *out = v;
    return LT_OK;
}

/* ---- one group ------------------------------------------------------------------------------- */

static lt_status set_rows(lt_group *g, lt_error *err)
{
    for (size_t i = 0; g->rows && i < g->schema->n_vectors; i++)
        lt_buf_done(&g->rows[i].bytes);
    lt_free(g->rows);
    g->rows = lt_calloc(g->schema->n_vectors, sizeof *g->rows);
    return g->rows ? LT_OK : lt_fail_nomem(err);
}

static void group_done(lt_group *g)
{
    for (size_t i = 0; g->rows && i < g->schema->n_vectors; i++)
        lt_buf_done(&g->rows[i].bytes);
    lt_free(g->rows);
    lt_schema_unref(g->schema);
    lt_buf_done(&g->record);
    lt_buf_done(&g->old);
    lt_buf_done(&g->text);
    lt_free(g->changes);
    lt_free(g->payload_changes);
    lt_arena_done(&g->arena);
}

lt_status lt_group_set_schema(lt_group *g, lt_schema *schema, lt_error *err)
{
    for (size_t i = 0; i < g->schema->n_vectors; i++)
        lt_buf_done(&g->rows[i].bytes);
    lt_schema_unref(g->schema);
    g->schema = schema;
    lt_free(g->rows);
    g->rows = NULL;
    LT_TRY(set_rows(g, err));
    return lt_txn_put_meta(g->txn, "config", schema->config, err);
}

/* Applies what `w` wants. Where one of its updates fails, those before it are its result. */
static lt_status apply(lt_group *g, lt_write *w)
{
    if (w->change) {
        w->status = w->change(g, w->context, &w->why);
        return w->status;
    }
    for (size_t i = 0; i < w->n_applied; i++) {
        lt_status st = lt_op_apply(g, &w->ops[i], &w->why);

        if (st != LT_OK) {
            w->n_applied = i;
            w->status = st;
            return st;
        }
    }
    return LT_OK;
}

static size_t n_wanted(const lt_write *writes)
{
    size_t n = 0;

    for (const lt_write *w = writes; w; w = w->next)
        n += w->change ? 1 : w->n_applied;
    return n;
}

static lt_status end_group(lt_group *g, bool schema_changed, lt_error *err)
{
    lt_view *view = NULL;

    /* The view is made before the commit, so that nothing can fail after it. */
    lt_status st = finish_rows(g, err);

    if (st == LT_OK)
        st = lt_txn_put_counts(g->txn, &g->counts, err);
    if (st == LT_OK)
        st = new_view_of(g, schema_changed, &view, err);
    if (st != LT_OK) {
        lt_txn_end(g->txn);
        return st;
    }
    st = lt_txn_commit(g->txn, err);
    if (st != LT_OK) {
        lt_view_unref(view);
        return st;
    }
    lt_view_publish(g->c, view);
    lt_index_consider(g->c);
    return LT_OK;
}

/* *again: an update failed and was taken out; the others are to be done again without it. */
static lt_status commit_once(lt_collection *c, lt_write *writes, bool *again, lt_error *err)
{
    LT_CLEANUP(group_done) lt_group g = {.c = c, .schema = lt_schema_ref(c->view->schema)};
    lt_status st;

    *again = false;
    LT_TRY(set_rows(&g, err));
    LT_TRY(lt_table_write(c->table, &g.txn, err));
    st = lt_txn_counts(g.txn, &g.counts, err);
    for (lt_write *w = writes; w && st == LT_OK; w = w->next) {
        st = apply(&g, w);
        if (st != LT_OK) {
            *again = !w->change && !lt_table_full(c->table);
            if (err)
                *err = w->why;
        }
    }
    if (st != LT_OK) {
        lt_txn_end(g.txn);
        return st;
    }
    return end_group(&g, writes->change != NULL, err);
}

/* The updates that are to be applied and what they have said so far. */
static void begin_again(lt_write *writes)
{
    for (lt_write *w = writes; w; w = w->next) {
        w->n_applied = w->n_ops;
        w->status = LT_OK;
    }
}

static lt_status commit_group(lt_collection *c, lt_write *writes, lt_error *err)
{
    lt_status st = LT_OK;
    bool again = true;

    begin_again(writes);
    while (again && n_wanted(writes) > 0) {
        st = commit_once(c, writes, &again, err);
        if (st != LT_OK && lt_table_full(c->table)) {
            LT_TRY(lt_table_grow(c->table, err));
            begin_again(writes);
            again = true;
        } else if (again) {
            st = LT_OK;
        }
    }
    return st;
}

/* Fails where the group as a whole did; then each of its writes has. */
static lt_status settle(lt_collection *c, lt_write *writes)
{
    lt_error why = {0};
    lt_status st = commit_group(c, writes, &why);

    for (lt_write *w = writes; st != LT_OK && w; w = w->next) {
        w->n_applied = 0;
        w->status = st;
        w->why = why;
    }
    return st;
}

/* The next group: one change, or all updates up to the next change. write_lock is held. */
static lt_write *take_group(lt_collection *c)
{
    lt_write *first = c->first, *last = first;

    while (!first->change && last->next && !last->next->change)
        last = last->next;
    c->first = last->next;
    if (!c->first)
        c->last = NULL;
    last->next = NULL;
    return first;
}

/* Commits a group; write_lock is held on entry and exit. A group that fails as a whole is tried
 * write by write, so that nobody fails for another's sake. */
static void lead(lt_collection *c)
{
    lt_write *writes = take_group(c);

    pthread_mutex_unlock(&c->write_lock);
    if (settle(c, writes) != LT_OK && writes->next) {
        for (lt_write *w = writes; w; w = w->next) {
            lt_write *next = w->next;

            w->next = NULL;
            (void)settle(c, w);
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
    if (atomic_load(&c->dropped))
        return lt_fail(err, LT_ENOTFOUND, "Collection `%s` doesn't exist!", c->name);
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
