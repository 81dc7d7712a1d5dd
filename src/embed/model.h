/* SPDX-License-Identifier: Apache-2.0
 * What the gallery needs of a model beyond latent.h: its preprocessing, and inference on tensors
 * that other threads fitted already. Implements lt_model_* of latent.h. */
#ifndef LT_EMBED_MODEL_H
#define LT_EMBED_MODEL_H

#include <image/image.h>
#include <latent.h>
#include <stdatomic.h>

#include "modeldir.h"

/* How pictures must be fitted for this model. Borrowed until the model is closed. */
const lt_image_prep *lt_model_image_prep(const lt_model *model);

/* Embeds n tensors (n x 3 x H x W floats, as lt_image_load makes them) into n * dims floats of
 * unit length. `cancel` (may be NULL) is looked at between batches: LT_ECANCELED. */
lt_status lt_model_embed_tensors(lt_model *model, const float *tensors, size_t n, float *out,
                                 const atomic_bool *cancel, lt_error *err) LT_NODISCARD;

/* How cosines of a question of these parts are to be read; NULL: not known. Known is it of one text
 * and of one picture, where the model says so. */
const lt_curve *lt_model_curve(const lt_model *model, const lt_query_part *parts, size_t n_parts);

#endif
