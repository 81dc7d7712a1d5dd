/* SPDX-License-Identifier: Apache-2.0 */
#include "captions.h"

#include <base/error.h>
#include <base/file.h>
#include <base/hash.h>
#include <base/mem.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <value/value.h>

#include "lines.h"

enum { LINE_MAX_BYTES = 16 << 20 };

typedef struct reader {
    cli_captions *out;
    const char *file, *folder;
    size_t line;
} reader;

static lt_status grow(void *list, size_t *cap, size_t n, size_t size, lt_error *err)
{
    void **items = list;
    void *more = lt_grow(*items, n, cap, size);

    if (!more)
        return lt_fail_nomem(err);
    *items = more;
    return LT_OK;
}

static lt_status bad_line(const reader *r, lt_error *err, const char *what)
{
    return lt_fail(err, LT_EINVAL, "%s:%zu: %s", r->file, r->line, what);
}

/* ---- photos and languages ------------------------------------------------------------------------ */

/* The slot where `path` is or belongs. */
static size_t slot_of(const cli_captions *c, const char *path)
{
    size_t i = lt_hash64(path, strlen(path)) & (c->n_slots - 1);

    while (c->slots[i] && strcmp(c->photos[c->slots[i] - 1], path) != 0)
        i = (i + 1) & (c->n_slots - 1);
    return i;
}

/* Keeps the table at most half full. */
static lt_status widen(cli_captions *c, lt_error *err)
{
    if (2 * (c->n_photos + 1) <= c->n_slots)
        return LT_OK;
    size_t n = c->n_slots ? c->n_slots * 2 : 1024;
    uint32_t *slots = lt_calloc(n, sizeof *slots);

    if (!slots)
        return lt_fail_nomem(err);
    lt_free(c->slots);
    c->slots = slots;
    c->n_slots = n;
    for (size_t i = 0; i < c->n_photos; i++)
        c->slots[slot_of(c, c->photos[i])] = (uint32_t)i + 1;
    return LT_OK;
}

static lt_status add_photo(reader *r, const char *name, uint32_t *out, lt_error *err)
{
    cli_captions *c = r->out;
    LT_AUTOFREE char *path = lt_path_join(r->folder, name);
    size_t cap_lines = c->cap_photos;

    if (!path)
        return lt_fail_nomem(err);
    LT_TRY(widen(c, err));
    size_t slot = slot_of(c, path);

    if (c->slots[slot]) {
        *out = c->slots[slot] - 1;
        return LT_OK;
    }
    LT_TRY(grow(&c->lines, &cap_lines, c->n_photos, sizeof *c->lines, err));
    LT_TRY(grow(&c->photos, &c->cap_photos, c->n_photos, sizeof *c->photos, err));
    c->photos[c->n_photos] = lt_steal(&path);
    c->lines[c->n_photos] = r->line;
    *out = (uint32_t)c->n_photos++;
    c->slots[slot] = *out + 1;
    return LT_OK;
}

static lt_status add_lang(cli_captions *c, const char *lang, uint32_t *out, lt_error *err)
{
    for (size_t i = 0; i < c->n_langs; i++) {
        if (strcmp(c->langs[i], lang) == 0) {
            *out = (uint32_t)i;
            return LT_OK;
        }
    }
    LT_TRY(grow(&c->langs, &c->cap_langs, c->n_langs, sizeof *c->langs, err));
    char *copy = lt_strdup(lang);

    if (!copy)
        return lt_fail_nomem(err);
    *out = (uint32_t)c->n_langs;
    c->langs[c->n_langs++] = copy;
    return LT_OK;
}

/* ---- lines --------------------------------------------------------------------------------------- */

static lt_status add_caption(reader *r, uint32_t photo, yyjson_val *lang, yyjson_val *caption,
                             lt_error *err)
{
    cli_captions *c = r->out;
    const char *text = yyjson_get_str(caption), *code = yyjson_get_str(lang);
    uint32_t n_lang = 0;

    if (!code || !code[0])
        return bad_line(r, err, "'lang' must be a language code, as \"en\"");
    if (!text || strspn(text, " \t\r\n") == strlen(text))
        return bad_line(r, err, "a caption must be a text that is not empty");
    LT_TRY(add_lang(c, code, &n_lang, err));
    LT_TRY(grow(&c->items, &c->cap_items, c->n_items, sizeof *c->items, err));
    char *copy = lt_strdup(text);

    if (!copy)
        return lt_fail_nomem(err);
    c->items[c->n_items++] = (cli_caption){copy, photo, n_lang};
    return LT_OK;
}

/* One text or an array of texts. */
static lt_status add_texts(reader *r, uint32_t photo, yyjson_val *lang, yyjson_val *texts,
                           lt_error *err)
{
    size_t i, n;
    yyjson_val *text;

    if (!yyjson_is_arr(texts))
        return add_caption(r, photo, lang, texts, err);
    yyjson_arr_foreach(texts, i, n, text)
    {
        LT_TRY(add_caption(r, photo, lang, text, err));
    }
    return LT_OK;
}

static lt_status add_captions(reader *r, uint32_t photo, yyjson_val *captions, lt_error *err)
{
    size_t i, n;
    yyjson_val *key, *value;

    if (yyjson_is_obj(captions)) {
        yyjson_obj_foreach(captions, i, n, key, value)
        {
            LT_TRY(add_texts(r, photo, key, value, err));
        }
        return LT_OK;
    }
    if (!yyjson_is_arr(captions))
        return bad_line(r, err, "'captions' must be an object or an array");
    yyjson_arr_foreach(captions, i, n, value)
    {
        LT_TRY(add_texts(r, photo, yyjson_obj_get(value, "lang"), yyjson_obj_get(value, "caption"),
                         err));
    }
    return LT_OK;
}

static lt_status read_line(reader *r, const char *line, size_t n, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    char what[512];
    uint32_t photo = 0;

    snprintf(what, sizeof what, "%.400s:%zu", r->file, r->line);
    LT_TRY(lt_json_parse_object(line, n, what, &doc, err));
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *name = yyjson_get_str(yyjson_obj_get(root, "photo"));
    yyjson_val *captions = yyjson_obj_get(root, "captions");
    yyjson_val *caption = yyjson_obj_get(root, "caption");

    if (!name || !name[0])
        return bad_line(r, err, "'photo' is missing; a line is {\"photo\": \"a.jpg\", \"lang\": "
                                "\"en\", \"caption\": \"...\"}");
    /* A photo alone is one more to be mistaken for the right one. */
    if (!captions && !caption && yyjson_obj_size(root) > 1)
        return bad_line(r, err, "neither 'caption' nor 'captions' is there");
    LT_TRY(add_photo(r, name, &photo, err));
    if (captions)
        LT_TRY(add_captions(r, photo, captions, err));
    return caption ? add_texts(r, photo, yyjson_obj_get(root, "lang"), caption, err) : LT_OK;
}

static lt_status read_lines(reader *r, int fd, lt_error *err)
{
    LT_CLEANUP(cli_lines_done) cli_lines lines = {
        .fd = fd, .name = r->file, .line_max = LINE_MAX_BYTES};
    char *line;
    size_t n;

    for (;;) {
        LT_TRY(cli_lines_next(&lines, true, &line, &n, err));
        if (!line)
            return LT_OK;
        r->line = lines.number;
        if (strspn(line, " \t\r") != n)
            LT_TRY(read_line(r, line, n, err));
    }
}

lt_status cli_captions_read(const char *file, const char *folder, cli_captions *out, lt_error *err)
{
    const char *slash = strrchr(file, '/');
    LT_AUTOFREE char *own = slash ? lt_strndup(file, (size_t)(slash - file + 1)) : lt_strdup(".");
    LT_CLEANUP(lt_fd_close) int fd = open(file, O_RDONLY | O_CLOEXEC);
    reader r = {.out = out, .file = file, .folder = folder ? folder : own};

    *out = (cli_captions){0};
    if (!own)
        return lt_fail_nomem(err);
    if (fd < 0)
        return lt_fail_errno(err, errno == ENOENT ? LT_ENOTFOUND : LT_EIO, errno, "%s", file);
    lt_status st = read_lines(&r, fd, err);

    if (st == LT_OK && out->n_items == 0)
        st = lt_fail(err, LT_EINVAL, "%s: no line with a photo and a caption", file);
    if (st != LT_OK)
        cli_captions_done(out);
    return st;
}

void cli_captions_done(cli_captions *c)
{
    for (size_t i = 0; i < c->n_items; i++)
        lt_free(c->items[i].text);
    for (size_t i = 0; i < c->n_photos; i++)
        lt_free(c->photos[i]);
    for (size_t i = 0; i < c->n_langs; i++)
        lt_free(c->langs[i]);
    lt_free(c->photos);
    lt_free(c->langs);
    lt_free(c->items);
    lt_free(c->lines);
    lt_free(c->slots);
    *c = (cli_captions){0};
}
