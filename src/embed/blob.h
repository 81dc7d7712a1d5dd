/* SPDX-License-Identifier: Apache-2.0
 * The cache of compiled graphs: one file each in the user's cache folder. Nothing here fails a
 * caller: without a usable cache a graph is compiled again.
 *
 * Kept by us and not by OpenVINO's CACHE_DIR, measured in fresh processes with a text
 * tower of 41 MB (2 cores): no cache 650 ms; CACHE_DIR with compile_model(path) 124 ms; CACHE_DIR
 * with read_model + reshape, which fixed shapes need, 237 ms, since it parses the ONNX file each
 * time; this 100 ms with any shapes. And a damaged or half-written file is found out by its
 * checksum before OpenVINO, which trusts such bytes, sees it. */
#ifndef LT_EMBED_BLOB_H
#define LT_EMBED_BLOB_H

#include <base/error.h>

enum { LT_BLOB_KEY = 16 };

/* A compiled graph, mapped from its file. */
typedef struct lt_blob {
    void *map; /* NULL: none */
    size_t map_len;
    size_t len; /* the graph's bytes, at the start of the map */
} lt_blob;

/* Maps the graph kept under `key` in `dir`; false where there is none that can be trusted: another
 * user's, writable by others, damaged. */
bool lt_blob_open(const char *dir, const uint8_t key[LT_BLOB_KEY], lt_blob *out);
void lt_blob_close(lt_blob *b);

/* Where an exporter should write the graph of `key`: a new temporary name within `dir`, which is
 * created. NULL where the folder cannot be written; freed with lt_free. */
char *lt_blob_begin(const char *dir);
/* Seals what was written to `temporary` and puts it in its place; removes it on failure. Keeps the
 * number of files in `dir` bounded by deleting those that were not used for longest. */
void lt_blob_commit(const char *dir, const uint8_t key[LT_BLOB_KEY], const char *temporary);

/* The default folder: $XDG_CACHE_HOME/latent, else ~/.cache/latent. NULL where neither is known;
 * freed with lt_free. */
char *lt_blob_default_dir(void);

#endif
