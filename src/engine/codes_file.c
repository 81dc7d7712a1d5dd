/* SPDX-License-Identifier: Apache-2.0
 * The memory of quantised copies, and their file. Little-endian.
 *
 *   byte 0      magic "LTQCODES"     8 bytes
 *        8      format version       u32    1
 *       12      quantiser bytes      u32
 *       16      slots                u32
 *       20      stride               u32    bytes a code, a multiple of 8
 *       24      trained with         u64    vectors there were then
 *       32      quantiser checksum   u64    XXH3
 *       40      codes checksum       u64    XXH3 of the XXH3 of each chunk of 16384 codes
 *       48      header checksum      u64    XXH3 of bytes 0..47
 *       56      zero up to
 *       64      the quantiser, then zero up to a multiple of 64
 *      ...      the codes of slot 0, slot 1, ... */
#include <base/file.h>
#include <base/hash.h>
#include <base/mem.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codes.h"
#include "engine.h"

enum { VERSION = 1, HEAD_BYTES = 64, ALIGN = 64 };

typedef struct header {
    char magic[8];
    uint32_t version, quant_bytes, n_slots, stride;
    uint64_t n_trained, quant_sum, codes_sum, header_sum;
} header;
_Static_assert(sizeof(header) == 56, "the header is part of the file format");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "codes are mapped as they are");

static const char MAGIC[8] = {'L', 'T', 'Q', 'C', 'O', 'D', 'E', 'S'};

/* ---- memory ---------------------------------------------------------------------------------- */

enum { CHUNKS_MAX = LT_LIMIT_SLOTS / LT_VEC_CHUNK_SLOTS + 1 };

lt_status lt_codes_new(lt_quant *quant, lt_codes **out, lt_error *err)
{
    lt_codes *codes = lt_calloc(1, sizeof *codes);
    /* Untouched pages of a large calloc cost nothing, so the list never has to move. */
    const void **chunks = lt_calloc(CHUNKS_MAX, sizeof *chunks);

    if (!codes || !chunks) {
        lt_free(codes);
        lt_free(chunks);
        lt_quant_free(quant);
        return lt_fail_nomem(err);
    }
    atomic_init(&codes->refs, 1);
    codes->quant = quant;
    codes->chunks = chunks;
    codes->stride = (lt_quant_code_bytes(quant) + 7) / 8 * 8;
    *out = codes;
    return LT_OK;
}

void lt_codes_unref(lt_codes *codes)
{
    if (!codes || atomic_fetch_sub(&codes->refs, 1) != 1)
        return;
    for (size_t i = codes->n_mapped; i < codes->n_chunks; i++)
        lt_free((void *)(uintptr_t)codes->chunks[i]);
    if (codes->map)
        munmap(codes->map, codes->map_bytes);
    lt_free(codes->chunks);
    lt_quant_free(codes->quant);
    lt_free(codes);
}

lt_status lt_codes_add_chunk(lt_codes *codes, lt_error *err)
{
    void *chunk = lt_alloc_aligned(LT_VEC_CHUNK_SLOTS, codes->stride);

    if (!chunk)
        return lt_fail_nomem(err);
    codes->chunks[codes->n_chunks++] = chunk;
    return LT_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Bytes of the i-th chunk that hold codes of the first n slots. */
static size_t chunk_bytes(const lt_codes *codes, size_t i, uint32_t n)
{
    size_t left = n - i * LT_VEC_CHUNK_SLOTS;

    return (left < LT_VEC_CHUNK_SLOTS ? left : LT_VEC_CHUNK_SLOTS) * codes->stride;
}

static size_t chunks_of(uint32_t n_slots)
{
    return ((size_t)n_slots + LT_VEC_CHUNK_SLOTS - 1) / LT_VEC_CHUNK_SLOTS;
}

lt_status lt_codes_write(const lt_codes *codes, const char *path, lt_error *err)
{
    static const char zero[ALIGN];
    uint32_t n = atomic_load(&codes->covered);
    size_t n_chunks = chunks_of(n);
    LT_CLEANUP(lt_buf_done) lt_buf head = {0}, quant = {0}, sums = {0};
    LT_AUTOFREE lt_piece *pieces = lt_calloc(n_chunks + 2, sizeof *pieces);
    header h = {.version = VERSION, .n_slots = n, .stride = (uint32_t)codes->stride,
                .n_trained = codes->n_trained};

    if (!pieces)
        return lt_fail_nomem(err);
    LT_TRY(lt_quant_write(codes->quant, &quant, err));
    for (size_t i = 0; i < n_chunks; i++) {
        lt_piece p = {codes->chunks[i], chunk_bytes(codes, i, n)};
        uint64_t sum = lt_hash64(p.bytes, p.n);

        LT_TRY(lt_buf_add(&sums, &sum, sizeof sum, err));
        pieces[i + 2] = p;
    }
    memcpy(h.magic, MAGIC, sizeof h.magic);
    h.quant_bytes = (uint32_t)quant.len;
    h.quant_sum = lt_hash64(quant.data, quant.len);
    h.codes_sum = lt_hash64(sums.data, sums.len);
    h.header_sum = lt_hash64(&h, offsetof(header, header_sum));
    LT_TRY(lt_buf_add(&head, &h, sizeof h, err));
    LT_TRY(lt_buf_add(&head, zero, HEAD_BYTES - sizeof h, err));
    LT_TRY(lt_buf_add(&quant, zero, (ALIGN - quant.len % ALIGN) % ALIGN, err));
    pieces[0] = (lt_piece){head.data, head.len};
    pieces[1] = (lt_piece){quant.data, quant.len};
    return lt_file_write_pieces(path, pieces, n_chunks + 2, err);
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct mapping {
    const char *path;
    char *bytes;
    size_t n;
} mapping;

static void unmap(mapping *m)
{
    if (m->bytes)
        munmap(m->bytes, m->n);
}

static lt_status map_file(mapping *m, lt_error *err)
{
    LT_CLEANUP(lt_fd_close) int fd = open(m->path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return lt_fail(err, LT_ENOTFOUND, "%s: is not there", m->path);
    if (fd < 0 || fstat(fd, &st) < 0)
        return lt_fail_errno(err, LT_EIO, errno, "%s", m->path);
    if (st.st_size < HEAD_BYTES)
        return lt_fail(err, LT_ECORRUPT, "%s: is cut off", m->path);
    m->n = (size_t)st.st_size;
    void *p = mmap(NULL, m->n, PROT_READ, MAP_PRIVATE, fd, 0);

    if (p == MAP_FAILED)
        return lt_fail_errno(err, LT_EIO, errno, "%s: cannot map", m->path);
    m->bytes = p;
    return LT_OK;
}

/* Where the codes begin. */
static size_t codes_at(const header *h)
{
    return HEAD_BYTES + ((size_t)h->quant_bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static lt_status check_header(const mapping *m, header *h, lt_error *err)
{
    memcpy(h, m->bytes, sizeof *h);
    if (memcmp(h->magic, MAGIC, sizeof h->magic) != 0)
        return lt_fail(err, LT_ECORRUPT, "%s: is not a file of codes", m->path);
    if (h->version > VERSION)
        return lt_fail(err, LT_EVERSION, "%s: format %u is newer than this latent knows (%d)",
                       m->path, h->version, VERSION);
    if (h->header_sum != lt_hash64(h, offsetof(header, header_sum)))
        return lt_fail(err, LT_ECORRUPT, "%s: the header fails its checksum", m->path);
    if (h->n_slots > LT_LIMIT_SLOTS || h->stride > 4 * LT_LIMIT_DIMS ||
        m->n != codes_at(h) + (size_t)h->n_slots * h->stride)
        return lt_fail(err, LT_ECORRUPT, "%s: %zu bytes are not what the header says", m->path,
                       m->n);
    return LT_OK;
}

static lt_status check_sums(const mapping *m, const header *h, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf sums = {0};
    size_t chunk = (size_t)LT_VEC_CHUNK_SLOTS * h->stride;

    if (h->quant_sum != lt_hash64(m->bytes + HEAD_BYTES, h->quant_bytes))
        return lt_fail(err, LT_ECORRUPT, "%s: the quantiser fails its checksum", m->path);
    for (size_t at = codes_at(h); at < m->n; at += chunk) {
        uint64_t sum = lt_hash64(m->bytes + at, m->n - at < chunk ? m->n - at : chunk);

        LT_TRY(lt_buf_add(&sums, &sum, sizeof sum, err));
    }
    if (h->codes_sum != lt_hash64(sums.data, sums.len))
        return lt_fail(err, LT_ECORRUPT, "%s: the codes fail their checksum", m->path);
    return LT_OK;
}

/* Whole chunks stay in the map, unless they are wanted in memory; the last one, to which more will
 * be added, is copied. */
static lt_status take_chunks(lt_codes *codes, mapping *m, const header *h, bool in_memory,
                             lt_error *err)
{
    size_t whole = in_memory ? 0 : h->n_slots / LT_VEC_CHUNK_SLOTS;
    const char *from = m->bytes + codes_at(h);

    for (size_t i = 0; i < chunks_of(h->n_slots); i++) {
        const char *at = from + i * LT_VEC_CHUNK_SLOTS * codes->stride;

        if (i < whole) {
            codes->chunks[codes->n_chunks++] = at;
            codes->n_mapped++;
            continue;
        }
        LT_TRY(lt_codes_add_chunk(codes, err));
        memcpy((void *)(uintptr_t)codes->chunks[i], at, chunk_bytes(codes, i, h->n_slots));
    }
    if (whole) {
        codes->map = lt_steal(&m->bytes);
        codes->map_bytes = m->n;
    }
    return LT_OK;
}

lt_status lt_codes_read(const char *path, bool in_memory, lt_codes **out, lt_error *err)
{
    LT_CLEANUP(unmap) mapping m = {.path = path};
    lt_quant *quant;
    lt_codes *codes;
    header h;

    LT_TRY(map_file(&m, err));
    LT_TRY(check_header(&m, &h, err));
    LT_TRY(check_sums(&m, &h, err));
    LT_TRY(lt_quant_read(m.bytes + HEAD_BYTES, h.quant_bytes, &quant, err));
    LT_TRY(lt_codes_new(quant, &codes, err));
    lt_status st = codes->stride == h.stride
                       ? take_chunks(codes, &m, &h, in_memory, err)
                       : lt_fail(err, LT_ECORRUPT, "%s: codes of %u bytes, not %zu", path, h.stride,
                                 codes->stride);

    if (st != LT_OK) {
        lt_codes_unref(codes);
        return st;
    }
    codes->n_trained = h.n_trained;
    codes->saved = h.n_slots;
    atomic_store(&codes->covered, h.n_slots);
    *out = codes;
    return LT_OK;
}
