/* SPDX-License-Identifier: Apache-2.0 */
#include "buf.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"

void lt_buf_done(lt_buf *b)
{
    lt_free(b->data);
    *b = (lt_buf){0};
}

void lt_buf_clear(lt_buf *b)
{
    b->len = 0;
    if (b->data)
        b->data[0] = '\0';
}

lt_status lt_buf_reserve(lt_buf *b, size_t more, lt_error *err)
{
    size_t need, cap = b->cap ? b->cap : 64;

    if (!lt_add_size(b->len, more, &need) || !lt_add_size(need, 1, &need))
        return lt_fail_nomem(err);
    if (need <= b->cap)
        return LT_OK;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    char *data = lt_realloc(b->data, cap, 1);

    if (!data)
        return lt_fail_nomem(err);
    b->data = data;
    b->cap = cap;
    return LT_OK;
}

lt_status lt_buf_add(lt_buf *b, const void *bytes, size_t n, lt_error *err)
{
    LT_TRY(lt_buf_reserve(b, n, err));
    if (n)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
    return LT_OK;
}

lt_status lt_buf_adds(lt_buf *b, const char *s, lt_error *err)
{
    return lt_buf_add(b, s, strlen(s), err);
}

lt_status lt_buf_addc(lt_buf *b, char c, lt_error *err)
{
    return lt_buf_add(b, &c, 1, err);
}

/* Most texts fit what room there is and are formatted once. */
lt_status lt_buf_addf(lt_buf *b, lt_error *err, const char *format, ...)
{
    enum { GUESS = 64 };
    va_list args;

    LT_TRY(lt_buf_reserve(b, GUESS, err));
    size_t room = b->cap - b->len;

    va_start(args, format);
    int n = vsnprintf(b->data + b->len, room, format, args);
    va_end(args);
    if (n < 0)
        return lt_fail(err, LT_EINVAL, "text cannot be formatted");
    if ((size_t)n >= room) {
        LT_TRY(lt_buf_reserve(b, (size_t)n, err));
        va_start(args, format);
        vsnprintf(b->data + b->len, (size_t)n + 1, format, args);
        va_end(args);
    }
    b->len += (size_t)n;
    return LT_OK;
}

size_t lt_u64_write(uint64_t n, char out[LT_U64_DIGITS])
{
    char digits[LT_U64_DIGITS];
    size_t first = LT_U64_DIGITS;

    do {
        digits[--first] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    memcpy(out, digits + first, LT_U64_DIGITS - first);
    return LT_U64_DIGITS - first;
}

lt_status lt_buf_add_u64(lt_buf *b, uint64_t n, lt_error *err)
{
    char digits[LT_U64_DIGITS];

    return lt_buf_add(b, digits, lt_u64_write(n, digits), err);
}

char *lt_buf_steal(lt_buf *b)
{
    char *data = b->data;

    *b = (lt_buf){0};
    return data;
}

/* Of latent.h: texts that calls give are stolen from buffers. */
void lt_text_free(char *text)
{
    lt_free(text);
}
