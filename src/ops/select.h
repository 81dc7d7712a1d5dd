/* SPDX-License-Identifier: Apache-2.0
 * Parts of payloads: paths as a tree, and what of a payload they leave. */
#ifndef LT_OPS_SELECT_H
#define LT_OPS_SELECT_H

#include <base/buf.h>
#include <yyjson.h>

#include "request.h"

/* A tree of paths: below each node the next steps of all paths that go through it. */
typedef struct lt_paths {
    enum { LT_STEP_KEY, LT_STEP_EACH, LT_STEP_INDEX } step; /* "key", "[]", "[3]" */
    const char *key; /* not zero-terminated */
    size_t n_key;
    bool whole; /* a path ends here: all below is meant */
    struct lt_paths *first, *next; /* child, sibling */
} lt_paths;

/* `names` are valid paths (lt_body_path). NULL without memory. */
lt_paths *lt_paths_new(lt_arena *arena, const char *const *names, size_t n);

/* Appends what `pick` (LT_PICK_SOME or LT_PICK_EXCEPT, with its tree) leaves of the payload. */
lt_status lt_select_write(yyjson_val *payload, const lt_pick *pick, lt_buf *out,
                          lt_error *err) LT_NODISCARD;

#endif
