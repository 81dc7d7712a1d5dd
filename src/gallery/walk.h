/* SPDX-License-Identifier: Apache-2.0
 * Walking folders for pictures. */
#ifndef LT_GALLERY_WALK_H
#define LT_GALLERY_WALK_H

#include <base/error.h>
#include <latent.h>
#include <sys/stat.h>

typedef struct lt_walk_visitor {
    /* A picture file, absolute path without "." and "..". Return false to stop the walk. */
    bool (*file)(void *context, const char *path, const struct stat *st);
    /* A directory that is about to be read; may be NULL. */
    void (*directory)(void *context, const char *path);
    /* A file or directory that could not be read; the walk goes on. */
    void (*failure)(void *context, const char *path, const lt_error *why);
    void *context;
} lt_walk_visitor;

/* Visits `path` (a picture, whatever its name, or a directory) and all below it, names sorted, so
 * that two walks meet the files in one order. Files whose names are not a picture's are passed
 * over, as are hidden ones (".name") and those that match options->exclude. A directory is visited
 * once, however many links lead to it. LT_ENOTFOUND or LT_EIO when `path` itself cannot be read,
 * LT_ECANCELED when a callback stopped the walk. */
lt_status lt_walk(const char *path, const lt_gallery_options *options,
                  const lt_walk_visitor *visitor, lt_error *err) LT_NODISCARD;

/* The absolute form of a path that need not exist: "." and ".." and double slashes resolved by
 * name only. Free with lt_free. NULL without memory. */
char *lt_path_absolute(const char *path);

#endif
