/* SPDX-License-Identifier: Apache-2.0 */
#include "found.h"

#include <base/error.h>
#include <base/file.h>
#include <base/mem.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes that filename_hex spells. *out is NULL where it is no such text. */
static lt_status path_of_hex(const char *hex, char **out, lt_error *err)
{
    size_t n = strlen(hex) / 2;
    LT_AUTOFREE char *path = lt_malloc(n + 1);

    if (!path)
        return lt_fail_nomem(err);
    *out = NULL;
    for (size_t i = 0; i < n; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return LT_OK;
        path[i] = (char)(high << 4 | low);
    }
    path[n] = '\0';
    *out = lt_steal(&path);
    return LT_OK;
}

static lt_status read_one(const lt_hit *hit, cli_found *f, lt_error *err)
{
    f->hit = hit;
    f->relevance = NAN;
    f->name = "";
    LT_TRY(lt_json_parse(hit->payload, hit->payload_len, "payload", &f->doc, err));
    yyjson_val *root = yyjson_doc_get_root(f->doc);
    const char *name = yyjson_get_str(yyjson_obj_get(root, "filename"));
    const char *hex = yyjson_get_str(yyjson_obj_get(root, "filename_hex"));

    if (!name)
        return LT_OK;
    f->name = name;
    if (hex)
        return path_of_hex(hex, &f->path, err);
    f->path = lt_strdup(name);
    return f->path ? LT_OK : lt_fail_nomem(err);
}

lt_status cli_found_read(const lt_hits *hits, cli_found **out, lt_error *err)
{
    cli_found *found = lt_calloc(hits->n_items, sizeof *found);

    if (!found)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < hits->n_items; i++) {
        lt_status st = read_one(&hits->items[i], &found[i], err);

        if (st != LT_OK) {
            cli_found_free(found, hits->n_items);
            return st;
        }
    }
    *out = found;
    return LT_OK;
}

void cli_found_free(cli_found *found, size_t n)
{
    for (size_t i = 0; found && i < n; i++) {
        lt_free(found[i].path);
        yyjson_doc_free(found[i].doc);
    }
    lt_free(found);
}

const char *cli_found_title(const cli_found *f)
{
    return lt_path_name(f->name);
}

void cli_found_day(const cli_found *f, char out[16])
{
    yyjson_val *root = yyjson_doc_get_root(f->doc);
    const char *when = yyjson_get_str(yyjson_obj_get(root, "taken"));

    if (!when)
        when = yyjson_get_str(yyjson_obj_get(root, "mtime"));
    snprintf(out, 16, "%.10s", when ? when : "");
}
