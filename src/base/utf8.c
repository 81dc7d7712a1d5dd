/* SPDX-License-Identifier: Apache-2.0
 * Decoding after Unicode 15, table 3-7 (well-formed byte sequences); an ill-formed sequence is
 * replaced per maximal subpart, as the W3C, Rust and Python do. */
#include "utf8.h"

/* The range of the second byte and the length for a lead byte; length 0 for no lead byte. */
static size_t lead(unsigned char c, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (c >= 0xc2 && c <= 0xdf)
        return 2;
    if (c >= 0xe0 && c <= 0xef) {
        if (c == 0xe0)
            *low = 0xa0;
        if (c == 0xed)
            *high = 0x9f;
        return 3;
    }
    if (c >= 0xf0 && c <= 0xf4) {
        if (c == 0xf0)
            *low = 0x90;
        if (c == 0xf4)
            *high = 0x8f;
        return 4;
    }
    return 0;
}

static size_t broken(size_t used, uint32_t *cp, bool *valid)
{
    *cp = 0xfffd;
    if (valid)
        *valid = false;
    return used;
}

size_t lt_utf8_decode(const char *s, size_t n, uint32_t *cp, bool *valid)
{
    const unsigned char *p = (const unsigned char *)s;
    unsigned char low, high;

    if (valid)
        *valid = true;
    if (p[0] < 0x80) {
        *cp = p[0];
        return 1;
    }
    size_t len = lead(p[0], &low, &high);

    if (len == 0)
        return broken(1, cp, valid);
    uint32_t value = p[0] & (0x7fu >> len);

    for (size_t i = 1; i < len; i++) {
        if (i >= n || p[i] < low || p[i] > high)
            return broken(i, cp, valid);
        value = value << 6 | (p[i] & 0x3fu);
        low = 0x80;
        high = 0xbf;
    }
    *cp = value;
    return len;
}

size_t lt_utf8_encode(uint32_t cp, char out[4])
{
    if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
        cp = 0xfffd;
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

bool lt_utf8_valid(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        bool valid;

        i += lt_utf8_decode(s + i, n - i, &cp, &valid);
        if (!valid)
            return false;
    }
    return true;
}

lt_status lt_utf8_repair(const char *s, size_t n, lt_buf *out, lt_error *err)
{
    LT_TRY(lt_buf_reserve(out, n, err));
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        bool valid;
        size_t used = lt_utf8_decode(s + i, n - i, &cp, &valid);

        if (valid)
            LT_TRY(lt_buf_add(out, s + i, used, err));
        else
            LT_TRY(lt_buf_add(out, "\xef\xbf\xbd", 3, err));
        i += used;
    }
    return LT_OK;
}
