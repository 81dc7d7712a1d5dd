/* SPDX-License-Identifier: Apache-2.0
 * A payload's `folders` has every folder above the picture, so "below" is an exact match. EXIF times
 * mostly have no zone: they are the camera's clock, while a file's time is UTC. So --after 2023-05
 * compares "taken" with that date as written, and "mtime" with that date in this machine's zone. */
#include "pick.h"

#include <base/error.h>
#include <base/hash.h>
#include <base/mem.h>
#include <base/utf8.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <value/value.h>

#include "paths.h"

/* ---- dates ------------------------------------------------------------------------------------ */

static bool looks_like(const char *text, const char *shape)
{
    for (; *shape; shape++, text++)
        if (*shape == '0' ? *text < '0' || *text > '9' : *text != *shape)
            return false;
    return *text == '\0';
}

static bool has_zone(const char *text)
{
    const char *t = strpbrk(text, "Tt ");

    return t && strpbrk(t, "Zz+-") != NULL;
}

static void write_utc(time_t t, char out[40])
{
    struct tm tm;

    if (!gmtime_r(&t, &tm) || strftime(out, 40, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        strcpy(out, "1970-01-01T00:00:00Z");
}

bool cli_date_begin(const char *text, char local[40], char utc[40])
{
    char full[40];
    int64_t us;

    if (looks_like(text, "0000"))
        snprintf(full, sizeof full, "%s-01-01", text);
    else if (looks_like(text, "0000-00"))
        snprintf(full, sizeof full, "%s-01", text);
    else if ((size_t)snprintf(full, sizeof full, "%s", text) >= sizeof full)
        return false;
    if (!lt_datetime_parse(full, strlen(full), &us))
        return false;
    time_t t = (time_t)(us / 1000000 - (us % 1000000 < 0));

    if (has_zone(full)) {
        strcpy(local, full);
        strcpy(utc, full);
        return true;
    }
    struct tm tm;

    /* The same clock reading, in this machine's zone. */
    if (!gmtime_r(&t, &tm))
        return false;
    tm.tm_isdst = -1;
    strcpy(local, full);
    write_utc(mktime(&tm), utc);
    return true;
}

static lt_status read_date(const char *option, const char *text, char local[40], char utc[40],
                           lt_error *err)
{
    if (cli_date_begin(text, local, utc))
        return LT_OK;
    return lt_fail(err, LT_EINVAL,
                   "%s: a date is expected (2023, 2023-05, 2023-05-01 or 2023-05-01T10:00:00Z), "
                   "not \"%.60s\"",
                   option, text);
}

/* ---- conditions ------------------------------------------------------------------------------- */

/* All return NULL without memory. Keys are literals or live as long as the document is used. */

static yyjson_mut_val *list_of(yyjson_mut_doc *doc, yyjson_mut_val *parent, const char *key)
{
    return parent ? yyjson_mut_obj_add_arr(doc, parent, key) : NULL;
}

/* Adds {"key": key} to `conds` and gives it. */
static yyjson_mut_val *add_cond(yyjson_mut_doc *doc, yyjson_mut_val *conds, const char *key)
{
    yyjson_mut_val *c = conds ? yyjson_mut_arr_add_obj(doc, conds) : NULL;

    return c && yyjson_mut_obj_add_str(doc, c, "key", key) ? c : NULL;
}

static bool add_match(yyjson_mut_doc *doc, yyjson_mut_val *conds, const char *key, const char *how,
                      const char *text, size_t n)
{
    yyjson_mut_val *c = add_cond(doc, conds, key);
    yyjson_mut_val *match = c ? yyjson_mut_obj_add_obj(doc, c, "match") : NULL;

    return match && yyjson_mut_obj_add_strncpy(doc, match, how, text, n);
}

/* A path that is no UTF-8 is told from others like it by the bytes in filename_hex. */
static bool add_path_bytes(yyjson_mut_doc *doc, yyjson_mut_val *any, const char *path)
{
    size_t n = strlen(path);
    LT_AUTOFREE char *hex = lt_malloc(2 * n + 3);

    if (!hex)
        return false;
    lt_hex((const uint8_t *)path, n, hex);
    if (!add_match(doc, any, "filename_hex", "value", hex, 2 * n))
        return false;
    memcpy(hex + 2 * n, "2f", 3);
    return add_match(doc, any, "filename_hex", "prefix", hex, 2 * n + 2);
}

static lt_status add_paths(yyjson_mut_doc *doc, yyjson_mut_val *must, const cli_list *paths,
                           lt_error *err)
{
    yyjson_mut_val *clause = yyjson_mut_arr_add_obj(doc, must);
    yyjson_mut_val *any = list_of(doc, clause, "should");

    for (size_t i = 0; i < paths->n; i++) {
        LT_AUTOFREE char *path = cli_path_absolute(paths->items[i]);

        if (!path || !any)
            return lt_fail_nomem(err);
        size_t n = strlen(path);
        bool root = n == 1;
        bool ok;

        if (root) /* everything has a file name */
            ok = add_match(doc, any, "filename", "prefix", "/", 1);
        else if (lt_utf8_valid(path, n))
            ok = add_match(doc, any, "folders", "value", path, n) &&
                 add_match(doc, any, "filename", "value", path, n);
        else
            ok = add_path_bytes(doc, any, path);
        if (!ok)
            return lt_fail_nomem(err);
    }
    return LT_OK;
}

/* {"key": key, "range": {"gte": from, "lt": to}} */
static bool add_range(yyjson_mut_doc *doc, yyjson_mut_val *conds, const char *key, const char *from,
                      const char *to)
{
    yyjson_mut_val *c = add_cond(doc, conds, key);
    yyjson_mut_val *range = c ? yyjson_mut_obj_add_obj(doc, c, "range") : NULL;

    return range && (!from || yyjson_mut_obj_add_strcpy(doc, range, "gte", from)) &&
           (!to || yyjson_mut_obj_add_strcpy(doc, range, "lt", to));
}

/* "taken" in the range, or no "taken" and "mtime" in the range. */
static lt_status add_dates(yyjson_mut_doc *doc, yyjson_mut_val *must, const cli_pick *pick,
                           lt_error *err)
{
    char from[2][40], to[2][40];

    if (pick->after)
        LT_TRY(read_date("--after", pick->after, from[0], from[1], err));
    if (pick->before)
        LT_TRY(read_date("--before", pick->before, to[0], to[1], err));
    yyjson_mut_val *any = list_of(doc, yyjson_mut_arr_add_obj(doc, must), "should");
    bool ok = any && add_range(doc, any, "taken", pick->after ? from[0] : NULL,
                               pick->before ? to[0] : NULL);
    yyjson_mut_val *both = ok ? list_of(doc, yyjson_mut_arr_add_obj(doc, any), "must") : NULL;
    yyjson_mut_val *none = both ? yyjson_mut_arr_add_obj(doc, both) : NULL;
    yyjson_mut_val *empty = none ? yyjson_mut_obj_add_obj(doc, none, "is_empty") : NULL;

    ok = empty && yyjson_mut_obj_add_str(doc, empty, "key", "taken") &&
         add_range(doc, both, "mtime", pick->after ? from[1] : NULL,
                   pick->before ? to[1] : NULL);
    return ok ? LT_OK : lt_fail_nomem(err);
}

static bool read_place(const char *text, double *lat, double *lon, double *km)
{
    double *const parts[] = {lat, lon, km};

    for (int i = 0; i < 3; i++) {
        char *end;

        *parts[i] = strtod(text, &end);
        if (end == text || *end != (i < 2 ? ',' : '\0'))
            return false;
        text = end + 1;
    }
    return *lat >= -90 && *lat <= 90 && *lon >= -180 && *lon <= 180 && *km > 0 && *km < 1e6;
}

static lt_status add_place(yyjson_mut_doc *doc, yyjson_mut_val *must, const char *text,
                           lt_error *err)
{
    double lat, lon, km;

    if (!read_place(text, &lat, &lon, &km))
        return lt_fail(err, LT_EINVAL,
                       "--near: LAT,LON,KM is expected, as in 47.37,8.54,10 (degrees and "
                       "kilometres), not \"%.60s\"",
                       text);
    yyjson_mut_val *c = add_cond(doc, must, "location");
    yyjson_mut_val *circle = c ? yyjson_mut_obj_add_obj(doc, c, "geo_radius") : NULL;
    yyjson_mut_val *center = circle ? yyjson_mut_obj_add_obj(doc, circle, "center") : NULL;
    bool ok = center && yyjson_mut_obj_add_real(doc, center, "lat", lat) &&
              yyjson_mut_obj_add_real(doc, center, "lon", lon) &&
              yyjson_mut_obj_add_real(doc, circle, "radius", km * 1000);

    return ok ? LT_OK : lt_fail_nomem(err);
}

static lt_status add_filter(yyjson_mut_doc *doc, yyjson_mut_val *must, const char *text,
                            lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *theirs = NULL;

    LT_TRY(lt_json_parse_object(text, strlen(text), "--filter", &theirs, err));
    yyjson_mut_val *copy = yyjson_val_mut_copy(doc, yyjson_doc_get_root(theirs));

    return copy && yyjson_mut_arr_append(must, copy) ? LT_OK : lt_fail_nomem(err);
}

static lt_status fill(yyjson_mut_doc *doc, yyjson_mut_val *must, const cli_pick *pick,
                      lt_error *err)
{
    if (pick->under && pick->under->n)
        LT_TRY(add_paths(doc, must, pick->under, err));
    if (pick->after || pick->before)
        LT_TRY(add_dates(doc, must, pick, err));
    if (pick->near)
        LT_TRY(add_place(doc, must, pick->near, err));
    return pick->filter ? add_filter(doc, must, pick->filter, err) : LT_OK;
}

static void free_doc(yyjson_mut_doc **doc)
{
    yyjson_mut_doc_free(*doc);
}

lt_status cli_pick_filter(const cli_pick *pick, char **out, lt_error *err)
{
    LT_CLEANUP(free_doc) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;
    yyjson_mut_val *must = list_of(doc, root, "must");

    if (!must)
        return lt_fail_nomem(err);
    LT_TRY(fill(doc, must, pick, err));
    if (yyjson_mut_arr_size(must) == 0) {
        *out = NULL;
        return LT_OK;
    }
    yyjson_mut_doc_set_root(doc, root);
    char *text = yyjson_mut_write(doc, 0, NULL);

    *out = text ? lt_strdup(text) : NULL;
    free(text);
    return *out ? LT_OK : lt_fail_nomem(err);
}
