/* SPDX-License-Identifier: Apache-2.0
 * Lines of an open file as they come: a partner that writes one line and waits for its answer is
 * served at once, a large file in large pieces. */
#ifndef LT_CLI_LINES_H
#define LT_CLI_LINES_H

#include <base/buf.h>

typedef struct cli_lines {
    int fd;
    const char *name; /* for messages */
    size_t line_max;  /* a longer line is an error */
    lt_buf data;
    size_t at;       /* begin of the next line in data */
    size_t searched; /* no line end between `at` and here */
    bool ended;
    size_t number; /* of the line given last, from 1 */
} cli_lines;

/* The next line without its end, zero-terminated, valid until the next call that reads; *line is
 * NULL at the end. A zero byte within a line is LT_EINVAL. With `wait` false *line may also be NULL
 * because a whole line is not here yet: nothing is read then, so earlier lines stay valid. */
lt_status cli_lines_next(cli_lines *l, bool wait, char **line, size_t *n,
                         lt_error *err) LT_NODISCARD;
void cli_lines_done(cli_lines *l);

#endif
