/* SPDX-License-Identifier: Apache-2.0 */
#include <base/buf.h>
#include <base/file.h>
#include <base/hash.h>
#include <base/mem.h>
#include <base/rng.h>
#include <base/sha256.h>
#include <base/thread.h>
#include <base/utf8.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lt_cmocka.h"

static void error_is_one_clean_line(void **state)
{
    (void)state;
    lt_error err = {0};

    assert_int_equal(lt_fail(&err, LT_EINVAL, "bad\nname \x1b[31m \xff."), LT_EINVAL);
    assert_int_equal(err.code, LT_EINVAL);
    assert_string_equal(err.message, "bad?name ?[31m ?.");
    assert_int_equal(lt_fail(NULL, LT_EIO, "x"), LT_EIO);
    assert_int_equal(lt_fail_errno(&err, LT_EIO, ENOMEM, "x"), LT_ENOMEM);
    assert_non_null(strstr(err.message, "Cannot allocate"));
    assert_string_equal(lt_status_name(LT_EUNSUPPORTED), "LT_EUNSUPPORTED");
    assert_string_equal(lt_status_name(1), "LT_?");
    assert_string_equal(lt_status_name(-99), "LT_?");
}

static void error_cut_inside_a_character_stays_utf8(void **state)
{
    (void)state;
    lt_error err;
    char name[2000];

    for (size_t i = 0; i + 1 < sizeof name; i += 2)
        memcpy(name + i, "\xc3\xa9", 2);
    name[sizeof name - 2] = '\0';
    for (int pad = 0; pad < 4; pad++) {
        (void)lt_fail(&err, LT_EINVAL, "%*s%s", pad, "", name);
        assert_true(lt_utf8_valid(err.message, strlen(err.message)));
    }
}

static void buffer_grows_and_hands_over(void **state)
{
    (void)state;
    lt_error err;
    lt_buf b = {0};

    for (int i = 0; i < 1000; i++)
        assert_ok(lt_buf_addf(&b, &err, "%d,", i), &err);
    assert_int_equal(b.len, strlen(b.data));
    assert_int_equal(strncmp(b.data, "0,1,2,", 6), 0);
    assert_int_equal(lt_buf_reserve(&b, SIZE_MAX - 3, &err), LT_ENOMEM);
    char *text = lt_buf_steal(&b);

    assert_null(b.data);
    lt_free(text);
    lt_mem_fail_at(0, false);
    assert_int_equal(lt_buf_adds(&b, "x", &err), LT_ENOMEM);
    lt_mem_fail_at(-1, false);
    assert_ok(lt_buf_adds(&b, "x", &err), &err);
    lt_buf_done(&b);
}

static void numbers_are_written(void **state)
{
    (void)state;
    const uint64_t numbers[] = {0, 9, 10, 99, 100, 1234567890, 9999999999, UINT64_MAX};
    lt_error err;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        lt_buf b = {0};
        char want[32];

        snprintf(want, sizeof want, "%llu", (unsigned long long)numbers[i]);
        assert_ok(lt_buf_add_u64(&b, numbers[i], &err), &err);
        assert_string_equal(b.data, want);
        lt_buf_done(&b);
    }
}

static void file_round_trip_and_errors(void **state)
{
    (void)state;
    char dir[] = "/tmp/lt-base-XXXXXX";
    lt_error err;
    lt_buf b = {0};

    assert_non_null(mkdtemp(dir));
    char *deep = lt_path_join(dir, "a/b//c");
    char *file = lt_path_join(deep, "f");

    assert_ok(lt_dir_make(deep, &err), &err);
    assert_ok(lt_dir_make(deep, &err), &err);
    assert_ok(lt_file_write_atomic(file, "hello", 5, &err), &err);
    assert_ok(lt_file_read(file, 5, &b, &err), &err);
    assert_string_equal(b.data, "hello");
    assert_int_equal(lt_file_read(file, 4, &b, &err), LT_ELIMIT);
    assert_int_equal(lt_file_read(deep, 4, &b, &err), LT_EINVAL);
    assert_int_equal(lt_file_read("/nowhere/x", 4, &b, &err), LT_ENOTFOUND);
    assert_non_null(strstr(err.message, "/nowhere/x"));
    assert_int_equal(lt_dir_make(file, &err), LT_EIO);
    assert_ok(lt_dir_remove(deep, &err), &err);
    assert_false(lt_path_exists(deep));
    assert_ok(lt_dir_remove(deep, &err), &err);
    lt_free(file);
    lt_free(deep);
    lt_buf_done(&b);
    char *cleanup = lt_path_join(dir, "a/b");
    rmdir(cleanup);
    lt_free(cleanup);
    cleanup = lt_path_join(dir, "a");
    rmdir(cleanup);
    lt_free(cleanup);
    rmdir(dir);
}

static void utf8_replaces_maximal_subparts(void **state)
{
    (void)state;
    lt_error err;
    lt_buf b = {0};
    /* The example of the Unicode standard, table 3-8, and Python's errors="replace". */
    static const char in[] = "\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64";

    assert_ok(lt_utf8_repair(in, sizeof in - 1, &b, &err), &err);
    assert_string_equal(b.data, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                "b\xef\xbf\xbd"
                                "c\xef\xbf\xbd\xef\xbf\xbd"
                                "d");
    lt_buf_done(&b);
    assert_false(lt_utf8_valid("\xed\xa0\x80", 3)); /* a surrogate */
    assert_false(lt_utf8_valid("\xc0\xaf", 2));     /* overlong */
    assert_false(lt_utf8_valid("\xf4\x90\x80\x80", 4));
    for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
        char s[4];
        uint32_t back;
        size_t n = lt_utf8_encode(cp, s);

        assert_int_equal(lt_utf8_decode(s, n, &back, NULL), n);
        assert_int_equal(back, cp >= 0xd800 && cp < 0xe000 ? 0xfffd : cp);
    }
}

static void uuid5_known_value(void **state)
{
    (void)state;
    static const uint8_t dns[16] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                    0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
    uint8_t id[16];
    char text[33];

    lt_uuid5(dns, "www.example.com", 15, id); /* RFC 9562, A.4 */
    lt_hex(id, 16, text);
    assert_string_equal(text, "2ed6657de927568b95e12665a8aea6a2");
}

/* The examples of FIPS 180-4, and a million letters in pieces. */
static void sha256_is_what_others_compute(void **state)
{
    static const struct {
        const char *text, *digest;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char digits[LT_SHA256_HEX], piece[997];
    lt_sha256 s;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lt_sha256_init(&s);
        lt_sha256_add(&s, cases[i].text, strlen(cases[i].text));
        lt_sha256_hex(&s, digits);
        assert_string_equal(digits, cases[i].digest);
    }
    memset(piece, 'a', sizeof piece);
    lt_sha256_init(&s);
    for (size_t left = 1000000, n; left > 0; left -= n) {
        n = left < sizeof piece ? left : sizeof piece;
        lt_sha256_add(&s, piece, n);
    }
    lt_sha256_hex(&s, digits);
    assert_string_equal(digits, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void hashes_agree_over_pieces(void **state)
{
    (void)state;
    char data[5000];
    uint8_t whole[16], pieces[16];

    memset(data, 'x', sizeof data);
    lt_hash128(data, sizeof data, whole);
    lt_hasher *h = lt_hasher_new();

    assert_non_null(h);
    lt_hasher_add(h, data, 1234);
    lt_hasher_add(h, data + 1234, sizeof data - 1234);
    lt_hasher_get(h, pieces);
    assert_memory_equal(whole, pieces, 16);
    lt_hasher_free(h);
}

static void *produce(void *arg)
{
    static int item[1000];

    for (int i = 0; i < 1000; i++) {
        item[i] = i;
        if (!lt_queue_push(arg, &item[i]))
            return arg;
    }
    lt_queue_close(arg);
    return NULL;
}

static void queue_keeps_order_between_threads(void **state)
{
    (void)state;
    lt_queue *q = lt_queue_new(3);
    pthread_t t;
    int n = 0;

    assert_non_null(q);
    assert_null(lt_queue_try_pop(q));
    assert_null(lt_queue_pop_wait(q, 1));
    assert_int_equal(pthread_create(&t, NULL, produce, q), 0);
    for (int *p; (p = lt_queue_pop(q)) != NULL; n++)
        assert_int_equal(*p, n);
    assert_int_equal(n, 1000);
    pthread_join(t, NULL);
    assert_false(lt_queue_push(q, &n));
    lt_queue_free(q);
}

static void sizes_are_checked(void **state)
{
    (void)state;
    size_t n = 7;

    assert_false(lt_mul_size(SIZE_MAX, 2, &n));
    assert_false(lt_add_size(SIZE_MAX, 1, &n));
    assert_int_equal(n, 7);
    assert_null(lt_realloc(NULL, SIZE_MAX / 2, 4));
    assert_null(lt_alloc_aligned(SIZE_MAX, 1));
    void *p = lt_alloc_aligned(3, 5);

    assert_int_equal((uintptr_t)p % 64, 0);
    lt_free(p);
}

static void random_numbers_cover_the_range(void **state)
{
    (void)state;
    lt_rng r = {1};
    double sum = 0;
    unsigned seen = 0;

    for (int i = 0; i < 10000; i++) {
        double u = lt_rng_unit(&r);

        assert_true(u >= 0 && u < 1);
        sum += u;
        seen |= 1u << lt_rng_below(&r, 7);
    }
    assert_int_equal(seen, 127);
    assert_true(sum > 4800 && sum < 5200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_is_one_clean_line),
        cmocka_unit_test(error_cut_inside_a_character_stays_utf8),
        cmocka_unit_test(buffer_grows_and_hands_over),
        cmocka_unit_test(numbers_are_written),
        cmocka_unit_test(file_round_trip_and_errors),
        cmocka_unit_test(utf8_replaces_maximal_subparts),
        cmocka_unit_test(uuid5_known_value),
        cmocka_unit_test(sha256_is_what_others_compute),
        cmocka_unit_test(hashes_agree_over_pieces),
        cmocka_unit_test(queue_keeps_order_between_threads),
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(random_numbers_cover_the_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
