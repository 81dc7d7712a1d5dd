/* SPDX-License-Identifier: Apache-2.0
 * Point ids: numbers and UUIDs in the spellings that Qdrant takes. */
#include <base/buf.h>
#include <base/error.h>
#include <base/hash.h>
#include <stdio.h>
#include <string.h>

#include "value.h"

lt_id lt_id_from_num(uint64_t num)
{
    return (lt_id){.kind = LT_ID_NUM, .num = num};
}

static bool parse_number(const char *s, lt_id *out)
{
    uint64_t n = 0;

    if (!*s)
        return false;
    for (; *s; s++) {
        if (*s < '0' || *s > '9' || __builtin_mul_overflow(n, (uint64_t)10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(*s - '0'), &n))
            return false;
    }
    *out = lt_id_from_num(n);
    return true;
}

/* 8-4-4-4-12 with all hyphens or none, between braces or behind "urn:uuid:" if hyphenated. */
static bool parse_uuid(const char *s, lt_id *out)
{
    size_t n = strlen(s), at = 0;

    if (n == 45 && strncmp(s, "urn:uuid:", 9) == 0) {
        s += 9;
        n -= 9;
    } else if (n == 38 && s[0] == '{' && s[37] == '}') {
        s += 1;
        n -= 2;
    }
    if (n != 36 && n != 32)
        return false;
    *out = (lt_id){.kind = LT_ID_UUID};
    for (size_t i = 0; i < 16; i++) {
        if (n == 36 && (i == 4 || i == 6 || i == 8 || i == 10) && s[at++] != '-')
            return false;
        int high = lt_hex_digit(s[at]), low = high < 0 ? -1 : lt_hex_digit(s[at + 1]);

        if (low < 0)
            return false;
        out->uuid[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    return true;
}

lt_status lt_id_parse(const char *text, lt_id *out, lt_error *err)
{
    lt_id id;

    if (!text || (!parse_number(text, &id) && !parse_uuid(text, &id)))
        return lt_fail(err, LT_EINVAL,
                       "'%.80s' is not a point id: an unsigned number or a UUID is expected",
                       text ? text : "");
    *out = id;
    return LT_OK;
}

const char *lt_id_format(const lt_id *id, char text[LT_ID_TEXT_MAX])
{
    char hex[33];

    if (id->kind == LT_ID_NUM) {
        text[lt_u64_write(id->num, text)] = '\0';
        return text;
    }
    lt_hex(id->uuid, 16, hex);
    snprintf(text, LT_ID_TEXT_MAX, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
             hex + 20);
    return text;
}

int lt_id_compare(const lt_id *a, const lt_id *b)
{
    if (a->kind != b->kind)
        return a->kind == LT_ID_NUM ? -1 : 1;
    if (a->kind == LT_ID_NUM)
        return (a->num > b->num) - (a->num < b->num);
    return memcmp(a->uuid, b->uuid, sizeof a->uuid);
}
