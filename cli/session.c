/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <base/error.h>
#include <base/file.h>
#include <base/mem.h>
#include <stdlib.h>
#include <string.h>

#include "paths.h"

/* ---- the data directory ----------------------------------------------------------------------- */

static const char *env(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

static char *default_data(void)
{
    const char *xdg = env("XDG_DATA_HOME"), *home = env("HOME");

    if (xdg && xdg[0] == '/') /* the specification says: ignore a relative one */
        return lt_path_join(xdg, "latent");
    return home ? lt_path_join(home, ".local/share/latent") : NULL;
}

lt_status cli_session_init(cli_session *s, const cli_globals *globals, lt_error *err)
{
    const char *named = globals->data ? globals->data : env("LATENT_DATA");

    *s = (cli_session){.globals = globals};
    if (globals->data && !globals->data[0])
        return lt_fail(err, LT_EINVAL, "--data: the name of a folder is expected, not \"\"");
    LT_AUTOFREE char *path = named ? lt_strdup(named) : default_data();

    if (!path && !named && !env("HOME"))
        return lt_fail(err, LT_ENOTFOUND, "neither --data nor $LATENT_DATA nor $HOME is set; say "
                                          "where the index is: latent --data DIR ...");
    s->data = path ? cli_path_absolute(path) : NULL;
    return s->data ? LT_OK : lt_fail_nomem(err);
}

void cli_session_done(cli_session *s)
{
    lt_collection_close(s->collection);
    lt_model_close(s->model);
    lt_db_close(s->db);
    lt_free(s->data);
    *s = (cli_session){0};
}

lt_status cli_open_db(cli_session *s, const lt_db_options *options, lt_error *err)
{
    lt_status st = lt_db_open(s->data, options, &s->db, err);

    if (st == LT_ENOTFOUND)
        return lt_fail(err, st, "no index in %s yet; make one with: latent index PHOTOS", s->data);
    return st;
}

/* ---- model and collection ---------------------------------------------------------------------- */

lt_status cli_open_model(cli_session *s, lt_model_use use, size_t threads, lt_error *err)
{
    lt_model_options options = LT_MODEL_OPTIONS_INIT;

    options.use = use;
    options.threads = (unsigned)threads;
    return lt_model_open(s->globals->model, &options, &s->model, err);
}

/* "no collection 'x' in DIR; there are: a, b". Only on this path are collections listed. */
static lt_status no_collection(cli_session *s, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf list = {0};
    char **names = NULL;
    size_t n = 0;

    LT_TRY(lt_collection_list(s->db, &names, &n, err));
    lt_status st = LT_OK;

    for (size_t i = 0; i < n && st == LT_OK; i++)
        st = lt_buf_addf(&list, err, "%s%s", i ? ", " : "", names[i]);
    lt_names_free(names, n);
    LT_TRY(st);
    if (n == 0)
        return lt_fail(err, LT_ENOTFOUND,
                       "the index in %s is still empty; fill it with: latent index PHOTOS", s->data);
    return lt_fail(err, LT_ENOTFOUND, "no collection '%s' in %s; there are: %s",
                   s->globals->collection, s->data, list.data);
}

lt_status cli_open_gallery(cli_session *s, lt_error *err)
{
    lt_status st =
        lt_gallery_open(s->db, s->globals->collection, s->model, &s->collection, err);

    return st == LT_ENOTFOUND ? no_collection(s, err) : st;
}

lt_status cli_open_collection(cli_session *s, lt_error *err)
{
    lt_status st = lt_collection_open(s->db, s->globals->collection, &s->collection, err);

    return st == LT_ENOTFOUND ? no_collection(s, err) : st;
}
