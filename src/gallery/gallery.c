/* SPDX-License-Identifier: Apache-2.0
 * Opening a collection for pictures, and lt_gallery_index. A collection's metadata names the model
 * that filled it: {"model": {"name", "hash", "dims"}}; vectors of two models must never meet. */
#include <base/error.h>
#include <base/mem.h>
#include <engine/engine.h>
#include <stdlib.h>
#include <string.h>
#include <value/value.h>

#include "pass.h"

static lt_status write_metadata(const lt_model_info *info, char **out, lt_error *err)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;
    yyjson_mut_val *model = root ? yyjson_mut_obj_add_obj(doc, root, "model") : NULL;
    char *text = NULL;

    if (model && yyjson_mut_obj_add_strcpy(doc, model, "name", info->name) &&
        yyjson_mut_obj_add_strcpy(doc, model, "hash", info->hash) &&
        yyjson_mut_obj_add_uint(doc, model, "dims", info->dims)) {
        yyjson_mut_doc_set_root(doc, root);
        text = yyjson_mut_write(doc, 0, NULL);
    }
    yyjson_mut_doc_free(doc);
    if (!text)
        return lt_fail_nomem(err);
    *out = text;
    return LT_OK;
}

/* LT_ECONFLICT unless this model filled the collection. */
static lt_status check_model(lt_collection *collection, const lt_model_info *model, lt_error *err)
{
    lt_collection_info info = LT_COLLECTION_INFO_INIT;
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    LT_TRY(lt_collection_get_info(collection, &info, err));
    if (info.dims != model->dims)
        return lt_fail(err, LT_ECONFLICT,
                       "the collection has %zu dimensions, the model '%s' makes %zu", info.dims,
                       model->name, model->dims);
    LT_TRY(lt_json_parse(info.metadata ? info.metadata : "{}",
                         info.metadata ? strlen(info.metadata) : 2, "metadata", &doc, err));
    yyjson_val *filled = yyjson_obj_get(yyjson_doc_get_root(doc), "model");
    const char *name = yyjson_get_str(yyjson_obj_get(filled, "name"));
    const char *hash = yyjson_get_str(yyjson_obj_get(filled, "hash"));

    if (!name || !hash)
        return lt_fail(err, LT_ECONFLICT,
                       "the collection does not say which model filled it, so '%s' cannot be used "
                       "with it",
                       model->name);
    if (strcmp(hash, model->hash) != 0)
        return lt_fail(err, LT_ECONFLICT,
                       "the collection was filled by the model '%s' (%.12s), not by '%s' (%.12s): "
                       "use that model, or index again into another collection",
                       name, hash, model->name, model->hash);
    return LT_OK;
}

lt_status lt_gallery_open(lt_db *db, const char *name, lt_model *model, lt_collection **out,
                          lt_error *err)
{
    lt_model_info info = LT_MODEL_INFO_INIT;
    lt_collection_config config = LT_COLLECTION_CONFIG_INIT;
    lt_collection *collection = NULL;

    if (!db || !name || !model || !out)
        return lt_fail(err, LT_EINVAL, "database, name, model and out are required");
    LT_TRY(lt_model_get_info(model, &info, err));
    lt_status st = lt_collection_open(db, name, &collection, err);

    if (st == LT_ENOTFOUND && !db->options.read_only) {
        char *metadata = NULL;

        LT_TRY(write_metadata(&info, &metadata, err));
        config.dims = info.dims;
        config.metadata = metadata;
        st = lt_collection_create(db, name, &config, err);
        free(metadata);
        if (st == LT_OK || st == LT_EEXISTS)
            st = lt_collection_open(db, name, &collection, err);
    }
    LT_TRY(st);
    st = check_model(collection, &info, err);
    if (st != LT_OK) {
        lt_collection_close(collection);
        return st;
    }
    *out = collection;
    return LT_OK;
}

lt_status lt_gallery_check(lt_collection *collection, lt_model *model, const char *const *paths,
                           size_t n_paths, lt_error *err)
{
    lt_model_info info = LT_MODEL_INFO_INIT;

    if (!collection || !model || !paths || n_paths == 0)
        return lt_fail(err, LT_EINVAL, "collection, model and at least one path are required");
    LT_TRY(lt_model_get_info(model, &info, err));
    if (!info.has_image)
        return lt_fail(err, LT_EUNSUPPORTED, "the model '%s' cannot embed pictures", info.name);
    return check_model(collection, &info, err);
}

lt_status lt_gallery_index(lt_collection *collection, lt_model *model, const char *const *paths,
                           size_t n_paths, const lt_gallery_options *options,
                           lt_gallery_progress *out, lt_error *err)
{
    static const lt_gallery_options defaults = LT_GALLERY_OPTIONS_INIT;
    lt_gallery_progress total = {0};

    LT_TRY(lt_gallery_check(collection, model, paths, n_paths, err));
    options = options ? options : &defaults;
    lt_status st =
        lt_gallery_pass(collection, model, paths, n_paths, options, NULL, NULL, &total, err);

    if (st == LT_OK && options->prune)
        st = lt_gallery_prune(collection, paths, n_paths, &total, err);
    /* Written in any case: what was done before a stop is worth knowing. */
    if (out)
        *out = total;
    return st;
}
