/* SPDX-License-Identifier: Apache-2.0 */
#include "lock.h"

#include <base/file.h>
#include <base/mem.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* "1234 latent\n": for people and for messages; the lock itself is flock's. */
static void write_owner(int fd)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%ld %s\n", (long)getpid(), program_invocation_short_name);

    /* A lock without a name in it is still a lock. */
    if (ftruncate(fd, 0) == 0 && n > 0 && pwrite(fd, text, (size_t)n, 0) != n)
        return;
}

static lt_status busy(int fd, const char *dir, lt_error *err)
{
    char text[64] = {0};
    long pid = 0;
    char name[48] = "another program";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);

    if (n > 0 && sscanf(text, "%ld %47[^\n]", &pid, name) >= 1)
        return lt_fail(err, LT_EBUSY, "%s is in use by process %ld (%s)", dir, pid, name);
    return lt_fail(err, LT_EBUSY, "%s is in use by another process", dir);
}

lt_status lt_dir_lock(const char *dir, int *fd, lt_error *err)
{
    LT_AUTOFREE char *path = lt_path_join(dir, "latent.lock");

    if (!path)
        return lt_fail_nomem(err);
    LT_CLEANUP(lt_fd_close) int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

    if (lock < 0)
        return lt_fail_errno(err, LT_EIO, errno, "%s", path);
    if (flock(lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK)
            return busy(lock, dir, err);
        return lt_fail_errno(err, LT_EIO, errno, "%s: cannot lock", path);
    }
    write_owner(lock);
    *fd = lock;
    lock = -1;
    return LT_OK;
}
