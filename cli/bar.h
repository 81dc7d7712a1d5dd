/* SPDX-License-Identifier: Apache-2.0
 * Progress on standard error: a bar that redraws itself on a terminal, a plain line now and then
 * elsewhere. */
#ifndef LT_CLI_BAR_H
#define LT_CLI_BAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cli_bar {
    bool off;         /* prints nothing */
    const char *what; /* "pictures" */
    double started, drawn, rated; /* seconds, monotonic */
    double rate;      /* per second, smoothed; 0 until known */
    uint64_t rated_done;
    bool shown;       /* a bar stands on the terminal */
} cli_bar;

void cli_bar_init(cli_bar *b, const char *what, bool off);
/* `growing`: the total is not final. */
void cli_bar_update(cli_bar *b, uint64_t done, uint64_t total, bool growing, uint64_t failed);
/* Takes the bar off the terminal, so that something else can be printed. */
void cli_bar_clear(cli_bar *b);
/* "1:23", "2:03:04", "12 s" */
void cli_bar_time(double seconds, char out[24]);

#endif
