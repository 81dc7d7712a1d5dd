/* SPDX-License-Identifier: Apache-2.0
 * cmocka with the headers it wants before it. */
#ifndef LT_TESTS_CMOCKA_H
#define LT_TESTS_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Fails with the error's text when a call did not succeed. */
#define assert_ok(call, err)                                                  \
    do {                                                                      \
        if ((call) != 0)                                                      \
            fail_msg("%s: %s", #call, (err)->message);                        \
    } while (0)

#endif
