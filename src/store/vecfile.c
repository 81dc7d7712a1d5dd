/* SPDX-License-Identifier: Apache-2.0 */
#include "vecfile.h"

#include <base/file.h>
#include <base/hash.h>
#include <base/limits.h>
#include <base/mem.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VERSION = 1 };

typedef struct header {
    char magic[8];
    uint32_t version, type, dims, stride;
    uint64_t checksum;
} header;
_Static_assert(sizeof(header) == 32, "the header is part of the file format");

static const char MAGIC[8] = {'L', 'T', 'V', 'E', 'C', 'T', 'R', 'S'};

size_t lt_vecfile_stride(uint32_t type, uint32_t dims)
{
    size_t element = type == LT_VEC_F32 ? 4 : type == LT_VEC_F16 ? 2 : 1;

    return (dims * element + 31) / 32 * 32;
}

static size_t chunk_bytes(const lt_vecfile *v)
{
    return v->stride * LT_VEC_CHUNK_SLOTS;
}

lt_status lt_vecfile_create(const char *path, uint32_t type, uint32_t dims, lt_error *err)
{
    char block[LT_VEC_HEADER_BYTES] = {0};
    header h = {.version = htole32(VERSION),
                .type = htole32(type),
                .dims = htole32(dims),
                .stride = htole32((uint32_t)lt_vecfile_stride(type, dims))};

    memcpy(h.magic, MAGIC, 8);
    h.checksum = htole64(lt_hash64(&h, offsetof(header, checksum)));
    memcpy(block, &h, sizeof h);
    return lt_file_write_atomic(path, block, sizeof block, err);
}

static lt_status read_header(lt_vecfile *v, lt_error *err)
{
    header h;
    ssize_t n = pread(v->fd, &h, sizeof h, 0);

    if (n < 0)
        return lt_fail_errno(err, LT_EIO, errno, "%s", v->path);
    if (n != (ssize_t)sizeof h || memcmp(h.magic, MAGIC, 8) != 0)
        return lt_fail(err, LT_ECORRUPT, "%s: is not a vector file", v->path);
    if (le64toh(h.checksum) != lt_hash64(&h, offsetof(header, checksum)))
        return lt_fail(err, LT_ECORRUPT, "%s: the header fails its checksum", v->path);
    v->type = le32toh(h.type);
    if (le32toh(h.version) > VERSION || v->type < LT_VEC_F32 || v->type > LT_VEC_U8)
        return lt_fail(err, LT_EVERSION, "%s: format %u.%u is newer than this latent knows (%d)",
                       v->path, le32toh(h.version), v->type, VERSION);
    v->dims = le32toh(h.dims);
    v->stride = le32toh(h.stride);
    if (v->dims == 0 || v->dims > LT_LIMIT_DIMS ||
        v->stride != lt_vecfile_stride(v->type, v->dims))
        return lt_fail(err, LT_ECORRUPT, "%s: %u dimensions at stride %zu cannot be", v->path,
                       v->dims, v->stride);
    return LT_OK;
}

lt_status lt_vecfile_open(lt_vecfile *v, const char *path, bool read_only, lt_error *err)
{
    *v = (lt_vecfile){.fd = -1, .path = lt_strdup(path), .read_only = read_only};
    if (!v->path)
        return lt_fail_nomem(err);
    v->fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    lt_status st = v->fd < 0 ? lt_fail_errno(err, errno == ENOENT ? LT_ECORRUPT : LT_EIO, errno,
                                             "%s", path)
                             : read_header(v, err);

    if (st != LT_OK)
        lt_vecfile_close(v);
    return st;
}

void lt_vecfile_close(lt_vecfile *v)
{
    if (!v->path)
        return;
    for (size_t i = 0; i < v->n_chunks; i++)
        munmap(v->chunks[i], chunk_bytes(v));
    lt_free(v->chunks);
    lt_fd_close(&v->fd);
    lt_free(v->path);
    *v = (lt_vecfile){.fd = -1};
}

/* The file must reach to the end of the last map, or touching the rest would be a bus error. The
 * bytes added are a hole: they take no disk. Synced, for a commit may name slots up to there without
 * writing a row of this file. */
static lt_status extend(lt_vecfile *v, size_t n_chunks, lt_error *err)
{
    off_t need = (off_t)(LT_VEC_HEADER_BYTES + n_chunks * chunk_bytes(v));
    struct stat st;

    if (fstat(v->fd, &st) < 0)
        return lt_fail_errno(err, LT_EIO, errno, "%s", v->path);
    if (st.st_size >= need)
        return LT_OK;
    if (v->read_only)
        return lt_fail(err, LT_ECORRUPT, "%s: is cut off: %lld bytes, %lld expected", v->path,
                       (long long)st.st_size, (long long)need);
    if (ftruncate(v->fd, need) < 0)
        return lt_fail_errno(err, LT_EIO, errno, "%s: cannot grow", v->path);
    return lt_vecfile_sync(v, err);
}

lt_status lt_vecfile_map(lt_vecfile *v, uint64_t n_slots, lt_error *err)
{
    size_t n = (size_t)((n_slots + LT_VEC_CHUNK_SLOTS - 1) / LT_VEC_CHUNK_SLOTS);

    if (n <= v->n_chunks)
        return LT_OK;
    LT_TRY(extend(v, n, err));
    void **chunks = lt_realloc(v->chunks, n, sizeof *chunks);

    if (!chunks)
        return lt_fail_nomem(err);
    v->chunks = chunks;
    while (v->n_chunks < n) {
        off_t at = (off_t)(LT_VEC_HEADER_BYTES + v->n_chunks * chunk_bytes(v));
        void *p = mmap(NULL, chunk_bytes(v), PROT_READ, MAP_SHARED, v->fd, at);

        if (p == MAP_FAILED)
            return lt_fail_errno(err, LT_EIO, errno, "%s: cannot map", v->path);
        v->chunks[v->n_chunks++] = p;
        if (v->on_disk)
            (void)madvise(p, chunk_bytes(v), MADV_RANDOM);
    }
    return LT_OK;
}

void lt_vecfile_set_on_disk(lt_vecfile *v, bool on_disk)
{
    for (size_t i = 0; i < v->n_chunks && on_disk != v->on_disk; i++)
        (void)madvise(v->chunks[i], chunk_bytes(v), on_disk ? MADV_RANDOM : MADV_NORMAL);
    v->on_disk = on_disk;
}

/* The pages of the slots, chunk by chunk. */
static void advise(const void *const *chunks, size_t stride, uint64_t first, uint64_t n, int advice)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    for (uint64_t end = first + n; first < end;) {
        uint64_t at = first % LT_VEC_CHUNK_SLOTS, left = LT_VEC_CHUNK_SLOTS - at;
        uint64_t take = end - first < left ? end - first : left;
        uint64_t from = at * stride / page * page;
        char *chunk = (char *)(uintptr_t)chunks[first / LT_VEC_CHUNK_SLOTS];

        (void)madvise(chunk + from, (at + take) * stride - from, advice);
        first += take;
    }
}

void lt_vecfile_will_read(const void *const *chunks, size_t stride, uint64_t first, uint64_t n)
{
    advise(chunks, stride, first, n, MADV_WILLNEED);
}

void lt_vecfile_have_read(const void *const *chunks, size_t stride, uint64_t first, uint64_t n)
{
    advise(chunks, stride, first, n, MADV_DONTNEED);
}

lt_status lt_vecfile_write(lt_vecfile *v, uint64_t first, const void *bytes, size_t n,
                           lt_error *err)
{
    return lt_fd_pwrite_all(v->fd, bytes, n * v->stride,
                            LT_VEC_HEADER_BYTES + first * v->stride, v->path, err);
}

lt_status lt_vecfile_sync(lt_vecfile *v, lt_error *err)
{
    if (fdatasync(v->fd) < 0)
        return lt_fail_errno(err, LT_EIO, errno, "%s: cannot sync", v->path);
    return LT_OK;
}
