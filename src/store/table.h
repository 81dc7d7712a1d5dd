/* SPDX-License-Identifier: Apache-2.0
 * The tables of one collection, in its file points.mdb:
 *
 *   ids     key (record.h)            -> record
 *   slots   slot, native u32          -> key: which point lives there, and behind it the numbers
 *                                        of the vectors it has as a bitmap, least first, without
 *                                        zero bytes at the end but one byte at least (in format 1
 *                                        there is no bitmap: vector 0)
 *   meta    "format"                  -> u64 LE: version of this layout (1, 2)
 *           "next"                    -> u64 LE: slots at and above were never committed
 *           "count"                   -> u64 LE: living points
 *           "operations"              -> u64 LE: number of the next update; absent: 0
 *           "config", "metadata"      -> JSON text
 *
 * A snapshot (read transaction) sees one committed state. Pointers into LMDB's map do not leave
 * this folder: records are copied out. */
#ifndef LT_STORE_TABLE_H
#define LT_STORE_TABLE_H

#include <base/buf.h>

#include "record.h"

enum { LT_SLOT_BITMAP_MAX = 128 }; /* bytes; so a vector's number is below 1024 */

typedef struct lt_table lt_table;
typedef struct lt_txn lt_txn;

lt_status lt_table_create(const char *path, const char *config, const char *metadata,
                          bool no_sync, lt_error *err) LT_NODISCARD;
lt_status lt_table_open(const char *path, bool read_only, bool no_sync, lt_table **out,
                        lt_error *err) LT_NODISCARD;
void lt_table_close(lt_table *t);

/* ---- transactions ---- */
lt_status lt_table_read(lt_table *t, lt_txn **out, lt_error *err) LT_NODISCARD;
lt_status lt_table_write(lt_table *t, lt_txn **out, lt_error *err) LT_NODISCARD;
/* Ends the transaction, also on failure. */
lt_status lt_txn_commit(lt_txn *txn, lt_error *err) LT_NODISCARD;
void lt_txn_end(lt_txn *txn); /* NULL allowed */
/* After a write or commit that failed: was it for want of room in the map? Then grow, and do the
 * transaction again. */
bool lt_table_full(const lt_table *t);
lt_status lt_table_grow(lt_table *t, lt_error *err) LT_NODISCARD;
/* Which committed state a read transaction sees; a write transaction: which it makes. */
uint64_t lt_txn_number(const lt_txn *txn);

/* ---- reading ---- */
/* Appends the record's bytes of a point to `out`. LT_ENOTFOUND without a message when absent. */
lt_status lt_txn_get(lt_txn *txn, const lt_key *key, lt_buf *out, lt_error *err) LT_NODISCARD;
/* The key of the point that lives in a slot. LT_ENOTFOUND when none does. */
lt_status lt_txn_slot_key(lt_txn *txn, uint32_t slot, lt_key *out, lt_error *err) LT_NODISCARD;
/* Calls visit for every point in order of key, from `from` on (NULL: from the first), until it
 * returns other than LT_OK, which is returned. `record` is valid during the call. */
typedef lt_status (*lt_point_visit)(void *context, const void *key, size_t n_key,
                                    const void *record, size_t n_record, lt_error *err);
lt_status lt_txn_each_point(lt_txn *txn, const lt_key *from, lt_point_visit visit, void *context,
                            lt_error *err) LT_NODISCARD;
/* Calls visit for every living slot, in order, with the bitmap of its point's vectors. */
typedef void (*lt_slot_visit)(void *context, uint32_t slot, const uint8_t *numbers,
                              size_t n_bytes);
lt_status lt_txn_each_slot(lt_txn *txn, lt_slot_visit visit, void *context,
                           lt_error *err) LT_NODISCARD;

typedef struct lt_counts {
    uint64_t next_slot; /* slots at and above were never committed */
    uint64_t n_points;
    uint64_t operations; /* the number of the next update */
} lt_counts;

lt_status lt_txn_counts(lt_txn *txn, lt_counts *out, lt_error *err) LT_NODISCARD;
/* Appends a text of the meta table ("config", "metadata"); nothing where it is absent. */
lt_status lt_txn_meta(lt_txn *txn, const char *name, lt_buf *out, lt_error *err) LT_NODISCARD;

/* ---- writing ---- */
lt_status lt_txn_put(lt_txn *txn, const lt_key *key, const void *record, size_t n,
                     lt_error *err) LT_NODISCARD;
lt_status lt_txn_delete(lt_txn *txn, const lt_key *key, lt_error *err) LT_NODISCARD;
lt_status lt_txn_put_slot(lt_txn *txn, uint32_t slot, const lt_key *key, const uint8_t *numbers,
                          size_t n_bytes, lt_error *err) LT_NODISCARD;
lt_status lt_txn_clear_slot(lt_txn *txn, uint32_t slot, lt_error *err) LT_NODISCARD;
lt_status lt_txn_clear_slots(lt_txn *txn, lt_error *err) LT_NODISCARD; /* all of them */
/* Finds the slots that name a key, by reading all of them: for mending, when the record that should
 * tell is damaged. Calls visit for each. */
lt_status lt_txn_slots_of(lt_txn *txn, const lt_key *key,
                          lt_status (*visit)(void *context, uint32_t slot, lt_error *err),
                          void *context, lt_error *err) LT_NODISCARD;
lt_status lt_txn_put_counts(lt_txn *txn, const lt_counts *counts, lt_error *err) LT_NODISCARD;
lt_status lt_txn_put_meta(lt_txn *txn, const char *name, const char *text,
                          lt_error *err) LT_NODISCARD;

#endif
