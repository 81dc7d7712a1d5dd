/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of about the same length share an inference, padded to a multiple of PAD_STEP where padding
 * is masked out: each new shape makes OpenVINO compile some kernels again (8 to 15 ms), so there
 * should be few shapes. Without a mask only texts of one length go together. */
#include "texts.h"

#include <base/file.h>
#include <base/limits.h>
#include <base/mem.h>
#include <base/utf8.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <text/unicode.h>

#include "jsonfile.h"
#include "parallel.h"

enum { PAD_STEP = 8, ROWS_MAX = 16 };

struct lt_texts {
    const lt_modeldir *dir;
    lt_buf json;             /* tokenizer.json until it is loaded */
    lt_tokenizer *tokenizer; /* NULL until then */
    size_t max_tokens;       /* at least 1 */
    size_t pad_to;           /* 0: no fixed length */
    int64_t pad_id;
};

/* ---- opening --------------------------------------------------------------------------------- */

/* Tokenizer files name the padding they were saved with; that of the model's context is a cap. */
static lt_status read_lengths(const lt_modeldir *d, lt_texts *t, lt_error *err)
{
    LT_CLEANUP(lt_jsonfile_done) lt_jsonfile f = {0};
    yyjson_val *padding = NULL, *truncation = NULL;
    uint64_t length = 0, fixed = 0, pad = 0;
    bool has_pad = false;

    LT_TRY(lt_jsonfile_parse(d->tokenizer, t->json.data, t->json.len, &f, err));
    LT_TRY(lt_jsonfile_object(&f, f.root, "truncation", &truncation, err));
    LT_TRY(lt_jsonfile_uint(&f, truncation, "max_length", 1, 1u << 20, &length, err));
    LT_TRY(lt_jsonfile_object(&f, f.root, "padding", &padding, err));
    if (padding) {
        yyjson_val *strategy = yyjson_obj_get(padding, "strategy");

        if (yyjson_is_obj(strategy))
            LT_TRY(lt_jsonfile_uint(&f, strategy, "Fixed", 1, 1u << 20, &fixed, err));
        has_pad = yyjson_obj_get(padding, "pad_id") != NULL;
        LT_TRY(lt_jsonfile_uint(&f, padding, "pad_id", 0, 1u << 30, &pad, err));
    }
    t->pad_to = d->pad_to ? d->pad_to : (size_t)fixed;
    t->max_tokens = d->max_tokens;
    if (length && (t->max_tokens == 0 || length < t->max_tokens))
        t->max_tokens = (size_t)length;
    if (t->pad_to && (t->max_tokens == 0 || t->pad_to < t->max_tokens))
        t->max_tokens = t->pad_to;
    if (t->max_tokens == 0)
        t->max_tokens = LT_TOKENS_DEFAULT;
    t->pad_id = has_pad ? (int64_t)pad : -1;
    return LT_OK;
}

lt_status lt_texts_open(const lt_modeldir *d, lt_texts **out, lt_error *err)
{
    lt_texts *t = lt_calloc(1, sizeof *t);

    if (!t)
        return lt_fail_nomem(err);
    t->dir = d;
    lt_status st = lt_file_read(d->tokenizer, LT_LIMIT_TOKENIZER_BYTES, &t->json, err);

    if (st == LT_OK)
        st = read_lengths(d, t, err);
    if (st != LT_OK) {
        lt_texts_close(t);
        return st;
    }
    *out = t;
    return LT_OK;
}

static int64_t find_pad(const lt_texts *t)
{
    const lt_modeldir *d = t->dir;
    int64_t named = d->pad_token ? lt_tokenizer_find(t->tokenizer, d->pad_token) : -1;

    if (t->pad_id >= 0)
        return t->pad_id;
    if (named >= 0)
        return named;
    return d->has_pad_id ? d->pad_id : 0;
}

lt_status lt_texts_load(lt_texts *t, lt_error *err)
{
    LT_TRY(lt_tokenizer_open(t->json.data, t->json.len, t->dir->tokenizer, &t->tokenizer, err));
    lt_buf_done(&t->json);
    t->pad_id = find_pad(t);
    return LT_OK;
}

void lt_texts_close(lt_texts *t)
{
    if (!t)
        return;
    if (t->tokenizer)
        lt_tokenizer_close(t->tokenizer);
    lt_buf_done(&t->json);
    lt_free(t);
}

size_t lt_texts_pad_to(const lt_texts *t)
{
    return t->pad_to;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

/* Spaces, controls and what has no width. */
static bool is_invisible(uint32_t cp)
{
    return cp <= 0x20 || (cp >= 0x7f && cp <= 0xa0) || cp == 0xad || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202f) ||
           (cp >= 0x205f && cp <= 0x2064) || cp == 0x3000 || cp == 0xfeff;
}

static bool is_blank(const char *text, size_t n)
{
    uint32_t cp;

    for (size_t i = 0; i < n;) {
        i += lt_utf8_decode(text + i, n - i, &cp, NULL);
        if (!is_invisible(cp))
            return false;
    }
    return true;
}

static lt_status check_text(const char *const *texts, size_t n, size_t i, lt_error *err)
{
    char which[64] = "the text";

    if (n > 1)
        (void)snprintf(which, sizeof which, "text %zu of %zu", i + 1, n);
    if (!texts[i])
        return lt_fail(err, LT_EINVAL, "%s is NULL", which);
    size_t len = strnlen(texts[i], (size_t)LT_LIMIT_TEXT_BYTES + 1);

    if (len > LT_LIMIT_TEXT_BYTES)
        return lt_fail(err, LT_ELIMIT, "%s is longer than %u bytes", which, LT_LIMIT_TEXT_BYTES);
    if (is_blank(texts[i], len))
        return lt_fail(err, LT_EINVAL, "%s is empty", which);
    return LT_OK;
}

/* Is it written in capitals alone: two letters at least, none of them small? */
static bool is_all_caps(const char *text, size_t n)
{
    size_t n_capitals = 0;
    uint32_t cp, lower[2];

    for (size_t at = 0; at < n;) {
        at += lt_utf8_decode(text + at, n - at, &cp, NULL);
        if (lt_unicode_is_lower(cp))
            return false;
        n_capitals += lt_unicode_lower(cp, lower) != 1 || lower[0] != cp;
    }
    return n_capitals >= 2;
}

static lt_status add_lower(const char *text, size_t n, lt_buf *out, lt_error *err)
{
    uint32_t cp, lower[2];
    char bytes[4];

    for (size_t at = 0; at < n;) {
        at += lt_utf8_decode(text + at, n - at, &cp, NULL);
        size_t n_lower = lt_unicode_lower(cp, lower);

        for (size_t i = 0; i < n_lower; i++)
            LT_TRY(lt_buf_add(out, bytes, lt_utf8_encode(lower[i], bytes), err));
    }
    return LT_OK;
}

static lt_status encode(const lt_texts *t, const char *text, lt_tokens *out, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf whole = {0};
    size_t n = strlen(text);

    LT_TRY(lt_buf_adds(&whole, t->dir->text_prefix, err));
    if (t->dir->lowercase_all_caps && is_all_caps(text, n))
        LT_TRY(add_lower(text, n, &whole, err));
    else
        LT_TRY(lt_buf_add(&whole, text, n, err));
    return lt_tokenizer_encode(t->tokenizer, whole.data, whole.len, true, t->max_tokens, out, err);
}

const lt_tokenizer *lt_texts_tokenizer(const lt_texts *t)
{
    return t->tokenizer;
}

lt_status lt_texts_count(const lt_texts *t, const char *text, size_t *out, lt_error *err)
{
    LT_CLEANUP(lt_tokens_done) lt_tokens tokens = {0};

    LT_TRY(encode(t, text, &tokens, err));
    *out = tokens.n;
    return LT_OK;
}

/* ---- batches --------------------------------------------------------------------------------- */

/* The tokens of one text within the common array, and where its vector goes. */
typedef struct row {
    size_t start, len;
    size_t at; /* its number among the caller's texts */
} row;

typedef struct batch {
    size_t first, n_rows, cols;
} batch;

typedef struct job {
    const lt_texts *texts;
    lt_tower *tower;
    lt_tokens tokens;
    row *rows;
    batch *batches;
    size_t n_batches;
    float *out;
} job;

static void done_job(job *j)
{
    lt_tokens_done(&j->tokens);
    lt_free(j->rows);
    lt_free(j->batches);
}

static int by_length(const void *a, const void *b)
{
    const row *x = a, *y = b;

    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* How many columns a text of `len` tokens is given. */
static size_t padded(const job *j, size_t len)
{
    size_t fixed = lt_tower_tokens(j->tower);

    if (!fixed)
        fixed = j->texts->pad_to;
    if (fixed)
        return fixed;
    if (!lt_tower_has_mask(j->tower))
        return len;
    size_t step = (len + PAD_STEP - 1) / PAD_STEP * PAD_STEP;

    return step < j->texts->max_tokens ? step : j->texts->max_tokens;
}

/* Rows that are given the same number of columns follow each other after sorting. */
static void make_batches(job *j, size_t n)
{
    size_t most = lt_tower_rows(j->tower) ? lt_tower_rows(j->tower) : ROWS_MAX;

    for (size_t i = 0; i < n; i++) {
        batch *b = j->n_batches ? &j->batches[j->n_batches - 1] : NULL;
        size_t cols = padded(j, j->rows[i].len);

        if (b && b->cols == cols && b->n_rows < most)
            b->n_rows++;
        else
            j->batches[j->n_batches++] = (batch){i, 1, cols};
    }
}

static lt_status encode_all(job *j, const char *const *texts, size_t n, lt_error *err)
{
    size_t fixed = lt_tower_tokens(j->tower);

    for (size_t i = 0; i < n; i++) {
        size_t start = j->tokens.n;

        LT_TRY(encode(j->texts, texts[i], &j->tokens, err));
        j->rows[i] = (row){start, j->tokens.n - start, i};
        if (j->rows[i].len == 0)
            return lt_fail(err, LT_EINVAL, "text %zu of %zu has no tokens", i + 1, n);
        if (fixed && j->rows[i].len > fixed)
            return lt_fail(err, LT_EINVAL,
                           "the text graph takes %zu tokens, tokenizer and config.json allow %zu",
                           fixed, j->texts->max_tokens);
    }
    return LT_OK;
}

static lt_status embed_batch(void *context, unsigned worker, size_t i, lt_error *err)
{
    const job *j = context;
    const batch *b = &j->batches[i];
    size_t n = b->n_rows * b->cols, dims = lt_tower_text_dims(j->tower);
    LT_AUTOFREE int64_t *ids = lt_calloc(n, 2 * sizeof *ids);
    LT_AUTOFREE float *vectors = lt_calloc(b->n_rows, dims * sizeof *vectors);

    (void)worker;
    if (!ids || !vectors)
        return lt_fail_nomem(err);
    int64_t *mask = ids + n;

    for (size_t r = 0; r < b->n_rows; r++) {
        const row *from = &j->rows[b->first + r];

        for (size_t c = 0; c < b->cols; c++) {
            ids[r * b->cols + c] =
                c < from->len ? j->tokens.ids[from->start + c] : j->texts->pad_id;
            mask[r * b->cols + c] = c < from->len;
        }
    }
    LT_TRY(lt_tower_embed_tokens(j->tower, ids, mask, b->n_rows, b->cols, vectors, err));
    for (size_t r = 0; r < b->n_rows; r++)
        memcpy(j->out + j->rows[b->first + r].at * dims, vectors + r * dims,
               dims * sizeof *vectors);
    return LT_OK;
}

lt_status lt_texts_embed(const lt_texts *t, lt_tower *tower, const char *const *texts, size_t n,
                         float *out, lt_error *err)
{
    LT_CLEANUP(done_job) job j = {.texts = t, .tower = tower, .out = out};

    for (size_t i = 0; i < n; i++)
        LT_TRY(check_text(texts, n, i, err));
    j.rows = lt_calloc(n, sizeof *j.rows);
    j.batches = lt_calloc(n, sizeof *j.batches);
    if (!j.rows || !j.batches)
        return lt_fail_nomem(err);
    LT_TRY(encode_all(&j, texts, n, err));
    qsort(j.rows, n, sizeof *j.rows, by_length);
    make_batches(&j, n);
    return lt_parallel(j.n_batches, lt_tower_streams(tower), embed_batch, &j, NULL, err);
}
