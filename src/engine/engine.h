/* SPDX-License-Identifier: Apache-2.0
 * The engine's own types. It implements lt_db_*, lt_collection_*, lt_points_* and lt_hits_* of
 * latent.h.
 *
 * Threads: any number of readers and writers. Writers queue; one of them, the leader, commits what
 * has queued up as one group (commit.c). Readers take a view (an immutable picture of which slots
 * live, refcounted) and an LMDB read transaction of the same state, and are never blocked by a sync. */
#ifndef LT_ENGINE_ENGINE_H
#define LT_ENGINE_ENGINE_H

#include <base/buf.h>
#include <latent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <store/catalog.h>
#include <store/table.h>
#include <store/vecfile.h>

/* Which slots hold living points after one commit. Immutable once published. */
typedef struct lt_view {
    atomic_int refs;
    uint64_t txn;     /* number of the commit it shows */
    uint64_t n_slots; /* slots at and above do not exist in it */
    uint64_t n_points;
    const void **chunks; /* of vectors; own copy of the pointers */
    size_t n_chunks;
    uint64_t *living; /* a bit a slot */
} lt_view;

typedef struct lt_write lt_write;

struct lt_collection {
    lt_db *db;
    char *name, *dir;
    unsigned refs; /* guarded by db->lock */
    lt_collection *next;
    uint32_t dims;
    lt_distance distance;
    size_t stride; /* bytes between vectors */
    lt_table *table;

    pthread_mutex_t view_lock; /* guards view and, for read-only, its renewal */
    lt_view *view;

    pthread_mutex_t write_lock; /* guards the queue */
    pthread_cond_t write_done;
    lt_write *first, *last;
    bool leading;
    lt_vecfile vectors; /* touched by the leader only (read-only: under view_lock) */

    pthread_mutex_t meta_lock;
    char *metadata; /* last one read, for lt_collection_get_info */
};

struct lt_db {
    char *path;
    lt_db_options options;
    int lock_fd; /* -1 when read-only */
    lt_catalog *catalog;
    pthread_mutex_t lock; /* guards `open` and creating, dropping */
    lt_collection *open;
};

/* ---- view.c ---------------------------------------------------------------------------------- */

/* A view of what a transaction sees, from the slots table. */
lt_status lt_view_load(lt_collection *c, lt_txn *txn, lt_view **out, lt_error *err) LT_NODISCARD;
/* A copy of `old` with room for n_slots, to be changed and published. */
lt_status lt_view_copy(const lt_view *old, const lt_vecfile *vectors, uint64_t n_slots,
                       lt_view **out, lt_error *err) LT_NODISCARD;
void lt_view_unref(lt_view *v);
void lt_view_set(lt_view *v, uint64_t slot, bool living);
/* Makes `v` (taking over its reference) the one that readers get. */
void lt_view_publish(lt_collection *c, lt_view *v);

/* One committed state: its slots, and a transaction to read its points. */
typedef struct lt_snapshot {
    lt_view *view;
    lt_txn *txn;
} lt_snapshot;

lt_status lt_snapshot_take(lt_collection *c, lt_snapshot *out, lt_error *err) LT_NODISCARD;
void lt_snapshot_done(lt_snapshot *s);

static inline const float *lt_view_vector(const lt_collection *c, const lt_view *v, uint64_t slot)
{
    const char *chunk = v->chunks[slot / LT_VEC_CHUNK_SLOTS];

    return (const float *)(const void *)(chunk + slot % LT_VEC_CHUNK_SLOTS * c->stride);
}

/* ---- commit.c -------------------------------------------------------------------------------- */

/* What one caller wants written. Lives on the caller's stack until it is done. */
struct lt_write {
    const lt_point *points; /* to upsert; vectors as stored: padded rows of c->stride bytes */
    const char *rows;
    size_t n_points;
    const lt_id *deletes;
    size_t n_deletes;
    const char *metadata; /* to replace, or NULL */

    size_t n_deleted; /* result */
    lt_status status;
    lt_error why;
    bool done;
    lt_write *next;
};

/* Writes durably, together with whoever else is writing. */
lt_status lt_write_submit(lt_collection *c, lt_write *w, lt_error *err) LT_NODISCARD;

/* ---- hits.c ---------------------------------------------------------------------------------- */

typedef struct lt_hit_builder {
    lt_hits hits; /* first, so that lt_hits_free gets the builder back */
    lt_hit *items;
    size_t cap;
    size_t dims;
} lt_hit_builder;

lt_status lt_hits_new(size_t dims, lt_hit_builder **out, lt_error *err) LT_NODISCARD;
/* Adds a copy of the record (checked against `vector`) as a hit. */
lt_status lt_hits_add(lt_hit_builder *b, lt_collection *c, const lt_view *view, const lt_id *id,
                      const lt_record *record, float score, bool with_payload, bool with_vector,
                      lt_error *err) LT_NODISCARD;

#endif
