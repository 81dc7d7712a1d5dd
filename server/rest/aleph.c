/* SPDX-License-Identifier: Apache-2.0
 * Aleph Alpha's embedding API, as its official Python client speaks it.
 *
 * What differs, since the model is another: `representation` is read and checked but changes nothing
 * (one space serves symmetric, document and query alike); vectors are always of unit length, so
 * `normalize` changes nothing either; `compress_to_size` may be any number up to the model's.
 * `hosting`, `tags`, `contextual_control_threshold` and `control_log_additive` are about that
 * service's machines and its model's attention, and are passed over. /instructable_embed answers an
 * empty instruction alone; /embed, which asks for a language model's layers, is refused. */
#include <base/error.h>
#include <base/file.h>
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>
#include <value/value.h>

#include "prompt.h"
#include "rest.h"

/* The version of the API that the clients ask for: at least 1.19. */
static const char API_VERSION[] = "1.19.0";

static const char *const representations[] = {"symmetric", "document", "query"};

LT_HANDLER(lt_rest_version)
{
    lt_answer_text(a, 200, API_VERSION);
    return LT_OK;
}

/* ---- models ---------------------------------------------------------------------------------- */

static void add_model(yyjson_mut_doc *doc, yyjson_mut_val *list, const char *name,
                      const lt_model_info *info)
{
    yyjson_mut_val *m = yyjson_mut_arr_add_obj(doc, list);

    yyjson_mut_obj_add_str(doc, m, "name", name);
    yyjson_mut_obj_add_str(doc, m, "description", info->name);
    yyjson_mut_obj_add_uint(doc, m, "max_context_size", 2048);
    yyjson_mut_obj_add_bool(doc, m, "image_support", info->has_image);
    yyjson_mut_obj_add_bool(doc, m, "multimodal", info->has_image && info->has_text);
    yyjson_mut_obj_add_bool(doc, m, "semantic_embedding_enabled", true);
    yyjson_mut_obj_add_bool(doc, m, "semantic_embedding", true);
    yyjson_mut_obj_add_str(doc, m, "embedding_type", "semantic");
    yyjson_mut_obj_add_uint(doc, m, "embedding_size", info->dims);
    yyjson_mut_obj_add_str(doc, m, "completion_type", "none");
    yyjson_mut_obj_add_str(doc, m, "status", "available");
    yyjson_mut_obj_add_bool(doc, m, "aligned", false);
    yyjson_mut_obj_add_bool(doc, m, "chat", false);
    yyjson_mut_obj_add_str(doc, m, "worker_type", "latent");
    yyjson_mut_obj_add_null(doc, m, "prompt_template");
}

LT_HANDLER(lt_rest_models)
{
    const lt_model_info *info = lt_embedder_info(s->embedder);
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *list = doc ? yyjson_mut_arr(doc) : NULL;

    if (list) {
        yyjson_mut_doc_set_root(doc, list);
        add_model(doc, list, info->name, info);
        for (size_t i = 0; i < s->config->n_aliases; i++)
            add_model(doc, list, s->config->aliases[i], info);
    }
    lt_answer_json(a, 200, doc);
    return LT_OK;
}

static lt_status check_model(const lt_service *s, yyjson_val *root, bool required, lt_error *err)
{
    yyjson_val *model = yyjson_obj_get(root, "model");

    if (!required && (!model || yyjson_is_null(model)))
        return LT_OK;
    if (!yyjson_is_str(model))
        return lt_fail(err, LT_EINVAL, "'model' must be a string");
    if (lt_service_is_model(s, yyjson_get_str(model)))
        return LT_OK;
    return lt_fail(err, LT_EINVAL, "unknown model '%s'; GET /models_available lists the names",
                   yyjson_get_str(model));
}

LT_HANDLER(lt_rest_tokenizer)
{
    LT_AUTOFREE char *path =
        lt_path_join(lt_embedder_info(s->embedder)->directory, "tokenizer.json");

    if (!lt_service_is_model(s, args->name))
        return lt_fail(err, LT_ENOTFOUND, "unknown model '%s'", args->name);
    if (!path)
        return lt_fail_nomem(err);
    a->content_type = "application/json; charset=utf-8";
    return lt_file_read(path, LT_LIMIT_TOKENIZER_BYTES, &a->body, err);
}

/* ---- semantic embeddings --------------------------------------------------------------------- */

typedef struct embed_request {
    lt_prompts prompts;
    size_t dims;
} embed_request;

static void request_done(embed_request *q)
{
    lt_prompts_done(&q->prompts);
}

static lt_status check_representation(yyjson_val *root, lt_error *err)
{
    yyjson_val *v = yyjson_obj_get(root, "representation");

    if (!yyjson_is_str(v))
        return lt_fail(err, LT_EINVAL,
                       "'representation' must be \"symmetric\", \"document\" or \"query\"");
    for (size_t i = 0; i < 3; i++)
        if (strcmp(yyjson_get_str(v), representations[i]) == 0)
            return LT_OK;
    return lt_fail(err, LT_EINVAL,
                   "unknown representation '%s' (known: symmetric, document, query)",
                   yyjson_get_str(v));
}

static lt_status check_instruction(yyjson_val *root, lt_error *err)
{
    yyjson_val *v = yyjson_obj_get(root, "instruction");

    if (!v || yyjson_is_null(v) || yyjson_equals_str(v, ""))
        return LT_OK;
    return lt_fail(err, LT_EINVAL,
                   "the model takes no instructions: leave 'instruction' empty, or use "
                   "/semantic_embed");
}

/* `key`: "prompt" or "input" for one, "prompts" for a list. */
static lt_status read_request(lt_service *s, yyjson_val *root, const char *key, embed_request *q,
                              lt_error *err)
{
    bool many = strcmp(key, "prompts") == 0;
    yyjson_val *prompts = yyjson_obj_get(root, key), *prompt;
    lt_model *model = lt_embedder_model(s->embedder);
    size_t i, n;
    lt_error why;

    LT_TRY(check_model(s, root, !many, err));
    if (strcmp(key, "input") == 0)
        LT_TRY(check_instruction(root, err));
    else
        LT_TRY(check_representation(root, err));
    LT_TRY(lt_prompt_dims(root, "compress_to_size", lt_embedder_info(s->embedder), &q->dims, err));
    if (!prompts)
        return lt_fail(err, LT_EINVAL, "'%s' is missing", key);
    if (!many)
        return lt_prompts_add(&q->prompts, model, prompts, err);
    if (!yyjson_is_arr(prompts))
        return lt_fail(err, LT_EINVAL, "'prompts' must be a list");
    if (yyjson_arr_size(prompts) > LT_PROMPTS_MAX)
        return lt_fail(err, LT_ELIMIT, "%zu prompts in one batch, at most %d are possible",
                       yyjson_arr_size(prompts), LT_PROMPTS_MAX);
    yyjson_arr_foreach(prompts, i, n, prompt)
    {
        lt_status st = lt_prompts_add(&q->prompts, model, prompt, &why);

        if (st != LT_OK)
            return lt_fail(err, st, "prompt %zu: %s", i, why.message);
    }
    return LT_OK;
}

/* Clients before 4.0 make their reply object of the very fields that come. */
static bool wants_token_count(const lt_http_request *r)
{
    const char *agent = lt_http_header(r, "User-Agent");

    return !agent || (!strstr(agent, "Aleph-Alpha-Python-Client-2.") &&
                      !strstr(agent, "Aleph-Alpha-Python-Client-3."));
}

static void answer_vectors(const lt_service *s, const lt_http_request *r, const embed_request *q,
                           bool many, const float *rows, lt_http_answer *a)
{
    const lt_model_info *info = lt_embedder_info(s->embedder);
    yyjson_mut_val *root;
    yyjson_mut_doc *doc = lt_reply_new(&root);
    char version[17] = {0};

    strncpy(version, info->hash, 16);
    if (doc) {
        yyjson_mut_obj_add_strcpy(doc, root, "model_version", version);
        if (many) {
            yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "embeddings");

            for (size_t i = 0; i < q->prompts.n_prompts; i++)
                yyjson_mut_arr_append(list,
                                      yyjson_mut_arr_with_float(doc, rows + i * q->dims, q->dims));
        } else {
            yyjson_mut_obj_add_val(doc, root, "embedding",
                                   yyjson_mut_arr_with_float(doc, rows, q->dims));
        }
        if (wants_token_count(r))
            yyjson_mut_obj_add_uint(doc, root, "num_tokens_prompt_total", q->prompts.n_tokens);
    }
    lt_answer_json(a, 200, doc);
}

static lt_status embed(lt_service *s, const lt_http_request *r, const char *key, lt_http_answer *a,
                       lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    LT_CLEANUP(request_done) embed_request q = {0};
    const lt_model_info *info = lt_embedder_info(s->embedder);

    LT_TRY(lt_json_parse_object(r->body, r->n_body, "the body", &doc, err));
    LT_TRY(read_request(s, yyjson_doc_get_root(doc), key, &q, err));
    LT_AUTOFREE float *rows = lt_calloc(q.prompts.n_prompts * info->dims, sizeof *rows);

    if (!rows)
        return lt_fail_nomem(err);
    lt_embed_terms terms = lt_service_terms(s, r);

    if (q.prompts.n_prompts)
        LT_TRY(lt_prompts_embed(&q.prompts, s->embedder, &terms, rows, err));
    LT_TRY(lt_vectors_cut(info, rows, q.prompts.n_prompts, q.dims, err));
    answer_vectors(s, r, &q, strcmp(key, "prompts") == 0, rows, a);
    return LT_OK;
}

LT_HANDLER(lt_rest_semantic_embed)
{
    return embed(s, r, "prompt", a, err);
}

LT_HANDLER(lt_rest_batch_semantic_embed)
{
    return embed(s, r, "prompts", a, err);
}

LT_HANDLER(lt_rest_instructable_embed)
{
    return embed(s, r, "input", a, err);
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static bool flag(yyjson_val *root, const char *key)
{
    return yyjson_get_bool(yyjson_obj_get(root, key));
}

LT_HANDLER(lt_rest_tokenize)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    lt_model *model = lt_embedder_model(s->embedder);
    int64_t *ids = NULL;
    size_t n = 0;

    LT_TRY(lt_json_parse_object(r->body, r->n_body, "the body", &doc, err));
    yyjson_val *root = yyjson_doc_get_root(doc), *prompt = yyjson_obj_get(root, "prompt");

    LT_TRY(check_model(s, root, true, err));
    if (!yyjson_is_str(prompt))
        return lt_fail(err, LT_EINVAL, "'prompt' must be a string");
    LT_TRY(lt_model_tokenize(model, yyjson_get_str(prompt), &ids, &n, err));
    yyjson_mut_val *reply;
    yyjson_mut_doc *out = lt_reply_new(&reply);

    if (out) {
        if (flag(root, "tokens")) {
            yyjson_mut_val *list = yyjson_mut_obj_add_arr(out, reply, "tokens");

            for (size_t i = 0; i < n; i++)
                yyjson_mut_arr_add_strcpy(out, list, lt_model_token(model, ids[i]));
        }
        if (flag(root, "token_ids")) {
            yyjson_mut_val *list = yyjson_mut_obj_add_arr(out, reply, "token_ids");

            for (size_t i = 0; i < n; i++)
                yyjson_mut_arr_add_sint(out, list, ids[i]);
        }
    }
    lt_token_ids_free(ids);
    lt_answer_json(a, 200, out);
    return LT_OK;
}

LT_HANDLER(lt_rest_detokenize)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    LT_AUTOFREE int64_t *ids = NULL;
    char *text = NULL;

    LT_TRY(lt_json_parse_object(r->body, r->n_body, "the body", &doc, err));
    yyjson_val *root = yyjson_doc_get_root(doc), *list = yyjson_obj_get(root, "token_ids");

    LT_TRY(check_model(s, root, true, err));
    if (!yyjson_is_arr(list))
        return lt_fail(err, LT_EINVAL, "'token_ids' must be a list of integers");
    LT_TRY(lt_prompt_ids(list, &ids, err));
    LT_TRY(lt_model_detokenize(lt_embedder_model(s->embedder), ids, yyjson_arr_size(list), &text,
                               err));
    yyjson_mut_val *reply;
    yyjson_mut_doc *out = lt_reply_new(&reply);

    if (out) {
        yyjson_mut_obj_add_strcpy(out, reply, "result", text);
    }
    lt_text_free(text);
    lt_answer_json(a, 200, out);
    return LT_OK;
}

/* What the API has beside embeddings: generation, which is not what latent does. */
LT_HANDLER(lt_rest_not_ours)
{
    return lt_fail(err, LT_ENOTFOUND,
                   "%s is not offered: latent embeds and searches, it generates nothing", r->path);
}

/* A model of pictures and texts has no layers of a language model to show. */
LT_HANDLER(lt_rest_no_layers)
{
    return lt_fail(err, LT_EUNSUPPORTED,
                   "/embed is not offered, as this model has no layers of a language model: use "
                   "/semantic_embed");
}
