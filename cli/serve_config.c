/* SPDX-License-Identifier: Apache-2.0 */
#include "serve_config.h"

#include <base/error.h>
#include <base/file.h>
#include <base/mem.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <value/value.h>

#include "term.h"

enum { FILE_MAX_BYTES = 1 << 20, DEPTH_MAX = 4 };

typedef struct setting {
    const char *name; /* of the option, and of LATENT_<NAME> */
    const char *key;  /* in the file, and of QDRANT__<KEY>: Qdrant's own where it has one */
    cli_kind kind;
    size_t at; /* in serve_settings */
    const char *standard; /* what it is where nothing is said; NULL: nothing */
    bool secret;
} setting;

#define AT(member) offsetof(serve_settings, member)
static const setting settings[SERVE_SETTINGS] = {
    {"host", "service.host", CLI_TEXT, AT(host), "127.0.0.1", false},
    {"port", "service.http_port", CLI_SIZE, AT(port), "6333", false},
    {"data", "storage.storage_path", CLI_TEXT, AT(data), NULL, false},
    {"api-key", "service.api_key", CLI_TEXT, AT(api_key), NULL, true},
    {"read-only-api-key", "service.read_only_api_key", CLI_TEXT, AT(read_only_api_key), NULL, true},
    {"jwt-rbac", "service.jwt_rbac", CLI_FLAG, AT(jwt), "false", false},
    {"tls-cert", "tls.cert", CLI_TEXT, AT(tls_cert), NULL, false},
    {"tls-key", "tls.key", CLI_TEXT, AT(tls_key), NULL, false},
    {"insecure", "latent.insecure", CLI_FLAG, AT(insecure), "false", false},
    {"max-body", "service.max_request_size_mb", CLI_SIZE, AT(body_mb), "32", false},
    {"workers", "service.max_workers", CLI_SIZE, AT(workers), "256", false},
    {"queue", "latent.queue", CLI_SIZE, AT(queue), "256", false},
    {"timeout", "latent.timeout", CLI_SIZE, AT(timeout_s), "60", false},
    {"batch-wait", "latent.batch_wait", CLI_SIZE, AT(wait_us), "0", false},
    {"preload", "latent.preload", CLI_FLAG, AT(preload), "false", false},
};

static void *place(serve_settings *values, const setting *s)
{
    return (char *)values + s->at;
}

static bool is_set(const serve_settings *values, const setting *s)
{
    const void *at = (const char *)values + s->at;

    switch (s->kind) {
    case CLI_FLAG:
        return *(const bool *)at;
    case CLI_SIZE:
        return *(const size_t *)at != CLI_UNSET;
    default:
        return *(const char *const *)at != NULL;
    }
}

/* ---- one value ------------------------------------------------------------------------------- */

/* What the command line would take. */
static lt_status check_size(const setting *s, const cli_option *options, size_t n_options,
                            const char *text, const char *source, size_t *out, lt_error *err)
{
    size_t min = 0, max = SIZE_MAX - 1;
    char *end;

    for (size_t i = 0; i < n_options; i++)
        if (strcmp(options[i].name, s->name) == 0) {
            min = options[i].min;
            max = options[i].max;
        }
    unsigned long long n = strtoull(text, &end, 10);

    if (!isdigit((unsigned char)text[0]) || *end || n < min || n > max)
        return lt_fail(err, LT_EINVAL, "%s: '%s': a number from %zu to %zu is expected", source, text,
                       min, max);
    *out = (size_t)n;
    return LT_OK;
}

typedef struct reader {
    serve_config *config;
    const cli_option *options;
    size_t n_options;
    const char *file;
} reader;

/* `text` is borrowed. */
static lt_status set(reader *r, size_t i, const char *text, const char *source, lt_error *err)
{
    const setting *s = &settings[i];
    void *at = place(&r->config->values, s);

    if (s->kind == CLI_SIZE) {
        LT_TRY(check_size(s, r->options, r->n_options, text, source, at, err));
    } else if (s->kind == CLI_FLAG) {
        bool yes = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;

        if (!yes && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
            return lt_fail(err, LT_EINVAL, "%s: '%s': true or false is expected", source, text);
        *(bool *)at = yes;
    } else {
        *(const char **)at = text[0] ? text : NULL;
    }
    r->config->sources[i] = source;
    return LT_OK;
}

/* ---- the file -------------------------------------------------------------------------------- */

static lt_status check_type(cli_kind kind, yyjson_val *v, const char *where, lt_error *err)
{
    const char *want = "a string";
    bool fits = yyjson_is_str(v);

    if (kind == CLI_SIZE) {
        want = "a number";
        fits = yyjson_is_uint(v);
    } else if (kind == CLI_FLAG) {
        want = "true or false";
        fits = yyjson_is_bool(v);
    }
    return fits ? LT_OK
                : lt_fail(err, LT_EINVAL, "%s: %s is expected, not %s", where, want,
                          yyjson_get_type_desc(v));
}

static lt_status set_from_file(reader *r, const char *key, yyjson_val *v, lt_error *err)
{
    char number[24], where[160];
    const char *text = yyjson_get_str(v);

    snprintf(where, sizeof where, "%s: %.100s", r->file, key);
    if (yyjson_is_uint(v)) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)yyjson_get_uint(v));
        text = number;
    }
    if (yyjson_is_bool(v))
        text = yyjson_get_bool(v) ? "true" : "false";
    for (size_t i = 0; i < SERVE_SETTINGS; i++) {
        if (strcmp(settings[i].key, key) != 0)
            continue;
        if (yyjson_is_null(v))
            return LT_OK;
        LT_TRY(check_type(settings[i].kind, v, where, err));
        LT_TRY(set(r, i, text, where, err));
        r->config->sources[i] = r->file;
        return LT_OK;
    }
    return lt_fail(err, LT_EINVAL, "%s: there is no such setting", where);
}

static lt_status read_tree(reader *r, const char *path, yyjson_val *tree, unsigned depth,
                           lt_error *err)
{
    yyjson_val *key, *value;
    size_t i, n;

    yyjson_obj_foreach(tree, i, n, key, value)
    {
        char inner[160];

        snprintf(inner, sizeof inner, "%s%s%.100s", path, path[0] ? "." : "", yyjson_get_str(key));
        if (yyjson_is_obj(value) && depth < DEPTH_MAX)
            LT_TRY(read_tree(r, inner, value, depth + 1, err));
        else
            LT_TRY(set_from_file(r, inner, value, err));
    }
    return LT_OK;
}

static lt_status read_file(reader *r, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};

    LT_TRY(lt_file_read(r->file, FILE_MAX_BYTES, &text, err));
    LT_TRY(lt_json_parse_object(text.data ? text.data : "", text.len, r->file, &r->config->doc,
                                err));
    return read_tree(r, "", yyjson_doc_get_root(r->config->doc), 1, err);
}

/* ---- the environment ------------------------------------------------------------------------- */

/* "LATENT_API_KEY" of "api-key", "QDRANT__SERVICE__API_KEY" of "service.api_key". */
static void name_variable(const char *prefix, const char *of, char out[48])
{
    size_t n = (size_t)snprintf(out, 48, "%s", prefix);

    for (; *of && n < 46; of++) {
        if (*of == '.')
            out[n++] = '_';
        out[n++] = *of == '.' || *of == '-' ? '_' : (char)toupper((unsigned char)*of);
    }
    out[n] = '\0';
}

static lt_status read_variable(reader *r, size_t i, const char *prefix, const char *of,
                               lt_error *err)
{
    char name[48];

    name_variable(prefix, of, name);
    const char *value = getenv(name);

    if (!value || !value[0])
        return LT_OK;
    LT_TRY(set(r, i, value, name, err));
    memcpy(r->config->names[i], name, sizeof name);
    r->config->sources[i] = r->config->names[i];
    return LT_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Options win over all, so they come last. */
static lt_status read_all(reader *r, const serve_settings *given, lt_error *err)
{
    for (size_t i = 0; i < SERVE_SETTINGS; i++)
        if (settings[i].standard)
            LT_TRY(set(r, i, settings[i].standard, NULL, err));
    if (r->file)
        LT_TRY(read_file(r, err));
    for (size_t i = 0; i < SERVE_SETTINGS; i++) {
        const setting *s = &settings[i];

        LT_TRY(read_variable(r, i, "QDRANT__", s->key, err));
        LT_TRY(read_variable(r, i, "LATENT_", s->name, err));
        if (!is_set(given, s))
            continue;
        size_t n = s->kind == CLI_FLAG   ? sizeof(bool)
                   : s->kind == CLI_SIZE ? sizeof(size_t)
                                         : sizeof(const char *);

        memcpy(place(&r->config->values, s), (const char *)given + s->at, n);
        r->config->sources[i] = "option";
    }
    return LT_OK;
}

lt_status serve_config_read(serve_config *c, const cli_option *options, size_t n_options,
                            const serve_settings *given, const char *file, lt_error *err)
{
    reader r = {.config = c, .options = options, .n_options = n_options, .file = file};

    *c = (serve_config){.values = SERVE_SETTINGS_INIT};
    return read_all(&r, given, err);
}

void serve_config_done(serve_config *c)
{
    yyjson_doc_free(c->doc);
    c->doc = NULL;
}

void serve_config_print(const serve_config *c)
{
    for (size_t i = 0; i < SERVE_SETTINGS; i++) {
        const setting *s = &settings[i];
        const void *at = (const char *)&c->values + s->at;
        char value[24];
        const char *text = value;

        if (s->kind == CLI_SIZE)
            snprintf(value, sizeof value, "%zu", *(const size_t *)at);
        else if (s->kind == CLI_FLAG)
            text = *(const bool *)at ? "true" : "false";
        else
            text = *(const char *const *)at;
        if (text && s->secret)
            text = "(secret)";
        cli_outf("%-18s %-28s %-24s %s\n", s->name, s->key, text ? text : "-",
                 c->sources[i] ? c->sources[i] : "default");
    }
    cli_out_flush();
}
