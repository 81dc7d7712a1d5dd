/* SPDX-License-Identifier: Apache-2.0
 * The layout is LMDB's 0.9 on 64-bit little-endian machines:
 *
 *   page     0 number u64; 10 flags u16; 12 lower u16, 14 upper u16 (overflow: 12 pages u32);
 *            16 places of its nodes, u16 each, up to `lower`; the nodes lie from `upper` on
 *   node     0 u16, 2 u16, 4 flags u16, 6 length of key u16, 8 key, data. Leaf: the first two are the
 *            data's length; branch: with the flags they are a page's number
 *   table    4 flags u16, 6 depth u16, 40 root u64; 48 bytes
 *   meta     behind a page's head: 0 magic, 24 table of free pages (its first u32 the page size),
 *            72 table of tables, 120 last page u64, 128 transaction u64 */
#include "pages.h"

#include <base/file.h>
#include <base/mem.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "env.h"

enum {
    HEAD = 16, NODE = 8, TABLE = 48, META_FREE = 24, META_MAIN = 72, META_LAST = 120, META_TXN = 128,
    BRANCH = 1, LEAF = 2, OVERFLOW = 4, BIG_DATA = 1, SUB_TABLE = 2, DUP_DATA = 4, DEPTH_MAX = 32
};
static const uint64_t NO_PAGE = UINT64_MAX;

typedef struct walk {
    const char *path;
    const char *map;
    size_t n_map;
    uint64_t page_size, n_pages; /* the pages of the commit */
    uint64_t *used;              /* a bit a page */
    bool is_free_list;           /* the table of free pages is walked */
} walk;

static uint16_t u16_at(const char *p)
{
    uint16_t x;

    memcpy(&x, p, sizeof x);
    return x;
}

static uint32_t u32_at(const char *p)
{
    uint32_t x;

    memcpy(&x, p, sizeof x);
    return x;
}

static uint64_t u64_at(const char *p)
{
    uint64_t x;

    memcpy(&x, p, sizeof x);
    return x;
}

static lt_status bad(const walk *w, uint64_t number, const char *what, lt_error *err)
{
    return lt_fail(err, LT_ECORRUPT, "%s: damaged: page %llu %s", w->path,
                   (unsigned long long)number, what);
}

/* Marks pages as used: each is by one alone. */
static lt_status take(walk *w, uint64_t first, uint64_t n, lt_error *err)
{
    if (first < 2 || first >= w->n_pages || n > w->n_pages - first)
        return bad(w, first, "does not exist, but is named", err);
    for (uint64_t i = first; i < first + n; i++) {
        if (w->used[i / 64] >> (i % 64) & 1)
            return bad(w, i, "is named twice", err);
        w->used[i / 64] |= (uint64_t)1 << (i % 64);
    }
    return LT_OK;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* A list of free pages: how many, then their numbers. */
static lt_status check_free_list(walk *w, uint64_t number, const char *data, uint64_t n,
                                 lt_error *err)
{
    uint64_t count = n >= 8 ? u64_at(data) : 0;

    if (n < 8 || count > n / 8 - 1)
        return bad(w, number, "has a list of free pages that is cut off", err);
    for (uint64_t i = 1; i <= count; i++)
        LT_TRY(take(w, u64_at(data + 8 * i), 1, err));
    return LT_OK;
}

static lt_status check_value(walk *w, uint64_t number, const char *data, uint64_t n, bool is_big,
                             lt_error *err)
{
    uint64_t first = number, n_pages = (n + HEAD + w->page_size - 1) / w->page_size;

    if (is_big) {
        first = u64_at(data);
        LT_TRY(take(w, first, n_pages, err));
        data = w->map + first * w->page_size;
        if (u64_at(data) != first || !(u16_at(data + 10) & OVERFLOW) || u32_at(data + 12) != n_pages)
            return bad(w, first, "is not the large value that it should be", err);
        data += HEAD;
    }
    return w->is_free_list ? check_free_list(w, first, data, n, err) : LT_OK;
}

/* ---- pages ----------------------------------------------------------------------------------- */

static lt_status check_page(walk *w, uint64_t number, unsigned depth, lt_error *err);

static lt_status check_table(walk *w, const char *table, lt_error *err)
{
    unsigned depth = u16_at(table + 6);
    uint64_t root = u64_at(table + 40);

    if (root == NO_PAGE)
        return LT_OK;
    if (depth < 1 || depth > DEPTH_MAX)
        return bad(w, root, "is the root of a table of no possible depth", err);
    return check_page(w, root, depth, err);
}

/* A node of a leaf; `room` bytes are left of the page from where it begins. */
static lt_status check_leaf_node(walk *w, uint64_t number, const char *node, uint64_t room,
                                 lt_error *err)
{
    unsigned flags = u16_at(node + 4);
    uint64_t n_key = u16_at(node + 6), n = u16_at(node) | (uint64_t)u16_at(node + 2) << 16;
    uint64_t n_here = flags & BIG_DATA ? 8 : n;

    if (n_key + n_here > room - NODE)
        return bad(w, number, "has a node that reaches over its end", err);
    if (flags & DUP_DATA || flags > (BIG_DATA | SUB_TABLE))
        return bad(w, number, "has a node of a kind that is not used", err);
    if (flags & SUB_TABLE)
        return n == TABLE && !(flags & BIG_DATA)
                   ? check_table(w, node + NODE + n_key, err)
                   : bad(w, number, "has a table's entry of a wrong size", err);
    return check_value(w, number, node + NODE + n_key, n, flags & BIG_DATA, err);
}

static lt_status check_node(walk *w, uint64_t number, const char *page, unsigned i, unsigned depth,
                            lt_error *err)
{
    uint64_t at = u16_at(page + HEAD + 2 * i);

    if (at < u16_at(page + 14) || at + NODE > w->page_size)
        return bad(w, number, "has a node outside", err);
    const char *node = page + at;

    if (depth == 1)
        return check_leaf_node(w, number, node, w->page_size - at, err);
    if (u16_at(node + 6) > w->page_size - at - NODE)
        return bad(w, number, "has a node that reaches over its end", err);
    return check_page(w,
                      u16_at(node) | (uint64_t)u16_at(node + 2) << 16 |
                          (uint64_t)u16_at(node + 4) << 32,
                      depth - 1, err);
}

/* `depth`: how many levels there are from this page down, 1 for a leaf. */
static lt_status check_page(walk *w, uint64_t number, unsigned depth, lt_error *err)
{
    LT_TRY(take(w, number, 1, err));
    const char *page = w->map + number * w->page_size;
    unsigned lower = u16_at(page + 12), upper = u16_at(page + 14);

    if (u64_at(page) != number)
        return bad(w, number, "has another page's number", err);
    if (u16_at(page + 10) != (depth == 1 ? LEAF : BRANCH))
        return bad(w, number, "is of another kind than its place says", err);
    if (lower < HEAD || lower % 2 || lower > upper || upper > w->page_size ||
        (depth > 1 && lower < HEAD + 4))
        return bad(w, number, "has bounds that cannot be", err);
    for (unsigned i = 0; i < (lower - HEAD) / 2; i++)
        LT_TRY(check_node(w, number, page, i, depth, err));
    return LT_OK;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* The meta page of the transaction that a reader sees: it stays as it is while there is the reader. */
static const char *find_meta(const walk *w, uint64_t txn)
{
    for (uint64_t i = 0; i < 2; i++) {
        const char *meta = w->map + i * w->page_size + HEAD;

        if (u64_at(meta + META_TXN) == txn)
            return meta;
    }
    return NULL;
}

static lt_status check_commit(walk *w, uint64_t txn, lt_error *err)
{
    const char *meta = find_meta(w, txn);

    if (!meta)
        return LT_OK; /* a newer one is there already; it was written by who checks what it reads */
    w->n_pages = u64_at(meta + META_LAST) + 1;
    if (w->n_pages < 2 || w->n_pages > w->n_map / w->page_size)
        return lt_fail(err, LT_ECORRUPT, "%s: is cut off: %zu bytes, %llu pages expected", w->path,
                       w->n_map, (unsigned long long)w->n_pages);
    w->used = lt_calloc((size_t)(w->n_pages / 64 + 1), sizeof *w->used);
    if (!w->used)
        return lt_fail_nomem(err);
    w->is_free_list = true;
    LT_TRY(check_table(w, meta + META_FREE, err));
    w->is_free_list = false;
    return check_table(w, meta + META_MAIN, err);
}

static lt_status map_and_check(lt_env *env, walk *w, lt_error *err)
{
    LT_CLEANUP(lt_fd_close) int fd = open(w->path, O_RDONLY | O_CLOEXEC);
    MDB_stat shape;
    MDB_txn *txn;
    struct stat st;

    if (fd < 0)
        return lt_fail_errno(err, LT_EIO, errno, "%s", w->path);
    LT_TRY(lt_env_begin(env, false, &txn, err));
    lt_status result = LT_OK;
    int code = mdb_env_stat(env->mdb, &shape);
    void *map = MAP_FAILED;

    if (code)
        result = lt_env_fail(env, code, "reading", err);
    else if (fstat(fd, &st) < 0 ||
             (map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0)) == MAP_FAILED)
        result = lt_fail_errno(err, LT_EIO, errno, "%s", w->path);
    if (map != MAP_FAILED) {
        w->map = map;
        w->n_map = (size_t)st.st_size;
        w->page_size = shape.ms_psize;
        result = check_commit(w, (uint64_t)mdb_txn_id(txn), err);
        munmap(map, w->n_map);
    }
    lt_env_end(env, txn);
    return result;
}

lt_status lt_pages_check(const char *path, lt_error *err)
{
    walk w = {.path = path};
    lt_env env;

    LT_TRY(lt_env_open(&env, path, true, false, 16, err));
    lt_status st = map_and_check(&env, &w, err);

    lt_env_close(&env);
    lt_free(w.used);
    return st;
}
