/* SPDX-License-Identifier: Apache-2.0
 * Answers in plain structs, in the arena of their request. print.c writes them as JSON. */
#ifndef LT_OPS_ANSWER_H
#define LT_OPS_ANSWER_H

#include <latent.h>

/* A number that points were ordered by. */
typedef struct lt_order_value {
    enum { LT_ORDER_NONE = 0, LT_ORDER_INT, LT_ORDER_FLOAT } kind;
    int64_t i;
    double d;
} lt_order_value;

/* A point as it is shown. */
typedef struct lt_row {
    lt_id id;
    uint64_t version;
    float score;
    lt_order_value order;
    const char *payload; /* JSON text; NULL: not asked for */
    size_t payload_len;
    bool has_vectors; /* whether they were asked for */
    lt_vector *vectors;
    size_t n_vectors;
} lt_row;

typedef struct lt_rows {
    lt_row *items;
    size_t n;
} lt_rows;

typedef struct lt_page {
    lt_rows rows;
    bool has_next;
    lt_id next;
} lt_page;

/* A value of a facet or of a group. */
typedef struct lt_answer_value {
    enum { LT_ANSWER_TEXT, LT_ANSWER_INT, LT_ANSWER_UINT, LT_ANSWER_BOOL } kind;
    const char *text; /* not zero-terminated */
    size_t n_text;
    int64_t i; /* int and bool */
    uint64_t u;
} lt_answer_value;

typedef struct lt_facet_hit {
    lt_answer_value value;
    uint64_t count;
} lt_facet_hit;

typedef struct lt_facet {
    lt_facet_hit *hits;
    size_t n;
} lt_facet;

typedef struct lt_group {
    lt_answer_value id;
    lt_rows hits;
    size_t cap; /* of hits */
    lt_row *lookup; /* NULL: none */
} lt_group;

typedef struct lt_groups {
    lt_group *items;
    size_t n;
} lt_groups;

/* For each of n points, its nearest among the others: entry k says that points rows[k] and cols[k]
 * (places in ids) have scores[k]. */
typedef struct lt_matrix {
    lt_id *ids;
    size_t n;
    uint32_t *rows, *cols;
    float *scores;
    size_t n_pairs;
} lt_matrix;

#endif
