/* SPDX-License-Identifier: Apache-2.0
 * What a command works on: the data directory, the model, a collection, opened with errors that
 * say what to do next. */
#ifndef LT_CLI_SESSION_H
#define LT_CLI_SESSION_H

#include <latent.h>

#include "options.h"

typedef struct cli_session {
    const cli_globals *globals;
    char *data; /* the data directory, absolute */
    lt_db *db;
    lt_model *model;
    lt_collection *collection;
} cli_session;

/* Finds the data directory: --data, $LATENT_DATA, $XDG_DATA_HOME/latent, ~/.local/share/latent. */
lt_status cli_session_init(cli_session *s, const cli_globals *globals, lt_error *err) LT_NODISCARD;
void cli_session_done(cli_session *s); /* closes what is open, in order */

lt_status cli_open_db(cli_session *s, const lt_db_options *options, lt_error *err) LT_NODISCARD;
lt_status cli_open_model(cli_session *s, lt_model_use use, size_t threads,
                         lt_error *err) LT_NODISCARD;
/* For pictures embedded by the session's model; created if the database is open for writing. */
lt_status cli_open_gallery(cli_session *s, lt_error *err) LT_NODISCARD;
/* Whatever is in it. */
lt_status cli_open_collection(cli_session *s, lt_error *err) LT_NODISCARD;

#endif
