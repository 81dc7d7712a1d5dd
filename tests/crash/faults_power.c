/* SPDX-License-Identifier: Apache-2.0
 * What a disk holds behind the page cache's back. Of each sector that was written since the last sync
 * of its file the durable content is kept; so are the sizes of files, and the changes of names. All
 * in fixed arrays: it runs inside calls that may be made anywhere. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults.h"

enum { SECTOR = 512, SECTORS = 1 << 12, FILES = 256, NAMES = 512 };

typedef struct sector {
    dev_t dev;
    ino_t inode;
    uint64_t number;
    unsigned n; /* bytes it durably has; those behind did not exist */
    char bytes[SECTOR];
} sector;

/* The durable size of a file that was written; its path as long as it can be opened by that. */
typedef struct file {
    dev_t dev;
    ino_t inode;
    off_t size;
    char path[PATH_MAX];
} file;

typedef struct name {
    enum { CREATED, RENAMED, UNLINKED } kind;
    char path[PATH_MAX], from[PATH_MAX];
    char kept[PATH_MAX]; /* another name of what was there before; "": nothing was */
} name;

static sector *sectors; /* a hash table: the number 0 of inode 0 is an empty place */
static file *files;
static name *names;
static size_t n_sectors, n_files, n_names, n_kept;
static char kept_dir[PATH_MAX - 32];

void power_reset(const char *dir)
{
    snprintf(kept_dir, sizeof kept_dir, "%s.kept", dir);
    (void)mkdir(kept_dir, 0777); /* it may be there from before */
    free(sectors);
    free(files);
    free(names);
    sectors = calloc(SECTORS, sizeof *sectors);
    files = calloc(FILES, sizeof *files);
    names = calloc(NAMES, sizeof *names);
    n_sectors = n_files = n_names = n_kept = 0;
    if (!sectors || !files || !names)
        abort();
}

/* ---- files ----------------------------------------------------------------------------------- */

static sector *place_of(const struct stat *st, uint64_t number)
{
    size_t i = (size_t)(st->st_ino * 31 + number * 0x9e3779b97f4a7c15u) % SECTORS;

    while (sectors[i].inode &&
           !(sectors[i].inode == st->st_ino && sectors[i].dev == st->st_dev && sectors[i].number == number))
        i = (i + 1) % SECTORS;
    return &sectors[i];
}

static file *file_of(const struct stat *st)
{
    for (size_t i = 0; i < n_files; i++)
        if (files[i].inode == st->st_ino && files[i].dev == st->st_dev)
            return &files[i];
    return NULL;
}

static void note_file(int fd, const struct stat *st)
{
    char link[40];

    if (file_of(st))
        return;
    if (n_files == FILES)
        abort();
    file *f = &files[n_files++];

    *f = (file){.dev = st->st_dev, .inode = st->st_ino, .size = st->st_size};
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, f->path, sizeof f->path - 1);

    if (n < 0)
        abort();
    f->path[n] = '\0';
}

/* Reads through another descriptor: this one may be for writing alone. */
static void keep_sector(int fd, const struct stat *st, uint64_t number)
{
    sector *s = place_of(st, number);
    char link[40];

    if (s->inode)
        return;
    if (++n_sectors > SECTORS * 3 / 4)
        abort();
    *s = (sector){.dev = st->st_dev, .inode = st->st_ino, .number = number};
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int reading = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
    ssize_t n = pread(reading, s->bytes, SECTOR, (off_t)(number * SECTOR));

    if (n < 0)
        abort();
    s->n = (unsigned)n;
    close(reading);
}

void power_before_write(int fd, uint64_t offset, uint64_t n)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        abort();
    note_file(fd, &st);
    for (uint64_t at = offset / SECTOR; n && at <= (offset + n - 1) / SECTOR; at++)
        keep_sector(fd, &st, at);
}

/* An empty place in a hash table would cut chains: the rest of the table is entered anew. */
static void forget(bool (*which)(const sector *s, const void *context), const void *context)
{
    sector *old = sectors;

    sectors = calloc(SECTORS, sizeof *sectors);
    if (!sectors)
        abort();
    n_sectors = 0;
    for (size_t i = 0; i < SECTORS; i++) {
        struct stat st = {.st_dev = old[i].dev, .st_ino = old[i].inode};

        if (!old[i].inode || which(&old[i], context))
            continue;
        *place_of(&st, old[i].number) = old[i];
        n_sectors++;
    }
    free(old);
}

typedef struct range {
    struct stat st;
    uint64_t first, last; /* sectors */
} range;

static bool is_within(const sector *s, const void *context)
{
    const range *r = context;

    return s->inode == r->st.st_ino && s->dev == r->st.st_dev && s->number >= r->first &&
           s->number <= r->last;
}

static void make_durable(int fd, uint64_t first, uint64_t last)
{
    range r = {.first = first, .last = last};

    if (fstat(fd, &r.st) < 0)
        abort();
    forget(is_within, &r);
    file *f = file_of(&r.st);

    if (f && f->size < r.st.st_size)
        f->size = r.st.st_size;
}

void power_written(int fd, uint64_t offset, uint64_t n)
{
    if (fcntl(fd, F_GETFL) & O_DSYNC)
        make_durable(fd, offset / SECTOR, (offset + n - 1) / SECTOR);
}

/* ---- names ----------------------------------------------------------------------------------- */

static name *new_name(int kind, const char *path)
{
    if (n_names == NAMES)
        abort();
    name *n = &names[n_names++];

    *n = (name){.kind = kind};
    snprintf(n->path, sizeof n->path, "%s", path);
    return n;
}

/* Keeps what `path` names under another name. */
static void keep(name *n, const char *path)
{
    snprintf(n->kept, sizeof n->kept, "%s/%ld-%zu", kept_dir, (long)getpid(), n_kept++);
    if (syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, n->kept, 0) < 0)
        n->kept[0] = '\0';
}

void power_before_create(const char *path)
{
    (void)new_name(CREATED, path);
}

void power_before_rename(const char *from, const char *to)
{
    name *n = new_name(RENAMED, to);

    snprintf(n->from, sizeof n->from, "%s", from);
    keep(n, to);
}

void power_before_unlink(const char *path)
{
    keep(new_name(UNLINKED, path), path);
}

static void let_go(const name *n)
{
    if (n->kept[0])
        (void)syscall(SYS_unlinkat, AT_FDCWD, n->kept, 0);
}

static void sync_folder(int fd)
{
    char link[40], path[PATH_MAX];
    size_t left = 0;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);

    if (n < 0)
        abort();
    for (size_t i = 0; i < n_names; i++) {
        bool in = strncmp(names[i].path, path, (size_t)n) == 0 && names[i].path[n] == '/' &&
                  !strchr(names[i].path + n + 1, '/');

        if (in)
            let_go(&names[i]);
        else
            names[left++] = names[i];
    }
    n_names = left;
}

void power_synced(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        abort();
    if (S_ISDIR(st.st_mode))
        sync_folder(fd);
    else
        make_durable(fd, 0, UINT64_MAX);
}

/* ---- the power goes -------------------------------------------------------------------------- */

static uint64_t random_state;

static bool toss(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return random_state >> 63;
}

/* Its inode may have another name by now, or none. */
static int open_file(const file *f)
{
    struct stat st;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, f->path, O_RDWR | O_CLOEXEC);

    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == f->inode && st.st_dev == f->dev)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* A sector that is lost has its old content; a file that is cut to its old size has lost all behind. */
static void lose_sectors(const file *f)
{
    int fd = open_file(f);
    bool cut = toss();

    for (size_t i = 0; fd >= 0 && i < SECTORS; i++) {
        const sector *s = &sectors[i];

        if (s->inode == f->inode && s->dev == f->dev && s->n && toss() &&
            syscall(SYS_pwrite64, fd, s->bytes, s->n, s->number * SECTOR) < 0)
            abort();
        /* What did not exist before reads as zeros where the size came through, but not the data. */
        if (s->inode == f->inode && s->dev == f->dev && s->n < SECTOR && !cut && toss()) {
            static const char zeros[SECTOR];
            struct stat st;

            if (fstat(fd, &st) == 0 && (uint64_t)st.st_size >= (s->number + 1) * SECTOR &&
                syscall(SYS_pwrite64, fd, zeros, SECTOR - s->n, s->number * SECTOR + s->n) < 0)
                abort();
        }
    }
    if (fd >= 0 && cut && syscall(SYS_ftruncate, fd, f->size) < 0)
        abort();
    if (fd >= 0)
        close(fd);
}

static void take_back(const name *n)
{
    if (n->kind == CREATED)
        (void)syscall(SYS_unlinkat, AT_FDCWD, n->path, 0);
    if (n->kind == RENAMED)
        (void)syscall(SYS_renameat, AT_FDCWD, n->path, AT_FDCWD, n->from);
    if (n->kept[0])
        (void)syscall(SYS_renameat, AT_FDCWD, n->kept, AT_FDCWD, n->path);
}

void power_lose(uint64_t seed)
{
    random_state = seed | 1;
    for (size_t i = 0; i < n_files; i++)
        lose_sectors(&files[i]);
    while (n_names > 0 && toss()) /* the last ones first, as a journal does */
        take_back(&names[--n_names]);
    for (size_t i = 0; i < n_names; i++)
        let_go(&names[i]);
}
