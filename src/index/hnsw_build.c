/* SPDX-License-Identifier: Apache-2.0
 * Inserting: find the nearest on each layer, choose among them, link both ways.
 *
 * A new node's own lists are written before any other node names it on that layer. Two inserts that
 * run at once may miss each other; they are found by those that come later. What one does on a node
 * of another is done under that node's lock, so no link gets lost. */
#include "hnsw_graph.h"

#include <base/limits.h>
#include <base/thread.h>
#include <string.h>

/* ---- choosing neighbours --------------------------------------------------------------------- */

/* Whether no chosen one is nearer to a candidate than its base is. Four at a time, since the first
 * few chosen rule most candidates out. */
static bool is_apart(const lt_hnsw *g, scratch *s, cand c, size_t n_chosen)
{
    enum { STEP = 4 };
    const void *query = lt_space_as_query(&g->space, row_of(g, c.slot), s->room2);

    for (size_t i = 0; i < n_chosen; i += STEP) {
        float d[STEP];
        size_t n = n_chosen - i < STEP ? n_chosen - i : STEP;

        lt_space_distances(&g->space, query, s->rows + i, n, d);
        for (size_t k = 0; k < n; k++)
            if (d[k] < c.distance)
                return false;
    }
    return true;
}

/* Vectors identical to the base are all apart from each other. Were all of them chosen, a group
 * larger than a list would have no way out; were none, most of the group no way in. So the nearest
 * distance gets half of the list. */
size_t lt_hnsw_choose(const lt_hnsw *g, scratch *s, const cand *from, size_t n, size_t m, cand *out)
{
    bool avoid_dead = atomic_load(&g->n_dead) > 0;
    size_t kept = 0;

    for (size_t i = 0; i < n && kept < m; i++) {
        if (kept >= (m + 1) / 2 && from[i].distance == out[0].distance)
            continue;
        if (avoid_dead && kind_of(load_state(g, from[i].slot)) == DEAD)
            continue;
        if (!is_apart(g, s, from[i], kept))
            continue;
        s->rows[kept] = row_of(g, from[i].slot);
        out[kept++] = from[i];
    }
    return kept;
}

/* Lets another one of several equally near begin, so that not all lists name the same ones. */
static void turn_ties(cand *c, size_t n, uint32_t by)
{
    size_t run = 1;

    while (run < n && c[run].distance == c[0].distance)
        run++;
    if (run < 3)
        return;
    for (size_t left = (uint64_t)by * 0x9e3779b1u % run; left > 0; left--) {
        cand first = c[0];

        memmove(c, c + 1, (run - 1) * sizeof *c);
        c[run - 1] = first;
    }
}

/* ---- lists ----------------------------------------------------------------------------------- */

void lt_hnsw_put_links(hnsw_link *list, unsigned max, const cand *items, size_t n)
{
    for (unsigned i = 0; i < max; i++)
        atomic_store_explicit(list + i, i < n ? items[i].slot : NONE, memory_order_release);
}

static void sort_cands(cand *c, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        cand x = c[i];
        size_t k = i;

        for (; k > 0 && c[k - 1].distance > x.distance; k--)
            c[k] = c[k - 1];
        c[k] = x;
    }
}

/* The list is full: what is in it and the new one compete. The node is locked. */
static void choose_anew(const lt_hnsw *g, scratch *s, uint32_t node, hnsw_link *list, unsigned max,
                        cand to)
{
    const void *query = lt_space_as_query(&g->space, row_of(g, node), s->room2);

    for (unsigned i = 0; i < max; i++) {
        s->slots[i] = load_link(list + i);
        s->rows[i] = row_of(g, s->slots[i]);
        prefetch_row(g->row_bytes, s->rows[i]);
    }
    lt_space_distances(&g->space, query, s->rows, max, s->distances);
    for (unsigned i = 0; i < max; i++)
        s->spare[i] = (cand){s->distances[i], s->slots[i]};
    s->spare[max] = to;
    sort_cands(s->spare, max + 1);
    turn_ties(s->spare, max + 1, to.slot);
    size_t n = lt_hnsw_choose(g, s, s->spare, max + 1, max, s->kept);

    lt_hnsw_put_links(list, max, s->kept, n);
}

void lt_hnsw_add_link(const lt_hnsw *g, scratch *s, uint32_t node, unsigned layer, cand to)
{
    hnsw_link *list = links_of(g, node, layer);
    unsigned max = links_max(g, layer), n = 0;

    lt_hnsw_lock_node(g, node);
    for (uint32_t slot; n < max && (slot = load_link(list + n)) != NONE && slot != to.slot;)
        n++;
    if (n == max)
        choose_anew(g, s, node, list, max, to);
    else if (load_link(list + n) == NONE)
        atomic_store_explicit(list + n, to.slot, memory_order_release);
    lt_hnsw_unlock_node(g, node);
}

/* A new node's list. Inserts that found it on a higher layer may have linked to it already. */
static void put_own(const lt_hnsw *g, uint32_t node, unsigned layer, cand *items, size_t n)
{
    hnsw_link *list = links_of(g, node, layer);
    unsigned max = links_max(g, layer);

    lt_hnsw_lock_node(g, node);
    size_t chosen = n;

    for (unsigned i = 0; i < max && n < max; i++) {
        uint32_t slot = load_link(list + i);
        size_t k = 0;

        if (slot == NONE)
            break;
        while (k < chosen && items[k].slot != slot)
            k++;
        if (k == chosen)
            items[n++] = (cand){0, slot};
    }
    lt_hnsw_put_links(list, max, items, n);
    lt_hnsw_unlock_node(g, node);
}

/* ---- inserting ------------------------------------------------------------------------------- */

static void link_layer(const lt_hnsw *g, scratch *s, uint32_t slot, unsigned layer)
{
    turn_ties(s->pool, s->n_pool, slot);
    size_t n = lt_hnsw_choose(g, s, s->pool, s->n_pool, g->m, s->chosen);

    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(plain(links_of(g, s->chosen[i].slot, layer)));
    put_own(g, slot, layer, s->chosen, n);
    for (size_t i = 0; i < n; i++) {
        cand c = s->chosen[i];

        lt_hnsw_add_link(g, s, c.slot, layer, (cand){c.distance, slot});
    }
}

static void link_in(const lt_hnsw *g, scratch *s, uint32_t slot, unsigned level, uint64_t entry)
{
    const void *query = lt_space_as_query(&g->space, row_of(g, slot), s->room);
    unsigned top = entry_level(entry), layer = level < top ? level : top;

    see(s, slot);
    lt_hnsw_descend(g, s, query, entry, layer, g->config.ef_construct);
    for (layer++; layer-- > 0;) {
        lt_hnsw_walk(g, s, query, layer, g->config.ef_construct);
        link_layer(g, s, slot, layer);
    }
}

/* A node above all others becomes the entry; the lock is held meanwhile, so that the next one
 * finds it. One node in m^levels. */
static void place(lt_hnsw *g, scratch *s, uint32_t slot, unsigned level)
{
    uint64_t entry = atomic_load_explicit(&g->entry, memory_order_acquire);

    if (entry && level <= entry_level(entry)) {
        link_in(g, s, slot, level, entry);
        return;
    }
    pthread_mutex_lock(&g->top_lock);
    entry = atomic_load_explicit(&g->entry, memory_order_acquire);
    if (entry)
        link_in(g, s, slot, level, entry);
    if (!entry || level > entry_level(entry))
        atomic_store_explicit(&g->entry, entry_of(level, slot), memory_order_release);
    pthread_mutex_unlock(&g->top_lock);
}

static lt_status claim(lt_hnsw *g, uint32_t slot, unsigned level, lt_error *err)
{
    uint8_t seen = ABSENT;

    LT_TRY(lt_hnsw_make_node_slab(g, slot, err));
    if (!atomic_compare_exchange_strong(state_of(g, slot), &seen, (uint8_t)(CLAIMED | level)))
        return lt_fail(err, LT_EEXISTS, "slot %u is in the graph already or was deleted", slot);
    lt_hnsw_raise_slots(g, slot + 1);
    return LT_OK;
}

static lt_status make_lists(lt_hnsw *g, uint32_t slot, unsigned level, lt_error *err)
{
    uint32_t first = 0;

    if (level > 0)
        LT_TRY(lt_hnsw_make_blocks(g, level, &first, err));
    atomic_store_explicit(block_index(g, slot), first, memory_order_relaxed);
    lt_hnsw_put_links(ground_links(g, slot), g->m0, NULL, 0);
    return LT_OK;
}

static lt_status insert(lt_hnsw *g, uint32_t slot, lt_error *err)
{
    unsigned level = lt_hnsw_level(g, slot);
    scratch *s = NULL;

    LT_TRY(claim(g, slot, level, err));
    lt_status st = make_lists(g, slot, level, err);

    if (st == LT_OK)
        st = lt_hnsw_scratch_take(g, g->config.ef_construct, &s, err);
    if (st != LT_OK) {
        atomic_store(state_of(g, slot), ABSENT);
        return st;
    }
    place(g, s, slot, level);
    lt_hnsw_scratch_give(g, s);
    atomic_fetch_add(&g->n_present, 1);
    atomic_fetch_xor(state_of(g, slot), CLAIMED ^ PRESENT);
    lt_hnsw_advance(g);
    return LT_OK;
}

lt_status lt_hnsw_insert(lt_hnsw *g, uint32_t slot, lt_error *err)
{
    if (slot >= LT_LIMIT_HNSW_SLOTS)
        return lt_fail(err, LT_ELIMIT, "slot %u: a graph holds %u", slot, LT_LIMIT_HNSW_SLOTS);
    if (slot >> g->row_bits >= atomic_load_explicit(&g->n_row_chunks, memory_order_acquire))
        return lt_fail(err, LT_EINVAL, "slot %u has no vector", slot);
    pthread_rwlock_rdlock(&g->gate);
    lt_status st = insert(g, slot, err);

    pthread_rwlock_unlock(&g->gate);
    return st;
}

/* ---- many at once ---------------------------------------------------------------------------- */

static void *run_thread(void *context)
{
    lt_hnsw_job *job = context;
    lt_error e = {0};

    while (!atomic_load_explicit(&job->failed, memory_order_relaxed)) {
        uint32_t slot = atomic_fetch_add(&job->next, 1);

        if (slot >= job->to)
            break;
        lt_status st = job->work(job, slot, &e);

        if (st == LT_OK)
            continue;
        pthread_mutex_lock(&job->lock);
        if (!atomic_exchange(&job->failed, true)) {
            job->status = st;
            job->error = e;
        }
        pthread_mutex_unlock(&job->lock);
    }
    return NULL;
}

/* The caller's thread works too; threads that could not be started are done without. */
lt_status lt_hnsw_run(lt_hnsw_job *job, unsigned threads, lt_error *err)
{
    enum { THREADS_MAX = 256 };
    pthread_t ids[THREADS_MAX];
    unsigned started = 0;

    if (threads == 0)
        threads = lt_cores();
    threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    pthread_mutex_init(&job->lock, NULL);
    while (started + 1 < threads &&
           pthread_create(&ids[started], NULL, run_thread, job) == 0)
        started++;
    run_thread(job);
    for (unsigned i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    pthread_mutex_destroy(&job->lock);
    if (job->status != LT_OK && err)
        *err = job->error;
    return job->status;
}

static lt_status insert_one(lt_hnsw_job *job, uint32_t slot, lt_error *err)
{
    if (job->bits && !(job->bits[slot / 64] >> (slot % 64) & 1))
        return lt_hnsw_delete(job->g, slot, err);
    lt_status st = lt_hnsw_insert(job->g, slot, err);

    return st == LT_EEXISTS ? LT_OK : st;
}

lt_status lt_hnsw_insert_range(lt_hnsw *g, uint32_t from, uint32_t to, const uint64_t *living,
                               unsigned threads, lt_error *err)
{
    lt_hnsw_job job = {.g = g, .work = insert_one, .bits = living, .to = to, .next = from};

    if (to > LT_LIMIT_HNSW_SLOTS)
        return lt_fail(err, LT_ELIMIT, "slot %u: a graph holds %u", to - 1, LT_LIMIT_HNSW_SLOTS);
    return from < to ? lt_hnsw_run(&job, threads, err) : LT_OK;
}
