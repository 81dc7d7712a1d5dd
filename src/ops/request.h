/* SPDX-License-Identifier: Apache-2.0
 * Questions in plain structs: what every wire form is decoded into and every executor takes.
 *
 * All of it lies in the arena of the request it was decoded with; filters are hung on that arena.
 * Defaults are filled in by whoever decodes (lt_stage_init and its kin). */
#ifndef LT_OPS_REQUEST_H
#define LT_OPS_REQUEST_H

#include <base/arena.h>
#include <filter/filter.h>
#include <latent.h>

/* ---- what stands where a vector may ---- */
typedef enum lt_input_kind {
    LT_INPUT_NONE = 0,
    LT_INPUT_VECTOR,
    LT_INPUT_ID,    /* the vector of that point */
    LT_INPUT_OBJECT /* {"text": ..., "model": ...} and its kin, for lt_infer */
} lt_input_kind;

typedef struct lt_input {
    lt_input_kind kind;
    lt_vector vector; /* sparse: as it came, perhaps unsorted */
    lt_id id;
    const char *object; /* JSON text */
    size_t n_object;
} lt_input;

typedef struct lt_inputs {
    lt_input *items;
    size_t n, cap;
} lt_inputs;

typedef struct lt_pair {
    lt_input positive, negative;
} lt_pair;

/* Has an object embedded. The vector lives as long as the arena. */
lt_status lt_embed_object(lt_infer infer, void *context, const char *object, size_t n_object,
                          lt_arena *arena, lt_vector *out, lt_error *err) LT_NODISCARD;

/* ---- order by a payload value ---- */
typedef struct lt_order {
    const char *key; /* NULL: no order */
    bool descending;
    enum { LT_START_NONE, LT_START_INT, LT_START_FLOAT, LT_START_TEXT } start;
    int64_t start_int;
    double start_float;
    const char *start_text; /* a date */
} lt_order;

/* ---- formulas ---- */
typedef enum lt_expr_kind {
    LT_EXPR_NUMBER,
    LT_EXPR_SCORE,        /* of prefetch `index` */
    LT_EXPR_PATH,         /* a number in the payload */
    LT_EXPR_CONDITION,    /* 1 where the point passes, else 0 */
    LT_EXPR_DATETIME_KEY, /* a date in the payload, seconds since 1970 */
    LT_EXPR_GEO_DISTANCE,
    LT_EXPR_MULT,
    LT_EXPR_SUM,
    LT_EXPR_MAX,
    LT_EXPR_MIN,
    LT_EXPR_NEG,
    LT_EXPR_ABS,
    LT_EXPR_DIV,
    LT_EXPR_SQRT,
    LT_EXPR_POW,
    LT_EXPR_EXP,
    LT_EXPR_LOG10,
    LT_EXPR_LN,
    LT_EXPR_ACOSH,
    LT_EXPR_LIN_DECAY,
    LT_EXPR_EXP_DECAY,
    LT_EXPR_GAUSS_DECAY
} lt_expr_kind;

typedef struct lt_expr lt_expr;
struct lt_expr {
    lt_expr_kind kind;
    double number;    /* the number; div: what a division by zero gives */
    bool has_default; /* div: whether it gives anything */
    size_t index;
    const char *path;
    const lt_filter *condition;
    double lat, lon;        /* where a geo distance begins */
    double scale, midpoint; /* of a decay */
    lt_expr **parts;        /* operands; decay: x and the target (may be NULL) */
    size_t n_parts;
};

/* ---- queries ---- */
typedef enum lt_find_kind {
    LT_FIND_ALL = 0, /* by id */
    LT_FIND_NEAREST,
    LT_FIND_RECOMMEND,
    LT_FIND_DISCOVER,
    LT_FIND_CONTEXT,
    LT_FIND_ORDER_BY,
    LT_FIND_RRF,
    LT_FIND_DBSF,
    LT_FIND_FORMULA,
    LT_FIND_SAMPLE,
    LT_FIND_FEEDBACK
} lt_find_kind;

typedef enum lt_strategy {
    LT_STRATEGY_AVERAGE = 0,
    LT_STRATEGY_BEST,
    LT_STRATEGY_SUM
} lt_strategy;

typedef struct lt_find {
    lt_find_kind kind;
    lt_input target; /* nearest, discover, feedback */

    bool has_mmr; /* nearest: choose among the nearest for diversity */
    float diversity;
    bool has_candidates;
    size_t n_candidates;

    lt_inputs positive, negative; /* recommend */
    lt_strategy strategy;

    lt_pair *pairs; /* discover, context */
    size_t n_pairs;

    lt_order order;

    size_t rrf_k;
    const float *weights; /* rrf: one a prefetch; NULL: all 1 */
    size_t n_weights;

    const lt_expr *formula;
    yyjson_val *defaults; /* formula: values for what is missing; NULL: none. Object, borrowed */

    lt_inputs examples; /* feedback, with their scores */
    float *scores;
    float a, b, c;
} lt_find;

typedef struct lt_params {
    size_t ef; /* 0: chosen */
    bool exact, indexed_only;
    bool quant_ignore;
    int quant_rescore;         /* -1: chosen */
    double quant_oversampling; /* 0: chosen */
    const lt_filter *idf_corpus; /* NULL: all points */
} lt_params;

/* Where ids are looked up. */
typedef struct lt_lookup {
    const char *collection; /* NULL: the one that is searched */
    const char *vector;     /* NULL: the vector that is searched */
} lt_lookup;

/* A query with what it ranks: all points, or what its prefetches found. */
typedef struct lt_stage lt_stage;
struct lt_stage {
    lt_find find;
    const char *using; /* "" is the unnamed vector */
    const lt_filter *filter;
    yyjson_val *filter_json; /* the same as it came; prefetches join it with theirs */
    lt_params params;
    bool has_threshold;
    float threshold;
    size_t limit, offset;
    lt_lookup lookup;
    lt_stage *prefetches;
    size_t n_prefetches;
};

/* ---- what of a point is shown ---- */
typedef enum lt_pick_kind {
    LT_PICK_NONE = 0,
    LT_PICK_ALL,
    LT_PICK_SOME,  /* payload: include; vectors: these names */
    LT_PICK_EXCEPT /* payload only */
} lt_pick_kind;

typedef struct lt_pick {
    lt_pick_kind kind;
    const char **names; /* payload paths or names of vectors */
    size_t n_names;
    struct lt_paths *tree; /* payload: the paths as a tree, see select.h */
} lt_pick;

typedef struct lt_shown {
    lt_pick payload, vectors;
} lt_shown;

/* ---- requests ---- */
typedef struct lt_get_request {
    lt_id *ids;
    size_t n_ids;
    lt_shown shown;
} lt_get_request;

typedef struct lt_scroll_request {
    bool has_offset;
    lt_id offset;
    size_t limit;
    const lt_filter *filter;
    lt_order order;
    lt_shown shown;
} lt_scroll_request;

typedef struct lt_count_request {
    const lt_filter *filter;
} lt_count_request;

typedef struct lt_facet_request {
    const char *key;
    size_t limit;
    const lt_filter *filter;
} lt_facet_request;

typedef struct lt_query_request {
    lt_stage stage;
    lt_shown shown;
    /* groups only */
    const char *group_by;
    size_t group_size; /* stage.limit is the number of groups */
    const char *lookup; /* a collection, or NULL */
    lt_shown lookup_shown;
} lt_query_request;

typedef struct lt_query_requests {
    lt_query_request *items;
    size_t n;
} lt_query_requests;

typedef struct lt_matrix_request {
    const lt_filter *filter;
    size_t sample, limit;
    const char *using;
} lt_matrix_request;

#endif
