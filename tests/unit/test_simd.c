/* SPDX-License-Identifier: Apache-2.0
 * Every kernel of every level against double. */
#include <base/rng.h>
#include <math.h>
#include <simd/kern.h>
#include <string.h>

#include "lt_cmocka.h"

enum { MAX_DIMS = 5000 };

static void reference(const float *a, const float *b, size_t n, double out[3])
{
    out[0] = out[1] = out[2] = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];

        out[0] += (double)a[i] * (double)b[i];
        out[1] += d * d;
        out[2] += fabs(d);
    }
}

static void near(float got, double want, size_t n, const char *what)
{
    if (!(fabs((double)got - want) <= 1e-6 * (double)(n + 10)))
        fail_msg("%s at %zu dims: %g, not %g", what, n, (double)got, want);
}

static void check_level(const lt_kern *k)
{
    static float a[MAX_DIMS + 8], b[MAX_DIMS + 8];
    lt_rng r = {7};
    double want[3];

    for (size_t i = 0; i < MAX_DIMS + 8; i++) {
        a[i] = (float)lt_rng_unit(&r) - 0.5f;
        b[i] = (float)lt_rng_unit(&r) - 0.5f;
    }
    for (size_t n = 0; n <= MAX_DIMS; n = n < 130 ? n + 1 : n + 1623) {
        for (size_t shift = 0; shift < 3; shift++) { /* unaligned too */
            reference(a + shift, b + 1, n, want);
            near(k->dot(a + shift, b + 1, n), want[0], n, k->name);
            near(k->l2(a + shift, b + 1, n), want[1], n, k->name);
            near(k->l1(a + shift, b + 1, n), want[2], n, k->name);
        }
    }
    float out[3];

    k->dot_many(a, b, 100, 90, 3, out);
    for (size_t i = 0; i < 3; i++) {
        reference(a, b + 100 * i, 90, want);
        near(out[i], want[0], 90, "dot_many");
    }
    float bad[20] = {0};

    assert_true(k->dot(bad, bad, 20) == 0);
    bad[19] = NAN;
    assert_true(isnan(k->dot(bad, a, 20)) && isnan(k->l2(bad, a, 20)) && isnan(k->l1(bad, a, 20)));
    bad[19] = INFINITY;
    assert_true(isinf(k->l2(bad, a, 20)) && isinf(k->l1(bad, a, 20)));
}

static void every_level_agrees_with_double(void **state)
{
    (void)state;
    static const char *const names[] = {"scalar", "avx2", "avx512", "neon"};
    int checked = 0;

    for (size_t i = 0; i < 4; i++) {
        const lt_kern *k = lt_kern_named(names[i]);

        if (!k) {
            print_message("level %s: not on this machine\n", names[i]);
            continue;
        }
        assert_string_equal(k->name, names[i]);
        check_level(k);
        checked++;
    }
    assert_true(checked >= 1);
    assert_non_null(lt_kern_get());
    assert_null(lt_kern_named("abacus"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_level_agrees_with_double)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
