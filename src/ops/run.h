/* SPDX-License-Identifier: Apache-2.0
 * Executors: requests answered from one reader, that is from one committed state. All that they
 * make lies in the arena of the question. */
#ifndef LT_OPS_RUN_H
#define LT_OPS_RUN_H

#include <base/rng.h>
#include <engine/reader.h>

#include "answer.h"
#include "request.h"

/* One question being answered. */
typedef struct lt_asking {
    lt_arena *arena; /* of one query; a batch's are emptied in between */
    lt_reader *r; /* of the collection that is asked */
    lt_infer infer; /* may be NULL */
    void *infer_context;
    double until_s; /* on lt_clock_s; 0: no deadline */
    struct lt_other *others; /* readers of other collections, opened on demand */
    lt_rng rng;
} lt_asking;

/* Gives back what answering has taken, before the next query of a batch. */
void lt_asking_clear(lt_asking *a);
/* LT_ECANCELED once the deadline has passed. */
lt_status lt_asking_check(const lt_asking *a, lt_error *err) LT_NODISCARD;
/* A reader of another collection, closed with the question. The own one for its own name or NULL. */
lt_status lt_asking_reader(lt_asking *a, const char *collection, lt_reader **out,
                           lt_error *err) LT_NODISCARD;

/* ---- rankings ---- */
typedef struct lt_ranked {
    uint32_t slot;
    float score; /* as users see it */
    lt_order_value order;
} lt_ranked;

typedef struct lt_ranking {
    lt_ranked *items;
    size_t n;
} lt_ranking;

/* Keeps the k best (larger scores first, ties by id) of n scored slots, in order. NAN is left
 * out. */
lt_status lt_rank_top(lt_asking *a, const lt_scored *scored, size_t n, size_t k, lt_ranking *out,
                      lt_error *err) LT_NODISCARD;

/* ---- what is ranked ---- */
typedef struct lt_pool {
    const lt_filter *filter; /* NULL: all points */
    const uint32_t *listed;  /* just these slots, ascending, that pass already; NULL: no list */
    size_t n_listed;
    const uint32_t *excluded; /* never these; ascending */
    size_t n_excluded;
} lt_pool;

/* The slots of the pool, ascending; `having`: only those with this vector (may be NULL). */
lt_status lt_pool_slots(lt_asking *a, const lt_pool *pool, const lt_vector_schema *having,
                        const uint32_t **slots, size_t *n, lt_error *err) LT_NODISCARD;
/* The same as a bitset; NULL where it is all points. */
lt_status lt_pool_bits(lt_asking *a, const lt_pool *pool, const uint64_t **bits,
                       lt_error *err) LT_NODISCARD;
bool lt_slots_have(const uint32_t *slots, size_t n, uint32_t slot); /* `slots` ascending */
size_t lt_slots_sort(uint32_t *slots, size_t n);                    /* sorts, drops repeats */

/* ---- inputs ---- */
lt_status lt_find_schema(lt_reader *r, const char *name, const lt_vector_schema **out,
                         lt_error *err) LT_NODISCARD;
/* The vector that an input stands for. */
lt_status lt_resolve(lt_asking *a, const lt_stage *stage, const lt_vector_schema *schema,
                     const lt_input *input, lt_vector *out, lt_error *err) LT_NODISCARD;
/* A vector in the form that is compared, freed with the question. */
lt_status lt_prepare(lt_asking *a, const lt_vector_schema *schema, const lt_vector *vector,
                     lt_prepared **out, lt_error *err) LT_NODISCARD;
/* The same, weighted by idf where its schema says so. */
lt_status lt_prepare_query(lt_asking *a, const lt_stage *stage, const lt_vector_schema *schema,
                           const lt_vector *vector, const lt_prepared **out,
                           lt_error *err) LT_NODISCARD;
lt_status lt_resolve_prepared(lt_asking *a, const lt_stage *stage, const lt_vector_schema *schema,
                              const lt_input *input, const lt_prepared **out,
                              lt_error *err) LT_NODISCARD;
/* The slots of all points of the collection whose ids are used in the query or its prefetches. */
lt_status lt_mentioned(lt_asking *a, const lt_stage *stage, const uint32_t **slots, size_t *n,
                       lt_error *err) LT_NODISCARD;

/* ---- queries ---- */
/* Answers the stage with its prefetches: at most stage->limit points behind the first
 * stage->offset. */
lt_status lt_run_stage(lt_asking *a, const lt_stage *stage, lt_ranking *out,
                       lt_error *err) LT_NODISCARD;

/* Each ranks a pool by one kind of query and gives at most `limit` points that pass the stage's
 * threshold. */
typedef lt_status lt_ranker(lt_asking *a, const lt_stage *stage, const lt_pool *pool, size_t limit,
                            lt_ranking *out, lt_error *err);
lt_ranker lt_rank_by_id, lt_rank_nearest, lt_rank_recommend, lt_rank_discover, lt_rank_context,
    lt_rank_feedback, lt_rank_order, lt_rank_sample;

/* By the values at a payload path, with one entry for each value of a point. */
lt_status lt_rank_by_order(lt_asking *a, const lt_order *order, const lt_pool *pool, size_t limit,
                           lt_ranking *out, lt_error *err) LT_NODISCARD;
/* Nearest to a vector. */
lt_status lt_rank_by_vector(lt_asking *a, const lt_stage *stage, const lt_vector_schema *schema,
                            const lt_vector *vector, const lt_pool *pool, size_t limit,
                            lt_ranking *out, lt_error *err) LT_NODISCARD;
/* Chooses `limit` of the nearest so that they differ from each other (maximal marginal relevance). */
lt_status lt_diversify(lt_asking *a, const lt_stage *stage, const lt_vector_schema *schema,
                       const lt_vector *vector, size_t limit, lt_ranking *ranking,
                       lt_error *err) LT_NODISCARD;

/* A score made of similarities to several examples: combine() gets those of one point. */
typedef struct lt_scorer lt_scorer;
struct lt_scorer {
    const lt_prepared **examples;
    size_t n_examples;
    float (*combine)(const lt_scorer *s, const float *similarities);
    size_t n_positive;     /* recommend: so many positive ones come first */
    const double *weights; /* feedback: one an example */
};
lt_status lt_rank_by_examples(lt_asking *a, const lt_stage *stage, const lt_vector_schema *schema,
                              const lt_scorer *scorer, const lt_pool *pool, size_t limit,
                              lt_ranking *out, lt_error *err) LT_NODISCARD;
float lt_sigmoid(float x);        /* x / (1 + |x|) */
float lt_scaled_sigmoid(float x); /* the same from 0 to 1 */

/* Sources put together; each has been ranked. */
lt_status lt_fuse(lt_asking *a, const lt_find *find, const lt_ranking *sources, size_t n_sources,
                  size_t limit, lt_ranking *out, lt_error *err) LT_NODISCARD;
lt_status lt_apply_formula(lt_asking *a, const lt_find *find, const lt_ranking *sources,
                           size_t n_sources, size_t limit, lt_ranking *out,
                           lt_error *err) LT_NODISCARD;
/* Drops what is below the threshold of a fusion or formula. */
void lt_cut_below(const lt_stage *stage, lt_ranking *ranking);

/* ---- points as shown ---- */
lt_status lt_show(lt_asking *a, lt_reader *r, const lt_ranking *ranking, const lt_shown *shown,
                  lt_rows *out, lt_error *err) LT_NODISCARD;
lt_status lt_show_stored(lt_asking *a, lt_reader *r, const lt_stored *s, const lt_shown *shown,
                         lt_row *out, lt_error *err) LT_NODISCARD;

/* ---- whole requests ---- */
lt_status lt_run_get(lt_asking *a, const lt_get_request *q, lt_rows *out, lt_error *err) LT_NODISCARD;
lt_status lt_run_scroll(lt_asking *a, const lt_scroll_request *q, lt_page *out,
                        lt_error *err) LT_NODISCARD;
lt_status lt_run_count(lt_asking *a, const lt_count_request *q, uint64_t *out,
                       lt_error *err) LT_NODISCARD;
lt_status lt_run_facet(lt_asking *a, const lt_facet_request *q, lt_facet *out,
                       lt_error *err) LT_NODISCARD;
lt_status lt_run_query(lt_asking *a, const lt_query_request *q, lt_rows *out,
                       lt_error *err) LT_NODISCARD;
lt_status lt_run_groups(lt_asking *a, const lt_query_request *q, lt_groups *out,
                        lt_error *err) LT_NODISCARD;
lt_status lt_run_matrix(lt_asking *a, const lt_matrix_request *q, lt_matrix *out,
                        lt_error *err) LT_NODISCARD;

#endif
