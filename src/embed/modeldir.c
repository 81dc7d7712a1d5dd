/* SPDX-License-Identifier: Apache-2.0 */
#include "modeldir.h"

#include <base/file.h>
#include <base/limits.h>
#include <base/mem.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "jsonfile.h"

void lt_modeldir_done(lt_modeldir *d)
{
    lt_free(d->path);
    lt_free(d->name);
    lt_free(d->languages);
    lt_free(d->text_prefix);
    lt_free(d->text_graph);
    lt_free(d->image_graph);
    lt_free(d->tokenizer);
    lt_free(d->pad_token);
    *d = (lt_modeldir){0};
}

static lt_status keep(const char *text, char **out, lt_error *err)
{
    char *copy = lt_strdup(text);

    if (!copy)
        return lt_fail_nomem(err);
    lt_free(*out);
    *out = copy;
    return LT_OK;
}

static void lower_max(size_t *max, uint64_t value)
{
    if (value && (*max == 0 || value < *max))
        *max = (size_t)value;
}

/* ---- the graphs ------------------------------------------------------------------------------ */

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* The path of the graph called `stem` in its preferred variant; NULL where there is none. */
static lt_status find_graph(const char *dir, const char *stem, char **out, lt_error *err)
{
    static const char *const folders[] = {"onnx/", ""};
    static const char *const variants[] = {"", "_fp16", "_int8", "_quantized", "_uint8"};
    char name[96];

    *out = NULL;
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        for (size_t v = 0; v < sizeof variants / sizeof *variants; v++) {
            (void)snprintf(name, sizeof name, "%s%s%s.onnx", folders[f], stem, variants[v]);
            LT_AUTOFREE char *path = lt_path_join(dir, name);

            if (!path)
                return lt_fail_nomem(err);
            if (is_file(path)) {
                *out = lt_steal(&path);
                return LT_OK;
            }
        }
    }
    return LT_OK;
}

static lt_status find_graphs(lt_modeldir *d, lt_error *err)
{
    LT_TRY(find_graph(d->path, "text_model", &d->text_graph, err));
    LT_TRY(find_graph(d->path, "vision_model", &d->image_graph, err));
    if (d->text_graph || d->image_graph)
        return LT_OK;
    LT_TRY(find_graph(d->path, "model", &d->text_graph, err));
    if (!d->text_graph)
        return lt_fail(err, LT_ENOTFOUND,
                       "%s: no graph: onnx/text_model.onnx and onnx/vision_model.onnx, or "
                       "onnx/model.onnx, is needed",
                       d->path);
    d->joint = true;
    return keep(d->text_graph, &d->image_graph, err);
}

/* ---- the JSON files -------------------------------------------------------------------------- */

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Roberta's table of positions begins behind the padding token's, so two are never used. */
static uint64_t usable_positions(const char *type, uint64_t n)
{
    bool shifted = starts_with(type, "xlm-roberta") || starts_with(type, "roberta") ||
                   starts_with(type, "camembert");

    return shifted && n > 2 ? n - 2 : n;
}

static lt_status read_config(lt_modeldir *d, lt_error *err)
{
    LT_CLEANUP(lt_jsonfile_done) lt_jsonfile f = {0};
    yyjson_val *text = NULL;
    const char *type = "", *text_type = "";
    uint64_t positions = 0, pad = 0;

    LT_TRY(lt_jsonfile_read(d->path, "config.json", &f, err));
    LT_TRY(lt_jsonfile_string(&f, f.root, "model_type", &type, err));
    LT_TRY(lt_jsonfile_object(&f, f.root, "text_config", &text, err));
    text_type = type;
    if (text)
        LT_TRY(lt_jsonfile_string(&f, text, "model_type", &text_type, err));
    else
        text = f.root;
    LT_TRY(lt_jsonfile_uint(&f, text, "max_position_embeddings", 1, 1u << 24, &positions, err));
    /* SigLIP's classes have it as a default that exporters leave out. */
    if (positions == 0 && starts_with(type, "siglip"))
        positions = 64;
    lower_max(&d->max_tokens, usable_positions(text_type, positions));
    yyjson_val *id = yyjson_obj_get(text, "pad_token_id");

    if (yyjson_is_uint(id)) {
        LT_TRY(lt_jsonfile_uint(&f, text, "pad_token_id", 0, 1u << 30, &pad, err));
        d->has_pad_id = true;
        d->pad_id = (int64_t)pad;
    }
    /* SigLIP was trained with padding it does not mask out: every text has its full length. */
    if (starts_with(type, "siglip"))
        d->pad_to = d->max_tokens;
    return LT_OK;
}

static lt_status read_tokenizer_config(lt_modeldir *d, lt_error *err)
{
    LT_CLEANUP(lt_jsonfile_done) lt_jsonfile f = {0};
    lt_status st = lt_jsonfile_read(d->path, "tokenizer_config.json", &f, err);
    const char *pad = NULL;

    if (st == LT_ENOTFOUND)
        return LT_OK;
    LT_TRY(st);
    /* "No limit" is written as a huge number there. */
    yyjson_val *length = yyjson_obj_get(f.root, "model_max_length");

    if (yyjson_is_num(length) && yyjson_get_num(length) >= 1 && yyjson_get_num(length) < 1e6)
        lower_max(&d->max_tokens, (uint64_t)yyjson_get_num(length));
    yyjson_val *token = yyjson_obj_get(f.root, "pad_token");

    if (yyjson_is_obj(token))
        LT_TRY(lt_jsonfile_string(&f, token, "content", &pad, err));
    else
        LT_TRY(lt_jsonfile_string(&f, f.root, "pad_token", &pad, err));
    return pad ? keep(pad, &d->pad_token, err) : LT_OK;
}

static lt_status read_languages(const lt_jsonfile *f, lt_modeldir *d, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf joined = {0};
    yyjson_val *list = yyjson_obj_get(f->root, "languages");

    if (!list || yyjson_is_null(list))
        return LT_OK;
    if (!yyjson_is_arr(list))
        return lt_jsonfile_wrong(f, "languages", "a list of codes", list, err);
    for (size_t i = 0; i < yyjson_arr_size(list); i++) {
        yyjson_val *item = yyjson_arr_get(list, i);

        if (!yyjson_is_str(item))
            return lt_jsonfile_wrong(f, "languages", "a list of codes", item, err);
        LT_TRY(lt_buf_addf(&joined, err, "%s%s", i ? "," : "", yyjson_get_str(item)));
    }
    return joined.len ? keep(joined.data, &d->languages, err) : LT_OK;
}

/* What latent.json says comes before what the other files say. */
static lt_status read_latent(lt_modeldir *d, lt_error *err)
{
    LT_CLEANUP(lt_jsonfile_done) lt_jsonfile f = {0};
    lt_status st = lt_jsonfile_read(d->path, "latent.json", &f, err);
    const char *name = NULL, *prefix = NULL;
    uint64_t dims = 0, max_tokens = 0, pad_to = 0;

    if (st == LT_ENOTFOUND)
        return LT_OK;
    LT_TRY(st);
    LT_TRY(lt_jsonfile_string(&f, f.root, "name", &name, err));
    LT_TRY(lt_jsonfile_string(&f, f.root, "text_prefix", &prefix, err));
    LT_TRY(lt_jsonfile_uint(&f, f.root, "dims", 1, LT_LIMIT_DIMS, &dims, err));
    LT_TRY(lt_jsonfile_bool(&f, f.root, "dims_ordered", &d->dims_ordered, err));
    LT_TRY(lt_jsonfile_bool(&f, f.root, "lowercase_all_caps", &d->lowercase_all_caps, err));
    LT_TRY(lt_jsonfile_uint(&f, f.root, "max_tokens", 1, 1u << 20, &max_tokens, err));
    LT_TRY(lt_jsonfile_uint(&f, f.root, "pad_to", 1, 1u << 20, &pad_to, err));
    LT_TRY(read_languages(&f, d, err));
    if (name && *name)
        LT_TRY(keep(name, &d->name, err));
    if (prefix)
        LT_TRY(keep(prefix, &d->text_prefix, err));
    if (dims)
        d->dims = (size_t)dims;
    if (max_tokens)
        d->max_tokens = (size_t)max_tokens;
    if (pad_to) {
        d->pad_to = (size_t)pad_to;
        lower_max(&d->max_tokens, pad_to);
    }
    return LT_OK;
}

static lt_status find_tokenizer(lt_modeldir *d, lt_error *err)
{
    d->tokenizer = lt_path_join(d->path, "tokenizer.json");
    if (!d->tokenizer)
        return lt_fail_nomem(err);
    if (!is_file(d->tokenizer))
        return lt_fail(err, LT_ENOTFOUND, "%s: no tokenizer.json, which %s needs", d->path,
                       lt_path_name(d->text_graph));
    return LT_OK;
}

static lt_status resolve(const char *path, lt_modeldir *d, lt_error *err)
{
    char real[PATH_MAX];
    struct stat st;

    if (stat(path, &st) < 0 || !realpath(path, real))
        return lt_fail_errno(err, errno == ENOENT || errno == ENOTDIR ? LT_ENOTFOUND : LT_EIO,
                             errno, "model directory %s", path);
    if (!S_ISDIR(st.st_mode))
        return lt_fail(err, LT_EINVAL, "%s: a model is a directory, this is a file", path);
    LT_TRY(keep(real, &d->path, err));
    LT_TRY(keep(lt_path_name(real), &d->name, err));
    LT_TRY(keep("", &d->languages, err));
    return keep("", &d->text_prefix, err);
}

static lt_status read_all(const char *path, lt_modeldir *d, lt_error *err)
{
    LT_TRY(resolve(path, d, err));
    LT_TRY(find_graphs(d, err));
    LT_TRY(read_config(d, err));
    if (d->text_graph) {
        LT_TRY(find_tokenizer(d, err));
        LT_TRY(read_tokenizer_config(d, err));
    }
    if (d->image_graph)
        LT_TRY(lt_prep_read(d->path, &d->prep, err));
    LT_TRY(read_latent(d, err));
    return lt_relevance_read(d, err);
}

lt_status lt_modeldir_read(const char *path, lt_modeldir *out, lt_error *err)
{
    lt_modeldir d = {0};
    lt_status st = read_all(path, &d, err);

    if (st != LT_OK) {
        lt_modeldir_done(&d);
        return st;
    }
    *out = d;
    return LT_OK;
}
