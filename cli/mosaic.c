/* SPDX-License-Identifier: Apache-2.0
 * One row of pictures is one canvas: the thumbnails are laid side by side in one image with
 * transparent gaps, and chafa draws that. So rows look alike in every protocol, and no cursor
 * movements between pictures are needed. */
#include "mosaic.h"

#include "term.h"

#ifdef LT_WITH_CHAFA

#include <base/error.h>
#include <base/mem.h>
#include <chafa.h>
#include <string.h>
#include <unistd.h>

enum {
    CELL_WIDTH = 22, /* columns of one picture */
    CELL_HEIGHT = 9, /* rows of one picture */
    GAP = 2,         /* columns between */
    PIXELS_X = 10,   /* pixels a column and a row, in the shape of most fonts */
    PIXELS_Y = 20,
};

bool cli_mosaic_possible(void)
{
    return cli_term_get()->out_style;
}

/* ---- the image of one row ---------------------------------------------------------------------- */

typedef struct sheet_row {
    uint8_t *rgba;
    size_t width, height; /* pixels */
} sheet_row;

/* Fills the place of a picture, its shape kept: small ones are enlarged to the nearest pixel, which
 * is enough for what chafa makes of it. */
static void paste(sheet_row *row, size_t column, const uint8_t *rgb, size_t width, size_t height)
{
    size_t left = column * (CELL_WIDTH + GAP) * PIXELS_X;
    size_t w = CELL_WIDTH * PIXELS_X, h = height * w / width;

    if (h > row->height) {
        h = row->height;
        w = width * h / height;
    }
    size_t top = (row->height - h) / 2;

    for (size_t y = 0; y < h; y++) {
        uint8_t *to = row->rgba + ((top + y) * row->width + left) * 4;

        for (size_t x = 0; x < w; x++) {
            memcpy(to + 4 * x, rgb + (y * height / h * width + x * width / w) * 3, 3);
            to[4 * x + 3] = 255;
        }
    }
}

static void add_picture(sheet_row *row, size_t column, const char *path)
{
    lt_picture picture = {.path = path};
    uint8_t *rgb;
    unsigned width, height;

    if (!path || lt_picture_thumbnail(&picture, CELL_WIDTH * PIXELS_X, CELL_HEIGHT * PIXELS_Y,
                                      &rgb, &width, &height, NULL) != LT_OK)
        return;
    paste(row, column, rgb, width, height);
    lt_bytes_free(rgb);
}

/* ---- chafa ------------------------------------------------------------------------------------- */

static ChafaPixelMode pixel_mode(const ChafaTermInfo *info)
{
    if (chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_BEGIN_KITTY_IMMEDIATE_IMAGE_V1))
        return CHAFA_PIXEL_MODE_KITTY;
    if (chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_BEGIN_SIXELS))
        return CHAFA_PIXEL_MODE_SIXELS;
    return CHAFA_PIXEL_MODE_SYMBOLS;
}

static ChafaCanvasMode colours(const ChafaTermInfo *info)
{
    if (chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_SET_COLOR_FGBG_DIRECT))
        return CHAFA_CANVAS_MODE_TRUECOLOR;
    if (chafa_term_info_have_seq(info, CHAFA_TERM_SEQ_SET_COLOR_FGBG_256))
        return CHAFA_CANVAS_MODE_INDEXED_240;
    return CHAFA_CANVAS_MODE_INDEXED_16;
}

static ChafaCanvasConfig *configure(const ChafaTermInfo *info, size_t columns)
{
    ChafaCanvasConfig *config = chafa_canvas_config_new();
    ChafaSymbolMap *symbols = chafa_symbol_map_new();

    chafa_symbol_map_add_by_tags(symbols, CHAFA_SYMBOL_TAG_BLOCK | CHAFA_SYMBOL_TAG_SPACE);
    chafa_canvas_config_set_symbol_map(config, symbols);
    chafa_symbol_map_unref(symbols);
    chafa_canvas_config_set_geometry(config, (gint)columns, CELL_HEIGHT);
    chafa_canvas_config_set_cell_geometry(config, PIXELS_X, PIXELS_Y);
    chafa_canvas_config_set_pixel_mode(config, pixel_mode(info));
    chafa_canvas_config_set_canvas_mode(config, colours(info));
    return config;
}

static void draw_row(const sheet_row *row, ChafaTermInfo *info)
{
    ChafaCanvasConfig *config = configure(info, row->width / PIXELS_X);
    ChafaCanvas *canvas = chafa_canvas_new(config);

    chafa_canvas_draw_all_pixels(canvas, CHAFA_PIXEL_RGBA8_UNASSOCIATED, row->rgba,
                                 (gint)row->width, (gint)row->height, (gint)row->width * 4);
    GString *text = chafa_canvas_print(canvas, info);

    cli_out(text->str, text->len);
    cli_outs("\n");
    g_string_free(text, TRUE);
    chafa_canvas_unref(canvas);
    chafa_canvas_config_unref(config);
}

/* ---- rows -------------------------------------------------------------------------------------- */

/* " 1  IMG_1234.jpg", cut and padded to the picture's width. */
static lt_status print_caption(const cli_found *f, size_t rank, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf title = {0}, caption = {0};
    const char *name = cli_found_title(f);
    char front[32];

    snprintf(front, sizeof front, "%2zu  ", rank);
    LT_TRY(cli_escape(name, strlen(name), &title, err));
    LT_TRY(lt_buf_adds(&caption, front, err));
    LT_TRY(cli_shorten(title.data ? title.data : "", CELL_WIDTH - strlen(front), &caption, err));
    cli_outs(caption.data);
    cli_outf("%*s", (int)(CELL_WIDTH + GAP - cli_columns(caption.data)), "");
    return LT_OK;
}

static lt_status print_row(const cli_found *found, size_t n, size_t rank, ChafaTermInfo *info,
                           lt_error *err)
{
    sheet_row row = {.width = n * (CELL_WIDTH + GAP) * PIXELS_X, .height = CELL_HEIGHT * PIXELS_Y};
    LT_AUTOFREE uint8_t *rgba = lt_calloc(row.width * row.height, 4);

    if (!rgba)
        return lt_fail_nomem(err);
    row.rgba = rgba;
    for (size_t i = 0; i < n; i++)
        add_picture(&row, i, found[i].path);
    draw_row(&row, info);
    for (size_t i = 0; i < n; i++)
        LT_TRY(print_caption(&found[i], rank + i, err));
    cli_outs("\n\n");
    return LT_OK;
}

lt_status cli_mosaic_print(const cli_found *found, size_t n, lt_error *err)
{
    size_t width = cli_term_get()->width, columns = (width + GAP) / (CELL_WIDTH + GAP);
    ChafaTermInfo *info = chafa_term_db_detect(chafa_term_db_get_default(), environ);
    lt_status st = LT_OK;

    /* The last gap must fit as well: it is part of the canvas. */
    columns = columns * (CELL_WIDTH + GAP) > width && columns ? columns - 1 : columns;
    for (size_t i = 0; columns && i < n && st == LT_OK; i += columns)
        st = print_row(found + i, n - i < columns ? n - i : columns, i + 1, info, err);
    chafa_term_info_unref(info);
    return st;
}

#else

bool cli_mosaic_possible(void)
{
    return false;
}

lt_status cli_mosaic_print(const cli_found *found, size_t n, lt_error *err)
{
    (void)found;
    (void)n;
    (void)err;
    return LT_OK;
}

#endif
