/* SPDX-License-Identifier: Apache-2.0
 * Collections of clustered vectors, and one question asked exactly and as planned. The including
 * file has defined DIMS, CENTRES, K and BATCH, and includes engine/reader.h. */
#ifndef LT_TESTS_RECALL_FIXTURE_H
#define LT_TESTS_RECALL_FIXTURE_H

#include <base/clock.h>
#include <base/rng.h>
#include <engine/reader.h>

#include "../unit/engine_fixture.h"

/* A vector near one of the centres, and which. */
static uint64_t draw(lt_rng *r, float out[DIMS])
{
    uint64_t centre = lt_rng_below(r, CENTRES);
    lt_rng c = {centre * 7919 + 1};

    for (int i = 0; i < DIMS; i++)
        out[i] = lt_rng_normal(&c) + 1.0f * lt_rng_normal(r);
    return centre;
}

static void put_range(world *w, lt_rng *r, uint64_t from, uint64_t to)
{
    static float vectors[BATCH][DIMS];
    static char payloads[BATCH][64];
    static lt_vector v[BATCH];
    static lt_full_point points[BATCH];
    lt_update u = LT_UPDATE_INIT;

    for (uint64_t at = from; at < to; at += BATCH) {
        for (uint64_t i = 0; i < BATCH; i++) {
            unsigned long centre = draw(r, vectors[i]), n = lt_rng_below(r, 1000);

            v[i] = fix_dense("", vectors[i], DIMS);
            snprintf(payloads[i], 64, "{\"chance\":%lu,\"centre\":%lu}", n, centre);
            points[i] = (lt_full_point){lt_id_from_num(at + i), &v[i], 1, payloads[i],
                                        strlen(payloads[i])};
        }
        u.points = points;
        u.n_points = BATCH;
        OK(fix_update(w, &u, NULL));
    }
}

static bool says(world *w, const char *what)
{
    char *text;

    OK(lt_collection_describe(w->c, &text, &w->err));
    bool found = strstr(text, what) != NULL;

    if (strstr(text, "\"error\""))
        fail_msg("%s", text);
    lt_text_free(text);
    return found;
}

static void wait_green(world *w)
{
    double limit = lt_clock_s() + 300;

    while (!says(w, "\"status\":\"green\"")) {
        assert_true(lt_clock_s() < limit);
        usleep(20000);
    }
}

/* One question, asked as often as a test likes. */
typedef struct asking {
    world *w;
    lt_reader *r;
    lt_filter *filter;
    lt_prepared *vector;
    lt_nearest q;
} asking;

static void ask(asking *a, world *w, const float *query, const char *filter)
{
    lt_vector v = fix_dense("", query, DIMS);

    *a = (asking){.w = w, .q = LT_NEAREST_INIT};
    OK(lt_reader_open(w->c, &a->r, &w->err));
    if (filter)
        OK(lt_filter_parse(filter, strlen(filter), &a->filter, &w->err));
    OK(lt_reader_prepare(a->r, lt_reader_schema(a->r, ""), &v, &a->vector, &w->err));
    a->q.vector = a->vector;
    a->q.filter = a->filter;
    a->q.k = K;
}

static void ask_done(asking *a)
{
    lt_prepared_free(a->vector);
    lt_filter_free(a->filter);
    lt_reader_close(a->r);
}

static size_t search(asking *a, bool exact, uint32_t slots[K])
{
    world *w = a->w;
    lt_scored *found;
    size_t n;

    a->q.exact = exact;
    OK(lt_reader_nearest(a->r, &a->q, &found, &n, &w->err));
    for (size_t i = 0; i < n; i++)
        slots[i] = found[i].slot;
    lt_free(found);
    return n;
}

/* What the planner says it does: is this part of its explanation? */
static bool explains(asking *a, const char *part)
{
    LT_CLEANUP(lt_buf_done) lt_buf json = {0};
    world *w = a->w;

    OK(lt_reader_explain_nearest(a->r, &a->q, &json, &w->err));
    return strstr(json.data, part) != NULL;
}

#endif
