/* SPDX-License-Identifier: Apache-2.0
 * Bodies that come compressed. */
#ifndef LT_SERVER_INFLATE_H
#define LT_SERVER_INFLATE_H

#include <base/buf.h>

/* Appends what `encoding` (a Content-Encoding: gzip, deflate or identity) stands for, at most `max`
 * bytes. LT_EUNSUPPORTED: another encoding; LT_EINVAL: the bytes are damaged; LT_ELIMIT. */
lt_status lt_inflate(const char *encoding, const char *bytes, size_t n, size_t max, lt_buf *out,
                     lt_error *err) LT_NODISCARD;

#endif
