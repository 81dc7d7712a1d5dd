/* SPDX-License-Identifier: Apache-2.0
 * The whole server: a model behind HTTP. */
#ifndef LT_SERVER_SERVER_H
#define LT_SERVER_SERVER_H

#include "service.h"

typedef struct lt_server lt_server;

#define LT_SERVER_CONFIG_INIT                                                                   \
    {                                                                                           \
        .host = "127.0.0.1", .port = 6333, .body_max = 32u << 20, .deadline_s = 60              \
    }

/* Checks the configuration, opens the model, listens. `config` stays the caller's and must live
 * until lt_server_stop. LT_EINVAL: a public address without a key and without `insecure`. */
lt_status lt_server_start(const lt_server_config *config, lt_server **out, lt_error *err) LT_NODISCARD;
unsigned lt_server_port(const lt_server *s);
const lt_model_info *lt_server_model(const lt_server *s);
/* Ends what is under way (for at most 10 seconds), then stops. NULL allowed. */
void lt_server_stop(lt_server *s);

#endif
