/* SPDX-License-Identifier: Apache-2.0
 * The Unigram model (Kudo 2018): the segmentation with the largest sum of scores, by dynamic
 * programming over the ends of vocabulary entries. A character that no entry of its own length
 * covers may stand as unknown for the smallest score less ten. The order in which candidates are
 * tried, and that only a strictly better one replaces, decides ties; both are the library's. */
#include <base/limits.h>
#include <base/mem.h>
#include <base/utf8.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "subword.h"
#include "trie.h"

static const double unknown_penalty = 10.0;

typedef struct unigram {
    lt_subword base;
    lt_trie trie; /* values: ids */
    double *scores;
    char *text;       /* the entries, each zero-terminated */
    uint32_t *starts; /* of an entry in text */
    size_t n;
    double unknown_score;
    int64_t unknown_id; /* -1: none */
    bool byte_fallback; /* unknown bytes become <0x00> .. <0xFF> where all are there */
    int64_t byte_ids[256];
} unigram;

/* ---- reading --------------------------------------------------------------------------------- */

static lt_status bad_entry(const lt_part *where, size_t i, const char *what, lt_error *err)
{
    return lt_fail(err, LT_EINVAL, "%s: %s: entry %zu of the vocabulary %s", where->file,
                   where->part, i, what);
}

/* Checks the entries and counts their bytes. */
static lt_status measure(yyjson_val *vocab, const lt_part *where, size_t *bytes, lt_error *err)
{
    yyjson_val *entry;
    size_t i, max;

    *bytes = 0;
    yyjson_arr_foreach(vocab, i, max, entry)
    {
        yyjson_val *piece = yyjson_arr_get_first(entry);

        if (yyjson_arr_size(entry) != 2 || !yyjson_is_str(piece))
            return bad_entry(where, i, "is not a piece with its score", err);
        if (yyjson_get_len(piece) > LT_LIMIT_PIECE_BYTES)
            return lt_fail(err, LT_ELIMIT,
                           "%s: %s: entry %zu of the vocabulary is longer than %u "
                           "bytes",
                           where->file, where->part, i, LT_LIMIT_PIECE_BYTES);
        *bytes += yyjson_get_len(piece) + 1;
    }
    if (yyjson_arr_size(vocab) >= INT32_MAX || *bytes >= UINT32_MAX)
        return lt_fail(err, LT_ELIMIT, "%s: %s: the vocabulary is too large", where->file,
                       where->part);
    return LT_OK;
}

static lt_status read_entries(unigram *m, yyjson_val *vocab, const lt_part *where,
                              lt_trie_key *keys, lt_error *err)
{
    yyjson_val *entry;
    size_t i, max, pos = 0;
    double lowest = HUGE_VAL;

    yyjson_arr_foreach(vocab, i, max, entry)
    {
        yyjson_val *piece = yyjson_arr_get_first(entry);
        size_t len = yyjson_get_len(piece);

        if (!lt_json_double(yyjson_arr_get_last(entry), &m->scores[i]))
            return bad_entry(where, i, "has no score", err);
        memcpy(m->text + pos, yyjson_get_str(piece), len);
        m->starts[i] = (uint32_t)pos;
        keys[i] = (lt_trie_key){m->text + pos, (uint32_t)len, (uint32_t)i, 0};
        pos += len + 1;
        lowest = m->scores[i] < lowest ? m->scores[i] : lowest;
    }
    m->n = i;
    m->unknown_score = lowest - unknown_penalty;
    return lt_trie_build(&m->trie, keys, m->n, err);
}

static lt_status read_vocab(unigram *m, yyjson_val *json, const lt_part *where, lt_error *err)
{
    yyjson_val *vocab;
    size_t bytes, n;

    LT_TRY(lt_field_array(json, "vocab", where, &vocab, err));
    n = yyjson_arr_size(vocab);
    LT_TRY(measure(vocab, where, &bytes, err));
    LT_AUTOFREE lt_trie_key *keys = lt_calloc(n, sizeof *keys);

    m->scores = lt_calloc(n, sizeof *m->scores);
    m->starts = lt_calloc(n, sizeof *m->starts);
    m->text = lt_calloc(bytes, 1);
    if (!keys || !m->scores || !m->starts || !m->text)
        return lt_fail_nomem(err);
    return read_entries(m, vocab, where, keys, err);
}

static lt_status read_unknown(unigram *m, yyjson_val *json, const lt_part *where, lt_error *err)
{
    yyjson_val *value = yyjson_obj_get(json, "unk_id");
    uint32_t id;

    m->unknown_id = -1;
    if (!value || yyjson_is_null(value))
        return LT_OK;
    if (!lt_json_u32(value, &id))
        return lt_fail(err, LT_EINVAL, "%s: %s: 'unk_id' is not a whole number", where->file,
                       where->part);
    if (id >= m->n)
        return lt_fail(err, LT_EINVAL, "%s: %s: 'unk_id' is %u but the vocabulary has %zu entries",
                       where->file, where->part, id, m->n);
    m->unknown_id = id;
    return LT_OK;
}

static const lt_subword_ops unigram_ops;

static lt_status read_model(unigram *m, yyjson_val *json, const lt_part *where, lt_error *err)
{
    char name[8];

    LT_TRY(read_vocab(m, json, where, err));
    LT_TRY(read_unknown(m, json, where, err));
    LT_TRY(lt_field_bool(json, "byte_fallback", false, where, &m->byte_fallback, err));
    for (unsigned i = 0; i < 256; i++) {
        int n = snprintf(name, sizeof name, "<0x%02X>", i);

        m->byte_ids[i] = lt_trie_find(&m->trie, name, (size_t)n);
    }
    return LT_OK;
}

static void unigram_close(lt_subword *base)
{
    unigram *m = (unigram *)base;

    lt_trie_done(&m->trie);
    lt_free(m->scores);
    lt_free(m->starts);
    lt_free(m->text);
    lt_free(m);
}

lt_status lt_unigram_open(yyjson_val *json, const lt_part *where, lt_subword **out, lt_error *err)
{
    unigram *m = lt_calloc(1, sizeof *m);

    if (!m)
        return lt_fail_nomem(err);
    m->base.ops = &unigram_ops;
    lt_status st = read_model(m, json, where, err);

    if (st != LT_OK) {
        unigram_close(&m->base);
        return st;
    }
    *out = &m->base;
    return LT_OK;
}

/* ---- segmenting ------------------------------------------------------------------------------ */

/* The best way to an end in the piece: its last entry and where that begins. */
typedef struct best {
    double score;
    uint32_t start; /* UNREACHED: no way was found yet */
    uint32_t id;
} best;

#define UNREACHED UINT32_MAX

static bool is_better(const best *at, double score)
{
    return at->start == UNREACHED || score > at->score;
}

/* Offers all entries that begin at `i`, shortest first. True where one is a single character. */
static bool offer_entries(const unigram *m, best *ways, const char *s, size_t n, size_t i,
                          size_t char_len)
{
    double score = ways[i].score;
    bool single = false;
    uint32_t node = 0;

    for (size_t j = i; j < n; j++) {
        node = lt_trie_step(&m->trie, node, (uint8_t)s[j]);
        if (node == 0)
            break;
        int32_t id = m->trie.values[node];

        if (id < 0)
            continue;
        if (is_better(&ways[j + 1], m->scores[id] + score))
            ways[j + 1] = (best){m->scores[id] + score, (uint32_t)i, (uint32_t)id};
        single |= j + 1 - i == char_len;
    }
    return single;
}

static lt_status find_ways(const unigram *m, best *ways, const char *s, size_t n, lt_error *err)
{
    for (size_t i = 0; i <= n; i++)
        ways[i] = (best){0, UNREACHED, 0};
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t char_len = lt_utf8_decode(s + i, n - i, &cp, NULL);

        if (!offer_entries(m, ways, s, n, i, char_len)) {
            double score = m->unknown_score + ways[i].score;

            if (is_better(&ways[i + char_len], score)) {
                if (m->unknown_id < 0)
                    return lt_fail(err, LT_EINVAL,
                                   "the tokenizer has no entry for U+%04X and no "
                                   "unknown token",
                                   cp);
                ways[i + char_len] = (best){score, (uint32_t)i, (uint32_t)m->unknown_id};
            }
        }
        i += char_len;
    }
    return LT_OK;
}

/* Appends the ids of a run of unknown characters, last first. The run may be an entry after all. */
static lt_status add_unknown(const unigram *m, const char *run, size_t n, lt_tokens *out,
                             lt_error *err)
{
    int64_t id = lt_trie_find(&m->trie, run, n);
    bool all = m->byte_fallback;

    if (id >= 0)
        return lt_tokens_add(out, id, err);
    for (size_t i = 0; i < n && all; i++)
        all = m->byte_ids[(uint8_t)run[i]] >= 0;
    if (!all)
        return lt_tokens_add(out, m->unknown_id, err);
    for (size_t i = n; i > 0; i--)
        LT_TRY(lt_tokens_add(out, m->byte_ids[(uint8_t)run[i - 1]], err));
    return LT_OK;
}

/* Follows the best way from its end and appends its ids, last first. Unknown characters side by
 * side are one. */
static lt_status add_way(const unigram *m, const best *ways, const char *s, size_t n,
                         lt_tokens *out, lt_error *err)
{
    for (size_t end = n; end > 0;) {
        size_t start = ways[end].start;

        if (ways[end].id != m->unknown_id) {
            LT_TRY(lt_tokens_add(out, ways[end].id, err));
            end = start;
            continue;
        }
        while (start > 0 && ways[start].id == m->unknown_id)
            start = ways[start].start;
        LT_TRY(add_unknown(m, s + start, end - start, out, err));
        end = start;
    }
    return LT_OK;
}

static void reverse(int64_t *ids, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        int64_t id = ids[i];

        ids[i] = ids[n - 1 - i];
        ids[n - 1 - i] = id;
    }
}

static lt_status unigram_encode(const lt_subword *base, const char *piece, size_t n, lt_buf *work,
                                lt_tokens *out, lt_error *err)
{
    const unigram *m = (const unigram *)base;
    size_t begin = out->n;

    lt_buf_clear(work);
    LT_TRY(lt_buf_reserve(work, (n + 1) * sizeof(best), err));
    best *ways = (best *)(void *)work->data;

    LT_TRY(find_ways(m, ways, piece, n, err));
    LT_TRY(add_way(m, ways, piece, n, out, err));
    if (out->n > begin)
        reverse(out->ids + begin, out->n - begin);
    return LT_OK;
}

/* ---- the vocabulary -------------------------------------------------------------------------- */

static size_t unigram_size(const lt_subword *base)
{
    return ((const unigram *)base)->n;
}

static const char *unigram_piece(const lt_subword *base, size_t id)
{
    const unigram *m = (const unigram *)base;

    return m->text + m->starts[id];
}

static int64_t unigram_find(const lt_subword *base, const char *piece, size_t n)
{
    return lt_trie_find(&((const unigram *)base)->trie, piece, n);
}

static const lt_subword_ops unigram_ops = {unigram_close, unigram_encode, unigram_size,
                                           unigram_piece, unigram_find};
