/* SPDX-License-Identifier: Apache-2.0
 * Changing payloads: merging at a path, deleting paths. Semantics as Qdrant's set_payload and
 * delete_payload. */
#ifndef LT_VALUE_EDIT_H
#define LT_VALUE_EDIT_H

#include "value.h"

typedef enum lt_step_kind { LT_STEP_KEY, LT_STEP_INDEX, LT_STEP_EACH } lt_step_kind;

/* One step of a path: a key, "[3]", "[]". */
typedef struct lt_step {
    lt_step_kind kind;
    const char *key; /* points into the path's text, not zero-terminated */
    size_t n_key;
    size_t index;
} lt_step;

typedef struct lt_path {
    lt_step *steps;
    size_t n_steps;
} lt_path;

/* Reads "a.b[].c[0]". LT_EINVAL says what is wrong with it. `text` must outlive the path. */
lt_status lt_path_parse(const char *text, lt_path *out, lt_error *err) LT_NODISCARD;
void lt_path_done(lt_path *p);

/* Merges the object `patch` into what is at `path` (NULL: the root): its keys replace those there,
 * a null removes the key. What is in the way is replaced by objects; a missing object is made, a
 * missing element of an array is not. LT_ENOMEM. */
lt_status lt_value_merge(yyjson_mut_doc *doc, const lt_path *path, yyjson_val *patch,
                         lt_error *err) LT_NODISCARD;
/* Takes away what is at `path`. Nothing there is no error; "a[]" empties the array, "a[0]" at the
 * end does nothing. */
void lt_value_delete(yyjson_mut_doc *doc, const lt_path *path);
/* Appends the document's text. */
lt_status lt_value_print(const yyjson_mut_doc *doc, lt_buf *out, lt_error *err) LT_NODISCARD;
/* An object's text as a document that can be changed; free with yyjson_mut_doc_free. */
lt_status lt_value_thaw(const char *text, size_t n, const char *what, yyjson_mut_doc **out,
                        lt_error *err) LT_NODISCARD;
void lt_value_free(yyjson_mut_doc **doc); /* for LT_CLEANUP */

#endif
