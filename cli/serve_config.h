/* SPDX-License-Identifier: Apache-2.0
 * The settings of `latent serve`, which can be said in four places. What is said in several counts
 * where it comes first:
 *
 *   options                       --port 6333
 *   the environment, our names    LATENT_PORT=6333
 *   the environment, Qdrant's     QDRANT__SERVICE__HTTP_PORT=6333
 *   a file                        --config FILE: {"service": {"http_port": 6333}} */
#ifndef LT_CLI_SERVE_CONFIG_H
#define LT_CLI_SERVE_CONFIG_H

#include <yyjson.h>

#include "options.h"

/* Texts are NULL, numbers CLI_UNSET and flags false where nothing is said. */
typedef struct serve_settings {
    const char *host, *api_key, *read_only_api_key, *tls_cert, *tls_key, *data;
    size_t port, workers, queue, timeout_s, body_mb, wait_us;
    bool insecure, jwt, preload;
} serve_settings;

#define CLI_UNSET SIZE_MAX
#define SERVE_SETTINGS_INIT                                                       \
    {                                                                             \
        .port = CLI_UNSET, .workers = CLI_UNSET, .queue = CLI_UNSET,              \
        .timeout_s = CLI_UNSET, .body_mb = CLI_UNSET, .wait_us = CLI_UNSET        \
    }

enum { SERVE_SETTINGS = 15 };

typedef struct serve_config {
    serve_settings values;
    const char *sources[SERVE_SETTINGS]; /* where each was said; NULL: nowhere */
    char names[SERVE_SETTINGS][48];      /* of the variables among them */
    yyjson_doc *doc;                     /* of the file, whose texts `values` may borrow */
} serve_config;

/* `options` say which values are possible, `given` what the command line says, `file` may be NULL.
 * LT_EINVAL names the place and the setting. Free with serve_config_done, also after a failure. */
lt_status serve_config_read(serve_config *c, const cli_option *options, size_t n_options,
                            const serve_settings *given, const char *file,
                            lt_error *err) LT_NODISCARD;
void serve_config_done(serve_config *c);
/* A line for each setting: its value and where it was said. Keys are not shown. */
void serve_config_print(const serve_config *c);

#endif
