/* SPDX-License-Identifier: Apache-2.0
 * Vacuum: the living points get slots in a row and their rows new files, so that the dead ones take
 * no more disk.
 *
 * In two steps. First the rows of one view are copied into files of their own, a piece at a time and
 * while everybody goes on: a living slot's rows never change. Then, as the only one of its group,
 * the slots of all points are given anew in one transaction; what was written since the view is
 * appended. A crash before that commit leaves files that nothing names. Readers of older commits keep
 * the old files, which go with the last of them.
 *
 * Every vector gets a new number, and with it a new file and a new graph: whatever knows rows by the
 * old number and slot (graphs, checkpoints, readers' views) stays right for as long as it is used.
 * The other ways: holes punched where slots are dead would leave n slots of every bitmap and graph
 * to the dead for ever; points moved one by one would be as much writing, and more of LMDB's. */
#include <base/clock.h>
#include <base/file.h>
#include <base/mem.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "engine.h"

enum {
    PIECE_BYTES = 4 << 20,  /* written at once */
    PIECES_A_SYNC = 8,      /* so that no writer finds much more to be written than its own */
    PAUSE_PERCENT = 50,     /* of the time that a piece took */
    BATCH_RECORDS = 1000
};
static const uint32_t NONE = UINT32_MAX;

typedef struct vacuum {
    lt_collection *c;
    lt_view *from;      /* whose rows were copied */
    char *config;       /* with the new numbers */
    uint32_t *new_slot; /* of each slot of `from`; NONE: it was dead */
    uint64_t n_copied;  /* slots given to them */
    size_t n_pieces;
} vacuum;

bool lt_vacuum_due(const lt_view *v)
{
    uint64_t n_dead = v->n_slots - v->n_points;

    return v->n_slots >= v->schema->vacuum_min && n_dead > 0 &&
           (double)n_dead > (double)v->n_slots * v->schema->dead_part;
}

static void vacuum_done(vacuum *k)
{
    lt_view_unref(k->from);
    lt_free(k->config);
    lt_free(k->new_slot);
}

/* ---- the plan -------------------------------------------------------------------------------- */

/* A number that nothing in memory or on disk has. */
static bool is_free(void *context, uint32_t number)
{
    const vacuum *k = context;
    lt_graph *g = lt_graph_get(k->c, number);
    bool taken = g || lt_schema_by_number(k->from->schema, number) < k->from->schema->n_vectors;

    lt_graph_unref(g);
    for (int element = LT_ELEMENT_F32; element <= LT_ELEMENT_U8 && !taken; element++) {
        LT_AUTOFREE char *path = lt_vectors_path(k->c->dir, number, (lt_element)element);

        taken = !path || lt_path_exists(path);
    }
    return !taken;
}

static lt_status plan(vacuum *k, lt_error *err)
{
    const lt_view *v = k->from;
    uint32_t next = 0;

    LT_TRY(lt_config_renumber(v->schema->config, is_free, k, &k->config, err));
    k->new_slot = lt_calloc((size_t)v->n_slots, sizeof *k->new_slot);
    if (!k->new_slot)
        return lt_fail_nomem(err);
    for (uint64_t slot = 0; slot < v->n_slots; slot++)
        k->new_slot[slot] = lt_bit_get(v->living, slot) ? next++ : NONE;
    k->n_copied = next;
    return LT_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* A run of rows that lie in a row in the new file. */
typedef struct run {
    lt_vecfile *file;
    uint64_t first;
    lt_buf rows;
} run;

static bool stopping(const vacuum *k)
{
    return atomic_load(&k->c->db->indexer.stop) || atomic_load(&k->c->dropped);
}

/* Bounded in what it takes of the disk: after each piece it leaves it to others for a while. */
static lt_status write_run(vacuum *k, run *r, lt_error *err)
{
    double began = lt_clock_s();

    if (r->rows.len == 0)
        return LT_OK;
    if (stopping(k))
        return lt_fail(err, LT_ECANCELED, "the vacuum was stopped");
    LT_TRY(lt_vecfile_write(r->file, r->first, r->rows.data, r->rows.len / r->file->stride, err));
    if (r->rows.len >= PIECE_BYTES && ++k->n_pieces % PIECES_A_SYNC == 0)
        LT_TRY(lt_vecfile_sync(r->file, err));
    if (r->rows.len >= PIECE_BYTES)
        usleep((useconds_t)((lt_clock_s() - began) * 1e4 * PAUSE_PERCENT));
    lt_buf_clear(&r->rows);
    return LT_OK;
}

static lt_status add_row(vacuum *k, run *r, uint64_t slot, const void *row, lt_error *err)
{
    uint64_t end = r->first + r->rows.len / r->file->stride;

    if (r->rows.len >= PIECE_BYTES || slot != end)
        LT_TRY(write_run(k, r, err));
    if (r->rows.len == 0)
        r->first = slot;
    return lt_buf_add(&r->rows, row, r->file->stride, err);
}

static lt_status copy_rows_to(vacuum *k, size_t i, lt_vecfile *file, lt_error *err)
{
    const lt_view *v = k->from;
    run r = {.file = file};
    lt_status st = LT_OK;

    for (uint64_t slot = 0; slot < v->n_slots && st == LT_OK; slot++)
        if (lt_bit_get(v->vectors[i].present, slot))
            st = add_row(k, &r, k->new_slot[slot], lt_view_row(v, i, slot), err);
    if (st == LT_OK)
        st = write_run(k, &r, err);
    lt_buf_done(&r.rows);
    return st == LT_OK ? lt_vecfile_sync(file, err) : st;
}

/* The file of the i-th vector of the old schema, under its new number. */
static lt_status copy_rows(vacuum *k, size_t i, const lt_schema_vector *new, lt_error *err)
{
    LT_AUTOFREE char *path = lt_vectors_path(k->c->dir, new->number, new->seen.element);
    lt_vecfile file;

    if (!path)
        return lt_fail_nomem(err);
    LT_TRY(lt_vecfile_create(path, (uint32_t)new->seen.element, new->seen.dims, err));
    LT_TRY(lt_vecfile_open(&file, path, false, err));
    lt_status st = copy_rows_to(k, i, &file, err);

    lt_vecfile_close(&file);
    return st;
}

static lt_status copy_all_rows(vacuum *k, lt_error *err)
{
    lt_schema *new;
    lt_status st = LT_OK;

    LT_TRY(lt_schema_load(NULL, k->config, strlen(k->config), false, NULL, &new, err));
    for (size_t i = 0; i < new->n_vectors && st == LT_OK; i++) /* in order of name, as the old */
        if (k->from->schema->vectors[i].vecs)
            st = copy_rows(k, i, &new->vectors[i], err);
    lt_schema_unref(new);
    return st;
}

/* ---- the group: records and slots ------------------------------------------------------------ */

/* Some records, so that the table can be changed when they have been read. */
typedef struct batch {
    lt_buf bytes; /* of each: lt_key, size_t, record */
    size_t n;
    lt_key last;
} batch;

static lt_status add_record(void *context, const void *key, size_t n_key, const void *record,
                            size_t n, lt_error *err)
{
    batch *b = context;
    lt_key k = {.n = n_key};

    if (n_key > LT_KEY_MAX)
        return lt_fail(err, LT_ECORRUPT, "a point has an unreadable id");
    memcpy(k.bytes, key, n_key);
    if (b->last.n == n_key && memcmp(b->last.bytes, key, n_key) == 0)
        return LT_OK; /* the one that the walk began with */
    if (b->n == BATCH_RECORDS)
        return LT_ECANCELED; /* ends the walk; not an error */
    LT_TRY(lt_buf_add(&b->bytes, &k, sizeof k, err));
    LT_TRY(lt_buf_add(&b->bytes, &n, sizeof n, err));
    LT_TRY(lt_buf_add(&b->bytes, record, n, err));
    b->n++;
    return LT_OK;
}

/* The point's rows of a slot that was not copied go behind those that were. */
static lt_status append_rows(const vacuum *k, lt_group *g, const lt_record *r, uint32_t slot,
                             lt_error *err)
{
    const lt_view *v = k->c->view; /* the group's: nobody else commits */

    for (size_t i = 0; i < g->schema->n_vectors; i++) {
        lt_record_vector found;

        if (g->schema->vectors[i].vecs && lt_record_find(r, v->schema->vectors[i].number, &found))
            LT_TRY(lt_group_add_row(g, i, slot, lt_view_row(v, i, r->slot), err));
    }
    return LT_OK;
}

/* The vectors under their new numbers, in order of these, and the bitmap of the slot's entry. */
static size_t translate(const vacuum *k, const lt_group *g, const lt_record *r,
                        lt_record_vector *out, uint8_t bitmap[LT_SLOT_BITMAP_MAX], size_t *n_bytes)
{
    size_t n = 0;

    memset(bitmap, 0, LT_SLOT_BITMAP_MAX);
    *n_bytes = 1;
    for (size_t i = 0; i < g->schema->n_vectors; i++) {
        uint32_t number = g->schema->vectors[i].number;
        lt_record_vector v;
        size_t at = n;

        if (!lt_record_find(r, k->from->schema->vectors[i].number, &v))
            continue;
        v.number = (uint16_t)number;
        for (; at > 0 && out[at - 1].number > number; at--)
            out[at] = out[at - 1];
        out[at] = v;
        n++;
        bitmap[number / 8] |= (uint8_t)(1 << number % 8);
        *n_bytes = *n_bytes > number / 8 + 1 ? *n_bytes : number / 8 + 1;
    }
    return n;
}

static lt_status move_point(vacuum *k, lt_group *g, const lt_key *key, const char *record, size_t n,
                            lt_error *err)
{
    lt_record_vector vectors[LT_LIMIT_VECTORS];
    uint8_t bitmap[LT_SLOT_BITMAP_MAX];
    size_t n_bytes;
    lt_record r;

    LT_TRY(lt_record_decode(key->bytes, key->n, record, n, &r, err));
    if (r.slot >= k->c->view->n_slots)
        return lt_fail(err, LT_ECORRUPT, "collection '%s': a point has a slot that does not exist",
                       k->c->name);
    uint32_t slot = r.slot < k->from->n_slots ? k->new_slot[r.slot] : NONE;

    if (slot == NONE) {
        slot = (uint32_t)g->counts.next_slot++;
        LT_TRY(append_rows(k, g, &r, slot, err));
    }
    size_t n_vectors = translate(k, g, &r, vectors, bitmap, &n_bytes);

    r.slot = slot;
    LT_TRY(lt_txn_put_slot(g->txn, slot, key, bitmap, n_bytes, err));
    lt_buf_clear(&g->record);
    LT_TRY(lt_record_encode(key, &r, vectors, n_vectors, &g->record, err));
    return lt_txn_put(g->txn, key, g->record.data, g->record.len, err);
}

static lt_status move_batch(vacuum *k, lt_group *g, batch *b, lt_error *err)
{
    const char *p = b->bytes.data;

    for (size_t i = 0; i < b->n; i++) {
        size_t n;

        memcpy(&b->last, p, sizeof b->last);
        memcpy(&n, p + sizeof b->last, sizeof n);
        p += sizeof b->last + sizeof n;
        LT_TRY(move_point(k, g, &b->last, p, n, err));
        p += n;
    }
    b->n = 0;
    lt_buf_clear(&b->bytes);
    return LT_OK;
}

static lt_status move_points(vacuum *k, lt_group *g, lt_error *err)
{
    batch b = {0};
    lt_status st;

    do {
        st = lt_txn_each_point(g->txn, b.last.n ? &b.last : NULL, add_record, &b, err);
        bool more = st == LT_ECANCELED;

        if (st == LT_OK || more)
            st = move_batch(k, g, &b, err);
        if (!more)
            break;
    } while (st == LT_OK);
    lt_buf_done(&b.bytes);
    return st;
}

/* Runs as the only one of its group. */
static lt_status renumber(lt_group *g, void *context, lt_error *err)
{
    vacuum *k = context;
    lt_schema *schema;

    if (strcmp(g->schema->config, k->from->schema->config) != 0)
        return lt_fail(err, LT_ECANCELED, "the config was changed meanwhile");
    LT_TRY(lt_schema_load(g->c->dir, k->config, strlen(k->config), false, g->schema, &schema, err));
    LT_TRY(lt_group_set_schema(g, schema, err));
    g->counts.next_slot = k->n_copied;
    g->renumbered = true;
    LT_TRY(lt_txn_clear_slots(g->txn, err));
    return move_points(k, g, err);
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* The old files go with the last view that shows them; checkpoints at once. */
static void drop_old_files(const vacuum *k)
{
    const lt_schema *s = k->from->schema;

    for (size_t i = 0; i < s->n_vectors; i++) {
        LT_AUTOFREE char *graph = lt_graph_path(k->c->dir, s->vectors[i].number);
        LT_AUTOFREE char *codes = lt_codes_path(k->c->dir, s->vectors[i].number);

        if (!s->vectors[i].vecs)
            continue;
        atomic_store(&s->vectors[i].vecs->dropped, true);
        if (graph)
            (void)unlink(graph);
        if (codes)
            (void)unlink(codes);
    }
}

/* The rests of a vacuum that did not come to its end. */
static void drop_new_files(const vacuum *k)
{
    lt_schema *new;

    if (lt_schema_load(NULL, k->config, strlen(k->config), false, NULL, &new, NULL) != LT_OK)
        return; /* they are cleared away when the collection is opened the next time */
    for (size_t i = 0; i < new->n_vectors; i++) {
        LT_AUTOFREE char *path =
            lt_vectors_path(k->c->dir, new->vectors[i].number, new->vectors[i].seen.element);

        if (path && new->vectors[i].seen.kind == LT_VECTOR_DENSE)
            (void)unlink(path);
    }
    lt_schema_unref(new);
}

static lt_status vacuum_now(lt_collection *c, lt_error *err)
{
    LT_CLEANUP(vacuum_done) vacuum k = {.c = c, .from = lt_view_current(c)};
    lt_write w = {.change = renumber, .context = &k};

    LT_TRY(plan(&k, err));
    lt_status st = copy_all_rows(&k, err);

    if (st == LT_OK)
        st = lt_write_submit(c, &w, err);
    if (st == LT_OK)
        drop_old_files(&k);
    else
        drop_new_files(&k);
    return st;
}

lt_status lt_vacuum_run(lt_collection *c, lt_error *err)
{
    pthread_mutex_lock(&c->indexing.vacuum);
    lt_status st = vacuum_now(c, err);

    pthread_mutex_unlock(&c->indexing.vacuum);
    return st;
}
