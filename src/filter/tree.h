/* SPDX-License-Identifier: Apache-2.0
 * The compiled form, shared by parse.c and eval.c. It borrows strings from the JSON document that
 * lt_filter keeps, so a filter is a few allocations from one arena-like list. */
#ifndef LT_FILTER_TREE_H
#define LT_FILTER_TREE_H

#include "filter.h"

typedef struct lt_clause lt_clause;
typedef struct lt_cond lt_cond;

typedef enum lt_cond_kind {
    LT_COND_CLAUSE,     /* a nested filter */
    LT_COND_MATCH,      /* any of `values` equals */
    LT_COND_EXCEPT,     /* a value that is none of `values` */
    LT_COND_PREFIX,     /* a string that begins with `text` */
    LT_COND_TEXT,       /* every word of `text` occurs */
    LT_COND_TEXT_ANY,   /* any word of `text` occurs */
    LT_COND_PHRASE,     /* the words of `text` in a row */
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
    const char *key;
    yyjson_val *values; /* an array, or one value */
    const char *text;
    lt_range range;
    double lat, lon, radius_m;              /* circle */
    double top, left, bottom, right;        /* box */
    yyjson_val *exterior, *interiors;       /* polygon */
    lt_clause *clause;                      /* nested filter */
    lt_id *ids;
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
    yyjson_doc *doc;
    lt_clause *root;
};

#endif
