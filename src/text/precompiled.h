/* SPDX-License-Identifier: Apache-2.0
 * SentencePiece's precompiled character map: a table of byte sequences and what replaces them.
 *
 *   0    4             4 + T                                 end of the bytes
 *   +----+-------------+------------------------------------+
 *   | T  | T/4 units   | replacements, each ended by a zero |   all little-endian
 *   +----+-------------+------------------------------------+
 *
 * The units are a double array as darts-clone lays it out: bits 0-7 and 31 label, bit 8 has a leaf,
 * bits 10-30 offset (bit 9: times 256). A leaf's value is a position among the replacements. */
#ifndef LT_TEXT_PRECOMPILED_H
#define LT_TEXT_PRECOMPILED_H

#include "fields.h"
#include "ntext.h"

typedef struct lt_precompiled {
    uint32_t *units;
    size_t n_units;
    char *strings; /* valid UTF-8 with zeros */
    size_t strings_len;
} lt_precompiled;

/* Reads the base64 text of a map and checks all that can be reached in it. */
lt_status lt_precompiled_open(lt_precompiled *p, const char *base64, size_t n, const lt_part *where,
                              lt_error *err) LT_NODISCARD;
void lt_precompiled_done(lt_precompiled *p);
/* Replaces grapheme cluster by cluster. */
lt_status lt_precompiled_apply(const lt_precompiled *p, lt_ntext *t, lt_error *err) LT_NODISCARD;

#endif
