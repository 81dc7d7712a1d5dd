/* SPDX-License-Identifier: Apache-2.0 */
#include "fields.h"

#include <base/mem.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the document ---------------------------------------------------------------------------- */

static void *json_malloc(void *context, size_t size)
{
    (void)context;
    return lt_malloc(size);
}

static void *json_realloc(void *context, void *p, size_t old_size, size_t size)
{
    (void)context;
    (void)old_size;
    return lt_realloc(p, size, 1);
}

static void json_free(void *context, void *p)
{
    (void)context;
    lt_free(p);
}

lt_status lt_tokenizer_json_read(const char *json, size_t n, const char *name, yyjson_doc **out,
                                 lt_error *err)
{
    const yyjson_alc memory = {json_malloc, json_realloc, json_free, NULL};
    yyjson_read_err why;
    /* The text is written to only with YYJSON_READ_INSITU, whatever the parameter's type says. */
    yyjson_doc *doc =
        yyjson_read_opts((char *)(uintptr_t)json, n, YYJSON_READ_NUMBER_AS_RAW, &memory, &why);

    if (!doc && why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return lt_fail_nomem(err);
    if (!doc)
        return lt_fail(err, LT_EINVAL, "%s: not valid JSON at byte %zu: %s", name, why.pos,
                       why.msg);
    if (!yyjson_is_obj(yyjson_doc_get_root(doc))) {
        yyjson_doc_free(doc);
        return lt_fail(err, LT_EINVAL, "%s: a JSON object is expected", name);
    }
    *out = doc;
    return LT_OK;
}

void lt_tokenizer_json_free(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
    *doc = NULL;
}

/* ---- fields ---------------------------------------------------------------------------------- */

lt_status lt_field_string(yyjson_val *object, const char *key, const lt_part *where,
                          const char **out, size_t *n, lt_error *err)
{
    yyjson_val *value = yyjson_obj_get(object, key);

    if (!yyjson_is_str(value))
        return lt_fail(err, LT_EINVAL, "%s: %s: '%s' %s", where->file, where->part, key,
                       value ? "is not a string" : "is missing");
    *out = yyjson_get_str(value);
    *n = yyjson_get_len(value);
    return LT_OK;
}

lt_status lt_field_bool(yyjson_val *object, const char *key, bool absent, const lt_part *where,
                        bool *out, lt_error *err)
{
    yyjson_val *value = yyjson_obj_get(object, key);

    if (value && !yyjson_is_bool(value) && !yyjson_is_null(value))
        return lt_fail(err, LT_EINVAL, "%s: %s: '%s' is not true or false", where->file,
                       where->part, key);
    *out = yyjson_is_bool(value) ? yyjson_get_bool(value) : absent;
    return LT_OK;
}

lt_status lt_field_array(yyjson_val *object, const char *key, const lt_part *where,
                         yyjson_val **out, lt_error *err)
{
    yyjson_val *value = yyjson_obj_get(object, key);

    if (!yyjson_is_arr(value))
        return lt_fail(err, LT_EINVAL, "%s: %s: '%s' %s", where->file, where->part, key,
                       value ? "is not an array" : "is missing");
    *out = value;
    return LT_OK;
}

lt_status lt_unsupported_type(const lt_part *where, const char *type, lt_error *err)
{
    return lt_fail(err, LT_EUNSUPPORTED, "%s: a %s of type '%s' is not supported", where->file,
                   where->part, type);
}

/* ---- numbers --------------------------------------------------------------------------------- */

bool lt_json_u32(yyjson_val *value, uint32_t *out)
{
    const char *s = yyjson_get_raw(value);
    size_t n = yyjson_get_len(value);
    uint64_t sum = 0;

    if (!yyjson_is_raw(value) || n == 0 || n > 10)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        sum = sum * 10 + (uint64_t)(s[i] - '0');
    }
    if (sum > UINT32_MAX)
        return false;
    *out = (uint32_t)sum;
    return true;
}

/* Digits at *p joined to *sum while it fits into 64 bits; returns how many were joined, *n_left
 * gets how many did not fit. */
static int join_digits(const char **p, const char *end, uint64_t *sum, int *n_left)
{
    int n = 0;

    *n_left = 0;
    for (; *p < end && **p >= '0' && **p <= '9'; ++*p) {
        uint64_t digit = (uint64_t)(**p - '0'), next;

        if (*n_left > 0 || __builtin_mul_overflow(*sum, 10u, &next) ||
            __builtin_add_overflow(next, digit, &next)) {
            ++*n_left;
            continue;
        }
        *sum = next;
        n++;
    }
    return n;
}

static int read_exponent(const char *p, const char *end)
{
    bool negative = p < end && *p == '-';
    int sum = 0;

    if (p < end && (*p == '-' || *p == '+'))
        p++;
    for (; p < end && sum < 100000; p++)
        sum = sum * 10 + (*p - '0');
    return negative ? -sum : sum;
}

static double scale(uint64_t digits, int exponent)
{
    double f = (double)digits;

    while (exponent < -308) {
        f /= 1e308;
        exponent += 308;
        if (f == 0)
            return f;
    }
    int size = exponent < 0 ? -exponent : exponent;

    if (f == 0)
        return f;
    if (size > 308)
        return HUGE_VAL;
    char text[16];

    snprintf(text, sizeof text, "1e%d", size);
    double power = strtod(text, NULL);

    return exponent < 0 ? f / power : f * power;
}

bool lt_json_double(yyjson_val *value, double *out)
{
    const char *p = yyjson_get_raw(value);
    uint64_t digits = 0;
    int n_left, exponent;

    if (!yyjson_is_raw(value))
        return false;
    const char *end = p + yyjson_get_len(value);
    bool negative = p < end && *p == '-';

    if (negative)
        p++;
    (void)join_digits(&p, end, &digits, &n_left);
    exponent = n_left;
    if (p < end && *p == '.') {
        p++;
        exponent -= join_digits(&p, end, &digits, &n_left);
    }
    if (p < end && (*p == 'e' || *p == 'E'))
        exponent += read_exponent(p + 1, end);
    double size = scale(digits, exponent);

    if (!isfinite(size))
        return false;
    *out = negative ? -size : size;
    return true;
}
