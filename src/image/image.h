/* SPDX-License-Identifier: Apache-2.0
 * Pictures: bytes or files in, fitted pixel tensors, facts and thumbnails out. The one folder that
 * includes libvips. All functions may be called from any thread once lt_image_init returned. */
#ifndef LT_IMAGE_IMAGE_H
#define LT_IMAGE_IMAGE_H

#include <base/buf.h>
#include <latent.h>

typedef enum lt_resize_mode {
    LT_RESIZE_NONE = 0,
    LT_RESIZE_EXACT = 1,   /* to width x height, whatever the shape was ("squash") */
    LT_RESIZE_SHORTEST = 2 /* shorter side to `width`, shape kept */
} lt_resize_mode;

/* PIL's numbers, as preprocessor_config.json's "resample" has them. */
typedef enum lt_resample {
    LT_RESAMPLE_NEAREST = 0,
    LT_RESAMPLE_LANCZOS = 1,
    LT_RESAMPLE_BILINEAR = 2,
    LT_RESAMPLE_BICUBIC = 3
} lt_resample;

/* What preprocessor_config.json asks for. The tensor is 3 x out_height x out_width, planar RGB,
 * (value * rescale - mean) / std. */
typedef struct lt_image_prep {
    lt_resize_mode resize;
    unsigned resize_width, resize_height;
    lt_resample resample;
    bool center_crop; /* to out_width x out_height after the resize; pads with zeros if smaller */
    unsigned out_width, out_height;
    float rescale;
    float mean[3], std[3];
    bool full_decode; /* no JPEG shrink-on-load: exact, slower */
} lt_image_prep;

/* What the file says of the picture. Width and height are after EXIF orientation. */
typedef struct lt_image_info {
    unsigned width, height;
    char format[16];       /* "jpeg", "png", "webp", "gif", "tiff", "heif", ... */
    char taken[32];        /* EXIF DateTimeOriginal as RFC 3339, with EXIF's offset if any; "" */
    char camera[96];       /* EXIF make and model, "" where absent; valid UTF-8 */
    bool has_location;
    double lat, lon;
} lt_image_info;

/* Starts libvips (idempotent, thread-safe). Untrusted loaders are blocked. */
lt_status lt_image_init(lt_error *err) LT_NODISCARD;

/* Header and EXIF only, no pixels decoded. */
lt_status lt_image_probe(const lt_picture *picture, lt_image_info *out, lt_error *err) LT_NODISCARD;

/* Decodes, turns upright, flattens alpha on white, converts to sRGB, fits: `out` gets
 * 3 * out_width * out_height floats. `info` may be NULL. LT_EINVAL: not a picture, empty, broken
 * or truncated (each its own message); LT_EUNSUPPORTED: a picture of a format that is not read here
 * (BMP, SVG, ...); LT_ELIMIT: too many bytes or pixels, found out before anything large is
 * allocated; LT_ENOTFOUND, LT_EIO: the file. */
lt_status lt_image_load(const lt_picture *picture, const lt_image_prep *prep, float *out,
                        lt_image_info *info, lt_error *err) LT_NODISCARD;

/* A small picture, 8-bit RGB rows without padding, within max_width x max_height, shape kept. The
 * caller frees *pixels with lt_free. */
lt_status lt_image_thumbnail(const lt_picture *picture, unsigned max_width, unsigned max_height,
                             uint8_t **pixels, unsigned *width, unsigned *height,
                             lt_error *err) LT_NODISCARD;
/* The same as a JPEG file in memory, appended to `out`. */
lt_status lt_image_thumbnail_jpeg(const lt_picture *picture, unsigned max_width,
                                  unsigned max_height, int quality, lt_buf *out,
                                  lt_error *err) LT_NODISCARD;

/* Does the name end like a picture's that this libvips can read (".jpg", ".HEIC", ...)? */
bool lt_image_name_matches(const char *path);

#endif
