/* SPDX-License-Identifier: Apache-2.0
 * The way of a text: repair, cut at added tokens, normalise what lies between, cut at the tokens
 * that are matched normalised, pre-tokenize, segment; then cut to length and put the special tokens
 * around. Each part goes all the way before the next, so memory is linear in the longest part.
 *
 * A tokenizer is never written to after it was opened, and a call keeps its state in `encoding`;
 * so any number of threads may encode with one. */
#include "tokenizer.h"

#include <base/limits.h>
#include <base/mem.h>
#include <base/utf8.h>
#include <string.h>

#include "added.h"
#include "decoder.h"
#include "fields.h"
#include "normalizer.h"
#include "postprocess.h"
#include "pretokenizer.h"
#include "subword.h"

struct lt_tokenizer {
    lt_normalizer *normalizer;
    lt_pretokenizer *pretokenizer;
    lt_subword *model;
    lt_added added;
    lt_decoder *decoder;
    lt_layout plain, special; /* without and with special tokens */
    bool cut_left;            /* truncation keeps the end of a text */
    /* The added token of an id that the model does not have, from the model's size on. */
    const lt_added_token **beyond;
};

/* ---- opening --------------------------------------------------------------------------------- */

static lt_status check_version(yyjson_val *root, const char *name, lt_error *err)
{
    yyjson_val *version = yyjson_obj_get(root, "version");

    if (!version || yyjson_equals_str(version, "1.0"))
        return LT_OK;
    if (!yyjson_is_str(version))
        return lt_fail(err, LT_EINVAL, "%s: 'version' is not a string", name);
    return lt_fail(err, LT_EUNSUPPORTED, "%s: version '%s' is not supported", name,
                   yyjson_get_str(version));
}

static lt_status index_beyond(lt_tokenizer *t, lt_error *err)
{
    size_t size = t->model->ops->size(t->model);

    t->beyond = lt_calloc(t->added.end_id - size, sizeof *t->beyond);
    if (!t->beyond)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < t->added.n_tokens; i++) {
        const lt_added_token *token = &t->added.tokens[i];

        if (token->id >= size)
            t->beyond[token->id - size] = token;
    }
    return LT_OK;
}

/* Ids beyond the vocabulary would be read as rows beyond the end of a model's table. */
static lt_status check_layout(const lt_tokenizer *t, const char *name, lt_error *err)
{
    for (size_t i = 0; i < t->special.n_items; i++)
        if (t->special.items[i] >= (int64_t)t->added.end_id)
            return lt_fail(err, LT_EINVAL,
                           "%s: post_processor: the id %lld is beyond the "
                           "vocabulary of %u",
                           name, (long long)t->special.items[i], t->added.end_id);
    return LT_OK;
}

static lt_status read_parts(lt_tokenizer *t, yyjson_val *root, const char *name, lt_error *err)
{
    yyjson_val *after = yyjson_obj_get(root, "post_processor");
    yyjson_val *truncation = yyjson_obj_get(root, "truncation");

    LT_TRY(check_version(root, name, err));
    LT_TRY(lt_subword_open(yyjson_obj_get(root, "model"), name, &t->model, err));
    LT_TRY(lt_normalizer_open(yyjson_obj_get(root, "normalizer"), name, &t->normalizer, err));
    LT_TRY(
        lt_pretokenizer_open(yyjson_obj_get(root, "pre_tokenizer"), name, &t->pretokenizer, err));
    LT_TRY(lt_added_open(&t->added, yyjson_obj_get(root, "added_tokens"), t->model, t->normalizer,
                         name, err));
    LT_TRY(lt_decoder_open(yyjson_obj_get(root, "decoder"), &t->decoder, err));
    LT_TRY(lt_layout_open(&t->plain, after, false, name, err));
    LT_TRY(lt_layout_open(&t->special, after, true, name, err));
    LT_TRY(check_layout(t, name, err));
    t->cut_left = yyjson_equals_str(yyjson_obj_get(truncation, "direction"), "Left");
    return index_beyond(t, err);
}

lt_status lt_tokenizer_open(const char *json, size_t n, const char *name, lt_tokenizer **out,
                            lt_error *err)
{
    LT_CLEANUP(lt_tokenizer_json_free) yyjson_doc *doc = NULL;

    if (n > LT_LIMIT_TOKENIZER_BYTES)
        return lt_fail(err, LT_ELIMIT, "%s: larger than %u bytes", name, LT_LIMIT_TOKENIZER_BYTES);
    LT_TRY(lt_tokenizer_json_read(json, n, name, &doc, err));
    lt_tokenizer *t = lt_calloc(1, sizeof *t);

    if (!t)
        return lt_fail_nomem(err);
    lt_status st = read_parts(t, yyjson_doc_get_root(doc), name, err);

    if (st != LT_OK) {
        lt_tokenizer_close(t);
        return st;
    }
    *out = t;
    return LT_OK;
}

void lt_tokenizer_close(lt_tokenizer *t)
{
    if (!t)
        return;
    lt_free(t->beyond);
    lt_decoder_close(t->decoder);
    lt_layout_done(&t->plain);
    lt_layout_done(&t->special);
    lt_added_done(&t->added);
    lt_pretokenizer_close(t->pretokenizer);
    lt_normalizer_close(t->normalizer);
    lt_subword_close(t->model);
    lt_free(t);
}

/* ---- encoding -------------------------------------------------------------------------------- */

typedef struct encoding {
    const lt_tokenizer *tokenizer;
    const char *text;  /* the part under way: first the repaired text, then `part` */
    const char *first; /* its marks */
    lt_ntext part;
    lt_pretokenizer_work work;
    lt_buf model_work;
    lt_tokens ids;
} encoding;

static void encoding_done(encoding *e)
{
    lt_ntext_done(&e->part);
    lt_pretokenizer_work_done(&e->work);
    lt_buf_done(&e->model_work);
    lt_tokens_done(&e->ids);
}

static lt_status encode_piece(void *context, const char *piece, size_t n, lt_error *err)
{
    encoding *e = context;
    const lt_subword *m = e->tokenizer->model;

    return m->ops->encode(m, piece, n, &e->model_work, &e->ids, err);
}

static lt_status encode_normalized(void *context, const lt_added_token *token, size_t begin,
                                   size_t end, lt_error *err)
{
    encoding *e = context;
    const lt_ntext *t = &e->part;

    if (token)
        return lt_tokens_add(&e->ids, token->id, err);
    return lt_pretokenizer_apply(e->tokenizer->pretokenizer, &e->work, t->text.data + begin,
                                 t->first.data + begin, end - begin, encode_piece, e, err);
}

static lt_status encode_raw(void *context, const lt_added_token *token, size_t begin, size_t end,
                            lt_error *err)
{
    encoding *e = context;
    const lt_tokenizer *t = e->tokenizer;

    if (token)
        return lt_tokens_add(&e->ids, token->id, err);
    LT_TRY(lt_ntext_set(&e->part, e->text + begin, e->first + begin, end - begin, err));
    LT_TRY(lt_normalizer_apply(t->normalizer, &e->part, err));
    return lt_added_split(&t->added, &t->added.normalized, e->part.text.data, e->part.text.len,
                          encode_normalized, e, err);
}

/* Appends all the ids of the layout, or none. */
static lt_status lay_out(const lt_layout *l, const int64_t *ids, size_t n, lt_tokens *out,
                         lt_error *err)
{
    size_t before = out->n;

    for (size_t i = 0; i < l->n_items; i++) {
        size_t n_new = l->items[i] == LT_LAYOUT_TEXT ? n : 1;

        for (size_t k = 0; k < n_new; k++) {
            int64_t id = l->items[i] == LT_LAYOUT_TEXT ? ids[k] : l->items[i];
            lt_status st = lt_tokens_add(out, id, err);

            if (st != LT_OK) {
                out->n = before;
                return st;
            }
        }
    }
    return LT_OK;
}

static lt_status encode_text(encoding *e, const char *text, size_t n, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf repaired = {0};
    LT_CLEANUP(lt_buf_done) lt_buf first = {0};
    const lt_added *added = &e->tokenizer->added;
    uint32_t cp;

    LT_TRY(lt_utf8_repair(text, n, &repaired, err));
    if (repaired.len == 0)
        return LT_OK;
    LT_TRY(lt_buf_reserve(&first, repaired.len, err));
    memset(first.data, 0, repaired.len);
    memset(first.data, 1, lt_utf8_decode(repaired.data, repaired.len, &cp, NULL));
    e->text = repaired.data;
    e->first = first.data;
    return lt_added_split(added, &added->raw, repaired.data, repaired.len, encode_raw, e, err);
}

lt_status lt_tokenizer_encode(const lt_tokenizer *t, const char *text, size_t n, bool special,
                              size_t max_tokens, lt_tokens *out, lt_error *err)
{
    LT_CLEANUP(encoding_done) encoding e = {.tokenizer = t};
    const lt_layout *layout = special ? &t->special : &t->plain;

    if (n > LT_LIMIT_TEXT_BYTES)
        return lt_fail(err, LT_ELIMIT, "a text of %zu bytes; the limit is %u", n,
                       LT_LIMIT_TEXT_BYTES);
    if (max_tokens && max_tokens < layout->n_added)
        return lt_fail(err, LT_EINVAL,
                       "a limit of %zu tokens leaves no room for the %zu special "
                       "ones",
                       max_tokens, layout->n_added);
    LT_TRY(encode_text(&e, text, n, err));
    size_t keep = max_tokens ? max_tokens - layout->n_added : e.ids.n;

    if (keep >= e.ids.n)
        return lay_out(layout, e.ids.ids, e.ids.n, out, err);
    return lay_out(layout, e.ids.ids + (t->cut_left ? e.ids.n - keep : 0), keep, out, err);
}

void lt_tokens_done(lt_tokens *t)
{
    lt_free(t->ids);
    *t = (lt_tokens){0};
}

/* ---- decoding -------------------------------------------------------------------------------- */

static bool is_special(const lt_tokenizer *t, const char *piece)
{
    int64_t token = lt_trie_find(&t->added.by_content, piece, strlen(piece));

    return token >= 0 && t->added.tokens[token].special;
}

lt_status lt_tokenizer_decode(const lt_tokenizer *t, const int64_t *ids, size_t n, lt_buf *out,
                              lt_error *err)
{
    LT_AUTOFREE const char **pieces = lt_calloc(n, sizeof *pieces);
    size_t n_pieces = 0;

    if (!pieces)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const char *piece = lt_tokenizer_piece(t, ids[i]);

        if (!piece)
            return lt_fail(err, LT_EINVAL, "token id %lld is not in the vocabulary of %u",
                           (long long)ids[i], t->added.end_id);
        if (!is_special(t, piece))
            pieces[n_pieces++] = piece;
    }
    return lt_decoder_apply(t->decoder, pieces, n_pieces, out, err);
}

/* ---- the vocabulary -------------------------------------------------------------------------- */

size_t lt_tokenizer_size(const lt_tokenizer *t)
{
    return t->added.end_id;
}

const char *lt_tokenizer_piece(const lt_tokenizer *t, int64_t id)
{
    size_t size = t->model->ops->size(t->model);

    if (id < 0 || id >= (int64_t)t->added.end_id)
        return NULL;
    return (size_t)id < size ? t->model->ops->piece(t->model, (size_t)id)
                             : t->beyond[(size_t)id - size]->content;
}

int64_t lt_tokenizer_find(const lt_tokenizer *t, const char *piece)
{
    size_t n = strlen(piece);
    int64_t token = lt_trie_find(&t->added.by_content, piece, n);

    return token >= 0 ? (int64_t)t->added.tokens[token].id
                      : t->model->ops->find(t->model, piece, n);
}
