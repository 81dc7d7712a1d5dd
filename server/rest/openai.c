/* SPDX-License-Identifier: Apache-2.0
 * Embeddings in OpenAI's form, for texts and for pictures.
 *
 * An input is a string, or a list of up to 2,048 of them. A string that is a data URL of a picture
 * ("data:image/jpeg;base64,...") is embedded as that picture; so are the objects {"text": ...} and
 * {"image": <data URL or base64>}. Lists of token ids belong to other models' tokenizers and are
 * refused. */
#include <base/base64.h>
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>
#include <value/value.h>

#include "prompt.h"
#include "rest.h"

enum { INPUTS_MAX = 2048 };

typedef struct inputs {
    lt_embed_item *items;
    lt_buf *pictures; /* the bytes of items that are pictures */
    size_t n;
    uint64_t n_tokens;
} inputs;

static void inputs_done(inputs *in)
{
    for (size_t i = 0; i < in->n; i++)
        lt_buf_done(&in->pictures[i]);
    lt_free(in->pictures);
    lt_free(in->items);
}

static lt_status add_picture(inputs *in, size_t i, yyjson_val *v, lt_error *err)
{
    lt_buf *bytes = &in->pictures[i];

    LT_TRY(lt_prompt_picture(yyjson_get_str(v), yyjson_get_len(v), bytes, err));
    in->items[i].picture.bytes = bytes->data;
    in->items[i].picture.n_bytes = bytes->len;
    return LT_OK;
}

static lt_status add_text(lt_service *s, inputs *in, size_t i, yyjson_val *v, lt_error *err)
{
    const char *text = yyjson_get_str(v);
    size_t n = 0;

    if (memchr(text, '\0', yyjson_get_len(v)))
        return lt_fail(err, LT_EINVAL, "the text contains a zero character");
    if (yyjson_get_len(v) > LT_LIMIT_TEXT_BYTES)
        return lt_fail(err, LT_ELIMIT, "the text has %zu bytes, at most %u are possible: shorten it",
                       yyjson_get_len(v), LT_LIMIT_TEXT_BYTES);
    in->items[i].text = text;
    LT_TRY(lt_model_count_tokens(lt_embedder_model(s->embedder), text, &n, err));
    in->n_tokens += n;
    return LT_OK;
}

static lt_status add_input(lt_service *s, inputs *in, size_t i, yyjson_val *v, lt_error *err)
{
    yyjson_val *text = yyjson_obj_get(v, "text"), *image = yyjson_obj_get(v, "image");

    if (yyjson_is_str(image))
        return add_picture(in, i, image, err);
    if (yyjson_is_str(text))
        return add_text(s, in, i, text, err);
    if (yyjson_is_str(v))
        return lt_prompt_data_url(yyjson_get_str(v)) ? add_picture(in, i, v, err)
                                                     : add_text(s, in, i, v, err);
    if (yyjson_is_num(v) || yyjson_is_arr(v))
        return lt_fail(err, LT_EINVAL,
                       "token ids cannot be embedded, as they mean something else to each model: "
                       "send text");
    return lt_fail(err, LT_EINVAL, "must be a string, {\"text\": ...} or {\"image\": ...}");
}

static lt_status read_inputs(lt_service *s, yyjson_val *input, inputs *in, lt_error *err)
{
    bool many = yyjson_is_arr(input);
    size_t n = many ? yyjson_arr_size(input) : 1;
    lt_error why;

    if (!input || n == 0)
        return lt_fail(err, LT_EINVAL, "'input' is missing or empty");
    if (n > INPUTS_MAX)
        return lt_fail(err, LT_ELIMIT, "%zu inputs, at most %d are possible", n, INPUTS_MAX);
    in->items = lt_calloc(n, sizeof *in->items);
    in->pictures = lt_calloc(n, sizeof *in->pictures);
    if (!in->items || !in->pictures)
        return lt_fail_nomem(err);
    in->n = n;
    for (size_t i = 0; i < n; i++) {
        yyjson_val *v = many ? yyjson_arr_get(input, i) : input;
        lt_status st = add_input(s, in, i, v, &why);

        if (st != LT_OK)
            return lt_fail(err, st, "input %zu: %s", i, why.message);
    }
    return LT_OK;
}

static lt_status read_format(yyjson_val *root, bool *base64, lt_error *err)
{
    yyjson_val *v = yyjson_obj_get(root, "encoding_format");

    *base64 = yyjson_equals_str(v, "base64");
    if (!v || yyjson_is_null(v) || *base64 || yyjson_equals_str(v, "float"))
        return LT_OK;
    return lt_fail(err, LT_EINVAL, "'encoding_format' must be \"float\" or \"base64\"");
}

/* One entry of "data". base64: the float32 values, little-endian. */
static lt_status add_entry(yyjson_mut_doc *doc, yyjson_mut_val *data, size_t i, const float *v,
                           size_t dims, bool base64, lt_error *err)
{
    yyjson_mut_val *entry = yyjson_mut_arr_add_obj(doc, data);
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};

    yyjson_mut_obj_add_str(doc, entry, "object", "embedding");
    yyjson_mut_obj_add_uint(doc, entry, "index", i);
    if (base64) {
        LT_TRY(lt_base64_encode(v, dims * sizeof *v, &text, err));
        yyjson_mut_obj_add_strncpy(doc, entry, "embedding", text.data, text.len);
        return LT_OK;
    }
    yyjson_mut_obj_add_val(doc, entry, "embedding", yyjson_mut_arr_with_float(doc, v, dims));
    return LT_OK;
}

static lt_status answer(const lt_service *s, const inputs *in, size_t dims, bool base64,
                        lt_http_answer *a, lt_error *err)
{
    const lt_model_info *info = lt_embedder_info(s->embedder);
    yyjson_mut_val *root;
    yyjson_mut_doc *doc = lt_reply_new(&root);

    if (!doc)
        return lt_fail_nomem(err);
    yyjson_mut_obj_add_str(doc, root, "object", "list");
    yyjson_mut_val *data = yyjson_mut_obj_add_arr(doc, root, "data");

    for (size_t i = 0; i < in->n; i++) {
        lt_status st = lt_vectors_cut(info, in->items[i].out, 1, dims, err);

        if (st == LT_OK)
            st = add_entry(doc, data, i, in->items[i].out, dims, base64, err);
        if (st != LT_OK) {
            yyjson_mut_doc_free(doc);
            return st;
        }
    }
    yyjson_mut_obj_add_str(doc, root, "model", info->name);
    yyjson_mut_val *usage = yyjson_mut_obj_add_obj(doc, root, "usage");

    yyjson_mut_obj_add_uint(doc, usage, "prompt_tokens", in->n_tokens);
    yyjson_mut_obj_add_uint(doc, usage, "total_tokens", in->n_tokens);
    lt_answer_json(a, 200, doc);
    return LT_OK;
}

static lt_status name_failure(const inputs *in, lt_status st, lt_error *err)
{
    size_t i = 0;

    while (i < in->n && in->items[i].status == LT_OK)
        i++;
    return i < in->n ? lt_fail(err, st, "input %zu: %s", i, in->items[i].why.message) : st;
}

LT_HANDLER(lt_rest_openai_embeddings)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    LT_CLEANUP(inputs_done) inputs in = {0};
    const lt_model_info *info = lt_embedder_info(s->embedder);
    size_t dims;
    bool base64;

    LT_TRY(lt_json_parse_object(r->body, r->n_body, "the body", &doc, err));
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *model = yyjson_get_str(yyjson_obj_get(root, "model"));

    if (!model)
        return lt_fail(err, LT_EINVAL, "'model' must be a string");
    if (!lt_service_is_model(s, model))
        /* Aleph Alpha's clients, who ask by another path, make other exceptions of it. */
        return lt_fail(err, args->route->errors == LT_ERRORS_OPENAI ? LT_ENOTFOUND : LT_EINVAL,
                       "unknown model '%s'; GET /v1/models lists the names", model);
    LT_TRY(lt_prompt_dims(root, "dimensions", info, &dims, err));
    LT_TRY(read_format(root, &base64, err));
    LT_TRY(read_inputs(s, yyjson_obj_get(root, "input"), &in, err));
    LT_AUTOFREE float *rows = lt_calloc(in.n * info->dims, sizeof *rows);

    if (!rows)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < in.n; i++)
        in.items[i].out = rows + i * info->dims;
    lt_embed_terms terms = lt_service_terms(s, r);
    lt_status st = lt_embedder_run(s->embedder, in.items, in.n, &terms, err);

    if (st != LT_OK)
        return name_failure(&in, st, err);
    return answer(s, &in, dims, base64, a, err);
}

/* ---- models ---------------------------------------------------------------------------------- */

static void fill_model(yyjson_mut_doc *doc, yyjson_mut_val *m, const char *name)
{
    yyjson_mut_obj_add_strcpy(doc, m, "id", name);
    yyjson_mut_obj_add_str(doc, m, "object", "model");
    yyjson_mut_obj_add_uint(doc, m, "created", 0);
    yyjson_mut_obj_add_str(doc, m, "owned_by", "latent");
}

LT_HANDLER(lt_rest_openai_models)
{
    yyjson_mut_val *root;
    yyjson_mut_doc *doc = lt_reply_new(&root);

    if (doc) {
        yyjson_mut_obj_add_str(doc, root, "object", "list");
        yyjson_mut_val *data = yyjson_mut_obj_add_arr(doc, root, "data");

        fill_model(doc, yyjson_mut_arr_add_obj(doc, data), lt_embedder_info(s->embedder)->name);
        for (size_t i = 0; i < s->config->n_aliases; i++)
            fill_model(doc, yyjson_mut_arr_add_obj(doc, data), s->config->aliases[i]);
    }
    lt_answer_json(a, 200, doc);
    return LT_OK;
}

LT_HANDLER(lt_rest_openai_model)
{
    if (!lt_service_is_model(s, args->name))
        return lt_fail(err, LT_ENOTFOUND, "unknown model '%s'", args->name);
    yyjson_mut_val *root;
    yyjson_mut_doc *doc = lt_reply_new(&root);

    if (doc)
        fill_model(doc, root, args->name);
    lt_answer_json(a, 200, doc);
    return LT_OK;
}
