/* SPDX-License-Identifier: Apache-2.0
 *
 * libvips keeps one error text for the whole process, which several decoding threads fill at once.
 * So no message is made of it: what went wrong is told from the file's own structure. Pixels are
 * fetched strip by strip by the calling thread (no libvips thread pool), so that a picture needs
 * the memory of a few rows wherever its format allows; interlaced PNG, progressive JPEG, WebP, GIF
 * and HEIF do not. */
#include "source.h"

#include <base/file.h>
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>

enum { STRIP_ROWS = 64 };

/* ---- bytes ------------------------------------------------------------------------------- */

void lt_source_done(lt_source *s)
{
    lt_buf_done(&s->file);
}

static lt_status fetch_bytes(lt_source *s, const lt_picture *picture, lt_error *err)
{
    if (picture->bytes) {
        s->bytes = picture->bytes;
        s->n_bytes = picture->n_bytes;
        if (s->n_bytes > LT_LIMIT_IMAGE_BYTES)
            return lt_fail(err, LT_ELIMIT, "%s: %zu bytes, at most %u are read", s->name,
                           s->n_bytes, LT_LIMIT_IMAGE_BYTES);
        return LT_OK;
    }
    if (!picture->path)
        return lt_fail(err, LT_EINVAL, "no picture given");
    LT_TRY(lt_file_read(picture->path, LT_LIMIT_IMAGE_BYTES, &s->file, err));
    s->bytes = (const uint8_t *)s->file.data;
    s->n_bytes = s->file.len;
    return LT_OK;
}

static lt_status fail_kind(const lt_source *s, lt_error *err)
{
    lt_other_kind other = lt_format_other(s->bytes, s->n_bytes);

    if (other.picture)
        return lt_fail(err, LT_EUNSUPPORTED, "%s: %s pictures cannot be read here", s->name,
                       other.what);
    if (other.what)
        return lt_fail(err, LT_EINVAL, "%s: is %s, not a picture", s->name, other.what);
    return lt_fail(err, LT_EINVAL, "%s: is not a picture of a known format", s->name);
}

lt_status lt_source_open(lt_source *s, const lt_picture *picture, lt_error *err)
{
    *s = (lt_source){.name = picture->path ? picture->path : "picture"};
    LT_TRY(fetch_bytes(s, picture, err));
    if (s->n_bytes == 0)
        return lt_fail(err, LT_EINVAL, "%s: is empty", s->name);
    s->format = lt_format_sniff(s->bytes, s->n_bytes);
    if (s->format == LT_FORMAT_NONE)
        return fail_kind(s, err);
    if (!lt_format_readable(s->format))
        return lt_fail(err, LT_EUNSUPPORTED, "%s: this system's libvips cannot read %s", s->name,
                       lt_format_title(s->format));
    return LT_OK;
}

/* ---- header ------------------------------------------------------------------------------ */

void lt_vips_unref(VipsImage **image)
{
    g_clear_object(image);
}

/* The reason behind a loader's failure, and libvips' text thrown away. */
static lt_status fail_decode(const lt_source *s, lt_error *err)
{
    const char *title = lt_format_title(s->format);

    vips_error_clear();
    if (lt_format_cut_short(s->format, s->bytes, s->n_bytes))
        return lt_fail(err, LT_EINVAL, "%s: is truncated: the end of the %s file is missing",
                       s->name, title);
    if (s->format == LT_FORMAT_HEIF || s->format == LT_FORMAT_TIFF)
        return lt_fail(err, LT_EINVAL,
                       "%s: is a damaged %s file, or one compressed in a way that cannot be read",
                       s->name, title);
    return lt_fail(err, LT_EINVAL, "%s: is a damaged %s file", s->name, title);
}

static lt_status check_size(const lt_source *s, VipsImage *image, int shrink, lt_error *err)
{
    uint64_t width = (uint64_t)vips_image_get_width(image) * (unsigned)shrink;
    uint64_t height = (uint64_t)vips_image_get_height(image) * (unsigned)shrink;

    if (width > LT_LIMIT_IMAGE_SIDE || height > LT_LIMIT_IMAGE_SIDE)
        return lt_fail(err, LT_ELIMIT, "%s: %llu x %llu pixels, at most %u a side are read",
                       s->name, (unsigned long long)width, (unsigned long long)height,
                       LT_LIMIT_IMAGE_SIDE);
    if (width * height > LT_LIMIT_IMAGE_PIXELS)
        return lt_fail(err, LT_ELIMIT, "%s: %llu x %llu pixels, at most %u million are read",
                       s->name, (unsigned long long)width, (unsigned long long)height,
                       LT_LIMIT_IMAGE_PIXELS / 1000000u);
    return LT_OK;
}

static int open_loader(const lt_source *s, int shrink, VipsImage **out)
{
    void *bytes = (void *)(uintptr_t)s->bytes; /* libvips only reads them */
    size_t n = s->n_bytes;

    switch (s->format) {
    case LT_FORMAT_JPEG:
        return vips_jpegload_buffer(bytes, n, out, "shrink", shrink, "access",
                                    VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_TRUNCATED,
                                    NULL);
    case LT_FORMAT_PNG:
        return vips_pngload_buffer(bytes, n, out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                                   VIPS_FAIL_ON_TRUNCATED, NULL);
    case LT_FORMAT_WEBP:
        return vips_webpload_buffer(bytes, n, out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                                    VIPS_FAIL_ON_TRUNCATED, NULL);
    case LT_FORMAT_GIF:
        return vips_gifload_buffer(bytes, n, out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                                   VIPS_FAIL_ON_TRUNCATED, NULL);
    case LT_FORMAT_TIFF:
        return vips_tiffload_buffer(bytes, n, out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                                    VIPS_FAIL_ON_TRUNCATED, NULL);
    default:
        return vips_heifload_buffer(bytes, n, out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                                    VIPS_FAIL_ON_TRUNCATED, NULL);
    }
}

lt_status lt_source_header(const lt_source *s, int shrink, VipsImage **out, lt_error *err)
{
    LT_CLEANUP(lt_vips_unref) VipsImage *image = NULL;

    if (open_loader(s, shrink, &image) != 0)
        return fail_decode(s, err);
    LT_TRY(check_size(s, image, shrink, err));
    *out = lt_steal(&image);
    return LT_OK;
}

int lt_image_orientation(VipsImage *image)
{
    int turn = vips_image_get_orientation(image);

    return turn >= 1 && turn <= 8 ? turn : 1;
}

/* ---- colours ----------------------------------------------------------------------------- */

/* Does the picture's profile exist and describe `space` ("RGB ", "GRAY", "CMYK")? The ICC header
 * has 128 bytes, the colour space at 16. */
static bool has_profile(VipsImage *image, const char *space)
{
    const void *profile;
    size_t n;

    return vips_image_get_typeof(image, VIPS_META_ICC_NAME) &&
           vips_image_get_blob(image, VIPS_META_ICC_NAME, &profile, &n) == 0 && n > 128 &&
           memcmp((const char *)profile + 16, space, 4) == 0;
}

/* By the profile's description, in ASCII or UTF-16: nearly all files with a profile have this one.
 */
static bool is_srgb(VipsImage *image)
{
    const void *profile;
    size_t n;

    if (vips_image_get_blob(image, VIPS_META_ICC_NAME, &profile, &n) != 0)
        return false;
    return memmem(profile, n, "sRGB", 4) || memmem(profile, n, "s\0R\0G\0B", 7);
}

static bool is_rgb(VipsImage *image)
{
    switch (vips_image_guess_interpretation(image)) {
    case VIPS_INTERPRETATION_sRGB:
    case VIPS_INTERPRETATION_RGB:
    case VIPS_INTERPRETATION_RGB16:
        return true;
    default:
        return false;
    }
}

bool lt_colour_pending(VipsImage *image)
{
    return is_rgb(image) && has_profile(image, "RGB ") && !is_srgb(image);
}

/* Through the embedded profile, or libvips' own CMYK one. */
static int transform(VipsImage *in, VipsImage **out, const char *fallback)
{
    if (!fallback)
        return vips_icc_transform(in, out, "srgb", "embedded", TRUE, "black_point_compensation",
                                  TRUE, NULL);
    return vips_icc_transform(in, out, "srgb", "input_profile", fallback,
                              "black_point_compensation", TRUE, NULL);
}

/* Any colour space to RGB, alpha kept. A profile that cannot be used is left out. */
static int to_rgb(VipsImage *in, VipsImage **out)
{
    VipsInterpretation space = vips_image_guess_interpretation(in);
    bool grey = space == VIPS_INTERPRETATION_B_W || space == VIPS_INTERPRETATION_GREY16;
    bool cmyk = space == VIPS_INTERPRETATION_CMYK;
    LT_CLEANUP(lt_vips_unref) VipsImage *plain = NULL;

    if (vips_copy(in, &plain, "interpretation", space, NULL))
        return -1;
    if ((grey && has_profile(in, "GRAY")) || (cmyk && has_profile(in, "CMYK"))) {
        if (transform(plain, out, NULL) == 0)
            return 0;
        vips_error_clear();
    }
    if (cmyk && transform(plain, out, "cmyk") == 0)
        return 0;
    if (space == VIPS_INTERPRETATION_MULTIBAND && vips_image_get_bands(in) >= 3)
        return vips_extract_band(plain, out, 0, "n", 3, NULL);
    return vips_colourspace(plain, out, VIPS_INTERPRETATION_sRGB, NULL);
}

/* The lazy pipeline from what the loader gives to 8 bits of RGB, with or without alpha. */
static int to_rgb8(VipsImage *in, VipsImage **out)
{
    LT_CLEANUP(lt_vips_unref) VipsImage *rgb = NULL, *bytes = NULL;

    if (vips_image_get_format(in) == VIPS_FORMAT_UCHAR && is_rgb(in) &&
        (vips_image_get_bands(in) == 3 || vips_image_get_bands(in) == 4)) {
        *out = in;
        g_object_ref(in);
        return 0;
    }
    if (to_rgb(in, &rgb) || vips_cast_uchar(rgb, &bytes, NULL))
        return -1;
    if (vips_image_get_bands(bytes) > 4)
        return vips_extract_band(bytes, out, 0, "n", 4, NULL);
    *out = lt_steal(&bytes);
    return vips_image_get_bands(*out) < 3;
}

/* ---- rows -------------------------------------------------------------------------------- */

static void drop_region(VipsRegion **region)
{
    g_clear_object(region);
}

/* Row `y` of what was prepared; all regions here reach from the left edge. */
static const uint8_t *region_row(const VipsRegion *region, int y)
{
    return region->data + (size_t)(y - region->valid.top) * (size_t)region->bpl;
}

static int each_row(VipsImage *image, lt_row_fn row, void *context)
{
    LT_CLEANUP(drop_region) VipsRegion *region = vips_region_new(image);
    int width = vips_image_get_width(image), height = vips_image_get_height(image);

    if (!region)
        return -1;
    for (int y = 0; y < height; y += STRIP_ROWS) {
        VipsRect strip = {0, y, width, VIPS_MIN(STRIP_ROWS, height - y)};

        if (vips_region_prepare(region, &strip))
            return -1;
        for (int i = 0; i < strip.height; i++)
            if (!row(context, region_row(region, y + i)))
                return 0;
    }
    return 0;
}

/* Lays rows with alpha on white and hands them on. */
typedef struct flattener {
    lt_row_fn row;
    void *context;
    uint8_t *line;
    size_t n_pixels;
} flattener;

static bool flatten_row(void *context, const uint8_t *rgba)
{
    flattener *f = context;

    for (size_t i = 0; i < f->n_pixels; i++, rgba += 4)
        for (size_t c = 0; c < 3; c++)
            f->line[i * 3 + c] = (uint8_t)((rgba[c] * rgba[3] + 255 * (255 - rgba[3]) + 127) / 255);
    return f->row(f->context, f->line);
}

lt_status lt_source_rows(const lt_source *s, VipsImage *image, lt_row_fn row, void *context,
                         lt_error *err)
{
    LT_CLEANUP(lt_vips_unref) VipsImage *rgb = NULL;
    LT_AUTOFREE uint8_t *line = NULL;
    int failed;

    if (to_rgb8(image, &rgb) != 0) {
        vips_error_clear();
        return lt_fail(err, LT_EINVAL, "%s: has colours of a kind that cannot be read", s->name);
    }
    if (vips_image_get_bands(rgb) == 4) {
        size_t width = (size_t)vips_image_get_width(rgb);
        flattener f = {row, context, lt_malloc(width * 3), width};

        line = f.line;
        if (!line)
            return lt_fail_nomem(err);
        failed = each_row(rgb, flatten_row, &f);
    } else {
        failed = each_row(rgb, row, context);
    }
    return failed ? fail_decode(s, err) : LT_OK;
}

/* ---- profiles, on the small picture ------------------------------------------------------- */

typedef struct write_rows {
    uint8_t *to;
    size_t row_len;
} write_rows;

static bool write_row(void *context, const uint8_t *rgb)
{
    write_rows *w = context;

    memcpy(w->to, rgb, w->row_len);
    w->to += w->row_len;
    return true;
}

/* A new picture from `rgb` with the profile of `image`, converted. */
static int convert(VipsImage *image, const uint8_t *rgb, int width, int height, VipsImage **out)
{
    LT_CLEANUP(lt_vips_unref) VipsImage *raw = NULL, *tagged = NULL;
    const void *profile;
    size_t n;

    raw = vips_image_new_from_memory(rgb, (size_t)width * (size_t)height * 3, width, height, 3,
                                     VIPS_FORMAT_UCHAR);
    if (!raw || vips_copy(raw, &tagged, "interpretation", VIPS_INTERPRETATION_sRGB, NULL) ||
        vips_image_get_blob(image, VIPS_META_ICC_NAME, &profile, &n))
        return -1;
    vips_image_set_blob_copy(tagged, VIPS_META_ICC_NAME, profile, n);
    return transform(tagged, out, NULL) || vips_image_get_bands(*out) != 3 ||
           vips_image_get_format(*out) != VIPS_FORMAT_UCHAR;
}

lt_status lt_colour_convert(VipsImage *image, uint8_t *rgb, unsigned width, unsigned height,
                            lt_error *err)
{
    size_t len = (size_t)width * height * 3;
    LT_AUTOFREE uint8_t *copy = lt_malloc(len);
    LT_CLEANUP(lt_vips_unref) VipsImage *done = NULL;

    if (!copy)
        return lt_fail_nomem(err);
    memcpy(copy, rgb, len);
    write_rows w = {rgb, (size_t)width * 3};

    /* A profile that cannot be used leaves the colours as they are, as most viewers do. */
    if (convert(image, copy, (int)width, (int)height, &done) != 0 ||
        each_row(done, write_row, &w) != 0) {
        vips_error_clear();
        memcpy(rgb, copy, len);
    }
    return LT_OK;
}
