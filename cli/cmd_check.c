/* SPDX-License-Identifier: Apache-2.0
 * latent check: is everything that is stored whole? Changes nothing, works beside the owner. */
#include <base/error.h>
#include <base/mem.h>
#include <string.h>

#include "cmd.h"
#include "collections.h"
#include "term.h"

typedef struct args {
    bool json;
} args;

static const cli_option options[] = {
    {"json", 0, CLI_FLAG, offsetof(args, json), NULL, CLI_COMPLETE_NONE, 0, 0,
     "print one JSON object a collection, with its faults"},
};

enum { FAULTS_SHOWN = 100 };

/* One collection's check. */
typedef struct checking {
    bool json;
    yyjson_mut_doc *doc;
    yyjson_mut_val *faults; /* NULL: they are printed as they come */
    uint64_t n, n_all;      /* of this collection, of all */
} checking;

static void on_fault(void *context, const char *what)
{
    checking *k = context;

    if (k->n++ >= FAULTS_SHOWN)
        return;
    if (k->faults)
        (void)yyjson_mut_arr_add_strcpy(k->doc, k->faults, what);
    else
        cli_outf("%s\n", what);
}

/* A collection that cannot be opened, or read to its end, has that as its fault. */
static lt_status check_one(checking *k, cli_session *s, const char *name, lt_check_result *result,
                           lt_error *err)
{
    lt_collection *c;
    lt_error why;
    lt_status st = lt_collection_check_file(s->db, name, &why);

    if (st == LT_OK)
        st = lt_collection_open(s->db, name, &c, &why);
    if (st == LT_OK) {
        st = lt_collection_check(c, on_fault, k, result, &why);
        lt_collection_close(c);
    }
    if (st == LT_ENOMEM) {
        *err = why;
        return st;
    }
    if (st != LT_OK)
        on_fault(k, why.message);
    return LT_OK;
}

static lt_status print_text(const checking *k, const char *name, const lt_check_result *r,
                            lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf shown = {0};

    if (k->n > FAULTS_SHOWN)
        cli_outf("... and %s\n", cli_count(k->n - FAULTS_SHOWN, "fault more", "faults more"));
    LT_TRY(cli_escape(name, strlen(name), &shown, err));
    cli_outf("%s: %s, %s, %s: %s\n", shown.data, cli_count(r->n_points, "point", "points"),
             cli_count(r->n_vectors, "vector", "vectors"),
             cli_count(r->n_graphs, "graph", "graphs"),
             k->n ? cli_count(k->n, "fault", "faults") : "all well");
    return LT_OK;
}

static bool add_result(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *name,
                       const lt_check_result *r, uint64_t n_faults)
{
    return cli_json_text(doc, root, "collection", name) &&
           yyjson_mut_obj_add_uint(doc, root, "points", r->n_points) &&
           yyjson_mut_obj_add_uint(doc, root, "vectors", r->n_vectors) &&
           yyjson_mut_obj_add_uint(doc, root, "graphs", r->n_graphs) &&
           yyjson_mut_obj_add_uint(doc, root, "n_faults", n_faults);
}

static lt_status check_as_json(checking *k, cli_session *s, const char *name, lt_error *err)
{
    lt_check_result result = LT_CHECK_RESULT_INIT;
    yyjson_mut_val *root;

    k->doc = cli_json_object(&root);
    k->faults = root ? yyjson_mut_arr(k->doc) : NULL;
    lt_status st = k->faults ? check_one(k, s, name, &result, err) : lt_fail_nomem(err);

    if (st == LT_OK && (!add_result(k->doc, root, name, &result, k->n) ||
                        !yyjson_mut_obj_add_val(k->doc, root, "faults", k->faults)))
        st = lt_fail_nomem(err);
    if (st == LT_OK)
        return cli_out_json(k->doc, err);
    yyjson_mut_doc_free(k->doc);
    return st;
}

static lt_status check_as_text(checking *k, cli_session *s, const char *name, lt_error *err)
{
    lt_check_result result = LT_CHECK_RESULT_INIT;

    LT_TRY(check_one(k, s, name, &result, err));
    return print_text(k, name, &result, err);
}

static lt_status visit(void *context, cli_session *s, const char *name, lt_error *err)
{
    checking *k = context;

    k->n = 0;
    LT_TRY((k->json ? check_as_json : check_as_text)(k, s, name, err));
    k->n_all += k->n;
    return LT_OK;
}

static int run(const cli_globals *globals, const void *a, const cli_list *operands)
{
    LT_CLEANUP(cli_session_done) cli_session s = {0};
    checking k = {.json = ((const args *)a)->json};
    lt_error err;
    lt_status st = cli_session_init(&s, globals, &err);

    if (st == LT_OK)
        st = cli_each_collection(&s, operands, visit, &k, &err);
    if (st != LT_OK)
        return cli_failed(&err);
    return k.n_all ? CLI_EXIT_FAILED : CLI_EXIT_OK;
}

const cli_command cli_cmd_check = {
    .name = "check",
    .operands = "[COLLECTION]...",
    .summary = "verify that everything stored is whole",
    .about = "Reads everything that is stored: each record, payload and vector is held against its "
             "checksum, ids against slots and back, graphs against their rules and the points. "
             "Changes nothing; works beside a running latent index or latent serve.\n"
             "Without a name all collections are checked. Each fault is one line; the exit status "
             "is 5 if there is one.",
    .examples = "latent check\nlatent check photos --json",
    .options = options,
    .n_options = CLI_COUNT_OF(options),
    .max_operands = SIZE_MAX,
    .run = run,
    .args_size = sizeof(args),
};
