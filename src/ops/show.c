/* SPDX-License-Identifier: Apache-2.0
 * Points as they are shown: with what was asked for of payload and vectors. */
#include <base/mem.h>
#include <string.h>

#include "run.h"
#include "select.h"

static lt_status show_payload(lt_asking *a, const lt_stored *s, const lt_pick *pick, lt_row *out,
                              lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    const char *payload = s->payload;
    size_t n = s->payload_len;

    if (pick->kind == LT_PICK_NONE)
        return LT_OK;
    if (pick->kind != LT_PICK_ALL) {
        LT_TRY(lt_json_parse(s->payload, s->payload_len, "payload", &doc, err));
        LT_TRY(lt_select_write(yyjson_doc_get_root(doc), pick, &text, err));
        payload = text.data;
        n = text.len;
    }
    out->payload = lt_arena_text(a->arena, payload, n);
    out->payload_len = n;
    return out->payload ? LT_OK : lt_fail_nomem(err);
}

static lt_status add_vector(lt_asking *a, lt_reader *r, const lt_stored *s, const lt_vector_schema *schema,
                            lt_row *out, lt_error *err)
{
    bool present;

    lt_vector *v = &out->vectors[out->n_vectors];

    LT_TRY(lt_reader_vector(r, s->slot, schema, v, &present, err));
    out->n_vectors += present;
    return lt_arena_charge(a->arena, v->n_values * sizeof *v->values) ? LT_OK : lt_fail_nomem(err);
}

static bool named_before(const lt_pick *pick, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(pick->names[i], pick->names[at]) == 0)
            return true;
    return false;
}

static lt_status show_vectors(lt_asking *a, lt_reader *r, const lt_stored *s, const lt_pick *pick,
                              lt_row *out, lt_error *err)
{
    size_t n = pick->kind == LT_PICK_ALL ? lt_reader_n_schemas(r) : pick->n_names;

    if (pick->kind == LT_PICK_NONE)
        return LT_OK;
    out->has_vectors = true;
    out->vectors = lt_arena_alloc(a->arena, n, sizeof *out->vectors);
    if (!out->vectors)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const lt_vector_schema *schema = lt_reader_schema_at(r, i);

        if (pick->kind == LT_PICK_SOME)
            LT_TRY(lt_find_schema(r, pick->names[i], &schema, err));
        if (pick->kind == LT_PICK_ALL || !named_before(pick, i))
            LT_TRY(add_vector(a, r, s, schema, out, err));
    }
    return LT_OK;
}

lt_status lt_show_stored(lt_asking *a, lt_reader *r, const lt_stored *s, const lt_shown *shown,
                         lt_row *out, lt_error *err)
{
    *out = (lt_row){.id = s->id, .version = s->version};
    LT_TRY(show_payload(a, s, &shown->payload, out, err));
    return show_vectors(a, r, s, &shown->vectors, out, err);
}

lt_status lt_show(lt_asking *a, lt_reader *r, const lt_ranking *ranking, const lt_shown *shown,
                  lt_rows *out, lt_error *err)
{
    out->n = ranking->n;
    out->items = lt_arena_alloc(a->arena, out->n, sizeof *out->items);
    if (!out->items)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < ranking->n; i++) {
        LT_CLEANUP(lt_stored_done) lt_stored stored = {0};

        LT_TRY(lt_reader_load(r, ranking->items[i].slot, &stored, err));
        LT_TRY(lt_show_stored(a, r, &stored, shown, &out->items[i], err));
        out->items[i].score = ranking->items[i].score;
        out->items[i].order = ranking->items[i].order;
    }
    return LT_OK;
}
