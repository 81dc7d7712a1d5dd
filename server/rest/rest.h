/* SPDX-License-Identifier: Apache-2.0
 * The REST routes. Each handler reads one request and fills one answer; all may run at once. */
#ifndef LT_SERVER_REST_H
#define LT_SERVER_REST_H

#include "../service.h"

enum { LT_ROUTE_NAMES = 3 };

/* The parts of the path that a route's '*'s stood for, decoded; "" beyond the last. */
typedef struct lt_route_args {
    const char *name; /* the first */
    const char *names[LT_ROUTE_NAMES];
} lt_route_args;

typedef void (*lt_route_handler)(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                                 lt_http_answer *a);

typedef enum lt_access {
    LT_ACCESS_OPEN, /* needs no key */
    LT_ACCESS_READ, /* any configured key */
    LT_ACCESS_WRITE /* a key that is not read-only */
} lt_access;

/* How a route words its errors. */
typedef enum lt_error_style { LT_ERRORS_QDRANT, LT_ERRORS_ALEPH, LT_ERRORS_OPENAI } lt_error_style;

typedef struct lt_route {
    const char *method;
    const char *path; /* segments; '*' stands for one */
    lt_access access;
    lt_error_style errors;
    lt_route_handler handle;
} lt_route;

extern const lt_route lt_qdrant_routes[];
extern const size_t lt_n_qdrant_routes;
/* All of them; a route's place is its row of lt_service.stats. */
size_t lt_route_count(void);
const lt_route *lt_route_at(size_t i);

/* The answer of a failure, in the route's style. */
void lt_answer_error(lt_http_answer *a, lt_error_style style, unsigned status, const char *code,
                     const char *message);
void lt_answer_status(lt_http_answer *a, lt_error_style style, const lt_error *err);

/* Is `name` a name of the served model? */
bool lt_service_is_model(const lt_service *s, const char *name);

/* The callbacks for lt_http_options; context is the lt_service. */
bool lt_rest_refuse(void *context, const lt_http_request *r, lt_http_answer *a);
void lt_rest_handle(void *context, const lt_http_request *r, lt_http_answer *a);
void lt_rest_too_large(void *context, const lt_http_request *r, lt_http_answer *a);
void lt_rest_busy(void *context, const lt_http_request *r, lt_http_answer *a);
void lt_rest_hurry(void *context);

/* ---- handlers, in the order of lt_routes ---- */
void lt_rest_root(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                  lt_http_answer *a);
void lt_rest_healthz(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                     lt_http_answer *a);
void lt_rest_metrics(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                     lt_http_answer *a);

void lt_rest_version(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                     lt_http_answer *a);
void lt_rest_models(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                    lt_http_answer *a);
void lt_rest_tokenizer(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                       lt_http_answer *a);
void lt_rest_semantic_embed(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                            lt_http_answer *a);
void lt_rest_batch_semantic_embed(lt_service *s, const lt_http_request *r,
                                  const lt_route_args *args, lt_http_answer *a);
void lt_rest_tokenize(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                      lt_http_answer *a);
void lt_rest_detokenize(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                        lt_http_answer *a);
void lt_rest_instructable_embed(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                                lt_http_answer *a);
void lt_rest_no_layers(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                       lt_http_answer *a);
void lt_rest_not_ours(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                      lt_http_answer *a);

void lt_rest_openai_embeddings(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                               lt_http_answer *a);
void lt_rest_openai_models(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                           lt_http_answer *a);
void lt_rest_openai_model(lt_service *s, const lt_http_request *r, const lt_route_args *args,
                          lt_http_answer *a);

#endif
