/* SPDX-License-Identifier: Apache-2.0 */
#include "thread.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "mem.h"

/* The CPU quota of this process's cgroup (version 2), in whole cores, rounded up; 0: none. */
static unsigned quota_cores(void)
{
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    unsigned long quota = 0, period = 0;

    if (!f)
        return 0;
    int n = fscanf(f, "%lu %lu", &quota, &period);

    fclose(f);
    return n == 2 && period > 0 ? (unsigned)((quota + period - 1) / period) : 0;
}

unsigned lt_cores(void)
{
    cpu_set_t set;
    unsigned n = 1, quota = quota_cores();

    if (sched_getaffinity(0, sizeof set, &set) == 0)
        n = (unsigned)CPU_COUNT(&set);
    else if (sysconf(_SC_NPROCESSORS_ONLN) > 0)
        n = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    if (quota && quota < n)
        n = quota;
    return n ? n : 1;
}

struct lt_queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full; /* with CLOCK_MONOTONIC */
    size_t cap, head, n;                /* guarded by lock, as all below */
    bool closed;
    void *items[];
};

lt_queue *lt_queue_new(size_t capacity)
{
    size_t bytes;
    pthread_condattr_t attr;

    LT_ASSERT(capacity > 0);
    if (!lt_mul_size(capacity, sizeof(void *), &bytes) ||
        !lt_add_size(bytes, sizeof(lt_queue), &bytes))
        return NULL;
    lt_queue *q = lt_malloc(bytes);

    if (!q)
        return NULL;
    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&q->not_empty, &attr);
    pthread_cond_init(&q->not_full, &attr);
    pthread_condattr_destroy(&attr);
    q->cap = capacity;
    q->head = q->n = 0;
    q->closed = false;
    return q;
}

void lt_queue_free(lt_queue *q)
{
    if (!q)
        return;
    pthread_cond_destroy(&q->not_empty);
    pthread_cond_destroy(&q->not_full);
    pthread_mutex_destroy(&q->lock);
    lt_free(q);
}

bool lt_queue_push(lt_queue *q, void *item)
{
    pthread_mutex_lock(&q->lock);
    while (q->n == q->cap && !q->closed)
        pthread_cond_wait(&q->not_full, &q->lock);
    bool open = !q->closed;

    if (open) {
        q->items[(q->head + q->n++) % q->cap] = item;
        pthread_cond_signal(&q->not_empty);
    }
    pthread_mutex_unlock(&q->lock);
    return open;
}

/* Takes the first item. The lock is held; NULL when empty. */
static void *take(lt_queue *q)
{
    if (q->n == 0)
        return NULL;
    void *item = q->items[q->head];

    q->head = (q->head + 1) % q->cap;
    q->n--;
    pthread_cond_signal(&q->not_full);
    return item;
}

void *lt_queue_pop(lt_queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->n == 0 && !q->closed)
        pthread_cond_wait(&q->not_empty, &q->lock);
    void *item = take(q);

    pthread_mutex_unlock(&q->lock);
    return item;
}

void *lt_queue_pop_wait(lt_queue *q, int wait_ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&q->lock);
    while (q->n == 0 && !q->closed)
        if (pthread_cond_timedwait(&q->not_empty, &q->lock, &until) == ETIMEDOUT)
            break;
    void *item = take(q);

    pthread_mutex_unlock(&q->lock);
    return item;
}

void *lt_queue_try_pop(lt_queue *q)
{
    pthread_mutex_lock(&q->lock);
    void *item = take(q);

    pthread_mutex_unlock(&q->lock);
    return item;
}

void lt_queue_close(lt_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->not_empty);
    pthread_cond_broadcast(&q->not_full);
    pthread_mutex_unlock(&q->lock);
}
