/* SPDX-License-Identifier: Apache-2.0
 * Dates as Qdrant takes them: RFC 3339, without a zone (UTC), with a blank for the T, a date alone. */
#include <math.h>

#include "value.h"

typedef struct reader {
    const char *p, *end;
} reader;

/* `n` digits; -1 where they are missing. */
static int digits(reader *r, int n)
{
    int value = 0;

    for (int i = 0; i < n; i++, r->p++) {
        if (r->p >= r->end || *r->p < '0' || *r->p > '9')
            return -1;
        value = value * 10 + (*r->p - '0');
    }
    return value;
}

static bool accept(reader *r, char c)
{
    if (r->p >= r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant, "chrono-compatible
 * low-level date algorithms", days_from_civil). */
static int64_t days_from_civil(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

    return era * 146097 + doe - 719468;
}

static bool read_date(reader *r, int64_t *days)
{
    static const int length[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y = digits(r, 4);

    if (y < 0 || !accept(r, '-'))
        return false;
    int m = digits(r, 2);

    if (m < 1 || m > 12 || !accept(r, '-'))
        return false;
    int d = digits(r, 2);
    bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);

    if (d < 1 || d > length[m - 1] || (m == 2 && d == 29 && !leap))
        return false;
    *days = days_from_civil(y, m, d);
    return true;
}

static bool read_clock(reader *r, int64_t *us)
{
    int h = digits(r, 2);

    if (h < 0 || h > 23 || !accept(r, ':'))
        return false;
    int m = digits(r, 2), s = 0;
    int64_t fraction = 0, scale = 100000;

    if (m < 0 || m > 59)
        return false;
    if (accept(r, ':')) {
        s = digits(r, 2);
        if (s < 0 || s > 60)
            return false;
        if (accept(r, '.')) {
            if (r->p >= r->end || *r->p < '0' || *r->p > '9')
                return false;
            for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++, scale /= 10)
                fraction += scale * (*r->p - '0');
        }
    }
    *us = ((int64_t)h * 3600 + m * 60 + s) * 1000000 + fraction;
    return true;
}

static bool read_zone(reader *r, int64_t *offset_us)
{
    *offset_us = 0;
    if (r->p == r->end || accept(r, 'Z') || accept(r, 'z'))
        return true;
    if (accept(r, ' ') && accept(r, 'U'))
        return accept(r, 'T') && accept(r, 'C');
    int sign = accept(r, '+') ? 1 : accept(r, '-') ? -1 : 0;

    if (sign == 0)
        return false;
    int h = digits(r, 2);

    (void)accept(r, ':');
    int m = r->p == r->end ? 0 : digits(r, 2);

    if (h < 0 || h > 23 || m < 0 || m > 59)
        return false;
    *offset_us = sign * (int64_t)(h * 3600 + m * 60) * 1000000;
    return true;
}

bool lt_datetime_parse(const char *text, size_t n, int64_t *out_us)
{
    reader r = {text, text + n};
    int64_t days, clock_us = 0, offset_us = 0;

    while (r.p < r.end && (*r.p == ' ' || (*r.p >= '\t' && *r.p <= '\r')))
        r.p++;
    if (!read_date(&r, &days))
        return false;
    if (r.p < r.end) {
        if (!accept(&r, 'T') && !accept(&r, 't') && !accept(&r, ' '))
            return false;
        if (!read_clock(&r, &clock_us) || !read_zone(&r, &offset_us) || r.p != r.end)
            return false;
    }
    *out_us = days * 86400000000 + clock_us - offset_us;
    return true;
}

double lt_geo_distance_m(double lat1, double lon1, double lat2, double lon2)
{
    const double rad = 0.017453292519943295, radius_m = 6371008.8;
    double a = sin((lat2 - lat1) * rad / 2), b = sin((lon2 - lon1) * rad / 2);
    double h = a * a + cos(lat1 * rad) * cos(lat2 * rad) * b * b;

    return 2 * radius_m * asin(fmin(1.0, sqrt(h)));
}
