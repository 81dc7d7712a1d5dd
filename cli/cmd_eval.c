/* SPDX-License-Identifier: Apache-2.0
 * latent eval: how well a model finds the right picture for a caption, and the right caption for a
 * picture. Any wrong line or unreadable picture ends it: a measurement with parts missing would
 * look like one without. */
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>

#include "bar.h"
#include "captions.h"
#include "cmd.h"
#include "recall.h"
#include "session.h"
#include "term.h"

typedef struct args {
    const char *photos;
    bool json;
    size_t dims, threads;
} args;

static const cli_option options[] = {
    {"photos", 0, CLI_TEXT, offsetof(args, photos), "DIR", CLI_COMPLETE_FOLDERS, 0, 0,
     "where the photos are (default: the folder of FILE)"},
    {"dims", 0, CLI_SIZE, offsetof(args, dims), "K", CLI_COMPLETE_NONE, 1, LT_LIMIT_DIMS,
     "measure with the first K dimensions only"},
    {"threads", 'j', CLI_SIZE, offsetof(args, threads), "N", CLI_COMPLETE_NONE, 1, 256,
     "threads to use (default: one a core)"},
    {"json", 0, CLI_FLAG, offsetof(args, json), NULL, CLI_COMPLETE_NONE, 0, 0,
     "print one JSON object a language and direction"},
};

enum { BATCH = 32, DRAWS = 1000, SEED = 20240501 };

typedef struct evaluation {
    const args *a;
    const char *file;
    cli_captions captions;
    lt_model *model;
    lt_model_info info;
    size_t dims; /* measured with */
    float *photos, *texts; /* rows of dims */
    cli_bar bar;
} evaluation;

static void evaluation_done(evaluation *e)
{
    cli_bar_clear(&e->bar);
    cli_captions_done(&e->captions);
    lt_free(e->photos);
    lt_free(e->texts);
}

/* ---- embedding --------------------------------------------------------------------------------- */

static lt_status embed_photo_batch(evaluation *e, size_t at, size_t n, float *rows, lt_error *err)
{
    lt_picture pictures[BATCH] = {0};
    lt_error each[BATCH];

    for (size_t i = 0; i < n; i++)
        pictures[i] = (lt_picture){.path = e->captions.photos[at + i]};
    LT_TRY(lt_model_embed_pictures(e->model, pictures, n, rows, each, err));
    for (size_t i = 0; i < n; i++)
        if (each[i].code != LT_OK)
            return lt_fail(err, each[i].code, "%s:%zu: %s", e->file, e->captions.lines[at + i],
                           each[i].message);
    return LT_OK;
}

static lt_status embed_text_batch(evaluation *e, size_t at, size_t n, float *rows, lt_error *err)
{
    const char *texts[BATCH];

    for (size_t i = 0; i < n; i++)
        texts[i] = e->captions.items[at + i].text;
    return lt_model_embed_texts(e->model, texts, n, rows, err);
}

typedef lt_status (*embed_batch)(evaluation *e, size_t at, size_t n, float *rows, lt_error *err);

/* Embeds n things into a new array of n * e->dims, a batch at a time. */
static lt_status embed_all(evaluation *e, size_t n, const char *what, embed_batch embed,
                           float **out, lt_error *err)
{
    LT_AUTOFREE float *batch = lt_calloc(BATCH * e->info.dims, sizeof *batch);
    size_t size;

    if (!lt_mul_size(n, e->dims, &size))
        return lt_fail_nomem(err);
    *out = lt_calloc(size, sizeof **out);
    if (!batch || !*out)
        return lt_fail_nomem(err);
    cli_bar_init(&e->bar, what, e->a->json && !cli_term_get()->err_style);
    for (size_t at = 0; at < n; at += BATCH) {
        size_t some = n - at < BATCH ? n - at : BATCH;

        LT_TRY(embed(e, at, some, batch, err));
        LT_TRY(lt_vectors_cut(&e->info, batch, some, e->dims, err));
        memcpy(*out + at * e->dims, batch, some * e->dims * sizeof *batch);
        cli_bar_update(&e->bar, at + some, n, false, 0);
    }
    cli_bar_clear(&e->bar);
    return LT_OK;
}

/* ---- one language ------------------------------------------------------------------------------ */

typedef struct subset {
    float *texts;
    uint32_t *owner;
    size_t n;
} subset;

static void subset_done(subset *s)
{
    lt_free(s->texts);
    lt_free(s->owner);
}

static lt_status take_language(const evaluation *e, size_t lang, subset *out, lt_error *err)
{
    const cli_captions *c = &e->captions;
    size_t n = 0;

    for (size_t i = 0; i < c->n_items; i++)
        n += c->items[i].lang == lang;
    out->texts = lt_calloc(n * e->dims, sizeof *out->texts);
    out->owner = lt_calloc(n, sizeof *out->owner);
    if (!out->texts || !out->owner)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < c->n_items; i++) {
        if (c->items[i].lang != lang)
            continue;
        memcpy(out->texts + out->n * e->dims, e->texts + i * e->dims,
               e->dims * sizeof *out->texts);
        out->owner[out->n++] = c->items[i].photo;
    }
    return LT_OK;
}

static lt_status measure_texts(const cli_pairs *p, cli_recall *out, lt_error *err)
{
    LT_AUTOFREE uint32_t *ranks = lt_calloc(p->n_texts, sizeof *ranks);

    if (!ranks)
        return lt_fail_nomem(err);
    LT_TRY(cli_rank_photos(p, ranks, err));
    cli_ranks r = {ranks, p->owner, p->n_texts, p->n_photos};

    return cli_recall_compute(&r, DRAWS, SEED, out, err);
}

static lt_status measure_photos(const cli_pairs *p, cli_recall *out, lt_error *err)
{
    LT_AUTOFREE uint32_t *ranks = lt_calloc(p->n_photos, sizeof *ranks);
    LT_AUTOFREE uint32_t *photo = lt_calloc(p->n_photos, sizeof *photo);
    size_t n = 0;

    if (!ranks || !photo)
        return lt_fail_nomem(err);
    LT_TRY(cli_rank_texts(p, ranks, err));
    for (size_t i = 0; i < p->n_photos; i++) {
        if (ranks[i] == 0) /* no caption in this language */
            continue;
        ranks[n] = ranks[i];
        photo[n++] = (uint32_t)i;
    }
    cli_ranks r = {ranks, photo, n, p->n_photos};

    return cli_recall_compute(&r, DRAWS, SEED, out, err);
}

/* ---- output ------------------------------------------------------------------------------------ */

static lt_status print_json(const evaluation *e, const char *lang, bool from_text, size_t n_texts,
                            const cli_recall *r, lt_error *err)
{
    yyjson_mut_val *root, *recall, *ci;
    yyjson_mut_doc *doc = cli_json_object(&root);
    static const char *const names[CLI_RECALL_KS] = {"1", "5", "10"};
    bool ok = root && cli_json_text(doc, root, "lang", lang) &&
              yyjson_mut_obj_add_str(doc, root, "direction",
                                     from_text ? "text_to_image" : "image_to_text") &&
              yyjson_mut_obj_add_uint(doc, root, "n", r->n) &&
              yyjson_mut_obj_add_uint(doc, root, "photos", e->captions.n_photos) &&
              yyjson_mut_obj_add_uint(doc, root, "captions", n_texts) &&
              (recall = yyjson_mut_obj_add_obj(doc, root, "recall")) != NULL &&
              (ci = yyjson_mut_obj_add_obj(doc, root, "ci95")) != NULL;

    for (int k = 0; ok && k < CLI_RECALL_KS; k++) {
        yyjson_mut_val *pair = yyjson_mut_obj_add_arr(doc, ci, names[k]);

        ok = cli_json_rounded(doc, recall, names[k], r->at[k], 6) && pair &&
             yyjson_mut_arr_add_real(doc, pair, r->low[k]) &&
             yyjson_mut_arr_add_real(doc, pair, r->high[k]);
    }
    ok = ok && yyjson_mut_obj_add_real(doc, root, "median_rank", r->median_rank) &&
         yyjson_mut_obj_add_uint(doc, root, "dims", e->dims) &&
         cli_json_text(doc, root, "model", e->info.name);
    if (!ok) {
        yyjson_mut_doc_free(doc);
        doc = NULL;
    }
    return cli_out_json(doc, err);
}

static void print_header(const evaluation *e)
{
    cli_outf("%s, %s; model %s, %zu dimensions\n\n",
             cli_count(e->captions.n_photos, "photo", "photos"),
             cli_count(e->captions.n_items, "caption", "captions"), e->info.name, e->dims);
    cli_outf("%-6s %-14s %9s   %-18s %-18s %-18s %6s\n", "lang", "direction", "questions",
             "R@1 % (95 % CI)", "R@5 %", "R@10 %", "median");
}

static void print_row(const char *lang, bool from_text, const cli_recall *r)
{
    cli_outf("%-6s %-14s %9zu  ", lang, from_text ? "text to image" : "image to text", r->n);
    for (int k = 0; k < CLI_RECALL_KS; k++) {
        char cell[48];

        snprintf(cell, sizeof cell, "%5.1f (%.1f-%.1f)", 100 * r->at[k], 100 * r->low[k],
                 100 * r->high[k]);
        cli_outf(" %-18s", cell);
    }
    cli_outf(" %6.1f\n", r->median_rank);
}

/* ---- the command ------------------------------------------------------------------------------- */

static lt_status measure_language(const evaluation *e, size_t lang, lt_error *err)
{
    LT_CLEANUP(subset_done) subset s = {0};
    LT_CLEANUP(lt_buf_done) lt_buf name = {0};
    const char *code = e->captions.langs[lang];
    cli_recall recalls[2];

    LT_TRY(take_language(e, lang, &s, err));
    cli_pairs pairs = {e->photos, s.texts, s.owner, e->captions.n_photos,
                       s.n,       e->dims, (unsigned)e->a->threads};

    LT_TRY(measure_texts(&pairs, &recalls[0], err));
    LT_TRY(measure_photos(&pairs, &recalls[1], err));
    LT_TRY(cli_escape(code, strlen(code), &name, err));
    for (int i = 0; i < 2; i++) {
        if (e->a->json)
            LT_TRY(print_json(e, code, i == 0, s.n, &recalls[i], err));
        else
            print_row(name.data, i == 0, &recalls[i]);
    }
    return LT_OK;
}

static lt_status evaluate(cli_session *s, evaluation *e, lt_error *err)
{
    LT_TRY(cli_captions_read(e->file, e->a->photos, &e->captions, err));
    LT_TRY(cli_open_model(s, LT_USE_THROUGHPUT, e->a->threads, err));
    e->model = s->model;
    e->info = (lt_model_info)LT_MODEL_INFO_INIT;
    LT_TRY(lt_model_get_info(s->model, &e->info, err));
    e->dims = e->a->dims ? e->a->dims : e->info.dims;
    LT_TRY(lt_vectors_cut(&e->info, NULL, 0, e->dims, err));
    LT_TRY(embed_all(e, e->captions.n_photos, "photos", embed_photo_batch, &e->photos, err));
    LT_TRY(embed_all(e, e->captions.n_items, "captions", embed_text_batch, &e->texts, err));
    if (!e->a->json)
        print_header(e);
    for (size_t i = 0; i < e->captions.n_langs; i++)
        LT_TRY(measure_language(e, i, err));
    return LT_OK;
}

static int run(const cli_globals *globals, const void *a, const cli_list *operands)
{
    LT_CLEANUP(cli_session_done) cli_session s = {.globals = globals};
    LT_CLEANUP(evaluation_done) evaluation e = {.a = a, .file = operands->items[0]};
    lt_error err;

    if (evaluate(&s, &e, &err) == LT_OK)
        return CLI_EXIT_OK;
    cli_bar_clear(&e.bar);
    return cli_failed(&err);
}

const cli_command cli_cmd_eval = {
    .name = "eval",
    .operands = "FILE.jsonl",
    .summary = "measure how well a model finds captioned photos",
    .about =
        "FILE has one JSON object a line: {\"photo\": \"a.jpg\", \"lang\": \"en\", \"caption\": "
        "\"...\"}, or with \"captions\": {\"en\": [\"...\"], \"de\": \"...\"}. A line with only "
        "\"photo\" is a distractor: one more picture to be mistaken for the right one.\n"
        "Prints for each language recall at 1, 5 and 10: text to image (each caption among all photos of the file), "
        "and image to text (any caption of the photo among all captions of the language), with 95 % "
        "bootstrap intervals resampled by photo, and the median rank.",
    .examples = "latent eval captions.jsonl --photos ~/Pictures\n"
                "latent eval captions.jsonl --dims 128 --json",
    .options = options,
    .n_options = CLI_COUNT_OF(options),
    .completes = CLI_COMPLETE_FILES,
    .min_operands = 1,
    .max_operands = 1,
    .missing = "which file? as in: latent eval captions.jsonl",
    .run = run,
    .args_size = sizeof(args),
};
