/* SPDX-License-Identifier: Apache-2.0
 * Small pictures in the terminal, several in a row, through chafa: as pixels where the terminal
 * speaks sixel or kitty's protocol, else as coloured block characters. */
#ifndef LT_CLI_MOSAIC_H
#define LT_CLI_MOSAIC_H

#include <stdbool.h>

#include "found.h"

/* Built with chafa, and standard output is a terminal that may get escapes. */
bool cli_mosaic_possible(void);
/* Prints the pictures in rows that fit the width, each with its rank and name below. A
 * picture that cannot be read leaves its place empty. */
lt_status cli_mosaic_print(const cli_found *found, size_t n, lt_error *err) LT_NODISCARD;

#endif
