/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer.h"

#include <base/clock.h>
#include <base/file.h>
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "codes.h"
#include "engine.h"

enum {
    DEAD_MIN = 500,        /* so few deleted vectors are never worth a repair */
    DEAD_PERCENT = 10,     /* of the nodes: then they are taken out */
    SAVE_MIN = 5000,       /* slots inserted since the last checkpoint */
    SAVE_PERCENT = 20,     /* of all: then the next one is written */
    RETRY_MS = 200,        /* an old view was held: look again */
    SEARCHES_MIN = 2,      /* a program that asks once is quicker without loading a graph */
    NICENESS = 10
};

/* ---- graphs ---------------------------------------------------------------------------------- */

void lt_graph_unref(lt_graph *g)
{
    if (!g || atomic_fetch_sub(&g->refs, 1) != 1)
        return;
    lt_hnsw_free(g->hnsw);
    lt_vecs_unref(g->vecs);
    lt_free(g);
}

/* lock is held. */
static lt_graph **find(lt_indexing *x, uint32_t number)
{
    for (size_t i = 0; i < x->n_graphs; i++)
        if (x->graphs[i]->number == number)
            return &x->graphs[i];
    return NULL;
}

lt_graph *lt_graph_get(lt_collection *c, uint32_t number)
{
    lt_indexing *x = &c->indexing;

    pthread_mutex_lock(&x->lock);
    lt_graph **at = find(x, number), *g = at ? *at : NULL;

    if (g)
        atomic_fetch_add(&g->refs, 1);
    pthread_mutex_unlock(&x->lock);
    return g;
}

/* Makes `g` (its reference is taken over) the one that searches use; NULL: none. */
static void put_graph(lt_collection *c, uint32_t number, lt_graph *g)
{
    lt_indexing *x = &c->indexing;

    pthread_mutex_lock(&x->lock);
    lt_graph **at = find(x, number), *old = at ? *at : NULL;

    if (g && at)
        *at = g;
    else if (g)
        x->graphs[x->n_graphs++] = g;
    else if (at)
        *at = x->graphs[--x->n_graphs];
    pthread_mutex_unlock(&x->lock);
    lt_graph_unref(old);
}

static lt_status wrap(const lt_view *v, size_t i, lt_hnsw *hnsw, lt_graph **out, lt_error *err)
{
    lt_graph *g = lt_calloc(1, sizeof *g);

    if (!g) {
        lt_hnsw_free(hnsw);
        return lt_fail_nomem(err);
    }
    atomic_init(&g->refs, 1);
    g->hnsw = hnsw;
    g->vecs = v->schema->vectors[i].vecs;
    atomic_fetch_add(&g->vecs->refs, 1);
    g->number = v->schema->vectors[i].number;
    *out = g;
    return LT_OK;
}

static lt_status new_graph(const lt_view *v, size_t i, lt_graph **out, lt_error *err)
{
    lt_hnsw_vectors vectors = lt_view_vectors(v, i);
    lt_hnsw *hnsw;

    LT_TRY(lt_hnsw_new(&vectors, &v->schema->vectors[i].hnsw, &hnsw, err));
    return wrap(v, i, hnsw, out, err);
}

static bool same_config(const lt_graph *g, const lt_schema_vector *s)
{
    lt_hnsw_config c = lt_hnsw_get_config(g->hnsw);

    return c.m == s->hnsw.m && c.ef_construct == s->hnsw.ef_construct;
}

/* A present vector below `covered` that the graph lacks would never be found: after the loss of
 * commits that were not synced, slots can mean other points than when the checkpoint was written. */
static bool fits_view(const lt_hnsw *g, const lt_view *v, size_t i)
{
    uint32_t covered = lt_hnsw_covered(g);

    if (covered > v->n_slots)
        return false;
    for (uint32_t slot = 0; slot < covered; slot++)
        if (lt_bit_get(v->vectors[i].present, slot) && !lt_hnsw_has(g, slot))
            return false;
    return true;
}

/* The checkpoint, where there is one that fits: NULL in *out otherwise. What is damaged or of
 * another version is as if it were not there; the graph is built again. */
static lt_status load_graph(lt_collection *c, const lt_view *v, size_t i, lt_graph **out,
                            lt_error *err)
{
    LT_AUTOFREE char *path = lt_graph_path(c->dir, v->schema->vectors[i].number);
    lt_hnsw_vectors vectors = lt_view_vectors(v, i);
    lt_error why;
    lt_hnsw *hnsw;

    *out = NULL;
    if (!path)
        return lt_fail_nomem(err);
    if (lt_hnsw_open(path, &vectors, NULL, &hnsw, &why) != LT_OK)
        return LT_OK;
    if (!fits_view(hnsw, v, i)) {
        lt_hnsw_free(hnsw);
        return LT_OK;
    }
    LT_TRY(wrap(v, i, hnsw, out, err));
    (*out)->saved = lt_hnsw_covered(hnsw);
    return LT_OK;
}

static lt_status save_graph(lt_collection *c, lt_graph *g, lt_error *err)
{
    LT_AUTOFREE char *path = lt_graph_path(c->dir, g->number);

    if (!path)
        return lt_fail_nomem(err);
    uint32_t covered = lt_hnsw_covered(g->hnsw);

    LT_TRY(lt_hnsw_save(g->hnsw, path, err));
    g->saved = covered;
    return LT_OK;
}

/* ---- what there is to do --------------------------------------------------------------------- */

bool lt_index_stopping(lt_collection *c)
{
    return atomic_load(&c->db->indexer.stop) || atomic_load(&c->dropped);
}

/* Bits set below `end`. */
static uint64_t count_below(const uint64_t *bits, uint64_t end)
{
    uint64_t n = 0;

    for (uint64_t i = 0; i < end / 64; i++)
        n += (uint64_t)__builtin_popcountll(bits[i]);
    if (end % 64)
        n += (uint64_t)__builtin_popcountll(bits[end / 64] & (((uint64_t)1 << end % 64) - 1));
    return n;
}

static uint64_t covered_of(const lt_graph *g, const lt_view *v)
{
    uint64_t covered = lt_hnsw_covered(g->hnsw);

    return covered < v->n_slots ? covered : v->n_slots;
}

bool lt_index_is_large(const lt_view *v, size_t i)
{
    const lt_schema_vector *s = &v->schema->vectors[i];

    return s->vecs && v->schema->indexing_bytes > 0 &&
           v->vectors[i].n_present * s->stride >= v->schema->indexing_bytes;
}

static bool too_many_dead(const lt_graph *g, const lt_view *v, size_t i)
{
    uint64_t present = count_below(v->vectors[i].present, covered_of(g, v));
    uint64_t nodes = lt_hnsw_n_nodes(g->hnsw);

    return nodes > present + DEAD_MIN && (nodes - present) * 100 > nodes * DEAD_PERCENT;
}

/* Whether a graph has to be built, extended, repaired or built anew. */
static bool has_graph_work(lt_collection *c, const lt_view *v, size_t i)
{
    lt_graph *g = lt_graph_get(c, v->schema->vectors[i].number);
    bool work = g ? v->n_slots - covered_of(g, v) >= LT_INDEX_TAIL_MAX || too_many_dead(g, v, i) ||
                        !same_config(g, &v->schema->vectors[i])
                  : lt_index_is_large(v, i) && v->schema->vectors[i].hnsw.m > 0;

    lt_graph_unref(g);
    return work;
}

static bool has_work(lt_collection *c, const lt_view *v, size_t i)
{
    return has_graph_work(c, v, i) || lt_codes_have_work(c, v, i);
}

/* ---- work ------------------------------------------------------------------------------------ */

/* Extends the graph to all slots of newer and newer views, a fraction of a second at a time. */
static lt_status extend(lt_collection *c, lt_graph *g, unsigned threads, lt_error *err)
{
    uint32_t step = 64;

    while (!lt_index_stopping(c)) {
        lt_view *v = lt_view_current(c);
        size_t i = lt_schema_by_number(v->schema, g->number);
        uint32_t from = lt_hnsw_covered(g->hnsw), to = (uint32_t)v->n_slots;
        lt_status st = LT_OK;
        double began = lt_clock_s();
        bool end = i == v->schema->n_vectors || from >= to;

        to = to - from > step ? from + step : to;
        if (!end)
            st = lt_hnsw_set_chunks(g->hnsw, v->vectors[i].chunks, v->vectors[i].n_chunks, err);
        if (!end && st == LT_OK)
            st = lt_hnsw_insert_range(g->hnsw, from, to, v->vectors[i].present, threads, err);
        lt_view_unref(v);
        if (end || st != LT_OK)
            return st;
        step = lt_clock_s() - began < 0.05 ? step * 2 : step > 64 ? step / 2 : step;
    }
    return LT_OK;
}

/* Takes out what the newest view has no more. *later: an older view is held. */
static lt_status take_out(lt_collection *c, lt_graph *g, const lt_view *v, size_t i, bool *later,
                          lt_error *err)
{
    uint32_t covered = (uint32_t)covered_of(g, v);

    if (!too_many_dead(g, v, i))
        return LT_OK;
    if (!lt_view_is_oldest(c, v)) {
        *later = true;
        return LT_OK;
    }
    for (uint32_t slot = 0; slot < covered; slot++)
        if (!lt_bit_get(v->vectors[i].present, slot))
            LT_TRY(lt_hnsw_delete(g->hnsw, slot, err));
    LT_TRY(lt_hnsw_repair(g->hnsw, v->schema->vectors[i].threads, err));
    return save_graph(c, g, err);
}

bool lt_index_worth_saving(uint32_t covered, uint32_t saved)
{
    uint32_t fresh = covered - saved;

    return fresh >= SAVE_MIN && (uint64_t)fresh * 100 >= (uint64_t)covered * SAVE_PERCENT;
}

static lt_status save_if_much(lt_collection *c, lt_graph *g, lt_error *err)
{
    return lt_index_worth_saving(lt_hnsw_covered(g->hnsw), g->saved) ? save_graph(c, g, err) : LT_OK;
}

/* The graph to be worked on: the one there is, or a new one where there is none or the config is
 * another. *swap: the old one serves until the new one is whole. */
static lt_status choose_graph(lt_collection *c, uint32_t number, unsigned *threads, lt_graph **out,
                              bool *swap, lt_error *err)
{
    lt_view *v = lt_view_current(c);
    size_t i = lt_schema_by_number(v->schema, number);
    lt_graph *g = lt_graph_get(c, number), *fresh = NULL;
    lt_status st = LT_OK;
    bool gone = i == v->schema->n_vectors || v->schema->vectors[i].hnsw.m == 0 ||
                (!g && !lt_index_is_large(v, i));

    if (!gone && (!g || !same_config(g, &v->schema->vectors[i])))
        st = new_graph(v, i, &fresh, err);
    if (gone)
        put_graph(c, number, NULL);
    *swap = g && fresh;
    if (fresh && !g) {
        atomic_fetch_add(&fresh->refs, 1);
        put_graph(c, number, fresh);
    }
    if (fresh || gone || st != LT_OK) {
        lt_graph_unref(g);
        g = fresh;
    }
    *threads = gone ? 0 : v->schema->vectors[i].threads;
    *out = g;
    lt_view_unref(v);
    return st;
}

/* No view is held here but the newest, for a moment. */
static lt_status finish(lt_collection *c, lt_graph *g, bool *later, lt_error *err)
{
    lt_view *v = lt_view_current(c);
    size_t i = lt_schema_by_number(v->schema, g->number);
    lt_status st = i < v->schema->n_vectors ? take_out(c, g, v, i, later, err) : LT_OK;

    lt_view_unref(v);
    return st == LT_OK ? save_if_much(c, g, err) : st;
}

static lt_status work_on(lt_collection *c, uint32_t number, bool *later, lt_error *err)
{
    lt_graph *g;
    unsigned threads;
    bool swap;

    LT_TRY(lt_codes_work(c, number, err)); /* first: the graph takes longer */
    LT_TRY(choose_graph(c, number, &threads, &g, &swap, err));
    if (!g)
        return LT_OK;
    lt_status st = extend(c, g, threads, err);

    if (st == LT_OK && !lt_index_stopping(c) && swap) {
        atomic_fetch_add(&g->refs, 1);
        put_graph(c, number, g);
    }
    if (st == LT_OK && !lt_index_stopping(c))
        st = finish(c, g, later, err);
    lt_graph_unref(g);
    return st;
}

/* Graphs of vectors that were dropped, with their checkpoints. */
static void drop_strays(lt_collection *c, const lt_view *v)
{
    uint32_t gone[LT_LIMIT_VECTORS];
    size_t n = 0;

    pthread_mutex_lock(&c->indexing.lock);
    for (size_t i = 0; i < c->indexing.n_graphs; i++) {
        uint32_t number = c->indexing.graphs[i]->number;

        if (lt_schema_by_number(v->schema, number) == v->schema->n_vectors)
            gone[n++] = number;
    }
    pthread_mutex_unlock(&c->indexing.lock);
    for (size_t i = 0; i < n; i++) {
        LT_AUTOFREE char *path = lt_graph_path(c->dir, gone[i]);

        put_graph(c, gone[i], NULL);
        lt_codes_drop(c, gone[i]);
        if (path)
            (void)unlink(path);
    }
}

static lt_status load_all(lt_collection *c, const lt_view *v, lt_error *err)
{
    for (size_t i = 0; i < v->schema->n_vectors && !lt_index_stopping(c); i++) {
        lt_graph *g;

        if (v->schema->vectors[i].vecs)
            LT_TRY(lt_codes_load(c, v, i, err));
        if (!v->schema->vectors[i].vecs || v->schema->vectors[i].hnsw.m == 0)
            continue;
        LT_TRY(load_graph(c, v, i, &g, err));
        if (g)
            put_graph(c, g->number, g);
    }
    pthread_mutex_lock(&c->indexing.lock);
    c->indexing.loaded = true;
    pthread_mutex_unlock(&c->indexing.lock);
    return LT_OK;
}

static bool is_loaded(lt_collection *c)
{
    pthread_mutex_lock(&c->indexing.lock);
    bool loaded = c->indexing.loaded;

    pthread_mutex_unlock(&c->indexing.lock);
    return loaded;
}

/* The numbers of the vectors with work; loads checkpoints first. */
static lt_status list_work(lt_collection *c, uint32_t *numbers, size_t *n, lt_error *err)
{
    lt_view *v = lt_view_current(c);
    lt_status st = is_loaded(c) ? LT_OK : load_all(c, v, err);

    *n = 0;
    if (st == LT_OK && !c->db->options.read_only) {
        drop_strays(c, v);
        for (size_t i = 0; i < v->schema->n_vectors; i++)
            if (has_work(c, v, i))
                numbers[(*n)++] = v->schema->vectors[i].number;
    }
    lt_view_unref(v);
    return st;
}

/* One that failed would fail again: it waits for the next opening. */
static bool vacuum_is_due(lt_collection *c, const lt_view *v)
{
    return !c->db->options.read_only && !atomic_load(&c->indexing.vacuum_failed) &&
           lt_vacuum_due(v);
}

static lt_status vacuum_if_due(lt_collection *c, lt_error *err)
{
    lt_view *v = lt_view_current(c);
    bool due = vacuum_is_due(c, v);

    lt_view_unref(v);
    lt_status st = due && !lt_index_stopping(c) ? lt_vacuum_run(c, err) : LT_OK;

    if (st == LT_ECANCELED)
        return LT_OK;
    atomic_store(&c->indexing.vacuum_failed, st != LT_OK);
    return st;
}

/* All that there is to do for one collection. *later: some of it has to wait. */
static void work(lt_collection *c, bool *later)
{
    uint32_t numbers[LT_LIMIT_VECTORS];
    lt_error why = {0};
    size_t n = 0;
    lt_status st = vacuum_if_due(c, &why);

    if (st == LT_OK)
        st = list_work(c, numbers, &n, &why);

    for (size_t i = 0; i < n && st == LT_OK && !lt_index_stopping(c); i++)
        st = work_on(c, numbers[i], later, &why);
    if (st == LT_OK)
        why = (lt_error){0};
    pthread_mutex_lock(&c->indexing.lock);
    c->indexing.error = why;
    pthread_mutex_unlock(&c->indexing.lock);
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* A collection with work, held; NULL: there is none. */
static lt_collection *next_collection(lt_db *db)
{
    pthread_mutex_lock(&db->lock);
    lt_collection *c = db->open;

    while (c && !atomic_exchange(&c->indexing.wanted, false))
        c = c->next;
    if (c)
        c->refs++;
    pthread_mutex_unlock(&db->lock);
    return c;
}

/* Until woken, or for a while. */
static void wait_for_work(lt_indexer *x, bool later)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += RETRY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&x->lock);
    int code = 0;

    while (!x->signalled && !atomic_load(&x->stop) && code == 0)
        code = later ? pthread_cond_timedwait(&x->wake, &x->lock, &until)
                     : pthread_cond_wait(&x->wake, &x->lock);
    x->signalled = false;
    pthread_mutex_unlock(&x->lock);
}

static void *run(void *context)
{
    lt_db *db = context;
    bool later = false;

    /* Of this thread alone, and inherited by those it starts: searches go first. */
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICENESS);
    while (!atomic_load(&db->indexer.stop)) {
        lt_collection *c = next_collection(db);

        if (!c) {
            wait_for_work(&db->indexer, later);
            later = false;
            continue;
        }
        bool again = false;

        work(c, &again);
        if (again)
            atomic_store(&c->indexing.wanted, true);
        lt_collection_close(c);
        if (again) {
            later = true;
            wait_for_work(&db->indexer, true);
        }
    }
    return NULL;
}

static void wake(lt_collection *c)
{
    lt_indexer *x = &c->db->indexer;

    atomic_store(&c->indexing.wanted, true);
    pthread_mutex_lock(&x->lock);
    if (!x->started && !atomic_load(&x->stop))
        x->started = pthread_create(&x->thread, NULL, run, c->db) == 0;
    x->signalled = true;
    pthread_cond_signal(&x->wake);
    pthread_mutex_unlock(&x->lock);
}

void lt_index_consider(lt_collection *c)
{
    lt_view *v = lt_view_current(c);
    bool work = vacuum_is_due(c, v);

    for (size_t i = 0; i < v->schema->n_vectors && !work; i++)
        work = v->schema->vectors[i].vecs && has_work(c, v, i);
    lt_view_unref(v);
    if (work)
        wake(c);
}

void lt_index_searched(lt_collection *c)
{
    unsigned n = atomic_fetch_add(&c->indexing.searches, 1);

    if (n + 1 == SEARCHES_MIN && !is_loaded(c))
        wake(c);
}

/* ---- beginning and end ----------------------------------------------------------------------- */

void lt_indexer_init(lt_indexer *x)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&x->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&x->wake, &attr);
    pthread_condattr_destroy(&attr);
}

void lt_indexer_stop(lt_db *db)
{
    lt_indexer *x = &db->indexer;

    pthread_mutex_lock(&x->lock);
    atomic_store(&x->stop, true);
    pthread_cond_signal(&x->wake);
    bool started = x->started;

    pthread_mutex_unlock(&x->lock);
    if (started)
        pthread_join(x->thread, NULL);
}

void lt_indexer_done(lt_indexer *x)
{
    pthread_mutex_destroy(&x->lock);
    pthread_cond_destroy(&x->wake);
}

void lt_indexing_init(lt_indexing *x)
{
    pthread_mutex_init(&x->lock, NULL);
    pthread_mutex_init(&x->vacuum, NULL);
}

void lt_indexing_done(lt_collection *c)
{
    lt_indexing *x = &c->indexing;

    for (size_t i = 0; i < x->n_graphs; i++) {
        lt_graph *g = x->graphs[i];
        lt_error why;
        bool much = lt_hnsw_covered(g->hnsw) - g->saved >= LT_INDEX_SAVE_AT_CLOSE_MIN;

        /* What is not saved is inserted again at the next start. */
        lt_status saved = much && !c->db->options.read_only && !atomic_load(&c->dropped)
                              ? save_graph(c, g, &why)
                              : LT_OK;

        (void)saved;
        lt_graph_unref(g);
    }
    x->n_graphs = 0;
    lt_codes_done(c);
    pthread_mutex_destroy(&x->lock);
    pthread_mutex_destroy(&x->vacuum);
}

void lt_index_describe(lt_collection *c, const lt_view *v, lt_index_state *out)
{
    *out = (lt_index_state){.busy = vacuum_is_due(c, v)};
    for (size_t i = 0; i < v->schema->n_vectors; i++) {
        lt_graph *g = lt_graph_get(c, v->schema->vectors[i].number);

        if (g)
            out->n_indexed += count_below(v->vectors[i].present, covered_of(g, v));
        lt_graph_unref(g);
        out->busy |= !c->db->options.read_only && v->schema->vectors[i].vecs && has_work(c, v, i);
    }
    pthread_mutex_lock(&c->indexing.lock);
    out->error = c->indexing.error;
    pthread_mutex_unlock(&c->indexing.lock);
    /* Who asks may be waiting for it; after a start graphs are loaded only when somebody wants them. */
    if (out->busy)
        wake(c);
}
