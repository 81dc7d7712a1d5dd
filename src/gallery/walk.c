/* SPDX-License-Identifier: Apache-2.0
 * The walk keeps the (device, inode) of the directories on the way down and of linked ones seen, so
 * that loops of links end. Paths are kept as the user wrote them (made absolute), links in them
 * unresolved: what is shown must be what they know. */
#include "walk.h"

#include <base/buf.h>
#include <base/file.h>
#include <base/mem.h>
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <image/image.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH_MAX = 512 };

typedef struct seen_dir {
    dev_t dev;
    ino_t ino;
} seen_dir;

typedef struct walk {
    const lt_gallery_options *options;
    const lt_walk_visitor *visitor;
    size_t root_len; /* of the path that the walk began with, for relative patterns */
    seen_dir *seen;
    size_t n_seen, cap_seen;
    unsigned depth;
} walk;

char *lt_path_absolute(const char *path)
{
    LT_AUTOFREE char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
    LT_AUTOFREE char *full = path[0] == '/' ? lt_strdup(path) : lt_path_join(cwd ? cwd : "/", path);

    if (!full)
        return NULL;
    char *out = lt_malloc(strlen(full) + 2);

    if (!out)
        return NULL;
    size_t n = 0;

    for (char *save = NULL, *part = strtok_r(full, "/", &save); part;
         part = strtok_r(NULL, "/", &save)) {
        if (strcmp(part, ".") == 0)
            continue;
        if (strcmp(part, "..") == 0) {
            while (n > 0 && out[--n] != '/') {
            }
            continue;
        }
        out[n++] = '/';
        size_t len = strlen(part);

        memcpy(out + n, part, len);
        n += len;
    }
    if (n == 0)
        out[n++] = '/';
    out[n] = '\0';
    return out;
}

static bool excluded(const walk *w, const char *path)
{
    const char *name = lt_path_name(path);
    const char *relative = path + w->root_len;

    while (*relative == '/')
        relative++;
    for (size_t i = 0; i < w->options->n_exclude; i++) {
        const char *pattern = w->options->exclude[i];

        if (fnmatch(pattern, name, 0) == 0 || fnmatch(pattern, relative, 0) == 0 ||
            fnmatch(pattern, path, 0) == 0)
            return true;
    }
    return false;
}

static void report(const walk *w, const char *path, int errnum)
{
    lt_error why;

    (void)lt_fail_errno(&why, errnum == ENOENT ? LT_ENOTFOUND : LT_EIO, errnum, "%s", path);
    if (w->visitor->failure)
        w->visitor->failure(w->visitor->context, path, &why);
}

/* Marks a directory as visited. 1: new, 0: was visited, -1: no memory. */
static int mark_seen(walk *w, const struct stat *st)
{
    for (size_t i = 0; i < w->n_seen; i++)
        if (w->seen[i].dev == st->st_dev && w->seen[i].ino == st->st_ino)
            return 0;
    seen_dir *more = lt_grow(w->seen, w->n_seen, &w->cap_seen, sizeof *more);

    if (!more)
        return -1;
    w->seen = more;
    w->seen[w->n_seen++] = (seen_dir){st->st_dev, st->st_ino};
    return 1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

typedef struct names {
    char **items;
    size_t n, cap;
} names;

static void names_done(names *l)
{
    for (size_t i = 0; i < l->n; i++)
        lt_free(l->items[i]);
    lt_free(l->items);
}

/* The names in a directory that may matter, sorted. */
static lt_status read_names(const char *path, names *out, lt_error *err)
{
    DIR *dir = opendir(path);
    lt_status st = LT_OK;

    if (!dir)
        return lt_fail_errno(err, LT_EIO, errno, "%s", path);
    for (struct dirent *e; st == LT_OK && (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        char **more = lt_grow(out->items, out->n, &out->cap, sizeof *more);

        if (!more) {
            st = lt_fail_nomem(err);
            break;
        }
        out->items = more;
        char *name = lt_strdup(e->d_name);

        if (name)
            out->items[out->n++] = name;
        else
            st = lt_fail_nomem(err);
    }
    closedir(dir);
    if (st == LT_OK && out->n > 1)
        qsort(out->items, out->n, sizeof *out->items, by_name);
    return st;
}

static lt_status walk_directory(walk *w, const char *path, lt_error *err);

static lt_status walk_entry(walk *w, const char *path, lt_error *err)
{
    struct stat st;

    if (excluded(w, path))
        return LT_OK;
    if (lstat(path, &st) < 0) {
        report(w, path, errno);
        return LT_OK;
    }
    if (S_ISLNK(st.st_mode)) {
        if (stat(path, &st) < 0) {
            if (lt_image_name_matches(path))
                report(w, path, errno);
            return LT_OK;
        }
        if (S_ISDIR(st.st_mode) && !w->options->follow_links)
            return LT_OK;
    }
    if (S_ISDIR(st.st_mode)) {
        int fresh = mark_seen(w, &st);

        if (fresh < 0)
            return lt_fail_nomem(err);
        return fresh ? walk_directory(w, path, err) : LT_OK;
    }
    if (!S_ISREG(st.st_mode) || !lt_image_name_matches(path))
        return LT_OK;
    if (!w->visitor->file(w->visitor->context, path, &st))
        return lt_fail(err, LT_ECANCELED, "stopped");
    return LT_OK;
}

static lt_status walk_directory(walk *w, const char *path, lt_error *err)
{
    LT_CLEANUP(names_done) names l = {0};
    lt_error why;

    if (w->depth >= DEPTH_MAX) {
        report(w, path, ELOOP);
        return LT_OK;
    }
    if (w->visitor->directory)
        w->visitor->directory(w->visitor->context, path);
    lt_status st = read_names(path, &l, &why);

    if (st == LT_ENOMEM)
        return lt_fail_nomem(err);
    if (st != LT_OK) {
        if (w->visitor->failure)
            w->visitor->failure(w->visitor->context, path, &why);
        return LT_OK;
    }
    w->depth++;
    for (size_t i = 0; i < l.n && st == LT_OK; i++) {
        LT_AUTOFREE char *child = lt_path_join(path, l.items[i]);

        st = child ? walk_entry(w, child, err) : lt_fail_nomem(err);
    }
    w->depth--;
    return st;
}

lt_status lt_walk(const char *path, const lt_gallery_options *options,
                  const lt_walk_visitor *visitor, lt_error *err)
{
    walk w = {.options = options, .visitor = visitor};
    LT_AUTOFREE char *root = lt_path_absolute(path);
    struct stat st;
    lt_status status = LT_OK;

    if (!root)
        return lt_fail_nomem(err);
    w.root_len = strlen(root);
    if (stat(root, &st) < 0)
        return lt_fail_errno(err, errno == ENOENT || errno == ENOTDIR ? LT_ENOTFOUND : LT_EIO,
                             errno, "%s", path);
    if (S_ISDIR(st.st_mode)) {
        if (access(root, R_OK | X_OK) < 0)
            return lt_fail_errno(err, LT_EIO, errno, "%s", path);
        if (mark_seen(&w, &st) < 0)
            status = lt_fail_nomem(err);
        else
            status = walk_directory(&w, root, err);
    } else if (!visitor->file(visitor->context, root, &st)) {
        status = lt_fail(err, LT_ECANCELED, "stopped");
    }
    lt_free(w.seen);
    return status;
}
