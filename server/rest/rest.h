/* SPDX-License-Identifier: Apache-2.0
 * The REST routes. Each handler reads one request and fills one answer; all may run at once. One
 * that fails says why, and the router answers for it in the style of the route. */
#ifndef LT_SERVER_REST_H
#define LT_SERVER_REST_H

#include "../service.h"
#include "token.h"

enum { LT_ROUTE_NAMES = 3 };

typedef struct lt_route lt_route;

/* What the router found out about a request. */
typedef struct lt_route_args {
    const lt_route *route;
    /* The parts of the path that the route's '*'s stood for, decoded; "" beyond the last. */
    const char *name; /* the first */
    const char *names[LT_ROUTE_NAMES];
} lt_route_args;

#define LT_UNUSED __attribute__((unused))
/* Declares or defines a handler. Few need all of what they get. */
#define LT_HANDLER(name)                                                                       \
    lt_status name(LT_UNUSED lt_service *s, LT_UNUSED const lt_http_request *r,                \
                   LT_UNUSED const lt_route_args *args, LT_UNUSED lt_http_answer *a,           \
                   LT_UNUSED lt_error *err)
typedef LT_HANDLER((*lt_route_handler));

/* How a route words its errors. */
typedef enum lt_error_style { LT_ERRORS_QDRANT, LT_ERRORS_ALEPH, LT_ERRORS_OPENAI } lt_error_style;

struct lt_route {
    const char *method;
    const char *path; /* segments; '*' stands for one */
    lt_access access;
    lt_error_style errors;
    lt_route_handler handle;
    const char *upload; /* the field of a form, which may be large, in place of a body; or NULL */
    bool lists; /* shows of all collections those that the client may know of */
};

extern const lt_route lt_qdrant_routes[];
extern const size_t lt_n_qdrant_routes;
/* All of them; a route's place is its row of lt_service.stats. */
size_t lt_route_count(void);
const lt_route *lt_route_at(size_t i);

/* The answer of a failure, in the route's style. */
void lt_answer_error(lt_http_answer *a, lt_error_style style, unsigned status, const char *code,
                     const char *message);

/* ---- access.c ---- */
typedef enum lt_verdict {
    LT_VERDICT_YES,
    LT_VERDICT_NO_KEY,    /* 401 */
    LT_VERDICT_WRONG_KEY, /* 401 */
    LT_VERDICT_NO         /* 403: a key that does not allow this */
} lt_verdict;

/* By the headers alone. `route` is NULL where there is none, `collection` where it names none. */
lt_verdict lt_access_judge(const lt_service *s, const lt_http_request *r, const lt_route *route,
                           const char *collection);
/* What the body and stored points add to that. */
lt_verdict lt_access_judge_whole(lt_service *s, const lt_http_request *r);
/* May who asks know of the collection? */
bool lt_access_sees(const lt_service *s, const lt_http_request *r, const char *collection);

/* Is `name` a name of the served model? */
bool lt_service_is_model(const lt_service *s, const char *name);

/* The callbacks for lt_http_options; context is the lt_service. */
bool lt_rest_refuse(void *context, const lt_http_request *r, lt_http_answer *a);
lt_upload *lt_rest_upload(void *context, const lt_http_request *r);
void lt_rest_handle(void *context, const lt_http_request *r, lt_http_answer *a);
void lt_rest_too_large(void *context, const lt_http_request *r, lt_http_answer *a);
void lt_rest_busy(void *context, const lt_http_request *r, lt_http_answer *a);
void lt_rest_hurry(void *context);

/* ---- handlers, in the order of their routes ---- */
LT_HANDLER(lt_rest_root);
LT_HANDLER(lt_rest_healthz);
LT_HANDLER(lt_rest_metrics);

LT_HANDLER(lt_rest_version);
LT_HANDLER(lt_rest_models);
LT_HANDLER(lt_rest_tokenizer);
LT_HANDLER(lt_rest_semantic_embed);
LT_HANDLER(lt_rest_batch_semantic_embed);
LT_HANDLER(lt_rest_instructable_embed);
LT_HANDLER(lt_rest_no_layers);
LT_HANDLER(lt_rest_tokenize);
LT_HANDLER(lt_rest_detokenize);
LT_HANDLER(lt_rest_not_ours);

LT_HANDLER(lt_rest_openai_embeddings);
LT_HANDLER(lt_rest_openai_models);
LT_HANDLER(lt_rest_openai_model);

#endif
