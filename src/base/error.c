/* SPDX-License-Identifier: Apache-2.0
 * Errors are plain data in the caller's storage: no thread-local state and no allocation, so that
 * reporting "out of memory" cannot fail and a binding may move the struct between threads. */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

/* One printable line of valid UTF-8, whatever names went into it. */
static void clean_line(char *text)
{
    size_t n = strlen(text), out = 0;

    for (size_t i = 0; i < n;) {
        uint32_t cp;
        bool valid;
        size_t used = lt_utf8_decode(text + i, n - i, &cp, &valid);
        bool control = cp < 0x20 || (cp >= 0x7f && cp < 0xa0);

        if (!valid || control)
            text[out++] = '?';
        else
            for (size_t k = 0; k < used; k++)
                text[out++] = text[i + k];
        i += used;
    }
    text[out] = '\0';
}

static void format_message(lt_error *err, lt_status code, const char *format, va_list args)
{
    err->code = code;
    int n = vsnprintf(err->message, sizeof err->message, format, args);

    if (n < 0)
        err->message[0] = '\0';
    clean_line(err->message);
}

lt_status lt_fail(lt_error *err, lt_status code, const char *format, ...)
{
    if (err) {
        va_list args;

        va_start(args, format);
        format_message(err, code, format, args);
        va_end(args);
    }
    return code;
}

lt_status lt_fail_errno(lt_error *err, lt_status code, int errnum, const char *format, ...)
{
    if (errnum == ENOMEM)
        code = LT_ENOMEM;
    if (err) {
        va_list args;
        char why[128];

        va_start(args, format);
        format_message(err, code, format, args);
        va_end(args);
        size_t n = strlen(err->message);
        snprintf(err->message + n, sizeof err->message - n, ": %s",
                 strerror_r(errnum, why, sizeof why));
    }
    return code;
}

lt_status lt_fail_nomem(lt_error *err)
{
    return lt_fail(err, LT_ENOMEM, "out of memory");
}

void lt_assert_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "latent: internal error: %s at %s:%d; please report it\n", expression, file,
            line);
    abort();
}

const char *lt_status_name(lt_status code)
{
    static const char *const names[] = {
        "LT_OK",      "LT_EINVAL", "LT_ENOTFOUND", "LT_EEXISTS",  "LT_ECONFLICT",
        "LT_ELIMIT",  "LT_ENOMEM", "LT_EIO",       "LT_ECORRUPT", "LT_EVERSION",
        "LT_EBUSY",   "LT_ECANCELED", "LT_EUNSUPPORTED", "LT_EVALIDATION",
    };

    if (code > 0 || code < LT_EVALIDATION)
        return "LT_?";
    return names[-code];
}
