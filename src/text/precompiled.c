/* SPDX-License-Identifier: Apache-2.0
 * What is looked up and replaced is odd but settled, since models were trained with it. A cluster
 * below six bytes is looked up whole, else each of its characters; the replacement is that of the
 * shortest key that the piece begins with, yet it takes the place of the whole piece. So a mark on
 * a no-break space goes with it. */
#include "precompiled.h"

#include <base/base64.h>
#include <base/mem.h>
#include <base/utf8.h>
#include <endian.h>
#include <string.h>

#include "grapheme.h"

enum { LOOKED_UP_WHOLE = 5 }; /* bytes */

/* ---- the double array ------------------------------------------------------------------------ */

static uint32_t label_of(uint32_t unit)
{
    return unit & (1u << 31 | 0xff);
}

static uint32_t offset_of(uint32_t unit)
{
    return (unit >> 10) << ((unit & 1u << 9) >> 6);
}

static bool has_leaf(uint32_t unit)
{
    return unit >> 8 & 1;
}

static uint32_t value_of(uint32_t unit)
{
    return unit & ((1u << 31) - 1);
}

/* The replacement for the shortest key that the bytes begin with; NULL: no key. */
static const char *look_up(const lt_precompiled *p, const char *bytes, size_t n, size_t *len)
{
    size_t pos = offset_of(p->units[0]);

    for (size_t i = 0; i < n && bytes[i] != '\0'; i++) {
        uint8_t c = (uint8_t)bytes[i];

        pos ^= c;
        if (pos >= p->n_units || label_of(p->units[pos]) != c)
            return NULL;
        uint32_t unit = p->units[pos];

        pos ^= offset_of(unit);
        if (has_leaf(unit) && pos < p->n_units) {
            const char *found = p->strings + value_of(p->units[pos]);

            *len = strlen(found);
            return found;
        }
    }
    return NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Standard alphabet, padded. The result has n / 4 * 3 bytes less the padding; NULL: not base64. */
static bool decode_base64(const char *text, size_t n, uint8_t *out, size_t *out_len)
{
    size_t len = 0, pad = 0;

    if (n == 0 || n % 4 != 0)
        return false;
    while (pad < 2 && text[n - 1 - pad] == '=')
        pad++;
    for (size_t i = 0; i < n; i += 4) {
        uint32_t group = 0;

        for (size_t k = 0; k < 4; k++) {
            int digit = i + k >= n - pad ? 0 : lt_base64_digit(text[i + k]);

            if (digit < 0)
                return false;
            group = group << 6 | (uint32_t)digit;
        }
        out[len++] = (uint8_t)(group >> 16);
        out[len++] = (uint8_t)(group >> 8);
        out[len++] = (uint8_t)group;
    }
    *out_len = len - pad;
    return true;
}

static lt_status broken(const lt_part *where, const char *what, lt_error *err)
{
    return lt_fail(err, LT_EINVAL, "%s: %s: precompiled_charsmap %s", where->file, where->part,
                   what);
}

static lt_status check_leaf(const lt_precompiled *p, size_t pos, const lt_part *where,
                            lt_error *err)
{
    if (pos >= p->n_units)
        return broken(where, "has a leaf beyond its end", err);
    uint32_t value = value_of(p->units[pos]);

    if (value > p->strings_len)
        return broken(where, "has a replacement beyond its end", err);
    if (((uint8_t)p->strings[value] & 0xc0) == 0x80)
        return broken(where, "has a replacement that begins inside a character", err);
    return LT_OK;
}

/* Walks all that can be reached, so that a lookup needs no more than its bounds checks. A node is
 * known by its base, the place that its children's labels are combined with; unit i with label c
 * can only be a child of base i ^ c, which gives each base the list of its children in one pass.
 * Bases may be shared (the builder merges equal branches) and a hostile map may even have loops:
 * each is visited once, and a lookup ends with its text. */
static lt_status check_units(const lt_precompiled *p, const lt_part *where, lt_error *err)
{
    size_t n = (p->n_units + 255) / 256 * 256; /* bases of a block's units lie in the block */
    LT_AUTOFREE uint32_t *child = lt_calloc(n, sizeof *child);
    LT_AUTOFREE uint32_t *sibling = lt_calloc(n, sizeof *sibling);
    LT_AUTOFREE uint32_t *queue = lt_calloc(n, sizeof *queue);
    LT_AUTOFREE uint8_t *seen = lt_calloc(n, 1);
    size_t n_queue = 0, root = offset_of(p->units[0]);

    if (!child || !sibling || !queue || !seen)
        return lt_fail_nomem(err);
    if (root >= n)
        return broken(where, "has a root beyond its end", err);
    for (uint32_t i = 1; i < p->n_units; i++) {
        uint32_t label = label_of(p->units[i]);

        if (label == 0 || label > 0xff)
            continue;
        sibling[i] = child[i ^ label];
        child[i ^ label] = i;
    }
    seen[root] = 1;
    queue[n_queue++] = (uint32_t)root;
    for (size_t k = 0; k < n_queue; k++) {
        for (uint32_t i = child[queue[k]]; i != 0; i = sibling[i]) {
            size_t base = i ^ offset_of(p->units[i]);

            if (base >= n)
                return broken(where, "has a branch beyond its end", err);
            if (has_leaf(p->units[i]))
                LT_TRY(check_leaf(p, base, where, err));
            if (!seen[base]) {
                seen[base] = 1;
                queue[n_queue++] = (uint32_t)base;
            }
        }
    }
    return LT_OK;
}

static lt_status split_map(lt_precompiled *p, const uint8_t *bytes, size_t n, const lt_part *where,
                           lt_error *err)
{
    uint32_t size;

    if (n < sizeof size)
        return broken(where, "is cut short", err);
    memcpy(&size, bytes, sizeof size);
    size = le32toh(size);
    p->n_units = size / 4;
    if (p->n_units == 0)
        return broken(where, "has an empty table", err);
    if (p->n_units * 4 > n - 4)
        return broken(where, "is shorter than its table says", err);
    p->units = lt_malloc(p->n_units * sizeof *p->units);
    p->strings_len = n - 4 - p->n_units * 4;
    p->strings = lt_strndup((const char *)bytes + 4 + p->n_units * 4, p->strings_len);
    if (!p->units || !p->strings)
        return lt_fail_nomem(err);
    memcpy(p->units, bytes + 4, p->n_units * 4);
    for (size_t i = 0; i < p->n_units; i++)
        p->units[i] = le32toh(p->units[i]);
    if (!lt_utf8_valid(p->strings, p->strings_len))
        return broken(where, "has replacements that are not UTF-8", err);
    return check_units(p, where, err);
}

lt_status lt_precompiled_open(lt_precompiled *p, const char *base64, size_t n, const lt_part *where,
                              lt_error *err)
{
    LT_AUTOFREE uint8_t *bytes = lt_malloc(n / 4 * 3);
    size_t len;

    *p = (lt_precompiled){0};
    if (!bytes)
        return lt_fail_nomem(err);
    if (!decode_base64(base64, n, bytes, &len))
        return broken(where, "is not base64", err);
    lt_status st = split_map(p, bytes, len, where, err);

    if (st != LT_OK)
        lt_precompiled_done(p);
    return st;
}

void lt_precompiled_done(lt_precompiled *p)
{
    lt_free(p->units);
    lt_free(p->strings);
    *p = (lt_precompiled){0};
}

/* ---- applying -------------------------------------------------------------------------------- */

static int count_chars(const char *s, size_t n)
{
    int count = 0;

    for (size_t i = 0; i < n; i++)
        count += ((uint8_t)s[i] & 0xc0) != 0x80;
    return count;
}

/* Notes `with` in the place of `piece`. Of characters too many the last are additions; of too few
 * the last one noted swallows the rest, be it of an earlier piece. */
static lt_status replace(lt_ntext *t, const char *piece, size_t piece_len, const char *with,
                         size_t with_len, lt_error *err)
{
    int n_old = count_chars(piece, piece_len), n_new = count_chars(with, with_len), n = 0;

    for (size_t i = 0; i < with_len; n++) {
        uint32_t cp;

        i += lt_utf8_decode(with + i, with_len - i, &cp, NULL);
        LT_TRY(lt_ntext_change(t, cp, n >= n_old, err));
    }
    if (n_new < n_old && t->n_changes > 0)
        t->changes[t->n_changes - 1].change += n_new - n_old;
    return LT_OK;
}

static lt_status apply_to_chars(const lt_precompiled *p, lt_ntext *t, const char *piece, size_t n,
                                lt_error *err)
{
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t len, used = lt_utf8_decode(piece + i, n - i, &cp, NULL);
        const char *with = look_up(p, piece + i, used, &len);

        if (with)
            LT_TRY(replace(t, piece + i, used, with, len, err));
        else
            LT_TRY(lt_ntext_change(t, cp, 0, err));
        i += used;
    }
    return LT_OK;
}

lt_status lt_precompiled_apply(const lt_precompiled *p, lt_ntext *t, lt_error *err)
{
    const char *text = t->text.data;
    size_t n = t->text.len;

    for (size_t i = 0; i < n;) {
        size_t used = lt_grapheme_len(text + i, n - i), len;
        const char *with = used <= LOOKED_UP_WHOLE ? look_up(p, text + i, used, &len) : NULL;

        if (with)
            LT_TRY(replace(t, text + i, used, with, len, err));
        else
            LT_TRY(apply_to_chars(p, t, text + i, used, err));
        i += used;
    }
    return lt_ntext_apply(t, 0, err);
}
