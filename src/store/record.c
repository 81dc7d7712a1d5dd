/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <base/hash.h>
#include <endian.h>
#include <string.h>

enum { VERSION = 1, KIND_NUM = 0, KIND_UUID = 1 };

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

static uint64_t checksum(const void *key, size_t n_key, const char *head, const char *payload,
                         size_t n)
{
    uint64_t h = lt_hash64(key, n_key);

    h = lt_hash64_seeded(head, 16, h);
    return lt_hash64_seeded(payload, n, h);
}

lt_status lt_record_encode(const lt_key *key, const lt_record *r, lt_buf *out, lt_error *err)
{
    char head[LT_RECORD_HEAD] = {VERSION};
    uint32_t slot = htole32(r->slot);
    uint64_t hash = htole64(r->vector_hash), sum;

    memcpy(head + 4, &slot, 4);
    memcpy(head + 8, &hash, 8);
    sum = htole64(checksum(key->bytes, key->n, head, r->payload, r->payload_len));
    memcpy(head + 16, &sum, 8);
    LT_TRY(lt_buf_add(out, head, sizeof head, err));
    return lt_buf_add(out, r->payload, r->payload_len, err);
}

static lt_status damaged(const void *key, size_t n_key, const char *why, lt_error *err)
{
    lt_id id;
    char text[LT_ID_TEXT_MAX] = "with an unreadable id";

    if (lt_key_id(key, n_key, &id))
        lt_id_format(&id, text);
    return lt_fail(err, LT_ECORRUPT, "point %s: %s", text, why);
}

lt_status lt_record_decode(const void *key, size_t n_key, const void *bytes, size_t n,
                           lt_record *out, lt_error *err)
{
    const char *p = bytes;
    uint32_t slot;
    uint64_t hash, sum;

    if (n < LT_RECORD_HEAD)
        return damaged(key, n_key, "its record is cut off", err);
    if (p[0] > VERSION)
        return lt_fail(err, LT_EVERSION, "record format %d is newer than this latent knows (%d)",
                       p[0], VERSION);
    memcpy(&slot, p + 4, 4);
    memcpy(&hash, p + 8, 8);
    memcpy(&sum, p + 16, 8);
    if (le64toh(sum) != checksum(key, n_key, p, p + LT_RECORD_HEAD, n - LT_RECORD_HEAD))
        return damaged(key, n_key, "its record fails its checksum", err);
    *out = (lt_record){.slot = le32toh(slot),
                       .vector_hash = le64toh(hash),
                       .payload = p + LT_RECORD_HEAD,
                       .payload_len = n - LT_RECORD_HEAD};
    return LT_OK;
}
