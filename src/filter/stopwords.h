/* SPDX-License-Identifier: Apache-2.0
 * Words too common to search by, per language. */
#ifndef LT_FILTER_STOPWORDS_H
#define LT_FILTER_STOPWORDS_H

#include <stddef.h>

/* The words, separated by blanks, in lower case; NULL for a language without a list here. */
const char *lt_stopwords_of(const char *language);
/* All languages that have a list, separated by ", ". */
extern const char lt_stopwords_languages[];

#endif
