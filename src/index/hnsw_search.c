/* SPDX-License-Identifier: Apache-2.0
 * Walking the graph.
 *
 * The candidates are one sorted array, not two heaps: at the ef of real queries an insertion moves a
 * few hundred bytes, and the nearest one not yet followed is simply the first without its mark. What
 * was seen is a bit a slot, 12 kB for 100k, so it stays in the first cache. All new neighbours of a
 * node are collected first, their vectors asked for, then measured four at a time.
 *
 * Filters. While most slots pass, the walk is the ordinary one with a larger ef and the rest is
 * dropped at the end. When fewer do, only slots that pass become candidates, and where a neighbour
 * does not pass, its neighbours stand in for it (ACORN, arXiv 2403.04871): dropping nodes thins the
 * graph out, two steps for one join it again. Some slots that pass, taken evenly, are starting points
 * beside the usual one, for filters whose points lie far from the query. When few pass, or the walk
 * ran out of candidates, those that pass are measured one by one. */
#include "hnsw_graph.h"

#include <base/limits.h>
#include <math.h>
#include <string.h>

/* ---- candidates ------------------------------------------------------------------------------ */

/* Puts a candidate in its place unless ef are nearer; returns the place, or ef. */
static inline size_t pool_add(scratch *s, size_t ef, cand c)
{
    cand *p = s->pool;
    size_t n = s->n_pool, low = 0;

    if (n == ef) {
        if (!(c.distance < p[n - 1].distance))
            return ef;
        n--;
    }
    for (size_t left = n; left > 0;) {
        size_t half = left / 2;
        bool behind = !(p[low + half].distance > c.distance);

        low = behind ? low + half + 1 : low;
        left = behind ? left - half - 1 : half;
    }
    memmove(p + low + 1, p + low, (n - low) * sizeof *p);
    p[low] = c;
    s->n_pool = n + 1;
    return low;
}

/* The batch's distances; what is no number (an overflow, a NaN) lies at the end of the world. */
static void measure(const lt_hnsw *g, scratch *s, const void *query, size_t n)
{
    if (s->copies)
        s->copies->measure(s->copies->context, query, s->rows, n, s->distances);
    else
        lt_space_distances(&g->space, query, s->rows, n, s->distances);
    for (size_t i = 0; i < n; i++)
        s->distances[i] = s->distances[i] < INFINITY ? s->distances[i] : INFINITY;
}

/* Measures the batch and adds it; returns the first place that changed. */
static size_t measure_and_add(const lt_hnsw *g, scratch *s, const void *query, size_t n, size_t ef)
{
    size_t low = ef;

    measure(g, s, query, n);
    for (size_t i = 0; i < n; i++) {
        size_t at = pool_add(s, ef, (cand){s->distances[i], s->slots[i]});

        low = at < low ? at : low;
    }
    return low;
}

static inline void batch_add(const lt_hnsw *g, scratch *s, size_t *n, uint32_t slot)
{
    const void *row = measured_row(g, s, slot);

    prefetch_row(s->copies ? s->copies->row_bytes : g->row_bytes, row);
    s->slots[*n] = slot;
    s->rows[(*n)++] = row;
}

/* The slots of a list that were not seen yet, as a batch. */
static size_t collect(const lt_hnsw *g, scratch *s, const hnsw_link *list, unsigned max)
{
    size_t n = 0;

    for (unsigned i = 0; i < max; i++) {
        uint32_t slot = load_link(list + i);

        if (slot == NONE)
            break;
        if (see(s, slot))
            batch_add(g, s, &n, slot);
    }
    return n;
}

static void clear_followed(scratch *s)
{
    for (size_t i = 0; i < s->n_pool; i++)
        s->pool[i].slot &= ~FOLLOWED;
}

static inline void prefetch_links(const lt_hnsw *g, uint32_t slot)
{
    const char *p = plain(ground_links(g, slot));

    for (size_t at = 0; at < g->m0 * sizeof(hnsw_link); at += 64)
        __builtin_prefetch(p + at);
}

/* ---- the ordinary walk ----------------------------------------------------------------------- */

void lt_hnsw_descend(const lt_hnsw *g, scratch *s, const void *query, uint64_t entry,
                     unsigned layer, size_t ef)
{
    size_t n = 0;

    see(s, (uint32_t)entry);
    batch_add(g, s, &n, (uint32_t)entry);
    measure_and_add(g, s, query, n, ef);
    for (unsigned l = entry_level(entry); l > layer; l--) {
        uint32_t best;

        do {
            best = s->pool[0].slot;
            n = collect(g, s, links_of(g, best, l), g->m);
            measure_and_add(g, s, query, n, ef);
        } while (s->pool[0].slot != best);
    }
}

void lt_hnsw_walk(const lt_hnsw *g, scratch *s, const void *query, unsigned layer, size_t ef)
{
    unsigned max = links_max(g, layer);

    for (size_t next = 0; next < s->n_pool;) {
        uint32_t slot = s->pool[next].slot;

        if (slot & FOLLOWED) {
            next++;
            continue;
        }
        s->pool[next].slot |= FOLLOWED;
        size_t n = collect(g, s, links_of(g, slot, layer), max);

        if (layer == 0 && next + 1 < s->n_pool)
            prefetch_links(g, s->pool[next + 1].slot & ~FOLLOWED);
        size_t low = measure_and_add(g, s, query, n, ef);

        next = low <= next ? low : next + 1;
    }
    clear_followed(s);
}

/* ---- the walk under a filter ----------------------------------------------------------------- */

typedef struct filter {
    const uint64_t *allowed; /* NULL: all */
    uint32_t n_slots, n_allowed;
} filter;

static inline bool passes(const filter *f, uint32_t slot)
{
    return slot < f->n_slots && (!f->allowed || (f->allowed[slot / 64] >> (slot % 64) & 1));
}

/* The first slot from `from` on that passes, or n_slots. */
static uint32_t next_allowed(const filter *f, uint32_t from)
{
    while (from < f->n_slots) {
        uint64_t rest = f->allowed ? f->allowed[from / 64] >> (from % 64) : 1;

        if (rest) {
            from += (uint32_t)__builtin_ctzll(rest);
            return from < f->n_slots ? from : f->n_slots;
        }
        from = (from / 64 + 1) * 64;
    }
    return f->n_slots;
}

/* May be measured: it has a vector and was not deleted. */
static bool is_living(const lt_hnsw *g, uint32_t slot)
{
    return kind_of(load_state_any(g, slot)) == PRESENT;
}

/* Of what the descent left, the nearest and those that pass; and some that pass from everywhere. */
static void start_filtered(const lt_hnsw *g, scratch *s, const void *query, const filter *f,
                           size_t ef)
{
    enum { SAMPLES = 32 };
    size_t n = s->n_pool, kept = 0, batch = 0;
    uint32_t step = f->n_slots / SAMPLES + 1;
    cand *pool = s->pool;

    lt_hnsw_scratch_clear(s);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || passes(f, pool[i].slot)) {
            pool[kept++] = pool[i];
            see(s, pool[i].slot);
        }
    s->n_pool = kept;
    for (uint32_t at = 0; at < f->n_slots && batch < SAMPLES; at += step) {
        uint32_t slot = next_allowed(f, at);

        if (slot < f->n_slots && is_living(g, slot) && see(s, slot))
            batch_add(g, s, &batch, slot);
        if (f->n_slots - at < step)
            break;
    }
    measure_and_add(g, s, query, batch, ef);
}

/* The neighbours of a node that pass, and those of the ones that do not, as a batch. Once the batch
 * is as long as a whole list the rest of the detours are left for later. */
static size_t collect_filtered(const lt_hnsw *g, scratch *s, const filter *f, uint32_t node)
{
    const hnsw_link *list = ground_links(g, node);
    size_t n = 0, n_hops = 0;

    for (unsigned i = 0; i < g->m0; i++) {
        uint32_t slot = load_link(list + i);

        if (slot == NONE)
            break;
        if (passes(f, slot)) {
            if (see(s, slot))
                batch_add(g, s, &n, slot);
        } else if (!was_seen(s, slot)) {
            prefetch_links(g, slot);
            s->hops[n_hops++] = slot;
        }
    }
    for (size_t h = 0; h < n_hops && n < 2 * (size_t)g->m0; h++) {
        const hnsw_link *beyond = ground_links(g, s->hops[h]);

        see(s, s->hops[h]);
        for (unsigned i = 0; i < g->m0; i++) {
            uint32_t slot = load_link(beyond + i);

            if (slot == NONE)
                break;
            if (passes(f, slot) && see(s, slot))
                batch_add(g, s, &n, slot);
        }
    }
    return n;
}

static void walk_filtered(const lt_hnsw *g, scratch *s, const void *query, const filter *f,
                          size_t ef)
{
    start_filtered(g, s, query, f, ef);
    for (size_t next = 0; next < s->n_pool;) {
        uint32_t slot = s->pool[next].slot;

        if (slot & FOLLOWED) {
            next++;
            continue;
        }
        s->pool[next].slot |= FOLLOWED;
        size_t n = collect_filtered(g, s, f, slot);

        if (next + 1 < s->n_pool)
            prefetch_links(g, s->pool[next + 1].slot & ~FOLLOWED);
        size_t low = measure_and_add(g, s, query, n, ef);

        next = low <= next ? low : next + 1;
    }
    clear_followed(s);
}

/* Measures all that pass; the pool is then exact. */
static void scan(const lt_hnsw *g, scratch *s, const void *query, const filter *f, size_t ef)
{
    size_t n = 0;

    lt_hnsw_scratch_clear(s);
    for (uint32_t slot = next_allowed(f, 0); slot < f->n_slots; slot = next_allowed(f, slot + 1)) {
        if (is_living(g, slot))
            batch_add(g, s, &n, slot);
        if (n == s->batch_cap) {
            measure_and_add(g, s, query, n, ef);
            n = 0;
        }
    }
    measure_and_add(g, s, query, n, ef);
}

/* ---- a query --------------------------------------------------------------------------------- */

static uint32_t count_allowed(const filter *f)
{
    uint32_t n = 0;

    for (uint32_t w = 0; w < f->n_slots / 64; w++)
        n += (uint32_t)__builtin_popcountll(f->allowed[w]);
    for (uint32_t slot = f->n_slots / 64 * 64; slot < f->n_slots; slot++)
        n += passes(f, slot);
    return n;
}

/* How the query will be answered. */
typedef struct plan {
    filter f;
    lt_hnsw_way how;
    size_t ef;       /* of the plain walk: larger by what will be dropped */
    size_t expected; /* so many results there must be */
    bool any_dead;   /* deleted nodes are still passed through */
} plan;

/* Copies what may be returned; how many, at most k. */
static size_t emit(const lt_hnsw *g, const scratch *s, const plan *p, size_t k, lt_scored *out)
{
    bool check = p->any_dead || atomic_load(&g->n_dead) > 0;
    size_t n = 0;

    for (size_t i = 0; i < s->n_pool && n < k; i++) {
        uint32_t slot = s->pool[i].slot;

        if (passes(&p->f, slot) && (!check || kind_of(load_state(g, slot)) < DEAD))
            out[n++] = (lt_scored){-s->pool[i].distance, slot};
    }
    return n;
}

static lt_status check_query(const lt_hnsw_query *q, lt_error *err)
{
    if (!q->vector)
        return lt_fail(err, LT_EINVAL, "the query has no vector");
    if (q->k < 1 || q->k > LT_LIMIT_HNSW_EF)
        return lt_fail(err, LT_EINVAL, "k is %zu: 1 to %u are possible", q->k, LT_LIMIT_HNSW_EF);
    if (q->ef < 1 || q->ef > LT_LIMIT_HNSW_EF)
        return lt_fail(err, LT_EINVAL, "ef is %zu: 1 to %u are possible", q->ef, LT_LIMIT_HNSW_EF);
    return LT_OK;
}

static plan make_plan(const lt_hnsw *g, const lt_hnsw_query *q, size_t ef)
{
    enum { DENSE_PERCENT = 80, STRETCH_MAX = 4 };
    uint32_t present = atomic_load(&g->n_present), dead = atomic_load(&g->n_dead);
    uint64_t nodes = (uint64_t)present + dead, pass = present;
    plan p = {.f = {q->allowed, atomic_load(&g->n_slots), 0}, .how = LT_HNSW_WALK, .ef = ef,
              .any_dead = dead > 0};

    if (q->n_slots < p.f.n_slots)
        p.f.n_slots = q->n_slots;
    if (q->copies && q->copies->n_slots < p.f.n_slots)
        p.f.n_slots = q->copies->n_slots;
    if (q->allowed) {
        pass = q->n_allowed ? q->n_allowed : count_allowed(&p.f);
        if (pass * 100 < nodes * DENSE_PERCENT)
            p.how = LT_HNSW_WALK_FILTERED;
        if (pass <= (q->scan_max ? q->scan_max : LT_HNSW_SCAN_PER_EF * ef))
            p.how = LT_HNSW_SCAN;
    }
    p.f.n_allowed = (uint32_t)pass;
    p.expected = pass < q->k ? (size_t)pass : q->k;
    if (p.how == LT_HNSW_WALK && pass < nodes)
        p.ef = (size_t)((double)ef * (double)nodes / (double)(pass + 1)) + 1;
    if (p.ef > STRETCH_MAX * ef)
        p.ef = STRETCH_MAX * ef;
    return p;
}

lt_hnsw_way lt_hnsw_way_of(const lt_hnsw *g, const lt_hnsw_query *query)
{
    return make_plan(g, query, query->ef > query->k ? query->ef : query->k).how;
}

static size_t answer(const lt_hnsw *g, scratch *s, const lt_hnsw_query *q, const plan *p, size_t ef,
                     uint64_t entry, lt_scored *out)
{
    size_t n = 0;

    if (p->how != LT_HNSW_SCAN && (uint32_t)entry < s->end) {
        lt_hnsw_descend(g, s, q->vector, entry, 0, p->ef);
        if (p->how == LT_HNSW_WALK)
            lt_hnsw_walk(g, s, q->vector, 0, p->ef);
        else
            walk_filtered(g, s, q->vector, &p->f, ef);
        n = emit(g, s, p, q->k, out);
        if (n >= p->expected && (p->how == LT_HNSW_WALK || s->n_pool >= ef || s->n_pool >= p->f.n_allowed))
            return n;
        if (!q->allowed && !p->any_dead)
            return n; /* nothing hides them: they are being inserted */
    }
    scan(g, s, q->vector, &p->f, ef);
    return emit(g, s, p, q->k, out);
}

lt_status lt_hnsw_search(lt_hnsw *g, const lt_hnsw_query *query, lt_scored *out, size_t *n_out,
                         lt_error *err)
{
    LT_TRY(check_query(query, err));
    size_t ef = query->ef > query->k ? query->ef : query->k;
    uint64_t entry = atomic_load_explicit(&g->entry, memory_order_acquire);
    scratch *s;

    if (!entry) {
        *n_out = 0;
        return LT_OK;
    }
    plan p = make_plan(g, query, ef);

    LT_TRY(lt_hnsw_scratch_take(g, p.ef > ef ? p.ef : ef, &s, err));
    s->copies = query->copies;
    s->end = query->copies ? query->copies->n_slots : UINT32_MAX;
    *n_out = answer(g, s, query, &p, ef, entry, out);
    lt_hnsw_scratch_give(g, s);
    return LT_OK;
}
