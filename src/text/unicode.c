/* SPDX-License-Identifier: Apache-2.0
 * The lists were found by asking the library and utf8proc 2.8 (Unicode 15) about every code point;
 * tests/python/tokenizer_live.py asks again. */
#include "unicode.h"

#include <utf8proc.h>

typedef struct range {
    uint32_t first, last;
} range;

/* clang-format off */
/* Marks of Unicode 15 that Unicode 9 did not have: no marks here, combining class 0. */
static const range new_marks[] = {
    {0x07fd, 0x07fd}, {0x0898, 0x089f}, {0x08ca, 0x08d3}, {0x09fe, 0x09fe}, {0x0afa, 0x0aff},
    {0x0b55, 0x0b55}, {0x0c04, 0x0c04}, {0x0c3c, 0x0c3c}, {0x0cf3, 0x0cf3}, {0x0d00, 0x0d00},
    {0x0d3b, 0x0d3c}, {0x0d81, 0x0d81}, {0x0eba, 0x0eba}, {0x0ece, 0x0ece}, {0x1715, 0x1715},
    {0x180f, 0x180f}, {0x1abf, 0x1ace}, {0x1cf7, 0x1cf7}, {0x1df6, 0x1dfa}, {0xa82c, 0xa82c},
    {0xa8ff, 0xa8ff}, {0x10d24, 0x10d27}, {0x10eab, 0x10eac}, {0x10efd, 0x10eff},
    {0x10f46, 0x10f50}, {0x10f82, 0x10f85}, {0x11070, 0x11070}, {0x11073, 0x11074},
    {0x110c2, 0x110c2}, {0x11145, 0x11146}, {0x111c9, 0x111c9}, {0x111ce, 0x111cf},
    {0x11241, 0x11241}, {0x1133b, 0x1133b}, {0x1145e, 0x1145e}, {0x1182c, 0x1183a},
    {0x11930, 0x11935}, {0x11937, 0x11938}, {0x1193b, 0x1193e}, {0x11940, 0x11940},
    {0x11942, 0x11943}, {0x119d1, 0x119d7}, {0x119da, 0x119e0}, {0x119e4, 0x119e4},
    {0x11a01, 0x11a0a}, {0x11a33, 0x11a39}, {0x11a3b, 0x11a3e}, {0x11a47, 0x11a47},
    {0x11a51, 0x11a5b}, {0x11a8a, 0x11a99}, {0x11d31, 0x11d36}, {0x11d3a, 0x11d3a},
    {0x11d3c, 0x11d3d}, {0x11d3f, 0x11d45}, {0x11d47, 0x11d47}, {0x11d8a, 0x11d8e},
    {0x11d90, 0x11d91}, {0x11d93, 0x11d97}, {0x11ef3, 0x11ef6}, {0x11f00, 0x11f01},
    {0x11f03, 0x11f03}, {0x11f34, 0x11f3a}, {0x11f3e, 0x11f42}, {0x13440, 0x13440},
    {0x13447, 0x13455}, {0x16f4f, 0x16f4f}, {0x16f7f, 0x16f87}, {0x16fe4, 0x16fe4},
    {0x16ff0, 0x16ff1}, {0x1cf00, 0x1cf2d}, {0x1cf30, 0x1cf46}, {0x1e08f, 0x1e08f},
    {0x1e130, 0x1e136}, {0x1e2ae, 0x1e2ae}, {0x1e2ec, 0x1e2ef}, {0x1e4ec, 0x1e4ef},
};

/* Code points that got a decomposition since Unicode 9: they have none here. */
static const range new_decompositions[] = {
    {0x32ff, 0x32ff}, {0xa7f2, 0xa7f4}, {0xab69, 0xab69}, {0x10781, 0x10785}, {0x10787, 0x107b0},
    {0x107b2, 0x107ba}, {0x11938, 0x11938}, {0x1e030, 0x1e06d}, {0x1f16c, 0x1f16c},
    {0x1fbf0, 0x1fbf9},
};

/* Word characters beside the categories L, M, Nd, Nl and Pc: alphabetic symbols, the joiners, and
 * what came with Unicode 16. */
static const range more_words[] = {
    {0x0897, 0x0897}, {0x1c89, 0x1c8a}, {0x200c, 0x200d}, {0x24b6, 0x24e9}, {0xa7cb, 0xa7cd},
    {0xa7da, 0xa7dc}, {0x105c0, 0x105f3}, {0x10d40, 0x10d65}, {0x10d69, 0x10d6d},
    {0x10d6f, 0x10d85}, {0x10ec2, 0x10ec4}, {0x10efc, 0x10efc}, {0x11380, 0x11389},
    {0x1138b, 0x1138b}, {0x1138e, 0x1138e}, {0x11390, 0x113b5}, {0x113b7, 0x113c0},
    {0x113c2, 0x113c2}, {0x113c5, 0x113c5}, {0x113c7, 0x113ca}, {0x113cc, 0x113d3},
    {0x113e1, 0x113e2}, {0x116d0, 0x116e3}, {0x11bc0, 0x11be0}, {0x11bf0, 0x11bf9},
    {0x11f5a, 0x11f5a}, {0x13460, 0x143fa}, {0x16100, 0x16139}, {0x16d40, 0x16d6c},
    {0x16d70, 0x16d79}, {0x18cff, 0x18cff}, {0x1ccf0, 0x1ccf9}, {0x1e5d0, 0x1e5fa},
    {0x1f130, 0x1f149}, {0x1f150, 0x1f169}, {0x1f170, 0x1f189}, {0x2ebf0, 0x2ee5d},
};
/* clang-format on */

/* Lower case that came behind Unicode 15: `last` - `first` + 1 letters, each `step` away. */
static const struct lower_range {
    uint32_t first, last;
    int32_t step;
} new_lower[] = {
    {0x1c89, 0x1c89, 1},      {0xa7cb, 0xa7cb, 0x264 - 0xa7cb},
    {0xa7cc, 0xa7cc, 1},      {0xa7ce, 0xa7ce, 1},
    {0xa7d2, 0xa7d2, 1},      {0xa7d4, 0xa7d4, 1},
    {0xa7da, 0xa7da, 1},      {0xa7dc, 0xa7dc, 0x19b - 0xa7dc},
    {0x10d50, 0x10d65, 0x20}, {0x16ea0, 0x16eb8, 0x1b},
};

#define IN(cp, table) in_ranges(cp, table, sizeof(table) / sizeof *(table))

static bool in_ranges(uint32_t cp, const range *ranges, size_t n)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (cp > ranges[mid].last)
            low = mid + 1;
        else if (cp < ranges[mid].first)
            high = mid;
        else
            return true;
    }
    return false;
}

bool lt_unicode_is_space(uint32_t cp)
{
    return (cp >= 9 && cp <= 13) || cp == ' ' || cp == 0x85 || cp == 0xa0 || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 || cp == 0x202f ||
           cp == 0x205f || cp == 0x3000;
}

bool lt_unicode_is_word(uint32_t cp)
{
    switch (utf8proc_category((utf8proc_int32_t)cp)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
        return true;
    default:
        return IN(cp, more_words);
    }
}

bool lt_unicode_is_lower(uint32_t cp)
{
    return utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_LL;
}

bool lt_unicode_is_mark(uint32_t cp)
{
    switch (utf8proc_category((utf8proc_int32_t)cp)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        return !IN(cp, new_marks);
    default:
        return cp == 0x1cf2 || cp == 0x1cf3; /* letters since Unicode 12 */
    }
}

size_t lt_unicode_lower(uint32_t cp, uint32_t out[2])
{
    if (cp < 0x80) {
        out[0] = cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
        return 1;
    }
    if (cp == 0x130) {
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    out[0] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
    for (size_t i = 0; i < sizeof new_lower / sizeof *new_lower; i++)
        if (cp >= new_lower[i].first && cp <= new_lower[i].last)
            out[0] = (uint32_t)((int32_t)cp + new_lower[i].step);
    return 1;
}

size_t lt_unicode_decompose(uint32_t cp, bool compatible, uint32_t out[LT_DECOMPOSED_MAX])
{
    utf8proc_int32_t parts[LT_DECOMPOSED_MAX];
    int last_class = 0;
    int options = UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0);

    out[0] = cp;
    if (cp < 0xa0 || IN(cp, new_decompositions))
        return 1;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)cp, parts, LT_DECOMPOSED_MAX,
                                                 (utf8proc_option_t)options, &last_class);

    if (n < 1 || n > LT_DECOMPOSED_MAX)
        return 1;
    for (utf8proc_ssize_t i = 0; i < n; i++)
        out[i] = (uint32_t)parts[i];
    return (size_t)n;
}

unsigned lt_unicode_combining_class(uint32_t cp)
{
    if (cp < 0x300 || IN(cp, new_marks))
        return 0;
    return (unsigned)utf8proc_get_property((utf8proc_int32_t)cp)->combining_class;
}

uint32_t lt_unicode_compose(uint32_t a, uint32_t b)
{
    utf8proc_int32_t pair[3] = {(utf8proc_int32_t)a, (utf8proc_int32_t)b, 0};
    int options = UTF8PROC_COMPOSE | UTF8PROC_STABLE;

    if (b < 0x300)
        return 0;
    if (utf8proc_normalize_utf32(pair, 2, (utf8proc_option_t)options) != 1)
        return 0;
    return IN((uint32_t)pair[0], new_decompositions) ? 0 : (uint32_t)pair[0];
}
