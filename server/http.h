/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1.1 (and TLS) over libmicrohttpd; the one folder that includes it.
 *
 * Threads: a few event threads read requests and write answers and never wait for a handler. A whole
 * request goes through a bounded queue to a worker, whose connection sleeps meanwhile. So a slow
 * client holds a connection but no worker, and a slow handler holds a worker but no other
 * connection. When the queue is full the answer is 503 with Retry-After at once. */
#ifndef LT_SERVER_HTTP_H
#define LT_SERVER_HTTP_H

#include <base/buf.h>
#include <latent.h>

#include "upload.h"

typedef struct lt_http lt_http;

struct lt_http_request {
    const char *method; /* as sent: "GET", "POST", ... */
    const char *path;   /* as sent, percent-encoded, without the query and a trailing slash */
    const char *body;   /* zero-terminated; "" without one */
    size_t n_body;
    const lt_error *broken; /* why the body could not be decompressed; else NULL */
    lt_upload *upload; /* what came in place of a body, if options.upload said so; else NULL */
    double arrived_s; /* lt_clock_s when its headers were there */
    void *connection; /* for lt_http_header and lt_http_query */
};

/* The value of a header (any case) or NULL. Valid until the answer is given. */
const char *lt_http_header(const lt_http_request *r, const char *name);
/* The value of a query parameter as sent (percent-encoded) or NULL; "" for one without '='. */
const char *lt_http_query(const lt_http_request *r, const char *name);
/* Decodes %XX in place. Returns the length (the result may contain zero bytes). */
size_t lt_http_decode(char *text);

typedef struct lt_http_answer {
    unsigned status;          /* 200 to begin with */
    const char *content_type; /* static storage; NULL: none */
    unsigned retry_after_s;   /* 0: no Retry-After */
    lt_buf body;
    int file; /* a descriptor whose file is sent in place of `body`, and closed; -1: none */
} lt_http_answer;

typedef struct lt_http_options {
    const char *host; /* an address or a name */
    unsigned port;    /* 0: any free one, see lt_http_port */
    unsigned workers; /* threads that run handlers */
    unsigned queue_max;       /* requests that wait for a worker */
    unsigned connections_max, connections_per_address;
    unsigned idle_s; /* a connection on which nothing moves is closed */
    size_t body_max;   /* bytes; a larger body is answered by `too_large` */
    size_t bodies_max; /* bytes of all bodies together; above it `busy` answers */
    const char *tls_cert, *tls_key; /* PEM texts, or NULL */
    /* Called by an event thread once the headers are there. true: `answer` is the answer; the body
     * is thrown away as it comes. For access control. Must not wait. May be NULL. */
    bool (*refuse)(void *context, const lt_http_request *request, lt_http_answer *answer);
    /* Called as `refuse` is, after it: has this request a form whose one file goes to disk? Then that
     * is not bounded by body_max. NULL, or the upload, which is freed after the answer. */
    lt_upload *(*upload)(void *context, const lt_http_request *request);
    /* Called by a worker with the whole request. */
    void (*handle)(void *context, const lt_http_request *request, lt_http_answer *answer);
    /* Fill `answer` for a body over body_max, and for a full queue. Called by an event thread. */
    void (*too_large)(void *context, const lt_http_request *request, lt_http_answer *answer);
    void (*busy)(void *context, const lt_http_request *request, lt_http_answer *answer);
    /* Called once when a stop has waited long enough: handlers that wait should give up. May be
     * NULL. */
    void (*hurry)(void *context);
    void *context;
} lt_http_options;

/* Listens and serves until lt_http_stop. LT_EIO when the address cannot be had. */
lt_status lt_http_start(const lt_http_options *options, lt_http **out, lt_error *err) LT_NODISCARD;
unsigned lt_http_port(const lt_http *h);
/* Takes no new connections and no new requests on old ones, lets the requests that are being handled
 * end and their answers be sent; what has not begun after `drain_s` is answered by `busy`. Then
 * closes. NULL allowed. */
void lt_http_stop(lt_http *h, double drain_s);

#endif
