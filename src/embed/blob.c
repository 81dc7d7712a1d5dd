/* SPDX-License-Identifier: Apache-2.0
 *
 *   graph as OpenVINO exported it           len bytes
 *   "LTBLOB1\0"                             8
 *   key                                    16   what was compiled, for which machine
 *   len, little-endian                      8
 *   XXH3-128 of the graph and the above    16
 */
#include "blob.h"

#include <base/file.h>
#include <base/hash.h>
#include <base/mem.h>
#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 16 };

typedef struct seal {
    char magic[8];
    uint8_t key[LT_BLOB_KEY];
    uint64_t len;
    uint8_t sum[16];
} seal;
_Static_assert(sizeof(seal) == 48, "layout of the seal");

static const char MAGIC[8] = "LTBLOB1";
static const char SUFFIX[] = ".blob";

char *lt_blob_default_dir(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    /* The standard says to ignore relative paths. */
    if (cache && cache[0] == '/')
        return lt_path_join(cache, "latent");
    return home && home[0] == '/' ? lt_path_join(home, ".cache/latent") : NULL;
}

static char *blob_path(const char *dir, const uint8_t key[LT_BLOB_KEY])
{
    char name[2 * LT_BLOB_KEY + sizeof SUFFIX];

    lt_hex(key, LT_BLOB_KEY, name);
    memcpy(name + 2 * LT_BLOB_KEY, SUFFIX, sizeof SUFFIX);
    return lt_path_join(dir, name);
}

void lt_blob_close(lt_blob *b)
{
    if (b->map)
        munmap(b->map, b->map_len);
    *b = (lt_blob){0};
}

static bool sum_of(const void *graph, size_t len, const seal *s, uint8_t out[16])
{
    lt_hasher *h = lt_hasher_new();

    if (!h)
        return false;
    lt_hasher_add(h, graph, len);
    lt_hasher_add(h, s, offsetof(seal, sum));
    lt_hasher_get(h, out);
    lt_hasher_free(h);
    return true;
}

static bool seal_fits(const lt_blob *b, const uint8_t key[LT_BLOB_KEY])
{
    uint8_t sum[16];
    seal s;

    memcpy(&s, (const char *)b->map + b->len, sizeof s);
    return memcmp(s.magic, MAGIC, sizeof MAGIC) == 0 && memcmp(s.key, key, LT_BLOB_KEY) == 0 &&
           le64toh(s.len) == b->len && sum_of(b->map, b->len, &s, sum) &&
           memcmp(sum, s.sum, sizeof sum) == 0;
}

/* Imported bytes are executed, in effect: only our own files, which nobody else can write. */
static bool is_ours(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
           (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool lt_blob_open(const char *dir, const uint8_t key[LT_BLOB_KEY], lt_blob *out)
{
    LT_AUTOFREE char *path = blob_path(dir, key);
    LT_CLEANUP(lt_fd_close) int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    struct stat st;
    lt_blob b = {0};

    if (fd < 0 || fstat(fd, &st) < 0 || !is_ours(&st) || (size_t)st.st_size <= sizeof(seal))
        return false;
    b.map_len = (size_t)st.st_size;
    b.len = b.map_len - sizeof(seal);
    b.map = mmap(NULL, b.map_len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (b.map == MAP_FAILED)
        return false;
    if (!seal_fits(&b, key)) {
        lt_blob_close(&b);
        (void)unlink(path);
        return false;
    }
    /* The time of use, for lt_blob_commit's choice of what to delete. */
    (void)futimens(fd, NULL);
    *out = b;
    return true;
}

char *lt_blob_begin(const char *dir)
{
    LT_AUTOFREE char *name = NULL;

    if (lt_dir_make(dir, NULL) != LT_OK || access(dir, W_OK) < 0)
        return NULL;
    name = lt_path_join(dir, "new-XXXXXX");
    if (!name)
        return NULL;
    int fd = mkstemp(name);

    if (fd < 0)
        return NULL;
    close(fd);
    return lt_steal(&name);
}

static bool write_seal(int fd, const uint8_t key[LT_BLOB_KEY], const char *path)
{
    struct stat st;
    seal s = {0};

    if (fstat(fd, &st) < 0 || st.st_size <= 0)
        return false;
    size_t len = (size_t)st.st_size;
    void *graph = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);

    if (graph == MAP_FAILED)
        return false;
    memcpy(s.magic, MAGIC, sizeof MAGIC);
    memcpy(s.key, key, LT_BLOB_KEY);
    s.len = htole64(len);
    bool done = sum_of(graph, len, &s, s.sum);

    munmap(graph, len);
    return done && lt_fd_pwrite_all(fd, &s, sizeof s, len, path, NULL) == LT_OK;
}

static bool is_older(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Deletes the file that was used least recently, never `fresh`, while there are more than
 * FILES_MAX; that ends what a killed process left behind, too. */
static void tidy(const char *dir, const char *fresh)
{
    for (int left = 0; left < 4; left++) {
        char oldest[NAME_MAX + 1] = "";
        struct timespec when = {0};
        size_t n = 0;
        DIR *d = opendir(dir);

        if (!d)
            return;
        for (struct dirent *e; (e = readdir(d)) != NULL;) {
            struct stat st;
            size_t len = strlen(e->d_name);
            bool blob =
                len > strlen(SUFFIX) && strcmp(e->d_name + len - strlen(SUFFIX), SUFFIX) == 0;

            if ((!blob && strncmp(e->d_name, "new-", 4) != 0) ||
                fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                continue;
            n++;
            if (strcmp(e->d_name, fresh) != 0 && (!oldest[0] || is_older(&st.st_mtim, &when))) {
                when = st.st_mtim;
                (void)snprintf(oldest, sizeof oldest, "%s", e->d_name);
            }
        }
        if (n > FILES_MAX)
            (void)unlinkat(dirfd(d), oldest, 0);
        closedir(d);
        if (n <= FILES_MAX)
            return;
    }
}

void lt_blob_commit(const char *dir, const uint8_t key[LT_BLOB_KEY], const char *temporary)
{
    LT_AUTOFREE char *path = blob_path(dir, key);
    LT_CLEANUP(lt_fd_close) int fd = open(temporary, O_RDWR | O_CLOEXEC);

    /* The exporter's mode depends on the umask; the seal's reader wants no other writer. */
    if (path && fd >= 0 && fchmod(fd, S_IRUSR | S_IWUSR) == 0 && write_seal(fd, key, temporary) &&
        rename(temporary, path) == 0)
        tidy(dir, lt_path_name(path));
    else
        (void)unlink(temporary);
}
