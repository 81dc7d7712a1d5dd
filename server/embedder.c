/* SPDX-License-Identifier: Apache-2.0
 * Two handles of one model: texts use it for latency, pictures for throughput. Towers are compiled
 * at first use, so each handle holds only the tower it needs. */
#include "embedder.h"

#include <base/error.h>
#include <base/mem.h>
#include <base/thread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BATCH_MAX = 256, LANE_THREADS_MAX = 256 };

/* An item in a lane. Lives with the call that asks until it is done or given up. */
typedef struct ticket {
    lt_embed_item *item;
    bool taken, done;
    struct ticket *next;
} ticket;

typedef struct lane {
    lt_embedder *embedder;
    void (*run)(lt_embedder *e, ticket *const *batch, size_t n);
    size_t batch_max;
    unsigned wait_us;
    pthread_t threads[LANE_THREADS_MAX];
    unsigned n_threads;
    /* Guarded by the embedder's lock: */
    pthread_cond_t came;
    ticket *first, **last;
} lane;

struct lt_embedder {
    lt_embedder_options options;
    lt_model *text_model, *picture_model;
    lt_model_info info;
    pthread_mutex_t lock;
    pthread_cond_t finished;
    bool closing; /* guarded by lock */
    lane texts, pictures;
};

/* ---- the lanes' threads ---------------------------------------------------------------------- */

static void embed_texts(lt_embedder *e, ticket *const *batch, size_t n)
{
    const char *texts[BATCH_MAX];
    lt_error why = {0};
    LT_AUTOFREE float *rows = lt_calloc(n * e->info.dims, sizeof *rows);
    lt_status st = rows ? LT_OK : lt_fail_nomem(&why);

    for (size_t i = 0; i < n; i++)
        texts[i] = batch[i]->item->text;
    if (st == LT_OK)
        st = lt_model_embed_texts(e->text_model, texts, n, rows, &why);
    for (size_t i = 0; i < n; i++) {
        lt_embed_item *item = batch[i]->item;

        item->status = st;
        item->why = why;
        if (st == LT_OK)
            memcpy(item->out, rows + i * e->info.dims, e->info.dims * sizeof *rows);
        else if (n > 1) /* one bad text must not fail the others */
            item->status =
                lt_model_embed_texts(e->text_model, &texts[i], 1, item->out, &item->why);
    }
}

static void embed_pictures(lt_embedder *e, ticket *const *batch, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        lt_embed_item *item = batch[i]->item;

        item->status = lt_model_embed_pictures(e->picture_model, &item->picture, 1, item->out, NULL,
                                               &item->why);
    }
}

/* lock is held. Up to batch_max waiting tickets, in order of arrival. */
static size_t take_batch(lane *l, ticket **out)
{
    size_t n = 0;

    while (l->first && n < l->batch_max) {
        ticket *t = l->first;

        l->first = t->next;
        t->taken = true;
        out[n++] = t;
    }
    if (!l->first)
        l->last = &l->first;
    return n;
}

static void *serve_lane(void *arg)
{
    lane *l = arg;
    lt_embedder *e = l->embedder;
    ticket *batch[BATCH_MAX];

    pthread_mutex_lock(&e->lock);
    for (;;) {
        while (!l->first && !e->closing)
            pthread_cond_wait(&l->came, &e->lock);
        if (!l->first)
            break;
        if (l->wait_us) {
            pthread_mutex_unlock(&e->lock);
            usleep(l->wait_us);
            pthread_mutex_lock(&e->lock);
        }
        size_t n = take_batch(l, batch);

        pthread_mutex_unlock(&e->lock);
        if (n)
            l->run(e, batch, n);
        pthread_mutex_lock(&e->lock);
        for (size_t i = 0; i < n; i++)
            batch[i]->done = true;
        pthread_cond_broadcast(&e->finished);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static struct timespec in_seconds(double s)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    double whole = s + (double)t.tv_nsec * 1e-9;

    t.tv_sec += (time_t)whole;
    t.tv_nsec = (long)((whole - (double)(time_t)whole) * 1e9);
    return t;
}

/* lock is held. */
static void enqueue(lane *l, ticket *t)
{
    *l->last = t;
    l->last = &t->next;
    pthread_cond_signal(&l->came);
}

/* lock is held; t is still in its lane. */
static void withdraw(lane *l, ticket *t, double deadline_s)
{
    ticket **at = &l->first;

    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    if (l->last == &t->next)
        l->last = at;
    t->done = true;
    t->item->status = lt_fail(&t->item->why, LT_EBUSY,
                              "too busy: its turn did not come within %g seconds", deadline_s);
}

/* lock is held. Waits until t is done, or its deadline passes before its turn has come. */
static void await(lt_embedder *e, lane *l, ticket *t, const struct timespec *until)
{
    bool in_time = true;

    while (!t->done) {
        if (t->taken)
            pthread_cond_wait(&e->finished, &e->lock);
        else if (in_time)
            in_time = pthread_cond_timedwait(&e->finished, &e->lock, until) == 0;
        else
            withdraw(l, t, e->options.deadline_s);
    }
}

lt_status lt_embedder_run(lt_embedder *e, lt_embed_item *items, size_t n, lt_error *err)
{
    LT_AUTOFREE ticket *tickets = lt_calloc(n, sizeof *tickets);
    struct timespec until = in_seconds(e->options.deadline_s);

    if (!tickets)
        return lt_fail_nomem(err);
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < n; i++) {
        tickets[i].item = &items[i];
        enqueue(items[i].text ? &e->texts : &e->pictures, &tickets[i]);
    }
    for (size_t i = 0; i < n; i++)
        await(e, items[i].text ? &e->texts : &e->pictures, &tickets[i], &until);
    pthread_mutex_unlock(&e->lock);
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
    LT_TRY(start_lane(&e->texts, 1, err));
    return start_lane(&e->pictures, lt_cores(), err);
}

static void init_lane(lt_embedder *e, lane *l, void (*run)(lt_embedder *, ticket *const *, size_t),
                      size_t batch_max, unsigned wait_us)
{
    *l = (lane){.embedder = e, .run = run, .batch_max = batch_max, .wait_us = wait_us};
    l->last = &l->first;
    pthread_cond_init(&l->came, NULL);
}

lt_status lt_embedder_open(const lt_embedder_options *options, lt_embedder **out, lt_error *err)
{
    pthread_condattr_t attr;

    if (options->batch_max == 0 || options->batch_max > BATCH_MAX)
        return lt_fail(err, LT_EINVAL, "batches of %zu texts: 1 to %d are possible",
                       options->batch_max, BATCH_MAX);
    lt_embedder *e = lt_calloc(1, sizeof *e);

    if (!e)
        return lt_fail_nomem(err);
    e->options = *options;
    pthread_mutex_init(&e->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&e->finished, &attr);
    pthread_condattr_destroy(&attr);
    init_lane(e, &e->texts, embed_texts, options->batch_max, options->wait_us);
    init_lane(e, &e->pictures, embed_pictures, 1, 0);
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
    stop_lane(&e->texts);
    stop_lane(&e->pictures);
    lt_model_close(e->text_model);
    lt_model_close(e->picture_model);
    pthread_cond_destroy(&e->finished);
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
