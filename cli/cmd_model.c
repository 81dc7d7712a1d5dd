/* SPDX-License-Identifier: Apache-2.0
 * latent model: which models are there, and whether one works. */
#include <base/clock.h>
#include <base/error.h>
#include <base/file.h>
#include <base/mem.h>
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "paths.h"
#include "session.h"
#include "term.h"

typedef struct args {
    bool json;
} args;

static const cli_option options[] = {
    {"json", 0, CLI_FLAG, offsetof(args, json), NULL, CLI_COMPLETE_NONE, 0, 0,
     "print one JSON object a line"},
};

/* ---- list -------------------------------------------------------------------------------------- */

static lt_status print_model(const lt_model_info *m, bool is_default, bool json, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf directory = {0};

    if (json) {
        yyjson_mut_val *root;
        yyjson_mut_doc *doc = cli_json_object(&root);

        if (root) {
            cli_json_text(doc, root, "name", m->name);
            cli_json_path(doc, root, "directory", "directory_hex", m->directory);
            cli_json_text(doc, root, "languages", m->languages);
            cli_json_text(doc, root, "hash", m->hash);
            yyjson_mut_obj_add_uint(doc, root, "dims", m->dims);
            yyjson_mut_obj_add_bool(doc, root, "dims_ordered", m->dims_ordered);
            yyjson_mut_obj_add_bool(doc, root, "text", m->has_text);
            yyjson_mut_obj_add_bool(doc, root, "image", m->has_image);
            yyjson_mut_obj_add_bool(doc, root, "default", is_default);
        }
        return cli_out_json(doc, err);
    }
    LT_TRY(cli_escape(m->directory, strlen(m->directory), &directory, err));
    cli_outf("%s %s (%zu dimensions%s%s)\n    %s\n", is_default ? "*" : " ", m->name, m->dims,
             m->languages[0] ? ", " : "", m->languages, directory.data);
    return LT_OK;
}

/* Lists the models in the folders of `parent` but the one at `known`. A folder that is no model is
 * passed over; one whose description is damaged is complained about. */
static lt_status list_folder(const char *parent, const char *known, bool json, lt_error *err)
{
    struct dirent **entries = NULL;
    int n = scandir(parent, &entries, NULL, alphasort);
    lt_status st = LT_OK;

    for (int i = 0; i < n; i++) {
        LT_AUTOFREE char *dir = lt_path_join(parent, entries[i]->d_name);
        LT_AUTOFREE char *config = dir ? lt_path_join(dir, "config.json") : NULL;
        lt_model_info info = LT_MODEL_INFO_INIT;
        lt_model *model = NULL;
        lt_error why;

        if (st == LT_OK && config && entries[i]->d_name[0] != '.' && lt_path_exists(config) &&
            strcmp(dir, known) != 0) {
            if (lt_model_open(dir, NULL, &model, &why) != LT_OK ||
                lt_model_get_info(model, &info, &why) != LT_OK)
                cli_complain("%s", why.message);
            else
                st = print_model(&info, false, json, err);
            lt_model_close(model);
        }
        free(entries[i]); /* scandir's are libc's */
    }
    free(entries);
    return st;
}

/* The default model first, then its neighbours, then those in the data directory's models/. */
static lt_status list_models(cli_session *s, bool json, lt_error *err)
{
    lt_model_info info = LT_MODEL_INFO_INIT;
    LT_AUTOFREE char *own = lt_path_join(s->data, "models");

    if (!own)
        return lt_fail_nomem(err);
    LT_TRY(cli_open_model(s, LT_USE_LATENCY, 0, err));
    LT_TRY(lt_model_get_info(s->model, &info, err));
    LT_TRY(print_model(&info, true, json, err));
    LT_AUTOFREE char *parent = cli_path_absolute(info.directory);
    LT_AUTOFREE char *known = parent ? lt_strdup(parent) : NULL;

    if (!known)
        return lt_fail_nomem(err);
    char *slash = strrchr(parent, '/');

    if (slash && slash != parent) {
        *slash = '\0';
        LT_TRY(list_folder(parent, known, json, err));
        if (strcmp(parent, own) == 0)
            return LT_OK;
    }
    return list_folder(own, known, json, err);
}

/* ---- check ------------------------------------------------------------------------------------- */

/* A PNG of 16 x 16 pixels, all red: enough to run the image tower. */
static const uint8_t red_png[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
    0x44, 0x52, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x10, 0x08, 0x02, 0x00, 0x00,
    0x00, 0x90, 0x91, 0x68, 0x36, 0x00, 0x00, 0x00, 0x1a, 0x49, 0x44, 0x41, 0x54, 0x78,
    0xda, 0x63, 0xbc, 0x23, 0x22, 0xc2, 0x40, 0x0a, 0x60, 0x62, 0x20, 0x11, 0x8c, 0x6a,
    0x18, 0xd5, 0x30, 0x74, 0x34, 0x00, 0x00, 0x4f, 0x3d, 0x01, 0x24, 0x70, 0x15, 0x22,
    0x4b, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
};

typedef struct check {
    lt_model_info info;
    double open_ms, text_first_ms, text_ms, picture_first_ms, picture_ms;
    double likeness; /* of "red" to the red picture */
    double unlikeness; /* of "red" to "a river in a forest" */
} check;

static double length_of(const float *v, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)v[i] * (double)v[i];
    return sqrt(sum);
}

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static lt_status check_vector(const float *v, size_t n, const char *what, lt_error *err)
{
    double length = length_of(v, n);

    if (!(fabs(length - 1) < 1e-3)) /* also where it is not a number */
        return lt_fail(err, LT_ECORRUPT, "the model gives %s a vector of length %g, not 1", what,
                       length);
    return LT_OK;
}

static double ms_since(double began)
{
    return (lt_clock_s() - began) * 1000;
}

static lt_status check_texts(lt_model *model, check *c, float *red, float *other, lt_error *err)
{
    const char *const words = "red", *const others = "a river in a forest";
    double began = lt_clock_s();

    LT_TRY(lt_model_embed_texts(model, &words, 1, red, err));
    c->text_first_ms = ms_since(began);
    LT_TRY(check_vector(red, c->info.dims, "a text", err));
    began = lt_clock_s();
    LT_TRY(lt_model_embed_texts(model, &others, 1, other, err));
    c->text_ms = ms_since(began);
    c->unlikeness = dot(red, other, c->info.dims);
    if (c->unlikeness > 0.9999)
        return lt_fail(err, LT_ECORRUPT, "the model gives two different texts the same vector");
    return LT_OK;
}

static lt_status check_pictures(lt_model *model, check *c, float *out, lt_error *err)
{
    lt_picture picture = {
        .path = "(a red square)", .bytes = red_png, .n_bytes = sizeof red_png};
    double began = lt_clock_s();

    LT_TRY(lt_model_embed_pictures(model, &picture, 1, out, NULL, err));
    c->picture_first_ms = ms_since(began);
    began = lt_clock_s();
    LT_TRY(lt_model_embed_pictures(model, &picture, 1, out, NULL, err));
    c->picture_ms = ms_since(began);
    return check_vector(out, c->info.dims, "a picture", err);
}

static lt_status run_check(cli_session *s, check *c, lt_error *err)
{
    double began = lt_clock_s();

    c->info = (lt_model_info)LT_MODEL_INFO_INIT;
    LT_TRY(cli_open_model(s, LT_USE_LATENCY, 0, err));
    LT_TRY(lt_model_get_info(s->model, &c->info, err));
    c->open_ms = ms_since(began);
    LT_AUTOFREE float *rows = lt_calloc(3 * c->info.dims, sizeof *rows);
    float *picture = rows, *red = rows + c->info.dims, *other = red + c->info.dims;

    if (!rows)
        return lt_fail_nomem(err);
    if (c->info.has_text)
        LT_TRY(check_texts(s->model, c, red, other, err));
    if (c->info.has_image)
        LT_TRY(check_pictures(s->model, c, picture, err));
    if (c->info.has_text && c->info.has_image)
        c->likeness = dot(picture, red, c->info.dims);
    return LT_OK;
}

static lt_status print_check_json(const check *c, lt_error *err)
{
    const lt_model_info *m = &c->info;
    yyjson_mut_val *root;
    yyjson_mut_doc *doc = cli_json_object(&root);

    if (root) {
        yyjson_mut_obj_add_bool(doc, root, "ok", true);
        cli_json_text(doc, root, "name", m->name);
        cli_json_path(doc, root, "directory", "directory_hex", m->directory);
        cli_json_text(doc, root, "languages", m->languages);
        cli_json_text(doc, root, "hash", m->hash);
        yyjson_mut_obj_add_uint(doc, root, "dims", m->dims);
        yyjson_mut_obj_add_bool(doc, root, "dims_ordered", m->dims_ordered);
        cli_json_rounded(doc, root, "open_ms", c->open_ms, 3);
        cli_json_rounded(doc, root, "text_first_ms", c->text_first_ms, 3);
        cli_json_rounded(doc, root, "text_ms", c->text_ms, 3);
        cli_json_rounded(doc, root, "picture_first_ms", c->picture_first_ms, 3);
        cli_json_rounded(doc, root, "picture_ms", c->picture_ms, 3);
        cli_json_rounded(doc, root, "red_text_red_picture", c->likeness, 6);
        cli_json_rounded(doc, root, "red_text_other_text", c->unlikeness, 6);
    }
    return cli_out_json(doc, err);
}

static lt_status print_check(const check *c, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf directory = {0};
    const lt_model_info *m = &c->info;

    LT_TRY(cli_escape(m->directory, strlen(m->directory), &directory, err));
    cli_outf("%s works\n", m->name);
    cli_outf("%-14s%s\n", "  folder", directory.data);
    cli_outf("%-14s%s\n", "  hash", m->hash);
    cli_outf("%-14s%zu%s\n", "  dimensions", m->dims,
             m->dims_ordered ? ", ordered by importance" : "");
    cli_outf("%-14s%s\n", "  languages", m->languages[0] ? m->languages : "unknown");
    cli_outf("%-14s%.0f ms\n", "  opening", c->open_ms);
    if (m->has_text)
        cli_outf("%-14s%.0f ms with loading, %.1f ms without\n", "  a text", c->text_first_ms,
                 c->text_ms);
    if (m->has_image)
        cli_outf("%-14s%.0f ms with loading, %.1f ms without\n", "  a picture",
                 c->picture_first_ms, c->picture_ms);
    return LT_OK;
}

/* ---- the command ------------------------------------------------------------------------------- */

static int run(const cli_globals *globals, const void *a, const cli_list *operands)
{
    LT_CLEANUP(cli_session_done) cli_session s = {0};
    const char *what = operands->items[0];
    cli_globals g = *globals;
    bool json = ((const args *)a)->json, list = strcmp(what, "list") == 0;
    check c = {0};
    lt_error err;

    if (!list && strcmp(what, "check") != 0) {
        cli_complain("'latent model' knows list and check, not '%.60s' (see: latent help model)",
                     what);
        return CLI_EXIT_USAGE;
    }
    if (operands->n > 1 && list) {
        cli_complain("\"%.60s\" is one argument too many for 'model list'", operands->items[1]);
        return CLI_EXIT_USAGE;
    }
    if (operands->n > 1)
        g.model = operands->items[1];
    lt_status st = cli_session_init(&s, &g, &err);

    if (st == LT_OK && list)
        st = list_models(&s, json, &err);
    else if (st == LT_OK)
        st = run_check(&s, &c, &err);
    if (st == LT_OK && !list)
        st = (json ? print_check_json : print_check)(&c, &err);
    return st == LT_OK ? CLI_EXIT_OK : cli_failed(&err);
}

const cli_command cli_cmd_model = {
    .name = "model",
    .operands = "list | check [DIR]",
    .summary = "list models, or check that one works",
    .about =
        "list shows the model that is used (marked *) and others beside it. check opens a model's "
        "folder (hub layout: config.json, preprocessor_config.json, tokenizer.json, ONNX graphs), "
        "runs a text and a picture through it and prints facts and timings, or what is wrong.",
    .examples = "latent model list\nlatent model check ~/models/clip-vit-base-patch32",
    .options = options,
    .n_options = CLI_COUNT_OF(options),
    .completes = CLI_COMPLETE_LIST_CHECK,
    .min_operands = 1,
    .max_operands = 2,
    .missing = "list or check?",
    .run = run,
    .args_size = sizeof(args),
};
