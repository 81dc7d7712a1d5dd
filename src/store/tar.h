/* SPDX-License-Identifier: Apache-2.0
 * Files in one file: the ustar form that `tar` reads, plain files alone. Sizes of 8 GiB and more are
 * written as GNU tar does.
 *
 * The last member is called "checksum": 32 hex digits, XXH3-128 of all bytes before its header. So
 * a file is known to be whole before anything in it is believed to be sound. */
#ifndef LT_STORE_TAR_H
#define LT_STORE_TAR_H

#include <base/buf.h>
#include <base/hash.h>
#include <base/sha256.h>

enum { LT_TAR_MEMBERS = 300, LT_TAR_NAME = 100 };

/* ---- writing ---- */
typedef struct lt_tar_writer {
    int fd;
    const char *path; /* for messages; the caller's */
    int64_t time;     /* of the members */
    uint64_t left;    /* bytes of the present member still to come */
    uint64_t padding; /* zeros behind it */
    lt_buf buf;
    lt_hasher *hasher;
    lt_sha256 sha;
} lt_tar_writer;

lt_status lt_tar_begin(lt_tar_writer *w, int fd, const char *path, int64_t time,
                       lt_error *err) LT_NODISCARD;
/* Begins a member of n bytes, which lt_tar_add then brings; the one before must be complete. */
lt_status lt_tar_member(lt_tar_writer *w, const char *name, uint64_t n, lt_error *err) LT_NODISCARD;
lt_status lt_tar_add(lt_tar_writer *w, const void *bytes, size_t n, lt_error *err) LT_NODISCARD;
/* Writes the checksum and the end; tells the SHA-256 of the whole file. Does not sync. */
lt_status lt_tar_finish(lt_tar_writer *w, char sha256[LT_SHA256_HEX], lt_error *err) LT_NODISCARD;
void lt_tar_writer_done(lt_tar_writer *w);

/* ---- reading: the file is mapped, its bytes are not trusted ---- */
typedef struct lt_tar_part {
    char name[LT_TAR_NAME + 1];
    const char *bytes;
    size_t n;
} lt_tar_part;

typedef struct lt_tar {
    const char *path; /* the caller's */
    void *map;
    size_t n_map;
    lt_tar_part parts[LT_TAR_MEMBERS];
    size_t n_parts; /* without the checksum */
} lt_tar;

/* Checks the file whole: LT_ECORRUPT names it and what is wrong. First against `sha256` (64 hex
 * digits; NULL: not), where LT_EINVAL tells of a difference. */
lt_status lt_tar_open(lt_tar *t, const char *path, const char *sha256, lt_error *err) LT_NODISCARD;
void lt_tar_close(lt_tar *t);
/* NULL: no such member. */
const lt_tar_part *lt_tar_find(const lt_tar *t, const char *name);

#endif
