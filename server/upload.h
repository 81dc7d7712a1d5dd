/* SPDX-License-Identifier: Apache-2.0
 * A file that a form uploads (multipart/form-data), written to disk as it comes, however large. The
 * file has no name, so nothing is left of it once the request is done, or the process. */
#ifndef LT_SERVER_UPLOAD_H
#define LT_SERVER_UPLOAD_H

#include <latent.h>

typedef struct lt_upload lt_upload;
typedef struct lt_http_request lt_http_request;

/* The form's field with the name `field` goes to a file in the directory `dir`. What goes wrong
 * meanwhile is kept for lt_upload_path. NULL without memory. */
lt_upload *lt_upload_new(const lt_http_request *r, const char *dir, const char *field);
void lt_upload_add(lt_upload *u, const char *bytes, size_t n);
/* A path by which this process can open the file; it holds until lt_upload_free. */
lt_status lt_upload_path(const lt_upload *u, const char **out, lt_error *err) LT_NODISCARD;
void lt_upload_free(lt_upload *u); /* NULL allowed */

#endif
