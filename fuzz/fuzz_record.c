/* SPDX-License-Identifier: Apache-2.0
 * A stored key and record, both hostile: the first byte is the key's length, then key and record. The
 * record is decoded as it is, and again with its checksum made right. What decodes and has its
 * vectors in order encodes to the same. */
#include <base/buf.h>
#include <base/mem.h>
#include <stdint.h>

#include "fix_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VECTORS = 64 };

/* Touches all that the record says it has. */
static uint64_t read_all(const lt_record *r)
{
    uint64_t sum = lt_hash64(r->payload, r->payload_len);

    for (size_t i = 0; i < r->n_vectors && i < VECTORS; i++) {
        lt_record_vector v;

        lt_record_vector_at(r, i, &v);
        sum += v.is_inline ? lt_hash64(v.bytes, v.n) : v.hash;
    }
    return sum;
}

static void encode_again(const lt_key *key, const lt_record *r)
{
    LT_CLEANUP(lt_buf_done) lt_buf out = {0};
    lt_record_vector vectors[VECTORS];
    lt_record again;

    if (r->n_vectors > VECTORS)
        return;
    for (size_t i = 0; i < r->n_vectors; i++)
        lt_record_vector_at(r, i, &vectors[i]);
    if (lt_record_encode(key, r, vectors, r->n_vectors, &out, NULL) != LT_OK)
        return;
    if (lt_record_decode(key->bytes, key->n, out.data, out.len, &again, NULL) != LT_OK ||
        again.slot != r->slot || again.n_vectors != r->n_vectors ||
        read_all(&again) != read_all(r))
        __builtin_trap();
}

static void decode(const lt_key *key, const uint8_t *bytes, size_t n)
{
    lt_record r;
    lt_error err;
    lt_id id;

    (void)lt_key_id(key->bytes, key->n, &id);
    if (lt_record_decode(key->bytes, key->n, bytes, n, &r, &err) != LT_OK) {
        if (err.message[0] == '\0')
            __builtin_trap();
        return;
    }
    (void)read_all(&r);
    encode_again(key, &r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lt_key key = {.n = size ? data[0] % (LT_KEY_MAX + 1) : 0};

    if (size < 1 + key.n)
        return 0;
    memcpy(key.bytes, data + 1, key.n);
    size_t n = size - 1 - key.n;
    LT_AUTOFREE uint8_t *record = lt_malloc(n);

    if (!record)
        return 0;
    memcpy(record, data + 1 + key.n, n);
    decode(&key, record, n);
    fix_record(key.bytes, key.n, record, n);
    decode(&key, record, n);
    return 0;
}
