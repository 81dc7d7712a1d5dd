/* SPDX-License-Identifier: Apache-2.0
 * The graph: small and odd cases, what is refused, the file against hostile bytes, random
 * operations against a model, every allocation failing once. Recall: tests/recall. */
#include <base/buf.h>
#include <base/file.h>
#include <base/hash.h>
#include <base/limits.h>
#include <stdio.h>
#include <unistd.h>

#include "hnsw_fixture.h"

enum { DIMS = 12 };
#define NONE_LINK 0xffffffffu

static uint64_t seed_of_run(void)
{
    const char *text = getenv("LT_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : 20260;

    print_message("seed %llu (LT_SEED repeats it)\n", (unsigned long long)seed);
    return seed;
}

static size_t search(lt_hnsw *g, const void *query, size_t k, size_t ef, const uint64_t *allowed,
                     uint32_t n_slots, lt_scored *out)
{
    lt_hnsw_query q = {query, k, ef, allowed, n_slots, 0, 1, NULL};
    size_t n = SIZE_MAX;
    lt_error e;

    assert_ok(lt_hnsw_search(g, &q, out, &n, &e), &e);
    return n;
}

static void insert_all(lt_hnsw *g, uint32_t n)
{
    lt_error e;

    assert_ok(lt_hnsw_insert_range(g, 0, n, NULL, 1, &e), &e);
}

/* ---- files ----------------------------------------------------------------------------------- */

static char dir[32], path[64];

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/lt-hnsw-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/graph", dir);
    return 0;
}

static int drop_dir(void **state)
{
    (void)state;
    return lt_dir_remove(dir, NULL);
}

static void save(lt_hnsw *g)
{
    lt_error e;

    assert_ok(lt_hnsw_save(g, path, &e), &e);
}

static lt_status try_open(const fixture *f, bool in_memory, lt_hnsw **g, lt_error *e)
{
    lt_hnsw_vectors v = fix_vectors(f);
    lt_hnsw_open_options o = {in_memory, false};

    return lt_hnsw_open(path, &v, &o, g, e);
}

static lt_hnsw *reopened(const fixture *f, bool in_memory)
{
    lt_hnsw *g = NULL;
    lt_error e;

    assert_ok(try_open(f, in_memory, &g, &e), &e);
    return g;
}

static lt_buf read_file(void)
{
    lt_buf b = {0};
    lt_error e;

    assert_ok(lt_file_read(path, 1 << 26, &b, &e), &e);
    return b;
}

/* Without a sync: this is done thousands of times. */
static void write_file(const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    fclose(file);
}

/* ---- small graphs ---------------------------------------------------------------------------- */

static void small_graphs(void **state)
{
    (void)state;
    lt_rng r = {1};
    fixture f;
    lt_scored out[10];

    fix_init(&f, &r, 50, DIMS, LT_DISTANCE_EUCLID, LT_ELEMENT_F32);
    for (uint32_t n = 0; n <= 5; n++) {
        lt_hnsw *g = fix_graph(&f, 4, 10);

        insert_all(g, n);
        fix_check(g);
        for (int round = 0; round < 3; round++) { /* as built, mapped, read */
            assert_int_equal(search(g, fix_at(&f, 7), 10, 10, NULL, UINT32_MAX, out), n);
            for (uint32_t i = 0; i < n; i++) {
                assert_int_equal(search(g, fix_at(&f, i), 1, 1, NULL, UINT32_MAX, out), 1);
                assert_int_equal(out[0].slot, i);
                assert_true(out[0].score == 0);
            }
            assert_int_equal(lt_hnsw_covered(g), n);
            save(g);
            lt_hnsw_free(g);
            g = reopened(&f, round == 1);
            fix_check(g);
        }
        lt_hnsw_free(g);
    }
    fix_done(&f);
    lt_hnsw_free(NULL);
}

static void identical_vectors(void **state)
{
    (void)state;
    enum { SAME = 400 };
    lt_rng r = {2};
    fixture f;
    lt_scored out[SAME];

    for (lt_distance d = LT_DISTANCE_COSINE; d <= LT_DISTANCE_MANHATTAN; d++) {
        fix_init(&f, &r, SAME + 100, DIMS, d, LT_ELEMENT_F32);
        for (size_t i = 1; i < SAME; i++)
            memcpy(fix_at(&f, i), fix_at(&f, 0), f.stride);
        lt_hnsw *g = fix_graph(&f, 8, 50);

        insert_all(g, SAME + 100);
        fix_check(g);
        assert_int_equal(search(g, fix_at(&f, 0), 10, 50, NULL, UINT32_MAX, out), 10);
        for (size_t i = 0; i < 10; i++)
            assert_true(out[i].slot < SAME);
        size_t found = 0;

        for (uint32_t i = SAME; i < SAME + 100; i++) {
            lt_scored best = {0};

            assert_int_equal(fix_exact(&f, fix_at(&f, i), f.n, NULL, 1, &best), 1);
            assert_int_equal(search(g, fix_at(&f, i), 1, 50, NULL, UINT32_MAX, out), 1);
            found += out[0].score >= best.score - 1e-5f;
        }
        /* The group is larger than ef_construct and in their way: a few may get lost, not more. */
        assert_true(found >= 95);
        lt_hnsw_free(g);
        fix_done(&f);
    }
}

static void numbers_that_are_none(void **state)
{
    (void)state;
    lt_rng r = {3};
    fixture f;
    lt_scored out[10];

    fix_init(&f, &r, 300, DIMS, LT_DISTANCE_EUCLID, LT_ELEMENT_F32);
    ((float *)fix_at(&f, 17))[3] = NAN;
    ((float *)fix_at(&f, 18))[5] = INFINITY;
    ((float *)fix_at(&f, 0))[0] = NAN;
    lt_hnsw *g = fix_graph(&f, 8, 50);

    insert_all(g, 300);
    fix_check(g);
    for (uint32_t i = 20; i < 40; i++) {
        assert_int_equal(search(g, fix_at(&f, i), 10, 50, NULL, UINT32_MAX, out), 10);
        assert_int_equal(out[0].slot, i);
    }
    assert_int_equal(search(g, fix_at(&f, 17), 10, 50, NULL, UINT32_MAX, out), 10);
    lt_hnsw_free(g);
    fix_done(&f);
}

static void a_build_can_be_repeated(void **state)
{
    (void)state;
    lt_rng r = {4};
    fixture f;

    fix_init(&f, &r, 700, DIMS, LT_DISTANCE_COSINE, LT_ELEMENT_F32);
    lt_hnsw *a = fix_graph(&f, 8, 40), *b = fix_graph(&f, 8, 40);

    insert_all(a, 700);
    insert_all(b, 700);
    save(a);
    LT_CLEANUP(lt_buf_done) lt_buf x = read_file();

    save(b);
    LT_CLEANUP(lt_buf_done) lt_buf y = read_file();

    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.data, y.data, x.len);
    lt_hnsw_free(b);
    b = reopened(&f, false);
    save(b); /* over the file that it maps */
    lt_buf_done(&y);
    y = read_file();
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.data, y.data, x.len);
    lt_hnsw_free(a);
    lt_hnsw_free(b);
    fix_done(&f);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void expect_fail(lt_status got, lt_status want, const lt_error *e, const char *part)
{
    if (got != want || !strstr(e->message, part))
        fail_msg("status %d, '%s': expected %d, '%s'", got, e->message, want, part);
}

static void bad_arguments(void **state)
{
    (void)state;
    lt_rng r = {5};
    fixture f;
    lt_error e;
    lt_hnsw *g = NULL;
    lt_scored out[4];
    size_t n;

    fix_init(&f, &r, 20, DIMS, LT_DISTANCE_COSINE, LT_ELEMENT_F32);
    lt_hnsw_vectors v = fix_vectors(&f), w;
    lt_hnsw_config c = LT_HNSW_CONFIG_INIT, d;

    d = (lt_hnsw_config){1, 10, 1};
    expect_fail(lt_hnsw_new(&v, &d, &g, &e), LT_EINVAL, &e, "m is 1");
    d = (lt_hnsw_config){LT_LIMIT_HNSW_M + 1, 10, 1};
    expect_fail(lt_hnsw_new(&v, &d, &g, &e), LT_EINVAL, &e, "m is 129");
    d = (lt_hnsw_config){8, 0, 1};
    expect_fail(lt_hnsw_new(&v, &d, &g, &e), LT_EINVAL, &e, "ef_construct is 0");
    w = v;
    w.chunk_slots = 1000;
    expect_fail(lt_hnsw_new(&w, &c, &g, &e), LT_EINVAL, &e, "power of two");
    w = v;
    w.stride = 4 * DIMS - 1;
    expect_fail(lt_hnsw_new(&w, &c, &g, &e), LT_EINVAL, &e, "47 apart");
    w = v;
    w.dims = 0;
    expect_fail(lt_hnsw_new(&w, &c, &g, &e), LT_EINVAL, &e, "0 dimensions");
    w = v;
    w.element = LT_ELEMENT_I8;
    w.distance = LT_DISTANCE_EUCLID;
    expect_fail(lt_hnsw_new(&w, &c, &g, &e), LT_EINVAL, &e, "signed bytes");
    assert_null(g);

    g = fix_graph(&f, 4, 10);
    insert_all(g, 10);
    expect_fail(lt_hnsw_insert(g, 3, &e), LT_EEXISTS, &e, "slot 3");
    expect_fail(lt_hnsw_insert(g, FIX_CHUNK, &e), LT_EINVAL, &e, "slot 1024 has no vector");
    expect_fail(lt_hnsw_insert(g, LT_LIMIT_HNSW_SLOTS, &e), LT_ELIMIT, &e, "slot 2147483646");
    expect_fail(lt_hnsw_delete(g, UINT32_MAX, &e), LT_ELIMIT, &e, "slot 4294967295");
    assert_ok(lt_hnsw_delete(g, 3, &e), &e);
    assert_ok(lt_hnsw_delete(g, 3, &e), &e);
    expect_fail(lt_hnsw_insert(g, 3, &e), LT_EEXISTS, &e, "was deleted");
    assert_ok(lt_hnsw_delete(g, 12, &e), &e);
    expect_fail(lt_hnsw_insert(g, 12, &e), LT_EEXISTS, &e, "was deleted");
    assert_int_equal(lt_hnsw_covered(g), 10);
    assert_ok(lt_hnsw_insert(g, 11, &e), &e);
    assert_int_equal(lt_hnsw_covered(g), 10);
    assert_ok(lt_hnsw_insert(g, 10, &e), &e);
    assert_int_equal(lt_hnsw_covered(g), 13);

    lt_hnsw_query q = LT_HNSW_QUERY_INIT;

    expect_fail(lt_hnsw_search(g, &q, out, &n, &e), LT_EINVAL, &e, "no vector");
    q.vector = fix_at(&f, 0);
    q.k = 0;
    expect_fail(lt_hnsw_search(g, &q, out, &n, &e), LT_EINVAL, &e, "k is 0");
    q.k = 4;
    q.ef = LT_LIMIT_HNSW_EF + 1;
    expect_fail(lt_hnsw_search(g, &q, out, &n, &e), LT_EINVAL, &e, "ef is 65537");
    fix_check(g);
    lt_hnsw_free(g);
    fix_done(&f);
}

/* ---- hostile files --------------------------------------------------------------------------- */

/* The format, told a second time: where parts lie. */
typedef struct parts {
    size_t n_slots, n_blocks, m, links, indexes, blocks, states, body_end;
} parts;

static uint32_t u32_at(const lt_buf *b, size_t at)
{
    uint32_t v;

    memcpy(&v, b->data + at, 4);
    return v;
}

static void put_u32(lt_buf *b, size_t at, uint32_t v)
{
    memcpy(b->data + at, &v, 4);
}

static size_t up(size_t at)
{
    return (at + 63) / 64 * 64;
}

static parts parts_of(const lt_buf *b)
{
    parts p = {u32_at(b, 40), u32_at(b, 44), u32_at(b, 24), 4096, 0, 0, 0, 0};

    p.indexes = up(p.links + p.n_slots * p.m * 8);
    p.blocks = up(p.indexes + p.n_slots * 4);
    p.states = up(p.blocks + p.n_blocks * p.m * 4);
    p.body_end = up(p.states + p.n_slots);
    return p;
}

/* Makes all checksums right again, as one who means harm would. */
static void sign(lt_buf *b, const parts *p)
{
    uint64_t sum;

    for (size_t at = 4096, to = p->body_end; at < p->body_end; at += 65536, to += 8) {
        sum = lt_hash64(b->data + at, p->body_end - at < 65536 ? p->body_end - at : 65536);
        memcpy(b->data + to, &sum, 8);
    }
    sum = lt_hash64(b->data + p->body_end, b->len - p->body_end);
    memcpy(b->data + 80, &sum, 8);
    sum = lt_hash64(b->data, 88);
    memcpy(b->data + 88, &sum, 8);
}

static void use(const fixture *f, lt_hnsw *g)
{
    lt_scored out[10];
    lt_error e;

    fix_check(g);
    for (uint32_t i = 0; i < 5; i++)
        search(g, fix_at(f, i * 7), 10, 30, NULL, UINT32_MAX, out);
    for (uint32_t i = 0; i < 5; i++) {
        lt_status st = lt_hnsw_insert(g, 380 + i, &e);

        assert_true(st == LT_OK || st == LT_EEXISTS);
    }
    fix_check(g);
}

typedef struct hostile {
    fixture f;
    lt_buf bytes; /* of a good file */
    parts p;
} hostile;

static hostile make_hostile(void)
{
    lt_rng r = {6};
    hostile h = {0};
    lt_error e;

    fix_init(&h.f, &r, 400, DIMS, LT_DISTANCE_COSINE, LT_ELEMENT_F32);
    lt_hnsw *g = fix_graph(&h.f, 4, 30);

    insert_all(g, 350);
    for (uint32_t i = 0; i < 350; i += 9)
        assert_ok(lt_hnsw_delete(g, i, &e), &e);
    assert_ok(lt_hnsw_repair(g, 1, &e), &e);
    for (uint32_t i = 1; i < 350; i += 30)
        assert_ok(lt_hnsw_delete(g, i, &e), &e);
    save(g);
    lt_hnsw_free(g);
    h.bytes = read_file();
    h.p = parts_of(&h.bytes);
    assert_true(h.p.n_blocks > 20 && h.bytes.len > h.p.body_end);
    return h;
}

static void drop_hostile(hostile *h)
{
    lt_buf_done(&h->bytes);
    fix_done(&h->f);
}

static void damage_is_seen(void **state)
{
    (void)state;
    hostile h = make_hostile();
    lt_rng r = {seed_of_run()};
    lt_hnsw *g = NULL;
    lt_error e;

    for (int round = 0; round < 600; round++) {
        size_t at = lt_rng_below(&r, h.bytes.len), bit = lt_rng_below(&r, 8);

        if (round < 96)
            at = (size_t)round; /* all of the header */
        h.bytes.data[at] = (char)(h.bytes.data[at] ^ 1 << bit);
        write_file(h.bytes.data, h.bytes.len);
        lt_status st = try_open(&h.f, round % 2, &g, &e);

        if (st != LT_ECORRUPT || !strstr(e.message, path))
            fail_msg("a flipped bit at byte %zu: status %d, '%s'", at, st, e.message);
        h.bytes.data[at] = (char)(h.bytes.data[at] ^ 1 << bit);
    }
    for (int round = 0; round < 200; round++) {
        size_t n = lt_rng_below(&r, round % 2 ? h.bytes.len : 5000);

        write_file(h.bytes.data, n);
        expect_fail(try_open(&h.f, round % 2, &g, &e), LT_ECORRUPT, &e, path);
    }
    LT_CLEANUP(lt_buf_done) lt_buf longer = {0};

    assert_ok(lt_buf_add(&longer, h.bytes.data, h.bytes.len, &e), &e);
    assert_ok(lt_buf_adds(&longer, "x", &e), &e);
    write_file(longer.data, longer.len);
    expect_fail(try_open(&h.f, false, &g, &e), LT_ECORRUPT, &e, "expected");
    write_file(h.bytes.data, h.bytes.len);
    g = reopened(&h.f, false);
    use(&h.f, g);
    lt_hnsw_free(g);
    drop_hostile(&h);
}

/* Random changes with right checksums: refused, or a graph that can be used. */
static void lies_are_seen(void **state)
{
    (void)state;
    hostile h = make_hostile();
    lt_rng r = {seed_of_run()};
    int opened = 0, refused = 0;

    for (int round = 0; round < 1500; round++) {
        LT_CLEANUP(lt_buf_done) lt_buf b = {0};
        lt_hnsw *g = NULL;
        lt_error e;

        assert_ok(lt_buf_add(&b, h.bytes.data, h.bytes.len, &e), &e);
        for (uint64_t n = 1 + lt_rng_below(&r, 3); n > 0; n--) {
            size_t from = round % 3 == 0 ? 8 : round % 3 == 1 ? h.p.indexes : 4096;
            size_t to = round % 3 == 0 ? 72 : h.p.body_end;
            size_t at = from + lt_rng_below(&r, to - from);

            if (lt_rng_below(&r, 2))
                b.data[at] = (char)(b.data[at] ^ 1 << lt_rng_below(&r, 8));
            else
                put_u32(&b, at / 4 * 4, (uint32_t)lt_rng_below(&r, 400));
        }
        sign(&b, &h.p);
        write_file(b.data, b.len);
        if (try_open(&h.f, round % 2, &g, &e) == LT_OK) {
            use(&h.f, g);
            lt_hnsw_free(g);
            opened++;
        } else {
            assert_true(strlen(e.message) > 0);
            refused++;
        }
    }
    print_message("%d were refused, %d could be used\n", refused, opened);
    assert_true(refused > 500 && opened > 20);
    drop_hostile(&h);
}

/* A slot's list on the ground layer. */
static size_t list_at(const parts *p, uint32_t slot)
{
    return p->links + slot * p->m * 8;
}

/* Slots by what they are: 2 gives a present one on the ground layer alone, and so on. */
static uint32_t slot_with(const lt_buf *b, const parts *p, int kind, bool upper)
{
    for (uint32_t i = 0; i < p->n_slots; i++) {
        int s = (unsigned char)b->data[p->states + i];

        if (s >> 4 == kind && (s & 15) == (upper ? 1 : 0) && u32_at(b, list_at(p, i)) != NONE_LINK)
            return i;
    }
    fail_msg("no such slot");
    return 0;
}

static void refuse(const hostile *h, lt_buf *b, const char *part)
{
    lt_hnsw *g = NULL;
    lt_error e;

    sign(b, &h->p);
    write_file(b->data, b->len);
    expect_fail(try_open(&h->f, false, &g, &e), LT_ECORRUPT, &e, part);
    memcpy(b->data, h->bytes.data, b->len);
}

static void each_lie_has_its_name(void **state)
{
    (void)state;
    hostile h = make_hostile();
    LT_CLEANUP(lt_buf_done) lt_buf b = {0};
    lt_error e;
    const parts *p = &h.p;

    assert_ok(lt_buf_add(&b, h.bytes.data, h.bytes.len, &e), &e);
    uint32_t low = slot_with(&b, p, 2, false), high = slot_with(&b, p, 2, true), gone = 0;
    uint32_t block = u32_at(&b, p->indexes + high * 4);

    assert_int_equal((unsigned char)b.data[p->states] >> 4, 4); /* slot 0 was taken out */
    put_u32(&b, list_at(p, low), low);
    refuse(&h, &b, "links to itself");
    put_u32(&b, list_at(p, low) + 4, u32_at(&b, list_at(p, low)));
    refuse(&h, &b, "twice");
    put_u32(&b, list_at(p, low), (uint32_t)p->n_slots);
    refuse(&h, &b, "behind the last");
    put_u32(&b, list_at(p, low), gone);
    refuse(&h, &b, "no node");
    put_u32(&b, list_at(p, low), NONE_LINK);
    put_u32(&b, list_at(p, low) + 4, high);
    refuse(&h, &b, "behind the end");
    put_u32(&b, p->blocks + block * p->m * 4, low);
    refuse(&h, &b, "does not reach");
    put_u32(&b, p->indexes + high * 4, (uint32_t)p->n_blocks);
    refuse(&h, &b, "last block");
    put_u32(&b, p->indexes + high * 4, UINT32_MAX);
    refuse(&h, &b, "last block");
    for (uint32_t i = high + 1; i < p->n_slots; i++)
        if (b.data[p->states + i] == 0x21) {
            put_u32(&b, p->indexes + i * 4, block);
            break;
        }
    refuse(&h, &b, "same upper links");
    b.data[p->states + low] = 0x10;
    refuse(&h, &b, "no known state");
    b.data[p->states + low] = (char)0xa0;
    refuse(&h, &b, "no known state");
    b.data[p->states + low] = 0x2f; /* a level without its blocks */
    refuse(&h, &b, "the graph has");
    put_u32(&b, 48, (uint32_t)p->n_slots);
    refuse(&h, &b, "entry");
    put_u32(&b, 48, low);
    refuse(&h, &b, "entry");
    put_u32(&b, 48, 0);
    put_u32(&b, 52, 0);
    refuse(&h, &b, "no entry");
    put_u32(&b, 60, u32_at(&b, 60) + 1);
    refuse(&h, &b, "count");
    put_u32(&b, 56, 1);
    refuse(&h, &b, "covered");
    put_u32(&b, 24, 1);
    refuse(&h, &b, "bounds");
    put_u32(&b, 24, 1000);
    refuse(&h, &b, "bounds");
    put_u32(&b, 40, UINT32_MAX);
    refuse(&h, &b, "bounds");
    put_u32(&b, 44, UINT32_MAX);
    refuse(&h, &b, "bounds");
    put_u32(&b, 44, (uint32_t)p->n_blocks + 1000);
    refuse(&h, &b, "expected");
    b.data[200] = 1;
    refuse(&h, &b, "behind the header");
    drop_hostile(&h);
}

static void another_file(void **state)
{
    (void)state;
    hostile h = make_hostile();
    lt_hnsw *g = NULL;
    lt_error e;
    fixture other = h.f;

    other.dims = DIMS - 1;
    expect_fail(try_open(&other, false, &g, &e), LT_ECONFLICT, &e, "12 dimensions");
    other.dims = DIMS;
    other.distance = LT_DISTANCE_EUCLID;
    expect_fail(try_open(&other, false, &g, &e), LT_ECONFLICT, &e, "distance 0");
    other.distance = LT_DISTANCE_COSINE;
    other.n_chunks = 0;
    expect_fail(try_open(&other, false, &g, &e), LT_ECONFLICT, &e, "there are 0 vectors");
    put_u32(&h.bytes, 8, 2);
    sign(&h.bytes, &h.p);
    write_file(h.bytes.data, h.bytes.len);
    expect_fail(try_open(&h.f, false, &g, &e), LT_EVERSION, &e, "format 2");
    write_file("", 0);
    expect_fail(try_open(&h.f, false, &g, &e), LT_ECORRUPT, &e, "not a graph file");
    unlink(path);
    expect_fail(try_open(&h.f, false, &g, &e), LT_ENOTFOUND, &e, path);
    assert_null(g);
    g = fix_graph(&h.f, 4, 10);
    LT_AUTOFREE char *nowhere = lt_path_join(dir, "no/such/graph");

    expect_fail(lt_hnsw_save(g, nowhere, &e), LT_EIO, &e, "cannot create");
    lt_hnsw_free(g);
    drop_hostile(&h);
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* The life of a graph; the first failure ends it. */
static lt_status live(const fixture *f, lt_error *e)
{
    lt_hnsw_vectors v = fix_vectors(f);
    lt_hnsw_config c = {4, 10, 1};
    lt_hnsw *g = NULL;
    lt_scored out[5];
    size_t n;
    lt_hnsw_query q = {fix_at(f, 0), 5, 10, NULL, UINT32_MAX, 0, 0, NULL};
    lt_status st = lt_hnsw_new(&v, &c, &g, e);

    if (st == LT_OK)
        st = lt_hnsw_insert_range(g, 0, 60, NULL, 1, e);
    if (st == LT_OK)
        st = lt_hnsw_delete(g, 5, e);
    if (st == LT_OK)
        st = lt_hnsw_repair(g, 1, e);
    if (st == LT_OK)
        st = lt_hnsw_save(g, path, e);
    lt_hnsw_free(g);
    g = NULL;
    if (st == LT_OK)
        st = try_open(f, false, &g, e);
    if (st == LT_OK)
        st = lt_hnsw_search(g, &q, out, &n, e);
    lt_hnsw_free(g);
    return st;
}

static void memory_may_be_short(void **state)
{
    (void)state;
    lt_rng r = {8};
    fixture f;
    lt_error e;
    long failures = 0;

    fix_init(&f, &r, 80, DIMS, LT_DISTANCE_COSINE, LT_ELEMENT_F32);
    for (;; failures++) {
        lt_mem_fail_at(failures, false);
        lt_status st = live(&f, &e);

        lt_mem_fail_at(-1, false);
        if (st == LT_OK)
            break;
        assert_int_equal(st, LT_ENOMEM);
    }
    print_message("%ld allocations failed in turn\n", failures);
    assert_true(failures > 30);
    fix_done(&f);
}

/* A failed insert can be tried again. */
static void a_failed_insert_leaves_no_trace(void **state)
{
    (void)state;
    lt_rng r = {9};
    fixture f;
    lt_error e;

    fix_init(&f, &r, 80, DIMS, LT_DISTANCE_COSINE, LT_ELEMENT_F32);
    lt_hnsw *g = fix_graph(&f, 4, 10);

    lt_mem_fail_at(0, true);
    assert_int_equal(lt_hnsw_insert(g, 0, &e), LT_ENOMEM);
    assert_int_equal(lt_hnsw_insert_range(g, 0, 80, NULL, 1, &e), LT_ENOMEM);
    lt_mem_fail_at(-1, false);
    fix_check(g);
    assert_int_equal(lt_hnsw_covered(g), 0);
    insert_all(g, 80);
    assert_int_equal(lt_hnsw_covered(g), 80);
    fix_check(g);
    lt_hnsw_free(g);
    fix_done(&f);
}

/* ---- random operations ----------------------------------------------------------------------- */

enum { MODEL = 900 };

typedef struct model {
    fixture f;
    lt_hnsw *g;
    uint64_t present[MODEL / 64 + 1], used[MODEL / 64 + 1];
} model;

static void model_insert(model *m, uint32_t slot)
{
    lt_error e;
    lt_status st = lt_hnsw_insert(m->g, slot, &e);

    assert_int_equal(st, bit_of(m->used, slot) ? LT_EEXISTS : LT_OK);
    if (st == LT_OK) {
        set_bit(m->present, slot, true);
        set_bit(m->used, slot, true);
    }
}

static void model_delete(model *m, uint32_t slot)
{
    lt_error e;

    assert_ok(lt_hnsw_delete(m->g, slot, &e), &e);
    set_bit(m->present, slot, false);
    set_bit(m->used, slot, true);
}

/* What is returned is there, allowed, in order and as much as there can be. */
static void model_search(model *m, lt_rng *r)
{
    uint64_t allowed[MODEL / 64 + 1];
    uint32_t permille = (uint32_t)lt_rng_below(r, 1000), n_slots = MODEL;
    bool filtered = lt_rng_below(r, 3) > 0;
    size_t k = 1 + lt_rng_below(r, 20), expected = 0;
    lt_scored out[20];

    if (lt_rng_below(r, 4) == 0)
        n_slots = (uint32_t)lt_rng_below(r, MODEL + 1);
    for (size_t i = 0; i < MODEL; i++)
        set_bit(allowed, i, !filtered || lt_rng_below(r, 1000) < permille);
    for (size_t i = 0; i < n_slots; i++)
        expected += bit_of(allowed, i) && bit_of(m->present, i);
    lt_hnsw_query q = {fix_at(&m->f, lt_rng_below(r, MODEL)), k, 1 + lt_rng_below(r, 60),
                       filtered ? allowed : NULL, n_slots, 0, (uint32_t)lt_rng_below(r, 2), NULL};
    size_t n;
    lt_error e;

    assert_ok(lt_hnsw_search(m->g, &q, out, &n, &e), &e);
    /* Slots cut off without a filter are the tail that the caller scans: they may cost places. */
    if (filtered || n_slots == MODEL)
        assert_int_equal(n, expected < k ? expected : k);
    for (size_t i = 0; i < n; i++) {
        assert_true(out[i].slot < n_slots && bit_of(allowed, out[i].slot));
        assert_true(bit_of(m->present, out[i].slot));
        assert_true(i == 0 || out[i - 1].score >= out[i].score);
        for (size_t j = 0; j < i; j++)
            assert_true(out[j].slot != out[i].slot);
    }
}

static void model_step(model *m, lt_rng *r)
{
    uint64_t what = lt_rng_below(r, 100);
    uint32_t slot = (uint32_t)lt_rng_below(r, MODEL);
    lt_error e;

    if (what < 50) {
        model_insert(m, slot);
    } else if (what < 65) {
        model_delete(m, slot);
    } else if (what < 95) {
        model_search(m, r);
    } else if (what < 97) {
        assert_ok(lt_hnsw_repair(m->g, 1, &e), &e);
    } else {
        save(m->g);
        lt_hnsw_free(m->g);
        m->g = reopened(&m->f, what == 98);
    }
    if (what >= 90 || lt_rng_below(r, 20) == 0)
        fix_check(m->g);
}

static void random_operations(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();

    for (uint64_t round = 0; round < 8; round++) {
        lt_rng r = {seed + round};
        model m = {0};

        fix_init(&m.f, &r, MODEL, DIMS, (lt_distance)(round % 4), LT_ELEMENT_F32);
        m.g = fix_graph(&m.f, (unsigned)(2 + lt_rng_below(&r, 10)),
                        (unsigned)(1 + lt_rng_below(&r, 60)));
        for (int step = 0; step < 1200; step++)
            model_step(&m, &r);
        fix_check(m.g);
        for (size_t i = 0; i < MODEL; i++)
            if (!bit_of(m.used, i))
                model_insert(&m, (uint32_t)i);
        assert_int_equal(lt_hnsw_covered(m.g), MODEL);
        lt_hnsw_free(m.g);
        fix_done(&m.f);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(small_graphs),
        TEST(identical_vectors),
        TEST(numbers_that_are_none),
        TEST(a_build_can_be_repeated),
        TEST(bad_arguments),
        TEST(damage_is_seen),
        TEST(lies_are_seen),
        TEST(each_lie_has_its_name),
        TEST(another_file),
        TEST(memory_may_be_short),
        TEST(a_failed_insert_leaves_no_trace),
        TEST(random_operations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
