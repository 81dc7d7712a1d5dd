/* SPDX-License-Identifier: Apache-2.0 */
#include "ports.h"

#include <stdio.h>
#include <string.h>

static const char *const INPUT_NAMES[LT_N_INPUTS] = {
    "input_ids", "attention_mask", "token_type_ids", "position_ids", "pixel_values"};

lt_status lt_port_read(ov_output_const_port_t *port, lt_port *out, lt_error *err)
{
    LT_CLEANUP(lt_ov_string_done) char *name = NULL;
    LT_CLEANUP(lt_ov_shape_done) ov_partial_shape_t shape = {0};

    *out = (lt_port){0};
    if (ov_port_get_any_name(port, &name) == OK)
        (void)snprintf(out->name, sizeof out->name, "%s", name);
    LT_TRY(
        lt_ov_check(ov_port_get_element_type(port, &out->type), LT_EINVAL, "a port's type", err));
    LT_TRY(lt_ov_check(ov_port_get_partial_shape(port, &shape), LT_EINVAL, "a port's shape", err));
    if (shape.rank.min != shape.rank.max || shape.rank.min < 0 || shape.rank.min > LT_PORT_RANK)
        return LT_OK;
    out->rank = (size_t)shape.rank.min;
    for (size_t i = 0; i < out->rank; i++)
        out->dims[i] = ov_dimension_is_dynamic(shape.dims[i]) ? -1 : shape.dims[i].min;
    return LT_OK;
}

lt_input lt_port_role(const lt_port *p)
{
    for (int i = 0; i < LT_N_INPUTS; i++) {
        if (strcmp(p->name, INPUT_NAMES[i]) == 0)
            return (lt_input)i;
    }
    /* Pictures are the only thing with four axes, whatever an exporter called them. */
    return p->rank == 4 ? LT_INPUT_PIXELS : LT_N_INPUTS;
}

ov_element_type_e lt_port_type(lt_input role)
{
    return role == LT_INPUT_PIXELS ? F32 : I64;
}

static lt_status read_inputs(const ov_compiled_model_t *compiled, const char *graph, lt_ports *p,
                             lt_error *err)
{
    size_t n = 0;

    LT_TRY(lt_ov_check(ov_compiled_model_inputs_size(compiled, &n), LT_EINVAL, graph, err));
    for (size_t i = 0; i < n; i++) {
        LT_CLEANUP(lt_ov_port_done) ov_output_const_port_t *port = NULL;
        lt_port facts;

        LT_TRY(lt_ov_check(ov_compiled_model_input_by_index(compiled, i, &port), LT_EINVAL, graph,
                           err));
        LT_TRY(lt_port_read(port, &facts, err));
        lt_input role = lt_port_role(&facts);

        if (role == LT_N_INPUTS || p->input[role] >= 0)
            return lt_fail(err, LT_EUNSUPPORTED, "%s: its input '%s' is not known", graph,
                           facts.name);
        p->input[role] = (int)i;
        p->in[role] = facts;
    }
    return LT_OK;
}

/* How good an output called `name` is as the vector wanted: 0 is best, -1 is none. */
static int rank_output(const char *name, const char *best)
{
    static const char *const others[] = {"pooler_output", "sentence_embedding", "embedding"};

    if (strcmp(name, best) == 0)
        return 0;
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, others[i]) == 0)
            return i + 1;
    }
    return -1;
}

/* Finds the output called `best` or one of its other usual names; else the only one with two axes,
 * where the graph is of one tower. */
static lt_status find_output(const ov_compiled_model_t *compiled, const char *graph,
                             const char *best, bool joint, int *out, size_t *dims, lt_error *err)
{
    int best_rank = 100, n_rows = 0;
    size_t n = 0;
    lt_port chosen = {0};

    LT_TRY(lt_ov_check(ov_compiled_model_outputs_size(compiled, &n), LT_EINVAL, graph, err));
    for (size_t i = 0; i < n; i++) {
        LT_CLEANUP(lt_ov_port_done) ov_output_const_port_t *port = NULL;
        lt_port facts;

        LT_TRY(lt_ov_check(ov_compiled_model_output_by_index(compiled, i, &port), LT_EINVAL, graph,
                           err));
        LT_TRY(lt_port_read(port, &facts, err));
        int rank = rank_output(facts.name, best);

        if (joint && rank > 0)
            rank = -1;
        if (rank < 0 && !joint && facts.rank == 2) {
            n_rows++;
            rank = 50;
        }
        if (rank >= 0 && rank < best_rank) {
            best_rank = rank;
            *out = (int)i;
            chosen = facts;
        }
    }
    if (best_rank == 100 || (best_rank == 50 && n_rows > 1))
        return lt_fail(err, LT_EUNSUPPORTED, "%s: has no output '%s'%s", graph, best,
                       joint ? "" : " or 'pooler_output', nor just one with rows of numbers");
    if (chosen.rank != 2 || chosen.dims[1] <= 0)
        return lt_fail(err, LT_EUNSUPPORTED, "%s: its output '%s' is not one row of numbers each",
                       graph, chosen.name);
    *dims = (size_t)chosen.dims[1];
    return LT_OK;
}

static lt_status need_input(const lt_ports *p, lt_input role, const char *graph, lt_error *err)
{
    return p->input[role] >= 0
               ? LT_OK
               : lt_fail(err, LT_EUNSUPPORTED, "%s: has no input '%s'", graph, INPUT_NAMES[role]);
}

lt_status lt_ports_read(const ov_compiled_model_t *compiled, const char *graph, bool text,
                        bool image, lt_ports *out, lt_error *err)
{
    lt_ports p = {.input = {-1, -1, -1, -1, -1}, .text = -1, .image = -1};

    LT_TRY(read_inputs(compiled, graph, &p, err));
    bool joint = p.input[LT_INPUT_PIXELS] >= 0 && p.input[LT_INPUT_IDS] >= 0;

    if (text) {
        LT_TRY(need_input(&p, LT_INPUT_IDS, graph, err));
        LT_TRY(find_output(compiled, graph, "text_embeds", joint, &p.text, &p.text_dims, err));
    }
    if (image) {
        LT_TRY(need_input(&p, LT_INPUT_PIXELS, graph, err));
        LT_TRY(find_output(compiled, graph, "image_embeds", joint, &p.image, &p.image_dims, err));
    }
    *out = p;
    return LT_OK;
}
