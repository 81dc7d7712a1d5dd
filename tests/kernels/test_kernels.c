/* SPDX-License-Identifier: Apache-2.0
 * Every kernel of every level that this CPU has: floats against double, integers against scalar,
 * exactly; dimensions 0-130 and large ones, unaligned, zeros, extremes, NaN, infinities. */
#include <base/limits.h>
#include <base/mem.h>
#include <base/rng.h>
#include <math.h>
#include <simd/kern.h>
#include <string.h>

#include "../unit/lt_cmocka.h"

enum { BIG = LT_LIMIT_DIMS, PAD = 8 };

/* Runs a check for each level; says which are not there. */
static void each_level(void (*check)(const lt_kern *k))
{
    for (const char *const *name = lt_kern_names; *name; name++) {
        const lt_kern *k = lt_kern_named(*name);

        if (k)
            check(k);
        else
            print_message("level %s: not on this machine\n", *name);
    }
}

/* 0..130, then some large ones. */
static size_t next_dims(size_t n)
{
    static const size_t large[] = {255, 384, 511, 512, 1000, 1536, 4099, BIG - 1, BIG};

    if (n < 130)
        return n + 1;
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        if (large[i] > n)
            return large[i];
    return SIZE_MAX;
}

/* The block ends where the allocation does, so that reading past it is seen by ASan. */
static void *tail_of(void *block, size_t cap, size_t size, size_t n)
{
    return (char *)block + (cap - n) * size;
}

static float *random_floats(lt_rng *r, size_t n)
{
    float *v = lt_malloc(n * sizeof *v);

    for (size_t i = 0; i < n; i++)
        v[i] = (float)lt_rng_unit(r) - 0.5f;
    return v;
}

/* What a and b give in double: dot, l2, l1; and the sums of magnitudes, which bound the rounding. */
typedef struct want {
    double dot, l2, l1, size_dot;
} want;

static want reference(const float *a, const float *b, size_t n)
{
    want w = {0};

    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];

        w.dot += (double)a[i] * (double)b[i];
        w.size_dot += fabs((double)a[i] * (double)b[i]);
        w.l2 += d * d;
        w.l1 += fabs(d);
    }
    return w;
}

/* A sum of n terms in four or more strands errs by at most (n/4 + 8) roundings of its size. */
static void near(const lt_kern *k, const char *what, size_t n, float got, double expected,
                 double size)
{
    if (!(fabs((double)got - expected) <= 1.2e-7 * ((double)n / 4 + 8) * size + 1e-30))
        fail_msg("%s %s at %zu dims: %.9g, not %.9g", k->name, what, n, (double)got, expected);
}

/* ---- float32 --------------------------------------------------------------------------------- */

static void check_f32(const lt_kern *k)
{
    lt_rng r = {7};
    LT_AUTOFREE float *a0 = random_floats(&r, BIG), *b0 = random_floats(&r, BIG);

    for (size_t n = 0; n != SIZE_MAX; n = next_dims(n)) {
        const float *a = tail_of(a0, BIG, sizeof *a, n), *b = tail_of(b0, BIG, sizeof *b, n);
        want w = reference(a, b, n);

        near(k, "dot", n, k->dot(a, b, n), w.dot, w.size_dot);
        near(k, "l2", n, k->l2(a, b, n), w.l2, w.l2);
        near(k, "l1", n, k->l1(a, b, n), w.l1, w.l1);
    }
}

/* Batches of 0-9 rows at every dimension: strided and gathered, in an order that is not memory's. */
static void check_many(const lt_kern *k)
{
    enum { ROWS = 9 };
    lt_rng r = {8};
    LT_AUTOFREE float *query0 = random_floats(&r, BIG), *base0 = random_floats(&r, ROWS * 1000);

    for (size_t n = 0; n <= 130; n++) {
        size_t stride = n + n % 3;
        size_t used = n + (ROWS - 1) * stride;
        const float *query = tail_of(query0, BIG, sizeof *query, n);
        const float *base = tail_of(base0, ROWS * 1000, sizeof *base, used);
        const float *rows[ROWS];

        for (size_t i = 0; i < ROWS; i++)
            rows[i] = base + i * 5 % ROWS * stride;
        for (size_t m = 0; m <= ROWS; m++) {
            float many[3][ROWS + 1], gathered[3][ROWS + 1];

            for (size_t i = 0; i < 3; i++)
                many[i][m] = gathered[i][m] = 42;
            k->dot_many(query, base, stride, n, m, many[0]);
            k->l2_many(query, base, stride, n, m, many[1]);
            k->l1_many(query, base, stride, n, m, many[2]);
            k->dot_rows(query, rows, n, m, gathered[0]);
            k->l2_rows(query, rows, n, m, gathered[1]);
            k->l1_rows(query, rows, n, m, gathered[2]);
            for (size_t i = 0; i < m; i++) {
                want w = reference(query, base + i * stride, n), v = reference(query, rows[i], n);

                near(k, "dot_many", n, many[0][i], w.dot, w.size_dot);
                near(k, "l2_many", n, many[1][i], w.l2, w.l2);
                near(k, "l1_many", n, many[2][i], w.l1, w.l1);
                near(k, "dot_rows", n, gathered[0][i], v.dot, v.size_dot);
                near(k, "l2_rows", n, gathered[1][i], v.l2, v.l2);
                near(k, "l1_rows", n, gathered[2][i], v.l1, v.l1);
                float alone[3];

                k->dot_rows(query, rows + i, n, 1, &alone[0]);
                k->l2_rows(query, rows + i, n, 1, &alone[1]);
                k->l1_rows(query, rows + i, n, 1, &alone[2]);
                for (size_t j = 0; j < 3; j++)
                    assert_memory_equal(&alone[j], &gathered[j][i], sizeof(float));
            }
            for (size_t i = 0; i < 3; i++)
                assert_true(many[i][m] == 42 && gathered[i][m] == 42);
        }
    }
}

/* One odd element at each place of vectors of each length: none may get lost in a tail. */
static void check_special(const lt_kern *k)
{
    float a[70], b[70], out[5];

    for (size_t n = 1; n <= 70; n++) {
        for (size_t at = 0; at < n; at++) {
            const float *const rows[5] = {b, b, b, b, b};

            for (size_t i = 0; i < n; i++)
                a[i] = b[i] = 1;
            b[at] = NAN;
            assert_true(isnan(k->dot(a, b, n)) && isnan(k->l2(a, b, n)) && isnan(k->l1(b, a, n)));
            k->l2_rows(a, rows, n, 5, out);
            assert_true(isnan(out[0]) && isnan(out[3]) && isnan(out[4]));
            b[at] = INFINITY;
            assert_true(isinf(k->dot(a, b, n)) && k->l2(a, b, n) == INFINITY);
            assert_true(k->l1(a, b, n) == INFINITY);
            k->l1_rows(a, rows, n, 5, out);
            assert_true(out[0] == INFINITY && out[4] == INFINITY);
            a[at] = INFINITY;
            assert_true(isnan(k->l2(a, b, n)) && isnan(k->l1(a, b, n)));
            assert_true(k->dot(a, b, n) == INFINITY);
            a[at] = 0;
            assert_true(isnan(k->dot(a, b, n)));
            k->dot_rows(a, rows, n, 5, out);
            assert_true(isnan(out[0]) && isnan(out[3]) && isnan(out[4]));
        }
        memset(a, 0, sizeof a);
        assert_true(k->dot(a, a, n) == 0 && k->l2(a, a, n) == 0 && k->l1(a, a, n) == 0);
    }
    /* Subnormals are numbers, not zeros. */
    a[0] = 1e-40f;
    b[0] = 1;
    assert_true(k->dot(a, b, 1) == 1e-40f && k->l1(a, (float[]){0}, 1) == 1e-40f);
}

/* ---- float16 --------------------------------------------------------------------------------- */

static bool same_float(float a, float b)
{
    return isnan(a) ? isnan(b) : memcmp(&a, &b, sizeof a) == 0;
}

/* All 65,536 halves there and back; what lies between two of them goes to the nearer, a tie to the
 * even one. */
static void check_f16_values(const lt_kern *k)
{
    for (uint32_t h = 0; h < 65536; h++) {
        uint16_t in = (uint16_t)h, back;
        float value, twin;

        k->f32_from_f16(&in, &value, 1);
        lt_kern_named("scalar")->f32_from_f16(&in, &twin, 1);
        if (!same_float(value, twin))
            fail_msg("%s: half %04x is %g, not %g", k->name, h, (double)value, (double)twin);
        k->f16_from_f32(&value, &back, 1);
        if (isnan(value) ? (back & 0x7c00) != 0x7c00 || !(back & 0x3ff) : back != in)
            fail_msg("%s: half %04x came back as %04x", k->name, h, back);
        if ((h & 0x7fff) >= 0x7bff)
            continue;
        uint16_t up = (uint16_t)(h + 1);
        float next;

        k->f32_from_f16(&up, &next, 1);
        float middle = value / 2 + next / 2, cases[3] = {middle, nextafterf(middle, value),
                                                         nextafterf(middle, next)};
        uint16_t got[3], expect[3] = {in & 1 ? up : in, in, up};

        k->f16_from_f32(cases, got, 3);
        if (memcmp(got, expect, sizeof got) != 0)
            fail_msg("%s: rounding above %04x gives %04x %04x %04x", k->name, h, got[0], got[1],
                     got[2]);
    }
    float far[4] = {65519.9f, 65520, 1e30f, -INFINITY};
    uint16_t got[4];

    k->f16_from_f32(far, got, 4);
    assert_int_equal(got[0], 0x7bff);
    assert_int_equal(got[1], 0x7c00);
    assert_int_equal(got[2], 0x7c00);
    assert_int_equal(got[3], 0xfc00);
}

static void check_f16(const lt_kern *k)
{
    lt_rng r = {9};
    LT_AUTOFREE float *a0 = random_floats(&r, BIG), *b0 = random_floats(&r, BIG);
    LT_AUTOFREE float *back0 = lt_malloc(BIG * sizeof *back0);
    LT_AUTOFREE uint16_t *h0 = lt_malloc(BIG * sizeof *h0);

    for (size_t n = 0; n != SIZE_MAX; n = next_dims(n)) {
        const float *a = tail_of(a0, BIG, sizeof *a, n), *b = tail_of(b0, BIG, sizeof *b, n);
        float *back = tail_of(back0, BIG, sizeof *back, n);
        uint16_t *h = tail_of(h0, BIG, sizeof *h, n);

        k->f16_from_f32(b, h, n);
        k->f32_from_f16(h, back, n);
        for (size_t i = 0; i < n; i++)
            assert_true(fabsf(back[i] - b[i]) <= fabsf(b[i]) * 0x1p-11f + 0x1p-25f);
        want w = reference(a, back, n);

        /* Scalar sums in one strand. */
        near(k, "dot_f16", 4 * n, k->dot_f16(a, h, n), w.dot, w.size_dot);
        near(k, "l2_f16", 4 * n, k->l2_f16(a, h, n), w.l2, w.l2);
        near(k, "l1_f16", 4 * n, k->l1_f16(a, h, n), w.l1, w.l1);
        if (n == 0 || n > 130)
            continue;
        h[n - 1] = 0x7e00;
        assert_true(isnan(k->dot_f16(a, h, n)) && isnan(k->l2_f16(a, h, n)));
        assert_true(isnan(k->l1_f16(a, h, n)));
        h[n - 1] = 0xfc00;
        assert_true(k->l2_f16(a, h, n) == INFINITY && k->l1_f16(a, h, n) == INFINITY);
    }
}

/* ---- bytes, bits ----------------------------------------------------------------------------- */

static void check_bytes_of(const lt_kern *k, const uint8_t *a, const uint8_t *b, size_t n)
{
    const lt_kern *s = lt_kern_named("scalar");
    const int8_t *ia = (const int8_t *)a, *ib = (const int8_t *)b;
    uint64_t dot = 0, l2 = 0, l1 = 0;
    int64_t idot = 0;

    for (size_t i = 0; i < n; i++) {
        int d = a[i] - b[i];

        dot += (uint64_t)a[i] * b[i];
        l2 += (uint64_t)(d * d);
        l1 += (uint64_t)(d < 0 ? -d : d);
        idot += ia[i] * ib[i];
    }
    if (k->dot_u8(a, b, n) != dot || s->dot_u8(a, b, n) != dot)
        fail_msg("%s dot_u8 at %zu", k->name, n);
    if (k->l2_u8(a, b, n) != l2 || s->l2_u8(a, b, n) != l2)
        fail_msg("%s l2_u8 at %zu", k->name, n);
    if (k->l1_u8(a, b, n) != l1 || s->l1_u8(a, b, n) != l1)
        fail_msg("%s l1_u8 at %zu", k->name, n);
    if (k->dot_i8(ia, ib, n) != idot || s->dot_i8(ia, ib, n) != idot)
        fail_msg("%s dot_i8 at %zu", k->name, n);
}

static void check_bytes(const lt_kern *k)
{
    static const uint8_t extremes[] = {0, 255, 128, 127, 1};
    lt_rng r = {10};
    LT_AUTOFREE uint8_t *a0 = lt_malloc(BIG), *b0 = lt_malloc(BIG);

    for (size_t i = 0; i < BIG; i++) {
        a0[i] = (uint8_t)lt_rng_next(&r);
        b0[i] = (uint8_t)lt_rng_next(&r);
    }
    for (size_t n = 0; n != SIZE_MAX; n = next_dims(n))
        check_bytes_of(k, tail_of(a0, BIG, 1, n), tail_of(b0, BIG, 1, n), n);
    for (size_t x = 0; x < sizeof extremes; x++)
        for (size_t y = 0; y < sizeof extremes; y++) {
            memset(a0, extremes[x], BIG);
            memset(b0, extremes[y], BIG);
            check_bytes_of(k, a0, b0, BIG);
            check_bytes_of(k, a0 + 3, b0 + 1, 97);
        }
}

static void check_bits(const lt_kern *k)
{
    enum { WORDS = 1100 };
    lt_rng r = {11};
    LT_AUTOFREE uint64_t *a0 = lt_malloc(WORDS * 8), *b0 = lt_malloc(WORDS * 8);

    for (size_t i = 0; i < WORDS; i++) {
        a0[i] = lt_rng_next(&r);
        b0[i] = lt_rng_next(&r);
    }
    for (size_t n = 0; n <= WORDS; n = n < 70 ? n + 1 : n + 515) {
        const uint64_t *a = tail_of(a0, WORDS, 8, n), *b = tail_of(b0, WORDS, 8, n);
        uint32_t bits = 0;

        for (size_t i = 0; i < n; i++)
            for (int bit = 0; bit < 64; bit++)
                bits += (a[i] >> bit & 1) != (b[i] >> bit & 1);
        assert_int_equal(k->hamming(a, b, n), bits);
        assert_int_equal(k->hamming(a, a, n), 0);
    }
    memset(a0, 0xff, WORDS * 8);
    memset(b0, 0, WORDS * 8);
    assert_int_equal(k->hamming(a0, b0, WORDS), WORDS * 64);
}

/* Five rows, so that the four of a step and the rest are both there. */
static void check_i8u8(const lt_kern *k)
{
    enum { ROWS = 5 };
    lt_rng r = {31};
    LT_AUTOFREE int8_t *query = lt_malloc(BIG);
    LT_AUTOFREE uint8_t *block = lt_malloc((size_t)ROWS * BIG);

    for (size_t n = 0; n != SIZE_MAX; n = next_dims(n)) {
        int8_t *q = tail_of(query, BIG, 1, n);
        const uint8_t *rows[ROWS];
        int32_t got[ROWS], expected[ROWS] = {0};

        for (size_t i = 0; i < n; i++)
            q[i] = n > 1000 ? (int8_t)127 : (int8_t)((int)lt_rng_below(&r, 256) - 128);
        for (size_t row = 0; row < ROWS; row++) {
            uint8_t *at = tail_of(block, (row + 1) * BIG, 1, n);

            for (size_t i = 0; i < n; i++) {
                at[i] = n > 1000 ? 255 : (uint8_t)lt_rng_below(&r, 256);
                expected[row] += q[i] * at[i];
            }
            rows[row] = at;
        }
        k->dot_i8u8_rows(q, rows, n, ROWS, got);
        if (memcmp(got, expected, sizeof got) != 0)
            fail_msg("%s dot_i8u8_rows at %zu", k->name, n);
    }
}

static void check_dot_bits(const lt_kern *k)
{
    enum { WORDS = 2 * BIG / 64 };
    lt_rng r = {32};
    LT_AUTOFREE uint64_t *planes = lt_calloc(8 * (size_t)WORDS, 8), *bits = lt_calloc(WORDS, 8);

    for (size_t n = 0; n <= WORDS; n = n < 20 ? n + 1 : n < WORDS ? WORDS : n + 1) {
        uint64_t *p = tail_of(planes, 8 * (size_t)WORDS, 8, 8 * n), *b = tail_of(bits, WORDS, 8, n);
        int32_t expected = 0;

        for (size_t i = 0; i < 8 * n; i++) /* the largest: all weights -128 */
            p[i] = n == WORDS ? (i % 8 == 7 ? ~(uint64_t)0 : 0) : lt_rng_next(&r);
        for (size_t w = 0; w < n; w++) {
            b[w] = n == WORDS ? ~(uint64_t)0 : lt_rng_next(&r);
            for (int bit = 0; bit < 64; bit++) {
                int weight = 0;

                for (int plane = 0; plane < 8; plane++)
                    weight |= (int)(p[8 * w + (size_t)plane] >> bit & 1) << plane;
                expected += b[w] >> bit & 1 ? (int8_t)weight : 0;
            }
        }
        if (k->dot_bits(p, b, n) != expected)
            fail_msg("%s dot_bits at %zu", k->name, n);
    }
}

/* ---- sparse ---------------------------------------------------------------------------------- */

static size_t random_indices(lt_rng *r, uint32_t *index, float *value, size_t n, uint64_t gap)
{
    uint64_t at = lt_rng_below(r, gap);
    size_t m = 0;

    for (; m < n && at <= UINT32_MAX; m++) {
        index[m] = (uint32_t)at;
        value[m] = (float)lt_rng_unit(r) - 0.5f;
        at += 1 + lt_rng_below(r, gap);
    }
    return m;
}

static double sparse_reference(const lt_sparse *a, const lt_sparse *b, double *size)
{
    double sum = 0;

    *size = 0;
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = 0; j < b->n; j++)
            if (a->index[i] == b->index[j]) {
                double p = (double)a->value[i] * (double)b->value[j];

                sum += p;
                *size += fabs(p);
            }
    return sum;
}

static void check_sparse(const lt_kern *k)
{
    enum { MOST = 300 };
    lt_rng r = {12};

    for (int round = 0; round < 400; round++) {
        size_t na = lt_rng_below(&r, MOST), nb = lt_rng_below(&r, round % 2 ? 20 : MOST);
        uint64_t gap = round % 5 == 0 ? 1u << 26 : 1 + lt_rng_below(&r, 8);
        LT_AUTOFREE uint32_t *ia = lt_malloc(na * 4), *ib = lt_malloc(nb * 4);
        LT_AUTOFREE float *va = lt_malloc(na * 4), *vb = lt_malloc(nb * 4);
        lt_sparse a = {ia, va, random_indices(&r, ia, va, na, gap)};
        lt_sparse b = {ib, vb, random_indices(&r, ib, vb, nb, gap)};
        double size, expected = sparse_reference(&a, &b, &size);

        near(k, "dot_sparse", 4 * MOST, k->dot_sparse(&a, &b), expected, size);
        near(k, "dot_sparse", 4 * MOST, k->dot_sparse(&b, &a), expected, size);
    }
    uint32_t last[1] = {UINT32_MAX}, zero[1] = {0};
    float one[1] = {1}, nan[1] = {NAN};

    assert_true(k->dot_sparse(&(lt_sparse){last, one, 1}, &(lt_sparse){last, one, 1}) == 1);
    assert_true(k->dot_sparse(&(lt_sparse){last, one, 1}, &(lt_sparse){zero, nan, 1}) == 0);
    assert_true(isnan(k->dot_sparse(&(lt_sparse){zero, one, 1}, &(lt_sparse){zero, nan, 1})));
    assert_true(k->dot_sparse(&(lt_sparse){NULL, NULL, 0}, &(lt_sparse){zero, nan, 1}) == 0);
}

/* ---------------------------------------------------------------------------------------------- */

#define TEST(name, check)           \
    static void name(void **state)  \
    {                               \
        (void)state;                \
        each_level(check);          \
    }

TEST(float32_agrees_with_double, check_f32)
TEST(batches_agree_with_double, check_many)
TEST(special_values_reach_the_result, check_special)
TEST(every_half_converts, check_f16_values)
TEST(float16_agrees_with_double, check_f16)
TEST(bytes_are_exact, check_bytes)
TEST(bits_are_exact, check_bits)
TEST(quantised_rows_are_exact, check_i8u8)
TEST(weighted_bits_are_exact, check_dot_bits)
TEST(sparse_agrees_with_double, check_sparse)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float32_agrees_with_double),
        cmocka_unit_test(batches_agree_with_double),
        cmocka_unit_test(special_values_reach_the_result),
        cmocka_unit_test(every_half_converts),
        cmocka_unit_test(float16_agrees_with_double),
        cmocka_unit_test(bytes_are_exact),
        cmocka_unit_test(bits_are_exact),
        cmocka_unit_test(quantised_rows_are_exact),
        cmocka_unit_test(weighted_bits_are_exact),
        cmocka_unit_test(sparse_agrees_with_double),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
