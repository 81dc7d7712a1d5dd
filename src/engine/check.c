/* SPDX-License-Identifier: Apache-2.0
 * The whole of a collection held against its checksums and its cross-references. One commit is
 * looked at, through a reader; damage is told and passed over, so that all of it is told. */
#include <base/hash.h>
#include <base/mem.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "read.h"

typedef struct checking {
    lt_reader *r;
    void (*on_fault)(void *context, const char *what);
    void *context;
    lt_check_result result;
    uint64_t *seen;        /* a bit a slot: a point has it */
    uint64_t *n_valued;    /* an index: points with a value of its type */
    lt_arena arena;        /* of a point */
} checking;

static void checking_done(checking *k)
{
    lt_reader_close(k->r);
    lt_free(k->seen);
    lt_free(k->n_valued);
    lt_arena_done(&k->arena);
}

static void __attribute__((format(printf, 2, 3))) fault(checking *k, const char *format, ...)
{
    lt_error line;
    char text[sizeof line.message];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)lt_fail(&line, LT_ECORRUPT, "collection '%s': %s", k->r->c->name, text);
    k->result.n_faults++;
    if (k->on_fault)
        k->on_fault(k->context, line.message);
}

/* A failure that is damage is a fault of the collection, another one ends the check. */
static lt_status told(checking *k, lt_status st, const char *of, const lt_error *why, lt_error *err)
{
    if (st == LT_OK || st == LT_ENOMEM || st == LT_EIO) {
        if (st != LT_OK && err)
            *err = *why;
        return st;
    }
    fault(k, "%s%s%s", of, of[0] ? ": " : "", why->message);
    return LT_OK;
}

/* ---- a point --------------------------------------------------------------------------------- */

static void name_of(const lt_key *key, char out[LT_ID_TEXT_MAX + 8])
{
    char text[LT_ID_TEXT_MAX] = "with an unreadable id";
    lt_id id;

    if (lt_key_id(key->bytes, key->n, &id))
        lt_id_format(&id, text);
    snprintf(out, LT_ID_TEXT_MAX + 8, "point %s", text);
}

/* The slot that a record names must name it, and no other point may have named it. */
static lt_status check_slot(checking *k, const char *name, const lt_key *key, uint32_t slot,
                            lt_error *err)
{
    const lt_view *v = k->r->s.view;
    lt_key other;

    if (slot >= v->n_slots || !lt_bit_get(v->living, slot)) {
        fault(k, "%s: its slot %u does not exist", name, slot);
        return LT_OK;
    }
    if (lt_bit_get(k->seen, slot))
        fault(k, "%s: another point has its slot %u", name, slot);
    lt_bit_set(k->seen, slot, true);
    LT_TRY(lt_reader_key(k->r, slot, &other, err));
    if (other.n != key->n || memcmp(other.bytes, key->bytes, key->n) != 0)
        fault(k, "%s: its slot %u names another point", name, slot);
    return LT_OK;
}

static lt_status check_vector(checking *k, const char *name, uint32_t slot, size_t i,
                              lt_record_vector *v, lt_error *err)
{
    const lt_schema_vector *s = &k->r->schema->vectors[i];
    lt_error why;

    if (s->vecs && !v->is_inline) {
        v->bytes = lt_view_row(k->r->s.view, i, slot);
        v->n = s->stride;
        if (lt_hash64(v->bytes, v->n) != v->hash) {
            fault(k, "%s: its vector '%s' fails its checksum", name, s->seen.name);
            return LT_OK;
        }
    }
    k->result.n_vectors++;
    return told(k, lt_stored_check(s, v, &k->arena, &why), name, &why, err);
}

static lt_status check_vectors(checking *k, const char *name, const lt_record *r, lt_error *err)
{
    const lt_view *view = k->r->s.view;

    for (size_t i = 0; i < k->r->schema->n_vectors; i++) {
        const lt_schema_vector *s = &k->r->schema->vectors[i];
        lt_record_vector v;
        bool has = lt_record_find(r, s->number, &v);

        if (r->slot < view->n_slots && has != lt_bit_get(view->vectors[i].present, r->slot))
            fault(k, "%s: its slot %s of a vector '%s'", name, has ? "does not know" : "tells",
                  s->seen.name);
        if (has && r->slot < view->n_slots)
            LT_TRY(check_vector(k, name, r->slot, i, &v, err));
    }
    return LT_OK;
}

static void count_value(void *context, const lt_index_value *value)
{
    (void)value;
    *(bool *)context = true;
}

static lt_status check_payload(checking *k, const char *name, const lt_record *r, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    lt_error why;
    lt_status st = lt_json_parse_object(r->payload, r->payload_len, "payload", &doc, &why);

    if (st != LT_OK)
        return told(k, st, name, &why, err);
    for (size_t i = 0; i < k->r->schema->n_indexes; i++) {
        bool any = false;

        lt_payload_field_values(k->r->schema->indexes[i].field, yyjson_doc_get_root(doc),
                                count_value, &any);
        k->n_valued[i] += any;
    }
    return LT_OK;
}

static lt_status check_point(void *context, const void *bytes, size_t n_bytes, const void *record,
                             size_t n, lt_error *err)
{
    checking *k = context;
    lt_key key = {.n = n_bytes < LT_KEY_MAX ? n_bytes : LT_KEY_MAX};
    char name[LT_ID_TEXT_MAX + 8];
    lt_record r;
    lt_error why;
    lt_id id;

    k->result.n_points++;
    memcpy(key.bytes, bytes, key.n);
    name_of(&key, name);
    if (!lt_key_id(bytes, n_bytes, &id))
        fault(k, "a point's id cannot be read");
    lt_status st = lt_record_decode(bytes, n_bytes, record, n, &r, &why);

    if (st != LT_OK) /* it names the point */
        return told(k, st, "", &why, err);
    st = check_slot(k, name, &key, r.slot, &why);
    LT_TRY(told(k, st, name, &why, err));
    LT_TRY(check_vectors(k, name, &r, err));
    LT_TRY(check_payload(k, name, &r, err));
    lt_arena_done(&k->arena);
    return LT_OK;
}

/* ---- all points ------------------------------------------------------------------------------ */

static lt_status check_points(checking *k, lt_error *err)
{
    const lt_view *v = k->r->s.view;
    lt_error why;

    LT_TRY(told(k, lt_txn_each_point(k->r->s.txn, NULL, check_point, k, &why), "points", &why,
                err));
    for (uint64_t slot = 0; slot < v->n_slots; slot++)
        if (lt_bit_get(v->living, slot) && !lt_bit_get(k->seen, slot))
            fault(k, "slot %llu names a point that does not have it", (unsigned long long)slot);
    if (k->result.n_points != v->n_points)
        fault(k, "there are %llu points, %llu are expected", (unsigned long long)k->result.n_points,
              (unsigned long long)v->n_points);
    return LT_OK;
}

/* What texts and places are indexed by is not a value that could be counted. */
static bool is_countable(const char *type)
{
    return strcmp(type, "text") != 0 && strcmp(type, "geo") != 0;
}

/* Where there was another commit meanwhile, there is nothing to compare. */
static void check_indexes(checking *k)
{
    lt_pidx_state *state = k->r->s.view->payload_index;

    for (size_t i = 0; state && i < k->r->schema->n_indexes; i++) {
        const lt_index_def *d = &k->r->schema->indexes[i];
        bool exact;
        size_t n;

        if (lt_pidx_state_count(state, i, &n, &exact) && exact && is_countable(d->type) &&
            n != k->n_valued[i])
            fault(k, "the index of '%s' holds %zu points, %llu have values", d->path, n,
                  (unsigned long long)k->n_valued[i]);
    }
}

/* ---- graphs ---------------------------------------------------------------------------------- */

static lt_status open_graph(lt_collection *c, const lt_view *v, size_t i, lt_hnsw **out,
                            lt_error *err)
{
    LT_AUTOFREE char *path = lt_graph_path(c->dir, v->schema->vectors[i].number);
    lt_hnsw_vectors vectors = lt_view_vectors(v, i);

    return path ? lt_hnsw_open(path, &vectors, NULL, out, err) : lt_fail_nomem(err);
}

/* Opening a checkpoint checks it by itself; here, whether it misses points. The view is newer than
 * the checkpoint: a vector that is there now was there then, in its slot. */
static void check_cover(checking *k, const lt_hnsw *g, const lt_view *v, size_t i)
{
    uint64_t covered = lt_hnsw_covered(g), n_missing = 0;

    for (uint64_t slot = 0; slot < covered && slot < v->n_slots; slot++)
        n_missing += lt_bit_get(v->vectors[i].present, slot) && !lt_hnsw_has(g, (uint32_t)slot);
    if (n_missing)
        fault(k, "the graph of vector '%s' lacks %llu points", v->schema->vectors[i].seen.name,
              (unsigned long long)n_missing);
}

static lt_status check_graph(checking *k, uint32_t number, lt_error *err)
{
    LT_CLEANUP(lt_snapshot_done) lt_snapshot before = {0}, after = {0};
    lt_hnsw *g = NULL;
    lt_error why;

    LT_TRY(lt_snapshot_take(k->r->c, &before, err));
    size_t i = lt_schema_by_number(before.view->schema, number);

    if (i == before.view->schema->n_vectors)
        return LT_OK; /* dropped meanwhile */
    lt_status st = open_graph(k->r->c, before.view, i, &g, &why);

    if (st == LT_ENOTFOUND)
        return LT_OK;
    LT_TRY(told(k, st, "", &why, err));
    k->result.n_graphs++;
    if (!g)
        return LT_OK;
    st = lt_snapshot_take(k->r->c, &after, err);
    i = st == LT_OK ? lt_schema_by_number(after.view->schema, number) : 0;
    if (st == LT_OK && i < after.view->schema->n_vectors)
        check_cover(k, g, after.view, i);
    lt_hnsw_free(g);
    return st;
}

static lt_status check_graphs(checking *k, lt_error *err)
{
    for (size_t i = 0; i < k->r->schema->n_vectors; i++)
        if (k->r->schema->vectors[i].vecs)
            LT_TRY(check_graph(k, k->r->schema->vectors[i].number, err));
    return LT_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static lt_status begin(checking *k, lt_collection *c, lt_error *err)
{
    LT_TRY(lt_reader_open(c, &k->r, err));
    LT_TRY(lt_reader_build_indexes(k->r, err));
    k->seen = lt_calloc(lt_bit_words(k->r->s.view->n_slots), sizeof *k->seen);
    k->n_valued = lt_calloc(k->r->schema->n_indexes, sizeof *k->n_valued);
    return k->seen && k->n_valued ? LT_OK : lt_fail_nomem(err);
}

lt_status lt_collection_check(lt_collection *collection,
                              void (*on_fault)(void *context, const char *what), void *context,
                              lt_check_result *out, lt_error *err)
{
    LT_CLEANUP(checking_done) checking k = {.on_fault = on_fault, .context = context,
                                            .result = LT_CHECK_RESULT_INIT};

    if (!collection || !out || out->size != sizeof *out)
        return lt_fail(err, LT_EINVAL,
                       "a collection and an lt_check_result begun with its INIT are required");
    LT_TRY(begin(&k, collection, err));
    LT_TRY(check_points(&k, err));
    check_indexes(&k);
    LT_TRY(check_graphs(&k, err));
    *out = k.result;
    return LT_OK;
}
