/* SPDX-License-Identifier: Apache-2.0 */
#include "tar.h"

#include <base/file.h>
#include <base/mem.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 512, FLUSH_BYTES = 1 << 20, SUM_DIGITS = 32 };
static const char SUM_NAME[] = "checksum";

typedef struct header {
    char name[LT_TAR_NAME];
    char mode[8], uid[8], gid[8], size[12], mtime[12], sum[8];
    char type;
    char link[100];
    char magic[8]; /* "ustar", 0, "00" */
    char owner[32], group[32], major[8], minor[8], prefix[155], zero[12];
} header;
_Static_assert(sizeof(header) == BLOCK, "a header is one block");

/* The sum of its bytes, those of the sum itself counted as spaces. */
static unsigned sum_of(const header *h)
{
    const unsigned char *p = (const unsigned char *)h;
    unsigned sum = 8 * ' ';

    for (size_t i = 0; i < BLOCK; i++)
        if (i < offsetof(header, sum) || i >= offsetof(header, type))
            sum += p[i];
    return sum;
}

static uint64_t padding_of(uint64_t n)
{
    return (BLOCK - n % BLOCK) % BLOCK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static lt_status flush(lt_tar_writer *w, lt_error *err)
{
    lt_hasher_add(w->hasher, w->buf.data, w->buf.len);
    lt_sha256_add(&w->sha, w->buf.data, w->buf.len);
    LT_TRY(lt_fd_write_all(w->fd, w->buf.data, w->buf.len, w->path, err));
    lt_buf_clear(&w->buf);
    return LT_OK;
}

static lt_status put(lt_tar_writer *w, const void *bytes, size_t n, lt_error *err)
{
    LT_TRY(lt_buf_add(&w->buf, bytes, n, err));
    return w->buf.len >= FLUSH_BYTES ? flush(w, err) : LT_OK;
}

lt_status lt_tar_begin(lt_tar_writer *w, int fd, const char *path, int64_t time, lt_error *err)
{
    *w = (lt_tar_writer){.fd = fd, .path = path, .time = time, .hasher = lt_hasher_new()};
    lt_sha256_init(&w->sha);
    return w->hasher ? LT_OK : lt_fail_nomem(err);
}

void lt_tar_writer_done(lt_tar_writer *w)
{
    lt_buf_done(&w->buf);
    lt_hasher_free(w->hasher);
}

/* Octal, or from 8 GiB on the first bit and then the number, big-endian. */
static void put_size(header *h, uint64_t n)
{
    char digits[24];
    uint64_t big = htobe64(n);

    if (n >= (uint64_t)1 << 33) {
        memset(h->size, 0, sizeof h->size);
        h->size[0] = (char)0x80;
        memcpy(h->size + 4, &big, 8);
        return;
    }
    snprintf(digits, sizeof digits, "%011llo", (unsigned long long)n);
    memcpy(h->size, digits, 11);
}

lt_status lt_tar_member(lt_tar_writer *w, const char *name, uint64_t n, lt_error *err)
{
    header h = {.mode = "0000644", .uid = "0000000", .gid = "0000000", .type = '0'};
    char digits[24];

    LT_ASSERT(w->left == 0 && strlen(name) < sizeof h.name);
    LT_TRY(put(w, &(header){0}, w->padding, err));
    memcpy(h.name, name, strlen(name));
    memcpy(h.magic, "ustar\00000", 8);
    put_size(&h, n);
    snprintf(digits, sizeof digits, "%011llo", (unsigned long long)w->time & 077777777777);
    memcpy(h.mtime, digits, 11);
    snprintf(digits, sizeof digits, "%06o", sum_of(&h));
    memcpy(h.sum, digits, 7);
    h.sum[7] = ' ';
    w->left = n;
    w->padding = padding_of(n);
    return put(w, &h, sizeof h, err);
}

lt_status lt_tar_add(lt_tar_writer *w, const void *bytes, size_t n, lt_error *err)
{
    LT_ASSERT(n <= w->left);
    w->left -= n;
    return put(w, bytes, n, err);
}

lt_status lt_tar_finish(lt_tar_writer *w, char sha256[LT_SHA256_HEX], lt_error *err)
{
    static const char end[2 * BLOCK] = {0};
    char digits[SUM_DIGITS + 1];
    uint8_t sum[16];

    LT_ASSERT(w->left == 0);
    LT_TRY(put(w, end, w->padding, err));
    w->padding = 0;
    LT_TRY(flush(w, err));
    lt_hasher_get(w->hasher, sum);
    lt_hex(sum, sizeof sum, digits);
    LT_TRY(lt_tar_member(w, SUM_NAME, SUM_DIGITS, err));
    LT_TRY(lt_tar_add(w, digits, SUM_DIGITS, err));
    LT_TRY(put(w, end, w->padding, err));
    LT_TRY(put(w, end, sizeof end, err));
    LT_TRY(flush(w, err));
    lt_sha256_hex(&w->sha, sha256);
    return LT_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static lt_status corrupt(const lt_tar *t, const char *why, lt_error *err)
{
    return lt_fail(err, LT_ECORRUPT, "%s: %s", t->path, why);
}

static bool read_octal(const char *digits, size_t n, uint64_t *out)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n && digits[i] && digits[i] != ' '; i++) {
        if (digits[i] < '0' || digits[i] > '7')
            return false;
        value = value * 8 + (uint64_t)(digits[i] - '0');
    }
    *out = value;
    return true;
}

static bool read_size(const header *h, uint64_t *out)
{
    uint64_t big;

    if (h->size[0] != (char)0x80)
        return read_octal(h->size, sizeof h->size, out);
    memcpy(&big, h->size + 4, 8);
    *out = be64toh(big);
    return true;
}

/* The member whose header is at `at`; *next: where the following one is. */
static lt_status read_member(lt_tar *t, size_t at, lt_tar_part *out, size_t *next, lt_error *err)
{
    const char *bytes = t->map;
    uint64_t sum, n;
    header h;

    if (t->n_map - at < BLOCK)
        return corrupt(t, "is cut off", err);
    memcpy(&h, bytes + at, sizeof h);
    if (memcmp(h.magic, "ustar", 5) != 0)
        return corrupt(t, at ? "is cut off or damaged" : "is not a snapshot", err);
    if (!read_octal(h.sum, sizeof h.sum, &sum) || sum != sum_of(&h) || !read_size(&h, &n))
        return corrupt(t, "a header fails its checksum", err);
    if (n > t->n_map - at - BLOCK || padding_of(n) > t->n_map - at - BLOCK - n)
        return corrupt(t, "is cut off", err);
    if (h.type != '0' && h.type != '\0')
        return corrupt(t, "holds something that is not a plain file", err);
    memcpy(out->name, h.name, sizeof h.name);
    out->name[sizeof h.name] = '\0';
    out->bytes = bytes + at + BLOCK;
    out->n = (size_t)n;
    *next = at + BLOCK + (size_t)(n + padding_of(n));
    return LT_OK;
}

static lt_status check_sum(const lt_tar *t, const lt_tar_part *sum, size_t at, lt_error *err)
{
    char digits[SUM_DIGITS + 1];
    uint8_t hash[16];

    lt_hash128(t->map, at, hash);
    lt_hex(hash, sizeof hash, digits);
    if (sum->n != SUM_DIGITS || memcmp(sum->bytes, digits, SUM_DIGITS) != 0)
        return corrupt(t, "fails its checksum", err);
    return LT_OK;
}

/* Behind the checksum there are zeros and nothing else. */
static lt_status check_end(const lt_tar *t, const lt_tar_part *sum, lt_error *err)
{
    const char *p = sum->bytes + sum->n, *end = (const char *)t->map + t->n_map;

    if (end - p < 2 * BLOCK)
        return corrupt(t, "is cut off", err);
    while (p < end)
        if (*p++)
            return corrupt(t, "there are bytes behind its end", err);
    return LT_OK;
}

static lt_status read_members(lt_tar *t, lt_error *err)
{
    for (size_t at = 0, next; t->n_parts < LT_TAR_MEMBERS; at = next) {
        lt_tar_part *part = &t->parts[t->n_parts];

        LT_TRY(read_member(t, at, part, &next, err));
        if (strcmp(part->name, SUM_NAME) == 0) {
            LT_TRY(check_sum(t, part, at, err));
            return check_end(t, part, err);
        }
        t->n_parts++;
    }
    return corrupt(t, "has too many members", err);
}

static lt_status map_file(lt_tar *t, lt_error *err)
{
    LT_CLEANUP(lt_fd_close) int fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0)
        return lt_fail_errno(err, errno == ENOENT ? LT_ENOTFOUND : LT_EIO, errno, "%s", t->path);
    if (fstat(fd, &st) < 0)
        return lt_fail_errno(err, LT_EIO, errno, "%s", t->path);
    if (!S_ISREG(st.st_mode) || st.st_size == 0)
        return corrupt(t, "is not a snapshot", err);
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

    if (map == MAP_FAILED)
        return lt_fail_errno(err, LT_EIO, errno, "%s: cannot map", t->path);
    t->map = map;
    t->n_map = (size_t)st.st_size;
    return LT_OK;
}

static lt_status compare(const lt_tar *t, const char *expected, lt_error *err)
{
    char digits[LT_SHA256_HEX];
    lt_sha256 sha;

    lt_sha256_init(&sha);
    lt_sha256_add(&sha, t->map, t->n_map);
    lt_sha256_hex(&sha, digits);
    return strcasecmp(digits, expected) == 0
               ? LT_OK
               : lt_fail(err, LT_EINVAL, "%s: has the checksum %s, %.80s is expected", t->path,
                         digits, expected);
}

lt_status lt_tar_open(lt_tar *t, const char *path, const char *sha256, lt_error *err)
{
    memset(t, 0, sizeof *t);
    t->path = path;
    lt_status st = map_file(t, err);

    if (st == LT_OK && sha256)
        st = compare(t, sha256, err);
    if (st == LT_OK)
        st = read_members(t, err);
    if (st != LT_OK)
        lt_tar_close(t);
    return st;
}

void lt_tar_close(lt_tar *t)
{
    if (t->map)
        munmap(t->map, t->n_map);
    t->map = NULL;
}

const lt_tar_part *lt_tar_find(const lt_tar *t, const char *name)
{
    for (size_t i = 0; i < t->n_parts; i++)
        if (strcmp(t->parts[i].name, name) == 0)
            return &t->parts[i];
    return NULL;
}
