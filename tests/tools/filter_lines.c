/* SPDX-License-Identifier: Apache-2.0
 * filter_lines: reads one case a line on stdin, a JSON object
 *   {"filter": ..., "indexes": {path: schema}, "points": [{"id", "payload", "vectors": [name]}]}
 * and writes one line for each: a 0 or 1 for every point, or "error: " and the message. What
 * tests/python/test_filters.py compares with the reference. */
#include <base/buf.h>
#include <base/error.h>
#include <base/mem.h>
#include <filter/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FIELDS = 64 };

typedef struct fields {
    lt_payload_field *items[MAX_FIELDS];
    size_t n;
} fields;

static void fields_done(fields *f)
{
    for (size_t i = 0; i < f->n; i++)
        lt_payload_field_unref(f->items[i]);
}

static const lt_payload_field *find_field(void *context, const char *path)
{
    const fields *f = context;

    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->items[i]->path, path) == 0)
            return f->items[i];
    return NULL;
}

static lt_status read_fields(yyjson_val *json, fields *out, lt_error *err)
{
    size_t i, n;
    yyjson_val *key, *v;

    yyjson_obj_foreach(json, i, n, key, v)
    {
        if (out->n == MAX_FIELDS)
            return lt_fail(err, LT_ELIMIT, "too many indexes");
        LT_TRY(lt_payload_field_new(yyjson_get_str(key), v, &out->items[out->n], err));
        out->n++;
    }
    return LT_OK;
}

static bool has_vector(void *context, const char *name)
{
    size_t i, n;
    yyjson_val *v;

    yyjson_arr_foreach((yyjson_val *)context, i, n, v)
    {
        if (yyjson_equals_str(v, name))
            return true;
    }
    return false;
}

static lt_status read_id(yyjson_val *v, lt_id *out, lt_error *err)
{
    if (!yyjson_is_uint(v))
        return lt_id_parse(yyjson_get_str(v), out, err);
    *out = lt_id_from_num(yyjson_get_uint(v));
    return LT_OK;
}

static void free_filter(lt_filter **f)
{
    lt_filter_free(*f);
}

static void free_binding(lt_filter_binding **b)
{
    lt_filter_binding_free(*b);
}

/* Both forms of the parser have to agree, so the filter is read from its text too. */
static lt_status parse_both(yyjson_val *json, lt_filter **out, lt_error *err)
{
    LT_CLEANUP(free_filter) lt_filter *from_text = NULL;
    size_t n;
    char *text = yyjson_val_write(json, 0, &n);

    if (!text)
        return lt_fail_nomem(err);
    lt_status st = lt_filter_parse(text, n, &from_text, err);

    free(text);
    lt_status st2 = lt_filter_parse_value(json, out, err);

    if (st != st2 && yyjson_is_obj(json)) {
        fprintf(stderr, "the two forms of the parser disagree: %d, %d\n", st, st2);
        exit(1);
    }
    return st2;
}

static lt_status run_case(yyjson_val *c, lt_error *err)
{
    LT_CLEANUP(fields_done) fields f = {.n = 0};
    LT_CLEANUP(free_filter) lt_filter *filter = NULL;
    LT_CLEANUP(free_binding) lt_filter_binding *binding = NULL;
    yyjson_val *point;
    size_t i, n;
    lt_id id;

    LT_TRY(read_fields(yyjson_obj_get(c, "indexes"), &f, err));
    LT_TRY(parse_both(yyjson_obj_get(c, "filter"), &filter, err));
    LT_TRY(lt_filter_bind(filter, find_field, &f, &binding, err));
    yyjson_arr_foreach(yyjson_obj_get(c, "points"), i, n, point)
    {
        LT_TRY(read_id(yyjson_obj_get(point, "id"), &id, err));
        lt_filter_point p = {&id, yyjson_obj_get(point, "payload"), has_vector,
                             yyjson_obj_get(point, "vectors"), binding};

        putchar(lt_filter_passes(filter, &p) ? '1' : '0');
    }
    return LT_OK;
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    while ((n = getline(&line, &cap, stdin)) > 0) {
        LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
        lt_error err;

        if (lt_json_parse_object(line, (size_t)n, "case", &doc, &err) != LT_OK ||
            run_case(yyjson_doc_get_root(doc), &err) != LT_OK)
            printf("error: %s %s", lt_status_name(err.code), err.message);
        putchar('\n');
        fflush(stdout);
    }
    free(line);
    return 0;
}
