/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <arpa/inet.h>
#include <base/clock.h>
#include <base/error.h>
#include <base/file.h>
#include <base/mem.h>
#include <base/thread.h>
#include <string.h>
#include <unistd.h>

#include "rest/rest.h"

enum {
    WORKERS = 256, /* they mostly sleep until the embedder is done; a thread that sleeps costs little,
                      and requests of pictures must not keep all of them from texts */
    QUEUE_MAX = 256,
    CONNECTIONS_MAX = 1024,
    CONNECTIONS_PER_ADDRESS = 512,
    IDLE_S = 30,
    BATCH_TEXTS = 32,
    KEY_FILE_MAX = 1 << 20,
};
/* JavaScript reads integers up to here. */
#define PEER_MASK ((UINT64_C(1) << 53) - 1)
static const double DRAIN_S = 10;
/* Room for this many of the largest bodies at once. */
static const size_t BODIES = 16;

struct lt_server {
    lt_service service;
    lt_http *http;
    lt_buf cert, key;
};

static bool is_loopback(const char *host)
{
    struct in_addr v4;

    /* An address, or a name that means this machine everywhere; "127.example.org" is neither. */
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (inet_pton(AF_INET, host, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127);
}

static lt_status check_config(const lt_server_config *c, lt_error *err)
{
    if (!c->insecure && !c->api_key && !is_loopback(c->host))
        return lt_fail(err, LT_EINVAL,
                       "%s can be reached by others: give an API key (--api-key), or say that "
                       "everybody may do everything (--insecure)",
                       c->host);
    if (c->read_only_api_key && !c->api_key)
        return lt_fail(err, LT_EINVAL, "a read-only API key needs an API key beside it");
    if (c->jwt && !c->api_key)
        return lt_fail(err, LT_EINVAL, "tokens need an API key, which signs them");
    if (!c->tls_cert_file != !c->tls_key_file)
        return lt_fail(err, LT_EINVAL, "TLS needs both a certificate and a key");
    return LT_OK;
}

static lt_status read_tls(lt_server *s, const lt_server_config *c, lt_error *err)
{
    if (!c->tls_cert_file)
        return LT_OK;
    LT_TRY(lt_file_read(c->tls_cert_file, KEY_FILE_MAX, &s->cert, err));
    return lt_file_read(c->tls_key_file, KEY_FILE_MAX, &s->key, err);
}

static lt_status open_embedder(lt_server *s, const lt_server_config *c, lt_error *err)
{
    lt_embedder_options options = {.model_dir = c->model_dir,
                                   .batch_max = BATCH_TEXTS,
                                   .wait_us = c->batch_wait_us,
                                   .preload = c->preload};

    return lt_embedder_open(&options, &s->service.embedder, err);
}

static lt_status listen_on(lt_server *s, const lt_server_config *c, lt_error *err)
{
    lt_http_options options = {
        .host = c->host,
        .port = c->port,
        .workers = c->workers ? c->workers : WORKERS,
        .queue_max = c->queue_max ? c->queue_max : QUEUE_MAX,
        .connections_max = CONNECTIONS_MAX,
        .connections_per_address = CONNECTIONS_PER_ADDRESS,
        .idle_s = IDLE_S,
        .body_max = c->body_max,
        .bodies_max = c->body_max * BODIES,
        .tls_cert = s->cert.len ? s->cert.data : NULL,
        .tls_key = s->key.len ? s->key.data : NULL,
        .refuse = lt_rest_refuse,
        .upload = lt_rest_upload,
        .handle = lt_rest_handle,
        .too_large = lt_rest_too_large,
        .busy = lt_rest_busy,
        .hurry = lt_rest_hurry,
        .context = &s->service,
    };

    return lt_http_start(&options, &s->http, err);
}

lt_status lt_server_start(const lt_server_config *config, lt_server **out, lt_error *err)
{
    LT_TRY(check_config(config, err));
    lt_server *s = lt_calloc(1, sizeof *s);

    if (!s)
        return lt_fail_nomem(err);
    s->service.config = config;
    s->service.started = lt_clock_s();
    s->service.started_at = (time_t)lt_clock_unix();
    s->service.peer_id = ((uint64_t)s->service.started_at << 20 | (uint64_t)getpid()) & PEER_MASK;
    lt_status st = read_tls(s, config, err);

    if (st == LT_OK)
        st = lt_shelf_open(config->data_dir, &s->service.shelf, err);
    if (st == LT_OK)
        st = lt_quota_open(config->data_dir, &s->service.quota, err);
    if (st == LT_OK)
        st = open_embedder(s, config, err);
    if (st == LT_OK)
        st = listen_on(s, config, err);
    if (st != LT_OK) {
        lt_server_stop(s);
        return st;
    }
    *out = s;
    return LT_OK;
}

unsigned lt_server_port(const lt_server *s)
{
    return lt_http_port(s->http);
}

const lt_model_info *lt_server_model(const lt_server *s)
{
    return lt_embedder_info(s->service.embedder);
}

void lt_server_stop(lt_server *s)
{
    if (!s)
        return;
    lt_http_stop(s->http, DRAIN_S);
    lt_embedder_close(s->service.embedder);
    lt_quota_close(s->service.quota);
    lt_shelf_close(s->service.shelf);
    lt_buf_done(&s->cert);
    lt_buf_done(&s->key);
    lt_free(s);
}
