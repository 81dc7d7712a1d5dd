/* SPDX-License-Identifier: Apache-2.0
 * Which input and output of a graph is what: exporters agree on names, not on order. */
#ifndef LT_EMBED_PORTS_H
#define LT_EMBED_PORTS_H

#include "ov.h"

enum { LT_PORT_NAME = 128, LT_PORT_RANK = 8 };

/* What a port says of itself. */
typedef struct lt_port {
    char name[LT_PORT_NAME]; /* "" where it has none */
    ov_element_type_e type;
    size_t rank;                /* 0: unknown, or more than LT_PORT_RANK */
    int64_t dims[LT_PORT_RANK]; /* -1: any */
} lt_port;

typedef enum lt_input {
    LT_INPUT_IDS,
    LT_INPUT_MASK,
    LT_INPUT_TYPES,     /* token_type_ids: all zero for one text */
    LT_INPUT_POSITIONS, /* position_ids: 0, 1, 2 ... */
    LT_INPUT_PIXELS,
    LT_N_INPUTS
} lt_input;

/* The ports of a whole graph. Indexes are -1 where it has no such port. */
typedef struct lt_ports {
    int input[LT_N_INPUTS];
    lt_port in[LT_N_INPUTS];
    int text, image; /* outputs */
    size_t text_dims, image_dims;
} lt_ports;

/* Reads port `i` of a graph, compiled or not. */
lt_status lt_port_read(ov_output_const_port_t *port, lt_port *out, lt_error *err) LT_NODISCARD;
/* What an input is; LT_N_INPUTS where that is not known. */
lt_input lt_port_role(const lt_port *p);
/* The type it is given: int64 for tokens, float32 for pixels. */
ov_element_type_e lt_port_type(lt_input role);

/* Finds the ports of a compiled graph. `graph` is its path, for messages: LT_EUNSUPPORTED for an
 * input that is not known or a missing one, LT_EINVAL for an output that is no row of numbers. */
lt_status lt_ports_read(const ov_compiled_model_t *compiled, const char *graph, bool text,
                        bool image, lt_ports *out, lt_error *err) LT_NODISCARD;

#endif
