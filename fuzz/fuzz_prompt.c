/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the body of a request for embeddings: the prompts in it are decoded, nothing is
 * embedded. The tokenizer is that of the tests' tiny model. */
#include <base/buf.h>
#include <base/mem.h>
#include <math.h>
#include <server/base64.h>
#include <server/rest/prompt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <value/value.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static lt_model *tiny_model(void)
{
    static lt_model *model;
    lt_model_options options = LT_MODEL_OPTIONS_INIT;

    options.cache_dir = "";
    options.threads = 1;
    if (!model &&
        lt_model_open(LT_SOURCE_DIR "/tests/data/models/tiny", &options, &model, NULL) != LT_OK)
        abort();
    return model;
}

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* What decoding promises of each item. */
static void check(const lt_prompts *p)
{
    size_t next = 0;

    for (size_t i = 0; i < p->n_items; i++) {
        const lt_prompt_item *item = &p->items[i];
        const lt_picture *crop = &p->asks[i].picture;

        expect(isfinite(item->weight) && item->weight >= 0);
        expect(item->prompt == next || item->prompt + 1 == next);
        expect(item->is_text ? !item->bytes.len || strlen(item->bytes.data) == item->bytes.len
                             : item->bytes.len > 0);
        expect(!crop->crop_width == !crop->crop_height);
        next = item->prompt + 1;
    }
}

static void fuzz_prompts(yyjson_val *root)
{
    lt_prompts prompts = {0};
    yyjson_val *list = yyjson_obj_get(root, "prompts"), *one;
    size_t i, n;
    lt_error err;

    if (lt_prompts_add(&prompts, tiny_model(), yyjson_obj_get(root, "prompt"), &err) == LT_OK)
        check(&prompts);
    lt_prompts_done(&prompts);
    yyjson_arr_foreach(list, i, n, one)
    {
        if (lt_prompts_add(&prompts, tiny_model(), one, &err) != LT_OK)
            break;
        check(&prompts);
    }
    lt_prompts_done(&prompts);
}

static void fuzz_base64(const uint8_t *data, size_t size)
{
    lt_buf text = {0}, back = {0};

    if (lt_base64_decode((const char *)data, size, &back, NULL) == LT_OK)
        expect(back.len <= size);
    lt_buf_clear(&back);
    expect(lt_base64_encode(data, size, &text, NULL) == LT_OK);
    expect(lt_base64_decode(text.data ? text.data : "", text.len, &back, NULL) == LT_OK);
    expect(back.len == size && (size == 0 || memcmp(back.data, data, size) == 0));
    lt_buf_done(&text);
    lt_buf_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    fuzz_base64(data, size);
    if (lt_json_parse_object((const char *)data, size, "the body", &doc, NULL) == LT_OK)
        fuzz_prompts(yyjson_doc_get_root(doc));
    return 0;
}
