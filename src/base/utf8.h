/* SPDX-License-Identifier: Apache-2.0
 * UTF-8: checking, decoding, repairing. */
#ifndef LT_BASE_UTF8_H
#define LT_BASE_UTF8_H

#include "buf.h"

/* Reads one code point at s (n bytes left, n > 0). Returns the bytes used and the code point, or,
 * where the bytes are no valid UTF-8, U+FFFD and the length of the maximal subpart (Unicode 3.9,
 * as Rust and Python's errors="replace" do). *valid (may be NULL) tells which. */
size_t lt_utf8_decode(const char *s, size_t n, uint32_t *cp, bool *valid);
/* Writes the code point (1..4 bytes) and returns their number. Surrogates give U+FFFD. */
size_t lt_utf8_encode(uint32_t cp, char out[4]);
bool lt_utf8_valid(const char *s, size_t n);
/* Appends s with every invalid subpart replaced by U+FFFD. */
lt_status lt_utf8_repair(const char *s, size_t n, lt_buf *out, lt_error *err) LT_NODISCARD;

#endif
