/* SPDX-License-Identifier: Apache-2.0
 * A decoder is a list of steps; each makes a new list of pieces of the one before, and the last list
 * is joined. The steps do what those of the library `tokenizers` do, oddities and all: what Metaspace
 * drops of the first piece, and that broken bytes give one U+FFFD each. (Where stripping leaves
 * nothing of a piece the library may end the process; here nothing is left.) */
#include "decoder.h"

#include <base/mem.h>
#include <base/utf8.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"

enum { STEPS_MAX = 16 };

typedef enum step_kind {
    STEP_METASPACE,
    STEP_REPLACE,
    STEP_BYTE_FALLBACK,
    STEP_FUSE,
    STEP_STRIP
} step_kind;

typedef struct step {
    step_kind kind;
    char *from, *to;      /* metaspace: from; replace: both; strip: from */
    bool prefix;          /* metaspace: the first piece's spaces are dropped */
    uint32_t start, stop; /* strip */
} step;

struct lt_decoder {
    bool spaces; /* no decoder: pieces are joined by spaces */
    step steps[STEPS_MAX];
    size_t n_steps;
    char unknown[48]; /* a kind of step that is not known; "" */
};

/* ---- opening --------------------------------------------------------------------------------- */

static lt_status keep_string(yyjson_val *v, char **out, lt_error *err)
{
    *out = lt_strdup(yyjson_is_str(v) ? yyjson_get_str(v) : "");
    return *out ? LT_OK : lt_fail_nomem(err);
}

static lt_status open_metaspace(yyjson_val *json, step *s, lt_error *err)
{
    yyjson_val *scheme = yyjson_obj_get(json, "prepend_scheme");
    yyjson_val *old = yyjson_obj_get(json, "add_prefix_space");

    s->kind = STEP_METASPACE;
    s->prefix = scheme ? !yyjson_equals_str(scheme, "never") : !yyjson_is_false(old);
    return keep_string(yyjson_obj_get(json, "replacement"), &s->from, err);
}

static lt_status open_replace(yyjson_val *json, step *s, lt_error *err)
{
    s->kind = STEP_REPLACE;
    LT_TRY(keep_string(yyjson_obj_get(yyjson_obj_get(json, "pattern"), "String"), &s->from, err));
    return keep_string(yyjson_obj_get(json, "content"), &s->to, err);
}

static lt_status open_strip(yyjson_val *json, step *s, lt_error *err)
{
    s->kind = STEP_STRIP;
    if (!lt_json_u32(yyjson_obj_get(json, "start"), &s->start))
        s->start = 0;
    if (!lt_json_u32(yyjson_obj_get(json, "stop"), &s->stop))
        s->stop = 0;
    return keep_string(yyjson_obj_get(json, "content"), &s->from, err);
}

static lt_status open_step(lt_decoder *d, yyjson_val *json, lt_error *err)
{
    const char *type = yyjson_get_str(yyjson_obj_get(json, "type"));
    bool regex = yyjson_obj_get(yyjson_obj_get(json, "pattern"), "Regex") != NULL;
    step *s = &d->steps[d->n_steps];

    if (type && d->n_steps < STEPS_MAX) {
        d->n_steps++;
        if (strcmp(type, "Metaspace") == 0)
            return open_metaspace(json, s, err);
        if (strcmp(type, "Replace") == 0 && !regex)
            return open_replace(json, s, err);
        if (strcmp(type, "Strip") == 0)
            return open_strip(json, s, err);
        s->kind = strcmp(type, "Fuse") == 0 ? STEP_FUSE : STEP_BYTE_FALLBACK;
        if (strcmp(type, "Fuse") == 0 || strcmp(type, "ByteFallback") == 0)
            return LT_OK;
    }
    (void)snprintf(d->unknown, sizeof d->unknown, "%s", type && *type ? type : "?");
    return LT_OK;
}

static lt_status open_steps(lt_decoder *d, yyjson_val *json, lt_error *err)
{
    yyjson_val *list = yyjson_obj_get(json, "decoders"), *one;
    size_t i, n;

    d->spaces = !json || yyjson_is_null(json);
    if (d->spaces)
        return LT_OK;
    if (!yyjson_equals_str(yyjson_obj_get(json, "type"), "Sequence"))
        return open_step(d, json, err);
    yyjson_arr_foreach(list, i, n, one)
        LT_TRY(open_step(d, one, err));
    return LT_OK;
}

lt_status lt_decoder_open(yyjson_val *json, lt_decoder **out, lt_error *err)
{
    lt_decoder *d = lt_calloc(1, sizeof *d);

    if (!d)
        return lt_fail_nomem(err);
    lt_status st = open_steps(d, json, err);

    if (st != LT_OK) {
        lt_decoder_close(d);
        return st;
    }
    *out = d;
    return LT_OK;
}

void lt_decoder_close(lt_decoder *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->n_steps; i++) {
        lt_free(d->steps[i].from);
        lt_free(d->steps[i].to);
    }
    lt_free(d);
}

/* ---- lists of pieces ------------------------------------------------------------------------- */

typedef struct list {
    lt_buf text;  /* all pieces, one behind the other */
    size_t *ends; /* where each ends */
    size_t n;
} list;

static void list_done(list *l)
{
    lt_buf_done(&l->text);
    lt_free(l->ends);
    *l = (list){0};
}

/* Room for as many pieces as will ever be in it. */
static lt_status list_init(list *l, size_t n, lt_error *err)
{
    l->ends = lt_calloc(n, sizeof *l->ends);
    return l->ends ? LT_OK : lt_fail_nomem(err);
}

static void end_piece(list *l)
{
    l->ends[l->n++] = l->text.len;
}

static const char *piece_at(const list *l, size_t i, size_t *n)
{
    size_t begin = i ? l->ends[i - 1] : 0;

    *n = l->ends[i] - begin;
    return *n ? l->text.data + begin : "";
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* Appends a piece with every `from` replaced. */
static lt_status replace_all(const char *piece, size_t n, const char *from, const char *to,
                             lt_buf *out, lt_error *err)
{
    size_t n_from = strlen(from);

    for (size_t at = 0; at < n;) {
        if (n_from && n - at >= n_from && memcmp(piece + at, from, n_from) == 0) {
            LT_TRY(lt_buf_adds(out, to, err));
            at += n_from;
        } else {
            LT_TRY(lt_buf_addc(out, piece[at++], err));
        }
    }
    return LT_OK;
}

static lt_status strip(const step *s, const char *piece, size_t n, lt_buf *out, lt_error *err)
{
    size_t n_from = strlen(s->from);

    for (uint32_t i = 0; n_from && i < s->start && n >= n_from; i++) {
        if (memcmp(piece, s->from, n_from) != 0)
            break;
        piece += n_from;
        n -= n_from;
    }
    for (uint32_t i = 0; n_from && i < s->stop && n >= n_from; i++) {
        if (memcmp(piece + n - n_from, s->from, n_from) != 0)
            break;
        n -= n_from;
    }
    return lt_buf_add(out, piece, n, err);
}

/* The byte of a piece like "<0x0A>"; -1: it is another. */
static int byte_of(const char *piece, size_t n)
{
    char text[7] = {0};
    unsigned byte;

    if (n != 6 || memcmp(piece, "<0x", 3) != 0 || piece[5] != '>')
        return -1;
    memcpy(text, piece, 6);
    return sscanf(text + 3, "%2x>", &byte) == 1 ? (int)byte : -1;
}

/* Ends a run of bytes that began at `begin` of the new list. */
static lt_status end_bytes(list *to, size_t begin, lt_error *err)
{
    size_t n = to->text.len - begin;

    if (n == 0)
        return LT_OK;
    if (!lt_utf8_valid(to->text.data + begin, n)) {
        to->text.len = begin;
        for (size_t i = 0; i < n; i++)
            LT_TRY(lt_buf_adds(&to->text, "\xef\xbf\xbd", err));
    }
    end_piece(to);
    return LT_OK;
}

static lt_status join_bytes(const list *from, list *to, lt_error *err)
{
    size_t begin = 0, n;

    for (size_t i = 0; i < from->n; i++) {
        const char *piece = piece_at(from, i, &n);
        int byte = byte_of(piece, n);

        if (byte >= 0) {
            LT_TRY(lt_buf_addc(&to->text, (char)byte, err));
            continue;
        }
        LT_TRY(end_bytes(to, begin, err));
        LT_TRY(lt_buf_add(&to->text, piece, n, err));
        end_piece(to);
        begin = to->text.len;
    }
    return end_bytes(to, begin, err);
}

static lt_status run_step(const step *s, const list *from, list *to, lt_error *err)
{
    size_t n;

    if (s->kind == STEP_BYTE_FALLBACK)
        return join_bytes(from, to, err);
    for (size_t i = 0; i < from->n; i++) {
        const char *piece = piece_at(from, i, &n);

        if (s->kind == STEP_METASPACE)
            LT_TRY(replace_all(piece, n, s->from, i == 0 && s->prefix ? "" : " ", &to->text, err));
        else if (s->kind == STEP_REPLACE)
            LT_TRY(replace_all(piece, n, s->from, s->to, &to->text, err));
        else if (s->kind == STEP_STRIP)
            LT_TRY(strip(s, piece, n, &to->text, err));
        else
            LT_TRY(lt_buf_add(&to->text, piece, n, err));
        if (s->kind != STEP_FUSE || i + 1 == from->n)
            end_piece(to);
    }
    return LT_OK;
}

static lt_status first_list(const char *const *pieces, size_t n, bool spaces, list *out,
                            lt_error *err)
{
    LT_TRY(list_init(out, n, err));
    for (size_t i = 0; i < n; i++) {
        if (spaces && i > 0)
            LT_TRY(lt_buf_addc(&out->text, ' ', err));
        LT_TRY(lt_buf_adds(&out->text, pieces[i], err));
        end_piece(out);
    }
    return LT_OK;
}

lt_status lt_decoder_apply(const lt_decoder *d, const char *const *pieces, size_t n, lt_buf *out,
                           lt_error *err)
{
    LT_CLEANUP(list_done) list now = {0};

    if (d->unknown[0])
        return lt_fail(err, LT_EUNSUPPORTED,
                       "the tokenizer's decoder of type '%s' is not supported", d->unknown);
    LT_TRY(first_list(pieces, n, d->spaces, &now, err));
    for (size_t i = 0; i < d->n_steps; i++) {
        LT_CLEANUP(list_done) list next = {0};

        LT_TRY(list_init(&next, n, err));
        LT_TRY(run_step(&d->steps[i], &now, &next, err));
        list_done(&now);
        now = next;
        next = (list){0};
    }
    return lt_buf_add(out, now.text.data, now.text.len, err);
}
