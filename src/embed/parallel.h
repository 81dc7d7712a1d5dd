/* SPDX-License-Identifier: Apache-2.0
 * A loop over independent items on a few threads. */
#ifndef LT_EMBED_PARALLEL_H
#define LT_EMBED_PARALLEL_H

#include <base/error.h>
#include <stdatomic.h>

/* Works on item i. Calls with the same `worker` (0..n_workers-1) never overlap. */
typedef lt_status lt_item_fn(void *context, unsigned worker, size_t i, lt_error *err);

/* Calls fn for 0..n-1 on up to n_workers threads, the caller's among them. Items begin in order.
 * The first failure stops the rest; of several that of the lowest item is returned. `cancel` (may
 * be NULL) is looked at before each item: LT_ECANCELED. Fewer threads than asked for is no failure.
 */
lt_status lt_parallel(size_t n, unsigned n_workers, lt_item_fn *fn, void *context,
                      const atomic_bool *cancel, lt_error *err) LT_NODISCARD;

#endif
