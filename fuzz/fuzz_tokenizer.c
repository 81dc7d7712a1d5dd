/* SPDX-License-Identifier: Apache-2.0
 * A tokenizer file and a text, both hostile: what stands before the first zero byte is the JSON,
 * what stands behind it the text. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <text/tokenizer.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    size_t n = zero ? (size_t)(zero - data) : size;
    const char *text = zero ? (const char *)zero + 1 : "a <s> b\xcc\x81";
    size_t text_len = zero ? size - n - 1 : strlen(text);
    lt_tokenizer *t = NULL;
    lt_tokens ids = {0};
    lt_error err;

    if (lt_tokenizer_open((const char *)data, n, "fuzz", &t, &err) != LT_OK)
        return 0;
    for (int64_t id = 0; id < (int64_t)lt_tokenizer_size(t); id++)
        (void)lt_tokenizer_find(t, lt_tokenizer_piece(t, id));
    if (lt_tokenizer_encode(t, text, text_len, true, 0, &ids, &err) == LT_OK) {
        for (size_t i = 0; i < ids.n; i++)
            if (!lt_tokenizer_piece(t, ids.ids[i]))
                __builtin_trap();
    }
    ids.n = 0;
    if (lt_tokenizer_encode(t, text, text_len, false, 5, &ids, &err) == LT_OK && ids.n > 5 &&
        ids.n % 5 != 0)
        __builtin_trap();
    lt_tokens_done(&ids);
    lt_tokenizer_close(t);
    return 0;
}
