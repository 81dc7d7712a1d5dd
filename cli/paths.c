/* SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include <base/buf.h>
#include <base/mem.h>
#include <string.h>
#include <unistd.h>

/* Appends the parts of `path` to the absolute `out`, taking "." and ".." as names. */
static lt_status add_parts(lt_buf *out, const char *path, lt_error *err)
{
    while (*path) {
        size_t n = strcspn(path, "/");

        if (n == 2 && memcmp(path, "..", 2) == 0) {
            while (out->len > 0 && out->data[--out->len] != '/') {
            }
        } else if (n > 0 && !(n == 1 && path[0] == '.')) {
            LT_TRY(lt_buf_addc(out, '/', err));
            LT_TRY(lt_buf_add(out, path, n, err));
        }
        path += n;
        path += *path == '/';
    }
    return LT_OK;
}

char *cli_path_absolute(const char *path)
{
    LT_CLEANUP(lt_buf_done) lt_buf out = {0};
    LT_AUTOFREE char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);

    if ((cwd && add_parts(&out, cwd, NULL) != LT_OK) || add_parts(&out, path, NULL) != LT_OK)
        return NULL;
    if (out.len == 0 && lt_buf_addc(&out, '/', NULL) != LT_OK)
        return NULL;
    out.data[out.len] = '\0';
    return lt_buf_steal(&out);
}
