/* SPDX-License-Identifier: Apache-2.0
 * A pattern is a list of sets of code points, each matched once, the last one between n_min and
 * n_max times. A string is the same with one code point a set. */
#include "replace.h"

#include <base/mem.h>
#include <base/utf8.h>
#include <string.h>

#include "unicode.h"

enum { SETS_MAX = 256, RANGES_MAX = 1024, REPEAT_MAX = 255 };

typedef struct cp_range {
    uint32_t first, last;
} cp_range;

typedef struct cp_set {
    uint32_t first_range, n_ranges; /* in lt_replace.ranges */
    bool negated;
    bool spaces; /* also all white space (\s) */
} cp_set;

struct lt_replace {
    cp_set sets[SETS_MAX];
    size_t n_sets;
    cp_range ranges[RANGES_MAX];
    size_t n_ranges;
    size_t n_min, n_max; /* repetitions of the last set; n_max 0: no end */
    char *content;
    size_t content_len;
};

/* ---- reading a pattern ----------------------------------------------------------------------- */

typedef struct reader {
    const char *s;
    size_t n, pos;
} reader;

static bool at_end(const reader *r)
{
    return r->pos >= r->n;
}

static char peek(const reader *r)
{
    return r->pos < r->n ? r->s[r->pos] : '\0';
}

static uint32_t next_cp(reader *r)
{
    uint32_t cp;

    r->pos += lt_utf8_decode(r->s + r->pos, r->n - r->pos, &cp, NULL);
    return cp;
}

static bool add_range(lt_replace *p, cp_set *set, uint32_t first, uint32_t last)
{
    if (p->n_ranges == RANGES_MAX || first > last)
        return false;
    p->ranges[p->n_ranges++] = (cp_range){first, last};
    set->n_ranges++;
    return true;
}

/* What stands behind a backslash as one code point; false for what means more than itself. */
static bool escaped_cp(reader *r, uint32_t *cp)
{
    if (at_end(r))
        return false;
    *cp = next_cp(r);
    switch (*cp) {
    case 'n':
        *cp = '\n';
        return true;
    case 'r':
        *cp = '\r';
        return true;
    case 't':
        *cp = '\t';
        return true;
    case 'f':
        *cp = '\f';
        return true;
    default:
        return *cp < 0x80 && *cp > ' ' && !lt_unicode_is_word(*cp);
    }
}

static bool read_class(lt_replace *p, reader *r, cp_set *set)
{
    bool any = false;

    if (peek(r) == '^') {
        set->negated = true;
        r->pos++;
    }
    while (!at_end(r) && peek(r) != ']') {
        uint32_t first, last;

        any = true;
        if (peek(r) == '[' || (peek(r) == '&' && r->pos + 1 < r->n && r->s[r->pos + 1] == '&'))
            return false;
        if (peek(r) == '\\' && r->pos + 1 < r->n && r->s[r->pos + 1] == 's') {
            set->spaces = true;
            r->pos += 2;
            continue;
        }
        first = next_cp(r);
        if (first == '\\' && !escaped_cp(r, &first))
            return false;
        last = first;
        if (peek(r) == '-' && r->pos + 1 < r->n && r->s[r->pos + 1] != ']') {
            r->pos++;
            last = next_cp(r);
            if (last == '[' || (last == '\\' && !escaped_cp(r, &last)))
                return false;
        }
        if (!add_range(p, set, first, last))
            return false;
    }
    if (at_end(r) || !any)
        return false;
    r->pos++;
    return true;
}

static bool read_set(lt_replace *p, reader *r, cp_set *set)
{
    static const char operators[] = "^$.|?*+(){}[]\\";
    uint32_t cp = next_cp(r);

    if (cp == '[')
        return read_class(p, r, set);
    if (cp == '\\') {
        if (peek(r) == 's') {
            r->pos++;
            set->spaces = true;
            return true;
        }
        return escaped_cp(r, &cp) && add_range(p, set, cp, cp);
    }
    if (cp < 0x80 && (cp == 0 || strchr(operators, (int)cp)))
        return false;
    return add_range(p, set, cp, cp);
}

static bool read_count(reader *r, size_t *out)
{
    size_t begin = r->pos;

    *out = 0;
    while (peek(r) >= '0' && peek(r) <= '9' && *out <= REPEAT_MAX)
        *out = *out * 10 + (size_t)(r->s[r->pos++] - '0');
    return r->pos > begin && *out <= REPEAT_MAX;
}

/* "+", "{m}", "{m,}" or "{m,n}" at the end of the pattern. */
static bool read_repeat(lt_replace *p, reader *r)
{
    if (peek(r) == '+') {
        r->pos++;
        p->n_max = 0;
        return at_end(r);
    }
    if (peek(r) != '{')
        return false;
    r->pos++;
    if (!read_count(r, &p->n_min) || p->n_min == 0)
        return false;
    p->n_max = p->n_min;
    if (peek(r) == ',') {
        r->pos++;
        p->n_max = 0;
        if (peek(r) != '}' && (!read_count(r, &p->n_max) || p->n_max < p->n_min))
            return false;
    }
    if (peek(r) != '}')
        return false;
    r->pos++;
    return at_end(r);
}

static bool read_regex(lt_replace *p, const char *pattern, size_t n)
{
    reader r = {pattern, n, 0};

    while (!at_end(&r)) {
        if (p->n_sets > 0 && (peek(&r) == '+' || peek(&r) == '{'))
            return read_repeat(p, &r);
        if (p->n_sets == SETS_MAX)
            return false;
        cp_set *set = &p->sets[p->n_sets++];

        *set = (cp_set){.first_range = (uint32_t)p->n_ranges};
        if (!read_set(p, &r, set))
            return false;
    }
    return p->n_sets > 0;
}

static bool read_string(lt_replace *p, const char *pattern, size_t n)
{
    reader r = {pattern, n, 0};

    while (!at_end(&r)) {
        if (p->n_sets == SETS_MAX)
            return false;
        cp_set *set = &p->sets[p->n_sets++];
        uint32_t cp = next_cp(&r);

        *set = (cp_set){.first_range = (uint32_t)p->n_ranges};
        if (!add_range(p, set, cp, cp))
            return false;
    }
    return p->n_sets > 0;
}

static lt_status read_pattern(lt_replace *p, yyjson_val *json, const lt_part *where, lt_error *err)
{
    yyjson_val *pattern = yyjson_obj_get(json, "pattern");
    yyjson_val *string = yyjson_obj_get(pattern, "String");
    yyjson_val *regex = yyjson_obj_get(pattern, "Regex");
    yyjson_val *value = string ? string : regex;

    p->n_min = p->n_max = 1;
    if (!yyjson_is_str(value))
        return lt_fail(err, LT_EINVAL, "%s: %s: 'pattern' has neither a String nor a Regex",
                       where->file, where->part);
    const char *text = yyjson_get_str(value);

    if (string ? read_string(p, text, yyjson_get_len(value))
               : read_regex(p, text, yyjson_get_len(value)))
        return LT_OK;
    return lt_fail(err, LT_EUNSUPPORTED, "%s: %s: the %s '%.100s' is not supported", where->file,
                   where->part, string ? "string" : "regular expression", text);
}

lt_status lt_replace_open(yyjson_val *json, const lt_part *where, lt_replace **out, lt_error *err)
{
    const char *content;
    size_t n;

    LT_TRY(lt_field_string(json, "content", where, &content, &n, err));
    lt_replace *r = lt_calloc(1, sizeof *r);

    if (!r)
        return lt_fail_nomem(err);
    lt_status st = read_pattern(r, json, where, err);

    if (st == LT_OK) {
        r->content = lt_strndup(content, n);
        r->content_len = n;
        if (!r->content)
            st = lt_fail_nomem(err);
    }
    if (st != LT_OK) {
        lt_replace_close(r);
        return st;
    }
    *out = r;
    return LT_OK;
}

void lt_replace_close(lt_replace *r)
{
    if (!r)
        return;
    lt_free(r->content);
    lt_free(r);
}

/* ---- matching -------------------------------------------------------------------------------- */

static bool in_set(const lt_replace *r, const cp_set *set, uint32_t cp)
{
    bool in = set->spaces && lt_unicode_is_space(cp);

    for (uint32_t i = 0; i < set->n_ranges && !in; i++) {
        const cp_range *range = &r->ranges[set->first_range + i];

        in = cp >= range->first && cp <= range->last;
    }
    return in != set->negated;
}

/* The length of the match that begins the bytes; 0: there is none. */
static size_t match(const lt_replace *r, const char *s, size_t n)
{
    size_t pos = 0, n_last = 0;

    for (size_t i = 0; i < r->n_sets;) {
        bool last = i + 1 == r->n_sets;
        uint32_t cp;
        size_t used = pos < n ? lt_utf8_decode(s + pos, n - pos, &cp, NULL) : 0;

        if (used == 0 || !in_set(r, &r->sets[i], cp))
            return last && n_last >= r->n_min ? pos : 0;
        pos += used;
        if (!last)
            i++;
        else if (++n_last == r->n_max)
            return pos;
    }
    return pos;
}

lt_status lt_replace_apply(const lt_replace *r, lt_ntext *t, lt_error *err)
{
    size_t n = t->text.len, copied = 0;

    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t len = match(r, t->text.data + i, n - i);

        if (len == 0) {
            i += lt_utf8_decode(t->text.data + i, n - i, &cp, NULL);
            continue;
        }
        LT_TRY(lt_ntext_copy(t, copied, i, err));
        i += len;
        LT_TRY(lt_ntext_insert(t, r->content, r->content_len, t->first.data[i - 1], err));
        copied = i;
    }
    LT_TRY(lt_ntext_copy(t, copied, n, err));
    lt_ntext_swap(t);
    return LT_OK;
}
