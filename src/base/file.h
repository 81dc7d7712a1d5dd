/* SPDX-License-Identifier: Apache-2.0
 * Files: whole reads, atomic writes, directories, paths. Errors name the path. */
#ifndef LT_BASE_FILE_H
#define LT_BASE_FILE_H

#include "buf.h"

/* Appends the whole file; LT_ELIMIT when it is larger than `max` bytes, LT_ENOTFOUND, LT_EIO. */
lt_status lt_file_read(const char *path, size_t max, lt_buf *out, lt_error *err) LT_NODISCARD;
/* Writes to a temporary file beside, syncs it, renames it, syncs the directory. */
lt_status lt_file_write_atomic(const char *path, const void *bytes, size_t n,
                               lt_error *err) LT_NODISCARD;
/* The same of bytes that lie in pieces. */
typedef struct lt_piece {
    const void *bytes;
    size_t n;
} lt_piece;
lt_status lt_file_write_pieces(const char *path, const lt_piece *pieces, size_t n_pieces,
                               lt_error *err) LT_NODISCARD;
/* Gives a file another name in the same directory, durably; one that has it is replaced. */
lt_status lt_file_rename(const char *from, const char *to, lt_error *err) LT_NODISCARD;
/* Creates a directory and its parents, durably. Fine if it exists. */
lt_status lt_dir_make(const char *path, lt_error *err) LT_NODISCARD;
/* fsync of a directory, after creating or renaming in it. */
lt_status lt_dir_sync(const char *path, lt_error *err) LT_NODISCARD;
/* Removes a directory with the plain files in it (not deeper). Fine if it is not there. */
lt_status lt_dir_remove(const char *path, lt_error *err) LT_NODISCARD;
/* All of `bytes`, over short writes and EINTR. */
lt_status lt_fd_write_all(int fd, const void *bytes, size_t n, const char *path,
                          lt_error *err) LT_NODISCARD;
lt_status lt_fd_pwrite_all(int fd, const void *bytes, size_t n, uint64_t offset, const char *path,
                           lt_error *err) LT_NODISCARD;
void lt_fd_close(int *fd); /* for LT_CLEANUP; -1 is left alone, sets -1 */

/* "a/b" of "a" and "b" (no double slash; b absolute gives b). NULL without memory. */
char *lt_path_join(const char *a, const char *b);
/* The part behind the last slash; points into path. */
const char *lt_path_name(const char *path);
bool lt_path_exists(const char *path);

#endif
