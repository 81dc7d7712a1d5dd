/* SPDX-License-Identifier: Apache-2.0 */
#include "index_schema.h"

#include <base/error.h>
#include <string.h>

#include "config.h"

const char *const lt_index_type_names[] = {"keyword", "integer",  "float", "geo", "text",
                                           "bool",    "datetime", "uuid",  NULL};

static const char *const memories[] = {"cold", "cached", "pinned", NULL};
static const char *const tokenizers[] = {"prefix", "whitespace", "word", "multilingual", NULL};

#define TYPE {"type", LT_FIELD_ENUM, 0, 0, lt_index_type_names, NULL, NULL, true}
#define BOOL_(name) {name, LT_FIELD_BOOL, 0, 0, NULL, NULL, NULL, false}
#define UINT_(name) {name, LT_FIELD_UINT, 0, 0, NULL, NULL, NULL, false}
#define ANY_(name) {name, LT_FIELD_ANY, 0, 0, NULL, NULL, NULL, false}
#define COMMON                                                                                    \
    BOOL_("on_disk"), {"memory", LT_FIELD_ENUM, 0, 0, memories, NULL, NULL, false},               \
        BOOL_("enable_hnsw")

static const lt_field keyword_items[] = {TYPE, BOOL_("is_tenant"), BOOL_("prefix"), COMMON};
static const lt_field integer_items[] = {TYPE, BOOL_("lookup"), BOOL_("range"),
                                         BOOL_("is_principal"), COMMON};
static const lt_field principal_items[] = {TYPE, BOOL_("is_principal"), COMMON};
static const lt_field plain_items[] = {TYPE, COMMON};
static const lt_field uuid_items[] = {TYPE, BOOL_("is_tenant"), COMMON};
static const lt_field text_items[] = {
    TYPE,
    {"tokenizer", LT_FIELD_ENUM, 0, 0, tokenizers, NULL, NULL, false},
    UINT_("min_token_len"),
    UINT_("max_token_len"),
    BOOL_("lowercase"),
    BOOL_("ascii_folding"),
    BOOL_("phrase_matching"),
    ANY_("stopwords"),
    ANY_("stemmer"),
    COMMON};

/* In order of lt_index_type_names. */
static const lt_fields fields_of[] = {
    LT_FIELDS(keyword_items), LT_FIELDS(integer_items), LT_FIELDS(principal_items),
    LT_FIELDS(plain_items),   LT_FIELDS(text_items),    LT_FIELDS(plain_items),
    LT_FIELDS(principal_items), LT_FIELDS(uuid_items)};

/* A language's name, or {"languages": [...], "custom": [...]}. */
static bool stopwords_fit(yyjson_mut_val *v)
{
    yyjson_mut_val *languages = yyjson_mut_obj_get(v, "languages");
    yyjson_mut_val *custom = yyjson_mut_obj_get(v, "custom");

    if (!v || yyjson_mut_is_str(v))
        return true;
    return yyjson_mut_is_obj(v) && (!languages || yyjson_mut_is_arr(languages)) &&
           (!custom || yyjson_mut_is_arr(custom));
}

static bool stemmer_fits(yyjson_mut_val *v)
{
    yyjson_mut_val *type = yyjson_mut_obj_get(v, "type");

    if (!v || yyjson_mut_equals_str(type, "none"))
        return true;
    return yyjson_mut_equals_str(type, "snowball") &&
           yyjson_mut_is_str(yyjson_mut_obj_get(v, "language"));
}

static lt_status check_text(yyjson_mut_val *params, lt_error *err)
{
    if (!stopwords_fit(yyjson_mut_obj_get(params, "stopwords")))
        return lt_fail(err, LT_EINVAL,
                       "Format error in JSON body: field_schema.stopwords: a language or an object "
                       "with languages, custom is expected");
    if (!stemmer_fits(yyjson_mut_obj_get(params, "stemmer")))
        return lt_fail(err, LT_EINVAL,
                       "Format error in JSON body: field_schema.stemmer: an object with type "
                       "snowball and language is expected");
    return LT_OK;
}

lt_status lt_index_schema_take(yyjson_val *from, yyjson_mut_doc *doc, yyjson_mut_val *into,
                               lt_problems *problems, lt_error *err)
{
    yyjson_val *type = yyjson_is_obj(from) ? yyjson_obj_get(from, "type") : from;
    size_t i = 0;

    if (!yyjson_is_str(type))
        return lt_field_wrong("field_schema", "the name of a type or an object with `type`", from,
                              err);
    while (lt_index_type_names[i] && !yyjson_equals_str(type, lt_index_type_names[i]))
        i++;
    if (!lt_index_type_names[i])
        return lt_fail(err, LT_EINVAL,
                       "Format error in JSON body: field_schema: unknown index type `%.60s`, "
                       "expected one of `keyword`, `integer`, `float`, `geo`, `text`, `bool`, "
                       "`datetime`, `uuid`",
                       yyjson_get_str(type));
    if (!yyjson_mut_obj_add_str(doc, into, "data_type", lt_index_type_names[i]))
        return lt_fail_nomem(err);
    if (!yyjson_is_obj(from))
        return LT_OK;
    yyjson_mut_val *params = yyjson_mut_obj(doc);

    if (!params || !yyjson_mut_obj_add_val(doc, into, "params", params))
        return lt_fail_nomem(err);
    LT_TRY(lt_fields_take(&fields_of[i], from, "field_schema", doc, params, problems, err));
    return check_text(params, err);
}
