/* SPDX-License-Identifier: Apache-2.0
 * The engine's own types. It implements lt_db_*, lt_collection_*, lt_aliases_*, lt_points_* and
 * lt_hits_* of latent.h, and reader.h for the layers above.
 *
 * Threads: any number of readers and writers. Writers queue; one of them, the leader, commits what
 * has queued up as one group (commit.c). Readers take a view (an immutable picture of which slots
 * live and which vectors they have, refcounted) and an LMDB read transaction of the same state, and
 * are never blocked by a sync. */
#ifndef LT_ENGINE_ENGINE_H
#define LT_ENGINE_ENGINE_H

#include <base/arena.h>
#include <base/buf.h>
#include <latent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <store/catalog.h>
#include <store/table.h>
#include <store/vecfile.h>

#include "indexer.h"
#include "payload_index.h"
#include "schema.h"

/* The rows of one dense vector in one view. */
typedef struct lt_view_vector {
    const void **chunks; /* own copy of the pointers; NULL where the vector is not dense */
    size_t n_chunks;
    uint64_t *present; /* a bit a slot: does the point have it? */
    uint64_t n_present;
} lt_view_vector;

/* Which slots hold living points after one commit. Immutable once published. */
typedef struct lt_view {
    atomic_int refs;
    lt_collection *c;
    struct lt_view *older, *newer; /* all views that somebody holds; c->view_lock */
    uint64_t txn;     /* number of the commit it shows */
    uint64_t n_slots; /* slots at and above do not exist in it */
    uint64_t n_points;
    uint64_t *living; /* a bit a slot */
    lt_schema *schema;
    lt_view_vector *vectors; /* as many as the schema has, in its order */
    lt_pidx_state *payload_index; /* NULL: the schema has none */
} lt_view;

typedef struct lt_write lt_write;
typedef struct lt_group lt_group;

struct lt_collection {
    lt_db *db;
    char *name, *dir;
    unsigned refs; /* guarded by db->lock; 0: open, but used by nobody */
    lt_collection *next, *next_closing;
    atomic_bool dropped; /* its name is gone; its files go with the last reference */
    lt_table *table;

    pthread_mutex_t view_lock; /* guards view, the list and, for read-only, the renewal */
    lt_view *view;             /* the one that readers get */
    lt_view *newest;           /* of the list of views */

    pthread_mutex_t write_lock; /* guards the queue */
    pthread_cond_t write_done;
    lt_write *first, *last;
    bool leading;

    pthread_mutex_t meta_lock;
    char *metadata; /* last one read, for lt_collection_get_info */

    lt_indexing indexing;
};

struct lt_db {
    char *path;
    lt_db_options options;
    int lock_fd; /* -1 when read-only */
    lt_catalog *catalog;
    pthread_mutex_t lock; /* guards `open` and creating, dropping, aliases */
    lt_collection *open; /* the last used first */
    lt_collection *closing; /* being freed: their files must not be opened meanwhile */
    pthread_cond_t closed;  /* one of them is gone */
    pthread_mutex_t snapshots; /* one is written at a time */
    lt_indexer indexer;
};

/* ---- create.c -------------------------------------------------------------------------------- */

/* `what`: "collection", "alias". */
lt_status lt_check_name(const char *name, const char *what, lt_error *err) LT_NODISCARD;
enum { LT_FOLDER_NAME = 33 };
/* Makes the files of an empty collection in a folder that the catalog does not name yet; *path gets
 * appended where. Without a name it is cleared away when the database is opened the next time. */
lt_status lt_folder_create(lt_db *db, const char *config, const char *metadata,
                           char name[LT_FOLDER_NAME], lt_buf *path, lt_error *err) LT_NODISCARD;

/* ---- collection.c ---------------------------------------------------------------------------- */

lt_status lt_check_writable(const lt_db *db, lt_error *err) LT_NODISCARD;
/* Opens the collection in a folder that the catalog does not name: the caller's alone. */
lt_status lt_collection_open_apart(lt_db *db, const char *name, const char *dir,
                                   lt_collection **out, lt_error *err) LT_NODISCARD;
void lt_collection_close_apart(lt_collection *c);
/* Gives a collection's name to a folder. The collection that had it is dropped; aliases stay. */
lt_status lt_collection_put(lt_db *db, const char *name, const char *folder,
                            lt_error *err) LT_NODISCARD;
/* Closes what is open but not used. Called when the database closes. */
void lt_collections_close(lt_db *db);

/* ---- view.c ---------------------------------------------------------------------------------- */

/* A view of what a transaction sees, from the slots table. Takes over the reference to `schema`.
 * It is not in the list of views yet: lt_view_publish puts it there. */
lt_status lt_view_load(lt_collection *c, lt_txn *txn, lt_schema *schema, lt_view **out,
                       lt_error *err) LT_NODISCARD;
/* A copy of `old` with room for n_slots under `schema`, to be changed and published. Without a
 * payload index. */
lt_status lt_view_copy(const lt_view *old, lt_schema *schema, uint64_t n_slots, lt_view **out,
                       lt_error *err) LT_NODISCARD;
lt_view *lt_view_ref(lt_view *v);
/* The newest view. */
lt_view *lt_view_current(lt_collection *c);
/* Whether somebody holds a view of a commit before this. */
bool lt_view_is_oldest(lt_collection *c, const lt_view *v);
void lt_view_unref(lt_view *v); /* NULL allowed */
/* Makes `v` (taking over its reference) the one that readers get. */
void lt_view_publish(lt_collection *c, lt_view *v);

/* The i-th vector of a view, for its graph. */
lt_hnsw_vectors lt_view_vectors(const lt_view *v, size_t i);

static inline bool lt_bit_get(const uint64_t *bits, uint64_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

static inline void lt_bit_set(uint64_t *bits, uint64_t i, bool on)
{
    uint64_t bit = (uint64_t)1 << (i % 64);

    bits[i / 64] = on ? bits[i / 64] | bit : bits[i / 64] & ~bit;
}

static inline size_t lt_bit_words(uint64_t n)
{
    return (size_t)((n + 63) / 64);
}

/* One committed state: its slots, and a transaction to read its points. */
typedef struct lt_snapshot {
    lt_view *view;
    lt_txn *txn;
} lt_snapshot;

lt_status lt_snapshot_take(lt_collection *c, lt_snapshot *out, lt_error *err) LT_NODISCARD;
void lt_snapshot_done(lt_snapshot *s);

/* The row of a dense vector (the i-th of the schema). */
static inline const void *lt_view_row(const lt_view *v, size_t i, uint64_t slot)
{
    const char *chunk = v->vectors[i].chunks[slot / LT_VEC_CHUNK_SLOTS];

    return chunk + slot % LT_VEC_CHUNK_SLOTS * v->schema->vectors[i].stride;
}

/* ---- encode.c -------------------------------------------------------------------------------- */

/* A vector in the form in which it is stored. */
typedef struct lt_encoded {
    const char *name; /* the caller's */
    const lt_vector_schema *seen; /* what it was encoded for; of the caller's schema */
    uint32_t number;
    lt_record_vector stored; /* dense: bytes is the row */
} lt_encoded;

/* Checks a vector against the schema and encodes it; memory from `arena`. The messages are Qdrant's.
 * LT_EINVAL, LT_ELIMIT. */
lt_status lt_vector_encode(const lt_schema *schema, const lt_vector *v, lt_arena *arena,
                           lt_encoded *out, lt_error *err) LT_NODISCARD;
/* Of unit length, unless it is about zero or of unit length already (then as it is: encoding what
 * was read gives the same bits again). */
void lt_normalize(const float *in, size_t n, float *out);
/* The same, rows of `dims`, where the schema's distance is cosine and the element a float; a copy
 * otherwise. Bytes are cut to 0..255. */
void lt_to_space(const lt_vector_schema *schema, const float *in, size_t n_rows, float *out);
/* Brings floats into the schema's element type. */
void lt_to_element(const lt_vector_schema *schema, const float *in, void *out);
/* A row as floats. */
void lt_from_element(const lt_vector_schema *schema, const void *row, float *out);
/* The order of a sparse vector's indices: n positions into `indices`, ascending. */
void lt_sparse_order(const uint32_t *indices, size_t n, uint32_t *order);

/* ---- stored.c -------------------------------------------------------------------------------- */

/* Checks a stored vector (its bytes are the row, if it is not inline) against the schema: kind,
 * length, finite numbers, order. Memory from `arena`. LT_ECORRUPT and what lt_vector_check says. */
lt_status lt_stored_check(const lt_schema_vector *s, const lt_record_vector *v, lt_arena *arena,
                          lt_error *err) LT_NODISCARD;

/* ---- update.c, apply.c: what an update becomes ----------------------------------------------- */

typedef struct lt_op_point {
    lt_key key;
    lt_encoded *vectors;
    size_t n_vectors;
    const char *payload;
    size_t payload_len;
} lt_op_point;

/* One update, checked and encoded. */
typedef struct lt_op {
    lt_update_kind kind;
    lt_upsert_mode mode;
    lt_op_point *points;
    size_t n_points;
    const lt_id *ids;
    size_t n_ids;
    lt_filter *filter, *update_filter; /* NULL: none */
    /* Of update_filter, under the schema of the group that it is applied in. */
    lt_filter_binding *update_binding;
    const char *payload;               /* overwrite, clear: the new text */
    size_t payload_len;
    yyjson_doc *patch; /* set: what is merged */
    lt_path *paths;    /* set: none or one; delete payload: n_paths */
    size_t n_paths;
    const char *const *names; /* delete vectors */
    size_t n_names;

    lt_update_result result;
} lt_op;

/* Applies one in the group's transaction. */
lt_status lt_op_apply(lt_group *g, lt_op *op, lt_error *err) LT_NODISCARD;
/* Writes a point that is not there yet; dense vectors with their rows. */
lt_status lt_group_put_new(lt_group *g, const lt_key *key, const lt_encoded *vectors,
                           size_t n_vectors, const char *payload, size_t payload_len,
                           lt_error *err) LT_NODISCARD;

/* ---- passes.c -------------------------------------------------------------------------------- */

/* `binding` as lt_schema_bind makes it of the two. */
lt_status lt_record_passes(const lt_schema *schema, const lt_filter *filter,
                           const lt_filter_binding *binding, const lt_key *key, const lt_record *r,
                           bool *passes, lt_error *err) LT_NODISCARD;

/* ---- commit.c -------------------------------------------------------------------------------- */

/* What one caller wants written. Lives on the caller's stack until it is done. */
struct lt_write {
    lt_op *ops;
    size_t n_ops;
    /* Or a change of schema or metadata, which gets a group of its own. */
    lt_status (*change)(lt_group *g, void *context, lt_error *err);
    void *context;

    size_t n_applied; /* result: so many of ops were committed; the next one failed */
    lt_status status;
    lt_error why;
    bool done;
    lt_write *next;
};

/* Rows of one dense vector that are not written yet: of slots first.. in a row. */
typedef struct lt_rows {
    uint64_t first;
    lt_buf bytes;
    bool dirty; /* written, not synced */
} lt_rows;

/* A bit of the view that changes: of the slot itself (number LT_SLOT_ITSELF) or of a vector. */
typedef struct lt_slot_change {
    uint32_t slot;
    uint32_t number;
    bool on;
} lt_slot_change;
enum { LT_SLOT_ITSELF = UINT32_MAX };

/* A group being committed. */
struct lt_group {
    lt_collection *c;
    lt_txn *txn;
    lt_schema *schema; /* a change may replace it: the group's own reference */
    bool renumbered;   /* slots mean other points than before: the view is loaded anew */
    lt_counts counts;  /* as they will be */
    lt_rows *rows;     /* as many as the schema has vectors */
    lt_buf record, old, text;
    lt_slot_change *changes;
    size_t n_changes, cap_changes;
    lt_pidx_change *payload_changes; /* only where payload indexes exist */
    size_t n_payload_changes, cap_payload_changes;
    lt_arena arena; /* texts of payload_changes */
};

/* Writes durably, together with whoever else is writing. */
lt_status lt_write_submit(lt_collection *c, lt_write *w, lt_error *err) LT_NODISCARD;
/* Makes `schema` (taking over its reference) the group's and stores its config. */
lt_status lt_group_set_schema(lt_group *g, lt_schema *schema, lt_error *err) LT_NODISCARD;
lt_status lt_group_note(lt_group *g, uint32_t slot, uint32_t number, bool on,
                        lt_error *err) LT_NODISCARD;
/* Appends the row of the i-th vector at a slot above all that it has. */
lt_status lt_group_add_row(lt_group *g, size_t i, uint32_t slot, const void *row,
                           lt_error *err) LT_NODISCARD;
/* A row written before, also one of this group. */
lt_status lt_group_row(lt_group *g, size_t i, uint32_t slot, const void **out,
                       lt_error *err) LT_NODISCARD;

/* ---- vacuum.c -------------------------------------------------------------------------------- */

/* Whether so many slots are dead that the collection should be vacuumed. */
bool lt_vacuum_due(const lt_view *v);
/* Writes the living points anew without the dead ones between. LT_ECANCELED: the collection was
 * changed meanwhile, or is to be closed. */
lt_status lt_vacuum_run(lt_collection *c, lt_error *err) LT_NODISCARD;

#endif
