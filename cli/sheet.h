/* SPDX-License-Identifier: Apache-2.0
 * A contact sheet: one HTML file with everything in it, a section for each query. */
#ifndef LT_CLI_SHEET_H
#define LT_CLI_SHEET_H

#include "found.h"

typedef struct cli_section {
    const char *heading; /* the query's words, or the query picture's name */
    const char *picture; /* path of the query picture, or NULL */
    const char *about;   /* e.g. "4 of 310 pictures in 12 ms" */
    const cli_found *found;
    size_t n_found;
} cli_section;

/* Writes the sheet, or with `append` adds the section to one that is there. The file is replaced
 * whole or not at all. */
lt_status cli_sheet_write(const char *file, bool append, const cli_section *section,
                          lt_error *err) LT_NODISCARD;

#endif
