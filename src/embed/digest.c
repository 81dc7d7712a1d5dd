/* SPDX-License-Identifier: Apache-2.0
 * Digests of a model's content. A collection remembers one, so that vectors of two models never
 * meet, and compiled graphs are cached under them. Contents, not times: a copy of a model is the
 * same model. Reading 60 MB that are in memory takes about 10 ms. */
#include <base/file.h>
#include <base/hash.h>
#include <base/mem.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "modeldir.h"

enum { PIECE = 256 * 1024 }; /* stays in the second-level cache */

static lt_status add_content(lt_hasher *h, int fd, const char *path, lt_error *err)
{
    LT_AUTOFREE char *piece = lt_malloc(PIECE);

    if (!piece)
        return lt_fail_nomem(err);
    for (;;) {
        ssize_t n = read(fd, piece, PIECE);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return lt_fail_errno(err, LT_EIO, errno, "%s", path);
        if (n == 0)
            return LT_OK;
        lt_hasher_add(h, piece, (size_t)n);
    }
}

static void free_hasher(lt_hasher **h)
{
    lt_hasher_free(*h);
}

static void finish(const lt_hasher *h, char out[LT_DIGEST_TEXT])
{
    uint8_t bytes[16];

    lt_hasher_get(h, bytes);
    lt_hex(bytes, sizeof bytes, out);
}

/* The weights that an exporter put beside a graph, where they are too many for one file. */
static lt_status add_outside_data(lt_hasher *h, const char *graph, lt_error *err)
{
    static const char *const tails[] = {"_data", ".data"};

    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        LT_CLEANUP(lt_buf_done) lt_buf path = {0};

        LT_TRY(lt_buf_addf(&path, err, "%s%s", graph, tails[i]));
        LT_CLEANUP(lt_fd_close) int fd = open(path.data, O_RDONLY | O_CLOEXEC);

        if (fd >= 0)
            LT_TRY(add_content(h, fd, path.data, err));
    }
    return LT_OK;
}

static lt_status digest_file(const char *path, char out[LT_DIGEST_TEXT], lt_error *err)
{
    LT_CLEANUP(lt_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    LT_CLEANUP(free_hasher) lt_hasher *h = lt_hasher_new();

    if (fd < 0)
        return lt_fail_errno(err, errno == ENOENT ? LT_ENOTFOUND : LT_EIO, errno, "%s", path);
    if (!h)
        return lt_fail_nomem(err);
    LT_TRY(add_content(h, fd, path, err));
    LT_TRY(add_outside_data(h, path, err));
    finish(h, out);
    return LT_OK;
}

/* Adds name and digest of one file, or that it is not there. */
static lt_status add_member(lt_hasher *h, const char *path, char digest[LT_DIGEST_TEXT],
                            lt_error *err)
{
    const char *name = lt_path_name(path);
    lt_status st = digest_file(path, digest, err);

    if (st == LT_ENOTFOUND)
        memcpy(digest, "-", 2);
    else
        LT_TRY(st);
    lt_hasher_add(h, name, strlen(name) + 1);
    lt_hasher_add(h, digest, strlen(digest) + 1);
    return LT_OK;
}

lt_status lt_digest_modeldir(const lt_modeldir *d, lt_digests *out, lt_error *err)
{
    static const char *const names[] = {"config.json",    "preprocessor_config.json",
                                        "tokenizer.json", "tokenizer_config.json",
                                        "latent.json",    "processor_config.json"};
    LT_CLEANUP(free_hasher) lt_hasher *h = lt_hasher_new();
    lt_digests digests = {"", "", ""};
    char digest[LT_DIGEST_TEXT];

    if (!h)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        LT_AUTOFREE char *path = lt_path_join(d->path, names[i]);

        if (!path)
            return lt_fail_nomem(err);
        LT_TRY(add_member(h, path, digest, err));
    }
    if (d->text_graph)
        LT_TRY(add_member(h, d->text_graph, digests.text, err));
    if (d->joint)
        memcpy(digests.image, digests.text, sizeof digests.image);
    else if (d->image_graph)
        LT_TRY(add_member(h, d->image_graph, digests.image, err));
    finish(h, digests.model);
    *out = digests;
    return LT_OK;
}
