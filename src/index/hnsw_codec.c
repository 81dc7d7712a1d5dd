/* SPDX-License-Identifier: Apache-2.0
 * The checkpoint: the slabs as they are in memory, so that opening is mapping. Little-endian.
 *
 *   byte 0      magic "LTHNSWGR"        8 bytes
 *        8      format version   u32    1
 *       12      dims             u32
 *       16      distance         u32    as lt_distance
 *       20      element          u32    as lt_element
 *       24      m                u32    links a node on the upper layers; 2 m on the ground layer
 *       28      ef_construct     u32
 *       32      seed             u64
 *       40      n_slots          u32
 *       44      n_blocks         u32    upper blocks
 *       48      entry            u64    (level + 1) << 32 | slot; 0: no nodes
 *       56      covered          u32
 *       60      n_present        u32
 *       64      n_dead           u32
 *       68      zero             u32
 *       72      file bytes       u64
 *       80      table checksum   u64    XXH3 of the table of checksums
 *       88      header checksum  u64    XXH3 of bytes 0..87
 *       96      zero up to
 *     4096      links            u32[n_slots][2 m]   unused ones 0xffffffff, behind the used ones
 *      ...      first block      u32[n_slots]
 *      ...      upper blocks     u32[n_blocks][m]
 *      ...      state            u8[n_slots]         level in bits 0-3; 0x20 present, 0x30 deleted,
 *                                                    0x40 gone, 0x00 never inserted
 *      ...      checksums        u64 for each 64 KiB of the body (byte 4096 to here): XXH3
 *
 * Each part begins at a multiple of 64 bytes, the gaps are zero. A node's blocks do not cross a
 * multiple of 4096 blocks. The file is written beside, synced and renamed. */
#include "hnsw_graph.h"

#include <base/file.h>
#include <base/hash.h>
#include <base/limits.h>
#include <base/mem.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VERSION = 1, BODY_AT = 4096, SUM_BYTES = 65536, ALIGN = 64 };

typedef struct header {
    char magic[8];
    uint32_t version, dims, distance, element, m, ef_construct;
    uint64_t seed;
    uint32_t n_slots, n_blocks;
    uint64_t entry;
    uint32_t covered, n_present, n_dead, zero;
    uint64_t file_bytes, table_sum, header_sum;
} header;
_Static_assert(sizeof(header) == 96, "the header is part of the file format");
_Static_assert(offsetof(header, header_sum) == 88, "the header is part of the file format");
_Static_assert(sizeof(hnsw_link) == 4 && sizeof(hnsw_state) == 1, "slabs are mapped as they are");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "slabs are mapped as they are");

static const char MAGIC[8] = {'L', 'T', 'H', 'N', 'S', 'W', 'G', 'R'};

/* Where the parts lie, in bytes from the beginning of the file. */
typedef struct layout {
    uint64_t links, indexes, blocks, states, body_end, table, end;
} layout;

static uint64_t aligned(uint64_t at)
{
    return (at + ALIGN - 1) / ALIGN * ALIGN;
}

/* Cannot overflow: 2^31 slots of at most 1028 bytes. */
static layout lay_out(uint64_t n_slots, uint64_t n_blocks, uint64_t m)
{
    layout l = {.links = BODY_AT};

    l.indexes = aligned(l.links + n_slots * 2 * m * 4);
    l.blocks = aligned(l.indexes + n_slots * 4);
    l.states = aligned(l.blocks + n_blocks * m * 4);
    l.body_end = l.table = aligned(l.states + n_slots);
    l.end = l.table + (l.body_end - BODY_AT + SUM_BYTES - 1) / SUM_BYTES * 8;
    return l;
}

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct writer {
    int fd;
    const char *path;
    uint64_t at; /* where the next byte goes */
    char *block; /* SUM_BYTES */
    size_t n;
    lt_buf sums;
} writer;

static lt_status flush(writer *w, lt_error *err)
{
    uint64_t sum = lt_hash64(w->block, w->n);

    if (w->n == 0)
        return LT_OK;
    LT_TRY(lt_buf_add(&w->sums, &sum, sizeof sum, err));
    LT_TRY(lt_fd_pwrite_all(w->fd, w->block, w->n, w->at - w->n, w->path, err));
    w->n = 0;
    return LT_OK;
}

static lt_status put(writer *w, const void *bytes, size_t n, lt_error *err)
{
    const char *p = bytes;

    while (n > 0) {
        size_t room = SUM_BYTES - w->n, take = n < room ? n : room;

        if (p) {
            memcpy(w->block + w->n, p, take);
            p += take;
        } else {
            memset(w->block + w->n, 0, take);
        }
        w->n += take;
        w->at += take;
        n -= take;
        if (w->n == SUM_BYTES)
            LT_TRY(flush(w, err));
    }
    return LT_OK;
}

static lt_status pad_to(writer *w, uint64_t at, lt_error *err)
{
    return put(w, NULL, (size_t)(at - w->at), err);
}

/* One node at a time, so that what is not in use is written as the format wants it, whatever the
 * memory holds. The gate is closed: nobody changes links, though readers go on. */
static lt_status put_ground(writer *w, const lt_hnsw *g, uint32_t n_slots, lt_error *err)
{
    uint32_t row[2 * LT_LIMIT_HNSW_M];

    for (uint32_t slot = 0; slot < n_slots; slot++) {
        bool node = is_node(load_state_any(g, slot));

        for (unsigned i = 0; i < g->m0; i++)
            row[i] = node ? load_link(ground_links(g, slot) + i) : NONE;
        LT_TRY(put(w, row, g->m0 * sizeof *row, err));
    }
    return LT_OK;
}

static lt_status put_indexes(writer *w, const lt_hnsw *g, uint32_t n_slots, lt_error *err)
{
    for (uint32_t slot = 0; slot < n_slots; slot++) {
        uint8_t s = load_state_any(g, slot);
        uint32_t index = is_node(s) && (s & LEVEL_MASK) ? load_link(block_index(g, slot)) : 0;

        LT_TRY(put(w, &index, sizeof index, err));
    }
    return LT_OK;
}

static lt_status put_blocks(writer *w, const lt_hnsw *g, lt_error *err)
{
    uint32_t row[LT_LIMIT_HNSW_M];

    for (uint32_t b = 0; b < g->n_blocks; b++) {
        for (unsigned i = 0; i < g->m; i++)
            row[i] = load_link(block_at(g, b) + i);
        LT_TRY(put(w, row, g->m * sizeof *row, err));
    }
    return LT_OK;
}

static lt_status put_states(writer *w, const lt_hnsw *g, uint32_t n_slots, lt_error *err)
{
    for (uint32_t slot = 0; slot < n_slots; slot++) {
        uint8_t s = load_state_any(g, slot) & (LEVEL_MASK | KIND_MASK);

        LT_TRY(put(w, &s, 1, err));
    }
    return LT_OK;
}

static header make_header(const lt_hnsw *g, uint32_t n_slots, const layout *l)
{
    header h = {.version = VERSION,
                .dims = (uint32_t)g->space.dims,
                .distance = (uint32_t)g->space.distance,
                .element = (uint32_t)g->space.element,
                .m = g->m,
                .ef_construct = g->config.ef_construct,
                .seed = g->config.seed,
                .n_slots = n_slots,
                .n_blocks = g->n_blocks,
                .entry = atomic_load(&g->entry),
                .covered = atomic_load(&g->covered),
                .n_present = atomic_load(&g->n_present),
                .n_dead = atomic_load(&g->n_dead),
                .file_bytes = l->end};

    memcpy(h.magic, MAGIC, sizeof h.magic);
    return h;
}

static lt_status put_all(writer *w, const lt_hnsw *g, lt_error *err)
{
    uint32_t n_slots = atomic_load(&g->n_slots);
    layout l = lay_out(n_slots, g->n_blocks, g->m);
    header h = make_header(g, n_slots, &l);

    w->at = BODY_AT;
    LT_TRY(put_ground(w, g, n_slots, err));
    LT_TRY(pad_to(w, l.indexes, err));
    LT_TRY(put_indexes(w, g, n_slots, err));
    LT_TRY(pad_to(w, l.blocks, err));
    LT_TRY(put_blocks(w, g, err));
    LT_TRY(pad_to(w, l.states, err));
    LT_TRY(put_states(w, g, n_slots, err));
    LT_TRY(pad_to(w, l.body_end, err));
    LT_TRY(flush(w, err));
    LT_ASSERT(w->at == l.table && w->sums.len == l.end - l.table);
    LT_TRY(lt_fd_pwrite_all(w->fd, w->sums.data, w->sums.len, l.table, w->path, err));
    h.table_sum = lt_hash64(w->sums.data, w->sums.len);
    h.header_sum = lt_hash64(&h, offsetof(header, header_sum));
    memset(w->block, 0, BODY_AT);
    memcpy(w->block, &h, sizeof h);
    return lt_fd_pwrite_all(w->fd, w->block, BODY_AT, 0, w->path, err);
}

static lt_status write_file(lt_hnsw *g, int fd, const char *temp, lt_error *err)
{
    LT_AUTOFREE char *block = lt_malloc(SUM_BYTES);
    writer w = {.fd = fd, .path = temp, .block = block};

    if (!block)
        return lt_fail_nomem(err);
    pthread_rwlock_wrlock(&g->gate);
    lt_status st = put_all(&w, g, err);

    pthread_rwlock_unlock(&g->gate);
    lt_buf_done(&w.sums);
    if (st == LT_OK && fsync(fd) < 0)
        st = lt_fail_errno(err, LT_EIO, errno, "%s: cannot sync", temp);
    return st;
}

lt_status lt_hnsw_save(lt_hnsw *g, const char *path, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf temp = {0};

    LT_TRY(lt_buf_addf(&temp, err, "%s.tmp-%ld", path, (long)getpid()));
    LT_CLEANUP(lt_fd_close)
    int fd = open(temp.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd < 0)
        return lt_fail_errno(err, LT_EIO, errno, "%s: cannot create", temp.data);
    lt_status st = write_file(g, fd, temp.data, err);

    if (st == LT_OK)
        st = lt_file_rename(temp.data, path, err);
    if (st != LT_OK)
        unlink(temp.data);
    return st;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A file's bytes while they are looked at. */
typedef struct file {
    const char *path;
    char *bytes; /* a private, writable map */
    size_t n;
} file;

static void unmap(file *f)
{
    if (f->bytes)
        munmap(f->bytes, f->n);
    f->bytes = NULL;
}

static lt_status map_file(file *f, bool populate, lt_error *err)
{
    LT_CLEANUP(lt_fd_close) int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd < 0)
        return lt_fail_errno(err, errno == ENOENT ? LT_ENOTFOUND : LT_EIO, errno, "%s", f->path);
    if (fstat(fd, &st) < 0)
        return lt_fail_errno(err, LT_EIO, errno, "%s", f->path);
    if (!S_ISREG(st.st_mode) || st.st_size < BODY_AT)
        return lt_fail(err, LT_ECORRUPT, "%s: is not a graph file", f->path);
    int flags = MAP_PRIVATE | (populate ? MAP_POPULATE : 0);
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, flags, fd, 0);

    if (p == MAP_FAILED)
        return lt_fail_errno(err, LT_EIO, errno, "%s: cannot map", f->path);
    f->bytes = p;
    f->n = (size_t)st.st_size;
    return LT_OK;
}

static lt_status read_header(const file *f, header *h, lt_error *err)
{
    memcpy(h, f->bytes, sizeof *h);
    if (memcmp(h->magic, MAGIC, sizeof MAGIC) != 0)
        return lt_fail(err, LT_ECORRUPT, "%s: is not a graph file", f->path);
    if (h->header_sum != lt_hash64(h, offsetof(header, header_sum)))
        return lt_fail(err, LT_ECORRUPT, "%s: the header fails its checksum", f->path);
    if (h->version != VERSION)
        return lt_fail(err, LT_EVERSION, "%s: format %u, this latent knows %d", f->path, h->version,
                       VERSION);
    if (h->m < 2 || h->m > LT_LIMIT_HNSW_M || h->ef_construct < 1 ||
        h->ef_construct > LT_LIMIT_HNSW_EF || h->n_slots > LT_LIMIT_HNSW_SLOTS ||
        h->n_blocks > (uint32_t)BLOCK_SLABS_MAX * BLOCKS || h->zero)
        return lt_fail(err, LT_ECORRUPT, "%s: the header is out of all bounds", f->path);
    return LT_OK;
}

static bool is_zero(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static lt_status check_sums(const file *f, const header *h, const layout *l, lt_error *err)
{
    const char *table = f->bytes + l->table;

    if (f->n != l->end || h->file_bytes != l->end)
        return lt_fail(err, LT_ECORRUPT, "%s: %zu bytes, %llu expected", f->path, f->n,
                       (unsigned long long)l->end);
    if (!is_zero(f->bytes + sizeof *h, BODY_AT - sizeof *h))
        return lt_fail(err, LT_ECORRUPT, "%s: bytes behind the header", f->path);
    if (h->table_sum != lt_hash64(table, (size_t)(l->end - l->table)))
        return lt_fail(err, LT_ECORRUPT, "%s: the checksums fail their checksum", f->path);
    for (uint64_t at = BODY_AT; at < l->body_end; at += SUM_BYTES, table += 8) {
        uint64_t left = l->body_end - at, sum;

        memcpy(&sum, table, 8);
        if (sum != lt_hash64(f->bytes + at, (size_t)(left < SUM_BYTES ? left : SUM_BYTES)))
            return lt_fail(err, LT_ECORRUPT, "%s: damaged at byte %llu or the 64 KiB from there",
                           f->path, (unsigned long long)at);
    }
    return LT_OK;
}

static lt_status check_shape(const file *f, const header *h, const lt_hnsw_vectors *v,
                             bool other_element, lt_error *err)
{
    if (h->dims != v->dims || h->distance != (uint32_t)v->distance ||
        (!other_element && h->element != (uint32_t)v->element))
        return lt_fail(err, LT_ECONFLICT,
                       "%s: made for %u dimensions, distance %u, element %u; the vectors have %zu, "
                       "%d, %d",
                       f->path, h->dims, h->distance, h->element, v->dims, (int)v->distance,
                       (int)v->element);
    if (h->n_slots > (uint64_t)v->n_chunks * v->chunk_slots)
        return lt_fail(err, LT_ECONFLICT, "%s: has %u slots, there are %llu vectors", f->path,
                       h->n_slots, (unsigned long long)v->n_chunks * v->chunk_slots);
    return LT_OK;
}

/* A whole slab stays where it is in the map; the last, which inserts will fill, and all of them when
 * asked for, are copied. */
static lt_status place_nodes(lt_hnsw *g, const file *f, const header *h, const layout *l, bool copy,
                             lt_error *err)
{
    for (uint32_t first = 0; first < h->n_slots; first += CHUNK) {
        uint32_t c = first / CHUNK, n = h->n_slots - first < CHUNK ? h->n_slots - first : CHUNK;
        char *links = f->bytes + l->links + (size_t)first * g->m0 * sizeof(hnsw_link);
        char *indexes = f->bytes + l->indexes + (size_t)first * sizeof(hnsw_link);
        char *states = f->bytes + l->states + first;

        if (n == CHUNK && !copy) {
            atomic_store(&g->link_dir[c], (hnsw_link *)(void *)links);
            atomic_store(&g->block_index_dir[c], (hnsw_link *)(void *)indexes);
            atomic_store(&g->state_dir[c], (hnsw_state *)states);
            continue;
        }
        LT_TRY(lt_hnsw_make_node_slab(g, first, err));
        memcpy(plain(ground_links(g, first)), links, (size_t)n * g->m0 * sizeof(hnsw_link));
        memcpy(plain(block_index(g, first)), indexes, (size_t)n * sizeof(hnsw_link));
        memcpy(plain(state_of(g, first)), states, n);
    }
    return LT_OK;
}

static lt_status place_blocks(lt_hnsw *g, const file *f, const header *h, const layout *l, bool copy,
                              lt_error *err)
{
    for (uint32_t first = 0; first < h->n_blocks; first += BLOCKS) {
        uint32_t n = h->n_blocks - first < BLOCKS ? h->n_blocks - first : BLOCKS;
        char *blocks = f->bytes + l->blocks + (size_t)first * g->m * sizeof(hnsw_link);

        if (n == BLOCKS && !copy) {
            atomic_store(&g->block_dir[first / BLOCKS], (hnsw_link *)(void *)blocks);
            continue;
        }
        LT_TRY(lt_hnsw_make_block_slab(g, first, err));
        memcpy(plain(block_at(g, first)), blocks, (size_t)n * g->m * sizeof(hnsw_link));
    }
    return LT_OK;
}

/* The graph owns the map from its first slab on; `f` gives it up. */
static lt_status fill(lt_hnsw *g, file *f, const header *h, const layout *l, bool copy,
                      lt_error *err)
{
    g->n_blocks = h->n_blocks;
    atomic_store(&g->n_slots, h->n_slots);
    atomic_store(&g->n_present, h->n_present);
    atomic_store(&g->n_dead, h->n_dead);
    atomic_store(&g->covered, h->covered);
    atomic_store(&g->entry, h->entry);
    g->map = f->bytes;
    g->map_bytes = f->n;
    f->bytes = NULL;
    file held = {f->path, g->map, g->map_bytes};

    LT_TRY(place_nodes(g, &held, h, l, copy, err));
    LT_TRY(place_blocks(g, &held, h, l, copy, err));
    if (copy) {
        munmap(g->map, g->map_bytes);
        g->map = NULL;
    }
    return lt_hnsw_verify(g, err);
}

lt_status lt_hnsw_open(const char *path, const lt_hnsw_vectors *vectors,
                       const lt_hnsw_open_options *options, lt_hnsw **out, lt_error *err)
{
    LT_CLEANUP(unmap) file f = {.path = path};
    bool copy = options && options->in_memory;
    header h;
    lt_hnsw *g;

    LT_TRY(map_file(&f, !copy, err));
    LT_TRY(read_header(&f, &h, err));
    layout l = lay_out(h.n_slots, h.n_blocks, h.m);

    LT_TRY(check_sums(&f, &h, &l, err));
    LT_TRY(check_shape(&f, &h, vectors, options && options->other_element, err));
    lt_hnsw_config config = {h.m, h.ef_construct, h.seed};

    LT_TRY(lt_hnsw_alloc(vectors, &config, &g, err));
    lt_status st = fill(g, &f, &h, &l, copy, err);

    if (st != LT_OK) {
        lt_hnsw_free(g);
        return st;
    }
    *out = g;
    return LT_OK;
}
