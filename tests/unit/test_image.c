/* SPDX-License-Identifier: Apache-2.0
 * The pictures are made here with libvips, apart from the headers of bombs, which are written byte
 * by byte. LT_SEED replays the random damage. */
#include <base/clock.h>
#include <base/file.h>
#include <base/mem.h>
#include <base/rng.h>
#include <base/thread.h>
#include <base/utf8.h>
#include <image/exif.h>
#include <image/format.h>
#include <image/image.h>
#include <image/resample.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <vips/vips.h>

#include "lt_cmocka.h"

enum { WIDE = 48, HIGH = 32 };

/* ---- making pictures --------------------------------------------------------------------- */

/* What each quarter shows: top left, top right, bottom left, bottom right. */
static const uint8_t quarters[4][3] = {{220, 30, 30}, {30, 200, 30}, {30, 30, 220}, {230, 220, 40}};

static const uint8_t *quarter_at(int x, int y, int width, int height)
{
    return quarters[(y >= height / 2) * 2 + (x >= width / 2)];
}

/* The picture as it lies in a file whose EXIF orientation is `orientation`, after EXIF's own words:
 * where the first row and the first column of the file are seen. */
static VipsImage *make_quarters(int width, int height, int orientation)
{
    static const char sides[9][3] = {"", "tl", "tr", "br", "bl", "lt", "rt", "rb", "lb"};
    char row_side = sides[orientation][0], column_side = sides[orientation][1];
    bool swapped = row_side == 'l' || row_side == 'r';
    int file_width = swapped ? height : width, file_height = swapped ? width : height;
    LT_AUTOFREE uint8_t *pixels = lt_malloc((size_t)width * (size_t)height * 3);
    VipsImage *raw, *image;

    for (int r = 0; r < file_height; r++) {
        for (int c = 0; c < file_width; c++) {
            int x = 0, y = 0;
            const struct {
                char side;
                int i;
            } places[] = {{row_side, r}, {column_side, c}};

            for (int k = 0; k < 2; k++) {
                int i = places[k].i;

                switch (places[k].side) {
                case 't':
                    y = i;
                    break;
                case 'b':
                    y = height - 1 - i;
                    break;
                case 'l':
                    x = i;
                    break;
                default:
                    x = width - 1 - i;
                }
            }
            memcpy(pixels + ((size_t)r * (size_t)file_width + (size_t)c) * 3,
                   quarter_at(x, y, width, height), 3);
        }
    }
    raw = vips_image_new_from_memory_copy(pixels, (size_t)width * (size_t)height * 3, file_width,
                                          file_height, 3, VIPS_FORMAT_UCHAR);
    assert_int_equal(vips_copy(raw, &image, "interpretation", VIPS_INTERPRETATION_sRGB, NULL), 0);
    if (orientation != 1)
        vips_image_set_int(image, VIPS_META_ORIENTATION, orientation);
    g_object_unref(raw);
    return image;
}

/* A picture of one colour in any space and format. */
static VipsImage *make_plain(int width, int height, int bands, const double *colour,
                             VipsBandFormat format, VipsInterpretation space)
{
    VipsImage *black, *filled, *cast, *image;
    double ones[5] = {0};

    assert_int_equal(vips_black(&black, width, height, "bands", bands, NULL), 0);
    assert_int_equal(vips_linear(black, &filled, ones, colour, bands, NULL), 0);
    assert_int_equal(vips_cast(filled, &cast, format, NULL), 0);
    assert_int_equal(vips_copy(cast, &image, "interpretation", space, NULL), 0);
    g_object_unref(black);
    g_object_unref(filled);
    g_object_unref(cast);
    return image;
}

typedef struct file {
    uint8_t *bytes;
    size_t n;
} file;

static void file_done(file *f)
{
    g_free(f->bytes);
}

/* The bytes of `image` (which it lets go) as ".jpg[Q=90]" and the like; none where libvips has no
 * such saver. */
static file save(VipsImage *image, const char *suffix)
{
    void *bytes = NULL;
    size_t n = 0;

    if (vips_image_write_to_buffer(image, suffix, &bytes, &n, NULL) != 0) {
        print_message("skipped: no saver for %s: %s", suffix, vips_error_buffer());
        vips_error_clear();
    }
    g_object_unref(image);
    return (file){bytes, n};
}

static lt_picture picture_of(const file *f)
{
    return (lt_picture){.bytes = f->bytes, .n_bytes = f->n};
}

static void write_file(const char *path, const void *bytes, size_t n)
{
    lt_error err;

    assert_ok(lt_file_write_atomic(path, bytes, n, &err), &err);
}

static char folder[] = "/tmp/lt-image-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[300];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int setup(void **state)
{
    lt_error err;

    (void)state;
    return lt_image_init(&err) != LT_OK || !mkdtemp(folder);
}

static int teardown(void **state)
{
    lt_error err;

    (void)state;
    return lt_dir_remove(folder, &err);
}

/* ---- looking at them ---------------------------------------------------------------------- */

static lt_image_prep plain_prep(unsigned width, unsigned height)
{
    return (lt_image_prep){.resize = LT_RESIZE_EXACT,
                           .resize_width = width,
                           .resize_height = height,
                           .resample = LT_RESAMPLE_BICUBIC,
                           .out_width = width,
                           .out_height = height,
                           .rescale = 1.0f,
                           .std = {1.0f, 1.0f, 1.0f}};
}

static void assert_colour(const uint8_t *got, const uint8_t *want, int tolerance, const char *what)
{
    for (int c = 0; c < 3; c++)
        if (abs(got[c] - want[c]) > tolerance)
            fail_msg("%s: colour %d %d %d, expected %d %d %d", what, got[0], got[1], got[2],
                     want[0], want[1], want[2]);
}

/* The picture at its own size shows the quarters upright. */
static void assert_quarters(const file *f, int width, int height, int tolerance, const char *what)
{
    lt_picture picture = picture_of(f);
    LT_AUTOFREE uint8_t *rgb = NULL;
    unsigned w, h;
    lt_error err;

    assert_ok(lt_image_thumbnail(&picture, 16384, 16384, &rgb, &w, &h, &err), &err);
    assert_int_equal(w, width);
    assert_int_equal(h, height);
    for (int y = height / 4; y < height; y += height / 2)
        for (int x = width / 4; x < width; x += width / 2)
            assert_colour(rgb + (y * width + x) * 3, quarter_at(x, y, width, height), tolerance,
                          what);
}

/* The picture's middle has this colour, whatever it was saved as. */
static void assert_plain(file f, int red, int green, int blue, int tolerance, const char *what)
{
    lt_picture picture = picture_of(&f);
    lt_image_prep prep = plain_prep(8, 8);
    uint8_t got[3], want[3] = {(uint8_t)red, (uint8_t)green, (uint8_t)blue};
    float tensor[3 * 64];
    lt_error err;

    if (f.n == 0)
        return;
    if (lt_image_load(&picture, &prep, tensor, NULL, &err) != LT_OK)
        fail_msg("%s: %s", what, err.message);
    for (int c = 0; c < 3; c++)
        got[c] = (uint8_t)tensor[c * 64 + 27];
    assert_colour(got, want, tolerance, what);
    file_done(&f);
}

static void assert_fails(const lt_picture *picture, lt_status code, const char *words)
{
    lt_image_prep prep = plain_prep(16, 16);
    float tensor[3 * 256];
    lt_image_info info;
    lt_error err = {0};
    lt_status st = lt_image_load(picture, &prep, tensor, &info, &err);

    if (st != code || !strstr(err.message, words))
        fail_msg("got %s '%s', expected %s with '%s'", lt_status_name(st), err.message,
                 lt_status_name(code), words);
    assert_null(strchr(err.message, '\n'));
    if (picture->path)
        assert_int_equal(strncmp(err.message, picture->path, strlen(picture->path)), 0);
}

/* ---- formats ----------------------------------------------------------------------------- */

static const struct {
    const char *suffix, *format;
    int tolerance;
} formats[] = {
    {".jpg[Q=95]", "jpeg", 12},
    {".jpg[Q=95,interlace]", "jpeg", 12},
    {".png", "png", 0},
    {".png[interlace]", "png", 0},
    {".webp[lossless]", "webp", 0},
    {".webp[Q=90]", "webp", 16},
    {".gif", "gif", 8},
    {".tif", "tiff", 0},
    {".tif[compression=lzw,tile]", "tiff", 0},
    {".tif[compression=jpeg,Q=95]", "tiff", 12},
    {".tif[bigtiff]", "tiff", 0},
    {".avif[Q=90]", "heif", 16},
    {".heic[Q=90]", "heif", 16},
};

enum { N_KINDS = sizeof formats / sizeof *formats };

static void every_format_shows_its_colours(void **state)
{
    (void)state;
    lt_error err;

    for (size_t i = 0; i < N_KINDS; i++) {
        LT_CLEANUP(file_done) file f = save(make_quarters(WIDE, HIGH, 1), formats[i].suffix);
        lt_picture picture = picture_of(&f);
        lt_image_info info;

        if (f.n == 0)
            continue;
        assert_quarters(&f, WIDE, HIGH, formats[i].tolerance, formats[i].suffix);
        assert_ok(lt_image_probe(&picture, &info, &err), &err);
        assert_string_equal(info.format, formats[i].format);
        assert_int_equal(info.width, WIDE);
        assert_int_equal(info.height, HIGH);
        assert_string_equal(info.taken, "");
        assert_string_equal(info.camera, "");
        assert_false(info.has_location);
    }
}

static void a_path_reads_like_bytes(void **state)
{
    (void)state;
    LT_CLEANUP(file_done) file f = save(make_quarters(WIDE, HIGH, 1), ".png");
    const char *path = in_folder("right.jpg"); /* the ending does not decide */
    lt_picture by_path = {.path = path}, by_bytes = picture_of(&f);
    lt_image_prep prep = plain_prep(20, 30);
    float a[3 * 600], b[3 * 600];
    lt_image_info info;
    lt_error err;

    write_file(path, f.bytes, f.n);
    assert_ok(lt_image_load(&by_path, &prep, a, &info, &err), &err);
    assert_ok(lt_image_load(&by_bytes, &prep, b, NULL, &err), &err);
    assert_memory_equal(a, b, sizeof a);
    assert_string_equal(info.format, "png");
}

static void orientations_are_turned_upright(void **state)
{
    (void)state;
    static const char *const suffixes[] = {".jpg[Q=95]", ".webp[lossless]", ".tif"};
    lt_error err;

    for (size_t s = 0; s < 3; s++) {
        for (int orientation = 1; orientation <= 8; orientation++) {
            LT_CLEANUP(file_done)
            file f = save(make_quarters(WIDE, HIGH, orientation), suffixes[s]);
            lt_picture picture = picture_of(&f);
            lt_image_info info;
            char what[64];

            snprintf(what, sizeof what, "%s orientation %d", suffixes[s], orientation);
            assert_quarters(&f, WIDE, HIGH, 12, what);
            assert_ok(lt_image_probe(&picture, &info, &err), &err);
            assert_int_equal(info.width, WIDE);
            assert_int_equal(info.height, HIGH);
        }
    }
}

/* Resizes and crops see the upright picture: each orientation gives nearly the same tensor. */
static void orientation_and_fit_commute(void **state)
{
    (void)state;
    lt_image_prep preps[4] = {plain_prep(31, 17), plain_prep(20, 20), plain_prep(60, 70),
                              plain_prep(9, 25)};

    preps[1].resize = LT_RESIZE_SHORTEST;
    preps[1].resize_width = 25;
    preps[1].center_crop = true;
    preps[2].resize = LT_RESIZE_NONE;
    preps[2].center_crop = true;
    for (size_t p = 0; p < 4; p++) {
        size_t n = (size_t)3 * preps[p].out_width * preps[p].out_height;
        LT_AUTOFREE float *first = lt_calloc(n, sizeof *first),
                          *tensor = lt_calloc(n, sizeof *tensor);

        for (int orientation = 1; orientation <= 8; orientation++) {
            LT_CLEANUP(file_done) file f = save(make_quarters(WIDE, HIGH, orientation), ".tif");
            lt_picture picture = picture_of(&f);
            lt_error err;

            assert_ok(
                lt_image_load(&picture, &preps[p], orientation == 1 ? first : tensor, NULL, &err),
                &err);
            for (size_t i = 0; orientation > 1 && i < n; i++)
                if (abs((int)first[i] - (int)tensor[i]) > 3)
                    fail_msg("fit %zu, orientation %d: %g against %g at %zu", p, orientation,
                             (double)tensor[i], (double)first[i], i);
        }
    }
}

/* A part is that of the upright picture, whichever way it lies in its file. */
static void parts_of_turned_pictures(void **state)
{
    (void)state;
    static const uint32_t parts[][4] = {{0, 0, WIDE / 2, HIGH / 2},
                                        {WIDE / 2, HIGH / 2, WIDE / 2, HIGH / 2},
                                        {WIDE / 2 - 7, HIGH / 2 - 3, 11, 5},
                                        {WIDE - 1, 0, 1, HIGH},
                                        {0, 0, WIDE, HIGH}};

    for (int orientation = 1; orientation <= 8; orientation++) {
        LT_CLEANUP(file_done) file f = save(make_quarters(WIDE, HIGH, orientation), ".tif");

        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            const uint32_t *p = parts[i];
            lt_picture picture = {.bytes = f.bytes,
                                  .n_bytes = f.n,
                                  .crop_x = p[0],
                                  .crop_y = p[1],
                                  .crop_width = p[2],
                                  .crop_height = p[3]};
            LT_AUTOFREE uint8_t *rgb = NULL;
            unsigned w, h;
            lt_error err;

            assert_ok(lt_image_thumbnail(&picture, 16384, 16384, &rgb, &w, &h, &err), &err);
            assert_int_equal(w, p[2]);
            assert_int_equal(h, p[3]);
            for (unsigned y = 0; y < h; y++)
                for (unsigned x = 0; x < w; x++)
                    assert_colour(rgb + (y * w + x) * 3,
                                  quarter_at((int)(x + p[0]), (int)(y + p[1]), WIDE, HIGH), 0,
                                  "part");
        }
    }
}

static void parts_must_lie_within(void **state)
{
    (void)state;
    static const uint32_t parts[][4] = {{0, 0, WIDE + 1, HIGH},     {1, 0, WIDE, HIGH},
                                        {0, 1, 1, HIGH},            {UINT32_MAX, 0, 1, 1},
                                        {0, 0, 1, 0},               {0, 0, 0, 1},
                                        {0, UINT32_MAX, 1, 0xffff}, {0, 0, UINT32_MAX, UINT32_MAX}};
    LT_CLEANUP(file_done) file f = save(make_quarters(WIDE, HIGH, 1), ".png");

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        lt_picture picture = {.bytes = f.bytes,
                              .n_bytes = f.n,
                              .crop_x = parts[i][0],
                              .crop_y = parts[i][1],
                              .crop_width = parts[i][2],
                              .crop_height = parts[i][3]};

        assert_fails(&picture, LT_EINVAL, "is not within its");
    }
}

static void animations_and_pages_give_the_first(void **state)
{
    (void)state;
    static const char *const suffixes[] = {".gif", ".webp[lossless]", ".tif"};
    static const double red[] = {250, 10, 10}, blue[] = {10, 10, 250};

    for (size_t s = 0; s < 3; s++) {
        VipsImage *pages[2] = {
            make_plain(20, 20, 3, red, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB),
            make_plain(20, 20, 3, blue, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB)};
        VipsImage *both, *tagged;

        assert_int_equal(vips_arrayjoin(pages, &both, 2, "across", 1, NULL), 0);
        assert_int_equal(vips_copy(both, &tagged, NULL), 0);
        vips_image_set_int(tagged, VIPS_META_PAGE_HEIGHT, 20);
        file f = save(tagged, suffixes[s]);
        lt_picture picture = picture_of(&f);
        lt_image_info info;
        lt_error err;

        g_object_unref(pages[0]);
        g_object_unref(pages[1]);
        g_object_unref(both);
        assert_ok(lt_image_probe(&picture, &info, &err), &err);
        assert_int_equal(info.height, 20);
        assert_plain(f, 250, 10, 10, 8, suffixes[s]);
    }
}

/* ---- colours ----------------------------------------------------------------------------- */

static void deep_grey_and_indexed_pictures(void **state)
{
    (void)state;
    static const double deep[] = {200 * 257.0, 100 * 257.0, 50 * 257.0, 65535.0};
    static const double colour[] = {200, 100, 50, 255}, grey[] = {90, 255}, white[] = {255};
    VipsBandFormat u16 = VIPS_FORMAT_USHORT, u8 = VIPS_FORMAT_UCHAR;

    for (int i = 0; i < 2; i++) {
        const char *suffix = i ? ".tif" : ".png";

        assert_plain(save(make_plain(9, 9, 3, deep, u16, VIPS_INTERPRETATION_RGB16), suffix), 200,
                     100, 50, 1, "RGB 16 bit");
        assert_plain(save(make_plain(9, 9, 4, deep, u16, VIPS_INTERPRETATION_RGB16), suffix), 200,
                     100, 50, 1, "RGBA 16 bit");
        assert_plain(save(make_plain(9, 9, 1, deep, u16, VIPS_INTERPRETATION_GREY16), suffix), 200,
                     200, 200, 1, "grey 16 bit");
        assert_plain(save(make_plain(9, 9, 1, grey, u8, VIPS_INTERPRETATION_B_W), suffix), 90, 90,
                     90, 0, "grey");
        assert_plain(save(make_plain(9, 9, 2, grey, u8, VIPS_INTERPRETATION_B_W), suffix), 90, 90,
                     90, 0, "grey and alpha");
    }
    assert_plain(save(make_plain(9, 9, 1, grey, u8, VIPS_INTERPRETATION_B_W), ".jpg[Q=95]"), 90, 90,
                 90, 2, "grey JPEG");
    assert_plain(save(make_plain(9, 9, 3, colour, u8, VIPS_INTERPRETATION_sRGB), ".png[palette]"),
                 200, 100, 50, 4, "palette");
    assert_plain(save(make_plain(9, 9, 1, white, u8, VIPS_INTERPRETATION_B_W), ".png[bitdepth=1]"),
                 255, 255, 255, 0, "1 bit PNG");
    assert_plain(save(make_plain(9, 9, 1, white, u8, VIPS_INTERPRETATION_B_W), ".tif[bitdepth=1]"),
                 255, 255, 255, 0, "1 bit TIFF");
}

static void alpha_is_laid_on_white(void **state)
{
    (void)state;
    static const char *const suffixes[] = {".png", ".webp[lossless]", ".tif"};
    static const double clear[] = {200, 100, 50, 0}, half[] = {200, 100, 50, 128};
    static const double deep_half[] = {200 * 257.0, 100 * 257.0, 50 * 257.0, 128 * 257.0};
    static const double grey_half[] = {100, 128};
    VipsInterpretation rgb = VIPS_INTERPRETATION_sRGB;

    for (size_t s = 0; s < 3; s++) {
        assert_plain(save(make_plain(9, 9, 4, clear, VIPS_FORMAT_UCHAR, rgb), suffixes[s]), 255,
                     255, 255, 0, "clear");
        assert_plain(save(make_plain(9, 9, 4, half, VIPS_FORMAT_UCHAR, rgb), suffixes[s]), 227, 177,
                     152, 1, "half clear");
    }
    assert_plain(
        save(make_plain(9, 9, 4, deep_half, VIPS_FORMAT_USHORT, VIPS_INTERPRETATION_RGB16), ".png"),
        227, 177, 152, 1, "half clear, 16 bit");
    assert_plain(
        save(make_plain(9, 9, 2, grey_half, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_B_W), ".png"),
        177, 177, 177, 1, "half clear grey");
}

static void inks_lab_and_floats(void **state)
{
    (void)state;
    static const double paper[] = {0, 0, 0, 0}, black[] = {200, 200, 200, 255};
    static const double cyan[] = {255, 0, 0, 0}, magenta_yellow[] = {0, 255, 255, 0};
    static const double lab_red[] = {53.2, 80.1, 67.2}, linear[] = {1.0, 0.2140, 0.0};

    for (int i = 0; i < 2; i++) {
        const char *suffix = i ? ".tif" : ".jpg[Q=95]";
        VipsInterpretation cmyk = VIPS_INTERPRETATION_CMYK;

        assert_plain(save(make_plain(16, 16, 4, paper, VIPS_FORMAT_UCHAR, cmyk), suffix), 255, 255,
                     255, 3, "CMYK paper");
        assert_plain(save(make_plain(16, 16, 4, black, VIPS_FORMAT_UCHAR, cmyk), suffix), 5, 5, 5,
                     30, "CMYK black");
        assert_plain(save(make_plain(16, 16, 4, cyan, VIPS_FORMAT_UCHAR, cmyk), suffix), 0, 165,
                     235, 40, "CMYK cyan");
        assert_plain(save(make_plain(16, 16, 4, magenta_yellow, VIPS_FORMAT_UCHAR, cmyk), suffix),
                     237, 28, 36, 40, "CMYK red");
    }
    assert_plain(
        save(make_plain(9, 9, 3, lab_red, VIPS_FORMAT_FLOAT, VIPS_INTERPRETATION_LAB), ".tif"), 255,
        0, 0, 6, "Lab");
    assert_plain(
        save(make_plain(9, 9, 3, linear, VIPS_FORMAT_FLOAT, VIPS_INTERPRETATION_scRGB), ".tif"),
        255, 127, 0, 2, "linear float");
}

/* `image` in sRGB, saved in the space of a profile that libvips brings. */
static file save_in(VipsImage *image, const char *profile, const char *suffix)
{
    VipsImage *other;

    assert_int_equal(vips_icc_transform(image, &other, profile, "input_profile", "srgb",
                                        "black_point_compensation", TRUE, NULL),
                     0);
    g_object_unref(image);
    return save(other, suffix);
}

static void profiles_are_honoured(void **state)
{
    (void)state;
    static const double colour[] = {200, 80, 40};
    static const char *const suffixes[] = {".jpg[Q=95]", ".png", ".tif", ".webp[lossless]"};

    for (size_t s = 0; s < 4; s++) {
        VipsInterpretation rgb = VIPS_INTERPRETATION_sRGB;

        assert_plain(
            save_in(make_plain(32, 32, 3, colour, VIPS_FORMAT_UCHAR, rgb), "p3", suffixes[s]), 200,
            80, 40, 3, "Display P3");
        assert_plain(
            save_in(make_plain(32, 32, 3, colour, VIPS_FORMAT_UCHAR, rgb), "srgb", suffixes[s]),
            200, 80, 40, 3, "tagged sRGB");
        if (s != 1 && s != 3)
            assert_plain(
                save_in(make_plain(32, 32, 3, colour, VIPS_FORMAT_UCHAR, rgb), "cmyk", suffixes[s]),
                200, 80, 40, 14, "CMYK with profile");
    }
    /* The numbers in the P3 file are others, so the test above can fail. */
    VipsImage *p3, *srgb = make_plain(4, 4, 3, colour, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB);
    double *point;
    int n;

    assert_int_equal(vips_icc_transform(srgb, &p3, "p3", "input_profile", "srgb", NULL), 0);
    assert_int_equal(vips_getpoint(p3, &point, &n, 1, 1, NULL), 0);
    assert_true(point[0] < 192);
    g_free(point);
    g_object_unref(p3);
    g_object_unref(srgb);
}

static void a_broken_profile_is_left_out(void **state)
{
    (void)state;
    static const double colour[] = {200, 80, 40};
    VipsImage *image = make_plain(32, 32, 3, colour, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB);
    uint8_t profile[400];

    memset(profile, 0x5a, sizeof profile);
    memcpy(profile + 16, "RGB ", 4);
    vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, profile, sizeof profile);
    assert_plain(save(image, ".jpg[Q=95]"), 200, 80, 40, 3, "broken profile");
}

/* ---- bad inputs -------------------------------------------------------------------------- */

static void strangers_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        lt_status code;
        const char *words;
    } cases[] = {
        {"", 0, LT_EINVAL, "is empty"},
        {"%PDF-1.7\n%\xe2\xe3", 12, LT_EINVAL, "is a PDF document, not a picture"},
        {"hello, this is a shopping list\n", 31, LT_EINVAL, "is a text, not a picture"},
        {"PK\3\4\24\0\0\0", 8, LT_EINVAL, "is a ZIP archive, not a picture"},
        {"\0\0\0\x18"
         "ftypisom\0\0\2\0",
         16, LT_EINVAL, "is a video, not a picture"},
        {"BM\x36\0\0\0\0\0", 8, LT_EUNSUPPORTED, "BMP pictures cannot be read here"},
        {"<svg xmlns=''></svg>", 20, LT_EUNSUPPORTED, "SVG pictures cannot be read here"},
        {"\1\2\3\4\5\6\7\0", 8, LT_EINVAL, "is not a picture of a known format"},
        {"\xff\xd8\xff", 3, LT_EINVAL, "is truncated"},
        {"GIF89a", 6, LT_EINVAL, "is truncated"},
        {"\x89PNG\r\n\x1a\n", 8, LT_EINVAL, "is truncated"},
        {"RIFF\xff\0\0\0WEBP", 12, LT_EINVAL, "is truncated"},
        {"II*\0", 4, LT_EINVAL, "is truncated"},
        {"\0\0\0\x18"
         "ftypheic",
         12, LT_EINVAL, "is truncated"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lt_picture bytes = {.bytes = cases[i].bytes, .n_bytes = cases[i].n};
        lt_picture named = {.path = in_folder("odd.jpg")};

        assert_fails(&bytes, cases[i].code, cases[i].words);
        write_file(named.path, cases[i].bytes, cases[i].n);
        assert_fails(&named, cases[i].code, cases[i].words);
    }
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    lt_picture picture = {.path = in_folder("absent.jpg")};
    lt_error err;

    assert_fails(&picture, LT_ENOTFOUND, "No such file");
    picture.path = folder;
    assert_fails(&picture, LT_EINVAL, "is a directory");
    picture.path = in_folder("pipe.jpg");
    assert_int_equal(mkfifo(picture.path, 0600), 0);
    assert_fails(&picture, LT_EINVAL, "not a regular file");
    picture.path = in_folder("line\nbreak.jpg");
    assert_int_equal(lt_image_probe(&picture, &(lt_image_info){0}, &err), LT_ENOTFOUND);
    assert_null(strchr(err.message, '\n'));
    picture.path = in_folder("locked.jpg");
    write_file(picture.path, "x", 1);
    assert_int_equal(chmod(picture.path, 0), 0);
    if (geteuid() == 0)
        print_message("skipped: root may read everything\n");
    else
        assert_fails(&picture, LT_EIO, "Permission denied");
    assert_fails(&(lt_picture){0}, LT_EINVAL, "no picture given");
}

static void truncated_files_say_so(void **state)
{
    (void)state;

    for (size_t i = 0; i < N_KINDS; i++) {
        LT_CLEANUP(file_done) file f = save(make_quarters(400, 300, 1), formats[i].suffix);

        if (f.n == 0)
            continue;
        /* A TIFF's directory may be anywhere: what is cut off may look like damage. */
        const char *words = strcmp(formats[i].format, "tiff") == 0 ? "is " : "is truncated";

        for (size_t k = 1; k < 8; k++) {
            size_t n = f.n * k / 8;
            LT_AUTOFREE uint8_t *part = lt_malloc(n);
            lt_picture picture = {.bytes = part, .n_bytes = n};

            memcpy(part, f.bytes, n);
            assert_fails(&picture, LT_EINVAL, words);
        }
    }
    /* Two bytes less: the end marker of a JPEG, all pixels there. */
    LT_CLEANUP(file_done) file jpeg = save(make_quarters(400, 300, 1), ".jpg");
    lt_picture picture = {.path = "x/photo.jpg", .bytes = jpeg.bytes, .n_bytes = jpeg.n - 2};

    assert_fails(&picture, LT_EINVAL, "x/photo.jpg: is truncated");
}

static void damage_without_truncation(void **state)
{
    (void)state;
    LT_CLEANUP(file_done) file f = save(make_quarters(400, 300, 1), ".png");
    lt_picture picture = {.path = "photo.png", .bytes = f.bytes, .n_bytes = f.n};

    f.bytes[f.n / 2] ^= 0x55;
    assert_fails(&picture, LT_EINVAL, "photo.png: is a damaged PNG file");
}

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void put_be32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* A small PNG whose header claims another size. */
static file png_claiming(uint32_t width, uint32_t height)
{
    file f = save(make_quarters(WIDE, HIGH, 1), ".png");

    put_be32(f.bytes + 16, width);
    put_be32(f.bytes + 20, height);
    put_be32(f.bytes + 29, crc32_of(f.bytes + 12, 17));
    return f;
}

static long peak_kb(void)
{
    struct rusage usage;

    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

static void bombs_are_refused_by_their_header(void **state)
{
    (void)state;
    LT_CLEANUP(file_done) file square = png_claiming(30000, 30000), line = png_claiming(250000, 2);
    LT_CLEANUP(file_done) file jpeg = save(make_quarters(WIDE, HIGH, 1), ".jpg");
    LT_CLEANUP(file_done) file gif = save(make_quarters(WIDE, HIGH, 1), ".gif");
    lt_picture picture = {.path = "bomb.png", .bytes = square.bytes, .n_bytes = square.n};
    double begin = lt_clock_s();
    long peak = peak_kb();

    assert_fails(&picture, LT_ELIMIT, "bomb.png: 30000 x 30000 pixels");
    picture.bytes = line.bytes;
    assert_fails(&picture, LT_ELIMIT, "250000 x 2 pixels");
    for (size_t i = 2; i + 9 < jpeg.n; i++)
        if (jpeg.bytes[i] == 0xff && jpeg.bytes[i + 1] == 0xc0)
            memcpy(jpeg.bytes + i + 5, "\xfd\xe8\xfd\xe8", 4);
    assert_fails(&(lt_picture){.bytes = jpeg.bytes, .n_bytes = jpeg.n}, LT_ELIMIT, "65000 x 65000");
    memcpy(gif.bytes + 6, "\x30\x75\x30\x75", 4);
    uint8_t *frame = memmem(gif.bytes, gif.n, ",\0\0\0\0\x30\0\x20\0", 9);

    assert_non_null(frame);
    memcpy(frame + 5, "\x30\x75\x30\x75", 4);
    assert_fails(&(lt_picture){.bytes = gif.bytes, .n_bytes = gif.n}, LT_ELIMIT, "30000 x 30000");
    assert_true(lt_clock_s() - begin < 2.0);
    assert_true(peak_kb() - peak < 64 * 1024);
}

static void too_many_bytes_are_not_read(void **state)
{
    (void)state;
    lt_picture picture = {.path = in_folder("huge.jpg")};

    write_file(picture.path, "\xff\xd8\xff", 3);
    assert_int_equal(truncate(picture.path, (off_t)300 << 20), 0);
    assert_fails(&picture, LT_ELIMIT, "314572800 bytes");
    assert_fails(&(lt_picture){.bytes = "x", .n_bytes = (size_t)300 << 20}, LT_ELIMIT,
                 "picture: 314572800 bytes");
}

/* ---- fitting ----------------------------------------------------------------------------- */

static void crops_pad_with_black_around_the_middle(void **state)
{
    (void)state;
    static const double white[] = {255, 255, 255};
    LT_CLEANUP(file_done)
    file f = save(make_plain(5, 6, 3, white, VIPS_FORMAT_UCHAR, VIPS_INTERPRETATION_sRGB), ".png");
    lt_picture picture = picture_of(&f);
    lt_image_prep prep = plain_prep(8, 4);
    float tensor[3 * 32];
    lt_error err;

    prep.resize = LT_RESIZE_NONE;
    prep.center_crop = true;
    prep.rescale = 1.0f / 255.0f;
    prep.mean[1] = 0.5f;
    prep.std[1] = 0.25f;
    assert_ok(lt_image_load(&picture, &prep, tensor, NULL, &err), &err);
    /* 3 spare columns: transformers puts 2 before and 1 behind. */
    for (int i = 0; i < 32; i++) {
        bool inside = i % 8 >= 2 && i % 8 < 7;

        assert_float_equal(tensor[i], (inside ? 1.0f : 0.0f), 1e-6f);
        assert_float_equal(tensor[32 + i], (inside ? 2.0f : -2.0f), 1e-5f);
    }
}

static void settings_that_contradict_are_refused(void **state)
{
    (void)state;
    LT_CLEANUP(file_done) file f = save(make_quarters(WIDE, HIGH, 1), ".png");
    lt_picture picture = picture_of(&f);
    float tensor[3 * 64];
    lt_error err;

    for (int i = 0; i < 5; i++) {
        lt_image_prep prep = plain_prep(8, 8);

        if (i == 0)
            prep.resize_width = 0;
        if (i == 1)
            prep.std[2] = 0;
        if (i == 2)
            prep.resize = LT_RESIZE_NONE;
        if (i == 3)
            prep.resize = LT_RESIZE_SHORTEST; /* gives 12 x 8 */
        if (i == 4)
            prep.out_height = 100000;
        assert_int_equal(lt_image_load(&picture, &prep, tensor, NULL, &err), LT_EINVAL);
        assert_non_null(strstr(err.message, "preprocessing"));
    }
}

static void tiny_and_thin_pictures(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 5000}, {5000, 1}, {2, 3}};
    static const double colour[] = {200, 80, 40};

    for (size_t i = 0; i < 4; i++) {
        for (int k = 0; k < 6; k++) {
            LT_CLEANUP(file_done)
            file f = save(make_plain(sizes[i][0], sizes[i][1], 3, colour, VIPS_FORMAT_UCHAR,
                                     VIPS_INTERPRETATION_sRGB),
                          k % 2 ? ".jpg[Q=98]" : ".png");
            lt_picture picture = picture_of(&f);
            lt_image_prep prep = plain_prep(32, 32);
            LT_AUTOFREE uint8_t *thumb = NULL;
            float tensor[3 * 1024];
            unsigned w, h;
            lt_error err;

            prep.resize = k < 2 ? LT_RESIZE_EXACT : k < 4 ? LT_RESIZE_SHORTEST : LT_RESIZE_NONE;
            prep.center_crop = true;
            assert_ok(lt_image_load(&picture, &prep, tensor, NULL, &err), &err);
            assert_float_equal(tensor[16 * 32 + 16], 200.0f, 3.0f);
            assert_ok(lt_image_thumbnail(&picture, 64, 64, &thumb, &w, &h, &err), &err);
            assert_true(w >= 1 && h >= 1 && w <= 64 && h <= 64);
            assert_true(abs(thumb[0] - 200) <= 3);
        }
    }
}

static void shrink_on_load_keeps_the_picture(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1999, 1501}, {1600, 1200}, {801, 1203}};

    for (size_t s = 0; s < 3; s++) {
        for (int orientation = 1; orientation <= 8; orientation++) {
            LT_CLEANUP(file_done)
            file f = save(make_quarters(sizes[s][0], sizes[s][1], orientation), ".jpg[Q=90]");
            lt_picture picture = picture_of(&f);
            lt_image_prep prep = plain_prep(64, 64);
            static float quick[3 * 4096], full[3 * 4096];
            lt_error err;

            assert_ok(lt_image_load(&picture, &prep, quick, NULL, &err), &err);
            prep.full_decode = true;
            assert_ok(lt_image_load(&picture, &prep, full, NULL, &err), &err);
            double sum = 0;

            for (size_t i = 0; i < 3 * 4096; i++)
                sum += fabs((double)quick[i] - (double)full[i]);
            assert_true(sum / (3 * 4096) < 1.5);
        }
    }
}

static void thumbnails_fit_and_never_grow(void **state)
{
    (void)state;
    LT_CLEANUP(file_done) file f = save(make_quarters(300, 200, 6), ".jpg[Q=95]");
    lt_picture picture = picture_of(&f);
    static const unsigned cases[][4] = {{100, 100, 100, 67},
                                        {1000, 1000, 300, 200},
                                        {60, 1000, 60, 40},
                                        {1, 1, 1, 1},
                                        {300, 10, 15, 10}};
    lt_error err;

    for (size_t i = 0; i < 5; i++) {
        LT_CLEANUP(lt_buf_done) lt_buf jpeg = {0};
        LT_AUTOFREE uint8_t *rgb = NULL;
        lt_image_info info;
        unsigned w, h;

        assert_ok(lt_image_thumbnail(&picture, cases[i][0], cases[i][1], &rgb, &w, &h, &err), &err);
        assert_int_equal(w, cases[i][2]);
        assert_int_equal(h, cases[i][3]);
        assert_ok(lt_image_thumbnail_jpeg(&picture, cases[i][0], cases[i][1], 90, &jpeg, &err),
                  &err);
        lt_picture small = {.bytes = jpeg.data, .n_bytes = jpeg.len};

        assert_ok(lt_image_probe(&small, &info, &err), &err);
        assert_string_equal(info.format, "jpeg");
        assert_int_equal(info.width, w);
        assert_int_equal(info.height, h);
        if (w >= 40)
            assert_quarters(&(file){(uint8_t *)jpeg.data, jpeg.len}, (int)w, (int)h, 20,
                            "thumbnail");
    }
    uint8_t *rgb = NULL;
    unsigned w, h;
    lt_buf jpeg = {0};

    assert_int_equal(lt_image_thumbnail(&picture, 0, 5, &rgb, &w, &h, &err), LT_EINVAL);
    assert_int_equal(lt_image_thumbnail_jpeg(&picture, 5, 5, 0, &jpeg, &err), LT_EINVAL);
    assert_null(rgb);
}

/* ---- the resampler ----------------------------------------------------------------------- */

static void run_resizer(lt_axis *x, lt_axis *y, const uint8_t *rgb, int width, int height,
                        bool plain, uint8_t *out)
{
    lt_resizer r = {0};
    lt_error err;

    assert_ok(lt_resizer_init(&r, x, y, &err), &err);
    if (plain)
        r.wide = false;
    for (int row = 0; row < height && !lt_resizer_full(&r); row++)
        lt_resizer_add(&r, rgb + (size_t)row * (size_t)width * 3);
    assert_true(lt_resizer_full(&r));
    for (unsigned j = 0; j < y->n; j++)
        for (unsigned i = 0; i < x->n; i++)
            lt_resizer_get(&r, i, j, out + (j * x->n + i) * 3);
    lt_resizer_done(&r);
}

/* Both forms of the inner loops, any window, any direction; and white stays white. */
static void resampling_is_the_same_with_and_without_avx2(void **state)
{
    (void)state;
    lt_rng rng = {7};

    for (int round = 0; round < 300; round++) {
        uint32_t width = 1 + (uint32_t)lt_rng_below(&rng, 90),
                 height = 1 + (uint32_t)lt_rng_below(&rng, 90);
        lt_axis_spec sx = {.filter = (lt_resample)lt_rng_below(&rng, 4),
                           .in_len = width,
                           .in_samples = width,
                           .out_len = 1 + (uint32_t)lt_rng_below(&rng, 60),
                           .flip = round & 1};
        lt_axis_spec sy = {.filter = sx.filter,
                           .in_len = height,
                           .in_samples = height,
                           .out_len = 1 + (uint32_t)lt_rng_below(&rng, 60),
                           .flip = round & 2};
        LT_CLEANUP(lt_axis_done) lt_axis x = {0};
        LT_CLEANUP(lt_axis_done) lt_axis y = {0};
        size_t n = (size_t)width * height * 3;
        LT_AUTOFREE uint8_t *rgb = lt_malloc(n);
        uint8_t a[60 * 60 * 3], b[60 * 60 * 3];
        lt_error err;

        sx.from = (uint32_t)lt_rng_below(&rng, sx.out_len);
        sx.n = sx.out_len - sx.from;
        sy.n = 1 + (uint32_t)lt_rng_below(&rng, sy.out_len);
        assert_ok(lt_axis_init(&x, &sx, &err), &err);
        assert_ok(lt_axis_init(&y, &sy, &err), &err);
        for (size_t i = 0; i < n; i++)
            rgb[i] = (uint8_t)lt_rng_next(&rng);
        run_resizer(&x, &y, rgb, (int)width, (int)height, true, a);
        run_resizer(&x, &y, rgb, (int)width, (int)height, false, b);
        assert_memory_equal(a, b, (size_t)x.n * y.n * 3);
        memset(rgb, 255, n);
        run_resizer(&x, &y, rgb, (int)width, (int)height, false, b);
        for (size_t i = 0; i < (size_t)x.n * y.n * 3; i++)
            assert_int_equal(b[i], 255);
    }
}

/* Worked by hand: halving with the triangle filter has weights 1/8 3/8 3/8 1/8 inside and
 * 3/7 3/7 1/7 at the edges. */
static void a_filter_by_hand(void **state)
{
    (void)state;
    lt_axis_spec s = {
        .filter = LT_RESAMPLE_BILINEAR, .in_len = 8, .in_samples = 8, .out_len = 4, .n = 4};
    LT_CLEANUP(lt_axis_done) lt_axis a = {0};
    const double unit = 1 << LT_WEIGHT_BITS;
    lt_error err;

    assert_ok(lt_axis_init(&a, &s, &err), &err);
    static const double inner[] = {0.125, 0.375, 0.375, 0.125},
                        edge[] = {3 / 7.0, 3 / 7.0, 1 / 7.0};

    assert_int_equal(a.first[0], 0);
    assert_int_equal(a.first[1], 1);
    for (unsigned k = 0; k < 3; k++)
        assert_true(fabs(a.weights[k] - edge[k] * unit) < 1);
    for (unsigned k = 0; k < 4; k++)
        assert_true(fabs(a.weights[a.taps_max + k] - inner[k] * unit) < 1);
}

/* ---- EXIF -------------------------------------------------------------------------------- */

static void exif_texts(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Canon (Canon, ASCII, 6 components, 6 bytes)", "Canon"},
        {"Foo (bar) Inc (Foo (bar) Inc, ASCII, 14 components, 14 bytes)", "Foo (bar) Inc"},
        {"  NIKON  (  NIKON , ASCII, 9 components, 9 bytes)", "NIKON"},
        {" (, ASCII, 1 components, 1 bytes)", ""},
        {"", ""},
        {"plain", "plain"},
        {"a\x1b[31mb\nc\xff (x", "a [31mb c"},
        {"Caf\xc3\xa9 (Caf\xc3\xa9, ASCII, 6 components, 6 bytes)", "Caf\xc3\xa9"},
        {"52/1 31/1 1234/100 (52, 31, 12.34, Rational, 3 components, 24 bytes)",
         "52/1 31/1 1234/100"},
    };
    char out[96];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lt_exif_text(cases[i][0], out, sizeof out);
        assert_string_equal(out, cases[i][1]);
    }
    lt_exif_text("\xc3\xa9\xc3\xa9\xc3\xa9", out, 6);
    assert_string_equal(out, "\xc3\xa9\xc3\xa9");
}

static void exif_times(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        {"2023:07:14 18:22:31", "", "", "2023-07-14T18:22:31"},
        {"2023:07:14 18:22:31", "123", "+02:00", "2023-07-14T18:22:31.123+02:00"},
        {"2023:07:14 18:22:31", "987654321", "-11:30", "2023-07-14T18:22:31.987-11:30"},
        {"2024:02:29 00:00:00", "5", "Z", "2024-02-29T00:00:00.5Z"},
        {"2023:02:29 00:00:00", "", "", ""},
        {"0000:00:00 00:00:00", "", "", ""},
        {"2023:13:01 00:00:00", "", "", ""},
        {"2023:01:01 24:00:00", "", "", ""},
        {"2023:01:01 12:60:00", "", "", ""},
        {"    :  :     :  :  ", "", "", ""},
        {"2023:01:01", "", "", ""},
        {"2023:01:01 12:00:00", "12x", "+25:00", "2023-01-01T12:00:00"},
        {"2023-01-01T12:00:00", "", "2:00", "2023-01-01T12:00:00"},
    };
    char out[32];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lt_exif_time(cases[i][0], cases[i][1], cases[i][2], out);
        assert_string_equal(out, cases[i][3]);
    }
}

static void exif_places(void **state)
{
    (void)state;
    double d = 0;

    assert_true(lt_exif_degrees("52/1 31/1 1200/100", "N", "NS", 90, &d));
    assert_true(fabs(d - (52 + 31 / 60.0 + 12 / 3600.0)) < 1e-9);
    assert_true(lt_exif_degrees("13/1 245/10 0/0", "w", "EW", 180, &d));
    assert_true(fabs(d + (13 + 24.5 / 60.0)) < 1e-9);
    static const char *const bad[] = {"",
                                      "91/1 0/1 0/1",
                                      "52/0 0/1 0/1",
                                      "52/1",
                                      "1/1 60/1 0/1",
                                      "1/1 1/1 99/1",
                                      "nan/1 0/1",
                                      "-5/1 0/1 0/1",
                                      "4294967295/1 0/1 0/1",
                                      "90/1 0/1 1/1"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(lt_exif_degrees(bad[i], "N", "NS", 90, &d));
    assert_false(lt_exif_degrees("52/1 31/1 0/1", "", "NS", 90, &d));
    assert_false(lt_exif_degrees("52/1 31/1 0/1", "X", "NS", 90, &d));
}

static void exif_cameras(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"Canon", "Canon EOS 5D", "Canon EOS 5D"},
        {"NIKON CORPORATION", "NIKON D90", "NIKON D90"},
        {"Apple", "iPhone 14 Pro", "Apple iPhone 14 Pro"},
        {"", "X100", "X100"},
        {"Sony", "", "Sony"},
        {"", "", ""},
        {"LG", "LGE Nexus 5", "LG LGE Nexus 5"},
        {"OLYMPUS IMAGING CORP.", "E-M5", "OLYMPUS IMAGING CORP. E-M5"},
    };
    char out[96];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lt_exif_camera(cases[i][0], cases[i][1], out, sizeof out);
        assert_string_equal(out, cases[i][2]);
    }
    lt_exif_camera("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", out, sizeof out);
    assert_int_equal(strlen(out), sizeof out - 1);
}

static void exif_of_whole_files(void **state)
{
    (void)state;
    static const char *const fields[][2] = {
        {"exif-ifd0-Make", "Canon"},
        {"exif-ifd0-Model", "Canon EOS 5D"},
        {"exif-ifd2-DateTimeOriginal", "2023:07:14 18:22:31"},
        {"exif-ifd2-SubSecTimeOriginal", "25"},
        {"exif-ifd2-OffsetTimeOriginal", "+02:00"},
        {"exif-ifd3-GPSLatitude", "33/1 51/1 3600/100"},
        {"exif-ifd3-GPSLatitudeRef", "S"},
        {"exif-ifd3-GPSLongitude", "151/1 12/1 0/1"},
        {"exif-ifd3-GPSLongitudeRef", "E"},
    };
    static const char *const suffixes[] = {".jpg", ".webp", ".avif", ".heic"};

    for (size_t s = 0; s < 4; s++) {
        VipsImage *image = make_quarters(WIDE, HIGH, 1);
        lt_image_info info;
        lt_error err;

        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
            vips_image_set_string(image, fields[i][0], fields[i][1]);
        LT_CLEANUP(file_done) file f = save(image, suffixes[s]);
        lt_picture picture = picture_of(&f);

        if (f.n == 0)
            continue;
        assert_ok(lt_image_probe(&picture, &info, &err), &err);
        assert_string_equal(info.camera, "Canon EOS 5D");
        assert_string_equal(info.taken, "2023-07-14T18:22:31.25+02:00");
        assert_true(info.has_location);
        assert_true(fabs(info.lat + (33 + 51 / 60.0 + 36 / 3600.0)) < 1e-6);
        assert_true(fabs(info.lon - 151.2) < 1e-6);
    }
}

/* Bytes that no honest camera writes, put into the file itself. */
static void exif_of_hostile_files(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Foo (bar) 1!", "Foo (bar) 1!"},     {"Caf\xc3\xa9 Kamera", "Caf\xc3\xa9 Kamera"},
        {"\x1b[31mred\x07\n\r\t", "[31mred"}, {"\xff\xfe\xc3(abcdefg\xc3", ""},
        {"\0\0\0\0\0\0\0\0\0\0\0\0", ""},     {"   (, ASCII, ", "(, ASCII,"},
        {"%s%n%s%n%s%n", "%s%n%s%n%s%n"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        VipsImage *image = make_quarters(WIDE, HIGH, 1);
        lt_image_info info;
        lt_error err;

        vips_image_set_string(image, "exif-ifd0-Model", "CameraNumber");
        LT_CLEANUP(file_done) file f = save(image, ".jpg");
        uint8_t *model = memmem(f.bytes, f.n, "CameraNumber", 12);
        lt_picture picture = picture_of(&f);

        assert_non_null(model);
        memcpy(model, cases[i][0], 12);
        assert_ok(lt_image_probe(&picture, &info, &err), &err);
        assert_true(lt_utf8_valid(info.camera, strlen(info.camera)));
        for (const char *c = info.camera; *c; c++)
            assert_true((uint8_t)*c >= 0x20 && *c != 0x7f);
        assert_string_equal(info.camera, cases[i][1]);
    }
}

/* ---- names, threads, memory, damage -------------------------------------------------------- */

static void names_of_pictures(void **state)
{
    (void)state;
    static const char *const good[] = {"a.jpg", "/x/y.JPEG", "b.Png", "c.webp",
                                       "d.gif", "e.tif",     "f.TIFF"};
    static const char *const bad[] = {"",      "jpg", ".jpg", "/x.jpg/readme", "a.jpg.txt", "a.pdf",
                                      "a.svg", "a.",  "a.jp", "a.jpgg",        "a.bmp"};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(lt_image_name_matches(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(lt_image_name_matches(bad[i]));
    bool heif = vips_type_find("VipsOperation", "heifload_buffer") != 0;

    assert_int_equal(lt_image_name_matches("a.HEIC"), heif);
    assert_int_equal(lt_image_name_matches("a.avif"), heif);
}

typedef struct errand {
    const file *good, *cut;
    int n_wrong;
} errand;

static void *run_errand(void *arg)
{
    errand *e = arg;
    lt_image_prep prep = plain_prep(64, 64);
    float tensor[3 * 4096];

    for (int i = 0; i < 40; i++) {
        lt_picture good = picture_of(e->good), cut = picture_of(e->cut);
        lt_error err = {0};

        cut.path = "cut.png";
        if (lt_image_load(&good, &prep, tensor, NULL, &err) != LT_OK || (int)tensor[0] != 220)
            e->n_wrong++;
        if (lt_image_load(&cut, &prep, tensor, NULL, &err) != LT_EINVAL ||
            strcmp(err.message, "cut.png: is truncated: the end of the PNG file is missing") != 0)
            e->n_wrong++;
    }
    return NULL;
}

static void threads_decode_side_by_side(void **state)
{
    (void)state;
    LT_CLEANUP(file_done) file good = save(make_quarters(320, 240, 1), ".png");
    LT_CLEANUP(file_done) file cut = save(make_quarters(320, 240, 1), ".png");
    pthread_t threads[4];
    errand errands[4];

    cut.n /= 2;
    for (int i = 0; i < 4; i++) {
        errands[i] = (errand){&good, &cut, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, run_errand, &errands[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(errands[i].n_wrong, 0);
    }
}

static void no_memory_is_an_error(void **state)
{
    (void)state;
    LT_CLEANUP(file_done) file f = save(make_quarters(WIDE, HIGH, 1), ".png");
    lt_picture picture = {.path = in_folder("memory.png")};
    lt_image_prep prep = plain_prep(16, 16);
    float tensor[3 * 256];
    lt_status st = LT_ENOMEM;
    long n = 0;
    lt_error err;

    write_file(picture.path, f.bytes, f.n);
    for (; st != LT_OK && n < 100; n++) {
        lt_mem_fail_at(n, false);
        st = lt_image_load(&picture, &prep, tensor, NULL, &err);
        lt_mem_fail_at(-1, false);
        assert_true(st == LT_OK || st == LT_ENOMEM);
    }
    assert_true(n > 5 && n < 100);
}

static void damage(lt_rng *rng, const file *whole, file *out)
{
    out->n = whole->n;
    out->bytes = g_malloc(whole->n);
    memcpy(out->bytes, whole->bytes, whole->n);
    if (lt_rng_below(rng, 3) == 0)
        out->n = 1 + lt_rng_below(rng, whole->n);
    for (uint64_t flips = lt_rng_below(rng, 6); flips > 0; flips--)
        out->bytes[lt_rng_below(rng, out->n)] = (uint8_t)lt_rng_next(rng);
}

/* Random damage: any picture or any of the known errors, never a crash; an exact copy of the bytes,
 * so that reading behind them is seen. */
static void random_damage_never_crashes(void **state)
{
    (void)state;
    const char *given = getenv("LT_SEED");
    lt_rng rng = {given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL)};
    size_t n_good = 0, n_bad = 0;

    print_message("LT_SEED=%llu\n", (unsigned long long)rng.state);
    for (size_t i = 0; i < N_KINDS; i++) {
        VipsImage *image = make_quarters(WIDE, HIGH, 6);

        vips_image_set_string(image, "exif-ifd0-Model", "Camera");
        vips_image_set_string(image, "exif-ifd3-GPSLatitude", "33/1 51/1 3600/100");
        LT_CLEANUP(file_done) file f = save(image, formats[i].suffix);

        for (int round = 0; f.n > 0 && round < 25; round++) {
            LT_CLEANUP(file_done) file odd = {0};

            damage(&rng, &f, &odd);
            LT_AUTOFREE uint8_t *exact = lt_malloc(odd.n);
            lt_picture picture = {.bytes = exact, .n_bytes = odd.n};
            lt_image_prep prep = plain_prep(16, 16);
            float tensor[3 * 256];
            lt_image_info info = {0};
            lt_error err;

            memcpy(exact, odd.bytes, odd.n);
            lt_status st = lt_image_load(&picture, &prep, tensor, &info, &err);

            assert_true(st == LT_OK || st == LT_EINVAL || st == LT_ELIMIT || st == LT_EUNSUPPORTED);
            n_good += st == LT_OK;
            n_bad += st != LT_OK;
        }
    }
    assert_true(n_good > 10 && n_bad > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_shows_its_colours),
        cmocka_unit_test(a_path_reads_like_bytes),
        cmocka_unit_test(orientations_are_turned_upright),
        cmocka_unit_test(orientation_and_fit_commute),
        cmocka_unit_test(parts_of_turned_pictures),
        cmocka_unit_test(parts_must_lie_within),
        cmocka_unit_test(animations_and_pages_give_the_first),
        cmocka_unit_test(deep_grey_and_indexed_pictures),
        cmocka_unit_test(alpha_is_laid_on_white),
        cmocka_unit_test(inks_lab_and_floats),
        cmocka_unit_test(profiles_are_honoured),
        cmocka_unit_test(a_broken_profile_is_left_out),
        cmocka_unit_test(strangers_are_named),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(truncated_files_say_so),
        cmocka_unit_test(damage_without_truncation),
        cmocka_unit_test(bombs_are_refused_by_their_header),
        cmocka_unit_test(too_many_bytes_are_not_read),
        cmocka_unit_test(crops_pad_with_black_around_the_middle),
        cmocka_unit_test(settings_that_contradict_are_refused),
        cmocka_unit_test(tiny_and_thin_pictures),
        cmocka_unit_test(shrink_on_load_keeps_the_picture),
        cmocka_unit_test(thumbnails_fit_and_never_grow),
        cmocka_unit_test(resampling_is_the_same_with_and_without_avx2),
        cmocka_unit_test(a_filter_by_hand),
        cmocka_unit_test(exif_texts),
        cmocka_unit_test(exif_times),
        cmocka_unit_test(exif_places),
        cmocka_unit_test(exif_cameras),
        cmocka_unit_test(exif_of_whole_files),
        cmocka_unit_test(exif_of_hostile_files),
        cmocka_unit_test(names_of_pictures),
        cmocka_unit_test(threads_decode_side_by_side),
        cmocka_unit_test(no_memory_is_an_error),
        cmocka_unit_test(random_damage_never_crashes),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
