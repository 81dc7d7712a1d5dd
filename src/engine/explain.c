/* SPDX-License-Identifier: Apache-2.0
 * Tells how a filter is turned into a set of points, and how the nearest of them are found. */
#include <base/mem.h>

#include "plan.h"
#include "read.h"

/* ---- the selection --------------------------------------------------------------------------- */

static bool add_step(yyjson_mut_doc *doc, yyjson_mut_val *list, const lt_pidx_step *s)
{
    yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);

    return o && yyjson_mut_obj_add_strcpy(doc, o, "condition", s->kind) &&
           (!s->key[0] || yyjson_mut_obj_add_strcpy(doc, o, "key", s->key)) &&
           yyjson_mut_obj_add_strcpy(doc, o, "by", s->index ? s->index : "payload") &&
           yyjson_mut_obj_add_uint(doc, o, "sure", s->n_sure) &&
           yyjson_mut_obj_add_uint(doc, o, "to_check", s->n_maybe);
}

static bool add_selection(const lt_reader *r, const lt_selection *s, lt_estimate e,
                          yyjson_mut_doc *doc)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc), *estimate, *list;

    yyjson_mut_doc_set_root(doc, root);
    if (!root || !yyjson_mut_obj_add_uint(doc, root, "points", r->s.view->n_points) ||
        !(estimate = yyjson_mut_obj_add_obj(doc, root, "estimate")) ||
        !yyjson_mut_obj_add_uint(doc, estimate, "min", e.min) ||
        !yyjson_mut_obj_add_uint(doc, estimate, "expected", e.expected) ||
        !yyjson_mut_obj_add_uint(doc, estimate, "max", e.max) ||
        !(list = yyjson_mut_obj_add_arr(doc, root, "conditions")))
        return false;
    for (size_t i = 0; i < s->explain.n_steps; i++)
        if (!add_step(doc, list, &s->explain.steps[i]))
            return false;
    return yyjson_mut_obj_add_uint(doc, root, "sure", s->n_sure) &&
           yyjson_mut_obj_add_uint(doc, root, "checked", s->n_looked) &&
           yyjson_mut_obj_add_uint(doc, root, "passed", s->n);
}

static lt_estimate estimate(lt_reader *r, const lt_filter *filter, const lt_filter_binding *binding)
{
    const lt_view *v = r->s.view;
    lt_pidx_source nothing = {.n_slots = 0};
    size_t n = (size_t)v->n_points;

    if (!filter)
        return (lt_estimate){n, n, n};
    return v->payload_index ? lt_pidx_state_estimate(v->payload_index, filter, binding, n)
                            : lt_pidx_estimate(filter, binding, &nothing, n);
}

/* Selects, and begins the document that tells of it. */
static lt_status explain_selection(lt_reader *r, const lt_filter *filter,
                                   const lt_vector_schema *having, lt_selection *s,
                                   yyjson_mut_doc **out, lt_error *err)
{
    LT_CLEANUP(lt_binding_free) lt_filter_binding *binding = NULL;

    if (filter)
        LT_TRY(lt_schema_bind(r->schema, filter, &binding, err));
    LT_TRY(lt_reader_select_explained(r, filter, having, s, err));
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

    if (!doc || !add_selection(r, s, estimate(r, filter, binding), doc)) {
        yyjson_mut_doc_free(doc);
        lt_free(s->bits);
        return lt_fail_nomem(err);
    }
    *out = doc;
    return LT_OK;
}

lt_status lt_reader_explain(lt_reader *r, const lt_filter *filter, const lt_vector_schema *having,
                            lt_buf *json, lt_error *err)
{
    LT_CLEANUP(lt_value_free) yyjson_mut_doc *doc = NULL;
    lt_selection s;

    LT_TRY(explain_selection(r, filter, having, &s, &doc, err));
    lt_free(s.bits);
    return lt_value_print(doc, json, err);
}

/* ---- the search ------------------------------------------------------------------------------ */

static bool add_codes(const lt_plan *p, yyjson_mut_doc *doc, yyjson_mut_val *o)
{
    static const char *const kinds[] = {"none", "scalar", "binary", "product"};

    return yyjson_mut_obj_add_str(doc, o, "codes", kinds[lt_quant_get_config(p->codes->quant)->kind]) &&
           yyjson_mut_obj_add_uint(doc, o, "rescored", p->rescore ? p->n_candidates : 0);
}

static bool add_plan(const lt_reader *r, const lt_nearest *q, const lt_plan *p, yyjson_mut_doc *doc)
{
    static const char *const names[] = {"scan", "graph", "filtered graph"};
    yyjson_mut_val *o = yyjson_mut_obj_add_obj(doc, yyjson_mut_doc_get_root(doc), "search");
    bool walks = p->way != LT_WAY_SCAN;
    uint64_t tail = walks && !q->indexed_only ? r->s.view->n_slots - p->covered : 0;

    return o && yyjson_mut_obj_add_str(doc, o, "by", names[p->way]) &&
           yyjson_mut_obj_add_str(doc, o, "because", p->because) &&
           yyjson_mut_obj_add_uint(doc, o, "among", p->n_allowed) &&
           yyjson_mut_obj_add_uint(doc, o, "scan_max", p->scan_max) &&
           (!p->codes || add_codes(p, doc, o)) &&
           (!walks || (yyjson_mut_obj_add_uint(doc, o, "candidates", p->ef) &&
                       yyjson_mut_obj_add_uint(doc, o, "scanned_tail", tail)));
}

static bool add_record_scan(uint64_t n, yyjson_mut_doc *doc)
{
    yyjson_mut_val *o = yyjson_mut_obj_add_obj(doc, yyjson_mut_doc_get_root(doc), "search");

    return o && yyjson_mut_obj_add_str(doc, o, "by", "scan") &&
           yyjson_mut_obj_add_str(doc, o, "because", "such vectors lie in the records") &&
           yyjson_mut_obj_add_uint(doc, o, "among", n);
}

lt_status lt_reader_explain_nearest(lt_reader *r, const lt_nearest *q, lt_buf *json, lt_error *err)
{
    LT_CLEANUP(lt_value_free) yyjson_mut_doc *doc = NULL;
    LT_CLEANUP(lt_plan_done) lt_plan plan = {.graph = NULL};
    lt_selection s;

    LT_TRY(explain_selection(r, q->filter, q->vector->schema, &s, &doc, err));
    LT_AUTOFREE uint64_t *allowed = s.bits;
    uint64_t n = lt_reader_keep_within(r, q, allowed, s.n);
    bool added;

    if (q->vector->schema->kind == LT_VECTOR_DENSE) {
        lt_plan_make(r, q, allowed, n, &plan);
        added = add_plan(r, q, &plan, doc);
    } else {
        added = add_record_scan(n, doc);
    }
    return added ? lt_value_print(doc, json, err) : lt_fail_nomem(err);
}
