/* SPDX-License-Identifier: Apache-2.0
 * latent forget: takes pictures out of the index; files are never touched. */
#include <base/error.h>
#include <base/mem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "found.h"
#include "paths.h"
#include "pick.h"
#include "session.h"
#include "term.h"

typedef struct args {
    bool all, yes, dry_run, quiet;
} args;

static const cli_option options[] = {
    {"all", 0, CLI_FLAG, offsetof(args, all), NULL, CLI_COMPLETE_NONE, 0, 0,
     "forget the whole collection"},
    {"yes", 'y', CLI_FLAG, offsetof(args, yes), NULL, CLI_COMPLETE_NONE, 0, 0,
     "do not ask"},
    {"dry-run", 'n', CLI_FLAG, offsetof(args, dry_run), NULL, CLI_COMPLETE_NONE, 0, 0,
     "only list what would be forgotten"},
    {"quiet", 'q', CLI_FLAG, offsetof(args, quiet), NULL, CLI_COMPLETE_NONE, 0, 0,
     "print nothing but errors"},
};

enum { PAGE = 1000 };

/* ---- asking ------------------------------------------------------------------------------------ */

/* LT_ECANCELED when the answer is no; LT_EUNSUPPORTED when there is nobody to ask. */
static lt_status confirm(const args *a, const char *question, lt_error *err)
{
    char line[64];

    if (a->yes)
        return LT_OK;
    if (!isatty(STDIN_FILENO))
        return lt_fail(err, LT_EUNSUPPORTED,
                       "no terminal to ask on; give --yes to forget without a question");
    cli_out_flush();
    fprintf(stderr, "%s The files stay. [y/N] ", question);
    fflush(stderr);
    if (fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y'))
        return LT_OK;
    return lt_fail(err, LT_ECANCELED, "nothing was forgotten");
}

/* ---- pictures under paths ------------------------------------------------------------------------ */

typedef lt_status (*page_visit)(cli_session *s, const lt_hits *page, size_t *n, lt_error *err);

static lt_status print_page(cli_session *s, const lt_hits *page, size_t *n, lt_error *err)
{
    cli_found *found = NULL;
    lt_status st = cli_found_read(page, &found, err);

    (void)s;
    for (size_t i = 0; i < page->n_items && st == LT_OK; i++) {
        LT_CLEANUP(lt_buf_done) lt_buf shown = {0};
        const char *path = found[i].path ? found[i].path : found[i].name;

        st = cli_escape(path, strlen(path), &shown, err);
        if (st == LT_OK)
            cli_outf("%s\n", shown.data ? shown.data : "");
        ++*n;
    }
    cli_found_free(found, page->n_items);
    return st;
}

static lt_status delete_page(cli_session *s, const lt_hits *page, size_t *n, lt_error *err)
{
    lt_id ids[PAGE];
    size_t gone = 0;

    for (size_t i = 0; i < page->n_items; i++)
        ids[i] = page->items[i].id;
    LT_TRY(lt_points_delete(s->collection, ids, page->n_items, &gone, err));
    *n += gone;
    return LT_OK;
}

static lt_status each_page(cli_session *s, const char *filter, bool with_payload, page_visit visit,
                           size_t *n, lt_error *err)
{
    lt_id after;
    bool first = true, more = true;

    while (more) {
        lt_hits *page = NULL;

        LT_TRY(lt_points_scroll(s->collection, first ? NULL : &after, PAGE, filter, with_payload,
                                false, &page, err));
        more = page->n_items == PAGE;
        lt_status st = page->n_items ? visit(s, page, n, err) : LT_OK;

        if (page->n_items)
            after = page->items[page->n_items - 1].id;
        first = false;
        lt_hits_free(page);
        LT_TRY(st);
    }
    return LT_OK;
}

static lt_status nothing_there(const cli_session *s, const cli_list *paths, lt_error *err)
{
    LT_AUTOFREE char *path = cli_path_absolute(paths->items[0]);

    return lt_fail(err, LT_ENOTFOUND, "the collection '%s' has no picture that is or lies below %s%s",
                   s->globals->collection, path ? path : paths->items[0],
                   paths->n > 1 ? " or the others" : "");
}

static lt_status forget_paths(cli_session *s, const args *a, const cli_list *paths, size_t *n_gone,
                              lt_error *err)
{
    cli_pick pick = {.under = paths};
    LT_AUTOFREE char *filter = NULL;
    char question[160];
    uint64_t n = 0;

    LT_TRY(cli_pick_filter(&pick, &filter, err));
    LT_TRY(cli_open_collection(s, err));
    LT_TRY(lt_points_count(s->collection, filter, &n, err));
    if (n == 0)
        return nothing_there(s, paths, err);
    if (a->dry_run)
        return each_page(s, filter, true, print_page, n_gone, err);
    snprintf(question, sizeof question, "Forget %s of the collection '%.60s'?",
             cli_count(n, "picture", "pictures"), s->globals->collection);
    LT_TRY(confirm(a, question, err));
    return each_page(s, filter, false, delete_page, n_gone, err);
}

/* ---- a whole collection -------------------------------------------------------------------------- */

static lt_status forget_all(cli_session *s, const args *a, size_t *n_gone, lt_error *err)
{
    lt_collection_info info = LT_COLLECTION_INFO_INIT;
    char question[160];

    LT_TRY(cli_open_collection(s, err));
    LT_TRY(lt_collection_get_info(s->collection, &info, err));
    if (a->dry_run)
        return each_page(s, NULL, true, print_page, n_gone, err);
    *n_gone = (size_t)info.n_points;
    snprintf(question, sizeof question, "Forget the whole collection '%.60s' (%s)?",
             s->globals->collection, cli_count(info.n_points, "picture", "pictures"));
    LT_TRY(confirm(a, question, err));
    lt_collection_close(s->collection);
    s->collection = NULL;
    return lt_collection_drop(s->db, s->globals->collection, err);
}

static lt_status forget(cli_session *s, const args *a, const cli_list *paths, size_t *n_gone,
                        lt_error *err)
{
    lt_db_options o = LT_DB_OPTIONS_INIT;

    o.no_create = true;
    o.read_only = a->dry_run;
    LT_TRY(cli_open_db(s, &o, err));
    return a->all ? forget_all(s, a, n_gone, err) : forget_paths(s, a, paths, n_gone, err);
}

static int run(const cli_globals *globals, const void *v, const cli_list *operands)
{
    const args *a = v;
    LT_CLEANUP(cli_session_done) cli_session s = {0};
    size_t n_gone = 0;
    lt_error err;

    if (a->all == (operands->n > 0)) {
        cli_complain(a->all ? "paths or --all, not both (see: latent help forget)"
                            : "forget which pictures? as in: latent forget ~/Pictures/old, or: "
                              "latent forget --all");
        return CLI_EXIT_USAGE;
    }
    lt_status st = cli_session_init(&s, globals, &err);

    if (st == LT_OK)
        st = forget(&s, a, operands, &n_gone, &err);
    if (st == LT_ECANCELED || st == LT_EUNSUPPORTED) {
        cli_complain("%s", err.message);
        return st == LT_ECANCELED ? CLI_EXIT_INPUT : CLI_EXIT_USAGE;
    }
    if (st != LT_OK)
        return cli_failed(&err);
    if (!a->quiet && !a->dry_run)
        cli_outf("forgot %s\n", cli_count(n_gone, "picture", "pictures"));
    return CLI_EXIT_OK;
}

const cli_command cli_cmd_forget = {
    .name = "forget",
    .operands = "PATH... | --all",
    .summary = "take pictures out of the index",
    .about = "Takes the pictures that are, or lie below, the paths out of the index; the paths need "
             "not exist any more. With --all the whole collection goes. Files are not touched. Asks "
             "first, unless --yes is given.",
    .examples = "latent forget ~/Pictures/old\n"
                "latent forget --all --collection holidays --yes",
    .options = options,
    .n_options = CLI_COUNT_OF(options),
    .completes = CLI_COMPLETE_FILES,
    .max_operands = SIZE_MAX,
    .run = run,
    .args_size = sizeof(args),
};
