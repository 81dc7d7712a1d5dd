/* SPDX-License-Identifier: Apache-2.0
 * Who may do what: API keys, and tokens that these have signed. Keys and what needs no waiting are
 * looked at once the headers are there; what a token says of the body or of stored points, before
 * the handler runs. */
#include <base/clock.h>
#include <base/error.h>
#include <base/mem.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rest.h"

/* Takes as long for any wrong key of a given length. */
static bool same_key(const char *given, const char *key)
{
    size_t n_given = strlen(given), n_key = key ? strlen(key) : 0;
    unsigned char differ = !key || n_key == 0 || n_given != n_key;

    for (size_t i = 0; i < n_given; i++)
        differ |= (unsigned char)given[i] ^ (unsigned char)(n_key ? key[i % n_key] : 0);
    return !differ;
}

static const char *given_key(const lt_http_request *r)
{
    const char *key = lt_http_header(r, "api-key");
    const char *bearer = lt_http_header(r, "Authorization");

    if (key)
        return key;
    return bearer && strncasecmp(bearer, "Bearer ", 7) == 0 ? bearer + 7 : NULL;
}

/* Is the key given a token? Then *out is what it says, else a token that allows everything. */
static bool read_token(const lt_service *s, const lt_http_request *r, lt_token *out)
{
    const char *signer = s->config->jwt ? s->config->api_key : NULL;
    const char *key = signer ? given_key(r) : NULL;

    *out = (lt_token){0};
    return key && !same_key(key, signer) &&
           lt_token_read(key, signer, (double)lt_clock_unix(), out, NULL) == LT_OK;
}

/* `collection` as in lt_token_allows. */
static lt_verdict judge_token(const lt_token *t, const lt_route *route, lt_access need,
                              const char *collection)
{
    bool embeds = route && route->errors != LT_ERRORS_QDRANT; /* tells nothing of what is stored */

    /* Which collections are listed is up to the handler. */
    if (lt_token_allows(t, need, collection) ||
        (lt_token_is_limited(t) && (embeds || (route && route->lists))))
        return LT_VERDICT_YES;
    return LT_VERDICT_NO;
}

lt_verdict lt_access_judge(const lt_service *s, const lt_http_request *r, const lt_route *route,
                           const char *collection)
{
    const lt_server_config *c = s->config;
    lt_access need = route ? route->access : LT_ACCESS_READ;
    const char *key = given_key(r);
    LT_CLEANUP(lt_token_done) lt_token token = {0};

    if (need == LT_ACCESS_OPEN || (!c->api_key && !c->read_only_api_key))
        return LT_VERDICT_YES;
    if (key && same_key(key, c->api_key))
        return LT_VERDICT_YES;
    if (key && same_key(key, c->read_only_api_key))
        return need == LT_ACCESS_READ ? LT_VERDICT_YES : LT_VERDICT_NO;
    if (read_token(s, r, &token))
        return judge_token(&token, route, need, collection);
    return key ? LT_VERDICT_WRONG_KEY : LT_VERDICT_NO_KEY;
}

/* Does the point exist that the token is bound to? */
static bool holds(lt_service *s, const lt_token *t)
{
    const char *collection;
    char *filter = NULL;
    lt_shelf_entry *entry = NULL;
    uint64_t n = 0;

    if (lt_token_condition(t, &collection, &filter, NULL) != LT_OK)
        return false;
    if (!collection)
        return true;
    if (lt_shelf_take(s->shelf, collection, &entry, NULL) == LT_OK) {
        if (lt_points_count(lt_shelf_collection(entry), filter, &n, NULL) != LT_OK)
            n = 0;
        lt_shelf_give(s->shelf, entry);
    }
    free(filter);
    return n > 0;
}

lt_verdict lt_access_judge_whole(lt_service *s, const lt_http_request *r)
{
    LT_CLEANUP(lt_token_done) lt_token token = {0};
    bool allowed = true;

    if (!read_token(s, r, &token))
        return LT_VERDICT_YES;
    if (!holds(s, &token))
        return LT_VERDICT_WRONG_KEY;
    if (!lt_token_is_limited(&token))
        return LT_VERDICT_YES;
    lt_status st = lt_token_check_body(&token, r->body, r->n_body, &allowed, NULL);

    /* A body that is no JSON is the handler's to refuse, by the same rules. */
    return st == LT_EINVAL || (st == LT_OK && allowed) ? LT_VERDICT_YES : LT_VERDICT_NO;
}

bool lt_access_sees(const lt_service *s, const lt_http_request *r, const char *collection)
{
    LT_CLEANUP(lt_token_done) lt_token token = {0};

    return !read_token(s, r, &token) || lt_token_allows(&token, LT_ACCESS_READ, collection);
}
