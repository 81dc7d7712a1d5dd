/* SPDX-License-Identifier: Apache-2.0
 * latent.h by itself: strict C99 and C++ compile it (tests/CMakeLists.txt builds this as both), and
 * every INIT macro starts its struct. */
#include <latent.h>

int main(void)
{
    lt_db_options db = LT_DB_OPTIONS_INIT;
    lt_collection_config config = LT_COLLECTION_CONFIG_INIT;
    lt_collection_info info = LT_COLLECTION_INFO_INIT;
    lt_query query = LT_QUERY_INIT;
    lt_model_options model = LT_MODEL_OPTIONS_INIT;
    lt_model_info model_info = LT_MODEL_INFO_INIT;
    lt_gallery_options gallery = LT_GALLERY_OPTIONS_INIT;

    return !(db.size == sizeof db && config.size == sizeof config && info.size == sizeof info &&
             query.size == sizeof query && query.k == 10 && model.size == sizeof model &&
             model_info.size == sizeof model_info && gallery.size == sizeof gallery &&
             lt_version()[0] != '\0');
}
