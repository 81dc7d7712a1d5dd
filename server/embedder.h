/* SPDX-License-Identifier: Apache-2.0
 * Embedding for many clients at once. Texts and pictures queue in two lanes with threads of their
 * own, so that one slow picture delays no text. Texts that arrive while others are being embedded go
 * together into the next call of the model; pictures are taken one by one, a core each. Calls that
 * wait in a lane are served in turns, one item of each, so that a call with many items delays one
 * with few by little; calls that are `nice` get what others leave.
 * Thread-safe. */
#ifndef LT_SERVER_EMBEDDER_H
#define LT_SERVER_EMBEDDER_H

#include <latent.h>

typedef struct lt_embedder lt_embedder;

typedef struct lt_embedder_options {
    const char *model_dir; /* NULL: the built-in model */
    size_t batch_max;      /* texts in one call of the model, 1..256 */
    unsigned wait_us;      /* how long a batch of texts waits for company; 0: not at all */
    bool preload;          /* load the model at once; else at the first use of each of its halves */
} lt_embedder_options;

lt_status lt_embedder_open(const lt_embedder_options *options, lt_embedder **out,
                           lt_error *err) LT_NODISCARD;
/* What waits for its turn, and what comes from now on, gets LT_EBUSY at once. */
void lt_embedder_give_up(lt_embedder *e);
/* No call may be under way. NULL allowed. */
void lt_embedder_close(lt_embedder *e);

/* Borrowed until the embedder is closed. */
const lt_model_info *lt_embedder_info(const lt_embedder *e);
/* The handle that texts use, for counting tokens. Borrowed likewise. */
lt_model *lt_embedder_model(const lt_embedder *e);

/* One thing to embed: a text, or a picture. */
typedef struct lt_embed_item {
    const char *text;   /* NULL: the picture */
    lt_picture picture;
    float *out;         /* gets info->dims floats, unit length */
    lt_status status;   /* result: LT_EBUSY when the deadline passed */
    lt_error why;
} lt_embed_item;

typedef struct lt_embed_terms {
    double deadline; /* lt_clock_s; what has not had its turn by then is given up */
    bool nice;
} lt_embed_terms;

/* Embeds all items and returns when each has its vector or its error. The first error, in order, is
 * also returned. */
lt_status lt_embedder_run(lt_embedder *e, lt_embed_item *items, size_t n,
                          const lt_embed_terms *terms, lt_error *err) LT_NODISCARD;

#endif
