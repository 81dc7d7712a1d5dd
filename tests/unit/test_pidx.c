/* SPDX-License-Identifier: Apache-2.0
 * Payload indexes against evaluation point by point: random payloads, random filters, points that
 * change and go. LT_SEED replays a run. */
#include <base/buf.h>
#include <base/mem.h>
#include <base/rng.h>
#include <filter/tree.h>
#include <index/pidx.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lt_cmocka.h"

enum { N_SLOTS = 400, N_FIELDS = 11 };

static const char *const paths[N_FIELDS] = {"k", "i",   "f",       "b",     "d",     "u",
                                            "g", "t",   "n[].k",   "n[].i", "n[].t"};
static const char *const schemas[N_FIELDS] = {
    "\"keyword\"", "\"integer\"", "\"float\"", "\"bool\"", "\"datetime\"", "\"uuid\"", "\"geo\"",
    "{\"type\":\"text\",\"stopwords\":{\"custom\":[\"the\"]}}", "\"keyword\"", "\"integer\"",
    "{\"type\":\"text\",\"tokenizer\":\"prefix\",\"min_token_len\":2}"};

typedef struct world {
    lt_rng rng;
    uint64_t seed;
    lt_payload_field *fields[N_FIELDS];
    lt_pidx *indexes[N_FIELDS];
    yyjson_doc *payloads[N_SLOTS]; /* NULL: no point there */
    uint64_t living[(N_SLOTS + 63) / 64];
    size_t n_points;
    lt_error err;
} world;

static size_t below(world *w, size_t n)
{
    return (size_t)lt_rng_below(&w->rng, n);
}

static bool chance(world *w, unsigned percent)
{
    return below(w, 100) < percent;
}

static const char *pick(world *w, const char *const *list, size_t n)
{
    return list[below(w, n)];
}
#define PICK(w, list) pick(w, list, sizeof(list) / sizeof *(list))

/* ---- random JSON ----------------------------------------------------------------------------- */

static const char *const keywords[] = {"\"red\"", "\"green\"", "\"gr\"", "\"\"", "\"red hat\"",
                                       "\"2020-01-01\"", "\"greenhouse and more\""};
static const char *const integers[] = {"0", "1", "2", "3", "-1", "7", "9007199254740993",
                                       "9223372036854775807", "18446744073709551615"};
static const char *const floats[] = {"0.5", "1.0", "-2.5", "3", "1e300", "-0.0", "2"};
static const char *const booleans[] = {"true", "false"};
static const char *const dates[] = {"\"2020-01-01\"", "\"2020-01-01T01:00:00+01:00\"",
                                    "\"2021-05-05 10:00\"", "\"1960-01-01\"", "\"soon\""};
static const char *const uuids[] = {
    "\"550e8400-e29b-41d4-a716-446655440000\"", "\"550E8400E29B41D4A716446655440000\"",
    "\"{550e8400-e29b-41d4-a716-446655440001}\"", "\"550e8400\""};
static const char *const texts[] = {"\"the red fox\"", "\"fox, red\"", "\"a green house\"", "\"\"",
                                    "\"Red\"", "\"the\"", "\"house house red\""};
static const char *const nulls[] = {"null", "[]", "[null]", "{}", "[[]]", "[[\"red\"]]"};

static void add(world *w, lt_buf *b, const char *text)
{
    assert_ok(lt_buf_adds(b, text, &w->err), &w->err);
}

static void add_place(world *w, lt_buf *b)
{
    static const double near[] = {0, 1e-9, -1e-9, 1e-7, 0.001, 1, -1, 10, 45};
    double lat = near[below(w, 9)] + (double)below(w, 3) * 20;
    double lon = near[below(w, 9)] + (chance(w, 30) ? 179.5 : 0);

    lat = chance(w, 5) ? 90 : chance(w, 5) ? -90 : lat;
    lon = chance(w, 5) ? -180 : lon > 180 ? 180 : lon;
    assert_ok(lt_buf_addf(b, &w->err, "{\"lat\":%.17g,\"lon\":%.17g}", lat > 90 ? 90 : lat, lon),
              &w->err);
}

static void add_scalar(world *w, lt_buf *b, size_t kind)
{
    switch (kind) {
    case 0: add(w, b, PICK(w, keywords)); break;
    case 1: add(w, b, PICK(w, integers)); break;
    case 2: add(w, b, PICK(w, floats)); break;
    case 3: add(w, b, PICK(w, booleans)); break;
    case 4: add(w, b, PICK(w, dates)); break;
    case 5: add(w, b, PICK(w, uuids)); break;
    case 6: add_place(w, b); break;
    case 7: add(w, b, PICK(w, texts)); break;
    default: add(w, b, PICK(w, nulls)); break;
    }
}

/* A value that mostly is of the kind that is indexed there. */
static void add_value(world *w, lt_buf *b, size_t kind)
{
    size_t n = chance(w, 20) ? below(w, 4) : 1;
    bool list = n != 1 || chance(w, 5);

    if (list)
        add(w, b, "[");
    for (size_t i = 0; i < n; i++) {
        if (i)
            add(w, b, ",");
        add_scalar(w, b, chance(w, 85) ? kind : below(w, 9));
    }
    if (list)
        add(w, b, "]");
}

static void add_nested(world *w, lt_buf *b)
{
    static const size_t kinds[] = {0, 1, 7};
    static const char *const names[] = {"k", "i", "t"};
    size_t n = below(w, 4);

    add(w, b, ",\"n\":[");
    for (size_t i = 0; i < n; i++) {
        bool first = true;

        add(w, b, i ? ",{" : "{");
        for (size_t j = 0; j < 3; j++) {
            if (chance(w, 30))
                continue;
            assert_ok(lt_buf_addf(b, &w->err, "%s\"%s\":", first ? "" : ",", names[j]), &w->err);
            add_value(w, b, kinds[j]);
            first = false;
        }
        add(w, b, "}");
    }
    add(w, b, "]");
}

static yyjson_doc *parse(const lt_buf *b)
{
    yyjson_doc *doc = yyjson_read(b->data, b->len, 0);

    if (!doc)
        fail_msg("the test made bad JSON: %s", b->data);
    return doc;
}

static yyjson_doc *random_payload(world *w)
{
    lt_buf b = {0};

    add(w, &b, "{\"x\":1");
    for (size_t i = 0; i < 8; i++) {
        if (chance(w, 25))
            continue;
        assert_ok(lt_buf_addf(&b, &w->err, ",\"%s\":", paths[i]), &w->err);
        add_value(w, &b, i);
    }
    if (chance(w, 60))
        add_nested(w, &b);
    add(w, &b, "}");
    yyjson_doc *doc = parse(&b);

    lt_buf_done(&b);
    return doc;
}

static void add_range(world *w, lt_buf *b, const char *const *bounds, size_t n)
{
    static const char *const names[] = {"gt", "gte", "lt", "lte"};
    size_t a = below(w, 4), c = (a + 1 + below(w, 3)) % 4;

    assert_ok(lt_buf_addf(b, &w->err, "{\"%s\":%s", names[a], pick(w, bounds, n)), &w->err);
    if (chance(w, 50))
        assert_ok(lt_buf_addf(b, &w->err, ",\"%s\":%s", names[c], pick(w, bounds, n)), &w->err);
    add(w, b, "}");
}
#define ADD_RANGE(w, b, list) add_range(w, b, list, sizeof(list) / sizeof *(list))

static void add_list(world *w, lt_buf *b)
{
    bool strings = chance(w, 60);
    size_t n = below(w, 4);

    add(w, b, "[");
    for (size_t i = 0; i < n; i++) {
        if (i)
            add(w, b, ",");
        add(w, b, !strings ? integers[below(w, 8)] : chance(w, 70) ? PICK(w, keywords)
                                                   : chance(w, 50) ? PICK(w, uuids)
                                                                   : PICK(w, dates));
    }
    add(w, b, "]");
}

static void add_ring(world *w, lt_buf *b)
{
    double lat = (double)below(w, 3) * 10 - 10, lon = (double)below(w, 3) * 10 - 10;
    double size = chance(w, 50) ? 10 : 1;

    assert_ok(lt_buf_addf(b, &w->err,
                          "{\"points\":[{\"lat\":%g,\"lon\":%g},{\"lat\":%g,\"lon\":%g},"
                          "{\"lat\":%g,\"lon\":%g},{\"lat\":%g,\"lon\":%g}]}",
                          lat, lon, lat + size, lon, lat + size, lon + size, lat, lon),
              &w->err);
}

static void add_field(world *w, lt_buf *b, const char *path)
{
    static const char *const numbers[] = {"0", "1", "1.5", "2", "-1", "1e10", "9007199254740992"};
    static const char *const counts[] = {"0", "1", "2", "3"};
    static const char *const bounds[] = {"\"2020-01-01\"", "\"2021-01-01T00:00:00Z\"",
                                         "\"1960-01-01\""};
    static const char *const words[] = {"\"red\"", "\"fox red\"", "\"the\"", "\"green house\"", "\"gr\"",
                                        "\"\"", "\"re\"", "\"zebra\""};
    static const char *const kinds[] = {"text", "text_any", "phrase", "prefix"};
    static const double radii[] = {0, 1, 1000, 1e5, 1.2e6, 1e7, 2.1e7};

    assert_ok(lt_buf_addf(b, &w->err, "{\"key\":\"%s\",", path), &w->err);
    switch (below(w, 12)) {
    case 0:
        add(w, b, "\"match\":{\"value\":");
        add_scalar(w, b, below(w, 2) ? 0 : below(w, 2) ? 3 : 5);
        add(w, b, "}");
        break;
    case 1:
        assert_ok(lt_buf_addf(b, &w->err, "\"match\":{\"value\":%s}", integers[below(w, 8)]),
                  &w->err);
        break;
    case 2:
    case 3:
        add(w, b, chance(w, 50) ? "\"match\":{\"any\":" : "\"match\":{\"except\":");
        add_list(w, b);
        add(w, b, "}");
        break;
    case 4:
    case 5:
        assert_ok(lt_buf_addf(b, &w->err, "\"match\":{\"%s\":%s}", PICK(w, kinds), PICK(w, words)),
                  &w->err);
        break;
    case 6:
        add(w, b, "\"range\":");
        if (chance(w, 60))
            ADD_RANGE(w, b, numbers);
        else
            ADD_RANGE(w, b, bounds);
        break;
    case 7:
        add(w, b, "\"values_count\":");
        ADD_RANGE(w, b, counts);
        break;
    case 8:
        add(w, b, "\"geo_radius\":{\"center\":");
        add_place(w, b);
        assert_ok(lt_buf_addf(b, &w->err, ",\"radius\":%g}", radii[below(w, 7)]), &w->err);
        break;
    case 9:
        add(w, b, "\"geo_bounding_box\":{\"top_left\":");
        add_place(w, b);
        add(w, b, ",\"bottom_right\":");
        add_place(w, b);
        add(w, b, "}");
        break;
    case 10:
        add(w, b, "\"geo_polygon\":{\"exterior\":");
        add_ring(w, b);
        if (chance(w, 40)) {
            add(w, b, ",\"interiors\":[");
            add_ring(w, b);
            add(w, b, "]");
        }
        add(w, b, "}");
        break;
    default:
        assert_ok(lt_buf_addf(b, &w->err, "\"%s\":%s", chance(w, 50) ? "is_empty" : "is_null",
                              PICK(w, booleans)),
                  &w->err);
    }
    add(w, b, "}");
}

static void add_filter(world *w, lt_buf *b, unsigned depth, bool nested);

static void add_cond(world *w, lt_buf *b, unsigned depth, bool nested)
{
    static const char *const inner[] = {"k", "i", "t"};

    if (depth && chance(w, 15)) {
        add_filter(w, b, depth - 1, nested);
    } else if (depth && !nested && chance(w, 15)) {
        add(w, b, chance(w, 50) ? "{\"nested\":{\"key\":\"n\",\"filter\":"
                                : "{\"nested\":{\"key\":\"n[]\",\"filter\":");
        add_filter(w, b, depth - 1, true);
        add(w, b, "}}");
    } else if (!nested && chance(w, 10)) {
        assert_ok(lt_buf_addf(b, &w->err, "{\"has_id\":[%zu,%zu,%zu]}", below(w, N_SLOTS),
                              below(w, N_SLOTS), below(w, 2 * N_SLOTS)),
                  &w->err);
    } else if (chance(w, 5)) {
        add(w, b, "{\"slice\":{\"total\":3,\"index\":1}}");
    } else if (chance(w, 5)) {
        add(w, b, chance(w, 50) ? "{\"has_vector\":\"\"}" : "{\"has_vector\":\"odd\"}");
    } else {
        add_field(w, b, nested ? PICK(w, inner) : chance(w, 10) ? "x" : PICK(w, paths));
    }
}

static void add_conds(world *w, lt_buf *b, const char *name, unsigned depth, bool nested)
{
    size_t n = 1 + below(w, 3);

    assert_ok(lt_buf_addf(b, &w->err, "\"%s\":[", name), &w->err);
    for (size_t i = 0; i < n; i++) {
        if (i)
            add(w, b, ",");
        add_cond(w, b, depth, nested);
    }
    add(w, b, "],");
}

static void add_filter(world *w, lt_buf *b, unsigned depth, bool nested)
{
    static const char *const names[] = {"must", "should", "must_not"};

    add(w, b, "{");
    for (size_t i = 0; i < 3; i++)
        if (chance(w, 40))
            add_conds(w, b, names[i], depth, nested);
    if (chance(w, 12)) {
        assert_ok(lt_buf_addf(b, &w->err, "\"min_should\":{%s", ""), &w->err);
        add_conds(w, b, "conditions", depth, nested);
        assert_ok(lt_buf_addf(b, &w->err, "\"min_count\":%zu},", 1 + below(w, 3)), &w->err);
    }
    if (b->data[b->len - 1] == ',')
        b->data[--b->len] = '\0';
    add(w, b, "}");
}

/* ---- the world ------------------------------------------------------------------------------- */

static void put(world *w, uint32_t slot, yyjson_doc *payload)
{
    if (w->payloads[slot]) {
        for (size_t i = 0; i < N_FIELDS; i++)
            lt_pidx_remove(w->indexes[i], slot, yyjson_doc_get_root(w->payloads[slot]));
        yyjson_doc_free(w->payloads[slot]);
        lt_bits_clear(w->living, slot);
        w->n_points--;
    }
    w->payloads[slot] = payload;
    if (!payload)
        return;
    for (size_t i = 0; i < N_FIELDS; i++)
        assert_ok(lt_pidx_add(w->indexes[i], slot, yyjson_doc_get_root(payload), &w->err),
                  &w->err);
    lt_bits_set(w->living, slot);
    w->n_points++;
}

static int setup(void **state)
{
    world *w = lt_calloc(1, sizeof *w);
    const char *seed = getenv("LT_SEED");

    w->seed = seed ? strtoull(seed, NULL, 10) : 20261125;
    w->rng.state = w->seed;
    for (size_t i = 0; i < N_FIELDS; i++) {
        yyjson_doc *doc = yyjson_read(schemas[i], strlen(schemas[i]), 0);

        assert_ok(lt_payload_field_new(paths[i], yyjson_doc_get_root(doc), &w->fields[i], &w->err),
                  &w->err);
        assert_ok(lt_pidx_new(w->fields[i], &w->indexes[i], &w->err), &w->err);
        yyjson_doc_free(doc);
    }
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world *w = *state;

    for (size_t i = 0; i < N_SLOTS; i++)
        yyjson_doc_free(w->payloads[i]);
    for (size_t i = 0; i < N_FIELDS; i++) {
        lt_pidx_free(w->indexes[i]);
        lt_payload_field_unref(w->fields[i]);
    }
    lt_free(w);
    return 0;
}

static const lt_payload_field *field_at(void *context, const char *path)
{
    const world *w = context;

    for (size_t i = 0; i < N_FIELDS; i++)
        if (strcmp(paths[i], path) == 0)
            return w->fields[i];
    return NULL;
}

static const lt_pidx *index_at(void *context, const char *path)
{
    const world *w = context;

    for (size_t i = 0; i < N_FIELDS; i++)
        if (strcmp(paths[i], path) == 0)
            return w->indexes[i];
    return NULL;
}

static bool slot_of(void *context, const lt_id *id, uint32_t *slot)
{
    const world *w = context;

    *slot = (uint32_t)id->num;
    return id->num < N_SLOTS && w->payloads[id->num];
}

/* The vector "odd" is had by odd slots; nothing is known of others. */
static const uint64_t *having(void *context, const char *vector)
{
    static const uint64_t odd[(N_SLOTS + 63) / 64] = {
        0xaaaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaaa,
        0xaaaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaaa};

    (void)context;
    return strcmp(vector, "odd") == 0 ? odd : NULL;
}

static bool has_vector(void *context, const char *name)
{
    return strcmp(name, "odd") == 0 ? *(const uint32_t *)context % 2 == 1 : name[0] == '\0';
}

static lt_pidx_source source_of(world *w)
{
    return (lt_pidx_source){N_SLOTS, w->living, index_at, slot_of, having, w};
}

typedef struct tally {
    size_t n_sure, n_maybe, n_true;
} tally;

/* The bounds hold the truth, and so does the estimate. */
static void check_filter(world *w, const char *json, tally *t)
{
    uint64_t sure[(N_SLOTS + 63) / 64], possible[(N_SLOTS + 63) / 64];
    lt_pidx_source source = source_of(w);
    lt_filter_binding *binding;
    lt_filter *filter;
    size_t n_true = 0;

    assert_ok(lt_filter_parse(json, strlen(json), &filter, &w->err), &w->err);
    assert_ok(lt_filter_bind(filter, field_at, w, &binding, &w->err), &w->err);
    assert_ok(lt_pidx_select(filter, binding, &source, sure, possible, NULL, &w->err), &w->err);
    for (uint32_t slot = 0; slot < N_SLOTS; slot++) {
        lt_id id = lt_id_from_num(slot);
        lt_filter_point p = {&id, yyjson_doc_get_root(w->payloads[slot]), has_vector, &slot,
                             binding};
        bool holds = w->payloads[slot] && lt_filter_passes(filter, &p);

        if ((lt_bits_has(sure, slot) && !holds) || (holds && !lt_bits_has(possible, slot)))
            fail_msg("LT_SEED=%llu: %s\nslot %u: %s, but sure %d, possible %d",
                     (unsigned long long)w->seed, json, slot, holds ? "passes" : "does not pass",
                     lt_bits_has(sure, slot), lt_bits_has(possible, slot));
        n_true += holds;
    }
    lt_estimate e = lt_pidx_estimate(filter, binding, &source, w->n_points);

    if (e.min > n_true || n_true > e.max || e.expected < e.min || e.expected > e.max)
        fail_msg("LT_SEED=%llu: %s: %zu points pass of %zu, estimated %zu..%zu..%zu",
                 (unsigned long long)w->seed, json, n_true, w->n_points, e.min, e.expected, e.max);
    t->n_true += n_true;
    t->n_sure += lt_bits_count(sure, (N_SLOTS + 63) / 64);
    t->n_maybe += lt_bits_count(possible, (N_SLOTS + 63) / 64);
    lt_filter_binding_free(binding);
    lt_filter_free(filter);
}

static void selections_hold_the_truth(void **state)
{
    world *w = *state;
    tally t = {0, 0, 0};
    lt_buf b = {0};

    for (unsigned round = 0; round < 4000; round++) {
        for (unsigned i = 0; i < (round ? 10 : 300); i++)
            put(w, (uint32_t)below(w, N_SLOTS), chance(w, 80) ? random_payload(w) : NULL);
        lt_buf_clear(&b);
        add_filter(w, &b, 2, false);
        check_filter(w, b.data, &t);
    }
    lt_buf_done(&b);
    /* Bounds that say nothing would hold too. */
    assert_true(t.n_sure > t.n_true / 2);
    assert_true(t.n_maybe < t.n_true + t.n_true / 2);
    /* After all have gone the indexes are as new. */
    for (uint32_t slot = 0; slot < N_SLOTS; slot++)
        put(w, slot, NULL);
    for (size_t i = 0; i < N_FIELDS; i++)
        assert_int_equal(lt_pidx_n_points(w->indexes[i]), 0);
}

/* ---- values ---------------------------------------------------------------------------------- */

typedef struct pair {
    lt_index_value value;
    uint32_t slot;
} pair;

typedef struct pairs {
    pair items[N_SLOTS * 4];
    size_t n;
    uint32_t slot;
} pairs;

static void keep_value(void *context, const lt_index_value *v)
{
    pairs *p = context;

    p->items[p->n++] = (pair){*v, p->slot};
}

static int compare_pairs(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    int c = lt_index_value_compare(&x->value, &y->value);

    return c ? c : (int)x->slot - (int)y->slot;
}

/* What the payloads have, sorted, each pair once. */
static void gather(world *w, size_t field, const uint64_t *bits, pairs *out)
{
    size_t n = 0;

    out->n = 0;
    for (out->slot = 0; out->slot < N_SLOTS; out->slot++)
        if (w->payloads[out->slot] && (!bits || lt_bits_has(bits, out->slot)))
            lt_payload_field_values(w->fields[field], yyjson_doc_get_root(w->payloads[out->slot]),
                            keep_value, out);
    qsort(out->items, out->n, sizeof *out->items, compare_pairs);
    for (size_t i = 0; i < out->n; i++)
        if (i == 0 || compare_pairs(&out->items[n - 1], &out->items[i]) != 0)
            out->items[n++] = out->items[i];
    out->n = n;
}

static lt_status check_count(void *context, const lt_index_value *v, size_t n_points, lt_error *err)
{
    pairs *want = context;
    size_t n = 0;

    (void)err;
    for (size_t i = 0; i < want->n; i++)
        n += lt_index_value_compare(&want->items[i].value, v) == 0;
    assert_int_equal(n, n_points);
    want->slot++; /* how many values came */
    return LT_OK;
}

static void facets_count_points(void **state)
{
    static const size_t counted[] = {0, 1, 3, 5};
    world *w = *state;
    pairs *want = lt_calloc(1, sizeof *want);
    uint64_t some[(N_SLOTS + 63) / 64];

    for (unsigned i = 0; i < 600; i++)
        put(w, (uint32_t)below(w, N_SLOTS), chance(w, 80) ? random_payload(w) : NULL);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        some[i] = lt_rng_next(&w->rng) & w->living[i];
    for (size_t i = 0; i < 8; i++) {
        const uint64_t *bits = i % 2 ? some : NULL;
        size_t field = counted[i / 2], n_values = 0;

        gather(w, field, bits, want);
        for (size_t k = 0; k < want->n; k++)
            n_values += k == 0 || lt_index_value_compare(&want->items[k - 1].value,
                                                         &want->items[k].value) != 0;
        want->slot = 0;
        assert_ok(lt_pidx_facet(w->indexes[field], bits, N_SLOTS, check_count, want, &w->err),
                  &w->err);
        assert_int_equal(want->slot, n_values);
        assert_true(n_values > 1);
    }
    assert_int_equal(lt_pidx_facet(w->indexes[2], NULL, N_SLOTS, check_count, want, &w->err),
                     LT_EINVAL);
    assert_non_null(strstr(w->err.message, "float"));
    lt_free(want);
}

typedef struct walking {
    pairs *want;
    size_t at, stop;
} walking;

static bool check_step(void *context, const lt_index_value *v, uint32_t slot)
{
    walking *k = context;

    assert_true(k->at < k->want->n);
    assert_int_equal(lt_index_value_compare(&k->want->items[k->at].value, v), 0);
    assert_int_equal(k->want->items[k->at].slot, slot);
    return ++k->at < k->stop;
}

/* Descending by value, ascending by slot within one. */
static int compare_down(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    int c = lt_index_value_compare(&y->value, &x->value);

    return c ? c : (int)x->slot - (int)y->slot;
}

static void walks_are_in_order(void **state)
{
    static const size_t ordered[] = {1, 2, 4};
    world *w = *state;
    pairs *want = lt_calloc(1, sizeof *want);

    for (unsigned i = 0; i < 900; i++)
        put(w, (uint32_t)below(w, N_SLOTS), random_payload(w));
    for (size_t i = 0; i < 6; i++) {
        size_t field = ordered[i / 2];
        bool down = i % 2;

        assert_true(lt_pidx_is_ordered(w->indexes[field]));
        gather(w, field, NULL, want);
        qsort(want->items, want->n, sizeof *want->items, down ? compare_down : compare_pairs);
        walking k = {want, 0, SIZE_MAX};

        lt_pidx_walk(w->indexes[field], down, NULL, check_step, &k);
        assert_int_equal(k.at, want->n);
        /* from one of the values on, and stopped early */
        size_t from = want->n / 2;
        lt_index_value value = want->items[from].value;

        while (from > 0 && lt_index_value_compare(&want->items[from - 1].value, &value) == 0)
            from--;
        k = (walking){want, from, from + 3};
        lt_pidx_walk(w->indexes[field], down, &value, check_step, &k);
        assert_int_equal(k.at, from + 3 < want->n ? from + 3 : want->n);
    }
    assert_false(lt_pidx_is_ordered(w->indexes[0]));
    lt_free(want);
}

/* ---- clean data is answered without a look at the points -------------------------------------- */

static void clean_data_needs_no_look(void **state)
{
    static const char *const payload =
        "{\"k\":\"red\",\"i\":3,\"f\":1.5,\"b\":true,\"d\":\"2020-01-01\","
        "\"u\":\"550e8400-e29b-41d4-a716-446655440000\",\"g\":{\"lat\":10,\"lon\":10},"
        "\"t\":\"the red fox\"}";
    static const char *const filters[] = {
        "{\"must\":{\"key\":\"k\",\"match\":{\"value\":\"red\"}}}",
        "{\"must\":{\"key\":\"k\",\"match\":{\"prefix\":\"r\"}}}",
        "{\"must\":{\"key\":\"k\",\"match\":{\"text\":\"e\"}}}",
        "{\"must\":{\"key\":\"k\",\"match\":{\"except\":[\"blue\"]}}}",
        "{\"must\":{\"key\":\"i\",\"range\":{\"gt\":2.5}}}",
        "{\"must\":{\"key\":\"i\",\"match\":{\"any\":[3,4]}}}",
        "{\"must\":{\"key\":\"f\",\"range\":{\"lt\":2}}}",
        "{\"must\":{\"key\":\"b\",\"match\":{\"value\":true}}}",
        "{\"must\":{\"key\":\"d\",\"range\":{\"gte\":\"2020-01-01\"}}}",
        "{\"must\":{\"key\":\"u\",\"match\":{\"value\":\"550E8400E29B41D4A716446655440000\"}}}",
        "{\"must\":{\"key\":\"g\",\"geo_radius\":{\"center\":{\"lat\":10,\"lon\":10},"
        "\"radius\":9}}}",
        "{\"must\":{\"key\":\"g\",\"geo_bounding_box\":{\"top_left\":{\"lat\":11,\"lon\":9},"
        "\"bottom_right\":{\"lat\":9,\"lon\":11}}}}",
        "{\"must\":{\"key\":\"t\",\"match\":{\"text\":\"fox red\"}}}",
        "{\"must\":{\"key\":\"k\",\"is_empty\":false}}",
        "{\"must_not\":{\"is_null\":{\"key\":\"k\"}}}",
        "{\"must\":{\"has_id\":[7]}}",
    };
    world *w = *state;
    lt_buf b = {0};

    for (uint32_t slot = 0; slot < N_SLOTS; slot++) {
        lt_buf_clear(&b);
        add(w, &b, payload);
        put(w, slot, parse(&b));
    }
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        tally t = {0, 0, 0};

        check_filter(w, filters[i], &t);
        if (t.n_sure != t.n_maybe || t.n_true == 0)
            fail_msg("%s: %zu sure, %zu possible, %zu true", filters[i], t.n_sure, t.n_maybe,
                     t.n_true);
    }
    lt_buf_done(&b);
}

static void explanations_name_the_index(void **state)
{
    world *w = *state;
    const char *json = "{\"must\":[{\"key\":\"k\",\"match\":{\"value\":\"red\"}},"
                       "{\"key\":\"x\",\"match\":{\"value\":1}}]}";
    uint64_t sure[(N_SLOTS + 63) / 64], possible[(N_SLOTS + 63) / 64];
    lt_pidx_source source = source_of(w);
    lt_pidx_explain e;
    lt_filter *f;

    put(w, 3, random_payload(w));
    assert_ok(lt_filter_parse(json, strlen(json), &f, &w->err), &w->err);
    assert_ok(lt_pidx_select(f, NULL, &source, sure, possible, &e, &w->err), &w->err);
    assert_int_equal(e.n_steps, 2);
    assert_string_equal(e.steps[0].key, "k");
    assert_string_equal(e.steps[0].kind, "match");
    assert_string_equal(e.steps[0].index, "keyword");
    assert_string_equal(e.steps[1].key, "x");
    assert_null(e.steps[1].index);
    assert_int_equal(e.steps[1].n_maybe, 1);
    lt_filter_free(f);
}

/* A failed add is an error and nothing leaks; the index can be thrown away. */
static void no_memory_is_an_error(void **state)
{
    world *w = *state;
    yyjson_doc *payload = random_payload(w);
    long n = 0;

    for (; n < 10000; n++) {
        lt_pidx *x = NULL;

        lt_mem_fail_at(n, false);
        lt_status st = lt_pidx_new(w->fields[0], &x, &w->err);

        for (uint32_t slot = 0; st == LT_OK && slot < 3; slot++)
            st = lt_pidx_add(x, slot, yyjson_doc_get_root(payload), &w->err);
        lt_mem_fail_at(-1, false);
        lt_pidx_free(x);
        if (st == LT_OK)
            break;
        assert_int_equal(st, LT_ENOMEM);
    }
    assert_true(n > 2 && n < 10000);
    yyjson_doc_free(payload);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(selections_hold_the_truth), T(facets_count_points),         T(walks_are_in_order),
        T(clean_data_needs_no_look),  T(explanations_name_the_index), T(no_memory_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
