/* SPDX-License-Identifier: Apache-2.0
 * The ids recorded from the reference library (tests/python/tokenizer_record.py), what a broken
 * file says, limits, memory that runs out, threads. LT_SOURCE_DIR is the root of the project. */
#include <base/clock.h>
#include <base/file.h>
#include <base/limits.h>
#include <base/mem.h>
#include <base/rng.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <text/decoder.h>
#include <text/fields.h>
#include <text/grapheme.h>
#include <text/tokenizer.h>

#include "lt_cmocka.h"

#define DATA    LT_SOURCE_DIR "/tests/data/tokenizer/"
#define BUILTIN LT_SOURCE_DIR "/build/model/builtin/tokenizer.json"

/* A line of a recorded sample: the text's bytes and its ids. */
typedef struct sample {
    char *text;
    size_t n;
    int64_t *ids;
    size_t n_ids;
} sample;

typedef struct samples {
    sample *items;
    size_t n;
} samples;

static lt_tokenizer *open_file(const char *path)
{
    lt_error err;
    lt_buf json = {0};
    lt_tokenizer *t = NULL;

    assert_ok(lt_file_read(path, LT_LIMIT_TOKENIZER_BYTES, &json, &err), &err);
    assert_ok(lt_tokenizer_open(json.data, json.len, path, &t, &err), &err);
    lt_buf_done(&json);
    return t;
}

static int hex_digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static const char *read_sample(const char *line, sample *s)
{
    const char *tab = strchr(line, '\t'), *end = strchr(line, '\n');

    assert_non_null(tab);
    assert_non_null(end);
    s->n = (size_t)(tab - line) / 2;
    s->text = lt_malloc(s->n); /* exactly as long: a read beyond is found */
    for (size_t i = 0; i < s->n; i++)
        s->text[i] = (char)(hex_digit(line[2 * i]) << 4 | hex_digit(line[2 * i + 1]));
    s->ids = lt_calloc((size_t)(end - tab), sizeof *s->ids);
    for (const char *p = tab + 1; p < end;) {
        char *next;

        s->ids[s->n_ids++] = strtoll(p, &next, 10);
        p = next + (*next == ' ');
    }
    return end + 1;
}

static samples read_samples(const char *path)
{
    lt_error err;
    lt_buf text = {0};
    samples all = {0};

    assert_ok(lt_file_read(path, 1 << 24, &text, &err), &err);
    all.items = lt_calloc(2000, sizeof *all.items);
    for (const char *p = text.data; *p; all.n++) {
        assert_true(all.n < 2000);
        p = read_sample(p, &all.items[all.n]);
    }
    lt_buf_done(&text);
    return all;
}

static void samples_done(samples *all)
{
    for (size_t i = 0; i < all->n; i++) {
        lt_free(all->items[i].text);
        lt_free(all->items[i].ids);
    }
    lt_free(all->items);
}

/* How many samples come out otherwise; prints the first. */
static size_t count_wrong(const lt_tokenizer *t, const samples *all)
{
    lt_error err = {0};
    lt_tokens ids = {0};
    size_t n_wrong = 0;

    for (size_t i = 0; i < all->n; i++) {
        const sample *s = &all->items[i];

        ids.n = 0;
        lt_status st = lt_tokenizer_encode(t, s->text, s->n, true, 0, &ids, &err);

        if (st == LT_OK && ids.n == s->n_ids && memcmp(ids.ids, s->ids, ids.n * 8) == 0)
            continue;
        if (n_wrong++ == 0)
            print_message("sample %zu: %.*s: %s\n", i, (int)s->n, s->text, err.message);
    }
    lt_tokens_done(&ids);
    return n_wrong;
}

static void check_recorded(const char *tokenizer, const char *ids)
{
    lt_tokenizer *t = open_file(tokenizer);
    samples all = read_samples(ids);

    assert_true(all.n > 300);
    assert_int_equal(count_wrong(t, &all), 0);
    samples_done(&all);
    lt_tokenizer_close(t);
}

static void recorded_ids_like_xlmr(void **state)
{
    (void)state;
    check_recorded(DATA "like_xlmr.json", DATA "like_xlmr.ids");
}

static void recorded_ids_like_siglip(void **state)
{
    (void)state;
    check_recorded(DATA "like_siglip.json", DATA "like_siglip.ids");
}

static void recorded_ids_like_none(void **state)
{
    (void)state;
    check_recorded(DATA "like_none.json", DATA "like_none.ids");
}

/* FNV-1a, which the recording script writes at the head of the built-in model's sample. */
static uint64_t fingerprint(const char *path)
{
    lt_error err;
    lt_buf json = {0};
    uint64_t sum = 0xcbf29ce484222325u;

    assert_ok(lt_file_read(path, LT_LIMIT_TOKENIZER_BYTES, &json, &err), &err);
    for (size_t i = 0; i < json.len; i++)
        sum = (sum ^ (uint8_t)json.data[i]) * 0x100000001b3u;
    lt_buf_done(&json);
    return sum;
}

static void recorded_ids_builtin(void **state)
{
    (void)state;
    char recorded[17] = "", now[17];
    FILE *file = fopen(DATA "builtin.fnv", "r");

    assert_non_null(file);
    assert_int_equal(fread(recorded, 1, 16, file), 16);
    fclose(file);
    if (!lt_path_exists(BUILTIN)) {
        print_message("skipped: the built-in model is not there\n");
        skip();
    }
    snprintf(now, sizeof now, "%016llx", (unsigned long long)fingerprint(BUILTIN));
    if (strcmp(recorded, now) != 0) {
        print_message("skipped: builtin.ids is of another tokenizer.json; record it anew with "
                      "tests/python/tokenizer_record.py\n");
        skip();
    }
    check_recorded(BUILTIN, DATA "builtin.ids");
}

static void vocabulary_both_ways(void **state)
{
    (void)state;
    lt_tokenizer *t = open_file(DATA "like_siglip.json");
    size_t n = lt_tokenizer_size(t);

    assert_true(n > 300);
    for (size_t id = 0; id < n; id++) {
        const char *piece = lt_tokenizer_piece(t, (int64_t)id);

        assert_non_null(piece);
        assert_int_equal(lt_tokenizer_find(t, piece), (int64_t)id);
    }
    assert_null(lt_tokenizer_piece(t, -1));
    assert_null(lt_tokenizer_piece(t, (int64_t)n));
    assert_int_equal(lt_tokenizer_find(t, "no such piece"), -1);
    assert_int_equal(lt_tokenizer_find(t, "<extra>"), (int64_t)n - 2);
    assert_int_equal(lt_tokenizer_find(t, "</s>"), 0);
    lt_tokenizer_close(t);
}

static void truncation_keeps_special_tokens(void **state)
{
    (void)state;
    lt_error err;
    lt_tokens whole = {0}, cut = {0};
    lt_tokenizer *t = open_file(DATA "like_xlmr.json");
    const char *text = "A dog runs along the beach.";
    size_t n = strlen(text);

    assert_ok(lt_tokenizer_encode(t, text, n, true, 0, &whole, &err), &err);
    assert_true(whole.n > 6);
    for (size_t limit = 2; limit < whole.n + 3; limit++) {
        cut.n = 0;
        assert_ok(lt_tokenizer_encode(t, text, n, true, limit, &cut, &err), &err);
        assert_int_equal(cut.n, limit < whole.n ? limit : whole.n);
        assert_int_equal(cut.ids[0], 0);
        assert_int_equal(cut.ids[cut.n - 1], 2);
        assert_memory_equal(cut.ids, whole.ids, (cut.n - 1) * 8);
    }
    cut.n = 0;
    assert_ok(lt_tokenizer_encode(t, text, n, false, 3, &cut, &err), &err);
    assert_int_equal(cut.n, 3);
    assert_memory_equal(cut.ids, whole.ids + 1, 3 * 8);
    assert_int_equal(lt_tokenizer_encode(t, text, n, true, 1, &cut, &err), LT_EINVAL);
    assert_int_equal(cut.n, 3);
    lt_tokens_done(&whole);
    lt_tokens_done(&cut);
    lt_tokenizer_close(t);
}

static void long_texts_take_linear_time(void **state)
{
    (void)state;
    static const char *const units[] = {"a", "word ", "\xcc\x81", "\xf0\x9f\x91\xa9\xe2\x80\x8d",
                                        " ", "\xff",  "<mask> ",  "\xef\xb7\xba"};
    static const char *const files[] = {DATA "like_xlmr.json", DATA "like_siglip.json",
                                        DATA "like_none.json"};
    lt_error err;
    lt_buf text = {0};
    lt_tokens ids = {0};

    for (size_t f = 0; f < 3; f++) {
        lt_tokenizer *t = open_file(files[f]);

        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
            lt_buf_clear(&text);
            while (text.len + strlen(units[i]) <= (f == 0 ? LT_LIMIT_TEXT_BYTES : 100000))
                assert_ok(lt_buf_adds(&text, units[i], &err), &err);
            ids.n = 0;
            double start = lt_clock_s();
            lt_status st = lt_tokenizer_encode(t, text.data, text.len, true, 0, &ids, &err);

            /* U+FDFA becomes 18 characters: too many of it is the one refusal. */
            if (st != LT_OK)
                assert_int_equal(st, LT_ELIMIT);
            assert_true(lt_clock_s() - start < 20);
        }
        assert_int_equal(
            lt_tokenizer_encode(t, text.data, LT_LIMIT_TEXT_BYTES + 1, true, 0, &ids, &err),
            LT_ELIMIT); /* it is not looked at */
        lt_tokenizer_close(t);
    }
    lt_buf_done(&text);
    lt_tokens_done(&ids);
}

static void grapheme_clusters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
    } cases[] = {
        {"ab", 1},
        {"\r\nx", 2},
        {"\n\r", 1},
        {"e\xcc\x81x", 3},                                       /* e, acute */
        {"\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa\xf0\x9f\x87\xab", 8}, /* three regional indicators */
        {"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa6x", 11},   /* woman ZWJ boy */
        {"a\xe2\x80\x8d\xf0\x9f\x91\xa6", 4},                    /* a ZWJ, then boy */
        {"\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8x", 9},            /* Hangul L V T */
        {"\xea\xb0\x80\xe1\x86\xa8", 6},                         /* Hangul LV T */
        {"\xea\xb0\x81\xe1\x85\xa1", 3},                         /* Hangul LVT, V */
        {"\xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\xb7x", 9},            /* Devanagari k virama ss */
        {"\xe0\xa4\x95\xe0\xa4\xb7", 3},                         /* without the virama */
        {"\xd8\x80"
         "1x",
         3},                 /* Arabic number sign before a digit */
        {"\x01\xcc\x81", 1}, /* nothing extends a control */
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(lt_grapheme_len(cases[i].text, strlen(cases[i].text)), cases[i].len);
}

/* ---- broken files ---------------------------------------------------------------------------- */

#define VOCAB    "[[\"<unk>\",0],[\"a\",-1.5]]"
#define MODEL    "\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":" VOCAB "}"
#define STEP(s)  "{\"normalizer\":" s "," MODEL "}"
#define PRE(s)   "{\"pre_tokenizer\":" s "," MODEL "}"
#define POST(s)  "{\"post_processor\":" s "," MODEL "}"
#define MAP(s)   STEP("{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"" s "\"}")
#define REGEX(s) STEP("{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"" s "\"},\"content\":\"\"}")

static const struct {
    const char *json;
    lt_status status;
    const char *says;
} broken_files[] = {
    {"", LT_EINVAL, "not valid JSON"},
    {"{", LT_EINVAL, "not valid JSON at byte 1"},
    {"[]", LT_EINVAL, "a JSON object is expected"},
    {"{}", LT_EINVAL, "'model' is missing"},
    {"{\"version\":\"2.0\"," MODEL "}", LT_EUNSUPPORTED, "version '2.0'"},
    {"{\"version\":1," MODEL "}", LT_EINVAL, "'version' is not a string"},
    {"{\"model\":7}", LT_EINVAL, "'model' is not an object"},
    {"{\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}}", LT_EUNSUPPORTED,
     "model of type 'BPE'"},
    {"{\"model\":{\"vocab\":{},\"merges\":[]}}", LT_EUNSUPPORTED, "model of type 'BPE'"},
    {"{\"model\":{\"vocab\":{}}}", LT_EUNSUPPORTED, "model of type 'WordPiece'"},
    {"{\"model\":{\"type\":3}}", LT_EINVAL, "'type' is not a string"},
    {"{\"model\":{\"type\":\"Unigram\"}}", LT_EINVAL, "model: 'vocab' is missing"},
    {"{\"model\":{\"type\":\"Unigram\",\"vocab\":{}}}", LT_EINVAL, "'vocab' is not an array"},
    {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\"]]}}", LT_EINVAL, "entry 0"},
    {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",1],[1,1]]}}", LT_EINVAL, "entry 1"},
    {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",\"1\"]]}}", LT_EINVAL, "has no score"},
    {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",1e999]]}}", LT_EINVAL, "has no score"},
    {"{\"model\":{\"type\":\"Unigram\",\"unk_id\":1,\"vocab\":[[\"a\",1]]}}", LT_EINVAL,
     "'unk_id' is 1 but the vocabulary has 1"},
    {"{\"model\":{\"type\":\"Unigram\",\"unk_id\":-1,\"vocab\":[[\"a\",1]]}}", LT_EINVAL,
     "'unk_id' is not a whole number"},
    {"{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[]}}", LT_EINVAL, "0 entries"},
    {"{\"model\":{\"type\":\"Unigram\",\"byte_fallback\":1,\"vocab\":[]}}", LT_EINVAL,
     "'byte_fallback' is not true or false"},
    {STEP("3"), LT_EINVAL, "normalizer: 'type' is missing"},
    {STEP("{\"type\":\"BertNormalizer\"}"), LT_EUNSUPPORTED,
     "a normalizer of type 'BertNormalizer' is not supported"},
    {STEP("{\"type\":\"Sequence\"}"), LT_EINVAL, "'normalizers' is missing"},
    {STEP("{\"type\":\"Sequence\",\"normalizers\":[1]}"), LT_EINVAL, "'type' is missing"},
    {STEP("{\"type\":\"Prepend\"}"), LT_EINVAL, "'prepend' is missing"},
    {STEP("{\"type\":\"Strip\",\"strip_left\":1}"), LT_EINVAL, "'strip_left'"},
    {STEP("{\"type\":\"Precompiled\"}"), LT_EINVAL, "'precompiled_charsmap' is missing"},
    {MAP(""), LT_EINVAL, "is not base64"},
    {MAP("abc"), LT_EINVAL, "is not base64"},
    {MAP("ab c"), LT_EINVAL, "is not base64"},
    {MAP("a=bc"), LT_EINVAL, "is not base64"},
    {MAP("AAA="), LT_EINVAL, "is cut short"},
    {MAP("AAAAAA=="), LT_EINVAL, "has an empty table"},
    {MAP("CAAAAAAAAAA="), LT_EINVAL, "is shorter than its table says"},
    {MAP("BAAAAP////8="), LT_EINVAL, "has a root beyond its end"},
    {MAP("BAAAAAAAAAD/"), LT_EINVAL, "not UTF-8"},
    /* Tables of a root whose base is 0 and a child by the byte 1, with a leaf. */
    {MAP("CAAAAAAAAAABkQEA"), LT_EINVAL, "has a leaf beyond its end"},
    {MAP("CAAAAAAAAAABgRoG"), LT_EINVAL, "has a branch beyond its end"},
    {MAP("DAAAAAAAAAABDQAA/wAAAA=="), LT_EINVAL, "has a replacement beyond its end"},
    {MAP("DAAAAAAAAAABDQAAAQAAAMOp"), LT_EINVAL, "begins inside a character"},
    {STEP("{\"type\":\"Replace\",\"content\":\"\"}"), LT_EINVAL, "neither a String nor a Regex"},
    {STEP("{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"}}"), LT_EINVAL, "'content'"},
    {STEP("{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"\"}"), LT_EUNSUPPORTED,
     "the string '' is not supported"},
    {REGEX("a*"), LT_EUNSUPPORTED, "the regular expression 'a*'"},
    {REGEX("(a|b)"), LT_EUNSUPPORTED, "'(a|b)'"},
    {REGEX("a+b"), LT_EUNSUPPORTED, "'a+b'"},
    {REGEX("^a"), LT_EUNSUPPORTED, "'^a'"},
    {REGEX("[a"), LT_EUNSUPPORTED, "'[a'"},
    {REGEX("[z-a]"), LT_EUNSUPPORTED, "'[z-a]'"},
    {REGEX("a{2"), LT_EUNSUPPORTED, "'a{2'"},
    {REGEX("a{3,2}"), LT_EUNSUPPORTED, "'a{3,2}'"},
    {REGEX("\\\\w"), LT_EUNSUPPORTED, "'\\w'"},
    {REGEX("a\\\\"), LT_EUNSUPPORTED, "'a\\'"},
    {PRE("{\"type\":\"ByteLevel\"}"), LT_EUNSUPPORTED, "pre_tokenizer of type 'ByteLevel'"},
    {PRE("{\"type\":\"Metaspace\"}"), LT_EINVAL, "'replacement' is missing"},
    {PRE("{\"type\":\"Metaspace\",\"replacement\":\"ab\"}"), LT_EINVAL, "not one character"},
    {PRE("{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"last\"}"), LT_EINVAL,
     "'prepend_scheme'"},
    {PRE("{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"first\","
         "\"add_prefix_space\":false}"),
     LT_EINVAL, "contradicts"},
    {POST("{\"type\":\"Magic\"}"), LT_EUNSUPPORTED, "post_processor of type 'Magic'"},
    {POST("{\"type\":\"BertProcessing\",\"sep\":[\"a\",1]}"), LT_EINVAL, "'cls'"},
    {POST("{\"type\":\"BertProcessing\",\"sep\":[\"a\",1],\"cls\":[\"b\",2]}"), LT_EINVAL,
     "id 2 is beyond the vocabulary of 2"},
    {POST("{\"type\":\"TemplateProcessing\"}"), LT_EINVAL, "'single' is missing"},
    {POST("{\"type\":\"TemplateProcessing\",\"single\":[{}]}"), LT_EINVAL, "neither Sequence"},
    {POST("{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"B\"}}]}"),
     LT_EINVAL, "asks for sequence 'B'"},
    {POST("{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\"}}]}"),
     LT_EINVAL, "the special token 'x' of the template is missing"},
    {"{\"added_tokens\":3," MODEL "}", LT_EINVAL, "added_tokens is not an array"},
    {"{\"added_tokens\":[3]," MODEL "}", LT_EINVAL, "a token is not an object"},
    {"{\"added_tokens\":[{}]," MODEL "}", LT_EINVAL, "added_tokens: 'content' is missing"},
    {"{\"added_tokens\":[{\"content\":\"a\",\"lstrip\":7}]," MODEL "}", LT_EINVAL, "'lstrip'"},
};

static void broken_files_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken_files / sizeof *broken_files; i++) {
        const char *json = broken_files[i].json;
        lt_error err = {0};
        lt_tokenizer *t = NULL;
        lt_status st = lt_tokenizer_open(json, strlen(json), "f.json", &t, &err);

        if (st != broken_files[i].status || !strstr(err.message, broken_files[i].says) ||
            strncmp(err.message, "f.json: ", 8) != 0)
            fail_msg("%s: %d %s", json, st, err.message);
        assert_null(t);
    }
}

static lt_tokenizer *open_text(const char *json)
{
    lt_error err;
    lt_tokenizer *t = NULL;

    assert_ok(lt_tokenizer_open(json, strlen(json), "f.json", &t, &err), &err);
    return t;
}

static void deep_and_long_lists_are_refused(void **state)
{
    (void)state;
    lt_error err;
    lt_buf json = {0};
    lt_tokenizer *t = NULL;

    for (int kind = 0; kind < 2; kind++) {
        lt_buf_clear(&json);
        assert_ok(
            lt_buf_adds(&json, "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[", &err),
            &err);
        for (int i = 0; i < 100; i++)
            assert_ok(lt_buf_adds(&json,
                                  kind ? "{\"type\":\"NFC\"},"
                                       : "{\"type\":\"Sequence\",\"normalizers\":[",
                                  &err),
                      &err);
        assert_ok(lt_buf_adds(&json, "{\"type\":\"NFC\"}]", &err), &err);
        for (int i = 0; i < 100 && !kind; i++)
            assert_ok(lt_buf_adds(&json, "}]", &err), &err);
        assert_ok(lt_buf_adds(&json, "}," MODEL "}", &err), &err);
        assert_int_equal(lt_tokenizer_open(json.data, json.len, "f.json", &t, &err), LT_ELIMIT);
    }
    lt_buf_done(&json);
}

static void unknown_without_a_token_is_an_error(void **state)
{
    (void)state;
    lt_error err;
    lt_tokens ids = {0};
    lt_tokenizer *t = open_text("{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1],"
                                "[\"ab\",-1.5]]}}");

    assert_ok(lt_tokenizer_encode(t, "aab", 3, true, 0, &ids, &err), &err);
    assert_int_equal(ids.n, 2);
    assert_int_equal(lt_tokenizer_encode(t, "aac", 3, true, 0, &ids, &err), LT_EINVAL);
    assert_non_null(strstr(err.message, "U+0063"));
    assert_int_equal(ids.n, 2);
    lt_tokens_done(&ids);
    lt_tokenizer_close(t);
}

static void growth_of_a_text_is_bounded(void **state)
{
    (void)state;
    lt_error err;
    lt_tokens ids = {0};
    lt_tokenizer *t = open_text(
        STEP("{\"type\":\"Sequence\",\"normalizers\":["
             "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aaaaaaaaaa\"},"
             "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aaaaaaaaaa\"},"
             "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aaaaaaaaaa\"}]}"));
    char *text = lt_malloc(100000);

    memset(text, 'a', 100000);
    assert_ok(lt_tokenizer_encode(t, text, 10, true, 0, &ids, &err), &err);
    assert_int_equal(ids.n, 10000);
    assert_int_equal(lt_tokenizer_encode(t, text, 100000, true, 0, &ids, &err), LT_ELIMIT);
    assert_int_equal(ids.n, 10000);
    lt_free(text);
    lt_tokens_done(&ids);
    lt_tokenizer_close(t);
}

static void regular_expressions_match_as_they_should(void **state)
{
    (void)state;
    static const struct {
        const char *regex, *text;
        size_t n_left; /* of "a": all other characters are to be replaced by nothing */
    } cases[] = {
        {" {2,}", "a  a   a", 3},    {"\\\\s+", "a \\u00a0\\ta\\n", 2},
        {"[b-d]", "abcda", 2},       {"[^a]", "xayz\\u00e9a", 2},
        {"bc{2}", "abcca", 2},       {"[\\\\-x]{1,2}", "a-x-xa", 2},
        {"[,-\\\\.]", "a,a-a.a", 4}, {"\\u00e9+", "\\u00e9\\u00e9a", 1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lt_error err;
        lt_buf json = {0};
        lt_tokens ids = {0};
        char text[64];
        size_t n = 0;

        assert_ok(lt_buf_addf(&json, &err, REGEX("%s"), cases[i].regex), &err);
        lt_tokenizer *t = open_text(json.data);

        for (const char *p = cases[i].text; *p; p++) { /* its own small escapes, for legibility */
            if (strncmp(p, "\\u00", 4) == 0) {
                unsigned cp = (unsigned)strtoul((char[]){p[4], p[5], '\0'}, NULL, 16);

                text[n++] = (char)(0xc0 | cp >> 6);
                text[n++] = (char)(0x80 | (cp & 0x3f));
                p += 5;
            } else if (*p == '\\') {
                text[n++] = *++p == 't' ? '\t' : '\n';
            } else {
                text[n++] = *p;
            }
        }
        assert_ok(lt_tokenizer_encode(t, text, n, true, 0, &ids, &err), &err);
        assert_int_equal(ids.n, cases[i].n_left);
        for (size_t k = 0; k < ids.n; k++)
            assert_int_equal(ids.ids[k], 1);
        lt_tokens_done(&ids);
        lt_tokenizer_close(t);
        lt_buf_done(&json);
    }
}

static lt_decoder *decoder_of(const char *json)
{
    LT_CLEANUP(lt_tokenizer_json_free) yyjson_doc *doc = NULL;
    LT_CLEANUP(lt_buf_done) lt_buf file = {0};
    lt_decoder *d = NULL;
    lt_error err;

    assert_ok(lt_buf_addf(&file, &err, "{\"decoder\":%s}", json), &err);
    assert_ok(lt_tokenizer_json_read(file.data, file.len, "d", &doc, &err), &err);
    assert_ok(lt_decoder_open(yyjson_obj_get(yyjson_doc_get_root(doc), "decoder"), &d, &err), &err);
    return d;
}

/* Expected texts are what the library's decoders gave for these. */
static void decoders_join_as_the_library_does(void **state)
{
    (void)state;
    static const struct {
        const char *json, *pieces[9], *text;
    } cases[] = {
        {"{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"\u2581\"},"
         "\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\","
         "\"content\":\" \",\"start\":1,\"stop\":0}]}",
         {"\u2581Hello", "<0xE2>", "<0x82>", "<0xAC>", "\u2581x", "<0xFF>", "<0xFE>", "!"},
         "Hello\u20ac x\ufffd\ufffd!"},
        {"{\"type\":\"ByteFallback\"}",
         {"<0x41>", "<0xZZ>", "<0x4>", "<0xc3>", "<0xa9>"},
         "A<0xZZ><0x4>\u00e9"},
        {"{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"always\"}",
         {"\u2581\u2581a", "\u2581b", "c\u2581d"},
         "a bc d"},
        {"{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"never\"}",
         {"\u2581a", "\u2581b"},
         " a b"},
        {"{\"type\":\"Strip\",\"content\":\"_\",\"start\":2,\"stop\":1}", {"___a__", "b_"}, "_a_b"},
        {"{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"bb\"}",
         {"aXa", "a"},
         "bbXbbbb"},
        {"null", {"a", "b"}, "a b"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        LT_CLEANUP(lt_buf_done) lt_buf out = {0};
        lt_decoder *d = decoder_of(cases[i].json);
        lt_error err;
        size_t n = 0;

        while (cases[i].pieces[n])
            n++;
        assert_ok(lt_decoder_apply(d, cases[i].pieces, n, &out, &err), &err);
        assert_string_equal(out.data, cases[i].text);
        lt_decoder_close(d);
    }
}

static void decoders_that_are_not_known(void **state)
{
    (void)state;
    static const char *const jsons[] = {
        "{\"type\":\"ByteLevel\"}", "{}", "7",
        "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"a+\"},\"content\":\"\"}",
        "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"CTC\"}]}"};
    const char *const pieces[] = {"a"};

    for (size_t i = 0; i < sizeof jsons / sizeof *jsons; i++) {
        LT_CLEANUP(lt_buf_done) lt_buf out = {0};
        lt_decoder *d = decoder_of(jsons[i]);
        lt_error err;

        assert_int_equal(lt_decoder_apply(d, pieces, 1, &out, &err), LT_EUNSUPPORTED);
        assert_non_null(strstr(err.message, "is not supported"));
        lt_decoder_close(d);
    }
}

/* Random damage to a real file: an error or a working tokenizer, never a crash. */
static void damaged_files_do_no_harm(void **state)
{
    (void)state;
    static const char *const files[] = {DATA "like_xlmr.json", DATA "like_siglip.json",
                                        DATA "like_none.json"};
    const char *seed_text = getenv("LT_SEED");
    lt_rng rng = {seed_text ? strtoull(seed_text, NULL, 10) : 20260101};

    print_message("seed %llu\n", (unsigned long long)rng.state);
    for (size_t f = 0; f < 3; f++) {
        lt_error err;
        lt_buf json = {0};

        assert_ok(lt_file_read(files[f], 1 << 20, &json, &err), &err);
        for (int round = 0; round < 300; round++) {
            lt_tokenizer *t = NULL;
            lt_tokens ids = {0};
            size_t at = (size_t)lt_rng_below(&rng, json.len);
            char old = json.data[at];

            json.data[at] = (char)(lt_rng_below(&rng, 2) ? '0' + lt_rng_below(&rng, 75)
                                                         : lt_rng_below(&rng, 256));
            if (lt_tokenizer_open(json.data, json.len, "f.json", &t, &err) == LT_OK)
                (void)!lt_tokenizer_encode(t, "\xef\xac\x81n A word <mask>", 18, true, 0, &ids,
                                           &err);
            lt_tokenizer_close(t);
            lt_tokens_done(&ids);
            json.data[at] = old;
        }
        lt_buf_done(&json);
    }
}

/* ---- memory and threads ---------------------------------------------------------------------- */

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static const char *const files[] = {DATA "like_xlmr.json", DATA "like_siglip.json",
                                        DATA "like_none.json"};
    static const char text[] = "A dog\xff <mask> runs\xcc\x81\xcc\xa7 \xe2\x84\xa2 [CLS] word";
    lt_error err;

    for (size_t f = 0; f < 3; f++) {
        lt_buf json = {0};
        lt_status st = LT_ENOMEM;

        assert_ok(lt_file_read(files[f], 1 << 20, &json, &err), &err);
        for (long n = 0; st != LT_OK; n++) {
            lt_tokenizer *t = NULL;
            lt_tokens ids = {0};

            assert_true(n < 10000);
            lt_mem_fail_at(n, false);
            st = lt_tokenizer_open(json.data, json.len, "f.json", &t, &err);
            if (st == LT_OK)
                st = lt_tokenizer_encode(t, text, sizeof text - 1, true, 0, &ids, &err);
            lt_mem_fail_at(-1, false);
            if (st != LT_OK) {
                assert_int_equal(st, LT_ENOMEM);
                assert_int_equal(ids.n, 0);
            }
            lt_tokenizer_close(t);
            lt_tokens_done(&ids);
        }
        lt_buf_done(&json);
    }
}

typedef struct shared {
    const lt_tokenizer *tokenizer;
    const samples *all;
    size_t n_wrong;
} shared;

static void *encode_many(void *context)
{
    shared *s = context;

    for (int round = 0; round < 5; round++) {
        lt_tokenizer *own = open_file(DATA "like_none.json");

        s->n_wrong += count_wrong(s->tokenizer, s->all);
        lt_tokenizer_close(own);
    }
    return NULL;
}

static void threads_share_a_tokenizer(void **state)
{
    (void)state;
    lt_tokenizer *t = open_file(DATA "like_xlmr.json");
    samples all = read_samples(DATA "like_xlmr.ids");
    pthread_t threads[4];
    shared work[4];

    for (size_t i = 0; i < 4; i++) {
        work[i] = (shared){t, &all, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, encode_many, &work[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(work[i].n_wrong, 0);
    }
    samples_done(&all);
    lt_tokenizer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_ids_like_xlmr),
        cmocka_unit_test(recorded_ids_like_siglip),
        cmocka_unit_test(recorded_ids_like_none),
        cmocka_unit_test(recorded_ids_builtin),
        cmocka_unit_test(vocabulary_both_ways),
        cmocka_unit_test(truncation_keeps_special_tokens),
        cmocka_unit_test(long_texts_take_linear_time),
        cmocka_unit_test(grapheme_clusters),
        cmocka_unit_test(broken_files_are_named),
        cmocka_unit_test(deep_and_long_lists_are_refused),
        cmocka_unit_test(unknown_without_a_token_is_an_error),
        cmocka_unit_test(growth_of_a_text_is_bounded),
        cmocka_unit_test(regular_expressions_match_as_they_should),
        cmocka_unit_test(decoders_join_as_the_library_does),
        cmocka_unit_test(decoders_that_are_not_known),
        cmocka_unit_test(damaged_files_do_no_harm),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(threads_share_a_tokenizer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
