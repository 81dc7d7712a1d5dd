/* SPDX-License-Identifier: Apache-2.0
 * Threads: a bounded queue of pointers and the number of usable cores. Mutexes, conditions and
 * pthread_create are used directly. */
#ifndef LT_BASE_THREAD_H
#define LT_BASE_THREAD_H

#include <pthread.h>

#include "error.h"

unsigned lt_cores(void); /* cores this process may run on (affinity and cgroup quota), >= 1 */

/* A bounded first-in first-out queue between threads. */
typedef struct lt_queue lt_queue;
lt_queue *lt_queue_new(size_t capacity); /* NULL without memory */
void lt_queue_free(lt_queue *q);
/* Waits while full. false once the queue was closed: the item stays the caller's. */
bool lt_queue_push(lt_queue *q, void *item);
/* Waits while empty. NULL once closed and empty. */
void *lt_queue_pop(lt_queue *q);
/* Waits at most `wait_ms`; NULL when nothing came or closed and empty. */
void *lt_queue_pop_wait(lt_queue *q, int wait_ms);
void *lt_queue_try_pop(lt_queue *q);
/* No more pushes; those that wait are released. */
void lt_queue_close(lt_queue *q);

#endif
