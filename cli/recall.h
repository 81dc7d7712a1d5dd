/* SPDX-License-Identifier: Apache-2.0
 * The numbers of retrieval: ranks of the right answers, recall at k with bootstrap intervals. No
 * model and no files here, so that the arithmetic is tested by itself. */
#ifndef LT_CLI_RECALL_H
#define LT_CLI_RECALL_H

#include <latent.h>

enum { CLI_RECALL_KS = 3 };
extern const size_t cli_recall_ks[CLI_RECALL_KS]; /* 1, 5, 10 */

/* Ranks (1 is best) grouped by photo: the unit of resampling, since captions of one photo are not
 * independent. */
typedef struct cli_ranks {
    const uint32_t *ranks;
    const uint32_t *photo; /* of each rank: 0..n_photos-1 */
    size_t n;
    size_t n_photos;
} cli_ranks;

typedef struct cli_recall {
    size_t n;                       /* questions */
    double at[CLI_RECALL_KS];       /* recall, 0..1 */
    double low[CLI_RECALL_KS];      /* 95 % interval */
    double high[CLI_RECALL_KS];
    double median_rank;
} cli_recall;

/* Recall and its percentile bootstrap interval: photos drawn with replacement, `n_draws` times, by
 * a generator begun with `seed`. */
lt_status cli_recall_compute(const cli_ranks *ranks, unsigned n_draws, uint64_t seed,
                             cli_recall *out, lt_error *err) LT_NODISCARD;

/* Ranks of texts and pictures. Vectors are rows of `dims` floats. owner[t]: the photo of text t. */
typedef struct cli_pairs {
    const float *photos, *texts;
    const uint32_t *owner;
    size_t n_photos, n_texts, dims;
    unsigned threads; /* 0: all cores */
} cli_pairs;

/* For each text the rank of its photo among all photos (n_texts ranks). */
lt_status cli_rank_photos(const cli_pairs *p, uint32_t *ranks, lt_error *err) LT_NODISCARD;
/* For each photo the rank of the best of its texts among all texts; 0 for a photo without any
 * (n_photos ranks). Others that score the same come first: ties never help. */
lt_status cli_rank_texts(const cli_pairs *p, uint32_t *ranks, lt_error *err) LT_NODISCARD;

#endif
