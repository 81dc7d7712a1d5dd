/* SPDX-License-Identifier: Apache-2.0
 * The exact scan: every allowed slot is scored. The oracle of all other indexes. */
#ifndef LT_INDEX_FLAT_H
#define LT_INDEX_FLAT_H

#include <base/error.h>

typedef struct lt_flat {
    const void *const *chunks; /* of chunk_slots vectors each, stride bytes apart */
    size_t chunk_slots, stride;
    size_t dims;
    size_t n_slots;
    const uint64_t *allowed; /* a bit a slot; NULL: all */
    lt_distance distance;
} lt_flat;

typedef struct lt_scored {
    float score; /* larger is nearer, whatever the distance: distances are negated */
    uint32_t slot;
} lt_scored;

/* The slots of the k best scores and all others that tie with the last of them, best first, ties in
 * order of slot; so the caller can break ties as it likes. Free *out with lt_free. */
lt_status lt_flat_search(const lt_flat *f, const float *query, size_t k, lt_scored **out,
                         size_t *n_out, lt_error *err) LT_NODISCARD;

/* The score users see of a lt_scored.score. */
float lt_flat_user_score(lt_distance distance, float score);

#endif
