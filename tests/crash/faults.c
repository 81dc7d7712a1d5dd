/* SPDX-License-Identifier: Apache-2.0 */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static fault_plan plan;
static bool active;
static unsigned long n_seen;
static char hit[PATH_MAX];

void fault_begin(const fault_plan *p)
{
    pthread_mutex_lock(&lock);
    plan = *p;
    n_seen = 0;
    hit[0] = '\0';
    power_reset(p->dir);
    active = true;
    pthread_mutex_unlock(&lock);
}

unsigned long fault_end(void)
{
    pthread_mutex_lock(&lock);
    active = false;
    unsigned long n = n_seen;

    pthread_mutex_unlock(&lock);
    return n;
}

const char *fault_hit(void)
{
    return hit;
}

/* ---- what a call is about -------------------------------------------------------------------- */

static bool path_of(int fd, char out[PATH_MAX])
{
    char link[40];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, PATH_MAX - 1);

    if (n < 0)
        return false;
    out[n] = '\0';
    return true;
}

static bool is_below(const char *path)
{
    size_t n = strlen(plan.dir);

    return strncmp(path, plan.dir, n) == 0 && path[n] == '/';
}

/* LMDB's lock file holds nothing that must last. */
static bool is_ours(const char *path)
{
    return active && is_below(path) && !strstr(path, "-lock") && !strstr(path, "latent.lock");
}

/* Counts an operation; the lock is held. true: it is to be hit. */
static bool meet(const char *call, const char *path)
{
    const char *name = strrchr(path, '/');
    char text[PATH_MAX];

    snprintf(text, sizeof text, "%s %s", call, name ? name + 1 : path);
    if (plan.match && !strstr(text, plan.match))
        return false;
    n_seen++;
    bool is_hit = plan.kind != FAULT_NONE && n_seen >= plan.at &&
                  (plan.kind != FAULT_ERROR || n_seen < plan.at + plan.n);

    if (is_hit)
        memcpy(hit, text, strlen(text) + 1);
    return is_hit;
}

static void die(void)
{
    if (plan.kind == FAULT_POWER)
        power_lose(plan.seed);
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* ---- writes ---------------------------------------------------------------------------------- */

static ssize_t raw_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    return (ssize_t)syscall(SYS_pwrite64, fd, bytes, n, at);
}

/* The lock is held. */
static ssize_t write_at(const char *call, int fd, const char *path, const void *bytes, size_t n,
                        off_t at)
{
    bool is_hit = meet(call, path);

    if (is_hit && plan.kind == FAULT_ERROR) {
        errno = plan.errnum;
        return -1;
    }
    power_before_write(fd, (uint64_t)at, n);
    if (is_hit && plan.kind == FAULT_KILL && raw_pwrite(fd, bytes, n / 2, at) < 0)
        die();
    ssize_t done = is_hit && plan.kind == FAULT_KILL ? 0 : raw_pwrite(fd, bytes, n, at);

    if (is_hit)
        die();
    if (done > 0)
        power_written(fd, (uint64_t)at, (uint64_t)done);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    char path[PATH_MAX];

    if (!active || !path_of(fd, path) || !is_ours(path))
        return raw_pwrite(fd, bytes, n, at);
    pthread_mutex_lock(&lock);
    ssize_t done = write_at("pwrite", fd, path, bytes, n, at);

    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    char path[PATH_MAX];

    if (!active || !path_of(fd, path) || !is_ours(path))
        return (ssize_t)syscall(SYS_write, fd, bytes, n);
    pthread_mutex_lock(&lock);
    ssize_t done = write_at("write", fd, path, bytes, n, lseek(fd, 0, SEEK_CUR));

    if (done > 0)
        (void)lseek(fd, done, SEEK_CUR);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t writev(int fd, const struct iovec *parts, int n_parts)
{
    char path[PATH_MAX];
    ssize_t total = 0;

    if (!active || !path_of(fd, path) || !is_ours(path))
        return (ssize_t)syscall(SYS_writev, fd, parts, n_parts);
    pthread_mutex_lock(&lock);
    for (int i = 0; i < n_parts && total >= 0; i++) {
        ssize_t done = write_at("writev", fd, path, parts[i].iov_base, parts[i].iov_len,
                                lseek(fd, 0, SEEK_CUR));

        if (done > 0)
            (void)lseek(fd, done, SEEK_CUR);
        total = done < 0 ? (total ? total : -1) : total + done;
        if (done < 0)
            break;
    }
    pthread_mutex_unlock(&lock);
    return total;
}

int ftruncate(int fd, off_t size)
{
    char path[PATH_MAX];

    if (!active || !path_of(fd, path) || !is_ours(path))
        return (int)syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&lock);
    int code = 0;
    bool is_hit = meet("ftruncate", path);

    if (is_hit && plan.kind == FAULT_ERROR) {
        errno = plan.errnum;
        code = -1;
    } else if (is_hit) {
        die();
    } else {
        power_before_write(fd, (uint64_t)size, 0);
        code = (int)syscall(SYS_ftruncate, fd, size);
    }
    pthread_mutex_unlock(&lock);
    return code;
}

/* ---- syncs ----------------------------------------------------------------------------------- */

static int sync_of(const char *call, int fd, long number)
{
    char path[PATH_MAX];

    if (!active || !path_of(fd, path) ||
        !(is_ours(path) || strcmp(path, plan.dir) == 0))
        return (int)syscall(number, fd);
    pthread_mutex_lock(&lock);
    int code = 0;

    if (meet(call, path)) {
        if (plan.kind != FAULT_ERROR)
            die();
        errno = plan.errnum;
        code = -1;
    } else {
        power_synced(fd);
    }
    pthread_mutex_unlock(&lock);
    return code;
}

int fsync(int fd)
{
    return sync_of("fsync", fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return sync_of("fdatasync", fd, SYS_fdatasync);
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Counts it, and dies or fails where it is hit. false: it fails. */
static bool may_change(const char *call, const char *path)
{
    if (!meet(call, path))
        return true;
    if (plan.kind != FAULT_ERROR)
        die();
    errno = plan.errnum;
    return false;
}

static int open_at(int folder, const char *path, int flags, mode_t mode)
{
    bool create = active && (flags & O_CREAT) && is_ours(path) && access(path, F_OK) != 0;

    if (!create)
        return (int)syscall(SYS_openat, folder, path, flags, mode);
    pthread_mutex_lock(&lock);
    int fd = -1;

    if (may_change("create", path)) {
        power_before_create(path);
        fd = (int)syscall(SYS_openat, folder, path, flags, mode);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

int open(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;

    va_end(args);
    return open_at(AT_FDCWD, path, flags, mode);
}

int rename(const char *from, const char *to)
{
    int code = -1;

    if (!active || !is_ours(to))
        return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    pthread_mutex_lock(&lock);
    if (may_change("rename", to)) {
        power_before_rename(from, to);
        code = (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    }
    pthread_mutex_unlock(&lock);
    return code;
}

static int unlink_at(int folder, const char *path, int flags, const char *whole)
{
    int code = -1;

    pthread_mutex_lock(&lock);
    if (may_change("unlink", whole)) {
        if (!flags)
            power_before_unlink(whole);
        code = (int)syscall(SYS_unlinkat, folder, path, flags);
    }
    pthread_mutex_unlock(&lock);
    return code;
}

int unlink(const char *path)
{
    return active && is_ours(path) ? unlink_at(AT_FDCWD, path, 0, path)
                                   : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int unlinkat(int folder, const char *path, int flags)
{
    char whole[PATH_MAX], in[PATH_MAX];

    if (!active || folder < 0 || !path_of(folder, in) ||
        snprintf(whole, sizeof whole, "%s/%s", in, path) >= (int)sizeof whole || !is_ours(whole))
        return (int)syscall(SYS_unlinkat, folder, path, flags);
    return unlink_at(folder, path, flags, whole);
}
