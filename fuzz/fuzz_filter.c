/* SPDX-License-Identifier: Apache-2.0
 * A filter and a payload, both hostile: what stands before the first zero byte is the filter's JSON,
 * what stands behind it the payload's. */
#include <filter/filter.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    size_t n = zero ? (size_t)(zero - data) : size;
    const char *payload = zero ? (const char *)zero + 1 : "{\"a\":[1,\"x\",{\"b\":null}],\"d\":\"2024\"}";
    size_t n_payload = zero ? size - n - 1 : strlen(payload);
    yyjson_doc *doc = NULL;
    lt_filter *filter;
    lt_id id = lt_id_from_num(7);
    lt_error err;

    if (lt_filter_parse((const char *)data, n, &filter, &err) != LT_OK) {
        if (strchr(err.message, '\n') || err.message[0] == '\0')
            __builtin_trap();
        return 0;
    }
    if (lt_json_parse_object(payload, n_payload, "payload", &doc, NULL) == LT_OK)
        (void)lt_filter_match(filter, &id, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    lt_filter_free(filter);
    return 0;
}
