/* SPDX-License-Identifier: Apache-2.0
 * Where the pixels of a fitted picture come from, and the fitting. */
#ifndef LT_IMAGE_FIT_H
#define LT_IMAGE_FIT_H

#include "source.h"

/* A part of the upright picture, in its pixels. */
typedef struct lt_crop {
    uint32_t x, y, width, height;
} lt_crop;

/* The crop of the upright picture is resized to width x height; of that the window of out_width x out_height at
 * (left, top) is wanted, what lies outside of it is black. */
typedef struct lt_fit {
    lt_crop crop;
    uint32_t width, height;
    int64_t left, top;
    unsigned out_width, out_height;
    lt_resample resample;
    bool full_decode;
} lt_fit;

/* The fit of a part of a picture for a model. LT_EINVAL when the settings contradict each other or,
 * without a resize, the picture. */
lt_status lt_fit_for_prep(lt_fit *f, const lt_image_prep *prep, const lt_crop *crop,
                          const char *name, lt_error *err) LT_NODISCARD;
/* Within max_width x max_height, never larger than the part. */
void lt_fit_for_thumbnail(lt_fit *f, const lt_crop *crop, unsigned max_width, unsigned max_height);

/* Decodes and fits: out_width * out_height * 3 bytes of sRGB. `header` is the source's image at
 * full size; it is used up when the picture needs no shrink-on-load. */
lt_status lt_fit_run(const lt_fit *f, const lt_source *s, VipsImage *header, uint8_t *rgb,
                     lt_error *err) LT_NODISCARD;

#endif
