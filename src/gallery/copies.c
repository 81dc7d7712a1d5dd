/* SPDX-License-Identifier: Apache-2.0
 * Vectors of meaning find what a picture was made of among the first few, but not always first: a
 * crop shows less than the whole. So the first few are looked at themselves.
 *
 * Both pictures are squashed to 32 x 32 grey values. If one is a part of the other, it agrees with
 * some window of it: for window sizes of half the side up to all of it, in each direction by
 * itself, and every place, the picture is scaled to the window and the two are correlated, less
 * their means and over their spreads, so that brightness and contrast make no difference. The
 * highest correlation is the likeness. Nothing is stored for it, and indexing pays nothing.
 *
 * Cost: 3 million multiplications a hit, a few milliseconds; reading the files takes longer. */
#include "copies.h"

#include <base/error.h>
#include <base/mem.h>
#include <base/thread.h>
#include <embed/parallel.h>
#include <image/image.h>
#include <math.h>

#include "entry.h"

enum {
    SIDE = LT_COPIES_SIDE,
    PIXELS = SIDE * SIDE,
    SMALLEST = SIDE / 2, /* windows: half the side and more */
    STEP = 2
};

/* On 1,000 crops and halves, one in a hundred of what they were made of is below, and of a thousand
 * other hits one is above. */
static const double LIKE = 0.9;
/* What is there instead of the first hit must be clearly more alike: where all is sky, all is
 * alike. */
static const double CLEARLY = 0.05;

/* ---- likeness ---------------------------------------------------------------------------------- */

/* How much of each of `n` cells, as long as SIDE together, lies in out cell `i` of `to`: the cells
 * from *first on, *count of them, weigh share[]. */
static void share_cells(int i, int to, int *first, int *count, float share[SIDE])
{
    double from = (double)i * SIDE / to, until = (double)(i + 1) * SIDE / to;

    *first = (int)from;
    *count = 0;
    for (int c = *first; c < SIDE && c < until - 1e-9; c++)
        share[(*count)++] = (float)(fmin(until, c + 1) - fmax(from, c));
}

/* Scales a picture to width x height by averaging over areas. */
static void shrink(const float *in, int width, int height, float *out)
{
    float rows[PIXELS], share[SIDE];
    int first, count;

    for (int x = 0; x < width; x++) {
        share_cells(x, width, &first, &count, share);
        for (int y = 0; y < SIDE; y++) {
            float sum = 0;

            for (int k = 0; k < count; k++)
                sum += share[k] * in[y * SIDE + first + k];
            rows[y * width + x] = sum;
        }
    }
    for (int y = 0; y < height; y++) {
        share_cells(y, height, &first, &count, share);
        for (int x = 0; x < width; x++) {
            float sum = 0;

            for (int k = 0; k < count; k++)
                sum += share[k] * rows[(first + k) * width + x];
            out[y * width + x] = sum;
        }
    }
}

/* Takes the mean away and scales to unit length. false where hardly anything is left. */
static bool standardise(float *v, int n)
{
    double mean = 0, norm = 0;

    for (int i = 0; i < n; i++)
        mean += (double)v[i];
    mean /= n;
    for (int i = 0; i < n; i++) {
        v[i] -= (float)mean;
        norm += (double)v[i] * (double)v[i];
    }
    if (norm < n) /* a spread below one grey value */
        return false;
    for (int i = 0; i < n; i++)
        v[i] = (float)((double)v[i] / sqrt(norm));
    return true;
}

/* Sums over windows in constant time: at[y][x] is the sum of what lies above and left. */
typedef struct sums {
    double at[SIDE + 1][SIDE + 1];
} sums;

static void sum_up(const float *in, bool squares, sums *out)
{
    *out = (sums){0};
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            double v = (double)in[y * SIDE + x];

            out->at[y + 1][x + 1] =
                (squares ? v * v : v) + out->at[y][x + 1] + out->at[y + 1][x] - out->at[y][x];
        }
}

static double window(const sums *s, int x, int y, int width, int height)
{
    return s->at[y + height][x + width] - s->at[y][x + width] - s->at[y + height][x] + s->at[y][x];
}

typedef struct whole {
    const float *pixels;
    sums values, squares;
} whole;

/* The correlation of a standardised picture with one window. */
static double correlate(const whole *w, const float *picture, int x, int y, int width, int height)
{
    double sum = window(&w->values, x, y, width, height), n = (double)width * height;
    double spread = window(&w->squares, x, y, width, height) - sum * sum / n;
    float dot = 0;

    for (int r = 0; r < height; r++) {
        const float *row = w->pixels + (y + r) * SIDE + x, *own = picture + r * width;

        for (int c = 0; c < width; c++)
            dot += row[c] * own[c];
    }
    return spread > n ? (double)dot / sqrt(spread) : 0;
}

/* The best place of a window of one size. */
static double slide(const whole *w, const float *picture, int width, int height)
{
    float small[PIXELS];
    double best = 0;

    shrink(picture, width, height, small);
    if (!standardise(small, width * height))
        return 0;
    for (int y = 0; y + height <= SIDE; y++)
        for (int x = 0; x + width <= SIDE; x++)
            best = fmax(best, correlate(w, small, x, y, width, height));
    return best;
}

double lt_copies_likeness(const float *picture, const float *in)
{
    whole w = {.pixels = in};
    double best = 0;

    sum_up(in, false, &w.values);
    sum_up(in, true, &w.squares);
    for (int height = SMALLEST; height <= SIDE; height += STEP)
        for (int width = SMALLEST; width <= SIDE; width += STEP)
            best = fmax(best, slide(&w, picture, width, height));
    return best;
}

/* ---- the hits ---------------------------------------------------------------------------------- */

static lt_status load_grey(const lt_picture *picture, float grey[PIXELS], lt_error *err)
{
    static const lt_image_prep prep = {.resize = LT_RESIZE_EXACT,
                                       .resize_width = SIDE,
                                       .resize_height = SIDE,
                                       .resample = LT_RESAMPLE_BILINEAR,
                                       .out_width = SIDE,
                                       .out_height = SIDE,
                                       .rescale = 1,
                                       .std = {1, 1, 1}};
    float rgb[3 * PIXELS];

    LT_TRY(lt_image_load(picture, &prep, rgb, NULL, err));
    for (int i = 0; i < PIXELS; i++)
        grey[i] = (rgb[i] + rgb[PIXELS + i] + rgb[2 * PIXELS + i]) / 3;
    return LT_OK;
}

typedef struct comparison {
    float picture[PIXELS];
    const lt_hit *hits;
    double likeness[LT_COPIES_TRIED];
} comparison;

static lt_status compare_nth(void *context, unsigned worker, size_t i, lt_error *err)
{
    comparison *c = context;
    LT_AUTOFREE char *path = lt_entry_path(c->hits[i].payload, c->hits[i].payload_len);
    float grey[PIXELS];

    (void)worker;
    (void)err;
    if (path && load_grey(&(lt_picture){.path = path}, grey, NULL) == LT_OK)
        c->likeness[i] = lt_copies_likeness(c->picture, grey);
    return LT_OK;
}

lt_status lt_copies_find(const lt_picture *picture, const lt_hit *hits, size_t n_hits,
                         size_t *found, lt_error *err)
{
    size_t n = n_hits < LT_COPIES_TRIED ? n_hits : LT_COPIES_TRIED, best = 0;
    comparison c = {.hits = hits};

    LT_TRY(load_grey(picture, c.picture, err));
    LT_TRY(lt_parallel(n, lt_cores(), compare_nth, &c, NULL, err));
    for (size_t i = 1; i < n; i++)
        if (c.likeness[i] > c.likeness[best])
            best = i;
    if (n && c.likeness[best] < c.likeness[0] + CLEARLY)
        best = 0;
    *found = n && c.likeness[best] >= LIKE ? best : n_hits;
    return LT_OK;
}
