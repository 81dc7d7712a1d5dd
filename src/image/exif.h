/* SPDX-License-Identifier: Apache-2.0
 * EXIF facts out of the texts that libvips makes of them. Strangers' bytes: whatever does not parse
 * is left out, never an error. */
#ifndef LT_IMAGE_EXIF_H
#define LT_IMAGE_EXIF_H

#include <vips/vips.h>

#include "image.h"

/* Fills taken, camera and the location of `info`. */
void lt_exif_read(VipsImage *image, lt_image_info *info);

/* The parts, for tests. Each gives "" or false for nonsense. */
/* "value (value, ASCII, n components, m bytes)" to its value, trimmed; out has `cap` bytes. */
void lt_exif_text(const char *field, char *out, size_t cap);
/* "2023:07:14 18:22:31", "123", "+02:00" to "2023-07-14T18:22:31.123+02:00". */
void lt_exif_time(const char *date, const char *subsec, const char *offset, char out[32]);
/* "52/1 31/1 1234/100" and "N" to degrees. `max` is 90 or 180, `refs` "NS" or "EW". */
bool lt_exif_degrees(const char *rationals, const char *ref, const char *refs, double max,
                     double *out);
/* Make and model without saying the make twice. */
void lt_exif_camera(const char *make, const char *model, char *out, size_t cap);

#endif
