/* SPDX-License-Identifier: Apache-2.0
 * What a file is, by its first bytes, and whether its end is missing. Bytes only, no libvips. */
#ifndef LT_IMAGE_FORMAT_H
#define LT_IMAGE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum lt_format {
    LT_FORMAT_NONE = 0,
    LT_FORMAT_JPEG,
    LT_FORMAT_PNG,
    LT_FORMAT_WEBP,
    LT_FORMAT_GIF,
    LT_FORMAT_TIFF,
    LT_FORMAT_HEIF, /* HEIC and AVIF */
    LT_N_FORMATS
} lt_format;

/* The format that the first bytes tell; LT_FORMAT_NONE for all that is not read here. */
lt_format lt_format_sniff(const uint8_t *bytes, size_t n);
/* The format that a file name's ending tells; LT_FORMAT_NONE for others. */
lt_format lt_format_of_name(const char *path);
/* "jpeg" for lt_image_info, and "JPEG" for messages. Static storage. */
const char *lt_format_id(lt_format format);
const char *lt_format_title(lt_format format);

/* Does the file end before its own structure says? For telling "truncated" from "damaged" after
 * decoding failed: no decision to refuse rests on it. */
bool lt_format_cut_short(lt_format format, const uint8_t *bytes, size_t n);

/* What the bytes are when they are no picture that is read here. `picture`: a format known as one
 * ("BMP"); else a noun with its article ("a PDF document") or NULL when nothing is known. */
typedef struct lt_other_kind {
    const char *what;
    bool picture;
} lt_other_kind;
lt_other_kind lt_format_other(const uint8_t *bytes, size_t n);

#endif
