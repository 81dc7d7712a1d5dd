/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <base/mem.h>
#include <endian.h>
#include <string.h>

#include "env.h"

enum { FORMAT = 2, N_TABLES = 16 };

struct lt_table {
    lt_env env;
    MDB_dbi ids, slots, meta;
    uint64_t format; /* as stored; changed by the one writer */
};

struct lt_txn {
    lt_table *table;
    MDB_txn *mdb;
};

/* ---- opening --------------------------------------------------------------------------------- */

static lt_status begin(lt_table *t, bool write, lt_txn **out, lt_error *err)
{
    lt_txn *txn = lt_calloc(1, sizeof *txn);

    if (!txn)
        return lt_fail_nomem(err);
    txn->table = t;
    lt_status st = lt_env_begin(&t->env, write, &txn->mdb, err);

    if (st != LT_OK) {
        lt_free(txn);
        return st;
    }
    *out = txn;
    return LT_OK;
}

lt_status lt_table_read(lt_table *t, lt_txn **out, lt_error *err)
{
    return begin(t, false, out, err);
}

lt_status lt_table_write(lt_table *t, lt_txn **out, lt_error *err)
{
    return begin(t, true, out, err);
}

void lt_txn_end(lt_txn *txn)
{
    if (!txn)
        return;
    lt_env_end(&txn->table->env, txn->mdb);
    lt_free(txn);
}

lt_status lt_txn_commit(lt_txn *txn, lt_error *err)
{
    lt_status st = lt_env_commit(&txn->table->env, txn->mdb, err);

    lt_free(txn);
    return st;
}

bool lt_table_full(const lt_table *t)
{
    return t->env.full;
}

lt_status lt_table_grow(lt_table *t, lt_error *err)
{
    return lt_env_grow(&t->env, err);
}

uint64_t lt_txn_number(const lt_txn *txn)
{
    return (uint64_t)mdb_txn_id(txn->mdb);
}

static lt_status open_tables(lt_table *t, lt_txn *txn, unsigned flags, lt_error *err)
{
    int code = mdb_dbi_open(txn->mdb, "ids", flags, &t->ids);

    if (code == 0)
        code = mdb_dbi_open(txn->mdb, "slots", flags | MDB_INTEGERKEY, &t->slots);
    if (code == 0)
        code = mdb_dbi_open(txn->mdb, "meta", flags, &t->meta);
    if (code == MDB_NOTFOUND)
        return lt_fail(err, LT_ECORRUPT, "%s: a table is missing", t->env.path);
    return code ? lt_env_fail(&t->env, code, "opening its tables", err) : LT_OK;
}

static lt_status put_u(lt_txn *txn, const char *name, uint64_t value, lt_error *err)
{
    uint64_t le = htole64(value);
    MDB_val k = {strlen(name), (void *)(uintptr_t)name}, v = {8, &le};
    int code = mdb_put(txn->mdb, txn->table->meta, &k, &v, 0);

    return code ? lt_env_fail(&txn->table->env, code, "writing", err) : LT_OK;
}

static lt_status get_u(lt_txn *txn, const char *name, uint64_t *out, lt_error *err)
{
    MDB_val k = {strlen(name), (void *)(uintptr_t)name}, v;
    int code = mdb_get(txn->mdb, txn->table->meta, &k, &v);
    uint64_t le;

    if (code == MDB_NOTFOUND || (code == 0 && v.mv_size != 8))
        return lt_fail(err, LT_ECORRUPT, "%s: the entry '%s' is missing", txn->table->env.path,
                       name);
    if (code)
        return lt_env_fail(&txn->table->env, code, "reading", err);
    memcpy(&le, v.mv_data, 8);
    *out = le64toh(le);
    return LT_OK;
}

static lt_status fill_new(lt_table *t, lt_txn *txn, const char *config, const char *metadata,
                          lt_error *err)
{
    LT_TRY(open_tables(t, txn, MDB_CREATE, err));
    LT_TRY(lt_txn_put_counts(txn, &(lt_counts){0}, err));
    LT_TRY(lt_txn_put_meta(txn, "config", config, err));
    return metadata ? lt_txn_put_meta(txn, "metadata", metadata, err) : LT_OK;
}

lt_status lt_table_create(const char *path, const char *config, const char *metadata, bool no_sync,
                          lt_error *err)
{
    lt_table t = {0};
    lt_txn *txn = NULL;

    LT_TRY(lt_env_open(&t.env, path, false, no_sync, N_TABLES, err));
    lt_status st = begin(&t, true, &txn, err);

    if (st == LT_OK) {
        st = fill_new(&t, txn, config, metadata, err);
        if (st == LT_OK)
            st = lt_txn_commit(txn, err);
        else
            lt_txn_end(txn);
    }
    lt_env_close(&t.env);
    return st;
}

static lt_status check_format(lt_table *t, lt_txn *txn, lt_error *err)
{
    LT_TRY(open_tables(t, txn, 0, err));
    LT_TRY(get_u(txn, "format", &t->format, err));
    if (t->format > FORMAT)
        return lt_fail(err, LT_EVERSION, "%s: format %llu is newer than this latent knows (%d)",
                       t->env.path, (unsigned long long)t->format, FORMAT);
    return LT_OK;
}

/* Table handles must be opened in a transaction that ends well to stay. */
static lt_status open_existing(lt_table *t, lt_error *err)
{
    lt_txn *txn = NULL;

    LT_TRY(begin(t, !t->env.read_only, &txn, err));
    lt_status st = check_format(t, txn, err);

    if (st != LT_OK) {
        lt_txn_end(txn);
        return st;
    }
    return lt_txn_commit(txn, err);
}

lt_status lt_table_open(const char *path, bool read_only, bool no_sync, lt_table **out,
                        lt_error *err)
{
    lt_table *t = lt_calloc(1, sizeof *t);

    if (!t)
        return lt_fail_nomem(err);
    lt_status st = lt_env_open(&t->env, path, read_only, no_sync, N_TABLES, err);

    if (st == LT_OK)
        st = open_existing(t, err);
    if (st != LT_OK) {
        lt_table_close(t);
        return st;
    }
    *out = t;
    return LT_OK;
}

void lt_table_close(lt_table *t)
{
    if (!t)
        return;
    lt_env_close(&t->env);
    lt_free(t);
}

/* ---- reading --------------------------------------------------------------------------------- */

lt_status lt_txn_get(lt_txn *txn, const lt_key *key, lt_buf *out, lt_error *err)
{
    MDB_val k = {key->n, (void *)(uintptr_t)key->bytes}, v;
    int code = mdb_get(txn->mdb, txn->table->ids, &k, &v);

    if (code == MDB_NOTFOUND)
        return LT_ENOTFOUND;
    if (code)
        return lt_env_fail(&txn->table->env, code, "reading a point", err);
    return lt_buf_add(out, v.mv_data, v.mv_size, err);
}

/* A slot's entry is a key and a bitmap. false where it cannot be. */
static bool split_slot(const MDB_val *v, size_t *n_key)
{
    *n_key = v->mv_size && *(const uint8_t *)v->mv_data == 0 ? 9 : LT_KEY_MAX;
    return v->mv_size >= *n_key;
}

lt_status lt_txn_slot_key(lt_txn *txn, uint32_t slot, lt_key *out, lt_error *err)
{
    MDB_val k = {sizeof slot, &slot}, v;
    int code = mdb_get(txn->mdb, txn->table->slots, &k, &v);

    if (code == MDB_NOTFOUND)
        return LT_ENOTFOUND;
    if (code)
        return lt_env_fail(&txn->table->env, code, "reading a slot", err);
    if (!split_slot(&v, &out->n))
        return lt_fail(err, LT_ECORRUPT, "%s: slot %u names no point", txn->table->env.path, slot);
    memcpy(out->bytes, v.mv_data, out->n);
    return LT_OK;
}

lt_status lt_txn_each_point(lt_txn *txn, const lt_key *from, lt_point_visit visit, void *context,
                            lt_error *err)
{
    MDB_cursor *cursor;
    MDB_val k = {0}, v;
    int code = mdb_cursor_open(txn->mdb, txn->table->ids, &cursor);
    lt_status st = LT_OK;

    if (code)
        return lt_env_fail(&txn->table->env, code, "reading points", err);
    if (from)
        k = (MDB_val){from->n, (void *)(uintptr_t)from->bytes};
    code = mdb_cursor_get(cursor, &k, &v, from ? MDB_SET_RANGE : MDB_FIRST);
    for (; code == 0 && st == LT_OK; code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT))
        st = visit(context, k.mv_data, k.mv_size, v.mv_data, v.mv_size, err);
    mdb_cursor_close(cursor);
    if (st == LT_OK && code != MDB_NOTFOUND)
        return lt_env_fail(&txn->table->env, code, "reading points", err);
    return st;
}

/* Calls visit for each entry of the slots table. */
static lt_status each_slot(lt_txn *txn,
                           lt_status (*visit)(void *context, uint32_t slot, const MDB_val *entry,
                                              size_t n_key, lt_error *err),
                           void *context, lt_error *err)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    size_t n_key;
    lt_status st = LT_OK;
    int code = mdb_cursor_open(txn->mdb, txn->table->slots, &cursor);

    if (code)
        return lt_env_fail(&txn->table->env, code, "reading slots", err);
    code = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
    for (; code == 0 && st == LT_OK; code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        uint32_t slot;

        memcpy(&slot, k.mv_data, sizeof slot);
        st = split_slot(&v, &n_key) ? visit(context, slot, &v, n_key, err)
                                    : lt_fail(err, LT_ECORRUPT, "%s: slot %u names no point",
                                              txn->table->env.path, slot);
    }
    mdb_cursor_close(cursor);
    if (st == LT_OK && code != MDB_NOTFOUND)
        return lt_env_fail(&txn->table->env, code, "reading slots", err);
    return st;
}

typedef struct numbering {
    lt_slot_visit visit;
    void *context;
} numbering;

static lt_status tell_numbers(void *context, uint32_t slot, const MDB_val *entry, size_t n_key,
                              lt_error *err)
{
    static const uint8_t first_alone = 1;
    const numbering *n = context;
    const uint8_t *bytes = entry->mv_data;

    (void)err;
    if (entry->mv_size == n_key)
        n->visit(n->context, slot, &first_alone, 1);
    else
        n->visit(n->context, slot, bytes + n_key, entry->mv_size - n_key);
    return LT_OK;
}

lt_status lt_txn_each_slot(lt_txn *txn, lt_slot_visit visit, void *context, lt_error *err)
{
    numbering n = {visit, context};

    return each_slot(txn, tell_numbers, &n, err);
}

typedef struct seeking {
    const lt_key *key;
    lt_status (*visit)(void *context, uint32_t slot, lt_error *err);
    void *context;
} seeking;

static lt_status tell_if_same(void *context, uint32_t slot, const MDB_val *entry, size_t n_key,
                              lt_error *err)
{
    const seeking *s = context;

    if (n_key != s->key->n || memcmp(entry->mv_data, s->key->bytes, n_key) != 0)
        return LT_OK;
    return s->visit(s->context, slot, err);
}

lt_status lt_txn_slots_of(lt_txn *txn, const lt_key *key,
                          lt_status (*visit)(void *context, uint32_t slot, lt_error *err),
                          void *context, lt_error *err)
{
    seeking s = {key, visit, context};

    return each_slot(txn, tell_if_same, &s, err);
}

lt_status lt_txn_counts(lt_txn *txn, lt_counts *out, lt_error *err)
{
    lt_counts c = {0};
    MDB_val k = {10, (void *)(uintptr_t) "operations"}, v;

    LT_TRY(get_u(txn, "next", &c.next_slot, err));
    LT_TRY(get_u(txn, "count", &c.n_points, err));
    if (mdb_get(txn->mdb, txn->table->meta, &k, &v) == 0)
        LT_TRY(get_u(txn, "operations", &c.operations, err));
    *out = c;
    return LT_OK;
}

lt_status lt_txn_meta(lt_txn *txn, const char *name, lt_buf *out, lt_error *err)
{
    MDB_val k = {strlen(name), (void *)(uintptr_t)name}, v;
    int code = mdb_get(txn->mdb, txn->table->meta, &k, &v);

    if (code == MDB_NOTFOUND)
        return LT_OK;
    if (code)
        return lt_env_fail(&txn->table->env, code, "reading", err);
    return lt_buf_add(out, v.mv_data, v.mv_size, err);
}

/* ---- writing --------------------------------------------------------------------------------- */

static lt_status put(lt_txn *txn, MDB_dbi dbi, MDB_val k, MDB_val v, lt_error *err)
{
    int code = mdb_put(txn->mdb, dbi, &k, &v, 0);

    return code ? lt_env_fail(&txn->table->env, code, "writing", err) : LT_OK;
}

lt_status lt_txn_put(lt_txn *txn, const lt_key *key, const void *record, size_t n, lt_error *err)
{
    return put(txn, txn->table->ids, (MDB_val){key->n, (void *)(uintptr_t)key->bytes},
               (MDB_val){n, (void *)(uintptr_t)record}, err);
}

lt_status lt_txn_delete(lt_txn *txn, const lt_key *key, lt_error *err)
{
    MDB_val k = {key->n, (void *)(uintptr_t)key->bytes};
    int code = mdb_del(txn->mdb, txn->table->ids, &k, NULL);

    return code && code != MDB_NOTFOUND ? lt_env_fail(&txn->table->env, code, "deleting", err)
                                        : LT_OK;
}

lt_status lt_txn_put_slot(lt_txn *txn, uint32_t slot, const lt_key *key, const uint8_t *numbers,
                          size_t n_bytes, lt_error *err)
{
    uint8_t entry[LT_KEY_MAX + LT_SLOT_BITMAP_MAX];

    LT_ASSERT(n_bytes <= LT_SLOT_BITMAP_MAX);
    memcpy(entry, key->bytes, key->n);
    memcpy(entry + key->n, numbers, n_bytes);
    return put(txn, txn->table->slots, (MDB_val){sizeof slot, &slot},
               (MDB_val){key->n + n_bytes, entry}, err);
}

lt_status lt_txn_clear_slot(lt_txn *txn, uint32_t slot, lt_error *err)
{
    MDB_val k = {sizeof slot, &slot};
    int code = mdb_del(txn->mdb, txn->table->slots, &k, NULL);

    return code && code != MDB_NOTFOUND ? lt_env_fail(&txn->table->env, code, "deleting", err)
                                        : LT_OK;
}

lt_status lt_txn_clear_slots(lt_txn *txn, lt_error *err)
{
    int code = mdb_drop(txn->mdb, txn->table->slots, 0);

    return code ? lt_env_fail(&txn->table->env, code, "deleting", err) : LT_OK;
}

/* What is written from here on has this format: an older latent must not write into it. */
static lt_status put_format(lt_txn *txn, lt_error *err)
{
    if (txn->table->format >= FORMAT)
        return LT_OK;
    return put_u(txn, "format", FORMAT, err);
}

lt_status lt_txn_put_counts(lt_txn *txn, const lt_counts *counts, lt_error *err)
{
    LT_TRY(put_format(txn, err));
    LT_TRY(put_u(txn, "next", counts->next_slot, err));
    LT_TRY(put_u(txn, "operations", counts->operations, err));
    return put_u(txn, "count", counts->n_points, err);
}

lt_status lt_txn_put_meta(lt_txn *txn, const char *name, const char *text, lt_error *err)
{
    return put(txn, txn->table->meta, (MDB_val){strlen(name), (void *)(uintptr_t)name},
               (MDB_val){strlen(text), (void *)(uintptr_t)text}, err);
}
