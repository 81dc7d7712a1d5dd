/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a token, as its claims, and as a compressed body: what a client sends before anything
 * is known of it. */
#include <base/buf.h>
#include <base/mem.h>
#include <server/inflate.h>
#include <server/rest/token.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INFLATED_MAX = 1 << 20 };

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* Whatever the claims are: who may manage may write, and who may write may read. */
static void check(const lt_token *t)
{
    const char *const collections[] = {NULL, "", "a", "b"};
    const char *of = NULL;
    char *filter = NULL;

    for (size_t i = 0; i < sizeof collections / sizeof *collections; i++) {
        bool reads = lt_token_allows(t, LT_ACCESS_READ, collections[i]);
        bool writes = lt_token_allows(t, LT_ACCESS_WRITE, collections[i]);
        bool manages = lt_token_allows(t, LT_ACCESS_MANAGE, collections[i]);

        expect((reads || !writes) && (writes || !manages));
        expect(!lt_token_is_limited(t) || (!manages && (collections[i] || !reads)));
    }
    if (lt_token_condition(t, &of, &filter, NULL) == LT_OK)
        expect(!of == !filter);
    free(filter);
}

static void fuzz_inflate(const char *data, size_t size)
{
    lt_buf out = {0};

    if (lt_inflate("gzip", data, size, INFLATED_MAX, &out, NULL) == LT_OK)
        expect(out.len <= INFLATED_MAX);
    lt_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LT_AUTOFREE char *text = lt_strndup((const char *)data, size);
    lt_token token = {0};
    bool allowed;

    expect(text != NULL);
    /* No input can be signed by this key. */
    expect(lt_token_read(text, "a key that nobody knows", 0, &token, NULL) != LT_OK);
    if (lt_token_read_claims((const char *)data, size, 1000, &token, NULL) == LT_OK) {
        check(&token);
        expect(lt_token_check_body(&token, (const char *)data, size, &allowed, NULL) == LT_OK);
    }
    lt_token_done(&token);
    fuzz_inflate((const char *)data, size);
    return 0;
}
