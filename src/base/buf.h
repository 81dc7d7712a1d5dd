/* SPDX-License-Identifier: Apache-2.0
 * A growable array of bytes; always followed by a zero byte once anything was written. */
#ifndef LT_BASE_BUF_H
#define LT_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

typedef struct lt_buf {
    char *data; /* NULL while empty and never written */
    size_t len;
    size_t cap;
} lt_buf;

void lt_buf_done(lt_buf *b);  /* frees; the struct may be used again */
void lt_buf_clear(lt_buf *b); /* length 0, memory kept */
lt_status lt_buf_reserve(lt_buf *b, size_t more, lt_error *err) LT_NODISCARD;
lt_status lt_buf_add(lt_buf *b, const void *bytes, size_t n, lt_error *err) LT_NODISCARD;
lt_status lt_buf_adds(lt_buf *b, const char *s, lt_error *err) LT_NODISCARD;
lt_status lt_buf_addc(lt_buf *b, char c, lt_error *err) LT_NODISCARD;
lt_status lt_buf_addf(lt_buf *b, lt_error *err, const char *format, ...) LT_NODISCARD
    __attribute__((format(printf, 3, 4)));
/* A number in decimal, which is written several times as fast as by lt_buf_addf. */
lt_status lt_buf_add_u64(lt_buf *b, uint64_t n, lt_error *err) LT_NODISCARD;
/* Its digits to `out`, without a zero; returns how many. */
enum { LT_U64_DIGITS = 20 };
size_t lt_u64_write(uint64_t n, char out[LT_U64_DIGITS]);
/* Hands the bytes (zero-terminated, lt_free them) to the caller and leaves the buffer empty. */
char *lt_buf_steal(lt_buf *b);

#endif
