/* SPDX-License-Identifier: Apache-2.0
 * Where the pixels of a fitted picture come from, and the fitting. */
#ifndef LT_IMAGE_FIT_H
#define LT_IMAGE_FIT_H

#include "source.h"

/* The upright picture is resized to width x height; of that the window of out_width x out_height at
 * (left, top) is wanted, what lies outside of it is black. */
typedef struct lt_fit {
    uint32_t width, height;
    int64_t left, top;
    unsigned out_width, out_height;
    lt_resample resample;
    bool full_decode;
} lt_fit;

/* The fit of an upright width x height picture for a model. LT_EINVAL when the settings contradict
 * each other or, without a resize, the picture. */
lt_status lt_fit_for_prep(lt_fit *f, const lt_image_prep *prep, uint32_t width, uint32_t height,
                          const char *name, lt_error *err) LT_NODISCARD;
/* Within max_width x max_height, never larger than the picture. */
void lt_fit_for_thumbnail(lt_fit *f, uint32_t width, uint32_t height, unsigned max_width,
                          unsigned max_height);

/* Decodes and fits: out_width * out_height * 3 bytes of sRGB. `header` is the source's image at
 * full size; it is used up when the picture needs no shrink-on-load. */
lt_status lt_fit_run(const lt_fit *f, const lt_source *s, VipsImage *header, uint8_t *rgb,
                     lt_error *err) LT_NODISCARD;

#endif
