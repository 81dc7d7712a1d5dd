/* SPDX-License-Identifier: Apache-2.0
 * Is a file whole and ONNX at all? */
#ifndef LT_EMBED_ONNXFILE_H
#define LT_EMBED_ONNXFILE_H

#include <base/error.h>

/* Walks the outermost fields of the file, a handful of short reads. LT_EINVAL: empty, a Git LFS
 * pointer, cut off, or no ONNX file. It says nothing of the graph within.
 *
 * OpenVINO would say "can't be parsed" of all of these; and on what its ONNX reader turns down it
 * tries its other formats, one of whose readers prints to stderr. */
lt_status lt_onnx_check(const char *path, lt_error *err) LT_NODISCARD;

#endif
