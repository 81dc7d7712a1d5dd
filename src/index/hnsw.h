/* SPDX-License-Identifier: Apache-2.0
 * HNSW: a graph of near neighbours in layers (Malkov and Yashunin 2016, arXiv 1603.09320).
 *
 * The graph knows vectors by slot, a u32, and does not own them: it is given the chunks of memory
 * (mapped files, usually) in which they lie at a fixed stride. What it owns are slabs of links. It
 * is a hint about where near vectors are: it can be thrown away and built again.
 *
 * Threads: inserts, deletes, searches, counts and one repair may all run at once; searches take no
 * lock. A checkpoint waits for the inserts that run and holds new ones back; searches go on.
 * Freeing needs the graph to oneself.
 *
 * How an engine drives it. Slots are given to lt_hnsw_insert (or lt_hnsw_insert_range) roughly in
 * order, those that never got a living point to lt_hnsw_delete. lt_hnsw_covered says up to where
 * nothing is missing: a query searches the graph and scans the slots from there on, dropping what
 * it finds twice. Checkpoint with lt_hnsw_save; at start-up lt_hnsw_open, delete what died since,
 * insert from lt_hnsw_covered on. */
#ifndef LT_INDEX_HNSW_H
#define LT_INDEX_HNSW_H

#include "flat.h"
#include "space.h"

typedef struct lt_hnsw lt_hnsw;

/* The vectors. Chunks never move and never change while the graph lives; a slot's vector is
 * written before the slot is inserted. */
typedef struct lt_hnsw_vectors {
    const void *const *chunks; /* copied: the array itself is the caller's again after the call */
    size_t n_chunks;
    size_t chunk_slots; /* vectors a chunk, a power of two */
    size_t stride;      /* bytes from one to the next */
    size_t dims;
    lt_distance distance;
    lt_element element;
} lt_hnsw_vectors;

typedef struct lt_hnsw_config {
    unsigned m;            /* links a node, 2..LT_LIMIT_HNSW_M; twice as many on the ground layer */
    unsigned ef_construct; /* candidates while inserting, 1..LT_LIMIT_HNSW_EF */
    uint64_t seed;         /* with a slot's number, decides its level: the same at every build */
} lt_hnsw_config;
#define LT_HNSW_CONFIG_INIT {16, 100, 1}

lt_status lt_hnsw_new(const lt_hnsw_vectors *vectors, const lt_hnsw_config *config, lt_hnsw **out,
                      lt_error *err) LT_NODISCARD;
void lt_hnsw_free(lt_hnsw *g); /* NULL is allowed */

/* Tells of more chunks; the first ones stay what they were. */
lt_status lt_hnsw_set_chunks(lt_hnsw *g, const void *const *chunks, size_t n_chunks,
                             lt_error *err) LT_NODISCARD;

/* Inserts a slot. LT_EEXISTS if it was inserted or deleted before: a slot is used once. */
lt_status lt_hnsw_insert(lt_hnsw *g, uint32_t slot, lt_error *err) LT_NODISCARD;
/* Inserts the slots from..to-1 with several threads (0: all cores); those without their bit in
 * `living` (NULL: all have it) are marked as deleted. Slots already there are left as they are, so
 * the call can be repeated after a failure. */
lt_status lt_hnsw_insert_range(lt_hnsw *g, uint32_t from, uint32_t to, const uint64_t *living,
                               unsigned threads, lt_error *err) LT_NODISCARD;

/* Marks a slot as deleted; fine if it was never inserted (it never will be). Searches may go
 * through it until the next repair but do not return it. */
lt_status lt_hnsw_delete(lt_hnsw *g, uint32_t slot, lt_error *err) LT_NODISCARD;
/* Takes the deleted slots out: nodes that linked to them are joined with what lay behind. Worth its
 * time (that of inserting the neighbours again) when a tenth of the nodes are deleted. */
lt_status lt_hnsw_repair(lt_hnsw *g, unsigned threads, lt_error *err) LT_NODISCARD;

/* Copies of the vectors in another form, at the same slots: a walk measures them instead. */
typedef struct lt_hnsw_copies {
    const void *const *chunks; /* of as many slots each as those of the vectors */
    uint32_t n_slots;          /* so many have a copy; the walk keeps off those behind */
    size_t stride, row_bytes;
    lt_measure measure; /* the query's `vector` is in the form that it wants */
    const void *context;
} lt_hnsw_copies;

typedef struct lt_hnsw_query {
    const void *vector;      /* dims floats; for u8 and i8 vectors, of their type */
    size_t k;                /* how many at most */
    size_t ef;               /* how many candidates to keep, 1..LT_LIMIT_HNSW_EF; raised to k */
    const uint64_t *allowed; /* a bit a slot; NULL: all */
    uint32_t n_slots;        /* only slots below are returned; `allowed` has that many bits */
    uint32_t n_allowed;      /* bits set in it; 0: counted by the search */
    uint32_t scan_max;       /* at most so many allowed: they are scanned instead; 0: chosen */
    const lt_hnsw_copies *copies; /* NULL: the vectors themselves */
} lt_hnsw_query;
enum { LT_HNSW_SCAN_PER_EF = 16 }; /* the scan_max that is chosen, in units of ef */
#define LT_HNSW_QUERY_INIT {NULL, 10, 64, NULL, UINT32_MAX, 0, 0, NULL}

/* The k nearest that the search finds, best first, into out (room for k); scores as in flat.h.
 * With few slots allowed it walks over the allowed ones alone, looking through those in between,
 * and where those are not joined it scans them all, so it always returns k if k are allowed. */
lt_status lt_hnsw_search(lt_hnsw *g, const lt_hnsw_query *query, lt_scored *out, size_t *n_out,
                         lt_error *err) LT_NODISCARD;

/* How it would be answered: over all nodes, over those that are allowed, or by measuring these. */
typedef enum lt_hnsw_way { LT_HNSW_WALK, LT_HNSW_WALK_FILTERED, LT_HNSW_SCAN } lt_hnsw_way;
lt_hnsw_way lt_hnsw_way_of(const lt_hnsw *g, const lt_hnsw_query *query);

/* All slots below it were inserted or deleted. */
uint32_t lt_hnsw_covered(const lt_hnsw *g);
/* Slots that were inserted and not taken out again. */
uint32_t lt_hnsw_n_nodes(const lt_hnsw *g);
/* Inserted and not deleted. */
bool lt_hnsw_has(const lt_hnsw *g, uint32_t slot);
/* What it was made with. */
lt_hnsw_config lt_hnsw_get_config(const lt_hnsw *g);

typedef struct lt_hnsw_stats {
    uint32_t n_slots;       /* one behind the highest slot ever given */
    uint32_t n_present;     /* inserted, not deleted */
    uint32_t n_dead;        /* deleted, not yet taken out */
    uint32_t covered;
    unsigned levels;        /* layers, 0 while empty */
    uint64_t n_links;       /* on the ground layer */
    uint32_t n_unreachable; /* present, but no path leads there from the entry: cost O(links) */
    size_t bytes;           /* memory of the graph, mapped or not */
} lt_hnsw_stats;
lt_status lt_hnsw_get_stats(lt_hnsw *g, lt_hnsw_stats *out, lt_error *err) LT_NODISCARD;

/* Writes a checkpoint: a whole file appears at `path`, or none and the old one stays. */
lt_status lt_hnsw_save(lt_hnsw *g, const char *path, lt_error *err) LT_NODISCARD;

typedef struct lt_hnsw_open_options {
    bool in_memory;     /* read the file instead of mapping it: slower to open, on huge pages */
    bool other_element; /* the vectors are a copy in another element type, for the walk alone: such
                           a graph is searched, not saved */
} lt_hnsw_open_options;
/* Opens a checkpoint over the vectors it was made for: LT_ECONFLICT if they have another shape or
 * are fewer, LT_ECORRUPT for any damage, LT_EVERSION for a newer format. The file's bytes are not
 * trusted, whatever their checksums say: what opens has passed lt_hnsw_check. m and ef_construct
 * are the file's. A mapped file must not be changed in place; replacing it is fine. */
lt_status lt_hnsw_open(const char *path, const lt_hnsw_vectors *vectors,
                       const lt_hnsw_open_options *options, lt_hnsw **out,
                       lt_error *err) LT_NODISCARD;

/* Whether every invariant holds (see hnsw_graph.h). If not, false and *reason: static text. Holds
 * inserts back while it runs. */
bool lt_hnsw_check(lt_hnsw *g, const char **reason);

#endif
