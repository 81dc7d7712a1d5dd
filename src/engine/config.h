/* SPDX-License-Identifier: Apache-2.0
 * A collection's config as JSON. It is stored as
 *   {"next_number": 2,
 *    "vectors": {name: {"number": 0, "size": ..., "distance": ..., and what else was set}},
 *    "sparse_vectors": {name: {"number": 1, "index"?, "modifier"?}},
 *    "params": {...}, "hnsw_config": {...}, "optimizers_config": {...}, "wal_config": {...},
 *    "quantization_config": {...}, "strict_mode_config": {...},
 *    "payload_schema": {path: {"data_type": ..., "params"?: {...}}}}
 * with what was set alone; defaults are filled in where it is shown (lt_config_describe) or used. */
#ifndef LT_ENGINE_CONFIG_H
#define LT_ENGINE_CONFIG_H

#include <value/value.h>

extern const char *const lt_distance_names[];   /* in order of lt_distance; NULL behind the last */
extern const char *const lt_index_type_names[]; /* NULL behind the last */

/* The body of "create collection" as a stored config. *metadata gets the text of its metadata, or
 * NULL. Both are freed with lt_free. LT_EINVAL, LT_EVALIDATION. */
lt_status lt_config_create(const char *json, size_t n, char **config, char **metadata,
                           lt_error *err) LT_NODISCARD;
/* A stored config that comes from elsewhere, checked as a new one is: its vectors get numbers of
 * their own. */
lt_status lt_config_adopt(const char *stored, size_t n, char **config, lt_error *err) LT_NODISCARD;
/* The body of "update collection" applied to a stored config and metadata (NULL: none); *metadata_out
 * gets NULL where it does not change. */
lt_status lt_config_update(const char *config, const char *metadata, const char *json, size_t n,
                           char **config_out, char **metadata_out, lt_error *err) LT_NODISCARD;
/* {"dense": {...}} or {"sparse": {...}} added under a name. */
lt_status lt_config_add_vector(const char *config, const char *name, const char *json, size_t n,
                               char **out, lt_error *err) LT_NODISCARD;
lt_status lt_config_drop_vector(const char *config, const char *name, char **out,
                                lt_error *err) LT_NODISCARD;
/* New numbers for all vectors, such that is_free says yes; for who writes anew all that is stored
 * under the old ones. */
lt_status lt_config_renumber(const char *config, bool (*is_free)(void *context, uint32_t number),
                             void *context, char **out, lt_error *err) LT_NODISCARD;
/* A payload index added (`schema`: "keyword" or {"type": ...}) or, with NULL, taken away. */
lt_status lt_config_set_index(const char *config, const char *path, const char *schema, size_t n,
                              char **out, lt_error *err) LT_NODISCARD;
/* Appends the object `config` of "get collection" to `doc`. NULL without memory. */
yyjson_mut_val *lt_config_describe(yyjson_mut_doc *doc, yyjson_val *config, yyjson_val *metadata);

/* A setting, or its default: section "hnsw_config", name "m". */
double lt_config_number(yyjson_val *config, const char *section, const char *name);

#endif
