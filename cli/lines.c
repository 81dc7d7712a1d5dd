/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include <base/error.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 65536 };

static lt_status too_long(const cli_lines *l, lt_error *err)
{
    return lt_fail(err, LT_ELIMIT, "%s: line %zu is longer than %zu bytes", l->name, l->number + 1,
                   l->line_max);
}

/* Reads once, behind what is kept. */
static lt_status read_more(cli_lines *l, lt_error *err)
{
    memmove(l->data.data, l->data.data + l->at, l->data.len - l->at);
    l->data.len -= l->at;
    l->searched -= l->at;
    l->at = 0;
    if (l->data.len > l->line_max)
        return too_long(l, err);
    LT_TRY(lt_buf_reserve(&l->data, READ_SIZE, err));
    ssize_t n;

    do
        n = read(l->fd, l->data.data + l->data.len, READ_SIZE);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return lt_fail_errno(err, LT_EIO, errno, "%s", l->name);
    l->ended = n == 0;
    l->data.len += (size_t)n;
    return LT_OK;
}

static lt_status give(cli_lines *l, size_t n, size_t used, char **line, size_t *n_out,
                      lt_error *err)
{
    char *begin = l->data.data + l->at;

    if (n > l->line_max)
        return too_long(l, err);
    l->at += used;
    l->searched = l->at;
    l->number++;
    begin[n] = '\0';
    if (strlen(begin) != n)
        return lt_fail(err, LT_EINVAL, "%s: line %zu holds a zero byte", l->name, l->number);
    *line = begin;
    *n_out = n;
    return LT_OK;
}

lt_status cli_lines_next(cli_lines *l, bool wait, char **line, size_t *n, lt_error *err)
{
    *line = NULL;
    LT_TRY(lt_buf_reserve(&l->data, 1, err));
    for (;;) {
        char *from = l->data.data + l->searched;
        char *end = memchr(from, '\n', l->data.len - l->searched);

        if (end)
            return give(l, (size_t)(end - (l->data.data + l->at)),
                        (size_t)(end - (l->data.data + l->at)) + 1, line, n, err);
        l->searched = l->data.len;
        if (l->ended)
            return l->at < l->data.len
                       ? give(l, l->data.len - l->at, l->data.len - l->at, line, n, err)
                       : LT_OK;
        if (!wait)
            return LT_OK;
        LT_TRY(read_more(l, err));
    }
}

void cli_lines_done(cli_lines *l)
{
    lt_buf_done(&l->data);
}
