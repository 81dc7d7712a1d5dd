/* SPDX-License-Identifier: Apache-2.0 */
#include "upload.h"

#include <base/error.h>
#include <base/file.h>
#include <base/mem.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http.h"

enum { FORM_BUFFER = 65536 };

struct lt_upload {
    struct MHD_PostProcessor *form;
    const char *field;
    int fd;
    char path[32];
    bool found;
    lt_error why; /* the first failure */
};

/* MHD calls this for each piece of each field. Going on after a failure lets the rest be read. */
static enum MHD_Result take_piece(void *cls, enum MHD_ValueKind kind, const char *key,
                                  const char *filename, const char *content_type,
                                  const char *encoding, const char *bytes, uint64_t at, size_t n)
{
    lt_upload *u = cls;

    (void)kind;
    (void)filename;
    (void)content_type;
    (void)encoding;
    if (strcmp(key, u->field) != 0 || u->why.code != LT_OK)
        return MHD_YES;
    bool second = at == 0 && u->found;

    u->found = true;
    if (second)
        (void)lt_fail(&u->why, LT_EINVAL, "the form has two fields `%s`", u->field);
    else if (lt_fd_write_all(u->fd, bytes, n, "the uploaded file", &u->why) != LT_OK)
        LT_ASSERT(u->why.code != LT_OK);
    return MHD_YES;
}

static lt_status open_form(lt_upload *u, const lt_http_request *r, const char *dir, lt_error *err)
{
    static const char multipart[] = "multipart/form-data";
    const char *type = lt_http_header(r, MHD_HTTP_HEADER_CONTENT_TYPE);

    if (!type || strncasecmp(type, multipart, sizeof multipart - 1) != 0)
        return lt_fail(err, LT_EINVAL, "Content type error: %s is expected, not %.80s", multipart,
                       type ? type : "none");
    u->form = MHD_create_post_processor(r->connection, FORM_BUFFER, take_piece, u);
    if (!u->form)
        return lt_fail(err, LT_EINVAL, "Content type error: %s without a boundary", multipart);
    u->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (u->fd < 0)
        return lt_fail_errno(err, LT_EIO, errno, "cannot make a file in %s", dir);
    snprintf(u->path, sizeof u->path, "/proc/self/fd/%d", u->fd);
    return LT_OK;
}

lt_upload *lt_upload_new(const lt_http_request *r, const char *dir, const char *field)
{
    lt_upload *u = lt_calloc(1, sizeof *u);

    if (!u)
        return NULL;
    u->fd = -1;
    u->field = field;
    (void)open_form(u, r, dir, &u->why);
    return u;
}

void lt_upload_add(lt_upload *u, const char *bytes, size_t n)
{
    if (u->why.code == LT_OK && MHD_post_process(u->form, bytes, n) != MHD_YES &&
        u->why.code == LT_OK)
        (void)lt_fail(&u->why, LT_EINVAL, "the form is not well-formed");
}

lt_status lt_upload_path(const lt_upload *u, const char **out, lt_error *err)
{
    if (u->why.code != LT_OK)
        return lt_fail(err, u->why.code, "%s", u->why.message);
    if (!u->found)
        return lt_fail(err, LT_EINVAL, "the form has no field `%s`", u->field);
    *out = u->path;
    return LT_OK;
}

void lt_upload_free(lt_upload *u)
{
    if (!u)
        return;
    if (u->form)
        (void)MHD_destroy_post_processor(u->form);
    lt_fd_close(&u->fd);
    lt_free(u);
}
