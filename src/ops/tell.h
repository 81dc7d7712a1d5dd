/* SPDX-License-Identifier: Apache-2.0
 * Changes in JSON: what the parts of lt_collection_tell share.
 *
 * A body becomes lt_updates whose arrays lie in one arena. What the collection's schema decides
 * (names, dimensions) is left to the engine; here is checked what the form alone decides. */
#ifndef LT_OPS_TELL_H
#define LT_OPS_TELL_H

#include <latent.h>

#include "body.h"

typedef struct lt_telling {
    lt_arena arena;
    lt_body body;                  /* on the arena */
    const lt_ask_options *options; /* may be NULL */
    double until;                  /* lt_clock_s; 0: no deadline */
} lt_telling;

/* The updates that a body asks for. */
lt_status lt_tell_read(lt_telling *t, lt_tell_kind kind, yyjson_val *body, lt_update **out,
                       size_t *n_out, lt_error *err) LT_NODISCARD;
/* A filter's text; NULL where the field is absent. */
lt_status lt_tell_filter(lt_telling *t, yyjson_val *body, const char *name, const lt_at *at,
                      const char **out, lt_error *err) LT_NODISCARD;

/* ---- tell_points.c ---- */
/* The bodies of "upsert points" and "update vectors"; `at` is where they stand. */
lt_status lt_tell_upsert(lt_telling *t, yyjson_val *body, const lt_at *at, lt_update *u,
                      lt_error *err) LT_NODISCARD;
lt_status lt_tell_set_vectors(lt_telling *t, yyjson_val *body, const lt_at *at, lt_update *u,
                           lt_error *err) LT_NODISCARD;

#endif
