/* SPDX-License-Identifier: Apache-2.0
 * From a request to its handler: the table of routes, access, errors, counting. */
#include <base/clock.h>
#include <base/error.h>
#include <base/mem.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "qdrant.h"

enum { COLLECTION_BYTES = 1024 }; /* bytes of a name in a path, encoded */

#define ROUTE(method, path, access, errors, name) \
    {method, path, LT_ACCESS_##access, LT_ERRORS_##errors, lt_rest_##name, NULL, false}

static const lt_route other_routes[] = {
    ROUTE("GET", "/", OPEN, QDRANT, root),
    ROUTE("GET", "/healthz", OPEN, QDRANT, healthz),
    ROUTE("GET", "/livez", OPEN, QDRANT, healthz),
    ROUTE("GET", "/readyz", OPEN, QDRANT, healthz),
    ROUTE("GET", "/metrics", READ, QDRANT, metrics),

    ROUTE("GET", "/version", OPEN, ALEPH, version),
    ROUTE("GET", "/models_available", READ, ALEPH, models),
    ROUTE("GET", "/model-settings", READ, ALEPH, models),
    ROUTE("GET", "/models/*/tokenizer", READ, ALEPH, tokenizer),
    ROUTE("POST", "/semantic_embed", READ, ALEPH, semantic_embed),
    ROUTE("POST", "/batch_semantic_embed", READ, ALEPH, batch_semantic_embed),
    ROUTE("POST", "/instructable_embed", READ, ALEPH, instructable_embed),
    ROUTE("POST", "/embed", READ, ALEPH, no_layers),
    ROUTE("POST", "/tokenize", READ, ALEPH, tokenize),
    ROUTE("POST", "/detokenize", READ, ALEPH, detokenize),
    ROUTE("POST", "/complete", READ, ALEPH, not_ours),
    ROUTE("POST", "/chat/completions", READ, ALEPH, not_ours),
    ROUTE("POST", "/evaluate", READ, ALEPH, not_ours),
    ROUTE("POST", "/explain", READ, ALEPH, not_ours),
    ROUTE("POST", "/translate", READ, ALEPH, not_ours),
    ROUTE("POST", "/steering_concepts", READ, ALEPH, not_ours),
    ROUTE("POST", "/rerank", READ, ALEPH, not_ours),

    ROUTE("POST", "/embeddings", READ, ALEPH, openai_embeddings),
    ROUTE("POST", "/v1/embeddings", READ, OPENAI, openai_embeddings),
    ROUTE("GET", "/v1/models", READ, OPENAI, openai_models),
    ROUTE("GET", "/v1/models/*", READ, OPENAI, openai_model),
};
enum { N_OTHER = sizeof other_routes / sizeof *other_routes };

size_t lt_route_count(void)
{
    LT_ASSERT(N_OTHER + lt_n_qdrant_routes <= LT_ROUTES_MAX);
    return N_OTHER + lt_n_qdrant_routes;
}

const lt_route *lt_route_at(size_t i)
{
    return i < N_OTHER ? &other_routes[i] : &lt_qdrant_routes[i - N_OTHER];
}

static size_t place_of(const lt_route *route)
{
    bool other = route >= other_routes && route < other_routes + N_OTHER;

    return (size_t)(other ? route - other_routes : route - lt_qdrant_routes + N_OTHER);
}

/* ---- matching -------------------------------------------------------------------------------- */

/* A part of a path, as sent. */
typedef struct segment {
    const char *text;
    size_t n;
} segment;

/* Does the path fit the pattern? `names` get the segments at its '*'s. */
static bool path_fits(const char *pattern, const char *path, segment names[LT_ROUTE_NAMES])
{
    size_t k = 0;

    while (*pattern && *path) {
        if (*pattern == '*') {
            size_t n = strcspn(path, "/");

            if (n == 0 || k == LT_ROUTE_NAMES)
                return false;
            names[k++] = (segment){path, n};
            path += n;
            pattern++;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return !*pattern && !*path;
}

typedef struct match {
    const lt_route *route; /* NULL: no such path, or no such method of it */
    bool path_known;
    segment names[LT_ROUTE_NAMES];
} match;

static bool find_among(const lt_route *routes, size_t n, const char *method, const char *path,
                       match *m)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(routes[i].method, method) != 0)
            continue;
        memset(m->names, 0, sizeof m->names);
        if (path_fits(routes[i].path, path, m->names)) {
            m->route = &routes[i];
            return true;
        }
    }
    return false;
}

static bool is_known(const char *path)
{
    segment names[LT_ROUTE_NAMES];

    for (size_t i = 0; i < lt_route_count(); i++)
        if (path_fits(lt_route_at(i)->path, path, names))
            return true;
    return false;
}

static match find_route(const lt_http_request *r)
{
    const char *method = strcmp(r->method, "HEAD") == 0 ? "GET" : r->method;
    match m = {0};

    if (find_among(lt_qdrant_routes, lt_n_qdrant_routes, method, r->path, &m) ||
        find_among(other_routes, N_OTHER, method, r->path, &m))
        return m;
    m.path_known = is_known(r->path);
    return m;
}

static lt_error_style style_of(const lt_http_request *r)
{
    const lt_route *route = find_route(r).route;

    return route ? route->errors : LT_ERRORS_QDRANT;
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void add_error(yyjson_mut_doc *doc, yyjson_mut_val *root, lt_error_style style,
                      unsigned status, const char *code, const char *message)
{
    yyjson_mut_val *inner;

    switch (style) {
    case LT_ERRORS_ALEPH:
        yyjson_mut_obj_add_strcpy(doc, root, "error", message);
        yyjson_mut_obj_add_strcpy(doc, root, "code", code);
        return;
    case LT_ERRORS_OPENAI:
        inner = yyjson_mut_obj_add_obj(doc, root, "error");
        yyjson_mut_obj_add_strcpy(doc, inner, "message", message);
        yyjson_mut_obj_add_str(doc, inner, "type",
                               status < 500 ? "invalid_request_error" : "server_error");
        yyjson_mut_obj_add_null(doc, inner, "param");
        yyjson_mut_obj_add_strcpy(doc, inner, "code", code);
        return;
    case LT_ERRORS_QDRANT:
        inner = yyjson_mut_obj_add_obj(doc, root, "status");
        yyjson_mut_obj_add_strcpy(doc, inner, "error", message);
        yyjson_mut_obj_add_real(doc, root, "time", 0.0);
        return;
    }
}

void lt_answer_error(lt_http_answer *a, lt_error_style style, unsigned status, const char *code,
                     const char *message)
{
    yyjson_mut_val *root;
    yyjson_mut_doc *doc = lt_reply_new(&root);

    if (doc)
        add_error(doc, root, style, status, code, message);
    lt_answer_json(a, status, doc);
    if (status == 503)
        a->retry_after_s = 1;
}

static void answer_failure(const lt_http_request *r, const lt_route *route, const lt_error *err,
                           lt_http_answer *a)
{
    if (route->errors == LT_ERRORS_QDRANT) {
        lt_qdrant_fail(r, a, err);
        return;
    }
    /* "LT_EINVAL" as "INVAL"; a full queue has the name that clients look for. */
    const char *code = err->code == LT_EBUSY ? "QUEUE_FULL" : lt_status_name(err->code) + 4;

    lt_answer_error(a, route->errors, lt_http_status(err->code), code, err->message);
}

bool lt_service_is_model(const lt_service *s, const char *name)
{
    if (strcmp(name, "latent") == 0 || strcmp(name, lt_embedder_info(s->embedder)->name) == 0)
        return true;
    for (size_t i = 0; i < s->config->n_aliases; i++)
        if (strcmp(name, s->config->aliases[i]) == 0)
            return true;
    return false;
}

/* ---- access ---------------------------------------------------------------------------------- */

static void answer_refused(lt_http_answer *a, lt_error_style style, lt_verdict verdict)
{
    const char *why = verdict == LT_VERDICT_WRONG_KEY
                          ? "Invalid API key or JWT"
                          : "Must provide an API key or an Authorization bearer token";

    if (verdict == LT_VERDICT_NO)
        lt_answer_error(a, style, 403, "FORBIDDEN", "Forbidden: this key does not allow it");
    else if (style == LT_ERRORS_QDRANT)
        lt_answer_text(a, 401, why);
    else
        lt_answer_error(a, style, 401, "UNAUTHORIZED", why);
}

/* Is the first part of its path the name of a collection? */
static bool is_of_collection(const lt_route *route)
{
    static const char begin[] = "/collections/*";

    return strncmp(route->path, begin, sizeof begin - 1) == 0;
}

/* The collection that a request's path names, decoded, in `out`; NULL: none. */
static const char *collection_of(const match *m, char out[COLLECTION_BYTES])
{
    const segment *name = &m->names[0];

    if (!m->route || !is_of_collection(m->route) || name->n >= COLLECTION_BYTES)
        return NULL;
    memcpy(out, name->text, name->n);
    out[name->n] = '\0';
    return lt_http_decode(out) == strlen(out) ? out : NULL;
}

bool lt_rest_refuse(void *context, const lt_http_request *r, lt_http_answer *a)
{
    match m = find_route(r);
    char name[COLLECTION_BYTES];
    lt_verdict verdict = lt_access_judge(context, r, m.route, collection_of(&m, name));

    if (verdict != LT_VERDICT_YES)
        answer_refused(a, style_of(r), verdict);
    return verdict != LT_VERDICT_YES;
}

/* ---- running --------------------------------------------------------------------------------- */

/* Upper bounds of the histogram's buckets, in microseconds. */
const unsigned long long lt_bucket_us[LT_BUCKETS] = {
    500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 5000000};

static void count(lt_service *s, const lt_route_args *args, unsigned status, double seconds)
{
    lt_route_stats *row = &s->stats[place_of(args->route)];
    unsigned long long us = (unsigned long long)(seconds * 1e6);
    size_t bucket = 0;

    while (bucket < LT_BUCKETS && us > lt_bucket_us[bucket])
        bucket++;
    atomic_fetch_add(&row->buckets[bucket], 1);
    atomic_fetch_add(&row->micros, us);
    atomic_fetch_add(&row->by_class[status / 100 < 6 ? status / 100 : 5], 1);
    if (is_of_collection(args->route))
        lt_shelf_count(s->shelf, args->name, status, us);
}

/* `copy` is a copy of the path, in which the names are decoded. */
static lt_status decode_names(const match *m, const char *path, char *copy, lt_route_args *args,
                              lt_error *err)
{
    for (size_t k = 0; k < LT_ROUTE_NAMES; k++) {
        const segment *name = &m->names[k];

        args->names[k] = "";
        if (!name->text)
            continue;
        char *text = copy + (name->text - path);

        text[name->n] = '\0';
        args->names[k] = text;
        if (lt_http_decode(text) != strlen(text))
            return lt_fail(err, LT_EINVAL, "a name in the path holds a zero byte");
    }
    args->name = args->names[0];
    return LT_OK;
}

lt_upload *lt_rest_upload(void *context, const lt_http_request *r)
{
    const lt_service *s = context;
    const lt_route *route = find_route(r).route;

    return route && route->upload ? lt_upload_new(r, s->config->data_dir, route->upload) : NULL;
}

void lt_rest_handle(void *context, const lt_http_request *r, lt_http_answer *a)
{
    lt_service *s = context;
    match m = find_route(r);
    double began = lt_clock_s();

    if (!m.route) {
        a->status = m.path_known ? 405 : 404;
        return;
    }
    LT_AUTOFREE char *names = lt_strdup(r->path);
    lt_verdict verdict = lt_access_judge_whole(s, r);

    if (verdict != LT_VERDICT_YES) {
        answer_refused(a, m.route->errors, verdict);
        return;
    }
    if (!names) {
        a->status = 500;
        return;
    }
    lt_route_args args = {.route = m.route, .name = ""};
    lt_error err;
    lt_status st = decode_names(&m, r->path, names, &args, &err);

    if (st == LT_OK && r->broken)
        st = lt_fail(&err, r->broken->code, "%s", r->broken->message);
    if (st == LT_OK)
        st = m.route->handle(s, r, &args, a, &err);
    if (st != LT_OK)
        answer_failure(r, m.route, &err, a);
    count(s, &args, a->status, lt_clock_s() - began);
}

void lt_rest_too_large(void *context, const lt_http_request *r, lt_http_answer *a)
{
    const lt_service *s = context;
    lt_error_style style = style_of(r);
    char message[96];

    snprintf(message, sizeof message, "the body is larger than %zu bytes", s->config->body_max);
    lt_answer_error(a, style, style == LT_ERRORS_QDRANT ? 400 : 413, "TOO_LARGE", message);
}

void lt_rest_busy(void *context, const lt_http_request *r, lt_http_answer *a)
{
    (void)context;
    lt_answer_error(a, style_of(r), 503, "QUEUE_FULL",
                    "too many requests are waiting; try again in a moment");
}

void lt_rest_hurry(void *context)
{
    lt_service *s = context;

    lt_embedder_give_up(s->embedder);
}
