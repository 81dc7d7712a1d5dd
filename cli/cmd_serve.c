/* SPDX-License-Identifier: Apache-2.0
 * latent serve: model and collections as a service, until SIGTERM or Ctrl-C. */
#include <base/error.h>
#include <base/mem.h>
#include <server/server.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "cmd.h"
#include "serve_config.h"
#include "session.h"
#include "stop.h"
#include "term.h"

typedef struct args {
    serve_settings settings;
    cli_list aliases;
    const char *config;
    bool print_config, quiet;
} args;

static const args defaults = {.settings = SERVE_SETTINGS_INIT};

#define AT(member) offsetof(args, settings.member)
static const cli_option options[] = {
    {"host", 0, CLI_TEXT, AT(host), "ADDRESS", CLI_COMPLETE_NONE, 0, 0,
     "where to listen (default: 127.0.0.1, this machine only)"},
    {"port", 'p', CLI_SIZE, AT(port), "N", CLI_COMPLETE_NONE, 0, 65535,
     "the port (default: 6333; 0: any free one)"},
    {"api-key", 0, CLI_TEXT, AT(api_key), "KEY", CLI_COMPLETE_NONE, 0, 0,
     "ask clients for this key (default: $LATENT_API_KEY)"},
    {"read-only-api-key", 0, CLI_TEXT, AT(read_only_api_key), "KEY", CLI_COMPLETE_NONE,
     0, 0, "a second key that may only read (default: $LATENT_READ_ONLY_API_KEY)"},
    {"jwt-rbac", 0, CLI_FLAG, AT(jwt), NULL, CLI_COMPLETE_NONE, 0, 0,
     "take JSON Web Tokens, too, that the API key has signed"},
    {"insecure", 0, CLI_FLAG, AT(insecure), NULL, CLI_COMPLETE_NONE, 0, 0,
     "listen on a public address although everybody may then use it"},
    {"tls-cert", 0, CLI_TEXT, AT(tls_cert), "FILE", CLI_COMPLETE_FILES, 0, 0,
     "speak TLS with this certificate (PEM)"},
    {"tls-key", 0, CLI_TEXT, AT(tls_key), "FILE", CLI_COMPLETE_FILES, 0, 0,
     "the certificate's key (PEM)"},
    {"alias", 0, CLI_LIST, offsetof(args, aliases), "NAME", CLI_COMPLETE_NONE, 0, 0,
     "answer to this model name too; may be given again (default: the luminous names)"},
    {"workers", 0, CLI_SIZE, AT(workers), "N", CLI_COMPLETE_NONE, 1, 512,
     "requests handled at a time (default: 256)"},
    {"queue", 0, CLI_SIZE, AT(queue), "N", CLI_COMPLETE_NONE, 1, 65536,
     "requests that may wait beside them; one more is told to come again (default: 256)"},
    {"timeout", 0, CLI_SIZE, AT(timeout_s), "S", CLI_COMPLETE_NONE, 1, 300,
     "seconds after which what still waits is given up (default: 60)"},
    {"max-body", 0, CLI_SIZE, AT(body_mb), "MB", CLI_COMPLETE_NONE, 1, 1024,
     "largest request body in MB (default: 32)"},
    {"batch-wait", 0, CLI_SIZE, AT(wait_us), "US", CLI_COMPLETE_NONE, 0, 100000,
     "microseconds that texts wait for company (default: 0)"},
    {"preload", 0, CLI_FLAG, AT(preload), NULL, CLI_COMPLETE_NONE, 0, 0,
     "load the model before listening (default: at the first request that needs it)"},
    {"config", 0, CLI_TEXT, offsetof(args, config), "FILE", CLI_COMPLETE_FILES, 0, 0,
     "settings in JSON, under the names of Qdrant's; options and the environment go before it"},
    {"print-config", 0, CLI_FLAG, offsetof(args, print_config), NULL, CLI_COMPLETE_NONE, 0, 0,
     "print all settings, under both names, and where each was said, and do nothing"},
    {"quiet", 'q', CLI_FLAG, offsetof(args, quiet), NULL, CLI_COMPLETE_NONE, 0, 0,
     "do not print the address"},
};

/* The names under which the clients of the service that this one stands for ask. */
static const char *const luminous[] = {"luminous-base", "luminous-extended", "luminous-supreme"};

static void fill_config(const cli_globals *globals, const args *a, const serve_settings *v,
                        lt_server_config *c)
{
    c->host = v->host;
    c->port = (unsigned)v->port;
    c->insecure = v->insecure;
    c->api_key = v->api_key;
    c->read_only_api_key = v->read_only_api_key;
    c->jwt = v->jwt;
    c->tls_cert_file = v->tls_cert;
    c->tls_key_file = v->tls_key;
    c->model_dir = globals->model;
    c->aliases = a->aliases.n ? a->aliases.items : luminous;
    c->n_aliases = a->aliases.n ? a->aliases.n : CLI_COUNT_OF(luminous);
    c->workers = (unsigned)v->workers;
    c->queue_max = (unsigned)v->queue;
    c->deadline_s = (double)v->timeout_s;
    c->body_max = v->body_mb << 20;
    c->preload = v->preload;
    c->batch_wait_us = (unsigned)v->wait_us;
}

static void wait_for_signal(void)
{
    static const struct timespec tick = {0, 100 * 1000 * 1000};

    while (!cli_stop_signal())
        nanosleep(&tick, NULL);
}

static int serve(const lt_server_config *config, bool quiet)
{
    lt_server *server = NULL;
    lt_error err;

    if (lt_server_start(config, &server, &err) != LT_OK)
        return cli_failed(&err);
    if (!quiet) {
        bool bare = strchr(config->host, ':') != NULL; /* an IPv6 address */

        cli_outf("latent: serving the model '%s' on %s://%s%s%s:%u\n",
                 lt_server_model(server)->name, config->tls_cert_file ? "https" : "http",
                 bare ? "[" : "", config->host, bare ? "]" : "", lt_server_port(server));
        cli_out_flush();
    }
    wait_for_signal();
    lt_server_stop(server);
    return CLI_EXIT_OK;
}

static int run(const cli_globals *globals, const void *arguments, const cli_list *operands)
{
    LT_CLEANUP(cli_session_done) cli_session session = {0};
    LT_CLEANUP(serve_config_done) serve_config settings = {0};
    lt_server_config config = LT_SERVER_CONFIG_INIT;
    const args *a = arguments;
    serve_settings given = a->settings;
    cli_globals all = *globals;
    lt_error err;

    (void)operands;
    given.data = globals->data;
    if (serve_config_read(&settings, options, CLI_COUNT_OF(options), &given, a->config, &err) !=
        LT_OK)
        return cli_failed(&err);
    if (a->print_config) {
        serve_config_print(&settings);
        return CLI_EXIT_OK;
    }
    signal(SIGPIPE, SIG_IGN);
    cli_stop_listen();
    all.data = settings.values.data;
    fill_config(globals, a, &settings.values, &config);
    if (cli_session_init(&session, &all, &err) != LT_OK)
        return cli_failed(&err);
    config.data_dir = session.data;
    return serve(&config, a->quiet);
}

const cli_command cli_cmd_serve = {
    .name = "serve",
    .operands = "",
    .summary = "offer the model and collections over HTTP to other programs",
    .about =
        "Answers requests for embeddings in the form of Aleph Alpha's API (/semantic_embed, "
        "/batch_semantic_embed and what belongs to them) and of OpenAI's (/v1/embeddings), for "
        "texts and pictures, and for collections of points in the form of Qdrant's REST "
        "interface. /healthz and /metrics are for operators.\n"
        "\n"
        "Each setting can be said by an option, by the environment (LATENT_PORT, or Qdrant's "
        "QDRANT__SERVICE__HTTP_PORT), or in a file (--config); the first of these that says it "
        "counts. --print-config lists all of them.\n"
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
