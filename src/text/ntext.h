/* SPDX-License-Identifier: Apache-2.0
 * A text on its way through the normalisers. Beside the text it keeps for every byte whether it
 * stems from the first character of the whole input, which is all that a pre-tokenizer may ask of
 * the past (Metaspace with the scheme "first"). The reference library keeps full alignments; the
 * changes that its steps report, and their oddities, are reported here in the same terms. */
#ifndef LT_TEXT_NTEXT_H
#define LT_TEXT_NTEXT_H

#include <base/buf.h>

/* One code point of the new text. change 0: it takes the place of one of the old text; 1: it is
 * added behind its predecessor; -n: it takes one's place and swallows the n behind. */
typedef struct lt_change {
    uint32_t cp;
    int32_t change;
} lt_change;

typedef struct lt_ntext {
    lt_buf text;  /* valid UTF-8 */
    lt_buf first; /* as long: '\1' where a byte stems from the input's first character */
    lt_change *changes;
    size_t n_changes, cap_changes;
    lt_buf new_text, new_first; /* what is being built */
} lt_ntext;

void lt_ntext_done(lt_ntext *t);
/* Takes a piece of valid UTF-8 with its marks. */
lt_status lt_ntext_set(lt_ntext *t, const char *text, const char *first, size_t n, lt_error *err)
    LT_NODISCARD;

/* Notes one code point of the new text ... */
lt_status lt_ntext_change(lt_ntext *t, uint32_t cp, int change, lt_error *err) LT_NODISCARD;
/* ... and puts all that were noted in the place of the text. The first n_removed characters of the
 * old text have gone without a trace. */
lt_status lt_ntext_apply(lt_ntext *t, size_t n_removed, lt_error *err) LT_NODISCARD;

/* Building by ranges: copy bytes [from, to) of the text, insert others with one mark, then swap. */
lt_status lt_ntext_copy(lt_ntext *t, size_t from, size_t to, lt_error *err) LT_NODISCARD;
lt_status lt_ntext_insert(lt_ntext *t, const char *text, size_t n, char mark, lt_error *err)
    LT_NODISCARD;
void lt_ntext_swap(lt_ntext *t);

/* Puts `text` before the text, unless that is empty. */
lt_status lt_ntext_prepend(lt_ntext *t, const char *text, size_t n, lt_error *err) LT_NODISCARD;

#endif
