/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a picture. The first byte chooses how it is fitted. */
#include <image/exif.h>
#include <image/format.h>
#include <image/image.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_exif(const uint8_t *data, size_t size)
{
    char text[512], value[64], time[32];
    double degrees;

    size = size < sizeof text ? size : sizeof text - 1;
    memcpy(text, data, size);
    text[size] = '\0';
    lt_exif_text(text, value, sizeof value);
    lt_exif_time(text, value, value, time);
    lt_exif_camera(value, text, value, sizeof value);
    (void)lt_exif_degrees(text, "N", "NS", 90.0, &degrees);
}

static void fuzz_load(uint8_t choice, const lt_picture *picture)
{
    static float tensor[3 * 24 * 16];
    lt_image_prep prep = {.resize = (lt_resize_mode)(choice % 3),
                          .resize_width = 24,
                          .resize_height = 16,
                          .resample = (lt_resample)(choice / 3 % 4),
                          .center_crop = true,
                          .out_width = 24,
                          .out_height = 16,
                          .rescale = 1.0f,
                          .std = {1.0f, 1.0f, 1.0f},
                          .full_decode = choice & 0x80};
    lt_image_info info;
    lt_error err;

    if (lt_image_load(picture, &prep, tensor, &info, &err) != LT_OK && strchr(err.message, '\n'))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lt_picture picture = {.bytes = data + 1, .n_bytes = size - 1};

    if (size < 2 || lt_image_init(NULL) != LT_OK)
        return 0;
    fuzz_exif(data + 1, size - 1);
    for (int format = LT_FORMAT_NONE; format < LT_N_FORMATS; format++)
        if (size - 1 >= 12)
            (void)lt_format_cut_short((lt_format)format, picture.bytes, picture.n_bytes);
    fuzz_load(data[0], &picture);
    return 0;
}
