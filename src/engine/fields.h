/* SPDX-License-Identifier: Apache-2.0
 * JSON objects of known fields: checked, copied, shown, by a table. */
#ifndef LT_ENGINE_FIELDS_H
#define LT_ENGINE_FIELDS_H

#include <value/value.h>

typedef enum lt_field_kind {
    LT_FIELD_UINT,
    LT_FIELD_NUMBER,
    LT_FIELD_BOOL,
    LT_FIELD_ENUM,
    LT_FIELD_OBJECT,
    LT_FIELD_ANY
} lt_field_kind;

typedef struct lt_fields lt_fields;

typedef struct lt_field {
    const char *name;
    lt_field_kind kind;
    double min, max;           /* numbers; max 0: none */
    const char *const *values; /* enum; NULL behind the last */
    const lt_fields *fields;   /* object */
    const char *shown;         /* JSON text to show where it is not set; NULL: nothing */
    bool required;
} lt_field;

struct lt_fields {
    const lt_field *items;
    size_t n;
};
#define LT_FIELDS(array) {array, sizeof(array) / sizeof *(array)}

/* Values outside of what is allowed, collected: "a.b: value 0 invalid, ...; c: ...". */
typedef struct lt_problems {
    lt_buf text;
} lt_problems;

lt_status lt_problem(lt_problems *p, lt_error *err, const char *format, ...) LT_NODISCARD
    __attribute__((format(printf, 3, 4)));
/* LT_EVALIDATION where there were some. Frees them. */
lt_status lt_problems_end(lt_problems *p, lt_error *err) LT_NODISCARD;

/* Copies the fields of `from` that the table knows into `into`, over what is there; nulls are as if
 * absent, unknown fields left out. A wrong type is LT_EINVAL at once ("Format error in JSON body"). */
lt_status lt_fields_take(const lt_fields *fields, yyjson_val *from, const char *path,
                         yyjson_mut_doc *doc, yyjson_mut_val *into, lt_problems *problems,
                         lt_error *err) LT_NODISCARD;
/* Adds what is set in `from` (NULL: nothing), and what is shown otherwise. false without memory. */
bool lt_fields_show(const lt_fields *fields, yyjson_val *from, yyjson_mut_doc *doc,
                    yyjson_mut_val *into);
/* "Format error in JSON body: <path>: <want> is expected, not <what it is>". */
lt_status lt_field_wrong(const char *path, const char *want, yyjson_val *got, lt_error *err);

#endif
