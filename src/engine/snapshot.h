/* SPDX-License-Identifier: Apache-2.0
 * A snapshot: one commit of a collection as one tar file (store/tar.h), independent of slots and of
 * LMDB's pages, so that a foreign file can be checked piece by piece before any of it is used.
 *
 *   snapshot.json   {"format": 1, "collection", "created", "points", "operations",
 *                    "config": as stored, "metadata": object or null}
 *   points          each point in order of key: u32 LE length of the key, u32 LE length of the
 *                   record, key, record (store/record.h; its slot means nothing here)
 *   vectors-<n>     the rows of the dense vector with number n of the points that have it, in the
 *                   same order, as in the vector file
 */
#ifndef LT_ENGINE_SNAPSHOT_H
#define LT_ENGINE_SNAPSHOT_H

#include <base/sha256.h>

#include "engine.h"

enum { LT_SNAPSHOT_FORMAT = 1, LT_SNAPSHOT_PREFIX = 8 };
#define LT_SNAPSHOT_HEAD "snapshot.json"
#define LT_SNAPSHOT_POINTS "points"

/* "vectors-7": the member with its rows. */
void lt_snapshot_rows_name(uint32_t number, char out[32]);

/* Writes the collection's newest commit into an open file; tells the SHA-256 of it. */
lt_status lt_snapshot_write(lt_collection *c, int fd, const char *path,
                            char sha256[LT_SHA256_HEX], lt_error *err) LT_NODISCARD;

/* Rests of interrupted writing. */
void lt_snapshots_clear_away(const lt_db *db);

#endif
