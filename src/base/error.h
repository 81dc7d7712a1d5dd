/* SPDX-License-Identifier: Apache-2.0
 * Errors: filling the caller's lt_error, assertions. See latent.h for the codes. */
#ifndef LT_BASE_ERROR_H
#define LT_BASE_ERROR_H

#include <latent.h>

/* Writes code and formatted message to err (NULL allowed) and returns the code:
 *   return lt_fail(err, LT_ENOTFOUND, "collection '%s' not found", name);
 * Control characters of the message are replaced by '?' and broken UTF-8 is kept out, so that a
 * hostile file name cannot disturb a terminal. */
lt_status lt_fail(lt_error *err, lt_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As lt_fail with ": <strerror(errnum)>" behind it. ENOMEM gives LT_ENOMEM, all else `code`. */
lt_status lt_fail_errno(lt_error *err, lt_status code, int errnum, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "out of memory" as LT_ENOMEM. */
lt_status lt_fail_nomem(lt_error *err);

/* Ends the process with the place of a broken internal promise. */
_Noreturn void lt_assert_failed(const char *expression, const char *file, int line);
#define LT_ASSERT(e) ((e) ? (void)0 : lt_assert_failed(#e, __FILE__, __LINE__))

/* Passes a lower failure up as it is. */
#define LT_TRY(call)                   \
    do {                               \
        lt_status lt_try_st_ = (call); \
        if (lt_try_st_ != LT_OK)       \
            return lt_try_st_;         \
    } while (0)

#endif
