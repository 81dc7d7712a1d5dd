/* SPDX-License-Identifier: Apache-2.0
 * Quantisers: estimates against true distances, storing, refusals, want of memory. */
#include <base/mem.h>
#include <base/rng.h>
#include <math.h>
#include <quant/quant.h>
#include <stdlib.h>
#include <string.h>

#include "lt_cmocka.h"

enum { N = 1600, QUERIES = 12, K = 10 };

static const lt_quant_config SCALAR = {LT_QUANT_SCALAR, 1, 0, 0, 0};

typedef struct data {
    size_t dims;
    float *rows, *queries;
} data;

/* Clusters away from the origin; of unit length for cosine. */
static data make_data(size_t dims, lt_distance distance, uint64_t seed)
{
    data d = {dims, lt_calloc(N * dims, sizeof(float)), lt_calloc(QUERIES * dims, sizeof(float))};
    lt_rng r = {seed};

    for (size_t i = 0; i < N + QUERIES; i++) {
        float *row = i < N ? d.rows + i * dims : d.queries + (i - N) * dims;
        lt_rng centre = {lt_rng_below(&r, 8) + 1};
        double norm = 0;

        for (size_t k = 0; k < dims; k++) {
            row[k] = 0.3f + lt_rng_normal(&centre) + 0.7f * lt_rng_normal(&r);
            norm += (double)row[k] * (double)row[k];
        }
        for (size_t k = 0; distance == LT_DISTANCE_COSINE && k < dims; k++)
            row[k] = (float)((double)row[k] / sqrt(norm));
    }
    return d;
}

static void free_data(data *d)
{
    lt_free(d->rows);
    lt_free(d->queries);
}

static double true_distance(lt_distance distance, const float *a, const float *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double x = (double)a[i], y = (double)b[i];

        sum += distance == LT_DISTANCE_EUCLID      ? (x - y) * (x - y)
               : distance == LT_DISTANCE_MANHATTAN ? fabs(x - y)
                                                   : -x * y;
    }
    return sum;
}

/* How many of `want`, the true nearest, are among the m nearest by the estimates; and by how much
 * these are off, as a part of the spread of the true distances. */
typedef struct verdict {
    double recall, error;
} verdict;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The m-th smallest. */
static double border(const double *distances, size_t m)
{
    static double sorted[N];

    memcpy(sorted, distances, sizeof sorted);
    qsort(sorted, N, sizeof *sorted, by_value);
    return sorted[m - 1];
}

static verdict judge(const lt_quant *q, lt_distance distance, const data *d, size_t m)
{
    size_t stride = (lt_quant_code_bytes(q) + 7) / 8 * 8, hits = 0;
    LT_AUTOFREE char *codes = lt_alloc_aligned(N, stride);
    LT_AUTOFREE const void **at = lt_calloc(N, sizeof *at);
    LT_AUTOFREE float *estimates = lt_calloc(N, sizeof *estimates);
    LT_AUTOFREE double *truth = lt_calloc(N, sizeof *truth), *guess = lt_calloc(N, sizeof *guess);
    double off = 0, sum = 0, squares = 0;
    lt_error e;

    for (size_t i = 0; i < N; i++) {
        lt_quant_encode(q, d->rows + i * d->dims, codes + i * stride);
        at[i] = codes + i * stride;
    }
    for (size_t k = 0; k < QUERIES; k++) {
        const float *query = d->queries + k * d->dims;
        lt_quant_query *prepared;

        assert_ok(lt_quant_query_new(q, query, &prepared, &e), &e);
        lt_quant_distances(prepared, at, N, estimates);
        lt_quant_query_free(prepared);
        for (size_t i = 0; i < N; i++) {
            truth[i] = true_distance(distance, query, d->rows + i * d->dims, d->dims);
            guess[i] = (double)estimates[i];
            off += (truth[i] - guess[i]) * (truth[i] - guess[i]);
            sum += truth[i];
            squares += truth[i] * truth[i];
        }
        double true_border = border(truth, K), guess_border = border(guess, m);

        for (size_t i = 0; i < N; i++)
            hits += truth[i] <= true_border && guess[i] <= guess_border;
    }
    double n = (double)N * QUERIES;

    return (verdict){(double)hits / (QUERIES * K), sqrt(off / (squares - sum * sum / n))};
}

static void expect(const char *what, lt_quant_config c, lt_distance distance, size_t dims, size_t m,
                   double recall, double error)
{
    data d = make_data(dims, distance, 7);
    lt_quant *q;
    lt_error e;

    assert_ok(lt_quant_train(&c, distance, dims, d.rows, N, &q, &e), &e);
    verdict v = judge(q, distance, &d, m);

    print_message("  %-22s %3zu dims, distance %d: %.3f of the true 10 in %zu, off by %.3f\n", what,
                  dims, (int)distance, v.recall, m, v.error);
    if (v.recall < recall || v.error > error)
        fail_msg("%s: recall %.3f, error %.3f", what, v.recall, v.error);
    lt_quant_free(q);
    free_data(&d);
}

static void bytes_are_near_the_truth(void **state)
{
    lt_quant_config cut = SCALAR;

    (void)state;
    cut.quantile = 0.99f;
    for (lt_distance m = LT_DISTANCE_COSINE; m <= LT_DISTANCE_MANHATTAN; m++) {
        expect("scalar", SCALAR, m, 48, 20, 0.99, 0.02);
        expect("scalar", SCALAR, m, 7, 20, 0.97, 0.03);
        expect("scalar, quantile 0.99", cut, m, 48, 20, 0.95, 0.15);
    }
}

static void bits_rank_near_the_truth(void **state)
{
    static const struct {
        const char *name;
        unsigned half_bits, query_bits;
        double recall, error;
    } cases[] = {
        {"1 bit", 2, 1, 0.2, 0.5},           {"1 bit, 4-bit query", 2, 4, 0.27, 0.45},
        {"1 bit, 8-bit query", 2, 8, 0.27, 0.45}, {"1.5 bits, 8-bit query", 3, 8, 0.34, 0.38},
        {"2 bits", 4, 1, 0.29, 0.42},        {"2 bits, 8-bit query", 4, 8, 0.41, 0.32},
    };

    (void)state;
    for (lt_distance m = LT_DISTANCE_COSINE; m <= LT_DISTANCE_MANHATTAN; m++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            expect(cases[i].name,
                   (lt_quant_config){LT_QUANT_BINARY, 0, cases[i].half_bits, cases[i].query_bits, 0},
                   m, 128, 20, cases[i].recall, cases[i].error);
}

static void products_rank_near_the_truth(void **state)
{
    static const struct {
        unsigned ratio;
        double recall, error;
    } cases[] = {{4, 0.98, 0.03}, {8, 0.93, 0.07}, {16, 0.6, 0.18}, {64, 0.3, 0.33}};

    (void)state;
    for (lt_distance m = LT_DISTANCE_DOT; m <= LT_DISTANCE_EUCLID; m++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            expect("product", (lt_quant_config){LT_QUANT_PRODUCT, 0, 0, 0, cases[i].ratio}, m, 26, 20,
                   cases[i].recall, cases[i].error);
}

/* ---- storing, refusing ----------------------------------------------------------------------- */

static const lt_quant_config one_of_each[] = {
    {LT_QUANT_SCALAR, 0.95f, 0, 0, 0},
    {LT_QUANT_BINARY, 0, 3, 8, 0},
    {LT_QUANT_PRODUCT, 0, 0, 0, 16},
};

static void what_is_read_back_is_the_same(void **state)
{
    data d = make_data(33, LT_DISTANCE_EUCLID, 3);
    lt_error e;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        LT_CLEANUP(lt_buf_done) lt_buf first = {0}, second = {0};
        lt_quant *q, *again;
        char a[64] = {0}, b[64] = {0};

        assert_ok(lt_quant_train(&one_of_each[i], LT_DISTANCE_EUCLID, 33, d.rows, N, &q, &e), &e);
        assert_ok(lt_quant_write(q, &first, &e), &e);
        assert_ok(lt_quant_read(first.data, first.len, &again, &e), &e);
        assert_true(lt_quant_same_config(lt_quant_get_config(q), lt_quant_get_config(again)));
        assert_ok(lt_quant_write(again, &second, &e), &e);
        assert_int_equal(first.len, second.len);
        assert_memory_equal(first.data, second.data, first.len);
        lt_quant_encode(q, d.queries, a);
        lt_quant_encode(again, d.queries, b);
        assert_memory_equal(a, b, lt_quant_code_bytes(q));
        lt_quant_free(q);
        lt_quant_free(again);
    }
    free_data(&d);
}

static void damaged_bytes_are_refused(void **state)
{
    data d = make_data(9, LT_DISTANCE_DOT, 3);
    const float nan_value = NAN, zero = 0;
    lt_error e;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        LT_CLEANUP(lt_buf_done) lt_buf b = {0};
        lt_quant *q = NULL;

        assert_ok(lt_quant_train(&one_of_each[i], LT_DISTANCE_DOT, 9, d.rows, N, &q, &e), &e);
        assert_ok(lt_quant_write(q, &b, &e), &e);
        lt_quant_free(q);
        for (size_t n = 0; n < b.len; n += n < 40 ? 1 : 97)
            assert_int_equal(lt_quant_read(b.data, n, &q, &e), LT_ECORRUPT);
        for (size_t field = 0; field < 36; field += 4) { /* each of the head's fields */
            LT_CLEANUP(lt_buf_done) lt_buf bad = {0};

            assert_ok(lt_buf_add(&bad, b.data, b.len, &e), &e);
            memset(bad.data + field, 0xff, 4);
            if (lt_quant_read(bad.data, bad.len, &q, &e) == LT_OK)
                lt_quant_free(q); /* of another kind: it is not looked at */
            else
                assert_int_equal(e.code, LT_ECORRUPT);
        }
        memcpy(b.data + 36 + 4, &nan_value, 4);
        assert_int_equal(lt_quant_read(b.data, b.len, &q, &e), LT_ECORRUPT);
        memcpy(b.data + 36 + 4, &zero, 4);
        memcpy(b.data + 36, &zero, 4);
        assert_int_equal(lt_quant_read(b.data, b.len, &q, &e), i == 0 ? LT_ECORRUPT : LT_OK);
        if (i > 0)
            lt_quant_free(q);
    }
    free_data(&d);
}

static void impossible_configs_are_refused(void **state)
{
    static const lt_quant_config bad[] = {
        {LT_QUANT_NONE, 1, 2, 8, 4},   {(lt_quant_kind)9, 1, 2, 8, 4}, {LT_QUANT_SCALAR, 0.5f, 0, 0, 0},
        {LT_QUANT_SCALAR, 2, 0, 0, 0}, {LT_QUANT_BINARY, 0, 5, 8, 0},  {LT_QUANT_BINARY, 0, 2, 3, 0},
        {LT_QUANT_PRODUCT, 0, 0, 0, 2}, {LT_QUANT_PRODUCT, 0, 0, 0, 24},
    };
    const float row[2] = {1, 2};
    lt_quant *q;
    lt_error e;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(lt_quant_train(&bad[i], LT_DISTANCE_DOT, 2, row, 1, &q, &e), LT_EINVAL);
    assert_int_equal(lt_quant_train(&SCALAR, LT_DISTANCE_DOT, 2, row, 0, &q, &e), LT_EINVAL);
    assert_int_equal(lt_quant_train(&SCALAR, LT_DISTANCE_DOT, 0, row, 1, &q, &e), LT_EINVAL);
    assert_int_equal(lt_quant_train(&SCALAR, (lt_distance)7, 2, row, 1, &q, &e), LT_EINVAL);
}

/* One vector, all alike, huge and tiny ones: no estimate, but no trap either. */
static void odd_samples_are_survived(void **state)
{
    static const float rows[][4] = {{0, 0, 0, 0}, {1, 1, 1, 1}, {3e38f, -3e38f, 3e38f, 0},
                                    {1e-45f, 0, 1e-45f, 0}};
    lt_error e;

    (void)state;
    for (lt_distance m = LT_DISTANCE_COSINE; m <= LT_DISTANCE_MANHATTAN; m++)
        for (size_t i = 0; i < 4; i++)
            for (size_t kind = 0; kind < 3; kind++) {
                uint64_t code[8];
                const void *at = code;
                lt_quant_query *query;
                lt_quant *q;
                float out;

                assert_ok(lt_quant_train(&one_of_each[kind], m, 4, rows[i], 1, &q, &e), &e);
                for (size_t k = 0; k < 4; k++) {
                    lt_quant_encode(q, rows[k], code);
                    assert_ok(lt_quant_query_new(q, rows[3 - k], &query, &e), &e);
                    lt_quant_distances(query, &at, 1, &out);
                    lt_quant_query_free(query);
                }
                lt_quant_free(q);
            }
}

static void want_of_memory_is_said(void **state)
{
    data d = make_data(9, LT_DISTANCE_DOT, 3);
    lt_error e;

    (void)state;
    for (size_t kind = 0; kind < 3; kind++)
        for (long n = 0;; n++) {
            lt_quant *q = NULL;
            lt_quant_query *query = NULL;

            lt_mem_fail_at(n, false);
            lt_status st = lt_quant_train(&one_of_each[kind], LT_DISTANCE_DOT, 9, d.rows, 300, &q, &e);

            if (st == LT_OK)
                st = lt_quant_query_new(q, d.queries, &query, &e);
            lt_mem_fail_at(-1, false);
            lt_quant_query_free(query);
            lt_quant_free(q);
            if (st == LT_OK)
                break;
            assert_int_equal(st, LT_ENOMEM);
        }
    free_data(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_near_the_truth),
        cmocka_unit_test(bits_rank_near_the_truth),
        cmocka_unit_test(products_rank_near_the_truth),
        cmocka_unit_test(what_is_read_back_is_the_same),
        cmocka_unit_test(damaged_bytes_are_refused),
        cmocka_unit_test(impossible_configs_are_refused),
        cmocka_unit_test(odd_samples_are_survived),
        cmocka_unit_test(want_of_memory_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
