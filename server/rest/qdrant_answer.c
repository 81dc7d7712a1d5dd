/* SPDX-License-Identifier: Apache-2.0
 * Qdrant's REST interface: envelopes, errors, parameters, content types. */
#include <base/clock.h>
#include <base/error.h>
#include <base/mem.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "qdrant.h"

/* ---- answers --------------------------------------------------------------------------------- */

static void answer_text(lt_http_answer *a, unsigned status, const char *before, const char *text,
                        size_t n_text, const char *after, double seconds)
{
    lt_buf *out = &a->body;

    lt_buf_clear(out);
    a->status = status;
    a->content_type = "application/json";
    if (lt_buf_reserve(out, n_text + 96, NULL) != LT_OK ||
        lt_buf_adds(out, before, NULL) != LT_OK || lt_buf_add(out, text, n_text, NULL) != LT_OK ||
        lt_buf_addf(out, NULL, "%s,\"time\":%.9g}", after, seconds) != LT_OK) {
        lt_buf_clear(out);
        a->status = 500;
        a->content_type = NULL;
    }
}

void lt_qdrant_ok(const lt_http_request *r, lt_http_answer *a, const char *result, size_t n_result)
{
    answer_text(a, 200, "{\"result\":", result, n_result, ",\"status\":\"ok\"",
                lt_clock_s() - r->arrived_s);
}

void lt_qdrant_accepted(const lt_http_request *r, lt_http_answer *a)
{
    answer_text(a, 202, "{\"status\":", "\"accepted\"", 10, "", lt_clock_s() - r->arrived_s);
}

void lt_qdrant_true(const lt_http_request *r, lt_http_answer *a, bool value)
{
    lt_qdrant_ok(r, a, value ? "true" : "false", value ? 4 : 5);
}

lt_status lt_qdrant_doc(const lt_http_request *r, lt_http_answer *a, yyjson_mut_doc *doc,
                        lt_error *err)
{
    size_t n = 0;
    char *text = doc ? yyjson_mut_write(doc, 0, &n) : NULL;

    yyjson_mut_doc_free(doc);
    if (!text)
        return lt_fail_nomem(err);
    lt_qdrant_ok(r, a, text, n);
    free(text);
    return LT_OK;
}

void lt_qdrant_updated(const lt_http_request *r, lt_http_answer *a, const lt_qdrant_params *params,
                       uint64_t operation)
{
    char text[80];
    int n = snprintf(text, sizeof text, "{\"operation_id\":%llu,\"status\":\"%s\"}",
                     (unsigned long long)operation, params->wait ? "completed" : "acknowledged");

    lt_qdrant_ok(r, a, text, (size_t)n);
}

static bool begins_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* What stands before the message; "" where the message says it already. */
static const char *prefix_of(unsigned status, const lt_error *err)
{
    static const char *const complete[] = {"Format error", "Deserialize error", "Validation error",
                                           "Bad request",  "Wrong input",       "Timeout",
                                           "Content type", "Insufficient storage"};

    for (size_t i = 0; i < sizeof complete / sizeof *complete; i++)
        if (begins_with(err->message, complete[i]))
            return "";
    switch (status) {
    case 404:
        return "Not found: ";
    case 408:
        return "Timeout: ";
    case 422:
        return "Validation error in JSON body: ";
    case 503:
        return "Service unavailable: ";
    case 507:
        return "Insufficient storage: ";
    default:
        return status >= 500 ? "Service internal error: " : "Wrong input: ";
    }
}

static unsigned status_of(const lt_error *err)
{
    unsigned status = lt_http_status(err->code);

    if (err->code == LT_ECONFLICT)
        return 400;
    if (err->code == LT_EVALIDATION)
        return 422;
    if (begins_with(err->message, "Insufficient storage"))
        return 507;
    return status == 500 && strstr(err->message, strerror(ENOSPC)) ? 507 : status;
}

void lt_qdrant_fail(const lt_http_request *r, lt_http_answer *a, const lt_error *err)
{
    unsigned status = status_of(err);
    char message[sizeof err->message + 40];
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    size_t n = 0;
    char *text = NULL;

    /* Problems of fields come as a list. */
    bool listed = status == 422 && begins_with(prefix_of(status, err), "Validation") &&
                  err->message[0] != '[';

    snprintf(message, sizeof message, listed ? "%s[%s]" : "%s%s", prefix_of(status, err),
             err->message);
    if (doc) {
        yyjson_mut_doc_set_root(doc, yyjson_mut_str(doc, message));
        text = yyjson_mut_write(doc, 0, &n);
    }
    yyjson_mut_doc_free(doc);
    answer_text(a, status, "{\"status\":{\"error\":", text ? text : "\"\"", text ? n : 2, "}",
                lt_clock_s() - r->arrived_s);
    if (status == 503)
        a->retry_after_s = 1;
    free(text);
}

/* ---- parameters ------------------------------------------------------------------------------ */

static lt_status bad_parameter(const char *name, const char *value, const char *expected,
                               lt_error *err)
{
    return lt_fail(err, LT_EINVAL,
                   "Deserialize error in query parameters: invalid value \"%.80s\" of `%s`, "
                   "expected %s",
                   value, name, expected);
}

lt_status lt_qdrant_flag(const lt_http_request *r, const char *name, bool *out, lt_error *err)
{
    const char *value = lt_http_query(r, name);

    if (!value)
        return LT_OK;
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        return bad_parameter(name, value, "`true` or `false`", err);
    *out = value[0] == 't';
    return LT_OK;
}

lt_status lt_qdrant_number(const lt_http_request *r, const char *name, uint64_t min, uint64_t *out,
                           lt_error *err)
{
    const char *value = lt_http_query(r, name);
    char *end;

    if (!value)
        return LT_OK;
    errno = 0;
    unsigned long long n = strtoull(value, &end, 10);

    if (value[0] < '0' || value[0] > '9' || *end || errno)
        return bad_parameter(name, value, "an integer that is not negative", err);
    if (n < min)
        return lt_fail(err, LT_EVALIDATION,
                       "Validation error in query parameters: [%s: value %llu invalid, must be "
                       "%llu or larger]",
                       name, n, (unsigned long long)min);
    *out = n;
    return LT_OK;
}

lt_status lt_qdrant_word(const lt_http_request *r, const char *name, const char *const *words,
                         size_t n_words, const char *expected, lt_error *err)
{
    const char *value = lt_http_query(r, name);

    if (!value)
        return LT_OK;
    for (size_t i = 0; i < n_words; i++)
        if (strcmp(value, words[i]) == 0)
            return LT_OK;
    return bad_parameter(name, value, expected, err);
}

lt_status lt_qdrant_read_params(const lt_http_request *r, lt_qdrant_params *out, lt_error *err)
{
    static const char *const orderings[] = {"weak", "medium", "strong"};
    static const char *const consistencies[] = {"majority", "quorum", "all"};
    uint64_t timeout = 0, ignored;

    *out = (lt_qdrant_params){0};
    LT_TRY(lt_qdrant_flag(r, "wait", &out->wait, err));
    LT_TRY(lt_qdrant_number(r, "timeout", 1, &timeout, err));
    LT_TRY(lt_qdrant_word(r, "ordering", orderings, 3, "`weak`, `medium` or `strong`", err));
    if (lt_qdrant_number(r, "consistency", 0, &ignored, NULL) != LT_OK)
        LT_TRY(lt_qdrant_word(r, "consistency", consistencies, 3,
                              "a number, `majority`, `quorum` or `all`", err));
    out->timeout_s = timeout > 1000000 ? 1000000 : (unsigned)timeout;
    return LT_OK;
}

/* ---- bodies ---------------------------------------------------------------------------------- */

lt_status lt_qdrant_check_body(const lt_http_request *r, lt_error *err)
{
    static const char json[] = "application/json";
    const char *type = lt_http_header(r, "Content-Type");
    size_t n = strlen(json);

    if (type && strncasecmp(type, json, n) == 0 &&
        (type[n] == '\0' || type[n] == ';' || type[n] == ' '))
        return LT_OK;
    return lt_fail(err, LT_EINVAL, "Content type error: application/json is expected, not %.80s",
                   type ? type : "none");
}

lt_status lt_qdrant_parse_body(const lt_http_request *r, yyjson_doc **out, lt_error *err)
{
    yyjson_read_err why;

    LT_TRY(lt_qdrant_check_body(r, err));
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)r->body, r->n_body, 0, NULL, &why);
    size_t line = 1, column = 1;

    if (!doc && why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return lt_fail_nomem(err);
    for (size_t i = 0; !doc && i < why.pos && i < r->n_body; i++) {
        column = r->body[i] == '\n' ? 1 : column + 1;
        line += r->body[i] == '\n';
    }
    if (!doc)
        return lt_fail(err, LT_EINVAL, "Format error in JSON body: %s at line %zu column %zu",
                       why.msg, line, column);
    if (!yyjson_is_obj(yyjson_doc_get_root(doc))) {
        yyjson_doc_free(doc);
        return lt_fail(err, LT_EINVAL, "Format error in JSON body: an object is expected");
    }
    *out = doc;
    return LT_OK;
}
