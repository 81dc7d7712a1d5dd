/* SPDX-License-Identifier: Apache-2.0
 * Inputs to vectors: ids are looked up, objects go to the model, kinds are fitted to the schema. */
#include <base/mem.h>
#include <string.h>

#include "run.h"

lt_status lt_find_schema(lt_reader *r, const char *name, const lt_vector_schema **out,
                         lt_error *err)
{
    *out = lt_reader_schema(r, name);
    return *out ? LT_OK : lt_fail(err, LT_EINVAL, "Not existing vector name error: %s", name);
}

static lt_status slot_of(lt_reader *r, const lt_id *id, uint32_t *slot, lt_error *err)
{
    char text[LT_ID_TEXT_MAX];
    lt_status st = lt_reader_slot(r, id, slot, err);

    if (st == LT_ENOTFOUND)
        return lt_fail(err, st, "No point with id %s found", lt_id_format(id, text));
    return st;
}

static lt_status look_up(lt_asking *a, const lt_stage *stage, const lt_id *id, lt_vector *out,
                         lt_error *err)
{
    char text[LT_ID_TEXT_MAX];
    const char *name = stage->lookup.vector ? stage->lookup.vector : stage->using;
    const lt_vector_schema *schema;
    lt_reader *r;
    uint32_t slot;
    bool present;

    LT_TRY(lt_asking_reader(a, stage->lookup.collection, &r, err));
    LT_TRY(lt_find_schema(r, name, &schema, err));
    LT_TRY(slot_of(r, id, &slot, err));
    LT_TRY(lt_reader_vector(r, slot, schema, out, &present, err));
    if (!present)
        return lt_fail(err, LT_EINVAL, "Vector with name '%s' for point %s not found", name,
                       lt_id_format(id, text));
    return LT_OK;
}

static void free_values(void *values)
{
    lt_free(values);
}

lt_status lt_embed_object(lt_infer infer, void *context, const char *object, size_t n_object,
                          lt_arena *arena, lt_vector *out, lt_error *err)
{
    float *values = NULL;
    size_t n = 0;

    if (!infer)
        return lt_fail(err, LT_EINVAL,
                       "Inference is not available: there is no model to make a vector of %.80s",
                       object);
    LT_TRY(infer(context, object, n_object, &values, &n, err));
    LT_TRY(lt_arena_defer(arena, free_values, values, err));
    *out = (lt_vector){"", LT_VECTOR_DENSE, values, n, 0, NULL};
    return LT_OK;
}

lt_status lt_resolve(lt_asking *a, const lt_stage *stage, const lt_vector_schema *schema,
                     const lt_input *input, lt_vector *out, lt_error *err)
{
    if (input->kind == LT_INPUT_ID)
        LT_TRY(look_up(a, stage, &input->id, out, err));
    else if (input->kind == LT_INPUT_OBJECT)
        LT_TRY(lt_embed_object(a->infer, a->infer_context, input->object, input->n_object, a->arena,
                               out, err));
    else
        *out = input->vector;
    /* A dense vector where there are several rows is one row. */
    if (schema->kind == LT_VECTOR_MULTI && out->kind == LT_VECTOR_DENSE) {
        out->kind = LT_VECTOR_MULTI;
        out->n_rows = 1;
    }
    return LT_OK;
}

static void free_prepared(void *prepared)
{
    lt_prepared_free(prepared);
}

lt_status lt_prepare(lt_asking *a, const lt_vector_schema *schema, const lt_vector *vector,
                     lt_prepared **out, lt_error *err)
{
    if (!lt_arena_charge(a->arena, vector->n_values * sizeof *vector->values))
        return lt_fail_nomem(err);
    LT_TRY(lt_reader_prepare(a->r, schema, vector, out, err));
    return lt_arena_defer(a->arena, free_prepared, *out, err);
}

lt_status lt_prepare_query(lt_asking *a, const lt_stage *stage, const lt_vector_schema *schema,
                           const lt_vector *vector, const lt_prepared **out, lt_error *err)
{
    lt_prepared *p;

    LT_TRY(lt_prepare(a, schema, vector, &p, err));
    LT_TRY(lt_reader_weigh(a->r, p, stage->params.idf_corpus, err));
    *out = p;
    return LT_OK;
}

lt_status lt_resolve_prepared(lt_asking *a, const lt_stage *stage, const lt_vector_schema *schema,
                              const lt_input *input, const lt_prepared **out, lt_error *err)
{
    lt_vector vector;

    LT_TRY(lt_resolve(a, stage, schema, input, &vector, err));
    return lt_prepare_query(a, stage, schema, &vector, out, err);
}

/* ---- ids in use ------------------------------------------------------------------------------ */

typedef struct mentions {
    uint32_t *slots;
    size_t n, cap;
} mentions;

static lt_status mention(lt_asking *a, const lt_input *input, mentions *m, lt_error *err)
{
    if (input->kind != LT_INPUT_ID)
        return LT_OK;
    m->slots = lt_arena_grow(a->arena, m->slots, m->n, &m->cap, sizeof *m->slots);
    if (!m->slots)
        return lt_fail_nomem(err);
    LT_TRY(slot_of(a->r, &input->id, &m->slots[m->n], err));
    m->n++;
    return LT_OK;
}

static lt_status mention_all(lt_asking *a, const lt_inputs *inputs, mentions *m, lt_error *err)
{
    for (size_t i = 0; i < inputs->n; i++)
        LT_TRY(mention(a, &inputs->items[i], m, err));
    return LT_OK;
}

static lt_status mention_stage(lt_asking *a, const lt_stage *stage, mentions *m, lt_error *err)
{
    const lt_find *f = &stage->find;
    lt_reader *r;

    LT_TRY(lt_asking_reader(a, stage->lookup.collection, &r, err));
    /* Ids of another collection say nothing about points of this one. */
    if (r == a->r) {
        LT_TRY(mention(a, &f->target, m, err));
        LT_TRY(mention_all(a, &f->positive, m, err));
        LT_TRY(mention_all(a, &f->negative, m, err));
        LT_TRY(mention_all(a, &f->examples, m, err));
        for (size_t i = 0; i < f->n_pairs; i++) {
            LT_TRY(mention(a, &f->pairs[i].positive, m, err));
            LT_TRY(mention(a, &f->pairs[i].negative, m, err));
        }
    }
    for (size_t i = 0; i < stage->n_prefetches; i++)
        LT_TRY(mention_stage(a, &stage->prefetches[i], m, err));
    return LT_OK;
}

lt_status lt_mentioned(lt_asking *a, const lt_stage *stage, const uint32_t **slots, size_t *n,
                       lt_error *err)
{
    mentions m = {0};

    LT_TRY(mention_stage(a, stage, &m, err));
    *slots = m.slots;
    *n = lt_slots_sort(m.slots, m.n);
    return LT_OK;
}
