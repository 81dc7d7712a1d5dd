/* SPDX-License-Identifier: Apache-2.0
 * Whether LMDB could follow its own pages. It trusts them: a flipped bit in a page's head or in the
 * place of a node leads it out of the file. Pages have no checksums, so this is about structure;
 * contents are held against the records' checksums by others. */
#ifndef LT_STORE_PAGES_H
#define LT_STORE_PAGES_H

#include <base/error.h>

/* Walks all pages of the newest commit of the file, which this process must not have open. LT_ECORRUPT
 * names the page and what is wrong. Cost: reads the whole file. */
lt_status lt_pages_check(const char *path, lt_error *err) LT_NODISCARD;

#endif
