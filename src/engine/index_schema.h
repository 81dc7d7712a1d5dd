/* SPDX-License-Identifier: Apache-2.0
 * Schemas of payload indexes. */
#ifndef LT_ENGINE_INDEX_SCHEMA_H
#define LT_ENGINE_INDEX_SCHEMA_H

#include "fields.h"

/* "keyword", or {"type": "keyword", ...}, into {"data_type": ..., "params"?: ...}. */
lt_status lt_index_schema_take(yyjson_val *from, yyjson_mut_doc *doc, yyjson_mut_val *into,
                               lt_problems *problems, lt_error *err) LT_NODISCARD;

#endif
