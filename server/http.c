/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <base/clock.h>
#include <base/error.h>
#include <base/file.h>
#include <base/hash.h>
#include <base/mem.h>
#include <base/thread.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inflate.h"

enum {
    EVENT_THREADS = 2,
    WORKERS_MAX = 512,
    WORKER_STACK = 1 << 20,
    HEADER_BYTES = 32768,
    REQUEST_S = 300, /* for a whole body to arrive, however steadily it drips */
    LAST_ANSWERS_S = 2,
};

/* A refused request's body is read to its end, since a client that is still sending would see a
 * broken connection in place of the answer; but not for ever. */
static const unsigned long long DISCARD_MAX = 1ull << 30;

/* One request on its way. Made at its first header, freed when its connection is done with it. */
typedef struct exchange {
    lt_http *http;
    lt_http_request request;
    lt_http_answer answer;
    struct MHD_Connection *connection;
    char *path;
    lt_buf body;
    size_t n_counted;           /* of the body, in http->body_bytes */
    unsigned long long n_read;  /* of the body, kept or not */
    lt_error broken;            /* for request.broken */
    bool refused;               /* `answer` is the answer already */
    bool handed_over;           /* counted in http->under_way */
    atomic_bool answered; /* set by the worker before it wakes the connection */
} exchange;

struct lt_http {
    lt_http_options options;
    struct MHD_Daemon *daemon;
    lt_queue *queue;
    atomic_uint waiting;   /* in the queue or with a worker */
    atomic_uint under_way; /* handed over and not answered to the last byte */
    atomic_size_t body_bytes;
    atomic_bool draining; /* nothing new is begun */
    atomic_bool hurrying; /* what waits for a worker is not begun either */
    pthread_t workers[WORKERS_MAX];
    unsigned n_workers;
    unsigned port;
};

/* ---- what handlers ask for ------------------------------------------------------------------- */

const char *lt_http_header(const lt_http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

const char *lt_http_query(const lt_http_request *r, const char *name)
{
    const char *value = NULL;

    if (MHD_lookup_connection_value_n(r->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name),
                                      &value, NULL) != MHD_YES)
        return NULL;
    return value ? value : "";
}

size_t lt_http_decode(char *text)
{
    char *to = text;

    for (const char *from = text; *from;) {
        int high = *from == '%' ? lt_hex_digit(from[1]) : -1;
        int low = high >= 0 ? lt_hex_digit(from[2]) : -1;

        if (low >= 0) {
            *to++ = (char)(high << 4 | low);
            from += 3;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    return (size_t)(to - text);
}

/* ---- answers --------------------------------------------------------------------------------- */

static struct MHD_Response *response_of_bytes(lt_http_answer *a)
{
    /* MHD frees what it is given with free(), which is what lt_free is. */
    size_t n = a->body.len;
    char *bytes = n ? lt_buf_steal(&a->body) : NULL;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        n, bytes ? bytes : "", bytes ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);

    if (!response)
        lt_free(bytes);
    return response;
}

static struct MHD_Response *response_of_file(lt_http_answer *a)
{
    struct stat st;
    struct MHD_Response *response =
        fstat(a->file, &st) < 0 ? NULL
                                : MHD_create_response_from_fd64((uint64_t)st.st_size, a->file);

    if (response)
        a->file = -1; /* MHD closes it */
    return response;
}

static enum MHD_Result send_answer(const exchange *x, lt_http_answer *a)
{
    struct MHD_Response *response = a->file >= 0 ? response_of_file(a) : response_of_bytes(a);
    char seconds[16];

    if (!response)
        return MHD_NO;
    if (a->content_type)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a->content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    if (a->retry_after_s) {
        snprintf(seconds, sizeof seconds, "%u", a->retry_after_s);
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    if (atomic_load(&x->http->draining))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    enum MHD_Result result = MHD_queue_response(x->connection, a->status, response);

    MHD_destroy_response(response);
    return result;
}

/* Any origin may ask: the service has no cookies, so a page can only do what its key allows. */
static enum MHD_Result send_preflight(struct MHD_Connection *connection)
{
    const char *headers =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Access-Control-Request-Headers");
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);

    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_METHODS,
                            "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_HEADERS,
                            headers ? headers : "*");
    MHD_add_response_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_MAX_AGE, "86400");
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);

    MHD_destroy_response(response);
    return result;
}

/* ---- workers --------------------------------------------------------------------------------- */

/* Counts `n` bytes for the exchange in place of what was counted. false: that is too much together. */
static bool count_body(lt_http *h, exchange *x, size_t n)
{
    size_t before = atomic_fetch_add(&h->body_bytes, n - x->n_counted);
    size_t all = before + n - x->n_counted;

    x->n_counted = n;
    return all <= h->options.bodies_max;
}

/* As a small body may become the largest, that much is counted until it is known. */
static lt_status decompress(lt_http *h, exchange *x, const char *encoding, lt_error *err)
{
    lt_buf plain = {0};

    if (!count_body(h, x, h->options.body_max))
        return lt_fail(err, LT_EBUSY, "too many large requests at a time");
    lt_status st = lt_inflate(encoding, x->body.data, x->body.len, h->options.body_max, &plain, err);

    lt_buf_done(&x->body);
    x->body = plain;
    (void)count_body(h, x, plain.len);
    x->request.body = plain.data ? plain.data : "";
    x->request.n_body = plain.len;
    return st;
}

static void handle(lt_http *h, exchange *x)
{
    const char *encoding = lt_http_header(&x->request, MHD_HTTP_HEADER_CONTENT_ENCODING);

    if (encoding && x->body.len && decompress(h, x, encoding, &x->broken) != LT_OK)
        x->request.broken = &x->broken;
    h->options.handle(h->options.context, &x->request, &x->answer);
}

static void *work(void *arg)
{
    lt_http *h = arg;

    for (exchange *x; (x = lt_queue_pop(h->queue)) != NULL;) {
        if (atomic_load(&h->hurrying))
            h->options.busy(h->options.context, &x->request, &x->answer);
        else
            handle(h, x);
        atomic_store(&x->answered, true);
        /* From here on the event thread owns x. */
        MHD_resume_connection(x->connection);
        atomic_fetch_sub(&h->waiting, 1);
    }
    return NULL;
}

static enum MHD_Result hand_over(lt_http *h, exchange *x)
{
    unsigned most = h->options.queue_max + h->n_workers;

    if (atomic_fetch_add(&h->waiting, 1) >= most || atomic_load(&h->draining)) {
        atomic_fetch_sub(&h->waiting, 1);
        h->options.busy(h->options.context, &x->request, &x->answer);
        return send_answer(x, &x->answer);
    }
    x->handed_over = true;
    atomic_fetch_add(&h->under_way, 1);
    MHD_suspend_connection(x->connection);
    /* The queue holds as many as may wait, so this never blocks. */
    LT_ASSERT(lt_queue_push(h->queue, x));
    return MHD_YES;
}

/* ---- requests -------------------------------------------------------------------------------- */

static exchange *new_exchange(lt_http *h, struct MHD_Connection *connection, const char *method,
                              const char *url)
{
    exchange *x = lt_calloc(1, sizeof *x);
    size_t n = strlen(url);

    if (!x)
        return NULL;
    while (n > 1 && url[n - 1] == '/')
        n--;
    x->path = lt_strndup(url, n);
    if (!x->path) {
        lt_free(x);
        return NULL;
    }
    x->http = h;
    x->connection = connection;
    x->answer.status = MHD_HTTP_OK;
    x->answer.file = -1;
    x->request = (lt_http_request){
        .method = method, .path = x->path, .body = "", .connection = connection};
    x->request.arrived_s = lt_clock_s();
    return x;
}

/* Announced bytes of the body; 0 when nothing is said. */
static unsigned long long announced(const lt_http_request *r)
{
    const char *length = lt_http_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    unsigned long long n = 0;

    return length && sscanf(length, "%llu", &n) == 1 ? n : 0;
}

/* From here on the answer stands, and what still comes of the body is thrown away. */
static void refuse(exchange *x,
                   void (*why)(void *, const lt_http_request *, lt_http_answer *))
{
    if (why)
        why(x->http->options.context, &x->request, &x->answer);
    x->refused = true;
    atomic_fetch_sub(&x->http->body_bytes, x->n_counted);
    x->n_counted = 0;
    lt_buf_done(&x->body);
}

/* The headers are there. */
static enum MHD_Result begin(lt_http *h, exchange *x)
{
    unsigned long long length = announced(&x->request);

    if (strcmp(x->request.method, MHD_HTTP_METHOD_OPTIONS) == 0)
        return send_preflight(x->connection);
    if (h->options.refuse && h->options.refuse(h->options.context, &x->request, &x->answer))
        refuse(x, NULL);
    else if (h->options.upload)
        x->request.upload = h->options.upload(h->options.context, &x->request);
    if (!x->refused && !x->request.upload && length > h->options.body_max)
        refuse(x, h->options.too_large);
    /* A client that asks before it sends, or that would send for too long, is told at once. */
    if (x->refused &&
        (lt_http_header(&x->request, MHD_HTTP_HEADER_EXPECT) || length > DISCARD_MAX))
        return send_answer(x, &x->answer);
    return MHD_YES;
}

/* MHD_NO ends the connection. */
static enum MHD_Result take_body(lt_http *h, exchange *x, const char *bytes, size_t n)
{
    x->n_read += n;
    if (x->request.upload) {
        lt_upload_add(x->request.upload, bytes, n);
        return MHD_YES;
    }
    if (lt_clock_s() - x->request.arrived_s > REQUEST_S || x->n_read > DISCARD_MAX)
        return MHD_NO;
    if (x->refused)
        return MHD_YES;
    if (x->n_read > h->options.body_max) {
        refuse(x, h->options.too_large);
        return MHD_YES;
    }
    x->n_counted += n;
    if (atomic_fetch_add(&h->body_bytes, n) + n > h->options.bodies_max ||
        lt_buf_add(&x->body, bytes, n, NULL) != LT_OK)
        refuse(x, h->options.busy);
    return MHD_YES;
}

static enum MHD_Result complete(lt_http *h, exchange *x)
{
    if (x->refused)
        return send_answer(x, &x->answer);
    if (x->body.len) {
        x->request.body = x->body.data;
        x->request.n_body = x->body.len;
    }
    return hand_over(h, x);
}

/* MHD calls this once with the headers, once for each piece of the body, once at its end, and again
 * after a connection was woken. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *n_upload, void **state)
{
    lt_http *h = cls;
    exchange *x = *state;

    (void)version;
    if (!x) {
        x = *state = new_exchange(h, connection, method, url);
        return x ? begin(h, x) : MHD_NO;
    }
    if (*n_upload) {
        size_t n = *n_upload;

        *n_upload = 0;
        return take_body(h, x, upload, n);
    }
    if (atomic_load(&x->answered))
        return send_answer(x, &x->answer);
    return complete(h, x);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    exchange *x = *state;

    (void)cls;
    (void)connection;
    (void)code;
    if (!x)
        return;
    atomic_fetch_sub(&x->http->body_bytes, x->n_counted);
    if (x->handed_over)
        atomic_fetch_sub(&x->http->under_way, 1);
    lt_buf_done(&x->body);
    lt_buf_done(&x->answer.body);
    lt_fd_close(&x->answer.file);
    lt_upload_free(x->request.upload);
    lt_free(x->path);
    lt_free(x);
    *state = NULL;
}

/* Paths and parameters stay as they were sent: handlers split first and decode then. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

/* ---- start and stop -------------------------------------------------------------------------- */

static lt_status resolve(const lt_http_options *o, struct sockaddr_storage *out, lt_error *err)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char port[8];

    snprintf(port, sizeof port, "%u", o->port);
    int code = getaddrinfo(o->host, port, &hints, &list);

    if (code)
        return lt_fail(err, LT_EINVAL, "cannot listen on '%s': %s", o->host, gai_strerror(code));
    memcpy(out, list->ai_addr, list->ai_addrlen);
    freeaddrinfo(list);
    return LT_OK;
}

static struct MHD_Daemon *start_daemon(lt_http *h, const struct sockaddr_storage *address)
{
    const lt_http_options *o = &h->options;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                     (address->ss_family == AF_INET6 ? MHD_USE_IPv6 : 0) |
                     (o->tls_cert ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)o->tls_cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)o->tls_key},
        {MHD_OPTION_END, 0, NULL},
    };

    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, h, MHD_OPTION_SOCK_ADDR, address,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes,
        NULL, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)EVENT_THREADS, MHD_OPTION_CONNECTION_LIMIT,
        o->connections_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->connections_per_address,
        MHD_OPTION_CONNECTION_TIMEOUT, o->idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEADER_BYTES, MHD_OPTION_ARRAY, o->tls_cert ? tls : &tls[2], MHD_OPTION_END);
}

static void stop_workers(lt_http *h)
{
    lt_queue_close(h->queue);
    for (unsigned i = 0; i < h->n_workers; i++)
        pthread_join(h->workers[i], NULL);
    h->n_workers = 0;
}

static lt_status start_workers(lt_http *h, lt_error *err)
{
    pthread_attr_t attr;
    int errnum = 0;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, WORKER_STACK);
    while (h->n_workers < h->options.workers && errnum == 0) {
        errnum = pthread_create(&h->workers[h->n_workers], &attr, work, h);
        h->n_workers += errnum == 0;
    }
    pthread_attr_destroy(&attr);
    return errnum ? lt_fail_errno(err, LT_EIO, errnum, "cannot start a thread") : LT_OK;
}

lt_status lt_http_start(const lt_http_options *options, lt_http **out, lt_error *err)
{
    struct sockaddr_storage address = {0};

    if (options->workers == 0 || options->workers > WORKERS_MAX || options->port > 65535)
        return lt_fail(err, LT_EINVAL, "%u workers on port %u are not possible", options->workers,
                       options->port);
    LT_TRY(resolve(options, &address, err));
    lt_http *h = lt_calloc(1, sizeof *h);

    if (!h)
        return lt_fail_nomem(err);
    h->options = *options;
    h->queue = lt_queue_new((size_t)options->queue_max + options->workers);
    lt_status st = h->queue ? start_workers(h, err) : lt_fail_nomem(err);

    if (st == LT_OK && (h->daemon = start_daemon(h, &address)) == NULL)
        st = lt_fail_errno(err, LT_EIO, errno, "cannot listen on %s, port %u", options->host,
                           options->port);
    if (st != LT_OK) {
        lt_http_stop(h, 0);
        return st;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);

    h->port = info ? info->port : options->port;
    *out = h;
    return LT_OK;
}

unsigned lt_http_port(const lt_http *h)
{
    return h->port;
}

/* Waits until all that was handed over is answered to the last byte. */
static bool wait_for_answers(const lt_http *h, double seconds)
{
    double until = lt_clock_s() + seconds;

    while (atomic_load(&h->under_way) && lt_clock_s() < until)
        usleep(5000);
    return atomic_load(&h->under_way) == 0;
}

void lt_http_stop(lt_http *h, double drain_s)
{
    if (!h)
        return;
    atomic_store(&h->draining, true);
    if (h->daemon) {
        MHD_socket listening = MHD_quiesce_daemon(h->daemon);

        if (listening != MHD_INVALID_SOCKET)
            close(listening);
    }
    if (!wait_for_answers(h, drain_s)) {
        atomic_store(&h->hurrying, true);
        if (h->options.hurry)
            h->options.hurry(h->options.context);
    }
    /* The workers end with what they hold; every sleeping connection is awake then. */
    if (h->queue)
        stop_workers(h);
    if (h->daemon) {
        (void)wait_for_answers(h, LAST_ANSWERS_S);
        MHD_stop_daemon(h->daemon);
    }
    lt_queue_free(h->queue);
    lt_free(h);
}
