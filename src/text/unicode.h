/* SPDX-License-Identifier: Apache-2.0
 * Properties of code points as the reference library (Python's `tokenizers` 0.23) sees them. Its
 * parts know different versions of Unicode: 9 for normal forms and marks, 17 for case, 16 for
 * words. utf8proc gives the bulk; what differs is listed in unicode.c. */
#ifndef LT_TEXT_UNICODE_H
#define LT_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool lt_unicode_is_space(uint32_t cp); /* White_Space */
bool lt_unicode_is_word(uint32_t cp);  /* \w: letters, marks, digits, connectors, joiners */
bool lt_unicode_is_mark(uint32_t cp);  /* general category M */
bool lt_unicode_is_lower(uint32_t cp); /* general category Ll */
/* The lower case: one code point, or two. */
size_t lt_unicode_lower(uint32_t cp, uint32_t out[2]);

enum { LT_DECOMPOSED_MAX = 18 }; /* of the longest compatibility decomposition, U+FDFA */
/* The full canonical (or compatibility) decomposition, at least one code point. */
size_t lt_unicode_decompose(uint32_t cp, bool compatible, uint32_t out[LT_DECOMPOSED_MAX]);
unsigned lt_unicode_combining_class(uint32_t cp);
/* The primary composite of a pair; 0: there is none. */
uint32_t lt_unicode_compose(uint32_t a, uint32_t b);

#endif
