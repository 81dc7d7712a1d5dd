/* SPDX-License-Identifier: Apache-2.0
 * Choosing points of a gallery by path, date, place and filter: the conditions of the command line
 * as one filter of the engine. */
#ifndef LT_CLI_PICK_H
#define LT_CLI_PICK_H

#include <latent.h>

#include "options.h"

typedef struct cli_pick {
    const cli_list *under; /* files and folders: the pictures that are or lie below any of them */
    const char *after;     /* DATE, the first moment that counts; NULL: none */
    const char *before;    /* DATE, the first moment that counts no more; NULL: none */
    const char *near;      /* "LAT,LON,KM"; NULL: none */
    const char *filter;    /* JSON in the form of Qdrant's filters; NULL: none */
} cli_pick;

/* Writes the filter's JSON text to *out (lt_free it; NULL when all points are meant). LT_EINVAL
 * names the option that is wrong. */
lt_status cli_pick_filter(const cli_pick *pick, char **out, lt_error *err) LT_NODISCARD;

/* The first moment of "2023", "2023-05", "2023-05-01" or an RFC 3339 time, in two forms: `local` as
 * cameras write it (no zone), `utc` as files' times are kept. A time with a zone gives the same for
 * both. false if it is none of these. */
bool cli_date_begin(const char *text, char local[40], char utc[40]);

#endif
