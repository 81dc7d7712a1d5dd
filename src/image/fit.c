/* SPDX-License-Identifier: Apache-2.0 */
#include "fit.h"

#include <base/mem.h>
#include <math.h>
#include <string.h>

#include "resample.h"

enum { OUT_SIDE_MAX = 16384 };

/* ---- plans ------------------------------------------------------------------------------- */

/* Shorter side to `side`, the other in proportion, rounded down as torchvision and transformers do.
 */
static void size_by_shortest(lt_fit *f, uint32_t width, uint32_t height, unsigned side)
{
    uint64_t wide = (uint64_t)side * width / height, high = (uint64_t)side * height / width;

    f->width = width <= height ? side : (uint32_t)wide;
    f->height = width <= height ? (uint32_t)high : side;
}

/* Floor of half the difference, whatever its sign: where transformers' center_crop begins. */
static int64_t center(uint32_t size, unsigned window)
{
    int64_t spare = (int64_t)size - (int64_t)window;

    return spare >= 0 ? spare / 2 : -((1 - spare) / 2);
}

static lt_status check_prep(const lt_image_prep *p, lt_error *err)
{
    bool sized =
        p->resize == LT_RESIZE_NONE || (p->resize_width > 0 && p->resize_width <= OUT_SIDE_MAX);

    if (p->resize == LT_RESIZE_EXACT)
        sized = sized && p->resize_height > 0 && p->resize_height <= OUT_SIDE_MAX;
    if (!sized)
        return lt_fail(err, LT_EINVAL, "preprocessing: cannot resize to %u x %u", p->resize_width,
                       p->resize_height);
    if (p->out_width == 0 || p->out_height == 0 || p->out_width > OUT_SIDE_MAX ||
        p->out_height > OUT_SIDE_MAX)
        return lt_fail(err, LT_EINVAL, "preprocessing: an input of %u x %u is not possible",
                       p->out_width, p->out_height);
    if (!(p->std[0] > 0 && p->std[1] > 0 && p->std[2] > 0))
        return lt_fail(err, LT_EINVAL, "preprocessing: a standard deviation is not positive");
    return LT_OK;
}

lt_status lt_fit_for_prep(lt_fit *f, const lt_image_prep *p, const lt_crop *crop, const char *name,
                          lt_error *err)
{
    LT_TRY(check_prep(p, err));
    *f = (lt_fit){.crop = *crop,
                  .width = crop->width,
                  .height = crop->height,
                  .out_width = p->out_width,
                  .out_height = p->out_height,
                  .resample = p->resample,
                  .full_decode = p->full_decode};
    if (p->resize == LT_RESIZE_EXACT) {
        f->width = p->resize_width;
        f->height = p->resize_height;
    } else if (p->resize == LT_RESIZE_SHORTEST) {
        size_by_shortest(f, crop->width, crop->height, p->resize_width);
    }
    if (!p->center_crop && (f->width != f->out_width || f->height != f->out_height))
        return lt_fail(
            err, LT_EINVAL,
            "%s: preprocessing gives %u x %u, the model takes %u x %u and no crop is set", name,
            f->width, f->height, f->out_width, f->out_height);
    f->left = center(f->width, f->out_width);
    f->top = center(f->height, f->out_height);
    return LT_OK;
}

void lt_fit_for_thumbnail(lt_fit *f, const lt_crop *crop, unsigned max_width, unsigned max_height)
{
    double scale =
        fmin(1.0, fmin((double)max_width / crop->width, (double)max_height / crop->height));
    uint32_t w = (uint32_t)lround(crop->width * scale), h = (uint32_t)lround(crop->height * scale);

    *f = (lt_fit){.crop = *crop,
                  .width = w ? w : 1,
                  .height = h ? h : 1,
                  .resample = LT_RESAMPLE_LANCZOS};
    f->out_width = f->width;
    f->out_height = f->height;
}

/* ---- running ----------------------------------------------------------------------------- */

/* How the picture lies in its file against how it is seen. */
typedef struct turn {
    bool swapped;        /* rows of the file are columns of the upright picture */
    bool flip_x, flip_y; /* the upright axis runs against the file's */
} turn;

static turn turn_of(int orientation)
{
    return (turn){
        .swapped = orientation >= 5,
        .flip_x = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7,
        .flip_y = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8};
}

/* The largest shrink-on-load that leaves twice the wanted size on both axes: the filter then still
 * has enough to work on that the difference is not seen by a model. */
static int choose_shrink(const lt_fit *f, const lt_source *s, uint32_t width, uint32_t height)
{
    int shrink = 1;

    if (s->format != LT_FORMAT_JPEG || f->full_decode)
        return 1;
    while (shrink < 8 && width / (2u * (unsigned)shrink) >= 2 * f->width &&
           height / (2u * (unsigned)shrink) >= 2 * f->height)
        shrink *= 2;
    return shrink;
}

/* The part of [0, size) that the window sees. A window is centred on the picture or is all of it,
 * so there always is one. */
static void find_visible(uint32_t size, int64_t begin, unsigned window, uint32_t *from, uint32_t *n)
{
    int64_t low = begin > 0 ? begin : 0, high = begin + (int64_t)window;

    if (high > (int64_t)size)
        high = size;
    LT_ASSERT(low < high);
    *from = (uint32_t)low;
    *n = (uint32_t)(high - low);
}

typedef struct run {
    const lt_fit *fit;
    turn turn;
    lt_crop part; /* the crop as it lies in the file */
    uint32_t rows_to_skip;
    lt_axis x, y; /* of the upright picture, samples in the file's order */
    uint32_t from_x, from_y;
    lt_resizer resizer;
} run;

static void run_done(run *r)
{
    lt_resizer_done(&r->resizer);
    lt_axis_done(&r->x);
    lt_axis_done(&r->y);
}

static bool take_row(void *context, const uint8_t *rgb)
{
    run *r = context;

    if (r->rows_to_skip) {
        r->rows_to_skip--;
        return true;
    }
    lt_resizer_add(&r->resizer, rgb + (size_t)r->part.x * 3);
    return !lt_resizer_full(&r->resizer);
}

/* Where the crop lies in a file of width x height pixels. */
static lt_crop part_in_file(const lt_crop *crop, turn t, uint32_t width, uint32_t height)
{
    lt_crop p = {.x = t.swapped ? crop->y : crop->x,
                 .y = t.swapped ? crop->x : crop->y,
                 .width = t.swapped ? crop->height : crop->width,
                 .height = t.swapped ? crop->width : crop->height};

    if (t.swapped ? t.flip_y : t.flip_x)
        p.x = width - p.x - p.width;
    if (t.swapped ? t.flip_x : t.flip_y)
        p.y = height - p.y - p.height;
    return p;
}

/* Sets up both axes for an image that was loaded shrunk, or for a part of one that was not. */
static lt_status plan_axes(run *r, VipsImage *image, int shrink, lt_error *err)
{
    const lt_fit *f = r->fit;
    uint32_t samples_x = shrink > 1 ? (uint32_t)vips_image_get_width(image) : r->part.width;
    uint32_t samples_y = shrink > 1 ? (uint32_t)vips_image_get_height(image) : r->part.height;
    double len_x = fmin((double)r->part.width / shrink, samples_x);
    double len_y = fmin((double)r->part.height / shrink, samples_y);
    lt_axis_spec x = {.filter = f->resample,
                      .in_len = len_x,
                      .in_samples = samples_x,
                      .out_len = f->width,
                      .flip = r->turn.flip_x};
    lt_axis_spec y = {.filter = f->resample,
                      .in_len = len_y,
                      .in_samples = samples_y,
                      .out_len = f->height,
                      .flip = r->turn.flip_y};

    if (r->turn.swapped) {
        x.in_len = len_y;
        x.in_samples = samples_y;
        y.in_len = len_x;
        y.in_samples = samples_x;
    }
    find_visible(f->width, f->left, f->out_width, &x.from, &x.n);
    find_visible(f->height, f->top, f->out_height, &y.from, &y.n);
    r->from_x = x.from;
    r->from_y = y.from;
    LT_TRY(lt_axis_init(&r->x, &x, err));
    return lt_axis_init(&r->y, &y, err);
}

/* Lays the finished samples upright into the window, black around them. */
static void lay_out(const run *r, uint8_t *rgb)
{
    const lt_fit *f = r->fit;
    size_t pad_x = (size_t)((int64_t)r->from_x - f->left);
    size_t pad_y = (size_t)((int64_t)r->from_y - f->top);

    memset(rgb, 0, (size_t)f->out_width * f->out_height * 3);
    for (unsigned y = 0; y < r->y.n; y++) {
        unsigned in_y = r->turn.flip_y ? r->y.n - 1 - y : y;
        uint8_t *out = rgb + ((y + pad_y) * f->out_width + pad_x) * 3;

        for (unsigned x = 0; x < r->x.n; x++, out += 3) {
            unsigned in_x = r->turn.flip_x ? r->x.n - 1 - x : x;

            lt_resizer_get(&r->resizer, r->turn.swapped ? in_y : in_x,
                           r->turn.swapped ? in_x : in_y, out);
        }
    }
}

static lt_status resize(run *r, const lt_source *s, VipsImage *image, lt_error *err)
{
    const lt_axis *across = r->turn.swapped ? &r->y : &r->x;
    const lt_axis *down = r->turn.swapped ? &r->x : &r->y;

    LT_TRY(lt_resizer_init(&r->resizer, across, down, err));
    return lt_source_rows(s, image, take_row, r, err);
}

lt_status lt_fit_run(const lt_fit *f, const lt_source *s, VipsImage *header, uint8_t *rgb,
                     lt_error *err)
{
    LT_CLEANUP(run_done) run r = {.fit = f, .turn = turn_of(lt_image_orientation(header))};
    LT_CLEANUP(lt_vips_unref) VipsImage *image = NULL;
    uint32_t width = (uint32_t)vips_image_get_width(header);
    uint32_t height = (uint32_t)vips_image_get_height(header);

    r.part = part_in_file(&f->crop, r.turn, width, height);
    r.rows_to_skip = r.part.y;
    /* A part is cut out of the full picture: its edges may lie within a shrunk one's pixels. */
    bool whole = r.part.width == width && r.part.height == height;
    int shrink = whole ? choose_shrink(f, s, f->crop.width, f->crop.height) : 1;

    if (shrink > 1) {
        LT_TRY(lt_source_header(s, shrink, &image, err));
    } else {
        image = header;
        g_object_ref(image);
    }
    LT_TRY(plan_axes(&r, image, shrink, err));
    LT_TRY(resize(&r, s, image, err));
    lay_out(&r, rgb);
    if (lt_colour_pending(image))
        LT_TRY(lt_colour_convert(image, rgb, f->out_width, f->out_height, err));
    return LT_OK;
}
