/* SPDX-License-Identifier: Apache-2.0
 * Payload indexes shared by committed states: every state is answered for exactly, whatever was
 * committed since, whoever built the set and when. LT_SEED replays a run. */
#include <base/mem.h>
#include <base/rng.h>
#include <filter/filter.h>
#include <index/pidx_set.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lt_cmocka.h"

enum { N_SLOTS = 4096, N_WORDS = N_SLOTS / 64, N_READERS = 4, TEXT = 64 };

/* What one committed state holds: the model and the state under test. */
typedef struct snapshot {
    lt_pidx_state *state;
    uint64_t living[N_WORDS];
    char payloads[N_SLOTS][TEXT];
} snapshot;

typedef struct world {
    lt_rng rng;
    uint64_t seed;
    snapshot newest;
    uint32_t next_slot;
    lt_pidx_change changes[16];
    char texts[16][TEXT];
    lt_error err;
} world;

static size_t below(lt_rng *r, size_t n)
{
    return (size_t)lt_rng_below(r, n);
}

static void random_payload(lt_rng *r, char out[TEXT])
{
    static const char *const words[] = {"red", "green", "blue"};

    snprintf(out, TEXT, "{\"k\":\"%s\",\"i\":%d%s}", words[below(r, 3)], (int)below(r, 10),
             below(r, 4) ? "" : ",\"i\":[1,\"x\"]");
    if (below(r, 8) == 0)
        strcpy(out, "{\"i\":[3,7],\"k\":null}");
}

static lt_pidx_state *new_state(lt_error *err)
{
    static const char *const schemas[] = {"\"keyword\"", "\"integer\""};
    static const char *const paths[] = {"k", "i"};
    lt_payload_field *fields[2];
    lt_pidx_state *s;

    for (size_t i = 0; i < 2; i++) {
        yyjson_doc *doc = yyjson_read(schemas[i], strlen(schemas[i]), 0);

        assert_ok(lt_payload_field_new(paths[i], yyjson_doc_get_root(doc), &fields[i], err), err);
        yyjson_doc_free(doc);
    }
    assert_ok(lt_pidx_state_new(fields, 2, &s, err), err);
    lt_payload_field_unref(fields[0]);
    lt_payload_field_unref(fields[1]);
    return s;
}

static int setup(void **state)
{
    world *w = lt_calloc(1, sizeof *w);
    const char *seed = getenv("LT_SEED");

    w->seed = seed ? strtoull(seed, NULL, 10) : 7;
    w->rng.state = w->seed;
    w->newest.state = new_state(&w->err);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world *w = *state;

    lt_pidx_state_unref(w->newest.state);
    lt_free(w);
    return 0;
}

/* ---- commits --------------------------------------------------------------------------------- */

static void change_slot(world *w, snapshot *to, lt_pidx_change *c, char text[TEXT])
{
    uint32_t old = w->next_slot ? (uint32_t)below(&w->rng, w->next_slot) : 0;
    bool there = lt_bits_has(to->living, old);
    bool moves = w->next_slot < N_SLOTS && below(&w->rng, 3) == 0;

    *c = (lt_pidx_change){.old_slot = LT_PIDX_NO_SLOT, .new_slot = LT_PIDX_NO_SLOT};
    if (there) {
        c->old_slot = old;
        c->old_payload = w->newest.payloads[old];
        c->old_len = strlen(c->old_payload);
        lt_bits_clear(to->living, old);
    }
    if (there && below(&w->rng, 5) == 0)
        return; /* deleted */
    if (!there && w->next_slot == N_SLOTS)
        return;
    c->new_slot = there && !moves ? old : w->next_slot++;
    random_payload(&w->rng, text);
    c->new_payload = text;
    c->new_len = strlen(text);
    lt_bits_set(to->living, c->new_slot);
    strcpy(to->payloads[c->new_slot], text);
}

/* A commit changes each slot at most once here; one that fails leaves the model alone. */
static void commit(world *w, bool fails)
{
    size_t n = below(&w->rng, 16);
    snapshot *to = lt_malloc(sizeof *to);
    uint32_t next_slot = w->next_slot;

    *to = w->newest;
    for (size_t i = 0; i < n; i++) {
        change_slot(w, to, &w->changes[i], w->texts[i]);
        for (size_t k = 0; k < i; k++)
            if (w->changes[k].old_slot == w->changes[i].old_slot ||
                w->changes[k].new_slot == w->changes[i].old_slot) {
                /* twice in a commit: its payload before is that of the first change */
                w->changes[i].old_payload = w->changes[k].new_payload;
                w->changes[i].old_len = w->changes[k].new_len;
            }
    }
    assert_ok(lt_pidx_state_next(w->newest.state, w->changes, n, &to->state, &w->err), &w->err);
    if (fails) {
        lt_pidx_state_unref(to->state);
        w->next_slot = next_slot;
    } else {
        lt_pidx_state_unref(w->newest.state);
        w->newest = *to;
    }
    lt_free(to);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void open_reader(world *w, snapshot *r)
{
    *r = w->newest;
    r->state = lt_pidx_state_ref(w->newest.state);
}

static void close_reader(snapshot *r)
{
    lt_pidx_state_unref(r->state);
    r->state = NULL;
}

typedef struct building {
    snapshot *from;
    world *committing; /* commits happen while it reads; NULL: none */
    bool fails;
} building;

static lt_status each_point(void *context, lt_pidx_builder *b, lt_error *err)
{
    building *k = context;

    for (uint32_t slot = 0; slot < N_SLOTS; slot++) {
        if (k->committing && slot % 1024 == 5)
            commit(k->committing, false);
        if (!lt_bits_has(k->from->living, slot))
            continue;
        yyjson_doc *doc =
            yyjson_read(k->from->payloads[slot], strlen(k->from->payloads[slot]), 0);
        lt_status st = lt_pidx_builder_add(b, slot, yyjson_doc_get_root(doc), err);

        yyjson_doc_free(doc);
        if (st != LT_OK)
            return st;
    }
    return k->fails ? LT_EIO : LT_OK;
}

static const char *const filters[] = {
    "{\"must\":{\"key\":\"k\",\"match\":{\"value\":\"red\"}}}",
    "{\"must_not\":{\"key\":\"k\",\"match\":{\"any\":[\"red\",\"blue\"]}}}",
    "{\"must\":[{\"key\":\"i\",\"range\":{\"gte\":3}},{\"key\":\"k\",\"is_empty\":false}]}",
    "{\"should\":[{\"key\":\"i\",\"match\":{\"value\":7}},{\"key\":\"k\",\"is_null\":true}]}",
};

/* The answer holds the truth of this state; says how many slots it left open. */
static size_t check_reader(snapshot *r, const char *json, uint64_t seed)
{
    lt_pidx_source source = {.n_slots = N_SLOTS, .living = r->living};
    uint64_t *sure = lt_calloc(2 * N_WORDS, sizeof *sure), *possible = sure + N_WORDS;
    size_t n_open = 0, n_true = 0;
    lt_filter *filter;
    lt_error err;

    assert_ok(lt_filter_parse(json, strlen(json), &filter, &err), &err);
    assert_ok(lt_pidx_state_select(r->state, filter, NULL, &source, sure, possible, NULL, &err),
              &err);
    for (uint32_t slot = 0; slot < N_SLOTS; slot++) {
        lt_id id = lt_id_from_num(slot);
        bool is_sure = lt_bits_has(sure, slot), is_possible = lt_bits_has(possible, slot);
        bool holds = false;

        if (lt_bits_has(r->living, slot)) {
            yyjson_doc *doc = yyjson_read(r->payloads[slot], strlen(r->payloads[slot]), 0);

            holds = lt_filter_match(filter, &id, yyjson_doc_get_root(doc));
            yyjson_doc_free(doc);
        }
        if ((is_sure && !holds) || (holds && !is_possible))
            fail_msg("LT_SEED=%llu: %s: slot %u %s: %d, sure %d, possible %d",
                     (unsigned long long)seed, json, slot, r->payloads[slot], holds, is_sure,
                     is_possible);
        n_open += is_possible && !is_sure;
        n_true += holds;
    }
    lt_estimate e = lt_pidx_state_estimate(r->state, filter, NULL,
                                           lt_bits_count(r->living, N_WORDS));

    assert_true(e.min <= n_true && n_true <= e.max);
    lt_filter_free(filter);
    lt_free(sure);
    return n_open;
}

static void every_state_is_answered_for(void **state)
{
    world *w = *state;
    snapshot *readers = lt_calloc(N_READERS, sizeof *readers);
    size_t n_built = 0, n_rounds = 0;

    while (w->next_slot + 200 < N_SLOTS) {
        snapshot *r = &readers[below(&w->rng, N_READERS)];

        n_rounds++;
        switch (below(&w->rng, 6)) {
        case 0:
        case 1:
            commit(w, below(&w->rng, 12) == 0);
            break;
        case 2:
            if (r->state)
                close_reader(r);
            else
                open_reader(w, r);
            break;
        case 3:
            if (r->state) {
                building b = {r, below(&w->rng, 2) ? w : NULL, below(&w->rng, 4) == 0};
                lt_status st = lt_pidx_state_build(r->state, each_point, &b, &w->err);

                assert_true(st == LT_OK || (b.fails && st == LT_EIO));
            }
            break;
        default:
            if (r->state)
                (void)check_reader(r, filters[below(&w->rng, 4)], w->seed);
        }
        n_built += lt_pidx_state_is_built(w->newest.state);
    }
    assert_true(n_built > n_rounds / 10 && n_built < n_rounds);
    for (size_t i = 0; i < N_READERS; i++)
        if (readers[i].state)
            close_reader(&readers[i]);
    lt_free(readers);
}

/* The newest state needs no second look, nor does what is stale grow when nobody else reads. */
static void newest_state_is_sure(void **state)
{
    world *w = *state;
    snapshot r;

    for (int i = 0; i < 20; i++)
        commit(w, false);
    building b = {&w->newest, NULL, false};

    assert_int_equal(check_reader(&w->newest, filters[0], w->seed),
                     lt_bits_count(w->newest.living, N_WORDS));
    assert_ok(lt_pidx_state_build(w->newest.state, each_point, &b, &w->err), &w->err);
    assert_true(lt_pidx_state_bytes(w->newest.state) > 1000);
    assert_int_equal(check_reader(&w->newest, filters[0], w->seed), 0);
    open_reader(w, &r);
    for (int i = 0; i < 5; i++)
        commit(w, false);
    assert_int_equal(check_reader(&w->newest, filters[0], w->seed), 0);
    size_t n_open = check_reader(&r, filters[0], w->seed);

    assert_true(n_open > 0 && n_open < 100);
    close_reader(&r);
}

/* ---- values ---------------------------------------------------------------------------------- */

typedef struct sums {
    size_t n_points, n_pairs;
    int64_t last;
    bool sorted;
} sums;

static lt_status sum_facet(void *context, const lt_index_value *v, size_t n, lt_error *err)
{
    sums *s = context;

    (void)err;
    if (v->n_text == 3 && memcmp(v->text, "red", 3) == 0)
        s->n_points += n;
    return LT_OK;
}

static bool sum_walk(void *context, const lt_index_value *v, uint32_t slot)
{
    sums *s = context;

    (void)slot;
    s->sorted &= s->n_pairs == 0 || v->number >= s->last;
    s->last = v->number;
    s->n_pairs++;
    return true;
}

static void count_red(void *context, const lt_index_value *v)
{
    sums *s = context;

    s->n_points += v->n_text == 3 && memcmp(v->text, "red", 3) == 0;
}

static void count_pair(void *context, const lt_index_value *v)
{
    sums *s = context;

    (void)v;
    s->n_pairs++;
}

/* Adds what the payloads of some slots have. A payload here has no value twice. */
static void add_payloads(const snapshot *r, const uint64_t *bits, sums *s)
{
    for (uint32_t slot = 0; slot < N_SLOTS; slot++) {
        if (!lt_bits_has(bits, slot))
            continue;
        yyjson_doc *doc = yyjson_read(r->payloads[slot], strlen(r->payloads[slot]), 0);

        lt_payload_field_values(lt_pidx_state_field(r->state, "k"), yyjson_doc_get_root(doc),
                                count_red, s);
        lt_payload_field_values(lt_pidx_state_field(r->state, "i"), yyjson_doc_get_root(doc),
                                count_pair, s);
        yyjson_doc_free(doc);
    }
}

static void check_values(world *w, snapshot *r)
{
    uint64_t look[N_WORDS], look2[N_WORDS];
    sums all = {0}, parts = {.sorted = true};

    add_payloads(r, r->living, &all);
    assert_ok(lt_pidx_state_facet(r->state, "k", r->living, N_SLOTS, sum_facet, &parts, look,
                                  &w->err), &w->err);
    assert_ok(lt_pidx_state_walk(r->state, "i", false, NULL, r->living, N_SLOTS, sum_walk, &parts,
                                 look2, &w->err), &w->err);
    assert_true(parts.sorted);
    assert_memory_equal(look, look2, sizeof look);
    add_payloads(r, look, &parts);
    assert_int_equal(parts.n_points, all.n_points);
    assert_int_equal(parts.n_pairs, all.n_pairs);
}

static void values_of_every_state_add_up(void **state)
{
    world *w = *state;
    uint64_t look[N_WORDS];
    sums s = {0};
    snapshot r;

    for (int i = 0; i < 20; i++)
        commit(w, false);
    assert_int_equal(lt_pidx_state_facet(w->newest.state, "k", w->newest.living, N_SLOTS, sum_facet,
                                         &s, look, &w->err),
                     LT_EUNSUPPORTED);
    building b = {&w->newest, NULL, false};

    assert_ok(lt_pidx_state_build(w->newest.state, each_point, &b, &w->err), &w->err);
    open_reader(w, &r);
    for (int i = 0; i < 30; i++) {
        commit(w, false);
        check_values(w, &r);
        check_values(w, &w->newest);
    }
    assert_int_equal(lt_pidx_state_facet(r.state, "zz", r.living, N_SLOTS, sum_facet, &s, look,
                                         &w->err),
                     LT_ENOTFOUND);
    assert_int_equal(lt_pidx_state_walk(r.state, "k", false, NULL, r.living, N_SLOTS, sum_walk, &s,
                                        look, &w->err),
                     LT_EINVAL);
    close_reader(&r);
}

/* ---- threads --------------------------------------------------------------------------------- */

typedef struct crowd {
    world *w;
    pthread_mutex_t lock; /* guards w->newest as readers take it, as a collection's view */
    uint64_t seed;
    atomic_bool stop;
    atomic_size_t n_checked;
} crowd;

static void *read_along(void *context)
{
    crowd *c = context;
    snapshot *r = lt_malloc(sizeof *r);

    for (size_t i = 0; !atomic_load(&c->stop); i++) {
        pthread_mutex_lock(&c->lock);
        open_reader(c->w, r);
        pthread_mutex_unlock(&c->lock);
        building b = {r, NULL, false};
        lt_error err;

        assert_ok(lt_pidx_state_build(r->state, each_point, &b, &err), &err);
        (void)check_reader(r, filters[i % 4], c->seed);
        close_reader(r);
        atomic_fetch_add(&c->n_checked, 1);
    }
    lt_free(r);
    return NULL;
}

/* A commit in two steps: what is under test runs beside readers, the model changes under the lock. */
static void commit_beside(crowd *c)
{
    world *copy = lt_malloc(sizeof *copy);

    *copy = *c->w;
    copy->newest.state = lt_pidx_state_ref(c->w->newest.state);
    commit(copy, below(&copy->rng, 10) == 0);
    pthread_mutex_lock(&c->lock);
    lt_pidx_state *old = c->w->newest.state;

    *c->w = *copy;
    pthread_mutex_unlock(&c->lock);
    lt_pidx_state_unref(old);
    lt_free(copy);
}

static void readers_and_commits_share(void **state)
{
    world *w = *state;
    crowd c = {.w = w, .lock = PTHREAD_MUTEX_INITIALIZER, .seed = w->seed};
    pthread_t threads[3];

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_along, &c), 0);
    while (w->next_slot + 200 < N_SLOTS || atomic_load(&c.n_checked) < 30)
        commit_beside(&c);
    atomic_store(&c.stop, true);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_true(atomic_load(&c.n_checked) >= 30);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(every_state_is_answered_for),
        T(newest_state_is_sure),
        T(values_of_every_state_add_up),
        T(readers_and_commits_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
