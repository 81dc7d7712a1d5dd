/* SPDX-License-Identifier: Apache-2.0 */
#include "bar.h"

#include <base/clock.h>
#include <base/mem.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "term.h"

static const double REDRAW_S = 0.1;  /* the bar */
static const double LINE_S = 10.0;   /* plain lines */
static const double RATE_S = 1.0;    /* how often the rate is taken */
static const double RATE_KEEP = 0.7; /* weight of what it was */

void cli_bar_init(cli_bar *b, const char *what, bool off)
{
    *b = (cli_bar){.off = off, .what = what};
    b->started = b->rated = lt_clock_s();
    /* A short job on no terminal says nothing but its result. */
    b->drawn = cli_term_get()->err_style ? 0 : b->started;
}

void cli_bar_time(double seconds, char out[24])
{
    unsigned s = seconds < 0 ? 0 : seconds > 3.6e6 ? 3600000 : (unsigned)lround(seconds);

    if (s < 60)
        snprintf(out, 24, "%u s", s);
    else if (s < 3600)
        snprintf(out, 24, "%u:%02u", s / 60, s % 60);
    else
        snprintf(out, 24, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
}

static void take_rate(cli_bar *b, double now, uint64_t done)
{
    double span = now - b->rated;

    if (span < RATE_S)
        return;
    double rate = (double)(done - b->rated_done) / span;

    b->rate = b->rate > 0 ? RATE_KEEP * b->rate + (1 - RATE_KEEP) * rate : rate;
    b->rated = now;
    b->rated_done = done;
}

/* "1,234 of 5,000 pictures, 45.1/s, 1:23 left, 2 failed" */
static void describe(const cli_bar *b, uint64_t done, uint64_t total, bool growing,
                     uint64_t failed, char *out, size_t cap)
{
    LT_CLEANUP(lt_buf_done) lt_buf counts = {0};
    char left[24], rate[40] = "", time_left[40] = "", failures[40] = "";

    if (cli_add_count(done, &counts, NULL) != LT_OK ||
        lt_buf_adds(&counts, " of ", NULL) != LT_OK ||
        cli_add_count(total, &counts, NULL) != LT_OK)
        return;
    if (b->rate > 0) {
        snprintf(rate, sizeof rate, ", %.1f/s", b->rate);
        cli_bar_time((double)(total - done) / b->rate, left);
        if (!growing && total > done)
            snprintf(time_left, sizeof time_left, ", %s left", left);
    }
    if (failed)
        snprintf(failures, sizeof failures, ", %llu failed", (unsigned long long)failed);
    snprintf(out, cap, "%s%s %s%s%s%s", counts.data, growing ? "+" : "", b->what, rate, time_left,
             failures);
}

static void draw(cli_bar *b, const char *text, double part)
{
    char line[1024];
    size_t at = 0, width = cli_term_get()->width, used = strlen(text) + 2;
    size_t cells = width > used + 8 ? (width - used > 40 ? 40 : width - used) : 0;
    size_t full = (size_t)(part * (double)cells);

    /* Heavy and light horizontal lines; three bytes each. */
    for (size_t i = 0; i < cells; i++) {
        memcpy(line + at, i < full ? "\xe2\x94\x81" : "\xe2\x94\x80", 3);
        at += 3;
    }
    line[at] = '\0';
    fprintf(stderr, "\r\033[K%s%s%.*s", line, cells ? "  " : "", (int)(width - 1), text);
    fflush(stderr);
    b->shown = true;
}

void cli_bar_update(cli_bar *b, uint64_t done, uint64_t total, bool growing, uint64_t failed)
{
    const cli_term *term = cli_term_get();
    double now = lt_clock_s();
    char text[256] = "";

    if (b->off)
        return;
    take_rate(b, now, done);
    if (now - b->drawn < (term->err_style ? REDRAW_S : LINE_S))
        return;
    b->drawn = now;
    describe(b, done, total, growing, failed, text, sizeof text);
    if (term->err_style)
        draw(b, text, total ? (double)done / (double)total : 0);
    else
        fprintf(stderr, "%s\n", text);
}

void cli_bar_clear(cli_bar *b)
{
    if (b->shown)
        fputs("\r\033[K", stderr);
    fflush(stderr);
    b->shown = false;
}
