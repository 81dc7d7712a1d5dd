/* SPDX-License-Identifier: Apache-2.0
 * Watching folders with inotify. An event only marks its directory as dirty; once nothing has come
 * for a moment, the dirty directories are indexed by an ordinary pass and pruned. So a file that is
 * still being copied, a rename and a burst of a thousand files are all one case, and an event that
 * the kernel dropped (queue overflow) is healed by a pass over everything. */
#include <base/error.h>
#include <base/file.h>
#include <base/mem.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "pass.h"
#include "walk.h"

enum {
    QUIET_MS = 400, /* without an event before a pass begins */
    POLL_MS = 200,
};

#define EVENTS                                                                                 \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_DELETE_SELF |    \
     IN_ONLYDIR)

typedef struct watched {
    int wd;
    bool dirty;
    char *path;
} watched;

typedef struct watcher {
    int fd;
    watched *dirs;
    size_t n, cap;
    bool overflow;
    lt_status status;
    lt_error why;
} watcher;

static void watcher_done(watcher *w)
{
    for (size_t i = 0; i < w->n; i++)
        lt_free(w->dirs[i].path);
    lt_free(w->dirs);
    lt_fd_close(&w->fd);
}

static void fail_watch(watcher *w, const char *path, int errnum)
{
    if (w->status != LT_OK)
        return;
    if (errnum == ENOSPC)
        w->status = lt_fail(&w->why, LT_ELIMIT,
                            "%s: too many directories to watch; raise fs.inotify.max_user_watches",
                            path);
    else
        w->status = lt_fail_errno(&w->why, LT_EIO, errnum, "%s: cannot watch", path);
}

/* Told of each directory by the pass: watches it, once. */
static void watch_directory(void *context, const char *path)
{
    watcher *w = context;
    int wd = inotify_add_watch(w->fd, path, EVENTS);

    if (wd < 0) {
        if (errno != ENOENT && errno != EACCES)
            fail_watch(w, path, errno);
        return;
    }
    for (size_t i = 0; i < w->n; i++)
        if (w->dirs[i].wd == wd)
            return;
    watched *more = lt_grow(w->dirs, w->n, &w->cap, sizeof *more);

    if (!more) {
        fail_watch(w, path, ENOMEM);
        return;
    }
    w->dirs = more;
    char *copy = lt_strdup(path);

    if (copy)
        w->dirs[w->n++] = (watched){.wd = wd, .path = copy};
    else
        fail_watch(w, path, ENOMEM);
}

static void mark(watcher *w, const struct inotify_event *e)
{
    if (e->mask & IN_Q_OVERFLOW)
        w->overflow = true;
    for (size_t i = 0; i < w->n; i++) {
        if (w->dirs[i].wd != e->wd)
            continue;
        if (e->mask & IN_IGNORED) { /* the directory is gone; its number may be used again */
            lt_free(w->dirs[i].path);
            w->dirs[i] = w->dirs[--w->n];
        } else {
            w->dirs[i].dirty = true;
        }
        return;
    }
}

/* Reads the events at hand. Returns whether there were any. */
static bool read_events(watcher *w)
{
    char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n = read(w->fd, buffer, sizeof buffer);

    if (n < 0 && errno != EAGAIN && errno != EINTR)
        fail_watch(w, "inotify", errno);
    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *e = (const struct inotify_event *)(const void *)(buffer + at);

        mark(w, e);
        at += (ssize_t)(sizeof *e + e->len);
    }
    return n > 0;
}

static bool any_dirty(const watcher *w)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->dirs[i].dirty)
            return true;
    return w->overflow;
}

/* Copies the dirty paths out (the pass may add watches) and makes them clean. */
static lt_status take_dirty(watcher *w, char ***out, size_t *n_out, lt_error *err)
{
    char **paths = lt_calloc(w->n + 1, sizeof *paths);
    size_t n = 0;

    if (!paths)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < w->n; i++) {
        if (!w->dirs[i].dirty)
            continue;
        paths[n] = lt_strdup(w->dirs[i].path);
        if (!paths[n]) {
            lt_names_free(paths, n);
            return lt_fail_nomem(err);
        }
        w->dirs[i].dirty = false;
        n++;
    }
    *out = paths;
    *n_out = n;
    return LT_OK;
}

typedef struct round_args {
    lt_collection *collection;
    lt_model *model;
    const lt_gallery_options *options;
    lt_gallery_progress *total;
} round_args;

/* Indexes and prunes some directories; one that vanished is only pruned. */
static lt_status index_paths(watcher *w, const round_args *a, const char *const *paths, size_t n,
                             lt_error *err)
{
    for (size_t i = 0; i < n; i++) {
        lt_status st = LT_OK;

        if (lt_path_exists(paths[i]))
            st = lt_gallery_pass(a->collection, a->model, &paths[i], 1, a->options,
                                 watch_directory, w, a->total, err);
        if (st != LT_OK && st != LT_ENOTFOUND)
            return st;
        LT_TRY(lt_gallery_prune(a->collection, &paths[i], 1, a->total, err));
    }
    return LT_OK;
}

static lt_status index_dirty(watcher *w, const round_args *a, const char *const *roots,
                             size_t n_roots, lt_error *err)
{
    char **paths = NULL;
    size_t n = 0;

    LT_TRY(take_dirty(w, &paths, &n, err));
    bool all = w->overflow;

    w->overflow = false;
    lt_status st = all ? index_paths(w, a, roots, n_roots, err)
                       : index_paths(w, a, (const char *const *)paths, n, err);

    lt_names_free(paths, n);
    return st;
}

static lt_status watch_loop(watcher *w, const round_args *a, const char *const *roots,
                            size_t n_roots, lt_error *err)
{
    int quiet_ms = 0;

    while (w->status == LT_OK) {
        struct pollfd pfd = {.fd = w->fd, .events = POLLIN};
        int n = poll(&pfd, 1, POLL_MS);

        if (n < 0 && errno != EINTR)
            return lt_fail_errno(err, LT_EIO, errno, "inotify");
        quiet_ms = n > 0 && read_events(w) ? 0 : quiet_ms + POLL_MS;
        if (a->options->on_progress &&
            !a->options->on_progress(a->options->context, a->total))
            return lt_fail(err, LT_ECANCELED, "stopped");
        if (quiet_ms >= QUIET_MS && any_dirty(w))
            LT_TRY(index_dirty(w, a, roots, n_roots, err));
    }
    if (err)
        *err = w->why;
    return w->status;
}

lt_status lt_gallery_watch(lt_collection *collection, lt_model *model, const char *const *paths,
                           size_t n_paths, const lt_gallery_options *options,
                           lt_gallery_progress *out, lt_error *err)
{
    static const lt_gallery_options defaults = LT_GALLERY_OPTIONS_INIT;
    lt_gallery_progress total = {0};

    LT_TRY(lt_gallery_check(collection, model, paths, n_paths, err));
    LT_CLEANUP(watcher_done) watcher w = {.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};

    if (w.fd < 0)
        return lt_fail_errno(err, LT_EIO, errno, "inotify");
    round_args a = {collection, model, options ? options : &defaults, &total};
    lt_status st = lt_gallery_pass(collection, model, paths, n_paths, a.options, watch_directory,
                                   &w, &total, err);

    if (st == LT_OK && a.options->prune)
        st = lt_gallery_prune(collection, paths, n_paths, &total, err);
    if (st == LT_OK)
        st = watch_loop(&w, &a, paths, n_paths, err);
    if (out)
        *out = total;
    return st;
}
