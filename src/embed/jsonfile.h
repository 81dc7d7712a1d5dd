/* SPDX-License-Identifier: Apache-2.0
 * The small JSON files of a model directory, with errors that name file and key. */
#ifndef LT_EMBED_JSONFILE_H
#define LT_EMBED_JSONFILE_H

#include <base/buf.h>
#include <base/error.h>
#include <yyjson.h>

typedef struct lt_jsonfile {
    char *path;
    yyjson_doc *doc;
    yyjson_val *root; /* an object */
} lt_jsonfile;

/* Reads dir/name, an object. LT_ENOTFOUND: there is no such file; LT_EINVAL: not an object or not
 * JSON, with the place. */
lt_status lt_jsonfile_read(const char *dir, const char *name, lt_jsonfile *out, lt_error *err)
    LT_NODISCARD;
/* The same of text that was read already. */
lt_status lt_jsonfile_parse(const char *path, const char *text, size_t n, lt_jsonfile *out,
                            lt_error *err) LT_NODISCARD;
void lt_jsonfile_done(lt_jsonfile *f);

/* Read `key` of `object` (NULL: nothing is there). Where it is absent or null *out stays as it is;
 * a value of another type or outside min..max is LT_EINVAL. */
lt_status lt_jsonfile_uint(const lt_jsonfile *f, yyjson_val *object, const char *key, uint64_t min,
                           uint64_t max, uint64_t *out, lt_error *err) LT_NODISCARD;
lt_status lt_jsonfile_bool(const lt_jsonfile *f, yyjson_val *object, const char *key, bool *out,
                           lt_error *err) LT_NODISCARD;
/* Borrowed until the file is done. */
lt_status lt_jsonfile_string(const lt_jsonfile *f, yyjson_val *object, const char *key,
                             const char **out, lt_error *err) LT_NODISCARD;
/* `n` numbers; *found tells whether the key was there. */
lt_status lt_jsonfile_floats(const lt_jsonfile *f, yyjson_val *object, const char *key, float *out,
                             size_t n, bool *found, lt_error *err) LT_NODISCARD;
/* The object at `key`; NULL where absent or null. */
lt_status lt_jsonfile_object(const lt_jsonfile *f, yyjson_val *object, const char *key,
                             yyjson_val **out, lt_error *err) LT_NODISCARD;
/* LT_EINVAL: "<path>: '<key>' must be <wanted>, not <what it is>". */
lt_status lt_jsonfile_wrong(const lt_jsonfile *f, const char *key, const char *wanted,
                            yyjson_val *value, lt_error *err);

#endif
