/* SPDX-License-Identifier: Apache-2.0
 * Is a picture a copy or a part of another? */
#ifndef LT_GALLERY_COPIES_H
#define LT_GALLERY_COPIES_H

#include <latent.h>

/* The best hits that are looked at. Among 8,471 photos the right one of a 60 % crop is among them
 * in 99 of 100 cases (docs/MODEL.md). */
enum { LT_COPIES_TRIED = 20 };

/* Finds which of the hits the picture was made of: scaled, recompressed, brighter, a part of it.
 * The hits' files are read for that; one that cannot be read is no match. *found gets its index, or
 * n_hits where there is none. */
lt_status lt_copies_find(const lt_picture *picture, const lt_hit *hits, size_t n_hits,
                         size_t *found, lt_error *err) LT_NODISCARD;

/* The likeness of two small pictures, -1..1 (copies.c); for tests. `picture` and `whole` have
 * LT_COPIES_SIDE rows of as many grey values. */
enum { LT_COPIES_SIDE = 32 };
double lt_copies_likeness(const float *picture, const float *whole);

#endif
