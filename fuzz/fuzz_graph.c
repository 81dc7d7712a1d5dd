/* SPDX-License-Identifier: Apache-2.0
 * A checkpoint of a graph, hostile: opened as it is, and again with all its checksums made right, so
 * that the rules of the graph are what stands in the way. What opens must be fit for use. */
#include <base/hash.h>
#include <base/mem.h>
#include <index/hnsw.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As in index/hnsw_codec.c, where the format is drawn. */
enum { BODY_AT = 4096, SUM_BYTES = 65536, HEADER_BYTES = 96, DIMS = 4, SLOTS = 256, FILE_MAX = 1 << 20 };

static uint32_t word_at(const uint8_t *p, size_t at)
{
    uint32_t w;

    memcpy(&w, p + at, sizeof w);
    return w;
}

static uint64_t aligned(uint64_t at)
{
    return (at + 63) / 64 * 64;
}

/* Lengthens or cuts the file to what its header says, and makes its checksums right. *n: its size; 0:
 * not sensible. */
static uint8_t *fix(const uint8_t *data, size_t size, size_t *n)
{
    uint64_t m = word_at(data, 24), slots = word_at(data, 40), blocks = word_at(data, 44);

    *n = 0;
    if (m > 64 || slots > SLOTS || blocks > SLOTS)
        return NULL;
    uint64_t at = aligned(BODY_AT + slots * 2 * m * 4);

    at = aligned(at + slots * 4);
    at = aligned(at + blocks * m * 4);
    uint64_t table = aligned(at + slots), end = table + (table - BODY_AT + SUM_BYTES - 1) / SUM_BYTES * 8;
    uint8_t *file = lt_calloc(1, end);

    if (!file)
        return NULL;
    memcpy(file, data, size < end ? size : end);
    memset(file + HEADER_BYTES, 0, BODY_AT - HEADER_BYTES);
    memcpy(file + 72, &end, 8);
    for (uint64_t from = BODY_AT, to = table; from < table; from += SUM_BYTES, to += 8) {
        uint64_t left = table - from, sum = lt_hash64(file + from, left < SUM_BYTES ? left : SUM_BYTES);

        memcpy(file + to, &sum, 8);
    }
    uint64_t sum = lt_hash64(file + table, end - table);

    memcpy(file + 80, &sum, 8);
    sum = lt_hash64(file, 88);
    memcpy(file + 88, &sum, 8);
    *n = (size_t)end;
    return file;
}

static void must(lt_status st)
{
    if (st != LT_OK)
        __builtin_trap();
}

static void use(lt_hnsw *g)
{
    static const float query[DIMS] = {1, 0, 0, 1};
    lt_hnsw_query q = LT_HNSW_QUERY_INIT;
    lt_scored out[10];
    const char *reason;
    size_t n;

    q.vector = query;
    must(lt_hnsw_search(g, &q, out, &n, NULL));
    uint32_t covered = lt_hnsw_covered(g);

    for (uint32_t slot = 0; slot < 8; slot++)
        must(lt_hnsw_delete(g, slot * 3, NULL));
    must(lt_hnsw_insert_range(g, covered, covered + 8 < SLOTS ? covered + 8 : SLOTS, NULL, 1, NULL));
    must(lt_hnsw_repair(g, 1, NULL));
    must(lt_hnsw_search(g, &q, out, &n, NULL));
    if (!lt_hnsw_check(g, &reason))
        __builtin_trap();
}

static void open_bytes(const uint8_t *bytes, size_t n)
{
    static float rows[SLOTS][8]; /* a stride of 32 bytes */
    const void *chunk = rows;
    lt_hnsw_vectors vectors = {&chunk, 1, SLOTS, sizeof *rows, DIMS, LT_DISTANCE_EUCLID,
                               LT_ELEMENT_F32};
    char path[40];
    lt_error err;
    lt_hnsw *g;
    int fd = memfd_create("graph", MFD_CLOEXEC);

    for (size_t i = 0; rows[1][0] == 0 && i < SLOTS; i++)
        for (size_t d = 0; d < DIMS; d++)
            rows[i][d] = (float)((i * 37 + d * 11) % 101 + 1);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        __builtin_trap();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (lt_hnsw_open(path, &vectors, NULL, &g, &err) == LT_OK) {
        use(g);
        lt_hnsw_free(g);
    } else if (err.message[0] == '\0') {
        __builtin_trap();
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n;

    if (size < BODY_AT || size > FILE_MAX)
        return 0;
    open_bytes(data, size);
    LT_AUTOFREE uint8_t *file = fix(data, size, &n);

    if (n)
        open_bytes(file, n);
    return 0;
}
