/* SPDX-License-Identifier: Apache-2.0
 * No script, no outside address: thumbnails are data URIs, the style is in the head. A section is
 * added before the line END, which no escaped text can contain. */
#include "sheet.h"

#include <base/error.h>
#include <base/file.h>
#include <base/mem.h>
#include <base/utf8.h>
#include <math.h>
#include <string.h>

#include "term.h"

enum { THUMB = 320, SHEET_BYTES_MAX = 1 << 30 };

#define BEGIN "<!-- latent contact sheet -->"
#define END   "<!-- end of the sections -->"

static const char head[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n"
    "<head>\n" BEGIN "\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<title>latent: contact sheet</title>\n"
    "<style>\n"
    ":root { --ground: #fafaf8; --card: #fff; --ink: #1c1b1a; --soft: #6b6864; --line: #e4e1dc;"
    " --accent: #0b6b57; }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "  :root { --ground: #161718; --card: #1f2122; --ink: #ecebe8; --soft: #9d9a95;"
    " --line: #303335; --accent: #6fd3b8; }\n"
    "}\n"
    "* { box-sizing: border-box; }\n"
    "body { margin: 0; background: var(--ground); color: var(--ink);"
    " font: 16px/1.5 system-ui, sans-serif; }\n"
    "main { max-width: 82rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }\n"
    "h1 { font-size: 1rem; font-weight: 600; color: var(--soft); margin: 0; }\n"
    "section { margin-top: 2.5rem; }\n"
    "header { display: flex; gap: 1rem; align-items: center;"
    " border-bottom: 1px solid var(--line); padding-bottom: .6rem; margin-bottom: 1rem; }\n"
    "header img { height: 5rem; border-radius: .4rem; }\n"
    "h2 { font-size: 1.5rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }\n"
    "header p { margin: 0; color: var(--soft); font-size: .85rem; }\n"
    ".hits { display: grid; gap: 1rem; list-style: none; margin: 0; padding: 0;"
    " grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); }\n"
    "figure { margin: 0; height: 100%; display: flex; flex-direction: column; overflow: hidden;"
    " background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }\n"
    "figure a { display: flex; align-items: center; justify-content: center; position: relative;"
    " aspect-ratio: 4 / 3; background: var(--ground); color: var(--soft); }\n"
    "figure a:focus-visible { outline: 3px solid var(--accent); outline-offset: -3px; }\n"
    "figure img { position: absolute; inset: 0; width: 100%; height: 100%;"
    " object-fit: contain; }\n"
    "figcaption { padding: .5rem .7rem .6rem; font-size: .85rem; overflow-wrap: anywhere; }\n"
    "figcaption b { color: var(--accent); font-variant-numeric: tabular-nums;"
    " margin-right: .4rem; }\n"
    "figcaption small { display: block; color: var(--soft); }\n"
    /* Two questions beside each other where there is room; one alone has the whole width. */
    "@media (min-width: 90rem) {\n"
    "  main { max-width: 118rem; display: grid; grid-template-columns: 1fr 1fr;"
    " column-gap: 3rem; align-items: start; }\n"
    "  h1, section:only-of-type { grid-column: 1 / -1; }\n"
    "}\n"
    "</style>\n"
    "</head>\n"
    "<body>\n"
    "<main>\n"
    "<h1>latent: pictures by meaning</h1>\n";

static const char tail[] = END "\n</main>\n</body>\n</html>\n";

/* ---- pieces ------------------------------------------------------------------------------------ */

/* Text as HTML: markup escaped, broken UTF-8 and control characters shown as elsewhere. */
static lt_status add_text(lt_buf *out, const char *text, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf clean = {0};

    LT_TRY(cli_escape(text, strlen(text), &clean, err));
    for (size_t i = 0; i < clean.len; i++) {
        const char *entity = NULL;

        switch (clean.data[i]) {
        case '&':
            entity = "&amp;";
            break;
        case '<':
            entity = "&lt;";
            break;
        case '>':
            entity = "&gt;";
            break;
        case '"':
            entity = "&quot;";
            break;
        case '\'':
            entity = "&#39;";
            break;
        }
        LT_TRY(entity ? lt_buf_adds(out, entity, err) : lt_buf_addc(out, clean.data[i], err));
    }
    return LT_OK;
}

static lt_status add_base64(lt_buf *out, const uint8_t *bytes, size_t n, lt_error *err)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t v = (uint32_t)bytes[i] << 16;

        v |= have > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        v |= have > 2 ? bytes[i + 2] : 0;
        char four[4] = {digits[v >> 18], digits[v >> 12 & 63],
                        have > 1 ? digits[v >> 6 & 63] : '=', have > 2 ? digits[v & 63] : '='};

        LT_TRY(lt_buf_add(out, four, 4, err));
    }
    return LT_OK;
}

/* <img>, or a word where the picture cannot be read any more. */
static lt_status add_image(lt_buf *out, const char *path, const char *alt, lt_error *err)
{
    lt_picture picture = {.path = path};
    uint8_t *jpeg = NULL;
    size_t n = 0;

    if (!path || lt_picture_thumbnail_jpeg(&picture, THUMB, THUMB, &jpeg, &n, NULL) != LT_OK)
        return lt_buf_adds(out, "<span>not there any more</span>", err);
    LT_TRY(lt_buf_adds(out, "<img alt=\"", err));
    lt_status st = add_text(out, alt, err);

    if (st == LT_OK)
        st = lt_buf_adds(out, "\" src=\"data:image/jpeg;base64,", err);
    if (st == LT_OK)
        st = add_base64(out, jpeg, n, err);
    lt_bytes_free(jpeg);
    LT_TRY(st);
    return lt_buf_adds(out, "\">", err);
}

static lt_status add_link(lt_buf *out, const char *path, lt_error *err)
{
    LT_TRY(lt_buf_adds(out, "<a href=\"", err));
    if (path)
        LT_TRY(cli_file_url(path, "", out, err));
    return lt_buf_adds(out, "\">", err);
}

static lt_status add_hit(lt_buf *out, const cli_found *f, lt_error *err)
{
    char day[16];

    cli_found_day(f, day);
    LT_TRY(lt_buf_adds(out, "<li><figure>", err));
    LT_TRY(add_link(out, f->path, err));
    LT_TRY(add_image(out, f->path, cli_found_title(f), err));
    LT_TRY(lt_buf_addf(out, err, "</a><figcaption title=\""));
    LT_TRY(add_text(out, f->name, err));
    LT_TRY(lt_buf_addf(out, err, "\"><b>%.3f</b>", (double)f->hit->score));
    LT_TRY(add_text(out, cli_found_title(f), err));
    LT_TRY(lt_buf_adds(out, "<small>", err));
    if (!isnan(f->relevance))
        LT_TRY(lt_buf_addf(out, err, "%.0f %%%s", 100 * (double)f->relevance, *day ? " · " : ""));
    LT_TRY(add_text(out, day, err));
    return lt_buf_adds(out, "</small></figcaption></figure></li>\n", err);
}

static lt_status add_section(lt_buf *out, const cli_section *s, lt_error *err)
{
    LT_TRY(lt_buf_adds(out, "<section>\n<header>", err));
    if (s->picture)
        LT_TRY(add_image(out, s->picture, "the query picture", err));
    LT_TRY(lt_buf_adds(out, "<div><h2>", err));
    LT_TRY(add_text(out, s->heading, err));
    LT_TRY(lt_buf_adds(out, "</h2><p>", err));
    LT_TRY(add_text(out, s->about, err));
    LT_TRY(lt_buf_adds(out, "</p></div></header>\n<ol class=\"hits\">\n", err));
    for (size_t i = 0; i < s->n_found; i++)
        LT_TRY(add_hit(out, &s->found[i], err));
    return lt_buf_adds(out, "</ol>\n</section>\n", err);
}

/* ---- the file ---------------------------------------------------------------------------------- */

/* What stands before the new section: the head, or the sheet so far. */
static lt_status begin(const char *file, bool append, lt_buf *out, lt_error *err)
{
    if (!append || !lt_path_exists(file))
        return lt_buf_adds(out, head, err);
    LT_TRY(lt_file_read(file, SHEET_BYTES_MAX, out, err));
    char *end = out->data ? strstr(out->data, END) : NULL;

    if (!end || !strstr(out->data, BEGIN))
        return lt_fail(err, LT_EINVAL, "%s: not a contact sheet of latent, so nothing is added",
                       file);
    out->len = (size_t)(end - out->data);
    return LT_OK;
}

lt_status cli_sheet_write(const char *file, bool append, const cli_section *section, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf page = {0};

    LT_TRY(begin(file, append, &page, err));
    LT_TRY(add_section(&page, section, err));
    LT_TRY(lt_buf_adds(&page, tail, err));
    return lt_file_write_atomic(file, page.data, page.len, err);
}
