/* SPDX-License-Identifier: Apache-2.0 */
#include <base/error.h>
#include <stdlib.h>

#include "value.h"

/* yyjson gives a byte position; people count lines and columns from 1. */
static void place_of(const char *text, size_t pos, size_t *line, size_t *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < pos; i++) {
        if (text[i] == '\n') {
            ++*line;
            *column = 1;
        } else {
            ++*column;
        }
    }
}

lt_status lt_json_parse(const char *text, size_t n, const char *what, yyjson_doc **out,
                        lt_error *err)
{
    yyjson_read_err why;
    /* Reading in place needs YYJSON_READ_INSITU; without it the text is not written to, whatever
     * the parameter's type says. */
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text, n, 0, NULL, &why);
    size_t line, column;

    if (doc) {
        *out = doc;
        return LT_OK;
    }
    if (why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return lt_fail_nomem(err);
    place_of(text, why.pos < n ? why.pos : n, &line, &column);
    return lt_fail(err, LT_EINVAL, "%s: not valid JSON at line %zu, column %zu: %s", what, line,
                   column, why.msg);
}

lt_status lt_json_parse_object(const char *text, size_t n, const char *what, yyjson_doc **out,
                               lt_error *err)
{
    yyjson_doc *doc;

    LT_TRY(lt_json_parse(text, n, what, &doc, err));
    if (!yyjson_is_obj(yyjson_doc_get_root(doc))) {
        const char *type = yyjson_get_type_desc(yyjson_doc_get_root(doc));
        lt_status st = lt_fail(err, LT_EINVAL, "%s: a JSON object is expected, not %s", what, type);

        yyjson_doc_free(doc);
        return st;
    }
    *out = doc;
    return LT_OK;
}

lt_status lt_json_write(yyjson_val *v, lt_buf *out, lt_error *err)
{
    size_t n;
    char *text = yyjson_val_write(v, 0, &n);

    if (!text)
        return lt_fail_nomem(err);
    lt_status st = lt_buf_add(out, text, n, err);

    free(text); /* yyjson's, so from libc */
    return st;
}

void lt_json_free(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
    *doc = NULL;
}
