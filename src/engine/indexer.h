/* SPDX-License-Identifier: Apache-2.0
 * Graphs and codes (codes.h) of dense vectors, built and kept in the background.
 *
 * A database has one indexing thread (which builds with as many as the config says). It works on a
 * collection's newest view: inserts the slots that the graph does not cover, takes out what is no
 * longer present when that is a tenth, writes checkpoints. It also vacuums (vacuum.c). A graph is a
 * hint: searches restrict it to the bits of their own view and scan what it does not cover, so what
 * they find is of their commit whatever the graph knows.
 *
 * A vector is taken out of a graph only when no older view is held: a reader of an older commit would
 * miss the point, whose new slot it cannot see. */
#ifndef LT_ENGINE_INDEXER_H
#define LT_ENGINE_INDEXER_H

#include <base/limits.h>
#include <index/hnsw.h>
#include <pthread.h>
#include <stdatomic.h>

#include "schema.h"

struct lt_view;

/* The graph of one dense vector. */
typedef struct lt_graph {
    atomic_int refs;
    lt_hnsw *hnsw;
    lt_vecs *vecs; /* its rows */
    uint32_t number;
    uint32_t saved; /* covered by the checkpoint; the indexing thread's */
} lt_graph;

typedef struct lt_codes lt_codes; /* codes.h */

/* Of a collection. */
typedef struct lt_indexing {
    pthread_mutex_t lock; /* guards what follows */
    lt_graph *graphs[LT_LIMIT_VECTORS];
    size_t n_graphs;
    lt_codes *codes[LT_LIMIT_VECTORS];
    size_t n_codes;
    lt_error error;      /* why the last work failed; code LT_OK: it did not */
    bool loaded;         /* checkpoints were looked for */
    atomic_uint searches; /* that a graph could have served */
    atomic_bool wanted;  /* there may be work */
    atomic_bool vacuum_failed; /* since the opening */
    pthread_mutex_t vacuum;    /* one at a time */
} lt_indexing;

/* Of a database. */
typedef struct lt_indexer {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    bool started, signalled;
    atomic_bool stop;
    pthread_t thread;
} lt_indexer;

void lt_indexer_init(lt_indexer *x);
/* Waits for the thread to end; it stops at the next opportunity. */
void lt_indexer_stop(lt_db *db);
void lt_indexer_done(lt_indexer *x);

/* Of slots and files: so many behind what is covered make work, or a checkpoint; 20 % of all too. */
enum { LT_INDEX_TAIL_MAX = 1000, LT_INDEX_SAVE_AT_CLOSE_MIN = 1000 };
bool lt_index_worth_saving(uint32_t covered, uint32_t saved);
/* Is the i-th vector large enough for a graph and for codes? */
bool lt_index_is_large(const struct lt_view *v, size_t i);
/* The database closes, or the collection was dropped. */
bool lt_index_stopping(lt_collection *c);

void lt_indexing_init(lt_indexing *x);
/* Frees the graphs; writes a checkpoint where much was inserted since the last. */
void lt_indexing_done(lt_collection *c);

/* After a commit or a search: wakes the thread if there is enough to do. Cheap. */
void lt_index_consider(lt_collection *c);
void lt_index_searched(lt_collection *c);

/* The graph of a vector with a reference, or NULL. */
lt_graph *lt_graph_get(lt_collection *c, uint32_t number);
void lt_graph_unref(lt_graph *g); /* NULL allowed */

/* What "get collection" says. */
typedef struct lt_index_state {
    uint64_t n_indexed; /* vectors in graphs */
    bool busy;          /* there is work to be done */
    lt_error error;
} lt_index_state;
void lt_index_describe(lt_collection *c, const struct lt_view *v, lt_index_state *out);

#endif
