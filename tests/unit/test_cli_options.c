/* SPDX-License-Identifier: Apache-2.0
 * The parts of the program that need no model: command lines, names on a terminal, dates and
 * filters, lines, captions, recall. */
#include "lt_cmocka.h"

#include <base/mem.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "captions.h"
#include "found.h"
#include "lines.h"
#include "options.h"
#include "parts.h"
#include "paths.h"
#include "pick.h"
#include "recall.h"
#include "term.h"

/* ---- command lines ------------------------------------------------------------------------------ */

typedef struct args {
    bool json, quiet;
    const char *image;
    cli_list exclude;
    size_t k;
    double score;
} args;

static const args defaults = {.k = 10};
static const cli_option find_options[] = {
    {"json", 0, CLI_FLAG, offsetof(args, json), NULL, CLI_COMPLETE_NONE, 0, 0, "h"},
    {"quiet", 'q', CLI_FLAG, offsetof(args, quiet), NULL, CLI_COMPLETE_NONE, 0, 0, "h"},
    {"image", 'i', CLI_TEXT, offsetof(args, image), "FILE", CLI_COMPLETE_FILES, 0, 0, "h"},
    {"exclude", 'x', CLI_LIST, offsetof(args, exclude), "GLOB", CLI_COMPLETE_NONE, 0, 0, "h"},
    {"limit", 'k', CLI_SIZE, offsetof(args, k), "N", CLI_COMPLETE_NONE, 1, 1000, "h"},
    {"limit-score", 0, CLI_REAL, offsetof(args, score), "X", CLI_COMPLETE_NONE, 0, 0, "h"},
};
static const cli_command find = {
    .name = "find", .operands = "", .options = find_options, .n_options = 6,
    .min_operands = 1, .max_operands = 3, .missing = "find what?",
    .args_size = sizeof(args), .defaults = &defaults,
};
static const cli_command forget = {.name = "forget", .operands = "", .max_operands = 0};
static const cli_command *const commands[] = {&find, &forget};

static lt_status parse(cli_parsed *out, lt_error *err, const char *line)
{
    static char copy[512];
    char *argv[32] = {0};
    int argc = 0;

    /* One blank between words; "_" stands for an empty word. */
    snprintf(copy, sizeof copy, "%s", line);
    argv[argc++] = copy;
    for (char *p = copy; (p = strchr(p, ' ')) != NULL;) {
        *p++ = '\0';
        argv[argc++] = p;
    }
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "_") == 0)
            argv[i][0] = '\0';
    return cli_parse(commands, 2, argc, argv, out, err);
}

static void test_accepts(void **state)
{
    static const char *const same[] = {
        "latent find --limit=7 --image=a.jpg -x one --exclude two --json -q word more",
        "latent find --limit 7 --image a.jpg -xone -x two --json --quiet word more",
        "latent find word -k7 -ia.jpg -x one -qx two --js more",
        "latent --collection photos find -qk 7 --exclude=one --exclude=two --json -i a.jpg word -- more",
    };

    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        cli_parsed p;
        lt_error err;

        assert_ok(parse(&p, &err, same[i]), &err);
        const args *a = p.args;

        assert_ptr_equal(p.command, &find);
        assert_string_equal(p.globals.collection, "photos");
        assert_int_equal(a->k, 7);
        assert_string_equal(a->image, "a.jpg");
        assert_true(a->json && a->quiet);
        assert_int_equal(a->exclude.n, 2);
        assert_string_equal(a->exclude.items[0], "one");
        assert_string_equal(a->exclude.items[1], "two");
        assert_int_equal(p.operands.n, 2);
        assert_string_equal(p.operands.items[0], "word");
        assert_string_equal(p.operands.items[1], "more");
        cli_parsed_done(&p);
    }
}

static void test_details(void **state)
{
    cli_parsed p;
    lt_error err;

    (void)state;
    assert_ok(parse(&p, &err, "latent find --data=/d --limit-score -1.5 -- -k --json"), &err);
    assert_string_equal(p.globals.data, "/d");
    assert_true(((const args *)p.args)->score < -1.4);
    assert_int_equal(((const args *)p.args)->k, 10);
    assert_int_equal(p.operands.n, 2);
    assert_string_equal(p.operands.items[0], "-k");
    cli_parsed_done(&p);

    assert_ok(parse(&p, &err, "latent find -i - _"), &err);
    assert_string_equal(((const args *)p.args)->image, "-");
    assert_string_equal(p.operands.items[0], "");
    cli_parsed_done(&p);

    assert_ok(parse(&p, &err, "latent --data /d find --data /e x"), &err);
    assert_string_equal(p.globals.data, "/e");
    cli_parsed_done(&p);

    /* Help is given whatever else is wrong behind a command. */
    assert_ok(parse(&p, &err, "latent find --nonsense -h"), &err);
    assert_true(p.globals.help);
    assert_ptr_equal(p.command, &find);
    cli_parsed_done(&p);
    assert_ok(parse(&p, &err, "latent -V"), &err);
    assert_true(p.globals.version);
    cli_parsed_done(&p);
    assert_ok(parse(&p, &err, "latent"), &err);
    assert_null(p.command);
    cli_parsed_done(&p);
}

static void test_refuses(void **state)
{
    static const struct {
        const char *line, *says;
    } bad[] = {
        {"latent fnid x", "did you mean 'find'"},
        {"latent forgot x", "did you mean 'forget'"},
        {"latent zzzzzz", "unknown command 'zzzzzz'; all"},
        {"latent find --excldue a x", "did you mean --exclude?"},
        {"latent find --zzzzzzz x", "unknown option --zzzzzzz (see: latent help find)"},
        {"latent find -z x", "unknown option -z"},
        {"latent find --lim 3 x", "ambiguous: --limit or --limit-score"},
        {"latent find x --limit", "--limit needs a value: --limit N"},
        {"latent find x -k", "option -k needs a value: -k N"},
        {"latent find -k 0 x", "from 1 to 1000 is expected, not \"0\""},
        {"latent find -k 1001 x", "from 1 to 1000"},
        {"latent find -k 5x x", "not \"5x\""},
        {"latent find -k -5 x", "not \"-5\""},
        {"latent find -k 99999999999999999999999 x", "from 1 to 1000"},
        {"latent find -k _ x", "not \"\""},
        {"latent find --limit-score nan x", "a number is expected"},
        {"latent find --limit-score 1,5 x", "a number is expected"},
        {"latent find --json=yes x", "takes no value"},
        {"latent find a b c d", "\"d\" is one argument too many"},
        {"latent find", "find what?"},
        {"latent --json find x", "belongs behind the command: latent find --json"},
        {"latent forget x", "too many"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cli_parsed p;
        lt_error err;

        assert_int_equal(parse(&p, &err, bad[i].line), LT_EINVAL);
        if (!strstr(err.message, bad[i].says))
            fail_msg("\"%s\" says: %s", bad[i].line, err.message);
        cli_parsed_done(&p);
    }
}

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(cli_edit_distance("", ""), 0);
    assert_int_equal(cli_edit_distance("search", "search"), 0);
    assert_int_equal(cli_edit_distance("serach", "search"), 1);
    assert_int_equal(cli_edit_distance("kitten", "sitting"), 3);
    assert_int_equal(cli_edit_distance("", "abc"), 3);
}

/* ---- names on a terminal ------------------------------------------------------------------------ */

static void assert_escaped(const char *text, size_t n, const char *want)
{
    LT_CLEANUP(lt_buf_done) lt_buf out = {0};
    lt_error err;

    assert_ok(cli_escape(text, n, &out, &err), &err);
    assert_string_equal(out.data, want);
}

static void test_escape(void **state)
{
    (void)state;
    assert_escaped("plain \xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb6", 15,
                   "plain \xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb6");
    assert_escaped("a\nb\tc\r\x1b[31m\x7f", 12, "a\\nb\\tc\\r\\x1b[31m\\x7f");
    assert_escaped("\xff\xfe x \xc3", 6, "\\xff\\xfe x \\xc3");
    assert_escaped("\xe2\x80\xaegpj.exe", 10, "\\u{202e}gpj.exe");
    assert_escaped("\xc2\x9b", 2, "\\x9b");
}

static void test_shorten(void **state)
{
    static const char *const texts[] = {
        "/home/me/Pictures/2023/beach.jpg",
        "/\xe5\x86\x99\xe7\x9c\x9f/\xe6\xb5\xb7\xe8\xbe\xba/\xe5\xa4\x8f.jpg",
        "a",
        "",
    };

    (void)state;
    cli_term_init();
    for (size_t t = 0; t < 4; t++) {
        for (size_t width = 0; width < 40; width++) {
            LT_CLEANUP(lt_buf_done) lt_buf out = {0};
            lt_error err;

            assert_ok(cli_shorten(texts[t], width, &out, &err), &err);
            const char *text = out.data ? out.data : "";

            assert_true(cli_columns(text) <= width);
            if (cli_columns(texts[t]) <= width)
                assert_string_equal(text, texts[t]);
            else if (width > 8)
                assert_non_null(strstr(text, ".jpg"));
        }
    }
}

static void test_url(void **state)
{
    LT_CLEANUP(lt_buf_done) lt_buf out = {0};
    lt_error err;

    (void)state;
    assert_ok(cli_file_url("/a b/\xc3\xa4\xff\"<%.jpg", "", &out, &err), &err);
    assert_string_equal(out.data, "file:///a%20b/%C3%A4%FF%22%3C%25.jpg");
}

static void test_counts(void **state)
{
    lt_error why;

    (void)state;
    assert_string_equal(cli_count(1, "picture", "pictures"), "1 picture");
    assert_string_equal(cli_count(0, "picture", "pictures"), "0 pictures");
    assert_string_equal(cli_count(1234567, "picture", "pictures"), "1,234,567 pictures");
    assert_string_equal(cli_count(999, "a", "b"), "999 b");
    (void)lt_fail(&why, LT_EIO, "%s: is odd", "/a\nb.jpg");
    assert_string_equal(cli_reason("/a\nb.jpg", &why), "is odd");
    assert_string_equal(cli_reason("/other", &why), "/a?b.jpg: is odd");
}

static void test_absolute(void **state)
{
    static const struct {
        const char *path, *want;
    } cases[] = {{"/", "/"},        {"//a//b/", "/a/b"},   {"/a/./b/../c", "/a/c"},
                 {"/..", "/"},      {"/../../a", "/a"},    {"/a/..", "/"},
                 {"/a/...", "/a/..."}};
    char cwd[4096], want[8192];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        LT_AUTOFREE char *got = cli_path_absolute(cases[i].path);

        assert_string_equal(got, cases[i].want);
    }
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(want, sizeof want, "%s/x", cwd);
    LT_AUTOFREE char *got = cli_path_absolute("y/../x");

    assert_string_equal(got, want);
}

/* ---- dates and filters -------------------------------------------------------------------------- */

static void test_dates(void **state)
{
    char local[40], utc[40];

    (void)state;
    setenv("TZ", "Etc/GMT-2", 1); /* two hours east */
    tzset();
    assert_true(cli_date_begin("2023", local, utc));
    assert_string_equal(local, "2023-01-01");
    assert_string_equal(utc, "2022-12-31T22:00:00Z");
    assert_true(cli_date_begin("2023-05", local, utc));
    assert_string_equal(local, "2023-05-01");
    assert_true(cli_date_begin("2023-05-17", local, utc));
    assert_string_equal(utc, "2023-05-16T22:00:00Z");
    assert_true(cli_date_begin("2023-05-17T10:30:00", local, utc));
    assert_string_equal(local, "2023-05-17T10:30:00");
    assert_string_equal(utc, "2023-05-17T08:30:00Z");
    assert_true(cli_date_begin("2023-05-17T10:30:00+01:00", local, utc));
    assert_string_equal(utc, "2023-05-17T10:30:00+01:00");
    assert_false(cli_date_begin("", local, utc));
    assert_false(cli_date_begin("yesterday", local, utc));
    assert_false(cli_date_begin("2023-13", local, utc));
    assert_false(cli_date_begin("2023-02-30", local, utc));
    assert_false(cli_date_begin("2023-05-17 and much more text than a date has", local, utc));
}

static void test_filter(void **state)
{
    const char *folders[] = {"/p/a", "/p/b\xff"}, *root[] = {"/"};
    cli_list under = {folders, 2}, all = {root, 1};
    cli_pick pick = {.under = &under};
    char *text = NULL;
    lt_error err;

    (void)state;
    assert_ok(cli_pick_filter(&pick, &text, &err), &err);
    assert_string_equal(
        text, "{\"must\":[{\"should\":[{\"key\":\"folders\",\"match\":{\"value\":\"/p/a\"}},"
              "{\"key\":\"filename\",\"match\":{\"value\":\"/p/a\"}},"
              "{\"key\":\"filename_hex\",\"match\":{\"value\":\"2f702f62ff\"}},"
              "{\"key\":\"filename_hex\",\"match\":{\"prefix\":\"2f702f62ff2f\"}}]}]}");
    lt_free(text);
    pick = (cli_pick){.under = &all};
    assert_ok(cli_pick_filter(&pick, &text, &err), &err);
    assert_non_null(strstr(text, "\"prefix\":\"/\""));
    lt_free(text);
    pick = (cli_pick){.after = "2023-01-01T00:00:00Z", .near = "47.37,8.54,2",
                      .filter = "{\"must\": [{\"key\": \"a\", \"match\": {\"value\": 1}}]}"};
    assert_ok(cli_pick_filter(&pick, &text, &err), &err);
    assert_string_equal(
        text,
        "{\"must\":[{\"should\":[{\"key\":\"taken\",\"range\":{\"gte\":\"2023-01-01T00:00:00Z\"}},"
        "{\"must\":[{\"is_empty\":{\"key\":\"taken\"}},{\"key\":\"mtime\",\"range\":{\"gte\":"
        "\"2023-01-01T00:00:00Z\"}}]}]},{\"key\":\"location\",\"geo_radius\":{\"center\":{\"lat\":"
        "47.37,\"lon\":8.54},\"radius\":2000.0}},{\"must\":[{\"key\":\"a\",\"match\":{\"value\":1}}]"
        "}]}");
    lt_free(text);
    pick = (cli_pick){0};
    assert_ok(cli_pick_filter(&pick, &text, &err), &err);
    assert_null(text);
}

static void test_filter_refuses(void **state)
{
    static const struct {
        cli_pick pick;
        const char *says;
    } bad[] = {
        {{.after = "soon"}, "--after: a date"},
        {{.before = "2023-99"}, "--before: a date"},
        {{.near = "1,2"}, "--near: LAT,LON,KM"},
        {{.near = "91,0,1"}, "--near"},
        {{.near = "0,181,1"}, "--near"},
        {{.near = "0,0,0"}, "--near"},
        {{.near = "0,0,nan"}, "--near"},
        {{.near = "0,0,1x"}, "--near"},
        {{.filter = "{"}, "--filter: not valid JSON"},
        {{.filter = "[]"}, "--filter: a JSON object"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *text = NULL;
        lt_error err;

        assert_int_equal(cli_pick_filter(&bad[i].pick, &text, &err), LT_EINVAL);
        if (!strstr(err.message, bad[i].says))
            fail_msg("expected \"%s\": %s", bad[i].says, err.message);
    }
}

/* ---- lines -------------------------------------------------------------------------------------- */

static void test_lines(void **state)
{
    int fds[2];
    char *line;
    size_t n;
    lt_error err;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    LT_CLEANUP(cli_lines_done) cli_lines l = {.fd = fds[0], .name = "pipe", .line_max = 100};

    assert_int_equal(write(fds[1], "one\n\ntw", 7), 7);
    assert_ok(cli_lines_next(&l, true, &line, &n, &err), &err);
    assert_string_equal(line, "one");
    char *kept = line;

    assert_ok(cli_lines_next(&l, false, &line, &n, &err), &err);
    assert_string_equal(line, "");
    assert_int_equal(n, 0);
    assert_ok(cli_lines_next(&l, false, &line, &n, &err), &err);
    assert_null(line); /* half a line: not yet */
    assert_string_equal(kept, "one");
    assert_int_equal(write(fds[1], "o", 1), 1);
    close(fds[1]);
    assert_ok(cli_lines_next(&l, true, &line, &n, &err), &err);
    assert_string_equal(line, "two");
    assert_int_equal(l.number, 3);
    assert_ok(cli_lines_next(&l, true, &line, &n, &err), &err);
    assert_null(line);
    close(fds[0]);
}

static void test_lines_refuse(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        lt_status want;
    } bad[] = {{"a\0b\n", 4, LT_EINVAL}, {"123456\n", 7, LT_ELIMIT}, {"123456", 6, LT_ELIMIT}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        int fds[2];
        char *line;
        size_t n;
        lt_error err;

        assert_int_equal(pipe(fds), 0);
        LT_CLEANUP(cli_lines_done) cli_lines l = {.fd = fds[0], .name = "pipe", .line_max = 5};

        assert_int_equal(write(fds[1], bad[i].bytes, bad[i].n), bad[i].n);
        close(fds[1]);
        assert_int_equal(cli_lines_next(&l, true, &line, &n, &err), bad[i].want);
        assert_non_null(strstr(err.message, "pipe: line 1"));
        close(fds[0]);
    }
}

/* ---- captions ----------------------------------------------------------------------------------- */

static lt_status read_captions(const char *text, cli_captions *out, lt_error *err)
{
    char path[] = "/tmp/latent-captions-XXXXXX";
    int fd = mkstemp(path);
    size_t n = strlen(text);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), n);
    close(fd);
    lt_status st = cli_captions_read(path, "/photos", out, err);

    unlink(path);
    return st;
}

static void test_captions(void **state)
{
    LT_CLEANUP(cli_captions_done) cli_captions c = {0};
    lt_error err;

    (void)state;
    assert_ok(read_captions(
                  "{\"photo\":\"a.jpg\",\"lang\":\"en\",\"caption\":\"one\",\"more\":1}\n"
                  "\n"
                  "{\"photo\":\"b.jpg\",\"captions\":{\"en\":[\"two\",\"three\"],\"de\":\"vier\"}}\n"
                  "{\"photo\":\"a.jpg\",\"captions\":[{\"lang\":\"de\",\"caption\":\"f\"}]}",
                  &c, &err),
              &err);
    assert_int_equal(c.n_photos, 2);
    assert_string_equal(c.photos[0], "/photos/a.jpg");
    assert_int_equal(c.lines[1], 3);
    assert_int_equal(c.n_langs, 2);
    assert_int_equal(c.n_items, 5);
    assert_string_equal(c.items[3].text, "vier");
    assert_int_equal(c.items[3].photo, 1);
    assert_string_equal(c.langs[c.items[4].lang], "de");
    assert_int_equal(c.items[4].photo, 0);
}

static void test_captions_refuse(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"{\"photo\":\"a\",\"lang\":\"en\",\"caption\":\"x\"}\n{", ":2: not valid JSON"},
        {"[]", ":1: a JSON object"},
        {"{\"lang\":\"en\",\"caption\":\"x\"}", ":1: 'photo' is missing"},
        {"{\"photo\":\"a\",\"lang\":\"en\"}", ":1: neither"},
        {"{\"photo\":\"a\",\"caption\":\"x\"}", ":1: 'lang'"},
        {"{\"photo\":\"a\",\"lang\":\"en\",\"caption\":\" \"}", ":1: a caption must"},
        {"{\"photo\":\"a\",\"captions\":7}", ":1: 'captions' must be"},
        {"\n\n", "no line with a photo"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cli_captions c;
        lt_error err;

        assert_int_equal(read_captions(bad[i].text, &c, &err), LT_EINVAL);
        if (!strstr(err.message, bad[i].says))
            fail_msg("expected \"%s\": %s", bad[i].says, err.message);
    }
}

/* ---- recall ------------------------------------------------------------------------------------- */

static void test_recall(void **state)
{
    /* Photo 0: ranks 1 and 4; photo 2: rank 20; photo 1 has no question. */
    const uint32_t ranks[] = {1, 4, 20}, photo[] = {0, 0, 2};
    cli_ranks r = {ranks, photo, 3, 3};
    cli_recall a, b;
    lt_error err;

    (void)state;
    assert_ok(cli_recall_compute(&r, 500, 1, &a, &err), &err);
    assert_ok(cli_recall_compute(&r, 500, 1, &b, &err), &err);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(a.n, 3);
    assert_true(fabs(a.at[0] - 1.0 / 3) < 1e-12);
    assert_true(fabs(a.at[1] - 2.0 / 3) < 1e-12);
    assert_true(fabs(a.at[2] - 2.0 / 3) < 1e-12);
    assert_true(a.median_rank == 4);
    /* Both photos the second one: 0; both the first one: 1/2 and 1. */
    assert_true(a.low[0] == 0 && a.high[0] == 0.5);
    assert_true(a.low[1] == 0 && a.high[1] == 1);
}

/* With many photos the interval is that of a proportion: p +- 1.96 sqrt(p (1 - p) / n). */
static void test_interval(void **state)
{
    enum { N = 1000 };
    static uint32_t ranks[N], photo[N];
    cli_ranks r = {ranks, photo, N, N};
    cli_recall out;
    lt_error err;

    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        ranks[i] = i % 10 < 3 ? 1 : 99;
        photo[i] = i;
    }
    assert_ok(cli_recall_compute(&r, 2000, 7, &out, &err), &err);
    double half = 1.96 * sqrt(0.3 * 0.7 / N);

    assert_true(fabs(out.at[0] - 0.3) < 1e-12);
    assert_true(fabs(out.low[0] - (0.3 - half)) < 0.004);
    assert_true(fabs(out.high[0] - (0.3 + half)) < 0.004);
}

/* Against the plain definition, with ties and an odd number of dimensions. */
static void test_ranks(void **state)
{
    enum { P = 7, T = 12, D = 11 };
    float photos[P * D], texts[T * D];
    uint32_t owner[T], by_text[T], by_photo[P];
    cli_pairs p = {photos, texts, owner, P, T, D, 3};
    lt_error err;
    unsigned seed = 5;

    (void)state;
    for (size_t i = 0; i < P * D; i++)
        photos[i] = (float)(rand_r(&seed) % 5) - 2;
    for (size_t i = 0; i < T * D; i++)
        texts[i] = (float)(rand_r(&seed) % 5) - 2;
    memcpy(photos + 3 * D, photos + 2 * D, D * sizeof(float)); /* twins tie */
    for (uint32_t t = 0; t < T; t++)
        owner[t] = t % (P - 1); /* the last photo has no text */
    assert_ok(cli_rank_photos(&p, by_text, &err), &err);
    assert_ok(cli_rank_texts(&p, by_photo, &err), &err);
    for (size_t t = 0; t < T; t++) {
        uint32_t rank = 1;
        float own = 0, s;

        for (size_t d = 0; d < D; d++)
            own += texts[t * D + d] * photos[owner[t] * D + d];
        for (size_t i = 0; i < P; i++) {
            s = 0;
            for (size_t d = 0; d < D; d++)
                s += texts[t * D + d] * photos[i * D + d];
            rank += i != owner[t] && s >= own;
        }
        assert_int_equal(by_text[t], rank);
    }
    assert_int_equal(by_photo[P - 1], 0);
    for (size_t i = 0; i < P - 1; i++)
        assert_in_range(by_photo[i], 1, T);
    owner[0] = P;
    assert_int_equal(cli_rank_photos(&p, by_text, &err), LT_EINVAL);
}

/* ---- what is looked for ------------------------------------------------------------------------- */

#define LIST(...)                                                                                  \
    (&(cli_list){(const char *[]){__VA_ARGS__},                                                    \
                 sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)})
static const cli_list nothing;

static void test_parts(void **state)
{
    cli_parts p = {0};
    lt_error err;

    (void)state;
    assert_ok(cli_parts_read(LIST("at", "night"), LIST("a.jpg", "b.jpg"), LIST("people"),
                             LIST("image=0.25", "minus=2", "image=0.75"), &p, &err),
              &err);
    assert_int_equal(p.n, 4);
    assert_string_equal(p.items[0].text, "at night");
    assert_true(p.items[0].weight == 1 && !p.items[0].picture);
    assert_string_equal(p.items[1].picture->path, "a.jpg");
    assert_string_equal(p.items[2].picture->path, "b.jpg");
    assert_true(p.items[1].weight == 0.75f && p.items[2].weight == 0.75f);
    assert_string_equal(p.items[3].text, "people");
    assert_true(p.items[3].weight == -2);
    cli_parts_done(&p);
    assert_ok(cli_parts_read(&nothing, LIST("a.jpg"), &nothing, &nothing, &p, &err), &err);
    assert_true(p.n == 1 && p.items[0].picture && p.items[0].weight == 1);
    cli_parts_done(&p);
    assert_ok(cli_parts_read(LIST("x"), &nothing, LIST("y"), &nothing, &p, &err), &err);
    assert_true(p.n == 2 && p.items[1].weight == -0.5f);
    cli_parts_done(&p);
}

static void test_parts_refuse(void **state)
{
    static const char *const wrong[] = {"",         "image",     "image=",    "image=x", "image=1x",
                                        "minus=-1", "words=nan", "words=1e9", "word=1",  "=1"};
    const char *many[LT_QUERY_PARTS_MAX] = {"a.jpg"};
    cli_parts p = {0};
    lt_error err;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(cli_parts_read(LIST("x"), &nothing, &nothing, LIST(wrong[i]), &p, &err),
                         LT_EINVAL);
        assert_non_null(strstr(err.message, "words=X"));
    }
    assert_int_equal(cli_parts_read(&nothing, &nothing, LIST("y"), &nothing, &p, &err), LT_EINVAL);
    assert_non_null(strstr(err.message, "--minus takes away"));
    assert_int_equal(cli_parts_read(LIST(" "), LIST("a.jpg"), &nothing, &nothing, &p, &err),
                     LT_EINVAL);
    assert_non_null(strstr(err.message, "query is empty"));
    assert_int_equal(cli_parts_read(LIST("x"), &(cli_list){many, LT_QUERY_PARTS_MAX}, &nothing,
                                    &nothing, &p, &err),
                     LT_EINVAL);
    assert_non_null(strstr(err.message, "at most 63"));
    cli_parts_done(&p);
}

/* ---- hits --------------------------------------------------------------------------------------- */

static void test_found(void **state)
{
    static const char a[] = "{\"filename\":\"/a/b.jpg\",\"mtime\":\"2023-01-02T03:04:05.0Z\"}",
                      b[] = "{\"filename\":\"/\xef\xbf\xbd\",\"filename_hex\":\"2fff\",\"taken\":"
                            "\"2020-05-06T01:02:03\"}",
                      c[] = "{\"filename_hex\":\"zz\",\"filename\":\"x\"}", d[] = "{}";
    lt_hit items[] = {{.payload = a, .payload_len = sizeof a - 1},
                      {.payload = b, .payload_len = sizeof b - 1},
                      {.payload = c, .payload_len = sizeof c - 1},
                      {.payload = d, .payload_len = sizeof d - 1}};
    lt_hits hits = {items, 4};
    cli_found *f = NULL;
    char day[16];
    lt_error err;

    (void)state;
    assert_ok(cli_found_read(&hits, &f, &err), &err);
    assert_string_equal(f[0].path, "/a/b.jpg");
    assert_string_equal(cli_found_title(&f[0]), "b.jpg");
    cli_found_day(&f[0], day);
    assert_string_equal(day, "2023-01-02");
    assert_string_equal(f[1].path, "/\xff");
    cli_found_day(&f[1], day);
    assert_string_equal(day, "2020-05-06");
    assert_null(f[2].path);
    assert_null(f[3].path);
    assert_string_equal(f[3].name, "");
    cli_found_day(&f[3], day);
    assert_string_equal(day, "");
    cli_found_free(f, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),  cmocka_unit_test(test_details),
        cmocka_unit_test(test_refuses),  cmocka_unit_test(test_distance),
        cmocka_unit_test(test_escape),   cmocka_unit_test(test_shorten),
        cmocka_unit_test(test_url),      cmocka_unit_test(test_counts),
        cmocka_unit_test(test_absolute), cmocka_unit_test(test_dates),
        cmocka_unit_test(test_filter),   cmocka_unit_test(test_filter_refuses),
        cmocka_unit_test(test_lines),    cmocka_unit_test(test_lines_refuse),
        cmocka_unit_test(test_captions), cmocka_unit_test(test_captions_refuse),
        cmocka_unit_test(test_recall),   cmocka_unit_test(test_interval),
        cmocka_unit_test(test_ranks),    cmocka_unit_test(test_found),
        cmocka_unit_test(test_parts),    cmocka_unit_test(test_parts_refuse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
