/* SPDX-License-Identifier: Apache-2.0
 * One indexing pass over some paths; shared by lt_gallery_index and lt_gallery_watch. */
#ifndef LT_GALLERY_PASS_H
#define LT_GALLERY_PASS_H

#include <latent.h>

/* Indexes `paths` and adds to *total. `directory` (may be NULL) is told each directory entered. */
lt_status lt_gallery_pass(lt_collection *collection, lt_model *model, const char *const *paths,
                          size_t n_paths, const lt_gallery_options *options,
                          void (*directory)(void *context, const char *path), void *dir_context,
                          lt_gallery_progress *total, lt_error *err) LT_NODISCARD;

/* Deletes the points whose files lie under `paths` and are gone; adds to total->n_removed. */
lt_status lt_gallery_prune(lt_collection *collection, const char *const *paths, size_t n_paths,
                           lt_gallery_progress *total, lt_error *err) LT_NODISCARD;

/* LT_EINVAL unless model and collection fit and the arguments are there. */
lt_status lt_gallery_check(lt_collection *collection, lt_model *model, const char *const *paths,
                           size_t n_paths, lt_error *err) LT_NODISCARD;

#endif
