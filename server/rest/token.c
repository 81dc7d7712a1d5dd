/* SPDX-License-Identifier: Apache-2.0 */
#include "token.h"

#include <base/base64.h>
#include <base/buf.h>
#include <base/error.h>
#include <base/mem.h>
#include <base/sha256.h>
#include <string.h>
#include <value/value.h>

enum { TOKEN_BYTES_MAX = 8192, BLOCK = 64 };

/* ---- signatures ------------------------------------------------------------------------------ */

/* HMAC (RFC 2104) with SHA-256. */
static void sign(const char *key, const char *text, size_t n, uint8_t out[LT_SHA256_BYTES])
{
    uint8_t pad[BLOCK] = {0};
    size_t n_key = strlen(key);
    lt_sha256 inner, outer;

    if (n_key > BLOCK) {
        lt_sha256_init(&inner);
        lt_sha256_add(&inner, key, n_key);
        lt_sha256_end(&inner, pad);
    } else {
        memcpy(pad, key, n_key);
    }
    for (size_t i = 0; i < BLOCK; i++)
        pad[i] ^= 0x36;
    lt_sha256_init(&inner);
    lt_sha256_add(&inner, pad, BLOCK);
    lt_sha256_add(&inner, text, n);
    lt_sha256_end(&inner, out);
    for (size_t i = 0; i < BLOCK; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    lt_sha256_init(&outer);
    lt_sha256_add(&outer, pad, BLOCK);
    lt_sha256_add(&outer, out, LT_SHA256_BYTES);
    lt_sha256_end(&outer, out);
}

/* The URL-safe alphabet, which has two other characters. */
static lt_status decode_part(const char *text, size_t n, lt_buf *out, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf copy = {0};

    LT_TRY(lt_buf_add(&copy, text, n, err));
    for (size_t i = 0; i < copy.len; i++)
        copy.data[i] = copy.data[i] == '-' ? '+' : copy.data[i] == '_' ? '/' : copy.data[i];
    return lt_base64_decode(copy.data ? copy.data : "", copy.len, out, err);
}

/* `n`: the length of what is signed, header and claims. */
static lt_status check_signature(const char *text, size_t n, const char *key, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf given = {0};
    uint8_t right[LT_SHA256_BYTES];
    unsigned differ = 0;

    LT_TRY(decode_part(text + n + 1, strlen(text + n + 1), &given, err));
    sign(key, text, n, right);
    if (given.len != sizeof right)
        return lt_fail(err, LT_EINVAL, "a signature of another length");
    for (size_t i = 0; i < sizeof right; i++)
        differ |= (unsigned)right[i] ^ (uint8_t)given.data[i];
    return differ ? lt_fail(err, LT_EINVAL, "signed by another key") : LT_OK;
}

/* ---- claims ---------------------------------------------------------------------------------- */

static bool is_one_of(yyjson_val *v, const char *const *words)
{
    for (; *words; words++)
        if (yyjson_equals_str(v, *words))
            return true;
    return false;
}

/* An object with these two members and no other. */
static bool has_just(yyjson_val *obj, const char *a, const char *b)
{
    return yyjson_obj_size(obj) == 2 && yyjson_obj_get(obj, a) && yyjson_obj_get(obj, b);
}

static bool is_access(yyjson_val *v)
{
    static const char *const whole[] = {"r", "m", NULL}, *const of_one[] = {"r", "rw", "prw", NULL};
    yyjson_val *entry;
    size_t i, n;

    if (!yyjson_is_arr(v))
        return !v || is_one_of(v, whole);
    yyjson_arr_foreach(v, i, n, entry)
    {
        if (!has_just(entry, "collection", "access") ||
            !yyjson_is_str(yyjson_obj_get(entry, "collection")) ||
            !is_one_of(yyjson_obj_get(entry, "access"), of_one))
            return false;
    }
    return true;
}

static bool is_condition(yyjson_val *v)
{
    yyjson_val *matches = yyjson_obj_get(v, "matches"), *match;
    size_t i, n;

    if (!v)
        return true;
    if (!has_just(v, "collection", "matches") || !yyjson_is_arr(matches) ||
        !yyjson_is_str(yyjson_obj_get(v, "collection")))
        return false;
    yyjson_arr_foreach(matches, i, n, match)
    {
        if (!has_just(match, "key", "value"))
            return false;
    }
    return true;
}

static lt_status check_claims(yyjson_val *root, double now, lt_error *err)
{
    yyjson_val *expires = yyjson_obj_get(root, "exp"), *begins = yyjson_obj_get(root, "nbf");

    if ((expires && !yyjson_is_num(expires)) || (begins && !yyjson_is_num(begins)))
        return lt_fail(err, LT_EINVAL, "`exp` and `nbf` are numbers");
    if (expires && now >= yyjson_get_num(expires))
        return lt_fail(err, LT_EINVAL, "the token has expired");
    if (begins && now < yyjson_get_num(begins))
        return lt_fail(err, LT_EINVAL, "the token is not valid yet");
    if (!is_access(yyjson_obj_get(root, "access")) ||
        !is_condition(yyjson_obj_get(root, "value_exists")))
        return lt_fail(err, LT_EINVAL, "a claim is not understood");
    return LT_OK;
}

static lt_status check_header(const char *text, size_t n, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf json = {0};
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    LT_TRY(decode_part(text, n, &json, err));
    LT_TRY(lt_json_parse_object(json.data ? json.data : "", json.len, "the header", &doc, err));
    return yyjson_equals_str(yyjson_obj_get(yyjson_doc_get_root(doc), "alg"), "HS256")
               ? LT_OK
               : lt_fail(err, LT_EINVAL, "signed otherwise than by HS256");
}

lt_status lt_token_read_claims(const char *json, size_t n_json, double now, lt_token *out,
                               lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    LT_TRY(lt_json_parse_object(json, n_json, "the claims", &doc, err));
    LT_TRY(check_claims(yyjson_doc_get_root(doc), now, err));
    out->claims = lt_steal(&doc);
    return LT_OK;
}

lt_status lt_token_read(const char *text, const char *key, double now, lt_token *out, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf json = {0};
    const char *first = strchr(text, '.'), *second = first ? strchr(first + 1, '.') : NULL;

    if (!second || strlen(text) > TOKEN_BYTES_MAX)
        return lt_fail(err, LT_EINVAL, "no token");
    LT_TRY(check_signature(text, (size_t)(second - text), key, err));
    LT_TRY(check_header(text, (size_t)(first - text), err));
    LT_TRY(decode_part(first + 1, (size_t)(second - first - 1), &json, err));
    return lt_token_read_claims(json.data ? json.data : "", json.len, now, out, err);
}

void lt_token_done(lt_token *t)
{
    yyjson_doc_free(t->claims);
    t->claims = NULL;
}

/* ---- what it allows -------------------------------------------------------------------------- */

static yyjson_val *claim(const lt_token *t, const char *name)
{
    return yyjson_obj_get(yyjson_doc_get_root(t->claims), name);
}

bool lt_token_is_limited(const lt_token *t)
{
    return yyjson_is_arr(claim(t, "access"));
}

bool lt_token_allows(const lt_token *t, lt_access need, const char *collection)
{
    yyjson_val *access = claim(t, "access"), *entry;
    size_t i, n;

    if (!access || yyjson_equals_str(access, "m"))
        return true;
    if (!yyjson_is_arr(access))
        return need <= LT_ACCESS_READ;
    yyjson_arr_foreach(access, i, n, entry)
    {
        bool writes = !yyjson_equals_str(yyjson_obj_get(entry, "access"), "r");

        if (collection && yyjson_equals_str(yyjson_obj_get(entry, "collection"), collection) &&
            need <= (writes ? LT_ACCESS_WRITE : LT_ACCESS_READ))
            return true;
    }
    return false;
}

/* The values of a document lie one behind the other, each key before its value. */
lt_status lt_token_check_body(const lt_token *t, const char *json, size_t n_json, bool *allowed,
                              lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    *allowed = true;
    if (n_json == 0)
        return LT_OK;
    LT_TRY(lt_json_parse(json, n_json, "the body", &doc, err));
    yyjson_val *v = yyjson_doc_get_root(doc), *end = v + yyjson_doc_get_val_count(doc);

    for (; v + 1 < end; v++) {
        if (!yyjson_equals_str(v, "lookup_from") && !yyjson_equals_str(v, "with_lookup"))
            continue;
        yyjson_val *other = yyjson_is_obj(v + 1) ? yyjson_obj_get(v + 1, "collection") : v + 1;

        if (!yyjson_is_null(v + 1) &&
            !(yyjson_is_str(other) && lt_token_allows(t, LT_ACCESS_READ, yyjson_get_str(other))))
            *allowed = false;
    }
    return LT_OK;
}

lt_status lt_token_condition(const lt_token *t, const char **collection, char **filter,
                             lt_error *err)
{
    yyjson_val *condition = claim(t, "value_exists"), *match;
    yyjson_mut_doc *doc = condition ? yyjson_mut_doc_new(NULL) : NULL;
    yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;
    yyjson_mut_val *must = root ? yyjson_mut_obj_add_arr(doc, root, "must") : NULL;
    size_t i, n;

    *collection = yyjson_get_str(yyjson_obj_get(condition, "collection"));
    *filter = NULL;
    if (!condition)
        return LT_OK;
    if (must)
        yyjson_mut_doc_set_root(doc, root);
    yyjson_arr_foreach(yyjson_obj_get(condition, "matches"), i, n, match)
    {
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, must);

        yyjson_mut_obj_add_val(doc, item, "key",
                               yyjson_val_mut_copy(doc, yyjson_obj_get(match, "key")));
        yyjson_mut_val *value = yyjson_mut_obj_add_obj(doc, item, "match");

        yyjson_mut_obj_add_val(doc, value, "value",
                               yyjson_val_mut_copy(doc, yyjson_obj_get(match, "value")));
    }
    *filter = must ? yyjson_mut_write(doc, 0, NULL) : NULL;
    yyjson_mut_doc_free(doc);
    return *filter ? LT_OK : lt_fail_nomem(err);
}
