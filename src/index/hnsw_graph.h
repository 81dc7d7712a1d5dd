/* SPDX-License-Identifier: Apache-2.0
 * The graph's memory, shared by the hnsw_*.c files.
 *
 * A node is a slot. Its links on the ground layer are m0 = 2 m slots in a row, the unused ones
 * behind the used ones and NONE: at m = 16 exactly two cache lines. Higher layers, which one node in
 * m has, lie in blocks of m links; a node of level L has L blocks in a row, layer 1 first. Beside
 * them a node has the number of its first block and one byte of state. So a node takes
 * 8 m + 5 bytes and a little: 137 at m = 16.
 *
 * Slabs of CHUNK nodes never move. They are memory of our own or lie in the mapped checkpoint
 * (private: what we change there stays ours).
 *
 * Who may touch what:
 * - links, by anybody with atomic loads; stores only under the node's lock. A reader that overtakes
 *   a writer sees some old and some new links: each of them is a slot that was in the list, so the
 *   worst is a detour. A link is stored with release, after the node behind it is whole.
 * - state, by atomic operations. CLAIMED goes to PRESENT by its inserter alone; PRESENT to DEAD
 *   by whoever deletes; DEAD to GONE by the repair, when nothing links there any more.
 * - No thread holds two node locks, so there is no order to keep among them.
 * - gate: inserts and repairs hold it shared; a checkpoint, a check and the two turning points of
 *   a repair hold it alone.
 *
 * Invariants, which lt_hnsw_check tests: a list of a node that is PRESENT or DEAD names only slots
 * that are PRESENT or DEAD and reach that layer, never itself, none twice; NONE is followed by NONE
 * alone; blocks belong to one node; the entry is a node of the highest level, and there is one
 * unless there are no nodes. */
#ifndef LT_INDEX_HNSW_GRAPH_H
#define LT_INDEX_HNSW_GRAPH_H

#include <pthread.h>
#include <stdatomic.h>

#include "hnsw.h"

enum {
    CHUNK_BITS = 14,
    CHUNK = 1 << CHUNK_BITS, /* nodes a slab */
    BLOCK_BITS = 12,
    BLOCKS = 1 << BLOCK_BITS, /* upper blocks a slab */
    LEVEL_MAX = 15,
    BLOCK_SLABS_MAX = 65536,
    TOUCHED_MAX = 8192,
    PREFETCH_MAX = 1024 /* bytes of a row that are asked for early; the rest streams */
};
#define NONE 0xffffffffu

/* The byte of state: level 0-3, what it is 4-6, lock 7. */
enum {
    LEVEL_MASK = 0x0f,
    KIND_MASK = 0x70,
    ABSENT = 0x00,
    CLAIMED = 0x10, /* being inserted */
    PRESENT = 0x20,
    DEAD = 0x30, /* deleted, but searches still pass through */
    GONE = 0x40, /* deleted, nothing links here */
    LOCKED = 0x80
};

typedef _Atomic uint32_t hnsw_link;
typedef _Atomic uint8_t hnsw_state;

/* A candidate. The top bit of `slot` says that its links have been followed. */
typedef struct cand {
    float distance;
    uint32_t slot;
} cand;
#define FOLLOWED 0x80000000u

/* What one search or insert works with; kept by the graph for the next one. */
typedef struct scratch {
    struct scratch *next;
    uint64_t *seen; /* a bit a slot; all zero between uses */
    size_t n_words;
    uint32_t *touched; /* the words of `seen` that are not zero, while they are few */
    size_t n_touched;
    cand *pool; /* sorted, nearest first */
    size_t n_pool, pool_cap;
    cand *chosen;         /* the new node's neighbours */
    cand *spare, *kept;   /* a list that is chosen anew: all that could be in it, what stays */
    const void **rows;    /* a batch: where the vectors lie, whose they are, how far */
    uint32_t *slots;
    float *distances;
    size_t batch_cap;
    uint32_t *hops;       /* neighbours that the filter leaves out */
    float *room, *room2;  /* a decoded vector each */
    const lt_hnsw_copies *copies; /* what is measured; NULL: the vectors */
    uint32_t end;         /* slots from here on are passed by: they have no copy */
} scratch;

struct lt_hnsw {
    lt_space space;
    lt_hnsw_config config;
    unsigned m, m0;
    double level_factor; /* 1 / ln m */

    /* vectors; guarded by alloc_lock for change, read with acquire */
    _Atomic(const char *) *row_dir;
    _Atomic size_t n_row_chunks;
    size_t row_dir_cap, stride, row_bytes;
    unsigned row_bits; /* log2 of the vectors a chunk */

    /* nodes */
    _Atomic(hnsw_link *) *link_dir; /* slab owner; the two others point into the same slab */
    _Atomic(hnsw_link *) *block_index_dir;
    _Atomic(hnsw_state *) *state_dir; /* set last, with release */
    size_t dir_cap;
    _Atomic(hnsw_link *) *block_dir;
    size_t block_dir_cap;
    uint32_t n_blocks; /* given out; alloc_lock */

    _Atomic uint32_t n_slots, n_present, n_dead, covered;
    _Atomic uint64_t entry; /* (level + 1) << 32 | slot; 0: none */
    atomic_flag covering;

    pthread_mutex_t alloc_lock; /* slabs, directories, blocks */
    pthread_mutex_t top_lock;   /* the entry: changed by one insert at a time */
    pthread_mutex_t pool_lock;
    scratch *idle; /* pool_lock */
    pthread_mutex_t repair_lock; /* one repair at a time */
    pthread_rwlock_t gate;

    void *map; /* the checkpoint this came from, or NULL */
    size_t map_bytes;
};

/* An address without its _Atomic, for prefetches and for memory that is not shared yet. */
#define plain(p) ((void *)(uintptr_t)(p))

/* ---- nodes ----------------------------------------------------------------------------------- */

static inline hnsw_state *state_of(const lt_hnsw *g, uint32_t slot)
{
    return atomic_load_explicit(&g->state_dir[slot >> CHUNK_BITS], memory_order_acquire) +
           (slot & (CHUNK - 1));
}

static inline unsigned kind_of(uint8_t s)
{
    return s & KIND_MASK;
}

/* ABSENT where nothing was ever stored near the slot. */
static inline uint8_t load_state_any(const lt_hnsw *g, uint32_t slot)
{
    hnsw_state *s = atomic_load_explicit(&g->state_dir[slot >> CHUNK_BITS], memory_order_acquire);

    return s ? atomic_load_explicit(s + (slot & (CHUNK - 1)), memory_order_acquire) : ABSENT;
}

static inline bool is_node(uint8_t s)
{
    return kind_of(s) == PRESENT || kind_of(s) == DEAD;
}

static inline uint8_t load_state(const lt_hnsw *g, uint32_t slot)
{
    return atomic_load_explicit(state_of(g, slot), memory_order_acquire);
}

static inline hnsw_link *ground_links(const lt_hnsw *g, uint32_t slot)
{
    return atomic_load_explicit(&g->link_dir[slot >> CHUNK_BITS], memory_order_relaxed) +
           (size_t)(slot & (CHUNK - 1)) * g->m0;
}

static inline hnsw_link *block_index(const lt_hnsw *g, uint32_t slot)
{
    return atomic_load_explicit(&g->block_index_dir[slot >> CHUNK_BITS], memory_order_relaxed) +
           (slot & (CHUNK - 1));
}

static inline hnsw_link *block_at(const lt_hnsw *g, uint32_t block)
{
    return atomic_load_explicit(&g->block_dir[block >> BLOCK_BITS], memory_order_acquire) +
           (size_t)(block & (BLOCKS - 1)) * g->m;
}

/* The list of a node that reaches `layer`. */
static inline hnsw_link *links_of(const lt_hnsw *g, uint32_t slot, unsigned layer)
{
    if (layer == 0)
        return ground_links(g, slot);
    uint32_t first = atomic_load_explicit(block_index(g, slot), memory_order_relaxed);

    return block_at(g, first + layer - 1);
}

static inline unsigned links_max(const lt_hnsw *g, unsigned layer)
{
    return layer == 0 ? g->m0 : g->m;
}

static inline uint32_t load_link(const hnsw_link *l)
{
    return atomic_load_explicit(l, memory_order_acquire);
}

static inline const void *row_of(const lt_hnsw *g, uint32_t slot)
{
    const char *base = atomic_load_explicit(&g->row_dir[slot >> g->row_bits], memory_order_relaxed);

    return base + (size_t)(slot & ((1u << g->row_bits) - 1)) * g->stride;
}

/* The row that a search measures. */
static inline const void *measured_row(const lt_hnsw *g, const scratch *s, uint32_t slot)
{
    const lt_hnsw_copies *c = s->copies;

    if (!c)
        return row_of(g, slot);
    return (const char *)c->chunks[slot >> g->row_bits] +
           (size_t)(slot & ((1u << g->row_bits) - 1)) * c->stride;
}

static inline uint64_t entry_of(unsigned level, uint32_t slot)
{
    return (uint64_t)(level + 1) << 32 | slot;
}

static inline unsigned entry_level(uint64_t entry)
{
    return (unsigned)(entry >> 32) - 1;
}

void lt_hnsw_lock_node(const lt_hnsw *g, uint32_t slot);
void lt_hnsw_unlock_node(const lt_hnsw *g, uint32_t slot);

/* ---- hnsw_graph.c: memory -------------------------------------------------------------------- */

/* A graph without nodes. The level a slot gets. */
lt_status lt_hnsw_alloc(const lt_hnsw_vectors *v, const lt_hnsw_config *config, lt_hnsw **out,
                        lt_error *err) LT_NODISCARD;
unsigned lt_hnsw_level(const lt_hnsw *g, uint32_t slot);
/* Makes the slab of a slot exist. */
lt_status lt_hnsw_make_node_slab(lt_hnsw *g, uint32_t slot, lt_error *err) LT_NODISCARD;
/* `level` blocks in a row, all NONE. */
lt_status lt_hnsw_make_blocks(lt_hnsw *g, unsigned level, uint32_t *out, lt_error *err) LT_NODISCARD;
lt_status lt_hnsw_make_block_slab(lt_hnsw *g, uint32_t block, lt_error *err) LT_NODISCARD;
/* Moves `covered` over what is complete. */
void lt_hnsw_advance(lt_hnsw *g);
void lt_hnsw_raise_slots(lt_hnsw *g, uint32_t n);

/* ---- scratch --------------------------------------------------------------------------------- */

/* With room for a pool of `ef` and bits for all slots there are now. */
lt_status lt_hnsw_scratch_take(lt_hnsw *g, size_t ef, scratch **out, lt_error *err) LT_NODISCARD;
void lt_hnsw_scratch_give(lt_hnsw *g, scratch *s);
void lt_hnsw_scratch_clear(scratch *s); /* forgets what was seen and the pool */

/* True the first time for a slot; false for slots that the scratch has no bit for (they came after
 * the search began) and for those without a copy to measure. */
static inline bool see(scratch *s, uint32_t slot)
{
    size_t word = slot >> 6;
    uint64_t bit = (uint64_t)1 << (slot & 63);

    if (slot >= s->end || word >= s->n_words || (s->seen[word] & bit))
        return false;
    s->seen[word] |= bit;
    s->touched[s->n_touched < TOUCHED_MAX ? s->n_touched : 0] = (uint32_t)word;
    s->n_touched++;
    return true;
}

static inline bool was_seen(const scratch *s, uint32_t slot)
{
    size_t word = slot >> 6;

    return slot >= s->end || word >= s->n_words || (s->seen[word] >> (slot & 63) & 1);
}

static inline void prefetch_row(size_t row_bytes, const void *row)
{
    const char *p = row;
    size_t n = row_bytes < PREFETCH_MAX ? row_bytes : PREFETCH_MAX;

    for (size_t at = 0; at < n; at += 64)
        __builtin_prefetch(p + at);
}

/* ---- hnsw_search.c: walking ------------------------------------------------------------------- */

/* From the entry down to `layer` (not walked itself), greedily; the pool then holds what was seen
 * nearest, at most ef. */
void lt_hnsw_descend(const lt_hnsw *g, scratch *s, const void *query, uint64_t entry,
                     unsigned layer, size_t ef);
/* Follows the pool's links on a layer until the ef nearest have all been followed. */
void lt_hnsw_walk(const lt_hnsw *g, scratch *s, const void *query, unsigned layer, size_t ef);

/* ---- hnsw_build.c ---------------------------------------------------------------------------- */

/* Chooses at most m of the n candidates (sorted, nearest first): each nearer to the base than to
 * any chosen before (algorithm 4 of the paper). Uses room2. */
size_t lt_hnsw_choose(const lt_hnsw *g, scratch *s, const cand *from, size_t n, size_t m, cand *out);
/* Adds a link to a node's list, making room by choosing anew. Takes the node's lock. */
void lt_hnsw_add_link(const lt_hnsw *g, scratch *s, uint32_t node, unsigned layer, cand to);
/* Writes a list. The node is locked or not yet known to others. */
void lt_hnsw_put_links(hnsw_link *list, unsigned max, const cand *items, size_t n);

/* work(job, slot) for the slots next..to-1 on several threads (0: all cores), until one fails. */
typedef struct lt_hnsw_job {
    lt_hnsw *g;
    lt_status (*work)(struct lt_hnsw_job *job, uint32_t slot, lt_error *err);
    const uint64_t *bits; /* of the slots; what they mean is the work's */
    uint32_t to;
    _Atomic uint32_t next;
    atomic_bool failed;
    pthread_mutex_t lock; /* the two below */
    lt_status status;
    lt_error error;
} lt_hnsw_job;
lt_status lt_hnsw_run(lt_hnsw_job *job, unsigned threads, lt_error *err) LT_NODISCARD;

/* ---- hnsw_check.c ---------------------------------------------------------------------------- */

/* lt_hnsw_check without the gate. LT_ECORRUPT with the reason, or LT_ENOMEM. */
lt_status lt_hnsw_verify(const lt_hnsw *g, lt_error *err) LT_NODISCARD;

#endif
