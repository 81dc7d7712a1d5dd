/* SPDX-License-Identifier: Apache-2.0
 * Photos with captions, read from lines of JSON:
 *   {"photo": "a.jpg", "lang": "en", "caption": "A dog runs."}
 *   {"photo": "a.jpg", "captions": {"en": ["A dog runs.", ...], "de": "Ein Hund rennt."}}
 *   {"photo": "a.jpg", "captions": [{"lang": "en", "caption": "A dog runs."}, ...]}
 * Other members are ignored. */
#ifndef LT_CLI_CAPTIONS_H
#define LT_CLI_CAPTIONS_H

#include <latent.h>

typedef struct cli_caption {
    char *text;
    uint32_t photo;
    uint32_t lang;
} cli_caption;

typedef struct cli_captions {
    char **photos; /* distinct paths */
    size_t *lines; /* where each was named first */
    size_t n_photos, cap_photos;
    char **langs;  /* distinct, in order of appearance */
    size_t n_langs, cap_langs;
    cli_caption *items;
    size_t n_items, cap_items;
    uint32_t *slots; /* hash table of photos: index + 1, or 0 */
    size_t n_slots;
} cli_captions;

/* Reads the file; photos' paths are relative to `folder` (NULL: the file's own). Any wrong line is
 * an error that names file and line. */
lt_status cli_captions_read(const char *file, const char *folder, cli_captions *out,
                            lt_error *err) LT_NODISCARD;
void cli_captions_done(cli_captions *c);

#endif
