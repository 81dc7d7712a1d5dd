/* SPDX-License-Identifier: Apache-2.0
 * tokenize_lines TOKENIZER.json [MAX_TOKENS [plain]]: reads texts on stdin, each a 32-bit
 * little-endian length and that many bytes, and writes for each the number of ids (32 bits) and the
 * ids (32 bits each); UINT32_MAX and an error line where a text cannot be encoded. What
 * tests/python/tokenizer_live.py compares with the reference. */
#include <base/buf.h>
#include <base/clock.h>
#include <base/file.h>
#include <base/limits.h>
#include <base/mem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <text/tokenizer.h>

static void put(uint32_t value)
{
    fwrite(&value, sizeof value, 1, stdout);
}

static lt_status encode_all(const lt_tokenizer *t, size_t max_tokens, bool special, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};
    LT_CLEANUP(lt_tokens_done) lt_tokens ids = {0};
    uint32_t n;

    while (fread(&n, sizeof n, 1, stdin) == 1) {
        lt_error why;

        lt_buf_clear(&text);
        LT_TRY(lt_buf_reserve(&text, n, err));
        if (fread(text.data, 1, n, stdin) != n)
            return lt_fail(err, LT_EINVAL, "the input is cut short");
        ids.n = 0;
        if (lt_tokenizer_encode(t, text.data, n, special, max_tokens, &ids, &why) != LT_OK) {
            fprintf(stderr, "%s\n", why.message);
            put(UINT32_MAX);
            continue;
        }
        put((uint32_t)ids.n);
        for (size_t i = 0; i < ids.n; i++)
            put((uint32_t)ids.ids[i]);
    }
    return LT_OK;
}

int main(int argc, char **argv)
{
    LT_CLEANUP(lt_buf_done) lt_buf json = {0};
    lt_tokenizer *t = NULL;
    lt_error err;

    if (argc < 2) {
        fprintf(stderr, "usage: tokenize_lines TOKENIZER.json [MAX_TOKENS [plain]]\n");
        return 2;
    }
    lt_status st = lt_file_read(argv[1], LT_LIMIT_TOKENIZER_BYTES, &json, &err);

    if (st == LT_OK) {
        double start = lt_clock_s();

        st = lt_tokenizer_open(json.data, json.len, argv[1], &t, &err);
        if (getenv("LT_TIMES"))
            fprintf(stderr, "open %.1f ms\n", (lt_clock_s() - start) * 1e3);
    }
    double start = lt_clock_s();

    if (st == LT_OK)
        st = encode_all(t, argc > 2 ? (size_t)strtoul(argv[2], NULL, 10) : 0, argc <= 3, &err);
    if (getenv("LT_TIMES"))
        fprintf(stderr, "encode %.1f ms\n", (lt_clock_s() - start) * 1e3);
    lt_tokenizer_close(t);
    if (st != LT_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    return 0;
}
