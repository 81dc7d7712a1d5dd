/* SPDX-License-Identifier: Apache-2.0
 * Qdrant's REST interface: texts and pictures where a vector may stand.
 *
 *   {"text": "a red boat", "model": "latent"}
 *   {"image": "<base64, or a data: URL>", "model": "latent", "options": {"dimensions": 128}}
 *
 * "object" may hold either. Pictures are never fetched from elsewhere. */
#include <base/error.h>
#include <base/mem.h>
#include <string.h>
#include <value/value.h>

#include "prompt.h"
#include "qdrant.h"

static lt_status read_item(yyjson_val *object, lt_buf *bytes, lt_embed_item *item, lt_error *err)
{
    yyjson_val *inner = yyjson_obj_get(object, "object");
    yyjson_val *text = yyjson_obj_get(yyjson_is_obj(inner) ? inner : object, "text");
    yyjson_val *image = yyjson_obj_get(yyjson_is_obj(inner) ? inner : object, "image");

    if (yyjson_is_str(inner))
        text = inner;
    if (yyjson_is_str(text)) {
        item->text = yyjson_get_str(text);
        return LT_OK;
    }
    if (!yyjson_is_str(image))
        return lt_fail(err, LT_EINVAL, "what is to be embedded is a text or a picture (as base64)");
    LT_TRY(lt_prompt_picture(yyjson_get_str(image), yyjson_get_len(image), bytes, err));
    item->picture = (lt_picture){.path = "the picture", .bytes = bytes->data, .n_bytes = bytes->len};
    return LT_OK;
}

/* Options under the names that clients of embedding services know. */
static lt_status read_dims(yyjson_val *object, size_t *dims, lt_error *err)
{
    static const char *const names[] = {"dimensions", "compress_to_size"};
    yyjson_val *options = yyjson_obj_get(object, "options");

    for (size_t i = 0; i < 2; i++) {
        yyjson_val *v = yyjson_obj_get(options, names[i]);

        if (!v || yyjson_is_null(v))
            continue;
        if (!yyjson_is_uint(v) || yyjson_get_uint(v) == 0 || yyjson_get_uint(v) > *dims)
            return lt_fail(err, LT_EINVAL, "options.%s must be an integer from 1 to %zu", names[i],
                           *dims);
        *dims = (size_t)yyjson_get_uint(v);
    }
    return LT_OK;
}

lt_status lt_qdrant_infer(void *context, const char *object, size_t n_object, float **values,
                          size_t *n_values, lt_error *err)
{
    const lt_qdrant_inference *c = context;
    const lt_model_info *info = lt_embedder_info(c->service->embedder);
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    LT_CLEANUP(lt_buf_done) lt_buf bytes = {0};
    lt_embed_item item = {0};
    size_t dims = info->dims;

    LT_TRY(lt_json_parse_object(object, n_object, "the object to embed", &doc, err));
    yyjson_val *root = yyjson_doc_get_root(doc), *model = yyjson_obj_get(root, "model");

    if (!yyjson_is_str(model) || !lt_service_is_model(c->service, yyjson_get_str(model)))
        return lt_fail(err, LT_EINVAL,
                       "model `%.100s` is not served here; `latent` names the one that is",
                       yyjson_is_str(model) ? yyjson_get_str(model) : "");
    LT_TRY(read_dims(root, &dims, err));
    LT_TRY(read_item(root, &bytes, &item, err));
    LT_AUTOFREE float *row = lt_calloc(info->dims, sizeof *row);

    if (!row)
        return lt_fail_nomem(err);
    item.out = row;
    LT_TRY(lt_embedder_run(c->service->embedder, &item, 1, &c->terms, err));
    LT_TRY(lt_vectors_cut(info, row, 1, dims, err));
    *values = lt_steal(&row);
    *n_values = dims;
    return LT_OK;
}
