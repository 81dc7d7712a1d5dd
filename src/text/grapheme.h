/* SPDX-License-Identifier: Apache-2.0
 * Extended grapheme clusters (UAX 29, Unicode 17). A table of its own, not utf8proc's: the rules
 * for clusters change between versions, and the tokens of a text must not depend on which utf8proc
 * a system has. The version is that of the library that we must agree with. */
#ifndef LT_TEXT_GRAPHEME_H
#define LT_TEXT_GRAPHEME_H

#include <stddef.h>

/* The length in bytes of the first cluster of valid UTF-8 text (n > 0). */
size_t lt_grapheme_len(const char *text, size_t n);

#endif
