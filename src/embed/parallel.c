/* SPDX-License-Identifier: Apache-2.0 */
#include "parallel.h"

#include <pthread.h>
#include <stdint.h>

enum { WORKERS_MAX = 256 };

typedef struct loop {
    size_t n;
    lt_item_fn *fn;
    void *context;
    const atomic_bool *cancel;
    atomic_size_t next; /* the item to begin */
    atomic_bool stop;
    pthread_mutex_t lock; /* guards what follows */
    size_t failed_at;     /* SIZE_MAX: nothing failed */
    lt_status status;
    lt_error why;
} loop;

typedef struct seat {
    loop *loop;
    unsigned worker;
} seat;

static void note_failure(loop *l, size_t i, lt_status st, const lt_error *why)
{
    pthread_mutex_lock(&l->lock);
    if (i < l->failed_at) {
        l->failed_at = i;
        l->status = st;
        l->why = *why;
    }
    pthread_mutex_unlock(&l->lock);
    atomic_store(&l->stop, true);
}

static void *work(void *arg)
{
    const seat *s = arg;
    loop *l = s->loop;

    while (!atomic_load(&l->stop)) {
        size_t i = atomic_fetch_add(&l->next, 1);
        lt_error why;

        if (i >= l->n)
            break;
        lt_status st = l->cancel && atomic_load(l->cancel) ? lt_fail(&why, LT_ECANCELED, "stopped")
                                                           : l->fn(l->context, s->worker, i, &why);

        if (st != LT_OK)
            note_failure(l, i, st, &why);
    }
    return NULL;
}

lt_status lt_parallel(size_t n, unsigned n_workers, lt_item_fn *fn, void *context,
                      const atomic_bool *cancel, lt_error *err)
{
    loop l = {.n = n, .fn = fn, .context = context, .cancel = cancel, .failed_at = SIZE_MAX};
    pthread_t threads[WORKERS_MAX];
    seat seats[WORKERS_MAX];
    unsigned started = 0;

    if (n_workers > WORKERS_MAX)
        n_workers = WORKERS_MAX;
    if (n_workers > n)
        n_workers = (unsigned)n;
    pthread_mutex_init(&l.lock, NULL);
    seats[0] = (seat){&l, 0};
    for (unsigned w = 1; w < n_workers; w++) {
        seats[w] = (seat){&l, w};
        if (pthread_create(&threads[w], NULL, work, &seats[w]) != 0)
            break;
        started = w;
    }
    work(&seats[0]);
    for (unsigned w = 1; w <= started; w++)
        pthread_join(threads[w], NULL);
    pthread_mutex_destroy(&l.lock);
    if (l.failed_at == SIZE_MAX)
        return LT_OK;
    if (err)
        *err = l.why;
    return l.status;
}
