/* SPDX-License-Identifier: Apache-2.0
 * bench_ask [N [DIMS [SECONDS]]]   questions in JSON to an indexed collection, one thread
 *
 * Asks for the 10 nearest of N (100,000) cosine vectors of DIMS (128) with ef 64, for SECONDS (3) each
 * way: through lt_collection_ask with ids, payloads or vectors in the answers, and, both with the
 * ef that the collection chooses, through lt_points_query, which reads and writes no JSON. The
 * database is made below $TMPDIR and left there. Prints JSON: recall, microseconds a question. */
#include <base/buf.h>
#include <base/clock.h>
#include <base/error.h>
#include <base/mem.h>
#include <base/rng.h>
#include <latent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <value/value.h>

enum { BATCH = 1000, CENTRES = 1000, N_QUESTIONS = 1000, K = 10 };

static lt_error err;

typedef struct bench {
    size_t n, dims;
    double seconds;
    float *centres;
    lt_rng rng;
    lt_collection *c;
    float *questions;
} bench;

static void check(lt_status st)
{
    if (st != LT_OK) {
        fprintf(stderr, "bench_ask: %s\n", err.message);
        exit(1);
    }
}

static void *must_have(void *p)
{
    if (!p)
        check(lt_fail_nomem(&err));
    return p;
}

static float gauss(lt_rng *r)
{
    double u = 1 - lt_rng_unit(r), v = lt_rng_unit(r);

    return (float)(sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}

/* Near a centre: vectors of pictures and texts come in clusters too. */
static void draw(bench *b, float *out)
{
    const float *centre = b->centres + lt_rng_below(&b->rng, CENTRES) * b->dims;

    for (size_t i = 0; i < b->dims; i++)
        out[i] = centre[i] + 0.8f * gauss(&b->rng);
}

static void put_points(bench *b)
{
    float *vectors = must_have(lt_calloc(BATCH * b->dims, sizeof *vectors));
    lt_point points[BATCH];
    char payloads[BATCH][96];

    for (size_t at = 0; at < b->n; at += BATCH) {
        size_t n = b->n - at < BATCH ? b->n - at : BATCH;

        for (size_t i = 0; i < n; i++) {
            draw(b, vectors + i * b->dims);
            int n_payload =
                snprintf(payloads[i], sizeof payloads[i],
                         "{\"city\":\"city %zu\",\"n\":%zu,\"filename\":\"/photos/%zu.jpg\"}",
                         (at + i) % 100, at + i, at + i);

            points[i] = (lt_point){.id = lt_id_from_num(at + i),
                                   .vector = vectors + i * b->dims,
                                   .payload = payloads[i],
                                   .payload_len = (size_t)n_payload};
        }
        check(lt_points_upsert(b->c, points, n, b->dims, &err));
    }
    lt_free(vectors);
}

static void wait_until_green(bench *b)
{
    for (bool green = false; !green;) {
        char *json;

        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        check(lt_collection_describe(b->c, &json, &err));
        green = strstr(json, "\"green\"") != NULL;
        lt_text_free(json);
    }
}

static void open_collection(bench *b)
{
    const char *tmp = getenv("TMPDIR");
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};
    lt_db *db;

    check(lt_buf_addf(&text, &err, "%s/bench-ask-%zu-%zu", tmp ? tmp : "/tmp", b->n, b->dims));
    check(lt_db_open(text.data, NULL, &db, &err));
    lt_buf_clear(&text);
    check(lt_buf_addf(&text, &err, "{\"vectors\":{\"size\":%zu,\"distance\":\"Cosine\"}}", b->dims));
    lt_status st = lt_collection_create_json(db, "ask", text.data, text.len, &err);

    if (st != LT_EEXISTS)
        check(st);
    check(lt_collection_open(db, "ask", &b->c, &err));
    if (st == LT_OK)
        put_points(b);
    wait_until_green(b);
}

/* ---- questions ------------------------------------------------------------------------------- */

static void write_question(const bench *b, size_t at, const char *more, lt_buf *out)
{
    check(lt_buf_adds(out, "{\"query\":{\"nearest\":[", &err));
    for (size_t i = 0; i < b->dims; i++)
        check(lt_buf_addf(out, &err, "%s%.9g", i ? "," : "",
                          (double)b->questions[at * b->dims + i]));
    check(lt_buf_addf(out, &err, "]},\"limit\":%d%s}", K, more));
}

static double by_json(const bench *b, const char *more)
{
    lt_buf *bodies = must_have(lt_calloc(N_QUESTIONS, sizeof *bodies));
    size_t asked = 0;

    for (size_t i = 0; i < N_QUESTIONS; i++)
        write_question(b, i, more, &bodies[i]);
    double began = lt_clock_s();

    for (; asked % 64 || lt_clock_s() - began < b->seconds; asked++) {
        const lt_buf *body = &bodies[asked % N_QUESTIONS];
        char *answer;
        size_t n;

        check(lt_collection_ask(b->c, LT_ASK_QUERY, body->data, body->len, NULL, &answer, &n, &err));
        lt_text_free(answer);
    }
    double us = (lt_clock_s() - began) * 1e6 / (double)asked;

    for (size_t i = 0; i < N_QUESTIONS; i++)
        lt_buf_done(&bodies[i]);
    lt_free(bodies);
    return us;
}

static double by_struct(const bench *b)
{
    size_t asked = 0;
    double began = lt_clock_s();

    for (; asked % 64 || lt_clock_s() - began < b->seconds; asked++) {
        lt_query q = LT_QUERY_INIT;
        lt_hits *hits;

        q.vector = b->questions + asked % N_QUESTIONS * b->dims;
        q.dims = b->dims;
        q.k = K;
        check(lt_points_query(b->c, &q, &hits, &err));
        lt_hits_free(hits);
    }
    return (lt_clock_s() - began) * 1e6 / (double)asked;
}

static void ids_of(const bench *b, size_t at, const char *more, uint64_t *ids)
{
    LT_CLEANUP(lt_buf_done) lt_buf body = {0};
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    char *answer;
    size_t n, i, max;
    yyjson_val *point;

    write_question(b, at, more, &body);
    check(lt_collection_ask(b->c, LT_ASK_QUERY, body.data, body.len, NULL, &answer, &n, &err));
    check(lt_json_parse(answer, n, "answer", &doc, &err));
    yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(doc), "points"), i, max, point)
        ids[i] = yyjson_get_uint(yyjson_obj_get(point, "id"));
    lt_text_free(answer);
}

static double recall(const bench *b)
{
    enum { ASKED = 100 };
    size_t found = 0;

    for (size_t at = 0; at < ASKED; at++) {
        uint64_t got[K], want[K];

        ids_of(b, at, ",\"params\":{\"hnsw_ef\":64}", got);
        ids_of(b, at, ",\"params\":{\"exact\":true}", want);
        for (size_t i = 0; i < K; i++)
            for (size_t j = 0; j < K; j++)
                found += got[i] == want[j];
    }
    return (double)found / (ASKED * K);
}

int main(int argc, char **argv)
{
    bench b = {.n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000,
               .dims = argc > 2 ? strtoul(argv[2], NULL, 10) : 128,
               .seconds = argc > 3 ? strtod(argv[3], NULL) : 3,
               .rng.state = 7};

    b.centres = must_have(lt_calloc(CENTRES * b.dims, sizeof *b.centres));
    b.questions = must_have(lt_calloc(N_QUESTIONS * b.dims, sizeof *b.questions));
    for (size_t i = 0; i < CENTRES * b.dims; i++)
        b.centres[i] = gauss(&b.rng);
    for (size_t i = 0; i < N_QUESTIONS; i++)
        draw(&b, b.questions + i * b.dims);
    open_collection(&b);
    printf("{\"n\": %zu, \"dims\": %zu, \"recall\": %.4f", b.n, b.dims, recall(&b));
    printf(", \"ids\": %.1f", by_json(&b, ",\"params\":{\"hnsw_ef\":64}"));
    printf(", \"payloads\": %.1f",
           by_json(&b, ",\"params\":{\"hnsw_ef\":64},\"with_payload\":true"));
    printf(", \"vectors\": %.1f", by_json(&b, ",\"params\":{\"hnsw_ef\":64},\"with_vector\":true"));
    printf(", \"by struct, default ef\": %.1f", by_struct(&b));
    printf(", \"by JSON, default ef\": %.1f}\n", by_json(&b, ",\"with_payload\":true"));
    return 0;
}
