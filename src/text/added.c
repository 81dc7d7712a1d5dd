/* SPDX-License-Identifier: Apache-2.0 */
#include "added.h"

#include <base/limits.h>
#include <base/mem.h>
#include <base/utf8.h>
#include <string.h>

#include "unicode.h"

enum { TOKENS_MAX = 1 << 20 };

/* ---- reading --------------------------------------------------------------------------------- */

static lt_status read_token(yyjson_val *json, const lt_part *where, lt_added_token *t,
                            lt_error *err)
{
    const char *content;
    size_t n;

    if (!yyjson_is_obj(json))
        return lt_fail(err, LT_EINVAL, "%s: %s: a token is not an object", where->file,
                       where->part);
    LT_TRY(lt_field_string(json, "content", where, &content, &n, err));
    if (n > LT_LIMIT_PIECE_BYTES)
        return lt_fail(err, LT_ELIMIT, "%s: %s: a token of more than %u bytes", where->file,
                       where->part, LT_LIMIT_PIECE_BYTES);
    LT_TRY(lt_field_bool(json, "single_word", false, where, &t->single_word, err));
    LT_TRY(lt_field_bool(json, "lstrip", false, where, &t->left, err));
    LT_TRY(lt_field_bool(json, "rstrip", false, where, &t->right, err));
    LT_TRY(lt_field_bool(json, "special", false, where, &t->special, err));
    LT_TRY(lt_field_bool(json, "normalized", !t->special, where, &t->normalized, err));
    t->len = (uint32_t)n;
    t->content = lt_strndup(content, n);
    return t->content ? LT_OK : lt_fail_nomem(err);
}

static lt_status read_tokens(lt_added *a, yyjson_val *list, const lt_part *where, lt_error *err)
{
    yyjson_val *item;
    size_t i, max, n = yyjson_arr_size(list);

    if (n > TOKENS_MAX)
        return lt_fail(err, LT_ELIMIT, "%s: %s: more than %d tokens", where->file, where->part,
                       TOKENS_MAX);
    a->tokens = lt_calloc(n, sizeof *a->tokens);
    if (!a->tokens)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(list, i, max, item)
    {
        lt_added_token *t = &a->tokens[a->n_tokens];

        LT_TRY(read_token(item, where, t, err));
        if (t->len > 0)
            a->n_tokens++;
        else
            lt_free(lt_steal(&t->content));
    }
    return LT_OK;
}

/* Of tokens with equal contents the last one counts; a trie keeps it. */
static lt_status index_contents(lt_added *a, lt_trie_key *keys, lt_error *err)
{
    for (size_t i = 0; i < a->n_tokens; i++)
        keys[i] = (lt_trie_key){a->tokens[i].content, a->tokens[i].len, (uint32_t)i, 0};
    return lt_trie_build(&a->by_content, keys, a->n_tokens, err);
}

static size_t last_with_content(const lt_added *a, const lt_added_token *t)
{
    return (size_t)lt_trie_find(&a->by_content, t->content, t->len);
}

/* A token's first appearance takes its number; others with the same content share it. */
static lt_status number_tokens(lt_added *a, const lt_subword *model, lt_error *err)
{
    LT_AUTOFREE bool *numbered = lt_calloc(a->n_tokens, sizeof *numbered);
    uint32_t next = (uint32_t)model->ops->size(model);

    if (!numbered)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < a->n_tokens; i++) {
        size_t last = last_with_content(a, &a->tokens[i]);
        int64_t id = model->ops->find(model, a->tokens[i].content, a->tokens[i].len);

        if (!numbered[last]) {
            a->tokens[last].id = id >= 0 ? (uint32_t)id : next++;
            numbered[last] = true;
        }
        a->tokens[i].id = a->tokens[last].id;
    }
    a->end_id = next;
    return LT_OK;
}

/* The bytes that a token is matched by, appended to `all`. */
static lt_status add_pattern(const lt_added_token *t, const lt_normalizer *normalizer,
                             lt_ntext *work, lt_buf *all, uint32_t *len, lt_error *err)
{
    size_t begin = all->len;

    if (t->normalized) {
        /* The marks do not matter here: any bytes as many will do. */
        LT_TRY(lt_ntext_set(work, t->content, t->content, t->len, err));
        LT_TRY(lt_normalizer_apply(normalizer, work, err));
        LT_TRY(lt_buf_add(all, work->text.data, work->text.len, err));
    } else {
        LT_TRY(lt_buf_add(all, t->content, t->len, err));
    }
    *len = (uint32_t)(all->len - begin);
    return LT_OK;
}

static lt_status index_patterns(lt_added *a, bool normalized, const lt_normalizer *normalizer,
                                lt_trie_key *keys, lt_trie *out, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf all = {0};
    LT_CLEANUP(lt_ntext_done) lt_ntext work = {0};
    size_t n = 0, pos = 0;

    for (size_t i = 0; i < a->n_tokens; i++) {
        uint32_t len;

        if (a->tokens[i].normalized != normalized || last_with_content(a, &a->tokens[i]) != i)
            continue;
        LT_TRY(add_pattern(&a->tokens[i], normalizer, &work, &all, &len, err));
        if (len > 0)
            keys[n++] = (lt_trie_key){NULL, len, (uint32_t)i, 0};
    }
    for (size_t i = 0; i < n; i++) {
        keys[i].bytes = all.data + pos;
        pos += keys[i].len;
    }
    return n > 0 ? lt_trie_build(out, keys, n, err) : LT_OK;
}

lt_status lt_added_open(lt_added *a, yyjson_val *json, const lt_subword *model,
                        const lt_normalizer *normalizer, const char *file, lt_error *err)
{
    const lt_part where = {file, "added_tokens"};

    *a = (lt_added){.end_id = (uint32_t)model->ops->size(model)};
    if (!json || yyjson_is_null(json))
        return LT_OK;
    if (!yyjson_is_arr(json))
        return lt_fail(err, LT_EINVAL, "%s: added_tokens is not an array", file);
    LT_TRY(read_tokens(a, json, &where, err));
    LT_AUTOFREE lt_trie_key *keys = lt_calloc(a->n_tokens, sizeof *keys);

    if (!keys)
        return lt_fail_nomem(err);
    LT_TRY(index_contents(a, keys, err));
    LT_TRY(number_tokens(a, model, err));
    LT_TRY(index_patterns(a, false, normalizer, keys, &a->raw, err));
    return index_patterns(a, true, normalizer, keys, &a->normalized, err);
}

void lt_added_done(lt_added *a)
{
    for (size_t i = 0; i < a->n_tokens; i++)
        lt_free(a->tokens[i].content);
    lt_free(a->tokens);
    lt_trie_done(&a->raw);
    lt_trie_done(&a->normalized);
    lt_trie_done(&a->by_content);
    *a = (lt_added){0};
}

/* ---- matching -------------------------------------------------------------------------------- */

/* The longest token that begins the bytes; NULL: none does. */
static const lt_added_token *longest(const lt_added *a, const lt_trie *which, const char *s,
                                     size_t n, size_t *len)
{
    const lt_added_token *found = NULL;
    uint32_t node = 0;

    for (size_t i = 0; i < n; i++) {
        node = lt_trie_step(which, node, (uint8_t)s[i]);
        if (node == 0)
            break;
        if (which->values[node] >= 0) {
            found = &a->tokens[which->values[node]];
            *len = i + 1;
        }
    }
    return found;
}

/* Where the character before `pos` begins (pos > 0). */
static size_t char_before(const char *text, size_t pos)
{
    do
        pos--;
    while (pos > 0 && ((uint8_t)text[pos] & 0xc0) == 0x80);
    return pos;
}

static uint32_t char_at(const char *text, size_t n, size_t pos)
{
    uint32_t cp;

    (void)lt_utf8_decode(text + pos, n - pos, &cp, NULL);
    return cp;
}

static bool within_word(const char *text, size_t n, size_t begin, size_t end)
{
    return (begin > 0 && lt_unicode_is_word(char_at(text, n, char_before(text, begin)))) ||
           (end < n && lt_unicode_is_word(char_at(text, n, end)));
}

static size_t spaces_before(const char *text, size_t n, size_t pos, size_t low)
{
    while (pos > low) {
        size_t before = char_before(text, pos);

        if (!lt_unicode_is_space(char_at(text, n, before)))
            break;
        pos = before;
    }
    return pos;
}

static size_t spaces_behind(const char *text, size_t n, size_t pos)
{
    while (pos < n) {
        uint32_t cp;
        size_t used = lt_utf8_decode(text + pos, n - pos, &cp, NULL);

        if (!lt_unicode_is_space(cp))
            break;
        pos += used;
    }
    return pos;
}

lt_status lt_added_split(const lt_added *a, const lt_trie *which, const char *text, size_t n,
                         lt_added_sink sink, void *context, lt_error *err)
{
    size_t done = 0; /* all before has been handed out */
    size_t len = 0;

    for (size_t i = 0; which->n_nodes > 0 && i < n; i += len) {
        const lt_added_token *t = longest(a, which, text + i, n - i, &len);
        size_t begin = i, end = i + len;

        if (!t) {
            len = 1;
            continue;
        }
        if (t->single_word && within_word(text, n, begin, end))
            continue;
        /* The spaces swallowed behind a token are looked at again by the search, so that a token
         * may begin within them; what has been handed out is not handed out twice. */
        if (t->left)
            begin = spaces_before(text, n, begin, done);
        if (t->right)
            end = spaces_behind(text, n, end);
        if (done < begin)
            LT_TRY(sink(context, NULL, done, begin, err));
        LT_TRY(sink(context, t, begin, end, err));
        done = end;
    }
    return done < n ? sink(context, NULL, done, n, err) : LT_OK;
}
