/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <base/hash.h>
#include <endian.h>
#include <string.h>

enum { VERSION = 2, KIND_NUM = 0, KIND_UUID = 1 };

void lt_key_of(const lt_id *id, lt_key *out)
{
    if (id->kind == LT_ID_NUM) {
        uint64_t big = htobe64(id->num);

        out->bytes[0] = KIND_NUM;
        memcpy(out->bytes + 1, &big, 8);
        out->n = 9;
    } else {
        out->bytes[0] = KIND_UUID;
        memcpy(out->bytes + 1, id->uuid, 16);
        out->n = 17;
    }
}

bool lt_key_id(const void *bytes, size_t n, lt_id *out)
{
    const uint8_t *p = bytes;
    uint64_t big;

    if (n == 9 && p[0] == KIND_NUM) {
        memcpy(&big, p + 1, 8);
        *out = (lt_id){.kind = LT_ID_NUM, .num = be64toh(big)};
        return true;
    }
    if (n == 17 && p[0] == KIND_UUID) {
        *out = (lt_id){.kind = LT_ID_UUID};
        memcpy(out->uuid, p + 1, 16);
        return true;
    }
    return false;
}

static uint64_t checksum(const void *key, size_t n_key, const char *head, const char *rest,
                         size_t n)
{
    uint64_t h = lt_hash64(key, n_key);

    h = lt_hash64_seeded(head, 16, h);
    return lt_hash64_seeded(rest, n, h);
}

static lt_status add_entries(const lt_record_vector *vectors, size_t n, lt_buf *out, lt_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const lt_record_vector *v = &vectors[i];
        char entry[LT_RECORD_ENTRY] = {0};
        uint16_t number = htole16(v->number);
        uint32_t length = htole32(v->is_inline ? (uint32_t)v->n : 0);
        uint64_t hash = htole64(v->is_inline ? 0 : v->hash);

        memcpy(entry, &number, 2);
        entry[2] = (char)v->is_inline;
        memcpy(entry + 4, &length, 4);
        memcpy(entry + 8, &hash, 8);
        LT_TRY(lt_buf_add(out, entry, sizeof entry, err));
    }
    for (size_t i = 0; i < n; i++)
        if (vectors[i].is_inline)
            LT_TRY(lt_buf_add(out, vectors[i].bytes, vectors[i].n, err));
    return LT_OK;
}

lt_status lt_record_encode(const lt_key *key, const lt_record *r, const lt_record_vector *vectors,
                           size_t n_vectors, lt_buf *out, lt_error *err)
{
    char head[LT_RECORD_HEAD] = {VERSION};
    size_t at = out->len;
    uint16_t n = htole16((uint16_t)n_vectors);
    uint32_t slot = htole32(r->slot);
    uint64_t operation = htole64(r->operation), sum;

    memcpy(head + 2, &n, 2);
    memcpy(head + 4, &slot, 4);
    memcpy(head + 8, &operation, 8);
    LT_TRY(lt_buf_add(out, head, sizeof head, err));
    LT_TRY(add_entries(vectors, n_vectors, out, err));
    LT_TRY(lt_buf_add(out, r->payload, r->payload_len, err));
    sum = htole64(checksum(key->bytes, key->n, head, out->data + at + LT_RECORD_HEAD,
                           out->len - at - LT_RECORD_HEAD));
    memcpy(out->data + at + 16, &sum, 8);
    return LT_OK;
}

static lt_status damaged(const void *key, size_t n_key, const char *why, lt_error *err)
{
    lt_id id;
    char text[LT_ID_TEXT_MAX] = "with an unreadable id";

    if (lt_key_id(key, n_key, &id))
        lt_id_format(&id, text);
    return lt_fail(err, LT_ECORRUPT, "point %s: %s", text, why);
}

/* The entries and what they reach over. false where they do not fit. */
static bool decode_vectors(const char *p, size_t n, lt_record *out)
{
    uint16_t n_vectors;
    uint32_t length;
    size_t left = n - LT_RECORD_HEAD;

    memcpy(&n_vectors, p + 2, 2);
    out->n_vectors = le16toh(n_vectors);
    if (left / LT_RECORD_ENTRY < out->n_vectors)
        return false;
    left -= out->n_vectors * LT_RECORD_ENTRY;
    out->entries = p + LT_RECORD_HEAD;
    out->inlined = out->entries + out->n_vectors * LT_RECORD_ENTRY;
    out->payload = out->inlined;
    for (size_t i = 0; i < out->n_vectors; i++) {
        memcpy(&length, out->entries + i * LT_RECORD_ENTRY + 4, 4);
        if (le32toh(length) > left)
            return false;
        left -= le32toh(length);
        out->payload += le32toh(length);
    }
    out->payload_len = left;
    return true;
}

lt_status lt_record_decode(const void *key, size_t n_key, const void *bytes, size_t n,
                           lt_record *out, lt_error *err)
{
    const char *p = bytes;
    uint32_t slot;
    uint64_t word, sum;
    lt_record r = {0};

    if (n < LT_RECORD_HEAD)
        return damaged(key, n_key, "its record is cut off", err);
    if (p[0] > VERSION)
        return lt_fail(err, LT_EVERSION, "record format %d is newer than this latent knows (%d)",
                       p[0], VERSION);
    memcpy(&slot, p + 4, 4);
    memcpy(&word, p + 8, 8);
    memcpy(&sum, p + 16, 8);
    if (le64toh(sum) != checksum(key, n_key, p, p + LT_RECORD_HEAD, n - LT_RECORD_HEAD))
        return damaged(key, n_key, "its record fails its checksum", err);
    r.slot = le32toh(slot);
    if (p[0] == 1) {
        r.n_vectors = 1;
        r.hash = le64toh(word);
        r.payload = p + LT_RECORD_HEAD;
        r.payload_len = n - LT_RECORD_HEAD;
    } else {
        r.operation = le64toh(word);
        if (!decode_vectors(p, n, &r))
            return damaged(key, n_key, "its record is not well-formed", err);
    }
    *out = r;
    return LT_OK;
}

void lt_record_vector_at(const lt_record *r, size_t i, lt_record_vector *out)
{
    const char *entry = r->entries ? r->entries + i * LT_RECORD_ENTRY : NULL, *bytes = r->inlined;
    uint16_t number;
    uint32_t length;
    uint64_t hash;

    if (!entry) {
        *out = (lt_record_vector){.number = 0, .hash = r->hash};
        return;
    }
    for (const char *e = r->entries; e < entry; e += LT_RECORD_ENTRY) {
        memcpy(&length, e + 4, 4);
        bytes += le32toh(length);
    }
    memcpy(&number, entry, 2);
    memcpy(&length, entry + 4, 4);
    memcpy(&hash, entry + 8, 8);
    *out = (lt_record_vector){.number = le16toh(number),
                              .is_inline = entry[2] != 0,
                              .hash = le64toh(hash),
                              .bytes = entry[2] ? bytes : NULL,
                              .n = le32toh(length)};
}

bool lt_record_find(const lt_record *r, uint32_t number, lt_record_vector *out)
{
    for (size_t i = 0; i < r->n_vectors; i++) {
        lt_record_vector_at(r, i, out);
        if (out->number == number)
            return true;
    }
    return false;
}
