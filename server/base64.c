/* SPDX-License-Identifier: Apache-2.0 */
#include "base64.h"

#include <base/error.h>
#include <stdint.h>

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

lt_status lt_base64_decode(const char *text, size_t n, lt_buf *out, lt_error *err)
{
    size_t at = 0;

    while (n > 0 && (text[n - 1] == '=' || is_space(text[n - 1])))
        n--;
    LT_TRY(lt_buf_reserve(out, n / 4 * 3 + 3, err));
    while (at < n) {
        uint32_t bits = 0;
        unsigned digits = 0;

        for (; at < n && digits < 4; at++) {
            if (is_space(text[at]))
                continue;
            int d = digit_of(text[at]);

            if (d < 0)
                return lt_fail(err, LT_EINVAL, "not valid base64: unexpected character at %zu", at);
            bits = bits << 6 | (uint32_t)d;
            digits++;
        }
        if (digits == 0)
            break;
        if (digits == 1)
            return lt_fail(err, LT_EINVAL, "not valid base64: it is cut off");
        bits <<= 6 * (4 - digits);
        /* There is room: it was reserved above. */
        for (unsigned i = 0; i + 1 < digits; i++)
            out->data[out->len++] = (char)(bits >> (16 - 8 * i));
    }
    out->data[out->len] = '\0';
    return LT_OK;
}

lt_status lt_base64_encode(const void *bytes, size_t n, lt_buf *out, lt_error *err)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *p = bytes;

    LT_TRY(lt_buf_reserve(out, (n + 2) / 3 * 4, err));
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i < 3 ? n - i : 3;
        uint32_t bits = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                        (left > 2 ? p[i + 2] : 0);
        char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                        left > 1 ? digits[bits >> 6 & 63] : '=', left > 2 ? digits[bits & 63] : '='};

        LT_TRY(lt_buf_add(out, four, 4, err));
    }
    return LT_OK;
}
