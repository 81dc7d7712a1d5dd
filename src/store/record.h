/* SPDX-License-Identifier: Apache-2.0
 * The codec of a point's record and of its key.
 *
 * Key: 0x00 and the number big-endian (9 bytes), or 0x01 and the UUID (17 bytes); so keys sort
 * numbers before UUIDs, each in order.
 *
 * Record:
 *   byte 0   version      u8 = 1
 *        1   zero         3 bytes
 *        4   slot         u32 LE
 *        8   vector hash  u64 LE   XXH3 of the slot's bytes
 *       16   checksum     u64 LE   XXH3 of the key, bytes 0..15 and the payload
 *       24   payload      JSON text to the end */
#ifndef LT_STORE_RECORD_H
#define LT_STORE_RECORD_H

#include <base/buf.h>

enum { LT_KEY_MAX = 17, LT_RECORD_HEAD = 24 };

typedef struct lt_key {
    uint8_t bytes[LT_KEY_MAX];
    size_t n;
} lt_key;

void lt_key_of(const lt_id *id, lt_key *out);
/* false where the bytes are no key. */
bool lt_key_id(const void *bytes, size_t n, lt_id *out);

typedef struct lt_record {
    uint32_t slot;
    uint64_t vector_hash;
    const char *payload; /* borrowed from the bytes decoded */
    size_t payload_len;
} lt_record;

/* Appends the record's bytes. */
lt_status lt_record_encode(const lt_key *key, const lt_record *r, lt_buf *out,
                           lt_error *err) LT_NODISCARD;
/* LT_ECORRUPT or LT_EVERSION names the point. */
lt_status lt_record_decode(const void *key, size_t n_key, const void *bytes, size_t n,
                           lt_record *out, lt_error *err) LT_NODISCARD;

#endif
