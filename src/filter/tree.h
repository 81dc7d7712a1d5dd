/* SPDX-License-Identifier: Apache-2.0
 * The parsed form. It borrows strings from the JSON document, which lt_filter keeps where it parsed
 * the text itself. Read by eval.c and bind.c here and by the payload indexes. */
#ifndef LT_FILTER_TREE_H
#define LT_FILTER_TREE_H

#include "filter.h"

typedef struct lt_clause lt_clause;
typedef struct lt_cond lt_cond;

typedef enum lt_cond_kind {
    LT_COND_CLAUSE, /* a filter within the filter, or one key's several conditions */
    LT_COND_MATCH,  /* any of `values` equals */
    LT_COND_EXCEPT, /* a value that is none of `values` */
    LT_COND_PREFIX, /* a string that begins with `text` */
    LT_COND_TEXT,   /* every word of `text` occurs */
    LT_COND_TEXT_ANY,
    LT_COND_PHRASE, /* the words of `text` in a row */
    LT_COND_RANGE,
    LT_COND_DATE_RANGE,
    LT_COND_GEO_RADIUS,
    LT_COND_GEO_BOX,
    LT_COND_GEO_POLYGON,
    LT_COND_VALUES_COUNT,
    LT_COND_IS_EMPTY,
    LT_COND_IS_NULL,
    LT_COND_HAS_ID,
    LT_COND_HAS_VECTOR,
    LT_COND_SLICE,
    LT_COND_NESTED
} lt_cond_kind;

/* Bounds of a range; which are there is told by the flags. */
typedef struct lt_range {
    bool has_gt, has_gte, has_lt, has_lte;
    double gt, gte, lt, lte;
    int64_t gt_us, gte_us, lt_us, lte_us;
} lt_range;

struct lt_cond {
    lt_cond_kind kind;
    bool negated; /* is_empty, is_null: asked for with false */
    const char *key;
    yyjson_val *values;  /* an array, or one value */
    yyjson_val **sorted; /* a long array's items, for lt_values_have; else NULL */
    const char *text;
    size_t text_len;
    unsigned term; /* match, except and the text kinds: place in the binding */
    lt_range range;
    double lat, lon, radius_m;        /* circle */
    double top, left, bottom, right;  /* box */
    yyjson_val *exterior, *interiors; /* polygon */
    uint32_t slice_total, slice_index;
    lt_clause *clause; /* nested filter */
    lt_id *ids; /* sorted */
    size_t n_ids;
};

typedef struct lt_conds {
    lt_cond *items;
    size_t n;
} lt_conds;

struct lt_clause {
    lt_conds must, should, must_not, min_should;
    size_t min_count;
    bool has_should, has_min_should;
};

struct lt_filter {
    yyjson_doc *doc; /* NULL where the caller's document is borrowed */
    lt_clause *root;
    unsigned n_terms;
};

/* ---- parse_field.c --------------------------------------------------------------------------- */

typedef struct lt_filter_parser {
    const char *lead;  /* begins each message */
    unsigned n_terms;
    unsigned n_nested; /* how many nested conditions we are in */
} lt_filter_parser;

/* "<lead>'where' must be <want>, not <type>" */
lt_status lt_filter_bad_type(const lt_filter_parser *p, lt_error *err, const char *where,
                             const char *want, yyjson_val *got) LT_NODISCARD;
/* Reads the path at `name` of `object`. */
lt_status lt_filter_parse_key(const lt_filter_parser *p, yyjson_val *object, const char **out,
                              lt_error *err) LT_NODISCARD;
/* A condition on one key. What it allocates hangs on `out`, also on failure. */
lt_status lt_filter_parse_field(lt_filter_parser *p, yyjson_val *json, lt_cond *out,
                                lt_error *err) LT_NODISCARD;

/* ---- listed.c -------------------------------------------------------------------------------- */

void lt_ids_sort(lt_id *ids, size_t n);
bool lt_ids_have(const lt_id *ids, size_t n, const lt_id *id);
/* The items of a list of strings or of integers that fit int64; free with lt_free. */
lt_status lt_values_sort(yyjson_val *list, yyjson_val ***out, lt_error *err) LT_NODISCARD;
bool lt_values_have(yyjson_val *const *sorted, size_t n, yyjson_val *v);

/* ---- eval.c, words.c, places.c --------------------------------------------------------------- */

/* What an index says about one text or match condition. */
typedef struct lt_term {
    lt_payload_field *field; /* NULL: no index that changes its meaning */
    /* text: the tokens of the query, one after the other */
    char *bytes;
    uint32_t *ends; /* ends[i] is where token i ends in bytes */
    size_t n_tokens;
} lt_term;

struct lt_filter_binding {
    size_t n_terms;
    lt_term terms[];
};

/* Whether one value satisfies a condition of a kind that looks at values one by one. `term` may be
 * NULL: no index. */
bool lt_cond_value_holds(const lt_cond *c, const lt_term *term, yyjson_val *v);
bool lt_range_holds(const lt_range *r, double x);
bool lt_range_holds_us(const lt_range *r, int64_t us);
bool lt_words_hold(const lt_cond *c, const lt_term *term, const char *text, size_t n);

/* false where the value is no place on earth. */
bool lt_place_read(yyjson_val *v, double *lat, double *lon);
bool lt_place_holds(const lt_cond *c, double lat, double lon);

/* Whether a string is a UUID in any spelling. */
bool lt_uuid_read(yyjson_val *v, uint8_t out[16]);

/* The slice out of `total` that an id belongs to. */
uint32_t lt_id_slice(const lt_id *id, uint32_t total);

#endif
