/* SPDX-License-Identifier: Apache-2.0
 * How a question about a dense vector is answered. The filter has become a set of slots by then
 * (select.c), so the plan knows how many pass; what select.c had to do for it, and what the payload
 * indexes estimated before, explain.c tells beside the plan. */
#ifndef LT_ENGINE_PLAN_H
#define LT_ENGINE_PLAN_H

#include "codes.h"
#include "reader.h"

typedef enum lt_way {
    LT_WAY_SCAN,     /* all that pass are measured */
    LT_WAY_GRAPH,    /* the graph is walked, what does not pass is dropped at the end */
    LT_WAY_FILTERED, /* it is walked over those that pass, looking through the others */
} lt_way;

typedef struct lt_plan {
    lt_way way;
    const char *because; /* in words, static */
    size_t i;            /* the vector's position in the schema */
    const uint64_t *allowed;
    uint64_t n_allowed;
    uint64_t scan_max; /* so few are scanned in any case */
    size_t ef;         /* candidates that the walk keeps */
    lt_graph *graph;   /* held; NULL: none */
    lt_codes *codes;   /* held; NULL: the vectors themselves are measured */
    size_t n_candidates; /* that scan or walk find: k, or more by codes */
    bool rescore;      /* measure these again as they are */
    uint32_t covered;  /* slots that graph and codes know of; those behind are scanned as they are */
} lt_plan;

/* `allowed` (n_allowed bits of the reader's slots) is borrowed. End it with lt_plan_done. */
void lt_plan_make(lt_reader *r, const lt_nearest *q, const uint64_t *allowed, uint64_t n_allowed,
                  lt_plan *out);
void lt_plan_done(lt_plan *p);

/* Answers: best first, in no order among equals. Free *out with lt_free. */
lt_status lt_plan_run(lt_reader *r, const lt_nearest *q, const lt_plan *p, lt_scored **out,
                      size_t *n_out, lt_error *err) LT_NODISCARD;

#endif
