/* SPDX-License-Identifier: Apache-2.0
 * The choice of the kernels. What they compute: tests/kernels. */
#include <simd/kern.h>
#include <stdlib.h>
#include <string.h>

#include "lt_cmocka.h"

static void tables_are_whole(void **state)
{
    (void)state;
    size_t n = 0;

    for (const char *const *name = lt_kern_names; *name; name++) {
        const lt_kern *k = lt_kern_named(*name);
        const void *members[sizeof *k / sizeof(void *)];

        if (!k)
            continue;
        assert_string_equal(k->name, *name);
        memcpy(members, k, sizeof members);
        for (size_t i = 0; i < sizeof members / sizeof *members; i++)
            assert_non_null(members[i]);
        n++;
    }
    assert_true(n >= 1);
    assert_non_null(lt_kern_named("scalar"));
    assert_null(lt_kern_named("abacus"));
}

/* LT_CPU is read at the first call, which is this one. */
static void a_level_can_be_asked_for(void **state)
{
    (void)state;
    setenv("LT_CPU", "scalar", 1);
    assert_string_equal(lt_kern_get()->name, "scalar");
    setenv("LT_CPU", "avx2", 1);
    assert_string_equal(lt_kern_get()->name, "scalar");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_whole),
        cmocka_unit_test(a_level_can_be_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
