/* SPDX-License-Identifier: Apache-2.0
 * What `latent search` looks for: words, pictures and what to take away, each with its weight. */
#ifndef LT_CLI_PARTS_H
#define LT_CLI_PARTS_H

#include <latent.h>

#include "options.h"

typedef struct cli_parts {
    char *words; /* joined with blanks; NULL: none */
    lt_query_part items[LT_QUERY_PARTS_MAX];
    lt_picture pictures[LT_QUERY_PARTS_MAX];
    size_t n;
} cli_parts;

/* Fills `out`, which `words`, `images` and `minus` must outlive, from the command line. `weights`
 * are of the form WHAT=X with WHAT words, image or minus. LT_EINVAL says what is wrong. */
lt_status cli_parts_read(const cli_list *words, const cli_list *images, const cli_list *minus,
                         const cli_list *weights, cli_parts *out, lt_error *err) LT_NODISCARD;
void cli_parts_done(cli_parts *p);

#endif
