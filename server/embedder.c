/* SPDX-License-Identifier: Apache-2.0
 * Two handles of one model: texts use it for latency, pictures for throughput. Towers are compiled
 * when they are needed, so each handle holds only the tower it needs. */
#include "embedder.h"

#include <base/error.h>
#include <base/mem.h>
#include <base/thread.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BATCH_MAX = 256, LANE_THREADS_MAX = 256 };

typedef struct call call;

/* What one call wants of one lane. Guarded by the embedder's lock, as all below. */
typedef struct share {
    call *owner;
    lt_embed_item **items;
    size_t n, n_taken;
    struct share *next; /* in the lane */
} share;

/* A call of lt_embedder_run; lives on its stack until nothing of it is open. */
struct call {
    share shares[2]; /* texts, pictures */
    size_t n_open;   /* items without a result */
    pthread_cond_t finished;
};

typedef struct line {
    share *first, **last;
} line;

typedef struct lane {
    lt_embedder *embedder;
    void (*run)(lt_embedder *e, lt_embed_item *const *batch, size_t n);
    size_t batch_max;
    unsigned wait_us;
    pthread_t threads[LANE_THREADS_MAX];
    unsigned n_threads;
    /* Guarded by the embedder's lock: */
    pthread_cond_t came;
    line lines[2]; /* of calls that are not nice, and that are */
} lane;

enum { TEXTS, PICTURES };

struct lt_embedder {
    lt_embedder_options options;
    lt_model *text_model, *picture_model;
    lt_model_info info;
    pthread_mutex_t lock;
    bool closing, giving_up; /* guarded by lock */
    lane lanes[2];
};

/* ---- the lanes' threads ---------------------------------------------------------------------- */

static void embed_texts(lt_embedder *e, lt_embed_item *const *batch, size_t n)
{
    const char *texts[BATCH_MAX];
    size_t dims = e->info.dims;
    lt_error why = {0};
    LT_AUTOFREE float *rows = lt_calloc(n * dims, sizeof *rows);
    lt_status st = rows ? LT_OK : lt_fail_nomem(&why);

    for (size_t i = 0; i < n; i++)
        texts[i] = batch[i]->text;
    if (st == LT_OK)
        st = lt_model_embed_texts(e->text_model, texts, n, rows, &why);
    for (size_t i = 0; i < n; i++) {
        batch[i]->status = st;
        batch[i]->why = why;
        if (st == LT_OK)
            memcpy(batch[i]->out, rows + i * dims, dims * sizeof *rows);
        else if (n > 1) /* one bad text must not fail the others */
            batch[i]->status = lt_model_embed_texts(e->text_model, &texts[i], 1, batch[i]->out,
                                                    &batch[i]->why);
    }
}

static void embed_pictures(lt_embedder *e, lt_embed_item *const *batch, size_t n)
{
    for (size_t i = 0; i < n; i++)
        batch[i]->status = lt_model_embed_pictures(e->picture_model, &batch[i]->picture, 1,
                                                   batch[i]->out, NULL, &batch[i]->why);
}

static void append(line *l, share *s)
{
    s->next = NULL;
    *l->last = s;
    l->last = &s->next;
}

static share *take_first(line *l)
{
    share *s = l->first;

    l->first = s->next;
    if (!l->first)
        l->last = &l->first;
    return s;
}

static bool is_idle(const lane *l)
{
    return !l->lines[0].first && !l->lines[1].first;
}

typedef struct taken {
    lt_embed_item *items[BATCH_MAX];
    call *owners[BATCH_MAX];
    size_t n;
} taken;

/* lock is held. One item of each call in turn, up to a batch. */
static void take_batch(lane *l, taken *out)
{
    out->n = 0;
    for (int k = 0; k < 2; k++) {
        while (l->lines[k].first && out->n < l->batch_max) {
            share *s = take_first(&l->lines[k]);

            out->owners[out->n] = s->owner;
            out->items[out->n++] = s->items[s->n_taken++];
            if (s->n_taken < s->n)
                append(&l->lines[k], s);
        }
    }
}

static void *serve_lane(void *arg)
{
    lane *l = arg;
    lt_embedder *e = l->embedder;
    taken batch;

    pthread_mutex_lock(&e->lock);
    for (;;) {
        while (is_idle(l) && !e->closing)
            pthread_cond_wait(&l->came, &e->lock);
        if (is_idle(l))
            break;
        if (l->wait_us) {
            pthread_mutex_unlock(&e->lock);
            usleep(l->wait_us);
            pthread_mutex_lock(&e->lock);
        }
        take_batch(l, &batch);
        pthread_mutex_unlock(&e->lock);
        if (batch.n)
            l->run(e, batch.items, batch.n);
        pthread_mutex_lock(&e->lock);
        for (size_t i = 0; i < batch.n; i++)
            if (--batch.owners[i]->n_open == 0)
                pthread_cond_signal(&batch.owners[i]->finished);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static struct timespec to_timespec(double clock_s)
{
    double whole = floor(clock_s);

    return (struct timespec){(time_t)whole, (long)((clock_s - whole) * 1e9)};
}

/* lock is held; s is in no line. */
static void give_up(share *s, const char *why)
{
    for (; s->n_taken < s->n; s->n_taken++) {
        lt_embed_item *item = s->items[s->n_taken];

        item->status = lt_fail(&item->why, LT_EBUSY, "too busy: %s", why);
        s->owner->n_open--;
    }
    if (s->owner->n_open == 0)
        pthread_cond_signal(&s->owner->finished);
}

static const char STOPPING[] = "the server is being stopped";

/* lock is held. */
static void enqueue(lane *l, share *s, bool nice)
{
    if (s->n == 0)
        return;
    if (l->embedder->giving_up) {
        give_up(s, STOPPING);
        return;
    }
    append(&l->lines[nice], s);
    pthread_cond_broadcast(&l->came);
}

/* lock is held. Takes what has not had its turn out of the lane. */
static void withdraw(lane *l, share *s, bool nice)
{
    line *queue = &l->lines[nice];
    share **at = &queue->first;

    if (s->n_taken == s->n)
        return;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    if (queue->last == &s->next)
        queue->last = at;
    give_up(s, "its turn did not come within the time allowed");
}

void lt_embedder_give_up(lt_embedder *e)
{
    pthread_mutex_lock(&e->lock);
    e->giving_up = true;
    for (int k = TEXTS; k <= PICTURES; k++)
        for (int nice = 0; nice < 2; nice++)
            while (e->lanes[k].lines[nice].first)
                give_up(take_first(&e->lanes[k].lines[nice]), STOPPING);
    pthread_mutex_unlock(&e->lock);
}

/* lock is held. Waits until all is done; what has not had its turn by the deadline is given up. */
static void await(lt_embedder *e, call *c, const lt_embed_terms *terms)
{
    struct timespec until = to_timespec(terms->deadline);
    bool in_time = true;

    while (c->n_open) {
        if (!in_time) {
            pthread_cond_wait(&c->finished, &e->lock);
            continue;
        }
        in_time = pthread_cond_timedwait(&c->finished, &e->lock, &until) == 0;
        for (int k = TEXTS; k <= PICTURES && !in_time; k++)
            withdraw(&e->lanes[k], &c->shares[k], terms->nice);
    }
}

static void init_monotonic(pthread_cond_t *c)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

static void run_call(lt_embedder *e, call *c, const lt_embed_terms *terms)
{
    init_monotonic(&c->finished);
    pthread_mutex_lock(&e->lock);
    for (int k = TEXTS; k <= PICTURES; k++)
        enqueue(&e->lanes[k], &c->shares[k], terms->nice);
    await(e, c, terms);
    pthread_mutex_unlock(&e->lock);
    pthread_cond_destroy(&c->finished);
}

lt_status lt_embedder_run(lt_embedder *e, lt_embed_item *items, size_t n,
                          const lt_embed_terms *terms, lt_error *err)
{
    LT_AUTOFREE lt_embed_item **order = lt_calloc(n, sizeof(lt_embed_item *));
    size_t n_texts = 0, at[2] = {0};

    if (!order)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n; i++)
        n_texts += items[i].text != NULL;
    at[PICTURES] = n_texts;
    for (size_t i = 0; i < n; i++)
        order[at[items[i].text ? TEXTS : PICTURES]++] = &items[i];
    call c = {.n_open = n};

    c.shares[TEXTS] = (share){.owner = &c, .items = order, .n = n_texts};
    c.shares[PICTURES] = (share){.owner = &c, .items = order + n_texts, .n = n - n_texts};
    run_call(e, &c, terms);
    for (size_t i = 0; i < n; i++) {
        if (items[i].status == LT_OK)
            continue;
        if (err)
            *err = items[i].why;
        return items[i].status;
    }
    return LT_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

static lt_status start_lane(lane *l, unsigned n_threads, lt_error *err)
{
    while (l->n_threads < n_threads && l->n_threads < LANE_THREADS_MAX) {
        int errnum = pthread_create(&l->threads[l->n_threads], NULL, serve_lane, l);

        if (errnum)
            return lt_fail_errno(err, LT_EIO, errnum, "cannot start a thread");
        l->n_threads++;
    }
    return LT_OK;
}

static void stop_lane(lane *l)
{
    pthread_cond_broadcast(&l->came);
    for (unsigned i = 0; i < l->n_threads; i++)
        pthread_join(l->threads[i], NULL);
    pthread_cond_destroy(&l->came);
}

static lt_status open_all(lt_embedder *e, lt_error *err)
{
    lt_model_options options = LT_MODEL_OPTIONS_INIT;

    LT_TRY(lt_model_open(e->options.model_dir, &options, &e->text_model, err));
    options.use = LT_USE_THROUGHPUT;
    LT_TRY(lt_model_open(e->options.model_dir, &options, &e->picture_model, err));
    e->info = (lt_model_info)LT_MODEL_INFO_INIT;
    LT_TRY(lt_model_get_info(e->text_model, &e->info, err));
    if (e->options.preload) {
        LT_TRY(lt_model_load(e->text_model, e->info.has_text, false, err));
        LT_TRY(lt_model_load(e->picture_model, false, e->info.has_image, err));
    }
    LT_TRY(start_lane(&e->lanes[TEXTS], 1, err));
    return start_lane(&e->lanes[PICTURES], lt_cores(), err);
}

static void init_lane(lt_embedder *e, lane *l,
                      void (*run)(lt_embedder *, lt_embed_item *const *, size_t), size_t batch_max,
                      unsigned wait_us)
{
    *l = (lane){.embedder = e, .run = run, .batch_max = batch_max, .wait_us = wait_us};
    for (int k = 0; k < 2; k++)
        l->lines[k].last = &l->lines[k].first;
    pthread_cond_init(&l->came, NULL);
}

lt_status lt_embedder_open(const lt_embedder_options *options, lt_embedder **out, lt_error *err)
{
    if (options->batch_max == 0 || options->batch_max > BATCH_MAX)
        return lt_fail(err, LT_EINVAL, "batches of %zu texts: 1 to %d are possible",
                       options->batch_max, BATCH_MAX);
    lt_embedder *e = lt_calloc(1, sizeof *e);

    if (!e)
        return lt_fail_nomem(err);
    e->options = *options;
    pthread_mutex_init(&e->lock, NULL);
    init_lane(e, &e->lanes[TEXTS], embed_texts, options->batch_max, options->wait_us);
    init_lane(e, &e->lanes[PICTURES], embed_pictures, 1, 0);
    lt_status st = open_all(e, err);

    if (st != LT_OK) {
        lt_embedder_close(e);
        return st;
    }
    *out = e;
    return LT_OK;
}

void lt_embedder_close(lt_embedder *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    e->closing = true;
    pthread_mutex_unlock(&e->lock);
    for (int k = TEXTS; k <= PICTURES; k++)
        stop_lane(&e->lanes[k]);
    lt_model_close(e->text_model);
    lt_model_close(e->picture_model);
    pthread_mutex_destroy(&e->lock);
    lt_free(e);
}

const lt_model_info *lt_embedder_info(const lt_embedder *e)
{
    return &e->info;
}

lt_model *lt_embedder_model(const lt_embedder *e)
{
    return e->text_model;
}
