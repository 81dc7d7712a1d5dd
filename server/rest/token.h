/* SPDX-License-Identifier: Apache-2.0
 * JSON Web Tokens (RFC 7519) as Qdrant issues them: signed with HS256 by the API key, with the claims
 *
 *   {"exp": 1764086400,                                   not valid from then on
 *    "access": "r" | "m" | [{"collection": "a", "access": "r" | "rw" | "prw"}],  without it: "m"
 *    "value_exists": {"collection": "users", "matches": [{"key": "id", "value": 7}]}}
 *
 * A claim that would limit the token and is not understood makes it invalid. */
#ifndef LT_SERVER_TOKEN_H
#define LT_SERVER_TOKEN_H

#include <latent.h>
#include <yyjson.h>

typedef enum lt_access {
    LT_ACCESS_OPEN,  /* needs no key */
    LT_ACCESS_READ,  /* any key */
    LT_ACCESS_WRITE, /* a key that is not read-only */
    LT_ACCESS_MANAGE /* as well not one for some collections only */
} lt_access;

typedef struct lt_token {
    yyjson_doc *claims; /* NULL: a token that allows everything */
} lt_token;

/* LT_EINVAL: it is none, or was not signed by `key`, or has expired by `now` (seconds since 1970). */
lt_status lt_token_read(const char *text, const char *key, double now, lt_token *out,
                        lt_error *err) LT_NODISCARD;
/* The same from claims in JSON whose signature was checked. */
lt_status lt_token_read_claims(const char *json, size_t n_json, double now, lt_token *out,
                               lt_error *err) LT_NODISCARD;
void lt_token_done(lt_token *t);

/* Is it for some collections only? */
bool lt_token_is_limited(const lt_token *t);
/* `collection`: the one that a request is about; NULL: all of them. */
bool lt_token_allows(const lt_token *t, lt_access need, const char *collection);
/* Does the body of a request name, beside the collection that it is about, another one to look
 * vectors or points up in, which the token does not allow to read? LT_EINVAL: it is no JSON. */
lt_status lt_token_check_body(const lt_token *t, const char *json, size_t n_json, bool *allowed,
                              lt_error *err) LT_NODISCARD;
/* The condition that must hold for the token to be valid: the collection, and a filter in JSON. NULL:
 * there is none. `filter` is to be freed with free(). */
lt_status lt_token_condition(const lt_token *t, const char **collection, char **filter,
                             lt_error *err) LT_NODISCARD;

#endif
