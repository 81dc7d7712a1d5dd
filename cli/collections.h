/* SPDX-License-Identifier: Apache-2.0
 * The collections that a command of operators is about: those named, or all. */
#ifndef LT_CLI_COLLECTIONS_H
#define LT_CLI_COLLECTIONS_H

#include "session.h"

/* Opens the database for reading, beside its owner if there is one, and calls visit for each of the
 * names (none: for all), until it returns other than LT_OK, which is returned. */
typedef lt_status (*cli_name_visit)(void *context, cli_session *s, const char *name, lt_error *err);
lt_status cli_each_collection(cli_session *s, const cli_list *names, cli_name_visit visit,
                              void *context, lt_error *err) LT_NODISCARD;

#endif
