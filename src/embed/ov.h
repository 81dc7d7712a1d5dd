/* SPDX-License-Identifier: Apache-2.0
 * OpenVINO's C API with our errors and cleanups. */
#ifndef LT_EMBED_OV_H
#define LT_EMBED_OV_H

#include <base/error.h>
#include <base/mem.h>
#include <openvino/c/openvino.h>

/* Writes "<what>: <OpenVINO's reason in one line>" and returns `code`; LT_OK when `why` is OK. The
 * reason is that of the last failure in the process: OpenVINO keeps no other. */
lt_status lt_ov_check(ov_status_e why, lt_status code, const char *what, lt_error *err);

/* Cleanups of locals; all accept what is still NULL. */
void lt_ov_model_done(ov_model_t **model);
void lt_ov_port_done(ov_output_const_port_t **port);
void lt_ov_tensor_done(ov_tensor_t **tensor);
void lt_ov_string_done(char **string);
void lt_ov_shape_done(ov_partial_shape_t *shape);

#endif
