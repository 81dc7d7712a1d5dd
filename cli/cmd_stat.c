/* SPDX-License-Identifier: Apache-2.0
 * latent stat: the figures of collections, for people who operate them. */
#include <base/error.h>
#include <base/mem.h>
#include <string.h>
#include <value/value.h>

#include "cmd.h"
#include "collections.h"
#include "term.h"

typedef struct args {
    bool json;
} args;

static const cli_option options[] = {
    {"json", 0, CLI_FLAG, offsetof(args, json), NULL, CLI_COMPLETE_NONE, 0, 0,
     "print one JSON object a collection"},
};

static uint64_t number(yyjson_val *in, const char *name)
{
    return yyjson_get_uint(yyjson_obj_get(in, name));
}

static lt_status show(yyjson_val *text, lt_buf *out, lt_error *err)
{
    lt_buf_clear(out);
    return cli_escape(yyjson_get_str(text), yyjson_get_len(text), out, err);
}

static lt_status print_vector(yyjson_val *v, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf name = {0};
    yyjson_val *graph = yyjson_obj_get(v, "graph"), *dims = yyjson_obj_get(v, "dims");

    LT_TRY(show(yyjson_obj_get(v, "name"), &name, err));
    cli_outf("  vector \"%s\": %s", name.len ? name.data : "",
             yyjson_get_str(yyjson_obj_get(v, "kind")));
    if (dims)
        cli_outf(", %llu dimensions, %s, %s", (unsigned long long)yyjson_get_uint(dims),
                 yyjson_get_str(yyjson_obj_get(v, "distance")),
                 yyjson_get_str(yyjson_obj_get(v, "datatype")));
    cli_outf(", of %s\n", cli_count(number(v, "points"), "point", "points"));
    if (yyjson_is_obj(graph))
        cli_outf("    graph: %s, %s, %s, %llu levels\n",
                 cli_count(number(graph, "present"), "node", "nodes"),
                 cli_count(number(graph, "dead"), "dead", "dead"),
                 cli_count(number(graph, "links"), "link", "links"),
                 (unsigned long long)number(graph, "levels"));
    return LT_OK;
}

static lt_status print_index(yyjson_val *x, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf path = {0};

    LT_TRY(show(yyjson_obj_get(x, "path"), &path, err));
    cli_outf("  payload index %s: %s\n", path.len ? path.data : "",
             yyjson_get_str(yyjson_obj_get(x, "type")));
    return LT_OK;
}

static lt_status print_files(yyjson_val *files, lt_error *err)
{
    size_t i, n;
    yyjson_val *key, *bytes;

    yyjson_obj_foreach(files, i, n, key, bytes)
    {
        LT_CLEANUP(lt_buf_done) lt_buf name = {0};

        LT_TRY(show(key, &name, err));
        cli_outf("  %-24s %s\n", name.len ? name.data : "",
                 cli_count(yyjson_get_uint(bytes), "byte", "bytes"));
    }
    return LT_OK;
}

static lt_status print_text(const char *json, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    LT_CLEANUP(lt_buf_done) lt_buf name = {0};
    size_t i, n;
    yyjson_val *x;

    LT_TRY(lt_json_parse(json, strlen(json), "statistics", &doc, err));
    yyjson_val *root = yyjson_doc_get_root(doc);

    LT_TRY(show(yyjson_obj_get(root, "name"), &name, err));
    cli_outf("%s: %s, %s, %s, %s\n", name.len ? name.data : "",
             cli_count(number(root, "points"), "point", "points"),
             cli_count(number(root, "slots"), "slot", "slots"),
             cli_count(number(root, "dead_slots"), "dead", "dead"),
             cli_count(number(root, "operations"), "operation", "operations"));
    yyjson_arr_foreach(yyjson_obj_get(root, "vectors"), i, n, x)
    {
        LT_TRY(print_vector(x, err));
    }
    yyjson_arr_foreach(yyjson_obj_get(root, "payload_indexes"), i, n, x)
    {
        LT_TRY(print_index(x, err));
    }
    return print_files(yyjson_obj_get(root, "files"), err);
}

static lt_status visit(void *context, cli_session *s, const char *name, lt_error *err)
{
    const args *a = context;
    lt_collection *c;
    char *json;

    LT_TRY(lt_collection_open(s->db, name, &c, err));
    lt_status st = lt_collection_statistics(c, &json, err);

    lt_collection_close(c);
    LT_TRY(st);
    if (a->json)
        cli_outf("%s\n", json);
    else
        st = print_text(json, err);
    lt_text_free(json);
    return st;
}

static int run(const cli_globals *globals, const void *a, const cli_list *operands)
{
    LT_CLEANUP(cli_session_done) cli_session s = {0};
    args mine = *(const args *)a;
    lt_error err;
    lt_status st = cli_session_init(&s, globals, &err);

    if (st == LT_OK)
        st = cli_each_collection(&s, operands, visit, &mine, &err);
    return st == LT_OK ? CLI_EXIT_OK : cli_failed(&err);
}

const cli_command cli_cmd_stat = {
    .name = "stat",
    .operands = "[COLLECTION]...",
    .summary = "show figures of collections and their files",
    .about = "Shows points, slots, vectors, payload indexes and what each file takes of the disk. A "
             "dead slot held a point that was replaced or deleted.",
    .examples = "latent stat\nlatent stat photos --json",
    .options = options,
    .n_options = CLI_COUNT_OF(options),
    .max_operands = SIZE_MAX,
    .run = run,
    .args_size = sizeof(args),
};
