/* SPDX-License-Identifier: Apache-2.0
 * Deleting and repairing.
 *
 * A deleted node stays in the graph as a stepping stone: taking it out at once would tear paths. But
 * each one costs every search that passes its place, and a region of deleted nodes is a desert. So a
 * repair, now and then, walks over all nodes: one that links to deleted nodes gets its list chosen
 * anew among the living ones in it and those that lay behind the deleted ones (through as many of
 * them as lie in a row), and the new links are made both ways, since those behind have lost links
 * that led to them.
 *
 * Why nothing links to a node that a repair takes out: it was DEAD before the gate was closed and
 * opened at the beginning, which waited for the inserts then under way. Inserts that came after
 * choose no DEAD node. Each node that was there has had its list repaired, and nothing else ever
 * puts into a list what was not chosen or is being inserted. */
#include "hnsw_graph.h"

#include <base/limits.h>
#include <base/mem.h>
#include <sched.h>
#include <stdlib.h>

/* ---- marking --------------------------------------------------------------------------------- */

/* n_dead goes up before the mark is visible: who reads 0 meets no mark. */
static bool mark_dead(lt_hnsw *g, hnsw_state *s, uint8_t seen)
{
    atomic_fetch_add(&g->n_dead, 1);
    if (!atomic_compare_exchange_strong(s, &seen, (uint8_t)((seen & ~KIND_MASK) | DEAD))) {
        atomic_fetch_sub(&g->n_dead, 1);
        return false;
    }
    atomic_fetch_sub(&g->n_present, 1);
    return true;
}

static lt_status mark(lt_hnsw *g, uint32_t slot, lt_error *err)
{
    LT_TRY(lt_hnsw_make_node_slab(g, slot, err));
    lt_hnsw_raise_slots(g, slot + 1);
    hnsw_state *s = state_of(g, slot);

    for (;;) {
        uint8_t seen = atomic_load(s);

        switch (kind_of(seen)) {
        case ABSENT:
            if (atomic_compare_exchange_strong(s, &seen, GONE)) {
                lt_hnsw_advance(g);
                return LT_OK;
            }
            break;
        case PRESENT:
            if (mark_dead(g, s, seen))
                return LT_OK;
            break;
        case CLAIMED: /* its insert ends soon, whatever else happens */
            sched_yield();
            break;
        default:
            return LT_OK;
        }
    }
}

lt_status lt_hnsw_delete(lt_hnsw *g, uint32_t slot, lt_error *err)
{
    if (slot >= LT_LIMIT_HNSW_SLOTS)
        return lt_fail(err, LT_ELIMIT, "slot %u: a graph holds %u", slot, LT_LIMIT_HNSW_SLOTS);
    pthread_rwlock_rdlock(&g->gate);
    lt_status st = mark(g, slot, err);

    pthread_rwlock_unlock(&g->gate);
    return st;
}

/* ---- repairing ------------------------------------------------------------------------------- */

static bool is_alive(const lt_hnsw *g, uint32_t slot)
{
    return kind_of(load_state(g, slot)) != DEAD;
}

/* The living links of a list into the batch, the others into hops. */
static void sort_links(const lt_hnsw *g, scratch *s, const hnsw_link *list, unsigned max, size_t *n,
                       size_t *n_hops)
{
    for (unsigned i = 0; i < max && *n < s->batch_cap && *n_hops < s->batch_cap; i++) {
        uint32_t slot = load_link(list + i);

        if (slot == NONE)
            return;
        if (!see(s, slot))
            continue;
        if (!is_alive(g, slot)) {
            s->hops[(*n_hops)++] = slot;
            continue;
        }
        s->slots[*n] = slot;
        s->rows[(*n)++] = row_of(g, slot);
    }
}

static int by_distance(const void *a, const void *b)
{
    const cand *x = a, *y = b;

    return (x->distance > y->distance) - (x->distance < y->distance);
}

/* Fills `kept`; how many. The node is locked, so its list stands still. 0 if nothing is amiss. */
static size_t rebuild_list(const lt_hnsw *g, scratch *s, uint32_t node, unsigned layer)
{
    hnsw_link *list = links_of(g, node, layer);
    unsigned max = links_max(g, layer);
    size_t n = 0, n_hops = 0;

    lt_hnsw_scratch_clear(s);
    see(s, node);
    sort_links(g, s, list, max, &n, &n_hops);
    if (n_hops == 0)
        return 0;
    for (size_t h = 0; h < n_hops; h++)
        sort_links(g, s, links_of(g, s->hops[h], layer), max, &n, &n_hops);
    const void *query = lt_space_as_query(&g->space, row_of(g, node), s->room);

    lt_space_distances(&g->space, query, s->rows, n, s->distances);
    for (size_t i = 0; i < n; i++)
        s->spare[i] = (cand){s->distances[i], s->slots[i]};
    qsort(s->spare, n, sizeof *s->spare, by_distance);
    size_t kept = lt_hnsw_choose(g, s, s->spare, n, max, s->chosen);

    lt_hnsw_put_links(list, max, s->chosen, kept);
    return kept;
}

static void repair_layer(const lt_hnsw *g, scratch *s, uint32_t node, unsigned layer)
{
    lt_hnsw_lock_node(g, node);
    size_t n = rebuild_list(g, s, node, layer);

    lt_hnsw_unlock_node(g, node);
    for (size_t i = 0; i < n; i++) {
        cand c = s->chosen[i];

        lt_hnsw_add_link(g, s, c.slot, layer, (cand){c.distance, node});
    }
}

/* job->bits: the nodes that will be taken out. */
static lt_status repair_node(lt_hnsw_job *job, uint32_t slot, lt_error *err)
{
    lt_hnsw *g = job->g;
    uint8_t s = load_state_any(g, slot);
    scratch *room;

    if (!is_node(s) || (job->bits[slot / 64] >> (slot % 64) & 1))
        return LT_OK;
    pthread_rwlock_rdlock(&g->gate);
    lt_status st = lt_hnsw_scratch_take(g, 1, &room, err);

    if (st == LT_OK) {
        for (unsigned layer = 0; layer <= (s & LEVEL_MASK); layer++)
            repair_layer(g, room, slot, layer);
        lt_hnsw_scratch_give(g, room);
    }
    pthread_rwlock_unlock(&g->gate);
    return st;
}

/* The gate is closed: no insert is under way. */
static void note_dead(const lt_hnsw *g, uint32_t n_slots, uint64_t *dead)
{
    for (uint32_t slot = 0; slot < n_slots; slot++)
        if (kind_of(load_state_any(g, slot)) == DEAD)
            dead[slot / 64] |= (uint64_t)1 << (slot % 64);
}

static void choose_entry(lt_hnsw *g)
{
    uint32_t n = atomic_load(&g->n_slots);
    uint64_t entry = 0;

    for (uint32_t slot = 0; slot < n; slot++) {
        uint8_t s = load_state_any(g, slot);

        if (is_node(s) && (!entry || (s & LEVEL_MASK) > entry_level(entry)))
            entry = entry_of(s & LEVEL_MASK, slot);
    }
    atomic_store_explicit(&g->entry, entry, memory_order_release);
}

/* The gate is closed. A search that stands on one of these nodes goes on with what it has. */
static void take_out(lt_hnsw *g, uint32_t n_slots, const uint64_t *dead)
{
    for (uint32_t slot = 0; slot < n_slots; slot++) {
        if (!(dead[slot / 64] >> (slot % 64) & 1))
            continue;
        unsigned level = load_state(g, slot) & LEVEL_MASK;

        for (unsigned layer = 0; layer <= level; layer++)
            lt_hnsw_put_links(links_of(g, slot, layer), links_max(g, layer), NULL, 0);
        atomic_store(state_of(g, slot), (uint8_t)(GONE | level));
        atomic_fetch_sub(&g->n_dead, 1);
    }
    choose_entry(g);
}

static lt_status repair(lt_hnsw *g, unsigned threads, lt_error *err)
{
    pthread_rwlock_wrlock(&g->gate);
    uint32_t n_slots = atomic_load(&g->n_slots);
    LT_AUTOFREE uint64_t *dead = lt_calloc(n_slots / 64 + 1, sizeof *dead);

    if (dead)
        note_dead(g, n_slots, dead);
    pthread_rwlock_unlock(&g->gate);
    if (!dead)
        return lt_fail_nomem(err);
    lt_hnsw_job job = {.g = g, .work = repair_node, .bits = dead, .to = n_slots};

    LT_TRY(lt_hnsw_run(&job, threads, err));
    pthread_rwlock_wrlock(&g->gate);
    take_out(g, n_slots, dead);
    pthread_rwlock_unlock(&g->gate);
    return LT_OK;
}

lt_status lt_hnsw_repair(lt_hnsw *g, unsigned threads, lt_error *err)
{
    if (atomic_load(&g->n_dead) == 0)
        return LT_OK;
    pthread_mutex_lock(&g->repair_lock);
    lt_status st = repair(g, threads, err);

    pthread_mutex_unlock(&g->repair_lock);
    return st;
}
