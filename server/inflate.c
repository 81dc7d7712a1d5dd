/* SPDX-License-Identifier: Apache-2.0 */
#include "inflate.h"

#include <base/error.h>
#include <base/mem.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

enum { PIECE = 65536, WINDOW = MAX_WBITS + 32 /* gzip or zlib, as the header says */ };

/* The output is bounded before it is made: a small body may stand for a huge one. */
static lt_status run(z_stream *z, size_t max, lt_buf *out, lt_error *err)
{
    int code = Z_OK;

    while (code != Z_STREAM_END) {
        LT_TRY(lt_buf_reserve(out, PIECE, err));
        z->next_out = (Bytef *)out->data + out->len;
        z->avail_out = PIECE;
        code = inflate(z, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END)
            return code == Z_MEM_ERROR
                       ? lt_fail_nomem(err)
                       : lt_fail(err, LT_EINVAL, "the compressed body is damaged or cut off");
        out->len += PIECE - z->avail_out;
        if (out->len > max)
            return lt_fail(err, LT_ELIMIT, "the body is larger than %zu bytes", max);
    }
    if (z->avail_in)
        return lt_fail(err, LT_EINVAL, "%u bytes stand behind the compressed body", z->avail_in);
    out->data[out->len] = '\0'; /* where lt_buf_reserve left room for it */
    return LT_OK;
}

lt_status lt_inflate(const char *encoding, const char *bytes, size_t n, size_t max, lt_buf *out,
                     lt_error *err)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)n};

    if (strcasecmp(encoding, "identity") == 0)
        return lt_buf_add(out, bytes, n, err);
    if (strcasecmp(encoding, "gzip") != 0 && strcasecmp(encoding, "deflate") != 0)
        return lt_fail(err, LT_EUNSUPPORTED,
                       "Content-Encoding: gzip, deflate or identity is expected, not %.80s", encoding);
    if (n > UINT_MAX)
        return lt_fail(err, LT_ELIMIT, "the compressed body has %zu bytes", n);
    if (inflateInit2(&z, WINDOW) != Z_OK)
        return lt_fail_nomem(err);
    lt_status st = run(&z, max, out, err);

    (void)inflateEnd(&z);
    return st;
}
