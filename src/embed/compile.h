/* SPDX-License-Identifier: Apache-2.0
 * An ONNX file to a compiled graph, or the same from the cache. */
#ifndef LT_EMBED_COMPILE_H
#define LT_EMBED_COMPILE_H

#include "blob.h"
#include "ov.h"
#include "tower.h"

/* What lt_compile made. The core and the blob must outlive the compiled graph. */
typedef struct lt_compiled {
    ov_core_t *core;
    ov_compiled_model_t *model;
    lt_blob blob; /* the mapped file where it came from the cache */
} lt_compiled;

lt_status lt_compile(const lt_tower_spec *spec, lt_compiled *out, lt_error *err) LT_NODISCARD;
void lt_compiled_done(lt_compiled *c);

#endif
