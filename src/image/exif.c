/* SPDX-License-Identifier: Apache-2.0 */
#include "exif.h"

#include <base/utf8.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TEXT_CAP = 96 };

/* ---- texts ------------------------------------------------------------------------------- */

/* Where the value ends: libvips writes it twice, "V (V, ASCII, ...", and V may hold parentheses. A
 * field without that form is a value all along. */
static size_t value_len(const char *field)
{
    size_t n = strlen(field);

    for (size_t i = 0; i + 2 + i < n; i++)
        if (memcmp(field + i, " (", 2) == 0 && memcmp(field, field + i + 2, i) == 0)
            return i;
    const char *last = NULL;

    for (const char *p = field; (p = strstr(p, " (")) != NULL; p++)
        last = p;
    return last ? (size_t)(last - field) : n;
}

/* Copies whole characters; control characters and broken UTF-8 become one space. */
static size_t copy_clean(const char *in, size_t n, char *out, size_t cap)
{
    size_t len = 0;

    for (size_t i = 0; i < n;) {
        uint32_t cp;
        bool valid;
        size_t used = lt_utf8_decode(in + i, n - i, &cp, &valid);
        bool keep = valid && cp >= 0x20 && (cp < 0x7f || cp >= 0xa0) && cp != 0x2028 &&
                    cp != 0x2029 && cp != 0xfeff;

        if (len + (keep ? used : 1) >= cap)
            break;
        if (keep)
            memcpy(out + len, in + i, used);
        else
            out[len] = ' ';
        len += keep ? used : 1;
        i += used;
    }
    return len;
}

void lt_exif_text(const char *field, char *out, size_t cap)
{
    size_t n = value_len(field), start = 0;

    n = copy_clean(field, n, out, cap);
    while (n > 0 && out[n - 1] == ' ')
        n--;
    while (start < n && out[start] == ' ')
        start++;
    memmove(out, out + start, n - start);
    out[n - start] = '\0';
}

/* The field's value, "" when it is not there or libvips says instead that it is no UTF-8. */
static void get_text(VipsImage *image, const char *name, char *out, size_t cap)
{
    const char *field;

    out[0] = '\0';
    if (vips_image_get_typeof(image, name) && vips_image_get_string(image, name, &field) == 0 &&
        strncmp(field, "<invalid utf-8", 14) != 0)
        lt_exif_text(field, out, cap);
}

/* ---- camera ------------------------------------------------------------------------------ */

void lt_exif_camera(const char *make, const char *model, char *out, size_t cap)
{
    size_t word = strcspn(make, " ,.");
    bool again = word > 0 && strncasecmp(make, model, word) == 0 &&
                 (model[word] == '\0' || !isalnum((unsigned char)model[word]));
    char both[2 * TEXT_CAP];

    if (again || !make[0] || !model[0])
        snprintf(both, sizeof both, "%s", model[0] ? model : make);
    else
        snprintf(both, sizeof both, "%s %s", make, model);
    out[copy_clean(both, strlen(both), out, cap)] = '\0';
}

/* ---- time -------------------------------------------------------------------------------- */

/* Exactly `n` digits at p, or -1. */
static int digits(const char *p, int n)
{
    int value = 0;

    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        value = value * 10 + (p[i] - '0');
    }
    return value;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static bool date_is_real(const char *date)
{
    int year, month, day, hour, minute, second;

    if (strlen(date) != 19 || !strchr(":-", date[4]) || date[7] != date[4] ||
        !strchr(" T", date[10]) || date[13] != ':' || date[16] != ':')
        return false;
    year = digits(date, 4);
    month = digits(date + 5, 2);
    day = digits(date + 8, 2);
    hour = digits(date + 11, 2);
    minute = digits(date + 14, 2);
    second = digits(date + 17, 2);
    return year >= 1800 && month >= 1 && month <= 12 && day >= 1 && day <= days_of(year, month) &&
           hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second <= 59;
}

static bool offset_is_real(const char *offset)
{
    if (strlen(offset) != 6 || !strchr("+-", offset[0]) || offset[3] != ':')
        return false;
    int hours = digits(offset + 1, 2), minutes = digits(offset + 4, 2);

    return hours >= 0 && hours <= 14 && minutes >= 0 && minutes <= 59;
}

void lt_exif_time(const char *date, const char *subsec, const char *offset, char out[32])
{
    size_t n_fraction = strspn(subsec, "0123456789");
    bool utc = strcmp(offset, "Z") == 0;

    out[0] = '\0';
    if (!date_is_real(date))
        return;
    if (subsec[n_fraction] != '\0')
        n_fraction = 0;
    snprintf(out, 32, "%.4s-%.2s-%.2sT%.8s%s%.*s%s", date, date + 5, date + 8, date + 11,
             n_fraction ? "." : "", (int)(n_fraction < 3 ? n_fraction : 3), subsec,
             utc || offset_is_real(offset) ? offset : "");
}

/* ---- place ------------------------------------------------------------------------------- */

/* Reads "a/b " and moves on. */
static bool rational(const char **p, double *out)
{
    unsigned long long top, bottom;
    int used = 0;

    if (sscanf(*p, "%10llu/%10llu%n", &top, &bottom, &used) != 2 || used == 0 || bottom == 0)
        return false;
    *p += used;
    *out = (double)top / (double)bottom;
    return true;
}

bool lt_exif_degrees(const char *rationals, const char *ref, const char *refs, double max,
                     double *out)
{
    double degrees, minutes, seconds = 0.0;
    const char *p = rationals;
    char side = (char)toupper((unsigned char)ref[0]);

    if (!side || !strchr(refs, side) || !rational(&p, &degrees) || !rational(&p, &minutes))
        return false;
    /* Some cameras write 0/0 seconds behind fractions of minutes. */
    if (!rational(&p, &seconds))
        seconds = 0.0;
    if (minutes >= 60.0 || seconds >= 60.0)
        return false;
    degrees += minutes / 60.0 + seconds / 3600.0;
    if (!(degrees <= max))
        return false;
    *out = side == refs[1] ? -degrees : degrees;
    return true;
}

static void read_location(VipsImage *image, lt_image_info *info)
{
    char lat[TEXT_CAP], lat_ref[8], lon[TEXT_CAP], lon_ref[8];
    double north, east;

    get_text(image, "exif-ifd3-GPSLatitude", lat, sizeof lat);
    get_text(image, "exif-ifd3-GPSLatitudeRef", lat_ref, sizeof lat_ref);
    get_text(image, "exif-ifd3-GPSLongitude", lon, sizeof lon);
    get_text(image, "exif-ifd3-GPSLongitudeRef", lon_ref, sizeof lon_ref);
    if (!lt_exif_degrees(lat, lat_ref, "NS", 90.0, &north) ||
        !lt_exif_degrees(lon, lon_ref, "EW", 180.0, &east))
        return;
    /* Receivers without a fix write zeros; nobody photographs in the Gulf of Guinea to the inch. */
    if (north == 0.0 && east == 0.0)
        return;
    info->has_location = true;
    info->lat = north;
    info->lon = east;
}

void lt_exif_read(VipsImage *image, lt_image_info *info)
{
    char make[TEXT_CAP], model[TEXT_CAP], date[TEXT_CAP], subsec[TEXT_CAP], offset[TEXT_CAP];

    get_text(image, "exif-ifd0-Make", make, sizeof make);
    get_text(image, "exif-ifd0-Model", model, sizeof model);
    lt_exif_camera(make, model, info->camera, sizeof info->camera);
    get_text(image, "exif-ifd2-DateTimeOriginal", date, sizeof date);
    get_text(image, "exif-ifd2-SubSecTimeOriginal", subsec, sizeof subsec);
    get_text(image, "exif-ifd2-OffsetTimeOriginal", offset, sizeof offset);
    lt_exif_time(date, subsec, offset, info->taken);
    read_location(image, info);
}
