/* SPDX-License-Identifier: Apache-2.0
 * One picture of a gallery: its id, its payload, and what an older payload says of it. */
#ifndef LT_GALLERY_ENTRY_H
#define LT_GALLERY_ENTRY_H

#include <base/buf.h>
#include <image/image.h>
#include <latent.h>
#include <sys/stat.h>

/* UUID version 5 of the file's URL ("file://" and the path's bytes): one path, one id, for ever. */
lt_id lt_entry_id(const char *path);

/* "2024-05-01T10:00:00.123456789Z" */
void lt_entry_time(const struct timespec *t, char out[40]);

/* The payload's JSON text, appended to `out`:
 *   filename   absolute path; bytes that are no UTF-8 appear as U+FFFD, and then
 *   filename_hex has the exact bytes
 *   folders    the absolute paths of all folders above it
 *   size, mtime, width, height, format, hash (XXH3-128 of the file), and from EXIF taken, camera,
 *   location {lat, lon} */
lt_status lt_entry_payload(const char *path, const struct stat *st, const lt_image_info *info,
                           const uint8_t hash[16], lt_buf *out, lt_error *err) LT_NODISCARD;

/* What a stored payload says. */
typedef struct lt_entry_known {
    uint64_t size;
    char mtime[40];
    char hash[33];
} lt_entry_known;

/* false where the payload is not one of ours. */
bool lt_entry_read(const char *payload, size_t n, lt_entry_known *out);

/* The exact path that a payload names; free with lt_free. NULL if it names none. */
char *lt_entry_path(const char *payload, size_t n);

#endif
