/* SPDX-License-Identifier: Apache-2.0 */
#include "codes.h"

#include <base/mem.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

enum {
    SAMPLE_MAX = 8192,           /* vectors that a quantiser is trained with */
    SAMPLE_BYTES_MAX = 64 << 20, /* as floats */
    GROWTH = 4,                  /* times the vectors: then few are not enough of a sample any more */
    STEP = 4096,                 /* slots encoded between two looks at whether to stop */
    PROBES = 64                  /* codes of a file that are compared with the rows */
};

/* ---- whose they are -------------------------------------------------------------------------- */

/* lock is held. */
static lt_codes **find(lt_indexing *x, uint32_t number)
{
    for (size_t i = 0; i < x->n_codes; i++)
        if (x->codes[i]->number == number)
            return &x->codes[i];
    return NULL;
}

lt_codes *lt_codes_get(lt_collection *c, uint32_t number)
{
    lt_indexing *x = &c->indexing;

    pthread_mutex_lock(&x->lock);
    lt_codes **at = find(x, number), *codes = at ? *at : NULL;

    if (codes)
        atomic_fetch_add(&codes->refs, 1);
    pthread_mutex_unlock(&x->lock);
    return codes;
}

/* Makes `codes` (its reference is taken over) those that searches use; NULL: none. */
static void put_codes(lt_collection *c, uint32_t number, lt_codes *codes)
{
    lt_indexing *x = &c->indexing;

    pthread_mutex_lock(&x->lock);
    lt_codes **at = find(x, number), *old = at ? *at : NULL;

    if (codes && at)
        *at = codes;
    else if (codes)
        x->codes[x->n_codes++] = codes;
    else if (at)
        *at = x->codes[--x->n_codes];
    pthread_mutex_unlock(&x->lock);
    lt_codes_unref(old);
}

void lt_codes_drop(lt_collection *c, uint32_t number)
{
    LT_AUTOFREE char *path = lt_codes_path(c->dir, number);

    put_codes(c, number, NULL);
    if (path)
        (void)unlink(path);
}

void lt_codes_done(lt_collection *c)
{
    lt_indexing *x = &c->indexing;

    for (size_t i = 0; i < x->n_codes; i++) {
        lt_codes *codes = x->codes[i];
        LT_AUTOFREE char *path = lt_codes_path(c->dir, codes->number);
        uint32_t fresh = atomic_load(&codes->covered) - codes->saved;
        lt_error why;

        /* What is not saved is made again at the next start. */
        if (path && fresh >= LT_INDEX_SAVE_AT_CLOSE_MIN && !c->db->options.read_only &&
            !atomic_load(&c->dropped) && lt_codes_write(codes, path, &why) != LT_OK)
            (void)unlink(path);
        lt_codes_unref(codes);
    }
    x->n_codes = 0;
}

/* ---- what there is to do --------------------------------------------------------------------- */

static size_t sample_max(const lt_schema_vector *s)
{
    size_t n = SAMPLE_BYTES_MAX / sizeof(float) / s->seen.dims;

    return n < SAMPLE_MAX ? n : SAMPLE_MAX;
}

/* Do they say what the config asks for, of a sample that still is one? */
static bool are_right(const lt_codes *codes, const lt_view *v, size_t i)
{
    const lt_schema_vector *s = &v->schema->vectors[i];

    return lt_quant_same_config(lt_quant_get_config(codes->quant), &s->quant) &&
           (codes->n_trained >= sample_max(s) ||
            v->vectors[i].n_present < GROWTH * codes->n_trained);
}

bool lt_codes_have_work(lt_collection *c, const lt_view *v, size_t i)
{
    const lt_schema_vector *s = &v->schema->vectors[i];
    lt_codes *codes = lt_codes_get(c, s->number);
    bool work = codes ? s->quant.kind == LT_QUANT_NONE || !are_right(codes, v, i) ||
                            v->n_slots >= (uint64_t)atomic_load(&codes->covered) + LT_INDEX_TAIL_MAX
                      : s->quant.kind != LT_QUANT_NONE && lt_index_is_large(v, i);

    lt_codes_unref(codes);
    return work;
}

/* ---- training -------------------------------------------------------------------------------- */

void lt_codes_floats(const lt_vector_schema *schema, const void *row, float *out)
{
    lt_from_element(schema, row, out);
    /* Bytes are not of unit length, their cosine is computed. */
    if (schema->element == LT_ELEMENT_U8 && schema->distance == LT_DISTANCE_COSINE)
        lt_normalize(out, schema->dims, out);
}

/* Rows of points, taken evenly; how many. */
static size_t sample(const lt_view *v, size_t i, size_t max, float *out)
{
    const lt_view_vector *have = &v->vectors[i];
    const lt_vector_schema *schema = &v->schema->vectors[i].seen;
    uint64_t step = have->n_present / max + 1, at = 0;
    size_t n = 0;

    for (uint64_t slot = 0; slot < v->n_slots && n < max; slot++)
        if (lt_bit_get(have->present, slot) && at++ % step == 0)
            lt_codes_floats(schema, lt_view_row(v, i, slot), out + n++ * schema->dims);
    return n;
}

static lt_status train(const lt_view *v, size_t i, lt_codes **out, lt_error *err)
{
    const lt_schema_vector *s = &v->schema->vectors[i];
    size_t max = sample_max(s);
    LT_AUTOFREE float *rows = lt_calloc(max, s->seen.dims * sizeof *rows);
    lt_quant *quant;

    if (!rows)
        return lt_fail_nomem(err);
    size_t n = sample(v, i, max, rows);

    LT_TRY(lt_quant_train(&s->quant, s->seen.distance, s->seen.dims, rows, n, &quant, err));
    LT_TRY(lt_codes_new(quant, out, err));
    (*out)->number = s->number;
    (*out)->n_trained = v->vectors[i].n_present;
    return LT_OK;
}

/* ---- encoding -------------------------------------------------------------------------------- */

static void *code_at(const lt_codes *codes, uint32_t slot)
{
    char *chunk = (char *)(uintptr_t)codes->chunks[slot / LT_VEC_CHUNK_SLOTS];

    return chunk + slot % LT_VEC_CHUNK_SLOTS * codes->stride;
}

/* All slots, whether the newest commit has them or not: an older one that is read may. */
static lt_status encode(lt_codes *codes, const lt_view *v, size_t i, uint32_t from, uint32_t to,
                        lt_error *err)
{
    const lt_vector_schema *schema = &v->schema->vectors[i].seen;
    LT_AUTOFREE float *floats = lt_calloc(schema->dims, sizeof *floats);

    if (!floats)
        return lt_fail_nomem(err);
    if (v->schema->vectors[i].on_disk)
        lt_vecfile_will_read(v->vectors[i].chunks, v->schema->vectors[i].stride, from, to - from);
    for (uint32_t slot = from; slot < to; slot++) {
        if (slot / LT_VEC_CHUNK_SLOTS >= codes->n_chunks)
            LT_TRY(lt_codes_add_chunk(codes, err));
        lt_codes_floats(schema, lt_view_row(v, i, slot), floats);
        lt_quant_encode(codes->quant, floats, code_at(codes, slot));
    }
    atomic_store_explicit(&codes->covered, to, memory_order_release);
    if (v->schema->vectors[i].on_disk)
        lt_vecfile_have_read(v->vectors[i].chunks, v->schema->vectors[i].stride, from, to - from);
    return LT_OK;
}

static lt_status extend(lt_collection *c, lt_codes *codes, const lt_view *v, size_t i,
                        lt_error *err)
{
    uint32_t end = (uint32_t)v->n_slots;

    for (uint32_t at; (at = atomic_load(&codes->covered)) < end && !lt_index_stopping(c);)
        LT_TRY(encode(codes, v, i, at, end - at < STEP ? end : at + STEP, err));
    return LT_OK;
}

/* ---- work ------------------------------------------------------------------------------------ */

static lt_status save_if_much(lt_collection *c, lt_codes *codes, lt_error *err)
{
    uint32_t covered = atomic_load(&codes->covered);
    LT_AUTOFREE char *path = lt_codes_path(c->dir, codes->number);

    if (!lt_index_worth_saving(covered, codes->saved))
        return LT_OK;
    if (!path)
        return lt_fail_nomem(err);
    LT_TRY(lt_codes_write(codes, path, err));
    codes->saved = covered;
    return LT_OK;
}

/* With a reference of the caller's on what there is, or NULL. */
static lt_status bring_up(lt_collection *c, const lt_view *v, size_t i, lt_codes *old,
                          lt_error *err)
{
    bool keep = old && are_right(old, v, i);
    lt_codes *codes = old;

    if (!keep)
        LT_TRY(train(v, i, &codes, err));
    lt_status st = extend(c, codes, v, i, err);

    if (st == LT_OK && !lt_index_stopping(c))
        st = save_if_much(c, codes, err);
    if (!keep && (st != LT_OK || lt_index_stopping(c)))
        lt_codes_unref(codes);
    else if (!keep)
        put_codes(c, codes->number, codes);
    return st;
}

lt_status lt_codes_work(lt_collection *c, uint32_t number, lt_error *err)
{
    lt_view *v = lt_view_current(c);
    size_t i = lt_schema_by_number(v->schema, number);
    lt_status st = LT_OK;

    if (i < v->schema->n_vectors && lt_codes_have_work(c, v, i)) {
        lt_codes *old = lt_codes_get(c, number);

        if (v->schema->vectors[i].quant.kind == LT_QUANT_NONE)
            lt_codes_drop(c, number);
        else if (v->vectors[i].n_present > 0)
            st = bring_up(c, v, i, old, err);
        lt_codes_unref(old);
    }
    lt_view_unref(v);
    return st;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* After the loss of commits that were not synced, slots can mean other points than when the file was
 * written: some codes, of the last slots above all, are compared with what the rows give now. */
static bool fits_rows(const lt_codes *codes, const lt_view *v, size_t i)
{
    const lt_vector_schema *schema = &v->schema->vectors[i].seen;
    uint32_t covered = atomic_load(&codes->covered);
    LT_AUTOFREE float *floats = lt_calloc(schema->dims, sizeof *floats);
    LT_AUTOFREE void *code = lt_calloc(1, codes->stride);
    bool same = covered <= v->n_slots && floats && code;

    for (uint32_t back = 1; same && back <= covered; back += back <= PROBES ? 1 : covered / PROBES + 1) {
        uint32_t slot = covered - back;

        if (!lt_bit_get(v->vectors[i].present, slot))
            continue;
        lt_codes_floats(schema, lt_view_row(v, i, slot), floats);
        lt_quant_encode(codes->quant, floats, code);
        same = memcmp(code, code_at(codes, slot), lt_quant_code_bytes(codes->quant)) == 0;
    }
    return same;
}

/* What is damaged, of another version or of other rows is as if it were not there. */
lt_status lt_codes_load(lt_collection *c, const lt_view *v, size_t i, lt_error *err)
{
    const lt_schema_vector *s = &v->schema->vectors[i];
    LT_AUTOFREE char *path = lt_codes_path(c->dir, s->number);
    lt_codes *codes;
    lt_error why;

    if (!path)
        return lt_fail_nomem(err);
    if (lt_codes_read(path, s->quant_in_memory, &codes, &why) != LT_OK)
        return LT_OK;
    codes->number = s->number;
    if (lt_quant_same_config(lt_quant_get_config(codes->quant), &s->quant) &&
        lt_quant_fits(codes->quant, s->seen.distance, s->seen.dims) && fits_rows(codes, v, i))
        put_codes(c, s->number, codes);
    else
        lt_codes_unref(codes);
    return LT_OK;
}
