/* SPDX-License-Identifier: Apache-2.0 */
#include "image.h"

#include <base/mem.h>
#include <pthread.h>

#include "exif.h"
#include "fit.h"
#include "source.h"

/* ---- start ------------------------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool started;
static bool readable[LT_N_FORMATS];

static void drop_log(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer data)
{
    (void)domain, (void)level, (void)message, (void)data;
}

/* libvips warns on stderr about each odd file; a library prints nothing. Its operation cache would
 * hold on to decoded pictures, and its thread pool is not used: our own threads decode. */
static void start(void)
{
    static const char *const loaders[LT_N_FORMATS] = {
        [LT_FORMAT_JPEG] = "jpegload_buffer", [LT_FORMAT_PNG] = "pngload_buffer",
        [LT_FORMAT_WEBP] = "webpload_buffer", [LT_FORMAT_GIF] = "gifload_buffer",
        [LT_FORMAT_TIFF] = "tiffload_buffer", [LT_FORMAT_HEIF] = "heifload_buffer",
    };

    g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG, drop_log,
                      NULL);
    if (VIPS_INIT("latent") != 0) {
        vips_error_clear();
        return;
    }
    vips_block_untrusted_set(TRUE);
    vips_concurrency_set(1);
    vips_cache_set_max(0);
    for (int f = 0; f < LT_N_FORMATS; f++)
        readable[f] = loaders[f] && vips_type_find("VipsOperation", loaders[f]) != 0;
    vips_error_clear();
    started = true;
}

lt_status lt_image_init(lt_error *err)
{
    pthread_once(&once, start);
    return started ? LT_OK : lt_fail(err, LT_EUNSUPPORTED, "libvips does not start");
}

bool lt_format_readable(lt_format format)
{
    return readable[format];
}

bool lt_image_name_matches(const char *path)
{
    return lt_image_init(NULL) == LT_OK && lt_format_readable(lt_format_of_name(path));
}

/* ---- facts ------------------------------------------------------------------------------- */

static void read_info(const lt_source *s, VipsImage *header, lt_image_info *out)
{
    bool swapped = lt_image_orientation(header) >= 5;
    unsigned width = (unsigned)vips_image_get_width(header);
    unsigned height = (unsigned)vips_image_get_height(header);

    *out = (lt_image_info){.width = swapped ? height : width, .height = swapped ? width : height};
    g_strlcpy(out->format, lt_format_id(s->format), sizeof out->format);
    lt_exif_read(header, out);
}

lt_status lt_image_probe(const lt_picture *picture, lt_image_info *out, lt_error *err)
{
    LT_CLEANUP(lt_source_done) lt_source s = {0};
    LT_CLEANUP(lt_vips_unref) VipsImage *header = NULL;

    LT_TRY(lt_source_open(&s, picture, err));
    LT_TRY(lt_source_header(&s, 1, &header, err));
    read_info(&s, header, out);
    return LT_OK;
}

/* ---- parts ------------------------------------------------------------------------------- */

static lt_status find_crop(const lt_picture *p, const lt_image_info *facts, const char *name,
                           lt_crop *out, lt_error *err)
{
    *out = (lt_crop){.width = facts->width, .height = facts->height};
    if (p->crop_width == 0 && p->crop_height == 0)
        return LT_OK;
    if (p->crop_width == 0 || p->crop_height == 0 || p->crop_width > facts->width ||
        p->crop_height > facts->height || p->crop_x > facts->width - p->crop_width ||
        p->crop_y > facts->height - p->crop_height)
        return lt_fail(err, LT_EINVAL,
                       "%s: the part of %u x %u pixels at (%u, %u) is not within its %u x %u pixels",
                       name, p->crop_width, p->crop_height, p->crop_x, p->crop_y, facts->width,
                       facts->height);
    *out = (lt_crop){p->crop_x, p->crop_y, p->crop_width, p->crop_height};
    return LT_OK;
}

/* ---- tensors ----------------------------------------------------------------------------- */

/* Rows of RGB bytes to three planes of (value * rescale - mean) / std. */
static void to_planes(const uint8_t *rgb, size_t n_pixels, const lt_image_prep *prep, float *out)
{
    for (size_t c = 0; c < 3; c++) {
        float table[256];

        for (int v = 0; v < 256; v++)
            table[v] = ((float)v * prep->rescale - prep->mean[c]) / prep->std[c];
        for (size_t i = 0; i < n_pixels; i++)
            out[c * n_pixels + i] = table[rgb[i * 3 + c]];
    }
}

lt_status lt_image_load(const lt_picture *picture, const lt_image_prep *prep, float *out,
                        lt_image_info *info, lt_error *err)
{
    LT_CLEANUP(lt_source_done) lt_source s = {0};
    LT_CLEANUP(lt_vips_unref) VipsImage *header = NULL;
    size_t n_pixels = (size_t)prep->out_width * prep->out_height;
    lt_image_info facts;
    lt_crop crop;
    lt_fit fit;

    LT_TRY(lt_source_open(&s, picture, err));
    LT_TRY(lt_source_header(&s, 1, &header, err));
    read_info(&s, header, &facts);
    LT_TRY(find_crop(picture, &facts, s.name, &crop, err));
    LT_TRY(lt_fit_for_prep(&fit, prep, &crop, s.name, err));
    LT_AUTOFREE uint8_t *rgb = lt_malloc(n_pixels * 3);

    if (!rgb)
        return lt_fail_nomem(err);
    LT_TRY(lt_fit_run(&fit, &s, header, rgb, err));
    to_planes(rgb, n_pixels, prep, out);
    if (info)
        *info = facts;
    return LT_OK;
}

/* ---- thumbnails -------------------------------------------------------------------------- */

lt_status lt_image_thumbnail(const lt_picture *picture, unsigned max_width, unsigned max_height,
                             uint8_t **pixels, unsigned *width, unsigned *height, lt_error *err)
{
    LT_CLEANUP(lt_source_done) lt_source s = {0};
    LT_CLEANUP(lt_vips_unref) VipsImage *header = NULL;
    lt_image_info facts;
    lt_crop crop;
    lt_fit fit;

    if (max_width == 0 || max_height == 0)
        return lt_fail(err, LT_EINVAL, "a thumbnail of %u x %u is not possible", max_width,
                       max_height);
    LT_TRY(lt_source_open(&s, picture, err));
    LT_TRY(lt_source_header(&s, 1, &header, err));
    read_info(&s, header, &facts);
    LT_TRY(find_crop(picture, &facts, s.name, &crop, err));
    lt_fit_for_thumbnail(&fit, &crop, max_width, max_height);
    LT_AUTOFREE uint8_t *rgb = lt_malloc((size_t)fit.out_width * fit.out_height * 3);

    if (!rgb)
        return lt_fail_nomem(err);
    LT_TRY(lt_fit_run(&fit, &s, header, rgb, err));
    *pixels = lt_steal(&rgb);
    *width = fit.out_width;
    *height = fit.out_height;
    return LT_OK;
}

static int encode_jpeg(const uint8_t *rgb, unsigned width, unsigned height, int quality,
                       void **bytes, size_t *n)
{
    LT_CLEANUP(lt_vips_unref) VipsImage *raw = NULL, *image = NULL;

    raw = vips_image_new_from_memory(rgb, (size_t)width * height * 3, (int)width, (int)height, 3,
                                     VIPS_FORMAT_UCHAR);
    if (!raw || vips_copy(raw, &image, "interpretation", VIPS_INTERPRETATION_sRGB, NULL))
        return -1;
    return vips_jpegsave_buffer(image, bytes, n, "Q", quality, "strip", TRUE, NULL);
}

lt_status lt_image_thumbnail_jpeg(const lt_picture *picture, unsigned max_width,
                                  unsigned max_height, int quality, lt_buf *out, lt_error *err)
{
    LT_AUTOFREE uint8_t *rgb = NULL;
    unsigned width, height;
    void *bytes = NULL;
    size_t n;

    if (quality < 1 || quality > 100)
        return lt_fail(err, LT_EINVAL, "JPEG quality %d is not between 1 and 100", quality);
    LT_TRY(lt_image_thumbnail(picture, max_width, max_height, &rgb, &width, &height, err));
    if (encode_jpeg(rgb, width, height, quality, &bytes, &n) != 0) {
        vips_error_clear();
        return lt_fail(err, LT_EIO, "libvips cannot write a JPEG of %u x %u pixels", width, height);
    }
    lt_status st = lt_buf_add(out, bytes, n, err);

    g_free(bytes);
    return st;
}
