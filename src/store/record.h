/* SPDX-License-Identifier: Apache-2.0
 * The codec of a point's record and of its key.
 *
 * Key: 0x00 and the number big-endian (9 bytes), or 0x01 and the UUID (17 bytes); so keys sort
 * numbers before UUIDs, each in order.
 *
 * Record, version 2 (all little-endian):
 *   byte 0   version      u8 = 2
 *        1   zero         u8
 *        2   n            u16      vectors that the point has
 *        4   slot         u32
 *        8   operation    u64      number of the update that wrote the point
 *       16   checksum     u64      XXH3 of the key, bytes 0..15 and all from byte 24 on
 *       24   n entries of 16 bytes, in order of number:
 *              0  number  u16      of the vector in the schema
 *              2  inline  u8       0: in the vector file, at the slot; 1: below
 *              3  zero    u8
 *              4  length  u32      bytes below, a multiple of 4; 0 if not inline
 *              8  hash    u64      XXH3 of the slot's bytes in the vector file; 0 if inline
 *            the inline vectors, one behind the other
 *            payload      JSON text to the end
 *
 * Version 1, read only: byte 1..3 zero, 8 hash of the one vector (number 0), 16 checksum, 24 payload. */
#ifndef LT_STORE_RECORD_H
#define LT_STORE_RECORD_H

#include <base/buf.h>

enum { LT_KEY_MAX = 17, LT_RECORD_HEAD = 24, LT_RECORD_ENTRY = 16 };

typedef struct lt_key {
    uint8_t bytes[LT_KEY_MAX];
    size_t n;
} lt_key;

void lt_key_of(const lt_id *id, lt_key *out);
/* false where the bytes are no key. */
bool lt_key_id(const void *bytes, size_t n, lt_id *out);

/* One vector of a record. */
typedef struct lt_record_vector {
    uint16_t number;
    bool is_inline;
    uint64_t hash;     /* not inline: of its row */
    const void *bytes; /* inline; not aligned */
    size_t n;
} lt_record_vector;

typedef struct lt_record {
    uint32_t slot;
    uint64_t operation;
    size_t n_vectors;
    const char *entries; /* as above; NULL in version 1 */
    const char *inlined;
    uint64_t hash; /* version 1 */
    const char *payload; /* borrowed from the bytes decoded, as are the others */
    size_t payload_len;
} lt_record;

/* Appends the record's bytes: r's slot, operation and payload, and `vectors` in order of number. */
lt_status lt_record_encode(const lt_key *key, const lt_record *r, const lt_record_vector *vectors,
                           size_t n_vectors, lt_buf *out, lt_error *err) LT_NODISCARD;
/* LT_ECORRUPT or LT_EVERSION names the point. */
lt_status lt_record_decode(const void *key, size_t n_key, const void *bytes, size_t n,
                           lt_record *out, lt_error *err) LT_NODISCARD;
/* The vector of a decoded record with this number; false where it has none. */
bool lt_record_find(const lt_record *r, uint32_t number, lt_record_vector *out);
/* The i-th of r->n_vectors. */
void lt_record_vector_at(const lt_record *r, size_t i, lt_record_vector *out);

#endif
