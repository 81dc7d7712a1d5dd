/* SPDX-License-Identifier: Apache-2.0
 * A hit of a gallery as the command line shows it. */
#ifndef LT_CLI_FOUND_H
#define LT_CLI_FOUND_H

#include <latent.h>
#include <value/value.h>

typedef struct cli_found {
    const lt_hit *hit;
    yyjson_doc *doc;  /* the payload */
    const char *name; /* filename as the payload has it; "" where there is none */
    char *path;       /* the exact path, bytes and all; NULL where there is none */
    float relevance;  /* 0..1; NAN where it is not known */
} cli_found;

/* Reads the payloads of `hits` into an array of hits->n_items; free with cli_found_free. The hits
 * must stay. */
lt_status cli_found_read(const lt_hits *hits, cli_found **out, lt_error *err) LT_NODISCARD;
void cli_found_free(cli_found *found, size_t n);

/* The file's name without its folders. */
const char *cli_found_title(const cli_found *f);
/* Day taken, or else day of the last change: "2023-05-01"; "" where neither is known. */
void cli_found_day(const cli_found *f, char out[16]);

#endif
