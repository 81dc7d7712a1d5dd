/* SPDX-License-Identifier: Apache-2.0
 * Entries and walks: what needs no model. */
#include <base/file.h>
#include <base/mem.h>
#include <ftw.h>
#include <gallery/entry.h>
#include <gallery/walk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <value/value.h>

#include "lt_cmocka.h"

/* ---- entries ----------------------------------------------------------------------------- */

static void id_is_the_uuid_of_the_url(void **state)
{
    (void)state;
    char text[LT_ID_TEXT_MAX];
    lt_id id = lt_entry_id("/photos/a.jpg");

    /* Python: uuid.uuid5(uuid.NAMESPACE_URL, "file:///photos/a.jpg") */
    assert_string_equal(lt_id_format(&id, text), "3254c709-73fd-53e0-b3ab-c5b5688f1802");
}

static yyjson_doc *payload_of(const char *path, const lt_image_info *info)
{
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};
    struct stat st = {.st_size = 1234, .st_mtim = {1700000000, 5}};
    uint8_t hash[16] = {0xab};
    lt_error err;

    assert_ok(lt_entry_payload(path, &st, info, hash, &text, &err), &err);

    lt_entry_known known;

    assert_true(lt_entry_read(text.data, text.len, &known));
    assert_int_equal(known.size, 1234);
    assert_string_equal(known.mtime, "2023-11-14T22:13:20.000000005Z");
    assert_string_equal(known.hash, "ab000000000000000000000000000000");

    LT_AUTOFREE char *back = lt_entry_path(text.data, text.len);

    assert_string_equal(back, path);
    yyjson_doc *doc = yyjson_read(text.data, text.len, 0);

    assert_non_null(doc);
    return doc;
}

static void payload_tells_what_is_known(void **state)
{
    (void)state;
    lt_image_info info = {.width = 640,
                          .height = 480,
                          .format = "jpeg",
                          .taken = "2024-05-01T10:00:00",
                          .camera = "Maker Model",
                          .has_location = true,
                          .lat = 48.5,
                          .lon = -3.25};
    yyjson_doc *doc = payload_of("/photos/sea/a \"b\"\n.jpg", &info);
    yyjson_val *root = yyjson_doc_get_root(doc), *folders = yyjson_obj_get(root, "folders");

    assert_int_equal(yyjson_get_uint(yyjson_obj_get(root, "width")), 640);
    assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "taken")), "2024-05-01T10:00:00");
    assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "camera")), "Maker Model");
    assert_true(yyjson_get_real(yyjson_obj_get(yyjson_obj_get(root, "location"), "lon")) == -3.25);
    assert_int_equal(yyjson_arr_size(folders), 2);
    assert_string_equal(yyjson_get_str(yyjson_arr_get(folders, 0)), "/photos");
    assert_string_equal(yyjson_get_str(yyjson_arr_get(folders, 1)), "/photos/sea");
    assert_null(yyjson_obj_get(root, "filename_hex"));
    yyjson_doc_free(doc);
}

static void payload_keeps_names_that_are_no_text(void **state)
{
    (void)state;
    lt_image_info info = {.width = 1, .height = 1, .format = "png"};
    yyjson_doc *doc = payload_of("/p\xff/\xc3.png", &info);
    yyjson_val *root = yyjson_doc_get_root(doc);

    assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "filename")),
                        "/p\xef\xbf\xbd/\xef\xbf\xbd.png");
    assert_string_equal(yyjson_get_str(yyjson_obj_get(root, "filename_hex")), "2f70ff2fc32e706e67");
    assert_null(yyjson_obj_get(root, "taken"));
    assert_null(yyjson_obj_get(root, "location"));
    yyjson_doc_free(doc);
}

static void foreign_payloads_are_not_ours(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "{}", "[]", "not json", "{\"size\":1,\"mtime\":\"x\"}", "{\"filename_hex\":\"2f0\"}",
        "{\"filename_hex\":\"2f00\"}", "{\"filename_hex\":\"zz\"}", "{\"filename\":3}"};
    lt_entry_known known;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_false(lt_entry_read(texts[i], strlen(texts[i]), &known));
        assert_null(lt_entry_path(texts[i], strlen(texts[i])));
    }
}

/* ---- walks ------------------------------------------------------------------------------- */

typedef struct seen {
    char dir[64];
    char text[4096]; /* the files met, relative, a line each; failures with '!' before them */
    size_t stop_after;
    size_t n;
} seen;

static bool on_file(void *context, const char *path, const struct stat *st)
{
    seen *s = context;

    assert_true(S_ISREG(st->st_mode));
    strcat(s->text, path + strlen(s->dir) + 1);
    strcat(s->text, "\n");
    return ++s->n != s->stop_after;
}

static void on_failure(void *context, const char *path, const lt_error *why)
{
    seen *s = context;

    assert_true(why->code != LT_OK);
    assert_non_null(strstr(why->message, path));
    strcat(s->text, "!");
    strcat(s->text, path + strlen(s->dir) + 1);
    strcat(s->text, "\n");
}

static void make(const seen *s, const char *name)
{
    LT_AUTOFREE char *path = lt_path_join(s->dir, name);
    lt_error err;

    if (name[strlen(name) - 1] == '/')
        assert_ok(lt_dir_make(path, &err), &err);
    else
        assert_ok(lt_file_write_atomic(path, "x", 1, &err), &err);
}

static void make_link(const seen *s, const char *target, const char *name)
{
    LT_AUTOFREE char *path = lt_path_join(s->dir, name);

    assert_int_equal(symlink(target, path), 0);
}

static int setup(void **state)
{
    seen *s = calloc(1, sizeof *s);

    strcpy(s->dir, "/tmp/lt-walk-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    make(s, "b/");
    make(s, "b/deep/");
    make(s, "b/deep/3.png");
    make(s, "b/2.JPEG");
    make(s, "a.jpg");
    make(s, "notes.txt");
    make(s, ".hidden.jpg");
    make(s, ".git/");
    make(s, ".git/x.jpg");
    make(s, "z.webp");
    *state = s;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    seen *s = *state;

    nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(s);
    return 0;
}

static lt_status walk(seen *s, const char *path, const lt_gallery_options *options, lt_error *err)
{
    lt_walk_visitor visitor = {on_file, NULL, on_failure, s};
    lt_gallery_options plain = LT_GALLERY_OPTIONS_INIT;

    s->text[0] = '\0';
    s->n = 0;
    return lt_walk(path, options ? options : &plain, &visitor, err);
}

static void walk_meets_pictures_in_order(void **state)
{
    seen *s = *state;
    lt_error err;

    assert_ok(walk(s, s->dir, NULL, &err), &err);
    assert_string_equal(s->text, "a.jpg\nb/2.JPEG\nb/deep/3.png\nz.webp\n");
}

static void walk_takes_a_file_named_whatever(void **state)
{
    seen *s = *state;
    lt_error err;
    LT_AUTOFREE char *path = lt_path_join(s->dir, "b/../notes.txt");

    assert_ok(walk(s, path, NULL, &err), &err);
    assert_string_equal(s->text, "notes.txt\n");
}

static void walk_leaves_out_what_is_excluded(void **state)
{
    seen *s = *state;
    lt_error err;
    const char *patterns[] = {"deep", "*.webp", "b/2.*"};
    lt_gallery_options options = LT_GALLERY_OPTIONS_INIT;

    options.exclude = patterns;
    options.n_exclude = 3;
    assert_ok(walk(s, s->dir, &options, &err), &err);
    assert_string_equal(s->text, "a.jpg\n");
}

static void walk_ends_in_loops_of_links(void **state)
{
    seen *s = *state;
    lt_error err;
    lt_gallery_options options = LT_GALLERY_OPTIONS_INIT;

    make_link(s, "..", "b/up");
    make_link(s, "deep", "b/also");
    make_link(s, "nowhere.jpg", "broken.jpg");
    make_link(s, "self", "self");
    make_link(s, "a.jpg", "same.jpg");
    assert_ok(walk(s, s->dir, NULL, &err), &err);
    assert_string_equal(s->text,
                        "a.jpg\nb/2.JPEG\nb/deep/3.png\n!broken.jpg\nsame.jpg\nz.webp\n");
    options.follow_links = true;
    assert_ok(walk(s, s->dir, &options, &err), &err);
    /* The same folder by two names is walked once, by the name that sorts first. */
    assert_string_equal(s->text,
                        "a.jpg\nb/2.JPEG\nb/also/3.png\n!broken.jpg\nsame.jpg\nz.webp\n");
}

static void walk_stops_when_told(void **state)
{
    seen *s = *state;
    lt_error err;

    s->stop_after = 2;
    assert_int_equal(walk(s, s->dir, NULL, &err), LT_ECANCELED);
    assert_string_equal(s->text, "a.jpg\nb/2.JPEG\n");
}

static void walk_names_what_is_not_there(void **state)
{
    seen *s = *state;
    lt_error err;
    LT_AUTOFREE char *path = lt_path_join(s->dir, "nothing");

    assert_int_equal(walk(s, path, NULL, &err), LT_ENOTFOUND);
    assert_non_null(strstr(err.message, "nothing"));
}

static void paths_become_absolute(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"/a/b", "/a/b"},       {"/a/./b//c/", "/a/b/c"},
                                           {"/a/../b", "/b"},      {"/../..", "/"},
                                           {"/a/b/../../c", "/c"}, {"/", "/"}};

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        LT_AUTOFREE char *got = lt_path_absolute(pairs[i][0]);

        assert_string_equal(got, pairs[i][1]);
    }
    LT_AUTOFREE char *cwd = getcwd(NULL, 0), *want = lt_path_join(cwd, "x"),
                     *got = lt_path_absolute("y/.././x");

    assert_string_equal(got, want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(id_is_the_uuid_of_the_url),
        cmocka_unit_test(payload_tells_what_is_known),
        cmocka_unit_test(payload_keeps_names_that_are_no_text),
        cmocka_unit_test(foreign_payloads_are_not_ours),
        cmocka_unit_test_setup_teardown(walk_meets_pictures_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(walk_takes_a_file_named_whatever, setup, teardown),
        cmocka_unit_test_setup_teardown(walk_leaves_out_what_is_excluded, setup, teardown),
        cmocka_unit_test_setup_teardown(walk_ends_in_loops_of_links, setup, teardown),
        cmocka_unit_test_setup_teardown(walk_stops_when_told, setup, teardown),
        cmocka_unit_test_setup_teardown(walk_names_what_is_not_there, setup, teardown),
        cmocka_unit_test(paths_become_absolute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
