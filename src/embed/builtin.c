/* SPDX-License-Identifier: Apache-2.0
 * Where the built-in model is. Nothing is compiled in: an installed tree may be moved, and a build
 * tree finds its own. Both the library and the program are starting points, since either may be
 * linked into something else. */
#include <base/file.h>
#include <base/mem.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "modeldir.h"

/* Cuts the last name off; false at the root. */
static bool to_parent(char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash || slash == path)
        return false;
    *slash = '\0';
    return true;
}

static lt_status try_place(const char *dir, const char *below, char **out, lt_error *err)
{
    LT_AUTOFREE char *path = lt_path_join(dir, below);
    LT_AUTOFREE char *config = path ? lt_path_join(path, "config.json") : NULL;

    if (!config)
        return lt_fail_nomem(err);
    if (lt_path_exists(config))
        *out = lt_steal(&path);
    return LT_OK;
}

/* From the folder of `file` upwards: PREFIX/{bin,lib,lib/<machine>}/x belongs to PREFIX/share, and
 * build/<preset>[/tests]/x to build/model. */
static lt_status try_above(const char *file, char **out, lt_error *err)
{
    char real[PATH_MAX];

    if (!realpath(file, real) || !to_parent(real))
        return LT_OK;
    for (int levels = 0; levels < 3 && to_parent(real) && !*out; levels++) {
        LT_TRY(try_place(real, "share/latent/models/builtin", out, err));
        if (!*out)
            LT_TRY(try_place(real, "model/builtin", out, err));
    }
    return LT_OK;
}

lt_status lt_modeldir_builtin(char **out, lt_error *err)
{
    const char *named = getenv("LATENT_MODEL");
    char *found = NULL;
    Dl_info here;

    if (named && *named) {
        found = lt_strdup(named);
        if (!found)
            return lt_fail_nomem(err);
        *out = found;
        return LT_OK;
    }
    /* The address of this library's own data names its file. */
    static const char anchor = 0;

    if (dladdr(&anchor, &here) && here.dli_fname)
        LT_TRY(try_above(here.dli_fname, &found, err));
    if (!found)
        LT_TRY(try_above("/proc/self/exe", &found, err));
    if (!found)
        return lt_fail(err, LT_ENOTFOUND,
                       "the built-in model is not there: run `make setup` in the source tree, or "
                       "name a model directory with --model or LATENT_MODEL");
    *out = found;
    return LT_OK;
}
