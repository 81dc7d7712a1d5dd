/* SPDX-License-Identifier: Apache-2.0
 * latent embed: texts and pictures to vectors, one JSON object an input, in the order of the
 * inputs: --text first, then files, then standard input. */
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "lines.h"
#include "session.h"
#include "term.h"

typedef struct args {
    cli_list text;
    bool json, stdin_files, stdin_text;
    size_t dims, threads;
} args;

static const cli_option options[] = {
    {"text", 't', CLI_LIST, offsetof(args, text), "TEXT", CLI_COMPLETE_NONE, 0, 0,
     "a text to embed; may be given again"},
    {"stdin-files", 0, CLI_FLAG, offsetof(args, stdin_files), NULL, CLI_COMPLETE_NONE, 0, 0,
     "also the files named on standard input, one a line"},
    {"stdin-text", 0, CLI_FLAG, offsetof(args, stdin_text), NULL, CLI_COMPLETE_NONE, 0, 0,
     "also the texts on standard input, one a line"},
    {"dims", 0, CLI_SIZE, offsetof(args, dims), "K", CLI_COMPLETE_NONE, 1, LT_LIMIT_DIMS,
     "only the first K dimensions, made unit length again"},
    {"threads", 'j', CLI_SIZE, offsetof(args, threads), "N", CLI_COMPLETE_NONE, 1, 256,
     "threads to use (default: one a core)"},
    {"json", 0, CLI_FLAG, offsetof(args, json), NULL, CLI_COMPLETE_NONE, 0, 0,
     "print JSON, which is what is printed anyway"},
};

enum {
    BATCH = 32,          /* inputs of one model call */
    THROUGHPUT_FROM = 8, /* so many inputs are worth the setting for many */
};

typedef struct embedder {
    lt_model *model;
    const lt_model_info *info;
    size_t keep;    /* dimensions printed */
    float *vectors; /* BATCH rows */
    lt_error each[BATCH];
    size_t n_failed;
} embedder;

/* ---- output ------------------------------------------------------------------------------------ */

static lt_status print_vector(const embedder *e, const char *input, bool is_path, const float *row,
                              const lt_error *why, lt_error *err)
{
    yyjson_mut_val *root;
    yyjson_mut_doc *doc = cli_json_object(&root);
    bool ok = root && (is_path ? cli_json_path(doc, root, "input", "input_hex", input)
                               : cli_json_text(doc, root, "input", input));

    if (ok && why) {
        ok = yyjson_mut_obj_add_strcpy(doc, root, "error",
                                       is_path ? cli_reason(input, why) : why->message);
    } else if (ok) {
        yyjson_mut_val *list = yyjson_mut_arr_with_float(doc, row, e->keep);

        ok = list && yyjson_mut_obj_add_val(doc, root, "embedding", list);
    }
    if (!ok) {
        yyjson_mut_doc_free(doc);
        doc = NULL;
    }
    return cli_out_json(doc, err);
}

static lt_status print_batch(embedder *e, char *const *inputs, size_t n, bool are_paths,
                             lt_error *err)
{
    LT_TRY(lt_vectors_cut(e->info, e->vectors, n, e->keep, err));
    for (size_t i = 0; i < n; i++) {
        bool bad = e->each[i].code != LT_OK;

        e->n_failed += bad;
        LT_TRY(print_vector(e, inputs[i], are_paths, e->vectors + i * e->keep,
                            bad ? &e->each[i] : NULL, err));
    }
    cli_out_flush();
    return cli_out_broken() ? lt_fail(err, LT_EIO, "cannot write the output") : LT_OK;
}

/* ---- batches ----------------------------------------------------------------------------------- */

/* An input's own fault, not the model's. */
static bool is_input_error(lt_status st)
{
    return st == LT_EINVAL || st == LT_ELIMIT;
}

/* One bad text fails the whole call, so then each is tried alone. */
static lt_status embed_texts(embedder *e, char *const *texts, size_t n, lt_error *err)
{
    lt_error why;
    lt_status st = lt_model_embed_texts(e->model, (const char *const *)texts, n, e->vectors, &why);

    memset(e->each, 0, sizeof e->each);
    for (size_t i = 0; is_input_error(st) && i < n; i++) {
        const char *text = texts[i];
        lt_status one =
            lt_model_embed_texts(e->model, &text, 1, e->vectors + i * e->info->dims, &e->each[i]);

        e->each[i].code = one;
        if (one != LT_OK && !is_input_error(one)) {
            st = one;
            why = e->each[i];
        }
    }
    if (st != LT_OK && !is_input_error(st)) {
        *err = why;
        return st;
    }
    return print_batch(e, texts, n, false, err);
}

static lt_status embed_files(embedder *e, char *const *paths, size_t n, lt_error *err)
{
    lt_picture pictures[BATCH] = {0};

    memset(e->each, 0, sizeof e->each);
    for (size_t i = 0; i < n; i++)
        pictures[i] = (lt_picture){.path = paths[i]};
    LT_TRY(lt_model_embed_pictures(e->model, pictures, n, e->vectors, e->each, err));
    return print_batch(e, paths, n, true, err);
}

static lt_status embed_list(embedder *e, const cli_list *list, bool are_paths, lt_error *err)
{
    for (size_t i = 0; i < list->n; i += BATCH) {
        size_t n = list->n - i < BATCH ? list->n - i : BATCH;
        char *inputs[BATCH];

        for (size_t k = 0; k < n; k++)
            inputs[k] = (char *)(uintptr_t)list->items[i + k];
        LT_TRY(are_paths ? embed_files(e, inputs, n, err) : embed_texts(e, inputs, n, err));
    }
    return LT_OK;
}

/* Lines are taken as they come: a batch is what is there. */
static lt_status embed_stdin(embedder *e, bool are_paths, lt_error *err)
{
    LT_CLEANUP(cli_lines_done) cli_lines lines = {
        .fd = STDIN_FILENO, .name = "standard input", .line_max = LT_LIMIT_TEXT_BYTES};

    for (;;) {
        char *inputs[BATCH];
        size_t n = 0, len;

        LT_TRY(cli_lines_next(&lines, true, &inputs[0], &len, err));
        if (!inputs[0])
            return LT_OK;
        for (n = 1; n < BATCH; n++) {
            LT_TRY(cli_lines_next(&lines, false, &inputs[n], &len, err));
            if (!inputs[n])
                break;
        }
        LT_TRY(are_paths ? embed_files(e, inputs, n, err) : embed_texts(e, inputs, n, err));
    }
}

/* ---- the command ------------------------------------------------------------------------------- */

static lt_status embed_all(cli_session *s, embedder *e, const args *a, const cli_list *files,
                           lt_error *err)
{
    lt_model_info info = LT_MODEL_INFO_INIT;
    bool many = a->stdin_files || a->stdin_text || a->text.n + files->n >= THROUGHPUT_FROM;

    LT_TRY(cli_open_model(s, many ? LT_USE_THROUGHPUT : LT_USE_LATENCY, a->threads, err));
    LT_TRY(lt_model_get_info(s->model, &info, err));
    e->info = &info;
    e->keep = a->dims ? a->dims : info.dims;
    LT_TRY(lt_vectors_cut(&info, NULL, 0, e->keep, err));
    LT_AUTOFREE float *vectors = lt_calloc(BATCH * info.dims, sizeof *vectors);

    if (!vectors)
        return lt_fail_nomem(err);
    e->model = s->model;
    e->vectors = vectors;
    LT_TRY(embed_list(e, &a->text, false, err));
    LT_TRY(embed_list(e, files, true, err));
    return a->stdin_files || a->stdin_text ? embed_stdin(e, a->stdin_files, err) : LT_OK;
}

static int run(const cli_globals *globals, const void *v, const cli_list *operands)
{
    const args *a = v;
    LT_CLEANUP(cli_session_done) cli_session s = {.globals = globals};
    embedder e = {0};
    lt_error err;

    if (a->stdin_files && a->stdin_text) {
        cli_complain("--stdin-files or --stdin-text, not both (see: latent help embed)");
        return CLI_EXIT_USAGE;
    }
    if (a->text.n == 0 && operands->n == 0 && !a->stdin_files && !a->stdin_text) {
        cli_complain("what to embed? as in: latent embed --text \"a red boat\", or: latent embed "
                     "FILE...");
        return CLI_EXIT_USAGE;
    }
    lt_status st = embed_all(&s, &e, a, operands, &err);

    if (st != LT_OK && !cli_out_broken())
        return cli_failed(&err);
    return e.n_failed ? CLI_EXIT_INPUT : CLI_EXIT_OK;
}

const cli_command cli_cmd_embed = {
    .name = "embed",
    .operands = "[FILE]...",
    .summary = "print the vectors of texts and pictures",
    .about =
        "Prints one JSON object an input, a line each: input and embedding (an array of unit "
        "length), or input and error. Texts come first, then files, then standard input, whose "
        "lines are answered as they come. Texts and pictures share one space: the dot product of "
        "two vectors is the score that a search would give.\n"
        "The exit code is 1 if any input failed.",
    .examples = "latent embed --text \"a red boat\" --text \"ein rotes Boot\" boat.jpg\n"
                "ls *.jpg | latent embed --stdin-files > vectors.jsonl",
    .options = options,
    .n_options = CLI_COUNT_OF(options),
    .completes = CLI_COMPLETE_FILES,
    .max_operands = SIZE_MAX,
    .run = run,
    .args_size = sizeof(args),
};
