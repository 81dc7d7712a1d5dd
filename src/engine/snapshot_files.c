/* SPDX-License-Identifier: Apache-2.0
 * Where snapshots lie: DATA/snapshots/<collection>/<collection>-<UTC time>.snapshot, and beside each
 * its SHA-256 as <name>.checksum. They outlive their collection. */
#include <base/clock.h>
#include <base/file.h>
#include <base/limits.h>
#include <base/mem.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "snapshot.h"

static const char SUFFIX[] = ".snapshot", SUM_SUFFIX[] = ".checksum", UNFINISHED[] = ".unfinished-";
enum { NAME_PART = 150 }; /* bytes of the collection's name in that of a file */

/* ---- names ----------------------------------------------------------------------------------- */

/* The collection's folder: its name, but for what would lead elsewhere. */
static lt_status folder_of(const lt_db *db, const char *collection, lt_buf *out, lt_error *err)
{
    size_t n = strlen(collection);

    if (n == 0 || n > LT_LIMIT_COLLECTION_NAME || strchr(collection, '/'))
        return lt_fail(err, LT_EINVAL, "`%s` is not the name of a collection", collection);
    LT_TRY(lt_buf_addf(out, err, "%s/snapshots/", db->path));
    for (size_t i = 0; i < n; i++) {
        if (collection[i] == '%' || (i == 0 && collection[i] == '.'))
            LT_TRY(lt_buf_addf(out, err, "%%%02x", (unsigned char)collection[i]));
        else
            LT_TRY(lt_buf_addc(out, collection[i], err));
    }
    return LT_OK;
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n > m && strcmp(name + n - m, end) == 0;
}

/* A name that no file has yet; the time tells snapshots apart, and a number those of one second. */
static lt_status new_name(const char *folder, const char *collection, lt_buf *name, lt_error *err)
{
    time_t now = (time_t)lt_clock_unix();
    size_t n = strlen(collection);
    char text[32];
    struct tm utc;

    n = n < NAME_PART ? n : NAME_PART;
    while (n < strlen(collection) && n > 0 && ((unsigned char)collection[n] & 0xc0) == 0x80)
        n--; /* not inside a character */
    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%Y-%m-%d-%H-%M-%S", &utc);
    for (unsigned i = 1;; i++) {
        LT_AUTOFREE char *path = NULL;

        lt_buf_clear(name);
        LT_TRY(lt_buf_add(name, collection[0] == '.' ? "_" : "", collection[0] == '.', err));
        LT_TRY(lt_buf_add(name, collection, n, err));
        LT_TRY(i == 1 ? lt_buf_addf(name, err, "-%s%s", text, SUFFIX)
                      : lt_buf_addf(name, err, "-%s-%u%s", text, i, SUFFIX));
        path = lt_path_join(folder, name->data);
        if (!path)
            return lt_fail_nomem(err);
        if (!lt_path_exists(path))
            return LT_OK;
    }
}

/* ---- what there is --------------------------------------------------------------------------- */

static void file_done(lt_snapshot_file *f)
{
    lt_free((void *)(uintptr_t)f->name);
    lt_free((void *)(uintptr_t)f->path);
    lt_free((void *)(uintptr_t)f->sha256);
}

void lt_snapshots_free(lt_snapshot_file *files, size_t n_files)
{
    for (size_t i = 0; files && i < n_files; i++)
        file_done(&files[i]);
    lt_free(files);
}

/* The text of the file beside, where it is one. */
static lt_status read_sum(const char *path, char **out, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf at = {0}, text = {0};

    *out = NULL;
    LT_TRY(lt_buf_addf(&at, err, "%s%s", path, SUM_SUFFIX));
    if (lt_file_read(at.data, LT_SHA256_HEX, &text, NULL) != LT_OK ||
        text.len < LT_SHA256_HEX - 1)
        return LT_OK;
    *out = lt_strndup(text.data, LT_SHA256_HEX - 1);
    return *out ? LT_OK : lt_fail_nomem(err);
}

static lt_status describe(const char *folder, const char *name, lt_snapshot_file *out,
                          lt_error *err)
{
    lt_snapshot_file f = {.size = sizeof f, .name = lt_strdup(name)};
    char *path = lt_path_join(folder, name), *sum = NULL;
    struct stat st;
    lt_status result = !f.name || !path      ? lt_fail_nomem(err)
                       : stat(path, &st) < 0 ? lt_fail_errno(err, LT_EIO, errno, "%s", path)
                                             : read_sum(path, &sum, err);

    f.path = path;
    f.sha256 = sum;
    if (result != LT_OK) {
        file_done(&f);
        return result;
    }
    f.n_bytes = (uint64_t)st.st_size;
    f.created = st.st_mtime;
    *out = f;
    return LT_OK;
}

typedef struct listing {
    lt_snapshot_file *items;
    size_t n, cap;
} listing;

static lt_status add_file(listing *l, const char *folder, const char *name, lt_error *err)
{
    lt_snapshot_file *more = lt_grow(l->items, l->n, &l->cap, sizeof *more);

    if (!more)
        return lt_fail_nomem(err);
    l->items = more;
    LT_TRY(describe(folder, name, &l->items[l->n], err));
    l->n++;
    return LT_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const lt_snapshot_file *)a)->name, ((const lt_snapshot_file *)b)->name);
}

static lt_status list_folder(const char *folder, listing *l, lt_error *err)
{
    DIR *dir = opendir(folder);
    lt_status st = LT_OK;

    if (!dir && errno != ENOENT)
        return lt_fail_errno(err, LT_EIO, errno, "%s", folder);
    for (struct dirent *e; dir && st == LT_OK && (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.' && ends_with(e->d_name, SUFFIX))
            st = add_file(l, folder, e->d_name, err);
    if (dir)
        closedir(dir);
    if (l->n)
        qsort(l->items, l->n, sizeof *l->items, by_name);
    return st;
}

lt_status lt_snapshots_list(lt_db *db, const char *collection, lt_snapshot_file **out,
                            size_t *n_out, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf folder = {0};
    listing l = {0};

    if (!db || !collection || !out || !n_out)
        return lt_fail(err, LT_EINVAL, "database, collection, out and n_out are required");
    LT_TRY(folder_of(db, collection, &folder, err));
    lt_status st = list_folder(folder.data, &l, err);

    if (st != LT_OK) {
        lt_snapshots_free(l.items, l.n);
        return st;
    }
    *out = l.items;
    *n_out = l.n;
    return LT_OK;
}

/* ---- creating -------------------------------------------------------------------------------- */

/* Under another name until it is whole. */
static lt_status write_file(lt_collection *c, const char *temp, char sha256[LT_SHA256_HEX],
                            lt_error *err)
{
    LT_CLEANUP(lt_fd_close) int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd < 0)
        return lt_fail_errno(err, LT_EIO, errno, "%s: cannot create", temp);
    LT_TRY(lt_snapshot_write(c, fd, temp, sha256, err));
    return fsync(fd) < 0 ? lt_fail_errno(err, LT_EIO, errno, "%s: cannot sync", temp) : LT_OK;
}

/* The checksum first: a snapshot that is seen has one. */
static lt_status publish(const char *temp, const char *path, const char sha256[LT_SHA256_HEX],
                         lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf sum = {0};

    LT_TRY(lt_buf_addf(&sum, err, "%s%s", path, SUM_SUFFIX));
    LT_TRY(lt_file_write_atomic(sum.data, sha256, LT_SHA256_HEX - 1, err));
    return lt_file_rename(temp, path, err);
}

/* db->snapshots is held: names are chosen and taken by one at a time. */
static lt_status create_locked(lt_collection *c, const char *folder, lt_buf *name, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf temp = {0};
    char sha256[LT_SHA256_HEX];

    LT_TRY(lt_dir_make(folder, err));
    LT_TRY(new_name(folder, c->name, name, err));
    LT_TRY(lt_buf_addf(&temp, err, "%s/%s%s", folder, UNFINISHED, name->data));
    LT_AUTOFREE char *path = lt_path_join(folder, name->data);

    if (!path)
        return lt_fail_nomem(err);
    lt_status st = write_file(c, temp.data, sha256, err);

    if (st == LT_OK)
        st = publish(temp.data, path, sha256, err);
    if (st != LT_OK)
        (void)unlink(temp.data);
    return st;
}

lt_status lt_snapshots_create(lt_collection *collection, lt_snapshot_file **out, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf folder = {0}, name = {0};

    if (!collection || !out)
        return lt_fail(err, LT_EINVAL, "collection and out are required");
    lt_db *db = collection->db;

    LT_TRY(lt_check_writable(db, err));
    LT_TRY(folder_of(db, collection->name, &folder, err));
    lt_snapshot_file *f = lt_calloc(1, sizeof *f);

    if (!f)
        return lt_fail_nomem(err);
    pthread_mutex_lock(&db->snapshots);
    lt_status st = create_locked(collection, folder.data, &name, err);

    if (st == LT_OK)
        st = describe(folder.data, name.data, f, err);
    pthread_mutex_unlock(&db->snapshots);
    if (st != LT_OK) {
        lt_free(f);
        return st;
    }
    *out = f;
    return LT_OK;
}

/* ---- taking away ----------------------------------------------------------------------------- */

static lt_status remove_file(const lt_snapshot_file *f, const char *folder, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf sum = {0};

    LT_TRY(lt_buf_addf(&sum, err, "%s%s", f->path, SUM_SUFFIX));
    if (unlink(f->path) < 0)
        return lt_fail_errno(err, LT_EIO, errno, "%s: cannot remove", f->path);
    (void)unlink(sum.data); /* alone it is nobody's, and the next of that name writes it anew */
    return lt_dir_sync(folder, err);
}

lt_status lt_snapshots_delete(lt_db *db, const char *collection, const char *name, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf folder = {0};
    lt_snapshot_file *files;
    size_t n, i = 0;

    if (!db || !collection || !name)
        return lt_fail(err, LT_EINVAL, "database, collection and name are required");
    LT_TRY(lt_check_writable(db, err));
    LT_TRY(folder_of(db, collection, &folder, err));
    LT_TRY(lt_snapshots_list(db, collection, &files, &n, err));
    while (i < n && strcmp(files[i].name, name) != 0)
        i++;
    lt_status st = i < n ? remove_file(&files[i], folder.data, err)
                         : lt_fail(err, LT_ENOTFOUND, "Snapshot %s not found", name);

    lt_snapshots_free(files, n);
    return st;
}

/* ---- rests ----------------------------------------------------------------------------------- */

static void clear_folder(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir && fd >= 0)
        close(fd);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
        if (strncmp(e->d_name, UNFINISHED, sizeof UNFINISHED - 1) == 0)
            (void)unlinkat(dirfd(dir), e->d_name, 0);
    if (dir)
        closedir(dir);
}

void lt_snapshots_clear_away(const lt_db *db)
{
    LT_AUTOFREE char *all = lt_path_join(db->path, "snapshots");
    DIR *dir = all ? opendir(all) : NULL;

    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.')
            clear_folder(dirfd(dir), e->d_name);
    if (dir)
        closedir(dir);
}
