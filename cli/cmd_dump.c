/* SPDX-License-Identifier: Apache-2.0
 * latent dump: the points of a collection as JSON lines, in the form that the REST interface takes
 * and gives. */
#include <base/error.h>
#include <base/mem.h>
#include <string.h>
#include <value/value.h>

#include "cmd.h"
#include "session.h"
#include "term.h"

typedef struct args {
    const char *filter;
    bool no_vectors, no_payload;
} args;

static const cli_option options[] = {
    {"filter", 0, CLI_TEXT, offsetof(args, filter), "JSON", CLI_COMPLETE_NONE, 0, 0,
     "only points that pass this filter (Qdrant's form)"},
    {"no-vectors", 0, CLI_FLAG, offsetof(args, no_vectors), NULL, CLI_COMPLETE_NONE, 0, 0,
     "leave the vectors out"},
    {"no-payload", 0, CLI_FLAG, offsetof(args, no_payload), NULL, CLI_COMPLETE_NONE, 0, 0,
     "leave the payloads out"},
};

enum { PAGE = 256 };

/* The body of "points/scroll" for the page that begins at `offset` (JSON of an id; NULL: the first). */
static lt_status make_body(const args *a, const char *offset, lt_buf *out, lt_error *err)
{
    lt_buf_clear(out);
    return lt_buf_addf(out, err,
                       "{\"limit\":%d,\"with_vector\":%s,\"with_payload\":%s%s%s%s%s}", PAGE,
                       a->no_vectors ? "false" : "true", a->no_payload ? "false" : "true",
                       offset ? ",\"offset\":" : "", offset ? offset : "",
                       a->filter ? ",\"filter\":" : "", a->filter ? a->filter : "");
}

static lt_status print_points(yyjson_val *points, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf line = {0};
    size_t i, n;
    yyjson_val *p;

    yyjson_arr_foreach(points, i, n, p)
    {
        lt_buf_clear(&line);
        LT_TRY(lt_json_write(p, &line, err));
        LT_TRY(lt_buf_addc(&line, '\n', err));
        cli_out(line.data, line.len);
    }
    return LT_OK;
}

/* *next gets where the next page begins; empty behind the last. */
static lt_status print_page(lt_collection *c, const lt_buf *body, lt_buf *next, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    char *answer;
    size_t n;

    LT_TRY(lt_collection_ask(c, LT_ASK_SCROLL, body->data, body->len, NULL, &answer, &n, err));
    lt_status st = lt_json_parse(answer, n, "a page", &doc, err);

    lt_text_free(answer);
    LT_TRY(st);
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *offset = yyjson_obj_get(root, "next_page_offset");

    lt_buf_clear(next);
    if (offset && !yyjson_is_null(offset))
        LT_TRY(lt_json_write(offset, next, err));
    return print_points(yyjson_obj_get(root, "points"), err);
}

static lt_status check_filter(const args *a, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    return a->filter ? lt_json_parse_object(a->filter, strlen(a->filter), "--filter", &doc, err)
                     : LT_OK;
}

static lt_status dump(cli_session *s, const args *a, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf body = {0}, next = {0};
    lt_db_options reading = LT_DB_OPTIONS_INIT;

    reading.read_only = true;
    LT_TRY(check_filter(a, err));
    LT_TRY(cli_open_db(s, &reading, err));
    LT_TRY(cli_open_collection(s, err));
    do {
        LT_TRY(make_body(a, next.len ? next.data : NULL, &body, err));
        LT_TRY(print_page(s->collection, &body, &next, err));
    } while (next.len && !cli_out_broken());
    return LT_OK;
}

static int run(const cli_globals *globals, const void *a, const cli_list *operands)
{
    LT_CLEANUP(cli_session_done) cli_session s = {0};
    lt_error err;

    (void)operands;
    lt_status st = cli_session_init(&s, globals, &err);

    if (st == LT_OK)
        st = dump(&s, a, &err);
    return st == LT_OK ? CLI_EXIT_OK : cli_failed(&err);
}

const cli_command cli_cmd_dump = {
    .name = "dump",
    .operands = "",
    .summary = "print the points of a collection as JSON lines",
    .about = "Prints each point of the collection (--collection) as one line of JSON: id, payload, "
             "vector, in order of id. What is printed was checked against its checksums.\n"
             "Points that are written meanwhile may be in it or not.",
    .examples = "latent dump --no-vectors\nlatent dump --collection photos > photos.jsonl",
    .options = options,
    .n_options = CLI_COUNT_OF(options),
    .run = run,
    .args_size = sizeof(args),
};
