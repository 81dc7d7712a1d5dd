/* SPDX-License-Identifier: Apache-2.0
 * Whether a graph keeps its invariants (hnsw_graph.h), and what is in it. The check is what stands
 * between the bytes of a file and the walks, which trust every link. */
#include "hnsw_graph.h"

#include <base/mem.h>

/* What a check carries along. */
typedef struct checking {
    const lt_hnsw *g;
    uint32_t n_slots;
    uint32_t *stamp;  /* a slot: the last list that named it */
    uint32_t list;    /* the number of the present one */
    uint64_t *blocks; /* a bit a block: it has an owner */
} checking;

static const char *check_list(checking *c, uint32_t node, unsigned layer)
{
    const hnsw_link *list = links_of(c->g, node, layer);
    unsigned max = links_max(c->g, layer);
    bool ended = false;

    c->list++;
    for (unsigned i = 0; i < max; i++) {
        uint32_t slot = load_link(list + i);

        if (slot == NONE) {
            ended = true;
            continue;
        }
        if (ended)
            return "a link behind the end of its list";
        if (slot >= c->n_slots)
            return "a link to a slot behind the last";
        if (slot == node)
            return "a node that links to itself";
        if (c->stamp[slot] == c->list)
            return "a node that links to another twice";
        c->stamp[slot] = c->list;
        uint8_t s = load_state_any(c->g, slot);

        if (!is_node(s))
            return "a link to a slot that is no node";
        if ((s & LEVEL_MASK) < layer)
            return "a link to a node that does not reach the layer";
    }
    return NULL;
}

static const char *check_blocks(checking *c, uint32_t node, unsigned level)
{
    uint32_t first = atomic_load_explicit(block_index(c->g, node), memory_order_relaxed);

    if (level == 0)
        return NULL;
    if (first >= c->g->n_blocks || level > c->g->n_blocks - first)
        return "upper links behind the last block";
    if (first >> BLOCK_BITS != (first + level - 1) >> BLOCK_BITS)
        return "upper links that cross a slab";
    for (uint32_t b = first; b < first + level; b++) {
        if (c->blocks[b / 64] >> (b % 64) & 1)
            return "two nodes with the same upper links";
        c->blocks[b / 64] |= (uint64_t)1 << (b % 64);
    }
    return NULL;
}

static const char *check_node(checking *c, uint32_t node, uint8_t s)
{
    unsigned level = s & LEVEL_MASK;
    const char *fault = check_blocks(c, node, level);

    for (unsigned layer = 0; !fault && layer <= level; layer++)
        fault = check_list(c, node, layer);
    return fault;
}

static const char *check_entry(const checking *c, unsigned top, uint32_t nodes)
{
    uint64_t entry = atomic_load(&c->g->entry);

    if (!entry)
        return nodes ? "nodes but no entry" : NULL;
    if ((uint32_t)entry >= c->n_slots || !is_node(load_state_any(c->g, (uint32_t)entry)))
        return "an entry that is no node";
    if ((load_state_any(c->g, (uint32_t)entry) & LEVEL_MASK) != entry_level(entry))
        return "an entry that has another level";
    return entry_level(entry) != top ? "an entry below the highest level" : NULL;
}

static const char *check_counts(const checking *c, uint32_t present, uint32_t dead, uint32_t covered)
{
    if (present != atomic_load(&c->g->n_present) || dead != atomic_load(&c->g->n_dead))
        return "a wrong count of nodes";
    return covered != atomic_load(&c->g->covered) ? "a wrong end of what is covered" : NULL;
}

static const char *find_fault(checking *c)
{
    uint32_t count[2] = {0}, covered = 0;
    unsigned top = 0;

    for (uint32_t slot = 0; slot < c->n_slots; slot++) {
        uint8_t s = load_state_any(c->g, slot);

        if ((s & LOCKED) || kind_of(s) == CLAIMED || kind_of(s) > GONE)
            return "a node in no known state";
        covered += covered == slot && kind_of(s) != ABSENT;
        if (!is_node(s))
            continue;
        count[kind_of(s) == DEAD]++;
        top = (s & LEVEL_MASK) > top ? s & LEVEL_MASK : top;
        const char *fault = check_node(c, slot, s);

        if (fault)
            return fault;
    }
    const char *fault = check_entry(c, top, count[0] + count[1]);

    return fault ? fault : check_counts(c, count[0], count[1], covered);
}

/* NULL if all is well; the fault, or what a lack of memory is called. */
static const char *verify(const lt_hnsw *g, bool *no_memory)
{
    uint32_t n_slots = atomic_load(&g->n_slots);
    LT_AUTOFREE uint32_t *stamp = lt_calloc(n_slots, sizeof *stamp);
    LT_AUTOFREE uint64_t *blocks = lt_calloc((size_t)g->n_blocks / 64 + 1, sizeof *blocks);
    checking c = {g, n_slots, stamp, 0, blocks};

    *no_memory = !stamp || !blocks;
    return *no_memory ? "no memory for the check" : find_fault(&c);
}

lt_status lt_hnsw_verify(const lt_hnsw *g, lt_error *err)
{
    bool no_memory;
    const char *fault = verify(g, &no_memory);

    if (no_memory)
        return lt_fail_nomem(err);
    return fault ? lt_fail(err, LT_ECORRUPT, "the graph has %s", fault) : LT_OK;
}

bool lt_hnsw_check(lt_hnsw *g, const char **reason)
{
    bool no_memory;

    pthread_rwlock_wrlock(&g->gate);
    const char *fault = verify(g, &no_memory);

    pthread_rwlock_unlock(&g->gate);
    if (fault)
        *reason = fault;
    return !fault;
}

/* ---- statistics ------------------------------------------------------------------------------ */

static void push_unseen(uint64_t *seen, uint32_t *stack, size_t *n, uint32_t slot)
{
    if (seen[slot / 64] >> (slot % 64) & 1)
        return;
    seen[slot / 64] |= (uint64_t)1 << (slot % 64);
    stack[(*n)++] = slot;
}

/* Marks in `seen` all nodes that some path from the entry leads to. */
static void reach(const lt_hnsw *g, uint64_t *seen, uint32_t *stack, uint32_t n_slots)
{
    uint64_t entry = atomic_load(&g->entry);
    size_t n = 0;

    if (entry)
        push_unseen(seen, stack, &n, (uint32_t)entry);
    while (n > 0) {
        uint32_t node = stack[--n];
        unsigned level = load_state(g, node) & LEVEL_MASK;

        for (unsigned layer = 0; layer <= level; layer++) {
            const hnsw_link *list = links_of(g, node, layer);

            for (unsigned i = 0; i < links_max(g, layer); i++) {
                uint32_t slot = load_link(list + i);

                if (slot < n_slots)
                    push_unseen(seen, stack, &n, slot);
            }
        }
    }
}

static void count_links(const lt_hnsw *g, const uint64_t *seen, lt_hnsw_stats *out)
{
    for (uint32_t slot = 0; slot < out->n_slots; slot++) {
        uint8_t s = load_state_any(g, slot);

        if (!is_node(s))
            continue;
        out->n_unreachable += kind_of(s) == PRESENT && !(seen[slot / 64] >> (slot % 64) & 1);
        for (unsigned i = 0; i < g->m0; i++)
            out->n_links += load_link(ground_links(g, slot) + i) != NONE;
    }
}

lt_status lt_hnsw_get_stats(lt_hnsw *g, lt_hnsw_stats *out, lt_error *err)
{
    uint32_t n = atomic_load(&g->n_slots);
    uint64_t entry = atomic_load(&g->entry);
    LT_AUTOFREE uint64_t *seen = lt_calloc((size_t)n / 64 + 1, sizeof *seen);
    LT_AUTOFREE uint32_t *stack = lt_calloc(n, sizeof *stack);

    if (!seen || !stack)
        return lt_fail_nomem(err);
    lt_hnsw_stats st = {.n_slots = n,
                        .n_present = atomic_load(&g->n_present),
                        .n_dead = atomic_load(&g->n_dead),
                        .covered = atomic_load(&g->covered),
                        .levels = entry ? entry_level(entry) + 1 : 0};

    pthread_rwlock_wrlock(&g->gate);
    reach(g, seen, stack, n);
    count_links(g, seen, &st);
    st.bytes = (size_t)n * ((g->m0 + 1) * sizeof(hnsw_link) + 1) +
               (size_t)g->n_blocks * g->m * sizeof(hnsw_link);
    pthread_rwlock_unlock(&g->gate);
    *out = st;
    return LT_OK;
}
