/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

void lt_fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static lt_status fail_open(lt_error *err, int errnum, const char *path)
{
    lt_status code = errnum == ENOENT || errnum == ENOTDIR ? LT_ENOTFOUND : LT_EIO;

    return lt_fail_errno(err, code, errnum, "%s", path);
}

static lt_status read_rest(int fd, const char *path, size_t max, lt_buf *out, lt_error *err)
{
    size_t start = out->len;

    for (;;) {
        LT_TRY(lt_buf_reserve(out, 65536, err));
        size_t room = out->cap - out->len - 1;
        ssize_t n = read(fd, out->data + out->len, room);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return lt_fail_errno(err, LT_EIO, errno, "%s", path);
        out->len += (size_t)n;
        out->data[out->len] = '\0';
        if (out->len - start > max)
            return lt_fail(err, LT_ELIMIT, "%s: larger than %zu bytes", path, max);
        if (n == 0)
            return LT_OK;
    }
}

lt_status lt_file_read(const char *path, size_t max, lt_buf *out, lt_error *err)
{
    LT_CLEANUP(lt_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0)
        return fail_open(err, errno, path);
    if (fstat(fd, &st) < 0)
        return lt_fail_errno(err, LT_EIO, errno, "%s", path);
    if (S_ISDIR(st.st_mode))
        return lt_fail(err, LT_EINVAL, "%s: is a directory", path);
    if (!S_ISREG(st.st_mode))
        return lt_fail(err, LT_EINVAL, "%s: is not a regular file", path);
    if ((uint64_t)st.st_size > max)
        return lt_fail(err, LT_ELIMIT, "%s: %lld bytes, at most %zu are read", path,
                       (long long)st.st_size, max);
    LT_TRY(lt_buf_reserve(out, (size_t)st.st_size + 1, err));
    return read_rest(fd, path, max, out, err);
}

lt_status lt_fd_write_all(int fd, const void *bytes, size_t n, const char *path, lt_error *err)
{
    const char *p = bytes;

    while (n > 0) {
        ssize_t done = write(fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return lt_fail_errno(err, LT_EIO, errno, "%s: cannot write", path);
        p += done;
        n -= (size_t)done;
    }
    return LT_OK;
}

lt_status lt_fd_pwrite_all(int fd, const void *bytes, size_t n, uint64_t offset, const char *path,
                           lt_error *err)
{
    const char *p = bytes;

    while (n > 0) {
        ssize_t done = pwrite(fd, p, n, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return lt_fail_errno(err, LT_EIO, errno, "%s: cannot write", path);
        p += done;
        offset += (uint64_t)done;
        n -= (size_t)done;
    }
    return LT_OK;
}

lt_status lt_dir_sync(const char *path, lt_error *err)
{
    LT_CLEANUP(lt_fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return fail_open(err, errno, path);
    /* Some file systems cannot sync a directory and say EINVAL: nothing more can be done there. */
    if (fsync(fd) < 0 && errno != EINVAL)
        return lt_fail_errno(err, LT_EIO, errno, "%s: cannot sync", path);
    return LT_OK;
}

static lt_status sync_parent(const char *path, lt_error *err)
{
    const char *name = lt_path_name(path);
    LT_AUTOFREE char *parent = name == path ? lt_strdup(".")
                                            : lt_strndup(path, (size_t)(name - path));

    if (!parent)
        return lt_fail_nomem(err);
    return lt_dir_sync(parent, err);
}

lt_status lt_file_rename(const char *from, const char *to, lt_error *err)
{
    if (rename(from, to) < 0)
        return lt_fail_errno(err, LT_EIO, errno, "%s: cannot rename", from);
    return sync_parent(to, err);
}

lt_status lt_file_write_atomic(const char *path, const void *bytes, size_t n, lt_error *err)
{
    return lt_file_write_pieces(path, &(lt_piece){bytes, n}, 1, err);
}

lt_status lt_file_write_pieces(const char *path, const lt_piece *pieces, size_t n_pieces,
                               lt_error *err)
{
    lt_buf temp = {0};
    lt_status st = lt_buf_addf(&temp, err, "%s.tmp-%ld", path, (long)getpid());

    if (st != LT_OK)
        return st;
    LT_AUTOFREE char *name = lt_buf_steal(&temp);
    LT_CLEANUP(lt_fd_close) int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd < 0)
        return lt_fail_errno(err, LT_EIO, errno, "%s: cannot create", name);
    for (size_t i = 0; i < n_pieces && st == LT_OK; i++)
        st = lt_fd_write_all(fd, pieces[i].bytes, pieces[i].n, name, err);
    if (st == LT_OK && fsync(fd) < 0)
        st = lt_fail_errno(err, LT_EIO, errno, "%s: cannot sync", name);
    if (st == LT_OK)
        st = lt_file_rename(name, path, err);
    if (st != LT_OK)
        unlink(name);
    return st;
}

/* A directory that was made stays: its parent is synced. */
static lt_status make_one(const char *path, lt_error *err)
{
    struct stat st;

    if (mkdir(path, 0777) == 0)
        return sync_parent(path, err);
    int errnum = errno;

    if (errnum == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return LT_OK;
    if (errnum == EEXIST)
        return lt_fail(err, LT_EIO, "%s: is not a directory", path);
    return lt_fail_errno(err, LT_EIO, errnum, "%s: cannot create the directory", path);
}

lt_status lt_dir_make(const char *path, lt_error *err)
{
    LT_AUTOFREE char *copy = lt_strdup(path);

    if (!copy)
        return lt_fail_nomem(err);
    for (char *p = copy + 1; copy[0] && *p; p++) {
        if (*p != '/' || p[-1] == '/')
            continue;
        *p = '\0';
        if (!lt_path_exists(copy))
            LT_TRY(make_one(copy, err));
        *p = '/';
    }
    return make_one(copy, err);
}

lt_status lt_dir_remove(const char *path, lt_error *err)
{
    DIR *dir = opendir(path);

    if (!dir)
        return errno == ENOENT ? LT_OK : lt_fail_errno(err, LT_EIO, errno, "%s", path);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(dir), e->d_name, 0) < 0 && errno != ENOENT) {
            int errnum = errno;

            closedir(dir);
            return lt_fail_errno(err, LT_EIO, errnum, "%s: cannot remove", path);
        }
    }
    closedir(dir);
    if (rmdir(path) < 0 && errno != ENOENT)
        return lt_fail_errno(err, LT_EIO, errno, "%s: cannot remove", path);
    return LT_OK;
}

char *lt_path_join(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b), total;

    if (b[0] == '/' || na == 0)
        return lt_strdup(b);
    if (!lt_add_size(na, nb, &total) || !lt_add_size(total, 2, &total))
        return NULL;
    char *path = lt_malloc(total);

    if (!path)
        return NULL;
    memcpy(path, a, na);
    if (a[na - 1] != '/')
        path[na++] = '/';
    memcpy(path + na, b, nb + 1);
    return path;
}

const char *lt_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

bool lt_path_exists(const char *path)
{
    return access(path, F_OK) == 0;
}
