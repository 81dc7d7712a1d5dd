/* SPDX-License-Identifier: Apache-2.0
 * A picture's bytes and the libvips image that decodes them, row by row. */
#ifndef LT_IMAGE_SOURCE_H
#define LT_IMAGE_SOURCE_H

#include <vips/vips.h>

#include "format.h"
#include "image.h"

/* The bytes of a picture whose format is known. */
typedef struct lt_source {
    const char *name; /* for messages: the path, or "picture" */
    const uint8_t *bytes;
    size_t n_bytes;
    lt_format format;
    lt_buf file; /* holds the bytes where they were read from a path */
} lt_source;

/* Reads the file (unless the picture brings its bytes) and tells its format. Refuses what is empty,
 * too large, no picture or of a format that is not read here. */
lt_status lt_source_open(lt_source *s, const lt_picture *picture, lt_error *err) LT_NODISCARD;
void lt_source_done(lt_source *s);

/* Which formats the system's libvips has a loader for; filled by lt_image_init. */
bool lt_format_readable(lt_format format);

void lt_vips_unref(VipsImage **image); /* for LT_CLEANUP; NULL is fine */

/* The picture as libvips' loader gives it: header read and checked against the limits, no pixels
 * yet. `shrink` (1, 2, 4, 8) is for JPEG alone. The source must outlive the image. */
lt_status lt_source_header(const lt_source *s, int shrink, VipsImage **out, lt_error *err)
    LT_NODISCARD;
/* EXIF orientation 1..8. */
int lt_image_orientation(VipsImage *image);

/* Decodes to 8-bit RGB, alpha flattened on white, and calls `row` from the top down until it says
 * false. Colours are sRGB but for pictures with lt_colour_pending. */
typedef bool (*lt_row_fn)(void *context, const uint8_t *rgb);
lt_status lt_source_rows(const lt_source *s, VipsImage *image, lt_row_fn row, void *context,
                         lt_error *err) LT_NODISCARD;

/* An RGB picture with a profile other than sRGB: its colours are converted after it was made small
 * (lt_colour_convert, in place), which is many times cheaper and hardly differs (mean 0.35 of 255).
 */
bool lt_colour_pending(VipsImage *image);
lt_status lt_colour_convert(VipsImage *image, uint8_t *rgb, unsigned width, unsigned height,
                            lt_error *err) LT_NODISCARD;

#endif
