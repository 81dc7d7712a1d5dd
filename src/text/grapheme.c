/* SPDX-License-Identifier: Apache-2.0
 * The rules GB3 to GB999 as a forward scan: what lies before the pair of code points in question is
 * kept as three facts (regional indicators seen, a pictograph with extenders, an Indic consonant
 * with linkers), so a cluster costs one look at each of its code points. */
#include "grapheme.h"

#include <base/utf8.h>

enum break_class { OTHER, CN, CR, LF, EX, ZJ, SM, PP, RI, EP, IC, HL, HV, HT, HLV, HLVT };

#include "grapheme_table.h"

static enum break_class class_of(uint32_t cp)
{
    size_t low = 0, high = sizeof class_ranges / sizeof *class_ranges;

    if (cp >= 0x20 && cp < 0x7f)
        return OTHER;
    if (cp >= 0xac00 && cp <= 0xd7a3)
        return (cp - 0xac00) % 28 ? HLVT : HLV;
    while (low < high) {
        size_t mid = (low + high) / 2;

        if (cp > class_ranges[mid].last)
            low = mid + 1;
        else if (cp < class_ranges[mid].first)
            high = mid;
        else
            return (enum break_class)class_ranges[mid].class;
    }
    return OTHER;
}

/* Indic_Conjunct_Break=Linker: the viramas that join two consonants. */
static bool is_linker(uint32_t cp)
{
    static const uint32_t linkers[] = {0x94d,   0x9cd,   0xacd,   0xb4d,   0xc4d,   0xd4d,  0x1039,
                                       0x17d2,  0x1a60,  0x1b44,  0x1bab,  0xa9c0,  0xaaf6, 0x10a3f,
                                       0x11133, 0x113d0, 0x1193e, 0x11a47, 0x11a99, 0x11f42};

    for (size_t i = 0; i < sizeof linkers / sizeof *linkers; i++)
        if (linkers[i] == cp)
            return true;
    return false;
}

/* What the scan knows of the cluster so far. */
typedef struct scan {
    enum break_class before; /* the class of the last code point */
    unsigned n_regional;     /* regional indicators in a row at the end */
    bool pictograph;         /* ends in a pictograph and extenders (then perhaps a joiner) */
    bool consonant;          /* ends in an Indic consonant with linkers and extenders */
    bool linked;             /* ... of which one is a linker */
} scan;

static void take(scan *s, uint32_t cp, enum break_class class)
{
    if (class == RI)
        s->n_regional++;
    else
        s->n_regional = 0;
    s->pictograph =
        class == EP || (s->pictograph && (class == EX || class == ZJ) && s->before != ZJ);
    if (class == IC) {
        s->consonant = true;
        s->linked = false;
    } else if (is_linker(cp)) {
        s->linked = s->consonant;
    } else if ((class != EX && class != ZJ) || cp == 0x200c) {
        s->consonant = false;
    }
    s->before = class;
}

static bool is_break(const scan *s, enum break_class after)
{
    enum break_class before = s->before;

    if (before == CR && after == LF)
        return false;
    if (before == CN || before == CR || before == LF || after == CN || after == CR || after == LF)
        return true;
    if (before == HL && (after == HL || after == HV || after == HLV || after == HLVT))
        return false;
    if ((before == HLV || before == HV) && (after == HV || after == HT))
        return false;
    if ((before == HLVT || before == HT) && after == HT)
        return false;
    if (after == EX || after == ZJ || after == SM || before == PP)
        return false;
    if (after == IC)
        return !(s->consonant && s->linked);
    if (after == EP)
        return !(before == ZJ && s->pictograph);
    if (after == RI)
        return s->n_regional % 2 == 0;
    return true;
}

size_t lt_grapheme_len(const char *text, size_t n)
{
    scan s = {0};
    uint32_t cp;
    size_t used = lt_utf8_decode(text, n, &cp, NULL);

    take(&s, cp, class_of(cp));
    while (used < n) {
        if (s.before == OTHER && (unsigned char)text[used] < 0x80)
            break;
        size_t step = lt_utf8_decode(text + used, n - used, &cp, NULL);
        enum break_class class = class_of(cp);

        if (is_break(&s, class))
            break;
        take(&s, cp, class);
        used += step;
    }
    return used;
}
