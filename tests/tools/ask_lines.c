/* SPDX-License-Identifier: Apache-2.0
 * ask_lines DIRECTORY: a database driven by lines of JSON on stdin, one answer a line on stdout.
 *
 *   {"op": "create", "collection": C, "body": {...}}    {"op": "drop", "collection": C}
 *   {"op": "index", "collection": C, "path": P, "body": "integer" | {...}}
 *   {"op": "tell", "kind": N, "collection": C, "body": {...}}   N of lt_tell_kind
 *   {"op": "ask", "kind": N, "collection": C, "body": {...}}    N of lt_ask_kind
 *
 * Answers {"result": ...} or {"status": lt_status, "error": "..."}. What tests/python drives with
 * the official client's requests to compare answers with the client's local mode. */
#include <base/buf.h>
#include <base/mem.h>
#include <latent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <value/value.h>

typedef struct line {
    const char *op, *collection;
    yyjson_val *root, *body;
    lt_buf text; /* of the body */
    int kind;
} line;

static const char *field(const line *l, const char *name)
{
    const char *s = yyjson_get_str(yyjson_obj_get(l->root, name));

    return s ? s : "";
}

static lt_status tell(lt_collection *c, const line *l, lt_buf *out, lt_error *err)
{
    lt_update_result *results = NULL;
    size_t n;

    LT_TRY(lt_collection_tell(c, (lt_tell_kind)l->kind, l->text.data, l->text.len, NULL, &results,
                              &n, err));
    lt_results_free(results);
    return lt_buf_addf(out, err, "%zu", n);
}

static lt_status ask(lt_collection *c, const line *l, lt_buf *out, lt_error *err)
{
    char *answer;
    size_t n;

    LT_TRY(lt_collection_ask(c, (lt_ask_kind)l->kind, l->text.data, l->text.len, NULL, &answer, &n,
                             err));
    lt_status st = lt_buf_add(out, answer, n, err);

    lt_text_free(answer);
    return st;
}

static lt_status with_collection(lt_db *db, const line *l, lt_buf *out, lt_error *err)
{
    lt_collection *c;
    lt_status st;

    LT_TRY(lt_collection_open(db, l->collection, &c, err));
    if (strcmp(l->op, "tell") == 0)
        st = tell(c, l, out, err);
    else if (strcmp(l->op, "ask") == 0)
        st = ask(c, l, out, err);
    else if ((st = lt_collection_create_index(c, field(l, "path"), l->text.data, l->text.len, NULL,
                                              err)) == LT_OK)
        st = lt_buf_adds(out, "true", err);
    lt_collection_close(c);
    return st;
}

static lt_status obey(lt_db *db, line *l, lt_buf *out, lt_error *err)
{
    l->op = field(l, "op");
    l->collection = field(l, "collection");
    l->kind = yyjson_get_int(yyjson_obj_get(l->root, "kind"));
    l->body = yyjson_obj_get(l->root, "body");
    if (l->body)
        LT_TRY(lt_json_write(l->body, &l->text, err));
    if (strcmp(l->op, "create") == 0)
        LT_TRY(lt_collection_create_json(db, l->collection, l->text.data, l->text.len, err));
    else if (strcmp(l->op, "drop") == 0)
        LT_TRY(lt_collection_drop(db, l->collection, err));
    else
        return with_collection(db, l, out, err);
    return lt_buf_adds(out, "true", err);
}

static lt_status print_error(const lt_error *why, lt_buf *out, lt_error *err)
{
    yyjson_val text = {0};

    lt_buf_clear(out);
    yyjson_set_str(&text, why->message);
    LT_TRY(lt_buf_addf(out, err, "{\"status\":%d,\"error\":", why->code));
    LT_TRY(lt_json_write(&text, out, err));
    return lt_buf_addc(out, '}', err);
}

static lt_status answer_line(lt_db *db, const char *text, size_t n, lt_buf *out, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    line l = {0};
    lt_error why = {0};

    lt_buf_clear(out);
    LT_TRY(lt_json_parse_object(text, n, "line", &doc, err));
    l.root = yyjson_doc_get_root(doc);
    LT_TRY(lt_buf_adds(out, "{\"result\":", err));
    lt_status st = obey(db, &l, out, &why);

    lt_buf_done(&l.text);
    why.code = st;
    return st == LT_OK ? lt_buf_addc(out, '}', err) : print_error(&why, out, err);
}

int main(int argc, char **argv)
{
    lt_db_options options = LT_DB_OPTIONS_INIT;
    LT_CLEANUP(lt_buf_done) lt_buf out = {0};
    char *text = NULL;
    size_t room = 0;
    lt_error err;
    lt_db *db;

    if (argc != 2) {
        fprintf(stderr, "usage: ask_lines DIRECTORY\n");
        return 2;
    }
    options.no_sync = true;
    lt_status st = lt_db_open(argv[1], &options, &db, &err);

    if (st != LT_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (ssize_t n; st == LT_OK && (n = getline(&text, &room, stdin)) > 0;) {
        st = answer_line(db, text, (size_t)n, &out, &err);
        if (st == LT_OK && (fwrite(out.data, 1, out.len, stdout) != out.len ||
                            putchar('\n') == EOF || fflush(stdout) != 0))
            break;
    }
    if (st != LT_OK)
        fprintf(stderr, "%s\n", err.message);
    free(text);
    lt_db_close(db);
    return st != LT_OK;
}
