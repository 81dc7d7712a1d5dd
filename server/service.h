/* SPDX-License-Identifier: Apache-2.0
 * What the handlers of one server share. */
#ifndef LT_SERVER_SERVICE_H
#define LT_SERVER_SERVICE_H

#include <base/buf.h>
#include <latent.h>
#include <stdatomic.h>
#include <time.h>
#include <yyjson.h>

#include "embedder.h"
#include "http.h"
#include "quota.h"
#include "shelf.h"

typedef struct lt_server_config {
    const char *host;
    unsigned port;
    bool insecure; /* a public address without a key is allowed */
    const char *api_key, *read_only_api_key; /* NULL: none */
    bool jwt; /* tokens signed by the API key are taken, too */
    const char *tls_cert_file, *tls_key_file;
    const char *data_dir;  /* of the database; created if it is not there */
    const char *model_dir; /* NULL: the built-in model */
    /* Other names that the model answers to, beside its own and "latent". */
    const char *const *aliases;
    size_t n_aliases;
    unsigned workers;   /* 0: chosen */
    unsigned queue_max; /* requests that wait for a worker; 0: chosen */
    size_t body_max;
    double deadline_s;
    unsigned batch_wait_us;
    bool preload; /* load the model before listening */
} lt_server_config;

/* Counted for /metrics: one row a route. */
enum { LT_ROUTES_MAX = 128, LT_BUCKETS = 12 };

typedef struct lt_route_stats {
    atomic_ullong by_class[6]; /* answers 1xx..5xx by their hundred; [0] unused */
    atomic_ullong buckets[LT_BUCKETS + 1];
    atomic_ullong micros;
} lt_route_stats;

typedef struct lt_service {
    const lt_server_config *config;
    lt_embedder *embedder;
    lt_shelf *shelf;
    lt_quota *quota;
    uint64_t peer_id; /* made up at the start: a node alone has nobody to tell it to */
    time_t started_at;
    lt_route_stats stats[LT_ROUTES_MAX];
    double started; /* lt_clock_s */
} lt_service;

/* The terms on which a request's items are embedded: its deadline, and `nice` of its query. */
lt_embed_terms lt_service_terms(const lt_service *s, const lt_http_request *r);

/* A document whose root is an empty object, *root; NULL without memory. */
yyjson_mut_doc *lt_reply_new(yyjson_mut_val **root);
/* An answer in JSON; takes `doc` over. NULL: 500. */
void lt_answer_json(lt_http_answer *a, unsigned status, yyjson_mut_doc *doc);
void lt_answer_text(lt_http_answer *a, unsigned status, const char *text);
/* The HTTP status of an lt code: the one table of it. */
unsigned lt_http_status(lt_status st);

#endif
