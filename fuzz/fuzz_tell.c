/* SPDX-License-Identifier: Apache-2.0
 * The body of a change: the first byte says which, the rest is JSON. Every number and text of what was
 * read is looked at. */
#include <base/mem.h>
#include <math.h>
#include <ops/tell.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_vector(const lt_vector *v)
{
    size_t n = strlen(v->name);

    for (size_t i = 0; i < v->n_values; i++) {
        if (!isfinite(v->values[i]))
            __builtin_trap();
        n += v->kind == LT_VECTOR_SPARSE && v->indices[i] > 7;
    }
    if (n == SIZE_MAX || (v->kind == LT_VECTOR_MULTI && v->n_values % v->n_rows != 0))
        __builtin_trap();
}

static void use_update(const lt_update *u)
{
    if (!u->filter && u->n_ids == 0 && u->n_points == 0)
        __builtin_trap();
    for (size_t i = 0; i < u->n_points; i++) {
        const lt_full_point *p = &u->points[i];

        for (size_t k = 0; k < p->n_vectors; k++)
            use_vector(&p->vectors[k]);
        if (p->payload && p->payload[p->payload_len] != '\0')
            __builtin_trap();
    }
    for (size_t i = 0; i < u->n_names; i++)
        if (strlen(u->names[i]) == SIZE_MAX)
            __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    lt_telling t = {0};
    lt_update *updates;
    lt_error err = {0};
    size_t n;

    t.body.arena = &t.arena;
    if (size == 0 || lt_body_parse((const char *)data + 1, size - 1, &doc, &err) != LT_OK)
        return 0;
    lt_status st = lt_tell_read(&t, (lt_tell_kind)(data[0] % (LT_TELL_BATCH + 1)),
                                yyjson_doc_get_root(doc), &updates, &n, &err);

    for (size_t i = 0; st == LT_OK && i < n; i++)
        use_update(&updates[i]);
    if (st != LT_OK && (err.message[0] == '\0' || strchr(err.message, '\n')))
        __builtin_trap();
    lt_body_done(&t.body);
    lt_arena_done(&t.arena);
    return 0;
}
