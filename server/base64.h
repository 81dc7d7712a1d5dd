/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LT_SERVER_BASE64_H
#define LT_SERVER_BASE64_H

#include <base/buf.h>

/* Appends the bytes that standard base64 (RFC 4648) stands for. White space is passed over, padding
 * may be left out. LT_EINVAL names the place of what does not belong there. */
lt_status lt_base64_decode(const char *text, size_t n, lt_buf *out, lt_error *err) LT_NODISCARD;
/* Appends the base64 text of bytes, padded. */
lt_status lt_base64_encode(const void *bytes, size_t n, lt_buf *out, lt_error *err) LT_NODISCARD;

#endif
