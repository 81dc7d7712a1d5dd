/* SPDX-License-Identifier: Apache-2.0
 * Vectors cut to their first dimensions (--dims). */
#ifndef LT_CLI_DIMS_H
#define LT_CLI_DIMS_H

#include <latent.h>

/* `dims` numbers cut to the first `keep` (0: all) and made unit length again. Rows lie `dims`
 * apart and come to lie `keep` apart. */
void cli_cut_vectors(float *rows, size_t n_rows, size_t dims, size_t keep);
/* LT_EUNSUPPORTED or LT_EINVAL unless `keep` (0: all) dimensions of the model are usable. */
lt_status cli_check_dims(const lt_model_info *model, size_t keep, lt_error *err) LT_NODISCARD;

#endif
