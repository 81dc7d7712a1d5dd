/* SPDX-License-Identifier: Apache-2.0 */
#include "collections.h"

#include <base/error.h>
#include <string.h>

static bool is_among(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* All names are looked at before any work is done. */
static lt_status check_names(cli_session *s, const cli_list *wanted, const char *const *names,
                             size_t n, lt_error *err)
{
    for (size_t i = 0; i < wanted->n; i++)
        if (!is_among(wanted->items[i], names, n))
            return lt_fail(err, LT_ENOTFOUND, "no collection '%s' in %s", wanted->items[i], s->data);
    return LT_OK;
}

lt_status cli_each_collection(cli_session *s, const cli_list *names, cli_name_visit visit,
                              void *context, lt_error *err)
{
    lt_db_options reading = LT_DB_OPTIONS_INIT;
    char **all = NULL;
    size_t n_all = 0;

    reading.read_only = true;
    LT_TRY(cli_open_db(s, &reading, err));
    LT_TRY(lt_collection_list(s->db, &all, &n_all, err));
    lt_status st = check_names(s, names, (const char *const *)all, n_all, err);

    for (size_t i = 0; i < n_all && st == LT_OK; i++)
        if (names->n == 0 || is_among(all[i], (const char *const *)names->items, names->n))
            st = visit(context, s, all[i], err);
    lt_names_free(all, n_all);
    return st;
}
