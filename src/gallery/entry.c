/* SPDX-License-Identifier: Apache-2.0 */
#include "entry.h"

#include <base/hash.h>
#include <base/mem.h>
#include <base/utf8.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <value/value.h>

lt_id lt_entry_id(const char *path)
{
    lt_id id = {.kind = LT_ID_UUID};
    char url[7 + 4096];
    size_t n = strnlen(path, sizeof url - 7);

    memcpy(url, "file://", 7);
    memcpy(url + 7, path, n);
    lt_uuid5(lt_uuid_ns_url, url, 7 + n, id.uuid);
    return id;
}

void lt_entry_time(const struct timespec *t, char out[40])
{
    struct tm tm;
    char date[24];

    if (!gmtime_r(&t->tv_sec, &tm) || strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        strcpy(out, "1970-01-01T00:00:00Z");
        return;
    }
    snprintf(out, 40, "%s.%09ldZ", date, t->tv_nsec);
}

static bool add_name(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *path, lt_error *err)
{
    size_t n = strlen(path);

    if (lt_utf8_valid(path, n))
        return yyjson_mut_obj_add_strncpy(doc, root, "filename", path, n);
    LT_CLEANUP(lt_buf_done) lt_buf name = {0};
    LT_AUTOFREE char *hex = lt_malloc(2 * n + 1);

    if (!hex || lt_utf8_repair(path, n, &name, err) != LT_OK)
        return false;
    lt_hex((const uint8_t *)path, n, hex);
    return yyjson_mut_obj_add_strncpy(doc, root, "filename", name.data, name.len) &&
           yyjson_mut_obj_add_strncpy(doc, root, "filename_hex", hex, 2 * n);
}

/* Every folder above the file, from the outermost: an exact match then finds all below a folder,
 * in any database that speaks Qdrant's filters. The root is left out, it holds everything. */
static bool add_folders(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *path, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf name = {0};
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "folders");

    if (!list)
        return false;
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        lt_buf_clear(&name);
        if (lt_utf8_repair(path, (size_t)(slash - path), &name, err) != LT_OK ||
            !yyjson_mut_arr_add_strncpy(doc, list, name.data, name.len))
            return false;
    }
    return true;
}

static bool add_exif(yyjson_mut_doc *doc, yyjson_mut_val *root, const lt_image_info *info)
{
    if (info->taken[0] && !yyjson_mut_obj_add_strcpy(doc, root, "taken", info->taken))
        return false;
    if (info->camera[0] && !yyjson_mut_obj_add_strcpy(doc, root, "camera", info->camera))
        return false;
    if (!info->has_location)
        return true;
    yyjson_mut_val *at = yyjson_mut_obj_add_obj(doc, root, "location");

    return at && yyjson_mut_obj_add_real(doc, at, "lon", info->lon) &&
           yyjson_mut_obj_add_real(doc, at, "lat", info->lat);
}

lt_status lt_entry_payload(const char *path, const struct stat *st, const lt_image_info *info,
                           const uint8_t hash[16], lt_buf *out, lt_error *err)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;
    char mtime[40], digest[33], *text = NULL;
    size_t n;

    lt_entry_time(&st->st_mtim, mtime);
    lt_hex(hash, 16, digest);
    if (root && add_name(doc, root, path, err) && add_folders(doc, root, path, err) &&
        yyjson_mut_obj_add_uint(doc, root, "size", (uint64_t)st->st_size) &&
        yyjson_mut_obj_add_strcpy(doc, root, "mtime", mtime) &&
        yyjson_mut_obj_add_uint(doc, root, "width", info->width) &&
        yyjson_mut_obj_add_uint(doc, root, "height", info->height) &&
        yyjson_mut_obj_add_strcpy(doc, root, "format", info->format) &&
        yyjson_mut_obj_add_strcpy(doc, root, "hash", digest) && add_exif(doc, root, info)) {
        yyjson_mut_doc_set_root(doc, root);
        text = yyjson_mut_write(doc, 0, &n);
    }
    yyjson_mut_doc_free(doc);
    if (!text)
        return lt_fail_nomem(err);
    lt_status status = lt_buf_add(out, text, n, err);

    free(text);
    return status;
}

static bool copy_text(yyjson_val *root, const char *key, char *out, size_t cap)
{
    yyjson_val *v = yyjson_obj_get(root, key);

    if (!yyjson_is_str(v) || yyjson_get_len(v) >= cap)
        return false;
    memcpy(out, yyjson_get_str(v), yyjson_get_len(v) + 1);
    return true;
}

bool lt_entry_read(const char *payload, size_t n, lt_entry_known *out)
{
    yyjson_doc *doc = yyjson_read(payload, n, 0);
    yyjson_val *root = yyjson_doc_get_root(doc), *size = yyjson_obj_get(root, "size");
    bool ok = yyjson_is_uint(size) && copy_text(root, "mtime", out->mtime, sizeof out->mtime) &&
              copy_text(root, "hash", out->hash, sizeof out->hash);

    if (ok)
        out->size = yyjson_get_uint(size);
    yyjson_doc_free(doc);
    return ok;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *path_from_hex(const char *hex, size_t n)
{
    char *path = n % 2 ? NULL : lt_malloc(n / 2 + 1);

    for (size_t i = 0; path && i < n / 2; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            lt_free(path);
            return NULL;
        }
        path[i] = (char)(high << 4 | low);
    }
    if (path)
        path[n / 2] = '\0';
    return path;
}

char *lt_entry_path(const char *payload, size_t n)
{
    yyjson_doc *doc = yyjson_read(payload, n, 0);
    yyjson_val *root = yyjson_doc_get_root(doc), *hex = yyjson_obj_get(root, "filename_hex"),
               *name = yyjson_obj_get(root, "filename");
    char *path = NULL;

    if (yyjson_is_str(hex))
        path = path_from_hex(yyjson_get_str(hex), yyjson_get_len(hex));
    else if (yyjson_is_str(name))
        path = lt_strndup(yyjson_get_str(name), yyjson_get_len(name));
    yyjson_doc_free(doc);
    return path;
}
