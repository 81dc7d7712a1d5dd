/* SPDX-License-Identifier: Apache-2.0
 * latent info: what is where. Works beside a running `latent index`. */
#include <base/error.h>
#include <base/mem.h>
#include <string.h>
#include <value/value.h>

#include "cmd.h"
#include "session.h"
#include "term.h"

typedef struct args {
    bool json;
} args;

static const cli_option options[] = {
    {"json", 0, CLI_FLAG, offsetof(args, json), NULL, CLI_COMPLETE_NONE, 0, 0,
     "print one JSON object"},
};

/* "1.4 GB" */
static void write_bytes(uint64_t n, char out[24])
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    double x = (double)n;
    size_t u = 0;

    for (; x >= 1000 && u < 4; u++)
        x /= 1000;
    snprintf(out, 24, u == 0 || x >= 100 ? "%.0f %s" : "%.1f %s", x, units[u]);
}

/* The name of the model that filled a collection, "" where its metadata does not say. */
static void model_of(const lt_collection_info *info, char out[256])
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    out[0] = '\0';
    if (!info->metadata ||
        lt_json_parse_object(info->metadata, strlen(info->metadata), "metadata", &doc, NULL))
        return;
    yyjson_val *model = yyjson_obj_get(yyjson_doc_get_root(doc), "model");
    const char *name = yyjson_get_str(yyjson_obj_get(model, "name"));

    snprintf(out, 256, "%s", name ? name : "");
}

/* ---- as text ----------------------------------------------------------------------------------- */

static lt_status print_shown(const char *label, const char *text, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf shown = {0};

    LT_TRY(cli_escape(text, strlen(text), &shown, err));
    cli_outf("%-12s%s\n", label, shown.data ? shown.data : "");
    return LT_OK;
}

static lt_status print_collection(void *context, const char *name, const lt_collection_info *info,
                                  lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf shown = {0};
    char bytes[24], model[256];

    (void)context;
    write_bytes(info->bytes_on_disk, bytes);
    model_of(info, model);
    LT_TRY(cli_escape(name, strlen(name), &shown, err));
    cli_outf("%-12s%s: %s, %zu dimensions, %s%s%s\n", "collection", shown.data,
             cli_count(info->n_points, "picture", "pictures"), info->dims, bytes,
             model[0] ? ", filled by " : "", model);
    return LT_OK;
}

static lt_status print_model(const lt_model_info *m, lt_error *err)
{
    LT_TRY(print_shown("model", m->name, err));
    LT_TRY(print_shown("", m->directory, err));
    cli_outf("%-12s%zu dimensions%s%s%s\n", "", m->dims,
             m->dims_ordered ? ", ordered by importance" : "", m->languages[0] ? ", " : "",
             m->languages);
    return LT_OK;
}

/* ---- as JSON ----------------------------------------------------------------------------------- */

typedef struct json_out {
    yyjson_mut_doc *doc;
    yyjson_mut_val *collections;
} json_out;

static lt_status add_collection(void *context, const char *name, const lt_collection_info *info,
                                lt_error *err)
{
    json_out *j = context;
    yyjson_mut_val *item = yyjson_mut_arr_add_obj(j->doc, j->collections);
    char model[256];

    model_of(info, model);
    bool ok = item && yyjson_mut_obj_add_strcpy(j->doc, item, "name", name) &&
              yyjson_mut_obj_add_uint(j->doc, item, "points", info->n_points) &&
              yyjson_mut_obj_add_uint(j->doc, item, "dims", info->dims) &&
              yyjson_mut_obj_add_uint(j->doc, item, "bytes", info->bytes_on_disk) &&
              yyjson_mut_obj_add_strcpy(j->doc, item, "model", model);

    return ok ? LT_OK : lt_fail_nomem(err);
}

static bool add_model(json_out *j, yyjson_mut_val *root, const lt_model_info *m)
{
    yyjson_mut_val *item = yyjson_mut_obj_add_obj(j->doc, root, "model");

    return item && cli_json_text(j->doc, item, "name", m->name) &&
           cli_json_text(j->doc, item, "directory", m->directory) &&
           cli_json_text(j->doc, item, "languages", m->languages) &&
           cli_json_text(j->doc, item, "hash", m->hash) &&
           yyjson_mut_obj_add_uint(j->doc, item, "dims", m->dims) &&
           yyjson_mut_obj_add_bool(j->doc, item, "dims_ordered", m->dims_ordered);
}

/* ---- the command ------------------------------------------------------------------------------- */

typedef lt_status (*collection_visit)(void *context, const char *name,
                                      const lt_collection_info *info, lt_error *err);

static lt_status visit_one(cli_session *s, const char *name, collection_visit visit, void *context,
                           lt_error *err)
{
    lt_collection_info info = LT_COLLECTION_INFO_INIT;
    lt_collection *c = NULL;

    LT_TRY(lt_collection_open(s->db, name, &c, err));
    lt_status st = lt_collection_get_info(c, &info, err);

    if (st == LT_OK)
        st = visit(context, name, &info, err);
    lt_collection_close(c);
    return st;
}

static lt_status each_collection(cli_session *s, collection_visit visit, void *context,
                                 lt_error *err)
{
    char **names = NULL;
    size_t n = 0;

    LT_TRY(lt_collection_list(s->db, &names, &n, err));
    lt_status st = LT_OK;

    for (size_t i = 0; i < n && st == LT_OK; i++)
        st = visit_one(s, names[i], visit, context, err);
    lt_names_free(names, n);
    return st;
}

/* A data directory without an index, and a model that is not there, are facts to tell, not errors. */
static lt_status open_parts(cli_session *s, lt_model_info *model, lt_error *no_model, lt_error *err)
{
    lt_db_options reading = LT_DB_OPTIONS_INIT;

    reading.read_only = true;
    lt_status st = lt_db_open(s->data, &reading, &s->db, err);

    if (st != LT_OK && st != LT_ENOTFOUND)
        return st;
    no_model->code = cli_open_model(s, LT_USE_LATENCY, 0, no_model);
    if (no_model->code == LT_OK)
        no_model->code = lt_model_get_info(s->model, model, no_model);
    return LT_OK;
}

static lt_status print_text(cli_session *s, const lt_model_info *model, const lt_error *no_model,
                            lt_error *err)
{
    LT_TRY(print_shown("data", s->data, err));
    if (s->db)
        LT_TRY(each_collection(s, print_collection, NULL, err));
    else
        cli_outf("%-12snone yet; make one with: latent index PHOTOS\n", "index");
    if (no_model->code != LT_OK)
        return print_shown("model", no_model->message, err);
    return print_model(model, err);
}

static lt_status print_json(cli_session *s, const lt_model_info *model, const lt_error *no_model,
                            lt_error *err)
{
    yyjson_mut_val *root;
    json_out j = {.doc = cli_json_object(&root)};
    bool ok = root && cli_json_path(j.doc, root, "data", "data_hex", s->data) &&
              yyjson_mut_obj_add_bool(j.doc, root, "exists", s->db != NULL) &&
              (j.collections = yyjson_mut_obj_add_arr(j.doc, root, "collections")) != NULL;
    lt_status st = ok && s->db ? each_collection(s, add_collection, &j, err) : LT_OK;

    if (ok && st == LT_OK)
        ok = no_model->code == LT_OK
                 ? add_model(&j, root, model)
                 : yyjson_mut_obj_add_str(j.doc, root, "model_error", no_model->message);
    if (ok && st == LT_OK)
        return cli_out_json(j.doc, err);
    yyjson_mut_doc_free(j.doc);
    return st == LT_OK ? lt_fail_nomem(err) : st;
}

static int run(const cli_globals *globals, const void *a, const cli_list *operands)
{
    LT_CLEANUP(cli_session_done) cli_session s = {0};
    lt_model_info model = LT_MODEL_INFO_INIT;
    lt_error err, no_model;

    (void)operands;
    lt_status st = cli_session_init(&s, globals, &err);

    if (st == LT_OK)
        st = open_parts(&s, &model, &no_model, &err);
    if (st == LT_OK)
        st = (((const args *)a)->json ? print_json : print_text)(&s, &model, &no_model, &err);
    return st == LT_OK ? CLI_EXIT_OK : cli_failed(&err);
}

const cli_command cli_cmd_info = {
    .name = "info",
    .operands = "",
    .summary = "show where the index is and what is in it",
    .about = "Shows the data directory, its collections with their sizes, and the model.",
    .examples = "latent info --data /srv/photos-index",
    .options = options,
    .n_options = CLI_COUNT_OF(options),
    .run = run,
    .args_size = sizeof(args),
};
