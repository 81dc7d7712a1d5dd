/* SPDX-License-Identifier: Apache-2.0
 * Filters, facets and orders of a collection with payload indexes: the same as by looking at every
 * point, for every reader, through updates, reopening and threads. */
#include <base/rng.h>
#include <engine/reader.h>
#include <pthread.h>
#include <stdatomic.h>

#include "engine_fixture.h"

enum { N_IDS = 60 };

static const float row[2] = {1, 0}, other_row[2] = {0, 1};

static void index_path(world *w, const char *path, const char *schema)
{
    OK(lt_collection_create_index(w->c, path, schema, strlen(schema), NULL, &w->err));
}

static void create(world *w)
{
    fix_create(w, "{\"vectors\":{\"size\":2,\"distance\":\"Dot\"}}");
}

static void put(world *w, uint64_t id, const char *payload)
{
    lt_vector v = fix_dense("", id % 2 ? row : other_row, 2);

    OK(fix_put(w, id, &v, 1, payload));
}

static lt_filter *filter_of(world *w, const char *json)
{
    lt_filter *f;

    OK(lt_filter_parse(json, strlen(json), &f, &w->err));
    return f;
}

/* ---- selecting ------------------------------------------------------------------------------- */

typedef struct checking {
    lt_reader *r;
    const lt_filter *filter;
    const uint64_t *bits;
    const char *json;
    uint64_t n;
} checking;

static lt_status check_point(void *context, const lt_stored *s, lt_error *err)
{
    checking *c = context;
    bool passes, selected = c->bits[s->slot / 64] >> (s->slot % 64) & 1;

    if (lt_reader_passes(c->r, c->filter, s, &passes, err) != LT_OK)
        return LT_EIO;
    if (passes != selected)
        fail_msg("%s: %.*s: %s, but %s", c->json, (int)s->payload_len, s->payload,
                 passes ? "passes" : "does not pass", selected ? "selected" : "not selected");
    c->n += passes;
    return LT_OK;
}

/* What a reader selects is what passes, point by point; the number of them. */
static uint64_t check_select(world *w, lt_reader *r, const char *json)
{
    lt_filter *f = filter_of(w, json);
    uint64_t *bits, n;

    OK(lt_reader_select(r, f, NULL, &bits, &n, &w->err));
    checking c = {r, f, bits, json, 0};

    OK(lt_reader_each(r, NULL, NULL, check_point, &c, &w->err));
    assert_int_equal(c.n, n);
    lt_free(bits);
    lt_filter_free(f);
    return n;
}

static const char *const filters[] = {
    "{\"must\":{\"key\":\"k\",\"match\":{\"value\":\"red\"}}}",
    "{\"must_not\":{\"key\":\"k\",\"match\":{\"any\":[\"red\",\"blue\"]}}}",
    "{\"must\":[{\"key\":\"i\",\"range\":{\"gte\":3}},{\"key\":\"x\",\"match\":{\"value\":1}}]}",
    "{\"must\":{\"key\":\"t\",\"match\":{\"text\":\"FOX red\"}}}",
    "{\"must\":{\"key\":\"t\",\"match\":{\"phrase\":\"red fox\"}}}",
    "{\"should\":[{\"has_id\":[1,2,3,99]},{\"key\":\"i\",\"match\":{\"value\":4}}]}",
    "{\"must\":{\"has_vector\":\"\"},\"must_not\":{\"is_empty\":{\"key\":\"k\"}}}",
    "{\"must\":{\"key\":\"u\",\"match\":{\"value\":\"550E8400E29B41D4A716446655440000\"}}}",
};
enum { N_FILTERS = sizeof filters / sizeof *filters };

static void random_payload(lt_rng *r, char *out, size_t cap)
{
    static const char *const words[] = {"\"red\"", "\"green\"", "\"blue\"", "null", "[\"red\",3]"};
    static const char *const texts[] = {"the red fox", "Fox, red!", "a green house", ""};

    snprintf(out, cap, "{\"k\":%s,\"i\":%d,\"x\":%d,\"t\":\"%s\",\"u\":\"%s\"}",
             words[lt_rng_below(r, 5)], (int)lt_rng_below(r, 6), (int)lt_rng_below(r, 2),
             texts[lt_rng_below(r, 4)],
             lt_rng_below(r, 2) ? "550e8400-e29b-41d4-a716-446655440000" : "none");
}

static void random_update(world *w, lt_rng *r)
{
    lt_update u = LT_UPDATE_INIT;
    lt_id ids[4];
    char payload[256];
    const char *names[] = {"k", "t"};

    for (size_t i = 0; i < 4; i++)
        ids[i] = lt_id_from_num(lt_rng_below(r, N_IDS));
    u.ids = ids;
    u.n_ids = 4;
    random_payload(r, payload, sizeof payload);
    u.payload = payload;
    u.payload_len = strlen(payload);
    switch (lt_rng_below(r, 8)) {
    case 0:
        u.kind = LT_UPDATE_DELETE;
        break;
    case 1:
        u.kind = LT_UPDATE_SET_PAYLOAD;
        u.payload = "{\"i\":[1,4],\"k\":null}";
        u.payload_len = strlen(u.payload);
        break;
    case 2:
        u.kind = LT_UPDATE_OVERWRITE_PAYLOAD;
        break;
    case 3:
        u.kind = LT_UPDATE_DELETE_PAYLOAD;
        u.names = names;
        u.n_names = 2;
        break;
    case 4:
        u.kind = LT_UPDATE_OVERWRITE_PAYLOAD;
        u.ids = NULL;
        u.n_ids = 0;
        u.filter = filters[lt_rng_below(r, N_FILTERS)];
        break;
    default:
        put(w, ids[0].num, payload);
        return;
    }
    OK(fix_update(w, &u, NULL));
}

static void answers_follow_updates(void **state)
{
    world *w = *state;
    lt_rng r = {11};
    lt_reader *held = NULL;
    uint64_t n_found = 0;

    create(w);
    index_path(w, "k", "\"keyword\"");
    index_path(w, "i", "\"integer\"");
    index_path(w, "t", "{\"type\":\"text\"}");
    index_path(w, "u", "\"uuid\"");
    for (int round = 0; round < 400; round++) {
        lt_reader *now;

        random_update(w, &r);
        OK(lt_reader_open(w->c, &now, &w->err));
        n_found += check_select(w, now, filters[lt_rng_below(&r, N_FILTERS)]);
        lt_reader_close(now);
        if (held)
            (void)check_select(w, held, filters[lt_rng_below(&r, N_FILTERS)]);
        if (round % 20 == 0) {
            lt_reader_close(held);
            OK(lt_reader_open(w->c, &held, &w->err));
        }
        if (round == 200) {
            lt_reader_close(held);
            held = NULL;
            fix_reopen(w, "c");
        }
    }
    lt_reader_close(held);
    assert_true(n_found > 400);
}

/* ---- indexes come and go --------------------------------------------------------------------- */

static uint64_t count(world *w, const char *json)
{
    uint64_t n;

    OK(lt_points_count(w->c, json, &n, &w->err));
    return n;
}

static void assert_described(world *w, const char *part)
{
    char *json;

    OK(lt_collection_describe(w->c, &json, &w->err));
    if (!strstr(json, part))
        fail_msg("%s is not in %s", part, json);
    lt_text_free(json);
}

static void indexes_change_what_text_means(void **state)
{
    static const char *const fox = "{\"must\":{\"key\":\"t\",\"match\":{\"text\":\"FOX the\"}}}";
    static const char *const klingon = "{\"type\":\"text\",\"stopwords\":\"klingon\"}";
    static const char *const part = "{\"must\":{\"key\":\"t\",\"match\":{\"text\":\"he re\"}}}";
    world *w = *state;

    create(w);
    put(w, 1, "{\"t\":\"the red fox\"}");
    put(w, 2, "{\"t\":\"a fox\"}");
    assert_int_equal(count(w, fox), 0);
    assert_int_equal(count(w, part), 1);
    index_path(w, "t", "\"text\"");
    assert_int_equal(count(w, fox), 1);
    assert_int_equal(count(w, part), 0);
    assert_described(w, "\"points\":2");
    put(w, 3, "{\"t\":\"THE FOX\"}");
    assert_int_equal(count(w, fox), 2);
    fix_reopen(w, "c");
    assert_int_equal(count(w, fox), 2);
    /* updates by filter too */
    lt_update u = LT_UPDATE_INIT;

    u.kind = LT_UPDATE_DELETE;
    u.filter = fox;
    OK(fix_update(w, &u, NULL));
    assert_int_equal(count(w, "{}"), 1);
    OK(lt_collection_drop_index(w->c, "t", NULL, &w->err));
    assert_int_equal(count(w, fox), 0);
    assert_int_equal(lt_collection_create_index(w->c, "t", klingon, strlen(klingon), NULL, &w->err),
                     LT_EUNSUPPORTED);
    assert_non_null(strstr(w->err.message, "klingon"));
    assert_int_equal(count(w, part), 0);
}

static void explained(world *w, const char *json, const char *part)
{
    lt_filter *f = filter_of(w, json);
    lt_buf text = {0};
    lt_reader *r;

    OK(lt_reader_open(w->c, &r, &w->err));
    OK(lt_reader_explain(r, f, NULL, &text, &w->err));
    if (!strstr(text.data, part))
        fail_msg("%s is not in %s", part, text.data);
    lt_buf_done(&text);
    lt_reader_close(r);
    lt_filter_free(f);
}

static void explanations_tell_what_was_read(void **state)
{
    world *w = *state;

    create(w);
    for (uint64_t id = 0; id < 20; id++)
        put(w, id, id % 4 ? "{\"k\":\"red\",\"x\":1}" : "{\"k\":\"blue\",\"x\":1}");
    explained(w, "{\"must\":{\"key\":\"k\",\"match\":{\"value\":\"blue\"}}}",
              "\"sure\":0,\"checked\":20,\"passed\":5}");
    index_path(w, "k", "\"keyword\"");
    explained(w, "{\"must\":{\"key\":\"k\",\"match\":{\"value\":\"blue\"}}}",
              "\"estimate\":{\"min\":5,\"expected\":5,\"max\":5}");
    explained(w, "{\"must\":{\"key\":\"k\",\"match\":{\"value\":\"blue\"}}}",
              "\"sure\":5,\"checked\":0,\"passed\":5}");
    /* the condition without an index is looked at only where the other one holds */
    explained(w,
              "{\"must\":[{\"key\":\"k\",\"match\":{\"value\":\"blue\"}},"
              "{\"key\":\"x\",\"match\":{\"value\":1}}]}",
              "\"sure\":0,\"checked\":5,\"passed\":5}");
    explained(w, "{\"must\":{\"has_id\":[3]}}", "\"by\":\"ids\",\"sure\":1");
}

/* ---- values ---------------------------------------------------------------------------------- */

static void fill_values(world *w)
{
    create(w);
    index_path(w, "k", "\"keyword\"");
    index_path(w, "i", "\"integer\"");
    index_path(w, "f", "\"float\"");
    put(w, 5, "{\"k\":[\"red\",\"red\",\"blue\"],\"i\":3,\"f\":1.5}");
    put(w, 4, "{\"k\":\"red\",\"i\":[3,1],\"f\":2}");
    put(w, 9, "{\"k\":\"blue\",\"i\":2}");
    put(w, 2, "{\"k\":7,\"i\":\"x\",\"f\":-1}");
}

static void assert_facet(world *w, lt_reader *r, const char *path, const uint64_t *bits,
                         const char *expect)
{
    lt_buf text = {0};
    lt_valued *items;
    size_t n;

    OK(lt_reader_facet(r, path, bits, &items, &n, &w->err));
    OK(lt_buf_adds(&text, "", &w->err));
    for (size_t i = 0; i < n; i++) {
        if (items[i].value.kind == LT_VALUE_TEXT)
            OK(lt_buf_addf(&text, &w->err, "%s:%d ", items[i].value.text, (int)items[i].number));
        else
            OK(lt_buf_addf(&text, &w->err, "%d:%d ", (int)items[i].value.number,
                           (int)items[i].number));
    }
    assert_string_equal(text.data, expect);
    lt_buf_done(&text);
    lt_free(items);
}

static void assert_order(world *w, lt_reader *r, const char *path, bool down, const double *from,
                         size_t limit, const char *expect)
{
    lt_index_value start = {.kind = LT_VALUE_FLOAT, .real = from ? *from : 0};
    lt_buf text = {0};
    lt_valued *items;
    size_t n;
    lt_id id;

    OK(lt_reader_order(r, path, down, from ? &start : NULL, NULL, limit, &items, &n, &w->err));
    OK(lt_buf_adds(&text, "", &w->err));
    for (size_t i = 0; i < n; i++) {
        double x = items[i].value.kind == LT_VALUE_FLOAT ? items[i].value.real
                                                         : (double)items[i].value.number;

        OK(lt_reader_id(r, (uint32_t)items[i].number, &id, &w->err));
        OK(lt_buf_addf(&text, &w->err, "%g=%d ", x, (int)id.num));
    }
    assert_string_equal(text.data, expect);
    lt_buf_done(&text);
    lt_free(items);
}

static void check_values(world *w, lt_reader *r)
{
    double two = 2, two_and_half = 2.5;

    assert_facet(w, r, "k", NULL, "blue:2 red:2 ");
    assert_facet(w, r, "i", NULL, "1:1 2:1 3:2 ");
    assert_order(w, r, "i", false, NULL, 10, "1=4 2=9 3=4 3=5 ");
    assert_order(w, r, "i", true, NULL, 10, "3=4 3=5 2=9 1=4 ");
    assert_order(w, r, "i", true, NULL, 1, "3=4 ");
    assert_order(w, r, "i", false, &two, 2, "2=9 3=4 ");
    assert_order(w, r, "i", true, &two_and_half, 10, "2=9 1=4 ");
    assert_order(w, r, "f", false, NULL, 10, "-1=2 1.5=5 2=4 ");
    assert_order(w, r, "f", true, &two, 0, "");
}

static void values_are_counted_and_ordered(void **state)
{
    world *w = *state;
    lt_reader *r, *now;
    lt_valued *items;
    size_t n;

    fill_values(w);
    OK(lt_reader_open(w->c, &r, &w->err));
    check_values(w, r);
    /* the reader keeps its answers while points change */
    put(w, 5, "{\"k\":\"green\",\"i\":0}");
    put(w, 11, "{\"k\":\"green\",\"i\":3}");
    check_values(w, r);
    OK(lt_reader_open(w->c, &now, &w->err));
    assert_facet(w, now, "k", NULL, "blue:1 green:2 red:1 ");
    assert_order(w, now, "i", false, NULL, 10, "0=5 1=4 2=9 3=4 3=11 ");
    lt_filter *f = filter_of(w, "{\"must_not\":{\"has_id\":[5]}}");
    uint64_t *bits, count_of;

    OK(lt_reader_select(now, f, NULL, &bits, &count_of, &w->err));
    assert_facet(w, now, "k", bits, "blue:1 green:1 red:1 ");
    lt_free(bits);
    lt_filter_free(f);
    assert_int_equal(lt_reader_facet(now, "f", NULL, &items, &n, &w->err), LT_EINVAL);
    assert_int_equal(lt_reader_facet(now, "x", NULL, &items, &n, &w->err), LT_ENOTFOUND);
    assert_int_equal(lt_reader_order(now, "k", false, NULL, NULL, 3, &items, &n, &w->err),
                     LT_EINVAL);
    lt_reader_close(now);
    lt_reader_close(r);
}

/* Beside its owner a reader has no indexes, and gives the same answers. */
static void read_only_gives_the_same(void **state)
{
    world *w = *state, beside = {0};
    lt_db_options options = LT_DB_OPTIONS_INIT;
    lt_reader *r;

    fill_values(w);
    options.read_only = true;
    OK(lt_db_open(w->dir, &options, &beside.db, &w->err));
    OK(lt_collection_open(beside.db, "c", &beside.c, &w->err));
    OK(lt_reader_open(beside.c, &r, &w->err));
    check_values(w, r);
    assert_int_equal(check_select(w, r, filters[0]), 2);
    lt_reader_close(r);
    lt_collection_close(beside.c);
    lt_db_close(beside.db);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void pages_pass_over_what_is_out(void **state)
{
    world *w = *state;
    lt_id after = lt_id_from_num(4);
    lt_hits *h;

    fill_values(w);
    OK(lt_points_scroll(w->c, &after, 10, filters[0], true, false, &h, &w->err));
    assert_int_equal(h->n_items, 1);
    assert_int_equal(h->items[0].id.num, 5);
    lt_hits_free(h);
}

/* ---- threads --------------------------------------------------------------------------------- */

typedef struct crowd {
    world *w;
    atomic_bool stop;
    atomic_int n_counted;
} crowd;

static void *count_along(void *context)
{
    crowd *c = context;

    while (!atomic_load(&c->stop)) {
        uint64_t n = 0;
        lt_error err;

        assert_ok(lt_points_count(c->w->c, filters[0], &n, &err), &err);
        assert_int_equal(n, N_IDS / 2);
        atomic_fetch_add(&c->n_counted, 1);
    }
    return NULL;
}

/* Each update swaps the colours of two points: half of them are red at any time. */
static void swap_colours(world *w, lt_rng *r, bool *red)
{
    uint64_t a = lt_rng_below(r, N_IDS), b = lt_rng_below(r, N_IDS);
    lt_vector v = fix_dense("", lt_rng_below(r, 2) ? row : other_row, 2);
    lt_update u = LT_UPDATE_INIT;
    lt_full_point p[2];

    if (red[a] == red[b])
        return;
    red[a] = !red[a];
    red[b] = !red[b];
    for (size_t i = 0; i < 2; i++) {
        const char *payload = red[i ? b : a] ? "{\"k\":\"red\"}" : "{\"k\":\"blue\"}";

        p[i] = (lt_full_point){lt_id_from_num(i ? b : a), &v, 1, payload, strlen(payload)};
    }
    u.points = p;
    u.n_points = 2;
    OK(fix_update(w, &u, NULL));
}

static void counts_hold_while_points_change(void **state)
{
    world *w = *state;
    crowd c = {.w = w};
    pthread_t threads[3];
    bool red[N_IDS];
    lt_rng r = {5};

    create(w);
    index_path(w, "k", "\"keyword\"");
    for (uint64_t id = 0; id < N_IDS; id++) {
        red[id] = id % 2;
        put(w, id, red[id] ? "{\"k\":\"red\"}" : "{\"k\":\"blue\"}");
    }
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_along, &c), 0);
    for (int i = 0; i < 300 || atomic_load(&c.n_counted) < 300; i++)
        swap_colours(w, &r, red);
    atomic_store(&c.stop, true);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fix_setup, fix_teardown)
    const struct CMUnitTest tests[] = {
        T(answers_follow_updates),         T(indexes_change_what_text_means),
        T(explanations_tell_what_was_read), T(values_are_counted_and_ordered),
        T(read_only_gives_the_same),       T(pages_pass_over_what_is_out),
        T(counts_hold_while_points_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
