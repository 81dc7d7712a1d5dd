/* SPDX-License-Identifier: Apache-2.0
 * The exact scan: every allowed slot is scored. The oracle of all other indexes. */
#ifndef LT_INDEX_FLAT_H
#define LT_INDEX_FLAT_H

#include "space.h"

typedef struct lt_flat {
    lt_measure measure;
    const void *context; /* of the measure */
    const void *const *chunks; /* of chunk_slots vectors each, stride bytes apart */
    size_t chunk_slots, stride;
    size_t first, n_slots;   /* slots first..n_slots-1 are looked at */
    const uint64_t *allowed; /* a bit a slot, from slot 0 on; NULL: all */
} lt_flat;

typedef struct lt_scored {
    float score; /* larger is nearer, whatever the distance: distances are negated */
    uint32_t slot;
} lt_scored;

/* The slots of the k best scores and all others that tie with the last of them, best first, ties in
 * order of slot; so the caller can break ties as it likes. The query is in the form that the measure
 * wants. NaN never is among the best. Free *out with lt_free. */
lt_status lt_flat_search(const lt_flat *f, const void *query, size_t k, lt_scored **out,
                         size_t *n_out, lt_error *err) LT_NODISCARD;

/* A collector of the k best scores with those that tie with the last of them. */
typedef struct lt_best {
    float *heap; /* a min-heap of the k best scores: its root is the one to beat */
    size_t n_heap, k;
    lt_scored *items; /* all that were no worse than the root when they came */
    size_t n_items, cap;
} lt_best;

lt_status lt_best_init(lt_best *b, size_t k, lt_error *err) LT_NODISCARD;
lt_status lt_best_offer(lt_best *b, float score, uint32_t slot, lt_error *err) LT_NODISCARD;
/* Hands over what was collected, best first, ties in order of slot; free with lt_free. */
void lt_best_take(lt_best *b, lt_scored **out, size_t *n_out);
void lt_best_done(lt_best *b);

#endif
