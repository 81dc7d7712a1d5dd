/* SPDX-License-Identifier: Apache-2.0
 * Slabs, directories, locks and scratch memory of the graph. */
#include "hnsw_graph.h"

#include <base/limits.h>
#include <base/mem.h>
#include <base/rng.h>
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20 };

/* ---- slabs ----------------------------------------------------------------------------------- */

static size_t slab_bytes(const lt_hnsw *g)
{
    return (size_t)CHUNK * ((g->m0 + 1) * sizeof(hnsw_link) + sizeof(hnsw_state));
}

static size_t block_slab_bytes(const lt_hnsw *g)
{
    return (size_t)BLOCKS * g->m * sizeof(hnsw_link);
}

/* Zeroed pages (all slabs are multiples of 16 KiB); large slabs begin at a multiple of 2 MiB and ask for huge pages, which saves most
 * of the TLB misses of a search (a fifth of its time at 100k nodes). */
static void *slab_new(size_t bytes)
{
    size_t extra = bytes >= HUGE_PAGE ? HUGE_PAGE : 0;
    char *p = mmap(NULL, bytes + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    if (extra) {
        size_t before = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;

        if (before)
            munmap(p, before);
        p += before;
        if (extra > before)
            munmap(p + bytes, extra - before);
        madvise(p, bytes, MADV_HUGEPAGE);
    }
    return p;
}

static bool is_mapped(const lt_hnsw *g, const void *p)
{
    uintptr_t at = (uintptr_t)p, map = (uintptr_t)g->map;

    return g->map && at >= map && at < map + g->map_bytes;
}

static void slab_free(const lt_hnsw *g, void *p, size_t bytes)
{
    if (p && !is_mapped(g, p))
        munmap(p, bytes);
}

lt_status lt_hnsw_make_node_slab(lt_hnsw *g, uint32_t slot, lt_error *err)
{
    size_t c = slot >> CHUNK_BITS;

    if (atomic_load_explicit(&g->state_dir[c], memory_order_acquire))
        return LT_OK;
    pthread_mutex_lock(&g->alloc_lock);
    lt_status st = LT_OK;

    if (!atomic_load_explicit(&g->state_dir[c], memory_order_relaxed)) {
        hnsw_link *p = slab_new(slab_bytes(g));

        if (!p) {
            st = lt_fail_nomem(err);
        } else {
            hnsw_link *index = p + (size_t)CHUNK * g->m0;

            atomic_store_explicit(&g->link_dir[c], p, memory_order_relaxed);
            atomic_store_explicit(&g->block_index_dir[c], index, memory_order_relaxed);
            atomic_store_explicit(&g->state_dir[c], (hnsw_state *)(index + CHUNK),
                                  memory_order_release);
        }
    }
    pthread_mutex_unlock(&g->alloc_lock);
    return st;
}

/* alloc_lock is held, or the graph is still ours alone. */
lt_status lt_hnsw_make_block_slab(lt_hnsw *g, uint32_t block, lt_error *err)
{
    size_t c = block >> BLOCK_BITS;

    if (c >= g->block_dir_cap)
        return lt_fail(err, LT_ELIMIT, "the graph has %u upper blocks, more than there can be",
                       block);
    if (atomic_load_explicit(&g->block_dir[c], memory_order_relaxed))
        return LT_OK;
    hnsw_link *p = slab_new(block_slab_bytes(g));

    if (!p)
        return lt_fail_nomem(err);
    atomic_store_explicit(&g->block_dir[c], p, memory_order_release);
    return LT_OK;
}

lt_status lt_hnsw_make_blocks(lt_hnsw *g, unsigned level, uint32_t *out, lt_error *err)
{
    pthread_mutex_lock(&g->alloc_lock);
    uint32_t first = g->n_blocks;

    if ((first & (BLOCKS - 1)) + level > BLOCKS) /* a node's blocks lie in one slab */
        first = (first + BLOCKS - 1) & ~(uint32_t)(BLOCKS - 1);
    lt_status st = lt_hnsw_make_block_slab(g, first, err);

    if (st == LT_OK) {
        g->n_blocks = first + level;
        *out = first;
    }
    pthread_mutex_unlock(&g->alloc_lock);
    if (st != LT_OK)
        return st;
    for (size_t i = 0; i < (size_t)level * g->m; i++)
        atomic_store_explicit(block_at(g, first) + i, NONE, memory_order_relaxed);
    return LT_OK;
}

/* ---- the graph ------------------------------------------------------------------------------- */

static lt_status check_config(const lt_hnsw_vectors *v, const lt_hnsw_config *c, lt_error *err)
{
    if (c->m < 2 || c->m > LT_LIMIT_HNSW_M)
        return lt_fail(err, LT_EINVAL, "m is %u: 2 to %u are possible", c->m, LT_LIMIT_HNSW_M);
    if (c->ef_construct < 1 || c->ef_construct > LT_LIMIT_HNSW_EF)
        return lt_fail(err, LT_EINVAL, "ef_construct is %u: 1 to %u are possible", c->ef_construct,
                       LT_LIMIT_HNSW_EF);
    if (v->chunk_slots == 0 || (v->chunk_slots & (v->chunk_slots - 1)) ||
        v->chunk_slots > (size_t)1 << 31)
        return lt_fail(err, LT_EINVAL, "%zu vectors a chunk: not a power of two", v->chunk_slots);
    return LT_OK;
}

static lt_status alloc_dirs(lt_hnsw *g, lt_error *err)
{
    /* Untouched pages of a large calloc cost nothing, so the directories never have to move. */
    g->dir_cap = (LT_LIMIT_HNSW_SLOTS >> CHUNK_BITS) + 1;
    g->row_dir_cap = ((size_t)LT_LIMIT_HNSW_SLOTS >> g->row_bits) + 1;
    g->block_dir_cap = BLOCK_SLABS_MAX;
    g->row_dir = lt_calloc(g->row_dir_cap, sizeof *g->row_dir);
    g->link_dir = lt_calloc(g->dir_cap, sizeof *g->link_dir);
    g->block_index_dir = lt_calloc(g->dir_cap, sizeof *g->block_index_dir);
    g->state_dir = lt_calloc(g->dir_cap, sizeof *g->state_dir);
    g->block_dir = lt_calloc(g->block_dir_cap, sizeof *g->block_dir);
    if (!g->row_dir || !g->link_dir || !g->block_index_dir || !g->state_dir || !g->block_dir)
        return lt_fail_nomem(err);
    return LT_OK;
}

static void init_locks(lt_hnsw *g)
{
    pthread_rwlockattr_t attr;

    pthread_mutex_init(&g->alloc_lock, NULL);
    pthread_mutex_init(&g->top_lock, NULL);
    pthread_mutex_init(&g->pool_lock, NULL);
    pthread_mutex_init(&g->repair_lock, NULL);
    pthread_rwlockattr_init(&attr);
    /* Or inserts that follow on each other's heels would keep a checkpoint waiting for ever. */
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&g->gate, &attr);
    pthread_rwlockattr_destroy(&attr);
    atomic_flag_clear(&g->covering);
}

lt_status lt_hnsw_alloc(const lt_hnsw_vectors *v, const lt_hnsw_config *config, lt_hnsw **out,
                        lt_error *err)
{
    lt_space space;

    LT_TRY(lt_space_init(&space, v->dims, v->distance, v->element, err));
    LT_TRY(check_config(v, config, err));
    if (v->stride < lt_space_row_bytes(&space))
        return lt_fail(err, LT_EINVAL, "vectors of %zu bytes lie %zu apart",
                       lt_space_row_bytes(&space), v->stride);
    lt_hnsw *g = lt_calloc(1, sizeof *g);

    if (!g)
        return lt_fail_nomem(err);
    init_locks(g);
    g->space = space;
    g->config = *config;
    g->m = config->m;
    g->m0 = 2 * config->m;
    g->level_factor = 1.0 / log((double)config->m);
    g->stride = v->stride;
    g->row_bytes = lt_space_row_bytes(&space);
    g->row_bits = (unsigned)__builtin_ctzll(v->chunk_slots);
    lt_status st = alloc_dirs(g, err);

    if (st == LT_OK)
        st = lt_hnsw_set_chunks(g, v->chunks, v->n_chunks, err);
    if (st != LT_OK) {
        lt_hnsw_free(g);
        return st;
    }
    *out = g;
    return LT_OK;
}

lt_status lt_hnsw_new(const lt_hnsw_vectors *vectors, const lt_hnsw_config *config, lt_hnsw **out,
                      lt_error *err)
{
    return lt_hnsw_alloc(vectors, config, out, err);
}

static void scratch_free(scratch *s)
{
    if (!s)
        return;
    lt_free(s->seen);
    lt_free(s->touched);
    lt_free(s->pool);
    lt_free(s->chosen);
    lt_free(s->spare);
    lt_free(s->kept);
    lt_free(s->rows);
    lt_free(s->slots);
    lt_free(s->distances);
    lt_free(s->hops);
    lt_free(s->room);
    lt_free(s->room2);
    lt_free(s);
}

static void free_slabs(lt_hnsw *g)
{
    size_t n_chunks = ((size_t)atomic_load(&g->n_slots) + CHUNK - 1) / CHUNK;

    for (size_t i = 0; g->state_dir && i < n_chunks; i++)
        slab_free(g, plain(atomic_load(&g->link_dir[i])), slab_bytes(g));
    for (size_t i = 0; g->block_dir && i < ((size_t)g->n_blocks + BLOCKS - 1) / BLOCKS; i++)
        slab_free(g, plain(atomic_load(&g->block_dir[i])), block_slab_bytes(g));
    if (g->map)
        munmap(g->map, g->map_bytes);
}

void lt_hnsw_free(lt_hnsw *g)
{
    if (!g)
        return;
    while (g->idle) {
        scratch *s = g->idle;

        g->idle = s->next;
        scratch_free(s);
    }
    free_slabs(g);
    lt_free(g->row_dir);
    lt_free(g->link_dir);
    lt_free(g->block_index_dir);
    lt_free(g->state_dir);
    lt_free(g->block_dir);
    pthread_mutex_destroy(&g->alloc_lock);
    pthread_mutex_destroy(&g->top_lock);
    pthread_mutex_destroy(&g->pool_lock);
    pthread_mutex_destroy(&g->repair_lock);
    pthread_rwlock_destroy(&g->gate);
    lt_free(g);
}

lt_status lt_hnsw_set_chunks(lt_hnsw *g, const void *const *chunks, size_t n_chunks, lt_error *err)
{
    lt_status st = LT_OK;

    pthread_mutex_lock(&g->alloc_lock);
    size_t have = atomic_load_explicit(&g->n_row_chunks, memory_order_relaxed);

    if (n_chunks > g->row_dir_cap)
        st = lt_fail(err, LT_ELIMIT, "%zu chunks of vectors: a graph holds %u slots", n_chunks,
                     LT_LIMIT_HNSW_SLOTS);
    for (size_t i = have; st == LT_OK && i < n_chunks; i++)
        atomic_store_explicit(&g->row_dir[i], chunks[i], memory_order_relaxed);
    if (st == LT_OK && n_chunks > have)
        atomic_store_explicit(&g->n_row_chunks, n_chunks, memory_order_release);
    pthread_mutex_unlock(&g->alloc_lock);
    return st;
}

unsigned lt_hnsw_level(const lt_hnsw *g, uint32_t slot)
{
    lt_rng r = {g->config.seed ^ ((uint64_t)slot + 1) * 0xd1342543de82ef95u};
    double level = -log(1.0 - lt_rng_unit(&r)) * g->level_factor;

    return level < LEVEL_MAX ? (unsigned)level : LEVEL_MAX;
}

void lt_hnsw_raise_slots(lt_hnsw *g, uint32_t n)
{
    uint32_t have = atomic_load(&g->n_slots);

    while (have < n && !atomic_compare_exchange_weak(&g->n_slots, &have, n))
        ;
}

static bool is_complete(const lt_hnsw *g, uint32_t slot)
{
    if (slot >= atomic_load(&g->n_slots) ||
        !atomic_load_explicit(&g->state_dir[slot >> CHUNK_BITS], memory_order_acquire))
        return false;
    return kind_of(load_state(g, slot)) >= PRESENT;
}

/* Whoever finds the flag taken may leave: the holder looks again after giving it back. */
void lt_hnsw_advance(lt_hnsw *g)
{
    while (is_complete(g, atomic_load(&g->covered))) {
        if (atomic_flag_test_and_set(&g->covering))
            return;
        uint32_t at = atomic_load(&g->covered);

        while (is_complete(g, at))
            at++;
        atomic_store(&g->covered, at);
        atomic_flag_clear(&g->covering);
    }
}

uint32_t lt_hnsw_covered(const lt_hnsw *g)
{
    return atomic_load(&g->covered);
}

uint32_t lt_hnsw_n_nodes(const lt_hnsw *g)
{
    return atomic_load(&g->n_present) + atomic_load(&g->n_dead);
}

bool lt_hnsw_has(const lt_hnsw *g, uint32_t slot)
{
    return slot < atomic_load(&g->n_slots) && kind_of(load_state_any(g, slot)) == PRESENT;
}

lt_hnsw_config lt_hnsw_get_config(const lt_hnsw *g)
{
    return g->config;
}

/* ---- locks ----------------------------------------------------------------------------------- */

void lt_hnsw_lock_node(const lt_hnsw *g, uint32_t slot)
{
    enum { SPINS = 64 };
    hnsw_state *s = state_of(g, slot);

    for (unsigned tries = 0; atomic_fetch_or_explicit(s, LOCKED, memory_order_acquire) & LOCKED;) {
        while (atomic_load_explicit(s, memory_order_relaxed) & LOCKED)
            if (++tries % SPINS == 0)
                sched_yield();
    }
}

void lt_hnsw_unlock_node(const lt_hnsw *g, uint32_t slot)
{
    atomic_fetch_and_explicit(state_of(g, slot), (uint8_t)~LOCKED, memory_order_release);
}

/* ---- scratch --------------------------------------------------------------------------------- */

static lt_status scratch_new(const lt_hnsw *g, scratch **out, lt_error *err)
{
    scratch *s = lt_calloc(1, sizeof *s);
    size_t n = 4 * (size_t)g->m0 + 64;

    if (!s)
        return lt_fail_nomem(err);
    s->batch_cap = n;
    s->touched = lt_calloc(TOUCHED_MAX, sizeof *s->touched);
    s->chosen = lt_calloc(n, sizeof *s->chosen);
    s->spare = lt_calloc(n, sizeof *s->spare);
    s->kept = lt_calloc(n, sizeof *s->kept);
    s->rows = lt_calloc(n, sizeof *s->rows);
    s->slots = lt_calloc(n, sizeof *s->slots);
    s->distances = lt_calloc(n, sizeof *s->distances);
    s->hops = lt_calloc(n, sizeof *s->hops);
    s->room = lt_calloc(g->space.dims, sizeof *s->room);
    s->room2 = lt_calloc(g->space.dims, sizeof *s->room2);
    if (!s->touched || !s->chosen || !s->spare || !s->kept || !s->rows || !s->slots ||
        !s->distances || !s->hops || !s->room || !s->room2) {
        scratch_free(s);
        return lt_fail_nomem(err);
    }
    *out = s;
    return LT_OK;
}

static lt_status scratch_fit(const lt_hnsw *g, scratch *s, size_t ef, lt_error *err)
{
    size_t words = ((size_t)atomic_load(&g->n_slots) + 63) / 64;

    if (s->n_words < words) {
        size_t cap = words + words / 4 + 16; /* all zero now: nothing to keep */
        uint64_t *seen = lt_calloc(cap, sizeof *seen);

        if (!seen)
            return lt_fail_nomem(err);
        lt_free(s->seen);
        s->seen = seen;
        s->n_words = cap;
    }
    if (s->pool_cap < ef + 1) {
        cand *pool = lt_realloc(s->pool, ef + 1, sizeof *pool);

        if (!pool)
            return lt_fail_nomem(err);
        s->pool = pool;
        s->pool_cap = ef + 1;
    }
    return LT_OK;
}

lt_status lt_hnsw_scratch_take(lt_hnsw *g, size_t ef, scratch **out, lt_error *err)
{
    pthread_mutex_lock(&g->pool_lock);
    scratch *s = g->idle;

    if (s)
        g->idle = s->next;
    pthread_mutex_unlock(&g->pool_lock);
    if (!s)
        LT_TRY(scratch_new(g, &s, err));
    lt_status st = scratch_fit(g, s, ef, err);

    if (st != LT_OK) {
        lt_hnsw_scratch_give(g, s);
        return st;
    }
    s->copies = NULL;
    s->end = UINT32_MAX;
    *out = s;
    return LT_OK;
}

void lt_hnsw_scratch_clear(scratch *s)
{
    if (s->n_touched <= TOUCHED_MAX && s->n_touched < s->n_words / 8)
        for (size_t i = 0; i < s->n_touched; i++)
            s->seen[s->touched[i]] = 0;
    else if (s->n_touched)
        memset(s->seen, 0, s->n_words * sizeof *s->seen);
    s->n_touched = 0;
    s->n_pool = 0;
}

void lt_hnsw_scratch_give(lt_hnsw *g, scratch *s)
{
    if (!s)
        return;
    lt_hnsw_scratch_clear(s);
    pthread_mutex_lock(&g->pool_lock);
    s->next = g->idle;
    g->idle = s;
    pthread_mutex_unlock(&g->pool_lock);
}
