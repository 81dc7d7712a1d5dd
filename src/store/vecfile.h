/* SPDX-License-Identifier: Apache-2.0
 * Vectors at a fixed stride in one append-only file, addressed by slot.
 *
 *   byte 0      magic "LTVECTRS"          8 bytes
 *        8      format version  u32 LE = 1
 *       12      element type    u32 LE    1 = float32, 2 = float16, 3 = uint8
 *       16      dims            u32 LE
 *       20      stride          u32 LE    bytes a slot: dims elements, rounded up to 32
 *       24      checksum        u64 LE    XXH3 of bytes 0..23
 *       32      zero
 *    65536      slot 0, slot 1, ... (a multiple of every page size, for mmap)
 *
 * The file is written with pwrite, so that a full disk is an error code and not a signal, and read
 * through maps of CHUNK_SLOTS slots that are never moved: a pointer stays good until close. */
#ifndef LT_STORE_VECFILE_H
#define LT_STORE_VECFILE_H

#include <base/error.h>

enum { LT_VEC_CHUNK_SLOTS = 16384, LT_VEC_HEADER_BYTES = 65536 };

typedef struct lt_vecfile {
    int fd;
    char *path;
    uint32_t type, dims;
    size_t stride; /* bytes */
    bool read_only;
    bool on_disk;  /* see lt_vecfile_set_on_disk */
    void **chunks; /* maps of CHUNK_SLOTS slots each; changed by the one writer */
    size_t n_chunks;
} lt_vecfile;

/* The element types; their sizes. */
enum { LT_VEC_F32 = 1, LT_VEC_F16 = 2, LT_VEC_U8 = 3 };
size_t lt_vecfile_stride(uint32_t type, uint32_t dims);

lt_status lt_vecfile_create(const char *path, uint32_t type, uint32_t dims,
                            lt_error *err) LT_NODISCARD;
lt_status lt_vecfile_open(lt_vecfile *v, const char *path, bool read_only, lt_error *err) LT_NODISCARD;
void lt_vecfile_close(lt_vecfile *v);

/* Makes slots 0..n-1 mapped. Existing chunks stay where they are. Not thread-safe. */
lt_status lt_vecfile_map(lt_vecfile *v, uint64_t n_slots, lt_error *err) LT_NODISCARD;
/* Rows are read here and there and should not stay in memory: the system reads no more than the pages
 * that are touched. Not thread-safe. */
void lt_vecfile_set_on_disk(lt_vecfile *v, bool on_disk);
/* Hints about slots first..first+n-1 of these chunks: all are read next, or were and may leave
 * memory. Any thread. */
void lt_vecfile_will_read(const void *const *chunks, size_t stride, uint64_t first, uint64_t n);
void lt_vecfile_have_read(const void *const *chunks, size_t stride, uint64_t first, uint64_t n);
/* Writes n vectors, `stride` bytes each, to slots first.. ; not durable until lt_vecfile_sync. */
lt_status lt_vecfile_write(lt_vecfile *v, uint64_t first, const void *bytes, size_t n,
                           lt_error *err) LT_NODISCARD;
lt_status lt_vecfile_sync(lt_vecfile *v, lt_error *err) LT_NODISCARD;

#endif
