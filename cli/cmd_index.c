/* SPDX-License-Identifier: Apache-2.0
 * latent index: folders of pictures into the index. What is reported as stored is stored, however
 * the command ends. */
#include <base/error.h>
#include <base/mem.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "bar.h"
#include "cmd.h"
#include "session.h"
#include "stop.h"
#include "term.h"

typedef struct args {
    bool prune, watch, follow_links, json, quiet, fail_on_error;
    cli_list exclude;
    size_t threads;
} args;

static const cli_option options[] = {
    {"prune", 0, CLI_FLAG, offsetof(args, prune), NULL, CLI_COMPLETE_NONE, 0, 0,
     "forget pictures below PATH whose files are gone"},
    {"exclude", 'x', CLI_LIST, offsetof(args, exclude), "GLOB", CLI_COMPLETE_NONE, 0, 0,
     "leave out files and folders whose name or path matches; may be given again"},
    {"watch", 'w', CLI_FLAG, offsetof(args, watch), NULL, CLI_COMPLETE_NONE, 0, 0,
     "go on and index what changes, until Ctrl-C"},
    {"follow-links", 'L', CLI_FLAG, offsetof(args, follow_links), NULL, CLI_COMPLETE_NONE, 0, 0,
     "descend into linked folders"},
    {"threads", 'j', CLI_SIZE, offsetof(args, threads), "N", CLI_COMPLETE_NONE, 1, 256,
     "pictures worked on at a time (default: one a core)"},
    {"json", 0, CLI_FLAG, offsetof(args, json), NULL, CLI_COMPLETE_NONE, 0, 0,
     "print one JSON object a line: what is stored, what failed, a summary"},
    {"quiet", 'q', CLI_FLAG, offsetof(args, quiet), NULL, CLI_COMPLETE_NONE, 0, 0,
     "print nothing but failures"},
    {"fail-on-error", 0, CLI_FLAG, offsetof(args, fail_on_error), NULL, CLI_COMPLETE_NONE, 0, 0,
     "exit with 1 if a picture could not be indexed"},
};

enum { FAILURES_MAX = 1000 }; /* kept for the list at the end */

typedef struct failure {
    char *path;
    char *reason;
} failure;

typedef struct run_state {
    const args *a;
    cli_bar bar;
    failure failures[FAILURES_MAX];
    size_t n_failures;
    bool idle;                /* --watch: everything seen is done */
    lt_gallery_progress told; /* as reported last */
    double told_s;
    const char *problem; /* why the callbacks ended the run, besides a signal; NULL: none */
} run_state;

/* ---- events as JSON ---------------------------------------------------------------------------- */

static yyjson_mut_doc *event(yyjson_mut_val **root, const char *kind)
{
    yyjson_mut_doc *doc = cli_json_object(root);

    if (*root)
        yyjson_mut_obj_add_str(doc, *root, "event", kind);
    return doc;
}

static void print_event(run_state *r, yyjson_mut_doc *doc)
{
    if (cli_out_json(doc, NULL) != LT_OK)
        r->problem = "out of memory";
    cli_out_flush();
}

static void add_progress(yyjson_mut_doc *doc, yyjson_mut_val *root, const lt_gallery_progress *p)
{
    if (!root)
        return;
    yyjson_mut_obj_add_uint(doc, root, "found", p->n_found);
    yyjson_mut_obj_add_uint(doc, root, "done", p->n_done);
    yyjson_mut_obj_add_uint(doc, root, "added", p->n_added);
    yyjson_mut_obj_add_uint(doc, root, "unchanged", p->n_unchanged);
    yyjson_mut_obj_add_uint(doc, root, "failed", p->n_failed);
    yyjson_mut_obj_add_uint(doc, root, "removed", p->n_removed);
    cli_json_rounded(doc, root, "seconds", p->seconds, 3);
}

static void print_progress_event(run_state *r, const char *kind, const lt_gallery_progress *p)
{
    yyjson_mut_val *root;
    yyjson_mut_doc *doc = event(&root, kind);

    add_progress(doc, root, p);
    if (root)
        yyjson_mut_obj_add_bool(doc, root, "walking", p->walking);
    print_event(r, doc);
}

static void on_stored(void *context, const char *path)
{
    run_state *r = context;
    yyjson_mut_val *root;

    if (!r->a->json)
        return;
    yyjson_mut_doc *doc = event(&root, "stored");

    if (root)
        cli_json_path(doc, root, "filename", "filename_hex", path);
    print_event(r, doc);
}

/* ---- failures ---------------------------------------------------------------------------------- */

static void print_failure(const char *path, const char *reason)
{
    LT_CLEANUP(lt_buf_done) lt_buf name = {0};

    if (cli_escape(path, strlen(path), &name, NULL) == LT_OK)
        fprintf(stderr, "  %s: %s\n", name.data ? name.data : "", reason);
}

static void on_failure(void *context, const char *path, const lt_error *why)
{
    run_state *r = context;
    const char *reason = cli_reason(path, why);

    if (r->a->json) {
        yyjson_mut_val *root;
        yyjson_mut_doc *doc = event(&root, "failed");

        if (root) {
            cli_json_path(doc, root, "filename", "filename_hex", path);
            yyjson_mut_obj_add_str(doc, root, "code", lt_status_name(why->code));
            yyjson_mut_obj_add_str(doc, root, "error", reason);
        }
        print_event(r, doc);
        return;
    }
    if (r->a->watch && r->idle) { /* there may be no end to list them at */
        cli_bar_clear(&r->bar);
        print_failure(path, reason);
        return;
    }
    if (r->n_failures == FAILURES_MAX)
        return;
    failure f = {lt_strdup(path), lt_strdup(reason)};

    if (f.path && f.reason) {
        r->failures[r->n_failures++] = f;
        return;
    }
    lt_free(f.path);
    lt_free(f.reason);
    r->problem = "out of memory";
}

static void list_failures(run_state *r, size_t n_failed)
{
    if (r->n_failures == 0)
        return;
    fflush(stdout);
    fprintf(stderr, "not indexed:\n");
    for (size_t i = 0; i < r->n_failures; i++)
        print_failure(r->failures[i].path, r->failures[i].reason);
    if (n_failed > r->n_failures && !r->idle)
        fprintf(stderr, "  and %zu more (--json reports each)\n", n_failed - r->n_failures);
}

static void free_failures(run_state *r)
{
    for (size_t i = 0; i < r->n_failures; i++) {
        lt_free(r->failures[i].path);
        lt_free(r->failures[i].reason);
    }
    r->n_failures = 0;
}

/* ---- progress ---------------------------------------------------------------------------------- */

/* "12:03:05  3 added, 1 removed" */
static void print_change(const lt_gallery_progress *was, const lt_gallery_progress *now)
{
    struct tm tm;
    time_t t = time(NULL);
    char clock[16] = "";
    size_t failed = now->n_failed - was->n_failed;

    if (localtime_r(&t, &tm))
        strftime(clock, sizeof clock, "%H:%M:%S", &tm);
    cli_outf("%s  %zu added, %zu removed", clock, now->n_added - was->n_added,
             now->n_removed - was->n_removed);
    if (failed)
        cli_outf(", %zu failed", failed);
    cli_outs("\n");
    cli_out_flush();
}

/* The first pass is over, or another one made changes. */
static void watch_is_idle(run_state *r, const lt_gallery_progress *p)
{
    bool changed = p->n_added != r->told.n_added || p->n_removed != r->told.n_removed ||
                   p->n_failed != r->told.n_failed;

    cli_bar_clear(&r->bar);
    if (!r->idle) {
        if (r->a->json)
            print_progress_event(r, "watching", p);
        else if (!r->a->quiet) {
            print_change(&r->told, p);
            list_failures(r, p->n_failed);
            cli_outs("watching for changes; Ctrl-C ends it\n");
            cli_out_flush();
        }
        free_failures(r);
        r->idle = true;
    } else if (changed && r->a->json) {
        print_progress_event(r, "progress", p);
    } else if (changed && !r->a->quiet) {
        print_change(&r->told, p);
    }
    r->told = *p;
}

static bool on_progress(void *context, const lt_gallery_progress *p)
{
    run_state *r = context;
    bool busy = p->walking || p->n_done < p->n_found;

    if (cli_stop_signal() || cli_out_broken() || r->problem)
        return false;
    if (r->a->watch && !busy) {
        watch_is_idle(r, p);
    } else if (r->a->json) {
        if (p->seconds - r->told_s >= 1) {
            print_progress_event(r, "progress", p);
            r->told_s = p->seconds;
        }
    } else {
        cli_bar_update(&r->bar, p->n_done, p->n_found, p->walking, p->n_failed);
    }
    return true;
}

/* ---- the command ------------------------------------------------------------------------------- */

/* A mistyped path is said before a model is loaded and before anything is indexed. */
static lt_status check_paths(const cli_list *paths, lt_error *err)
{
    struct stat st;

    for (size_t i = 0; i < paths->n; i++) {
        if (stat(paths->items[i], &st) == 0)
            continue;
        bool gone = errno == ENOENT || errno == ENOTDIR;

        return lt_fail_errno(err, gone ? LT_ENOTFOUND : LT_EIO, errno, "%s", paths->items[i]);
    }
    return LT_OK;
}

static lt_status index_paths(cli_session *s, run_state *r, const cli_list *paths,
                             lt_gallery_progress *total, lt_error *err)
{
    lt_gallery_options o = LT_GALLERY_OPTIONS_INIT;

    LT_TRY(check_paths(paths, err));
    LT_TRY(cli_open_db(s, NULL, err));
    LT_TRY(cli_open_model(s, LT_USE_THROUGHPUT, r->a->threads, err));
    LT_TRY(cli_open_gallery(s, err));
    if (cli_stop_signal())
        return lt_fail(err, LT_ECANCELED, "stopped");
    o.exclude = r->a->exclude.items;
    o.n_exclude = r->a->exclude.n;
    o.prune = r->a->prune;
    o.follow_links = r->a->follow_links;
    o.threads = (unsigned)r->a->threads;
    o.on_progress = on_progress;
    o.on_failure = on_failure;
    o.on_stored = on_stored;
    o.context = r;
    cli_bar_init(&r->bar, "pictures", r->a->quiet || r->a->json);
    return (r->a->watch ? lt_gallery_watch : lt_gallery_index)(
        s->collection, s->model, paths->items, paths->n, &o, total, err);
}

static void print_summary(run_state *r, const lt_gallery_progress *p, bool stopped)
{
    char time_text[24];

    if (r->a->json) {
        yyjson_mut_val *root;
        yyjson_mut_doc *doc = event(&root, "summary");

        add_progress(doc, root, p);
        if (root)
            yyjson_mut_obj_add_bool(doc, root, "stopped", stopped);
        print_event(r, doc);
        return;
    }
    cli_bar_time(p->seconds, time_text);
    if (!r->a->quiet) {
        cli_outs(cli_count(p->n_found, "picture", "pictures"));
        cli_outf(": %zu added, %zu unchanged", p->n_added, p->n_unchanged);
        if (p->n_removed || r->a->prune)
            cli_outf(", %zu removed", p->n_removed);
        if (p->n_failed)
            cli_outf(", %zu failed", p->n_failed);
        cli_outf(", in %s", time_text);
        if (p->n_added >= 10 && p->seconds >= 1)
            cli_outf(" (%.1f/s)", (double)p->n_added / p->seconds);
        cli_outs("\n");
        if (p->n_found == 0 && !stopped)
            cli_outs("no pictures were found there (JPEG, PNG, WebP, GIF, TIFF, HEIF)\n");
    }
    list_failures(r, p->n_failed);
}

static int end(run_state *r, lt_status st, const lt_gallery_progress *total, const lt_error *err)
{
    bool stopped = st == LT_ECANCELED;

    cli_bar_clear(&r->bar);
    if (st == LT_OK || stopped)
        print_summary(r, total, stopped);
    if (r->problem) {
        cli_complain("%s", r->problem);
        return CLI_EXIT_FAILED;
    }
    if (stopped) {
        if (!r->a->json && !r->a->quiet && !r->a->watch && cli_stop_signal())
            cli_complain("stopped; what was added stays, the same command goes on with the rest");
        return CLI_EXIT_SIGNAL + cli_stop_signal();
    }
    if (st != LT_OK) {
        list_failures(r, total->n_failed);
        return cli_failed(err);
    }
    return r->a->fail_on_error && total->n_failed ? CLI_EXIT_INPUT : CLI_EXIT_OK;
}

static int run(const cli_globals *globals, const void *a, const cli_list *operands)
{
    LT_CLEANUP(cli_session_done) cli_session s = {0};
    lt_gallery_progress total = {0};
    run_state *r = lt_calloc(1, sizeof *r);
    lt_error err;

    if (!r) {
        (void)lt_fail_nomem(&err);
        return cli_failed(&err);
    }
    r->a = a;
    cli_stop_listen();
    lt_status st = cli_session_init(&s, globals, &err);

    if (st == LT_OK)
        st = index_paths(&s, r, operands, &total, &err);
    int code = end(r, st, &total, &err);

    free_failures(r);
    lt_free(r);
    return code;
}

const cli_command cli_cmd_index = {
    .name = "index",
    .operands = "PATH...",
    .summary = "put pictures and folders of pictures into the index",
    .about =
        "Walks the folders, reads every picture that is new or changed, and stores what it means. "
        "Files stay where they are and as they are.\n"
        "May be stopped at any time (Ctrl-C): what was stored stays, and the same command goes on "
        "with the rest. Pictures that cannot be read are listed at the end.",
    .examples = "latent index ~/Pictures\n"
                "latent index --prune --exclude thumbnails ~/Pictures /mnt/camera\n"
                "latent index --watch ~/Pictures",
    .options = options,
    .n_options = CLI_COUNT_OF(options),
    .completes = CLI_COMPLETE_FILES,
    .min_operands = 1,
    .max_operands = SIZE_MAX,
    .missing = "which folder? as in: latent index ~/Pictures",
    .run = run,
    .args_size = sizeof(args),
};
