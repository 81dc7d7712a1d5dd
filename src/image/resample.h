/* SPDX-License-Identifier: Apache-2.0
 * Resizing as Pillow does it, in one pass over the rows of a picture. */
#ifndef LT_IMAGE_RESAMPLE_H
#define LT_IMAGE_RESAMPLE_H

#include "image.h"

/* One axis of a resize: for each wanted output sample the input samples it is made of. Samples are
 * in ascending order of the input, also on a flipped axis. */
typedef struct lt_axis {
    unsigned n;        /* output samples */
    unsigned taps_max; /* room for weights of one output sample */
    uint32_t *first;   /* n: the first input sample */
    uint32_t *count;   /* n: how many */
    int32_t *weights;  /* n * taps_max, fixed point, sum about 1 << LT_WEIGHT_BITS */
} lt_axis;

enum { LT_WEIGHT_BITS = 22 };

/* What an axis is to do. The picture's `in_len` (a fraction only after shrink-on-load, where the
 * last sample may be a part of one) is resized to `out_len` samples, of which [from, from + n) are
 * wanted. `flip`: the input runs against the output. */
typedef struct lt_axis_spec {
    lt_resample filter;
    double in_len;
    uint32_t in_samples;
    uint32_t out_len;
    uint32_t from, n;
    bool flip;
} lt_axis_spec;

/* LT_ENOMEM; the weights need about 2 * support * max(in_len / out_len, 1) * n numbers. */
lt_status lt_axis_init(lt_axis *a, const lt_axis_spec *spec, lt_error *err) LT_NODISCARD;
void lt_axis_done(lt_axis *a);

/* A resize under way: rows go in from the top, sums for the wanted output are kept, so the memory
 * is that of the output whatever the input's height. */
typedef struct lt_resizer {
    const lt_axis *across, *down; /* borrowed */
    uint32_t next_row;            /* of the input */
    unsigned first_open;          /* output rows before it are complete */
    uint8_t *line;                /* one input row, resized: across->n * 3 */
    int32_t *sums;                /* down->n * across->n * 3 */
    bool wide;                    /* use AVX2; results are the same */
} lt_resizer;

lt_status lt_resizer_init(lt_resizer *r, const lt_axis *across, const lt_axis *down, lt_error *err)
    LT_NODISCARD;
void lt_resizer_done(lt_resizer *r);
/* The next row of the input, 8-bit RGB. */
void lt_resizer_add(lt_resizer *r, const uint8_t *rgb);
/* No row of the input from here on matters. */
bool lt_resizer_full(const lt_resizer *r);
/* A finished output sample: three bytes at row `y`, column `x` of the axes. */
void lt_resizer_get(const lt_resizer *r, unsigned x, unsigned y, uint8_t rgb[3]);

#endif
