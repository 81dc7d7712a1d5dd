/* SPDX-License-Identifier: Apache-2.0
 * The picture functions of latent.h: argument checks around image/. */
#include <base/error.h>
#include <base/mem.h>
#include <image/image.h>
#include <latent.h>

static lt_status check(const lt_picture *picture, unsigned max_width, unsigned max_height,
                       lt_error *err)
{
    if (!picture || (!picture->path && !picture->bytes))
        return lt_fail(err, LT_EINVAL, "no picture given");
    if (max_width == 0 || max_height == 0 || max_width > 16384 || max_height > 16384)
        return lt_fail(err, LT_EINVAL, "a thumbnail of %u x %u is not possible", max_width,
                       max_height);
    return LT_OK;
}

lt_status lt_picture_thumbnail(const lt_picture *picture, unsigned max_width, unsigned max_height,
                               uint8_t **pixels, unsigned *width, unsigned *height, lt_error *err)
{
    LT_TRY(check(picture, max_width, max_height, err));
    LT_TRY(lt_image_init(err));
    return lt_image_thumbnail(picture, max_width, max_height, pixels, width, height, err);
}

lt_status lt_picture_thumbnail_jpeg(const lt_picture *picture, unsigned max_width,
                                    unsigned max_height, uint8_t **bytes, size_t *n_bytes,
                                    lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf file = {0};

    LT_TRY(check(picture, max_width, max_height, err));
    LT_TRY(lt_image_init(err));
    LT_TRY(lt_image_thumbnail_jpeg(picture, max_width, max_height, 80, &file, err));
    *n_bytes = file.len;
    *bytes = (uint8_t *)lt_buf_steal(&file);
    return LT_OK;
}

void lt_bytes_free(uint8_t *bytes)
{
    lt_free(bytes);
}
