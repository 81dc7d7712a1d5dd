/* SPDX-License-Identifier: Apache-2.0
 * latent serve: the model as a service, until SIGTERM or Ctrl-C. */
#include <base/error.h>
#include <base/mem.h>
#include <server/server.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd.h"
#include "session.h"
#include "stop.h"
#include "term.h"

typedef struct args {
    const char *host, *api_key, *read_only_api_key, *tls_cert, *tls_key;
    cli_list aliases;
    size_t port, workers, queue, timeout_s, body_mb, wait_us;
    bool insecure, preload, quiet;
} args;

static const args defaults = {.host = "127.0.0.1", .port = 6333, .timeout_s = 60, .body_mb = 32};

static const cli_option options[] = {
    {"host", 0, CLI_TEXT, offsetof(args, host), "ADDRESS", CLI_COMPLETE_NONE, 0, 0,
     "where to listen (default: 127.0.0.1, this machine only)"},
    {"port", 'p', CLI_SIZE, offsetof(args, port), "N", CLI_COMPLETE_NONE, 0, 65535,
     "the port (default: 6333; 0: any free one)"},
    {"api-key", 0, CLI_TEXT, offsetof(args, api_key), "KEY", CLI_COMPLETE_NONE, 0, 0,
     "ask clients for this key (default: $LATENT_API_KEY)"},
    {"read-only-api-key", 0, CLI_TEXT, offsetof(args, read_only_api_key), "KEY", CLI_COMPLETE_NONE,
     0, 0, "a second key that may only read (default: $LATENT_READ_ONLY_API_KEY)"},
    {"insecure", 0, CLI_FLAG, offsetof(args, insecure), NULL, CLI_COMPLETE_NONE, 0, 0,
     "listen on a public address although everybody may then use it"},
    {"tls-cert", 0, CLI_TEXT, offsetof(args, tls_cert), "FILE", CLI_COMPLETE_FILES, 0, 0,
     "speak TLS with this certificate (PEM)"},
    {"tls-key", 0, CLI_TEXT, offsetof(args, tls_key), "FILE", CLI_COMPLETE_FILES, 0, 0,
     "the certificate's key (PEM)"},
    {"alias", 0, CLI_LIST, offsetof(args, aliases), "NAME", CLI_COMPLETE_NONE, 0, 0,
     "answer to this model name too; may be given again (default: the luminous names)"},
    {"workers", 0, CLI_SIZE, offsetof(args, workers), "N", CLI_COMPLETE_NONE, 1, 512,
     "requests handled at a time (default: 256)"},
    {"queue", 0, CLI_SIZE, offsetof(args, queue), "N", CLI_COMPLETE_NONE, 1, 65536,
     "requests that may wait beside them; one more is told to come again (default: 256)"},
    {"timeout", 0, CLI_SIZE, offsetof(args, timeout_s), "S", CLI_COMPLETE_NONE, 1, 300,
     "seconds after which what still waits is given up (default: 60)"},
    {"max-body", 0, CLI_SIZE, offsetof(args, body_mb), "MB", CLI_COMPLETE_NONE, 1, 1024,
     "largest request body in MB (default: 32)"},
    {"batch-wait", 0, CLI_SIZE, offsetof(args, wait_us), "US", CLI_COMPLETE_NONE, 0, 100000,
     "microseconds that texts wait for company (default: 0)"},
    {"preload", 0, CLI_FLAG, offsetof(args, preload), NULL, CLI_COMPLETE_NONE, 0, 0,
     "load the model before listening (default: at the first request that needs it)"},
    {"quiet", 'q', CLI_FLAG, offsetof(args, quiet), NULL, CLI_COMPLETE_NONE, 0, 0,
     "do not print the address"},
};

/* The names under which the clients of the service that this one stands for ask. */
static const char *const luminous[] = {"luminous-base", "luminous-extended", "luminous-supreme"};

static const char *key_of(const char *given, const char *variable)
{
    const char *value = given ? given : getenv(variable);

    return value && value[0] ? value : NULL;
}

static void fill_config(const cli_globals *globals, const args *a, lt_server_config *c)
{
    c->host = a->host;
    c->port = (unsigned)a->port;
    c->insecure = a->insecure;
    c->api_key = key_of(a->api_key, "LATENT_API_KEY");
    c->read_only_api_key = key_of(a->read_only_api_key, "LATENT_READ_ONLY_API_KEY");
    c->tls_cert_file = a->tls_cert;
    c->tls_key_file = a->tls_key;
    c->model_dir = globals->model;
    c->aliases = a->aliases.n ? a->aliases.items : luminous;
    c->n_aliases = a->aliases.n ? a->aliases.n : CLI_COUNT_OF(luminous);
    c->workers = (unsigned)a->workers;
    c->queue_max = (unsigned)a->queue;
    c->deadline_s = (double)a->timeout_s;
    c->body_max = a->body_mb << 20;
    c->preload = a->preload;
    c->batch_wait_us = (unsigned)a->wait_us;
}

static void wait_for_signal(void)
{
    static const struct timespec tick = {0, 100 * 1000 * 1000};

    while (!cli_stop_signal())
        nanosleep(&tick, NULL);
}

static int serve(const args *a, const lt_server_config *config)
{
    lt_server *server = NULL;
    lt_error err;

    if (lt_server_start(config, &server, &err) != LT_OK)
        return cli_failed(&err);
    if (!a->quiet) {
        cli_outf("latent: serving the model '%s' on %s://%s%s%s:%u\n",
                 lt_server_model(server)->name, a->tls_cert ? "https" : "http",
                 strchr(a->host, ':') ? "[" : "", a->host, strchr(a->host, ':') ? "]" : "",
                 lt_server_port(server));
        cli_out_flush();
    }
    wait_for_signal();
    lt_server_stop(server);
    return CLI_EXIT_OK;
}

static int run(const cli_globals *globals, const void *arguments, const cli_list *operands)
{
    LT_CLEANUP(cli_session_done) cli_session session = {0};
    lt_server_config config = LT_SERVER_CONFIG_INIT;
    lt_error err;

    (void)operands;
    signal(SIGPIPE, SIG_IGN);
    fill_config(globals, arguments, &config);
    cli_stop_listen();
    if (cli_session_init(&session, globals, &err) != LT_OK)
        return cli_failed(&err);
    config.data_dir = session.data;
    return serve(arguments, &config);
}

const cli_command cli_cmd_serve = {
    .name = "serve",
    .operands = "",
    .summary = "offer the model over HTTP to other programs",
    .about =
        "Answers requests for embeddings in the form of Aleph Alpha's API (/semantic_embed, "
        "/batch_semantic_embed and what belongs to them) and of OpenAI's (/v1/embeddings), for "
        "texts and pictures. /healthz and /metrics are for operators.\n"
        "\n"
        "Listens on this machine alone unless --host says otherwise; a public address needs "
        "--api-key or --insecure. SIGTERM and Ctrl-C let what is under way end, then stop.",
    .examples = "latent serve\n"
                "latent serve --host 0.0.0.0 --api-key \"$KEY\"",
    .options = options,
    .n_options = CLI_COUNT_OF(options),
    .run = run,
    .args_size = sizeof(args),
    .defaults = &defaults,
};
