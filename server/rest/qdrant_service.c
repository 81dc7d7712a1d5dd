/* SPDX-License-Identifier: Apache-2.0
 * Qdrant's REST interface: what operators ask, and what a node without a cluster says of it. */
#include <base/buf.h>
#include <base/clock.h>
#include <base/error.h>
#include <base/mem.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <value/value.h>

#include "qdrant.h"

/* ---- metrics and telemetry ------------------------------------------------------------------- */

/* What is added up of all collections; for /metrics also a text each of what is told of one. */
typedef struct tally {
    lt_shelf *shelf;
    size_t n_collections;
    uint64_t n_points;
    bool told;
    lt_buf points, answers, seconds;
} tally;

static void tally_done(tally *t)
{
    lt_buf_done(&t->points);
    lt_buf_done(&t->answers);
    lt_buf_done(&t->seconds);
}

/* No name of a collection has a character that would have to be escaped in a label. */
static lt_status tell(tally *t, const lt_shelf_entry *entry, uint64_t n_points, lt_error *err)
{
    lt_shelf_usage usage = lt_shelf_usage_of(t->shelf, entry);
    const char *id = lt_shelf_name(entry);

    LT_TRY(lt_buf_addf(&t->points, err, "collection_points{id=\"%s\"} %llu\n", id,
                       (unsigned long long)n_points));
    for (unsigned class = 2; class < 6; class ++)
        if (usage.by_class[class])
            LT_TRY(lt_buf_addf(&t->answers, err,
                               "collection_responses_total{id=\"%s\",status=\"%uxx\"} %llu\n", id,
                               class, (unsigned long long)usage.by_class[class]));
    return lt_buf_addf(&t->seconds, err, "collection_responses_duration_seconds_total{id=\"%s\"} %g\n",
                       id, (double)usage.micros * 1e-6);
}

static lt_status count_collection(void *context, const lt_shelf_entry *entry, lt_error *err)
{
    tally *t = context;
    lt_collection *collection = lt_shelf_collection(entry);
    lt_collection_info info = LT_COLLECTION_INFO_INIT;

    t->n_collections++;
    if (!collection)
        return LT_OK;
    LT_TRY(lt_collection_get_info(collection, &info, err));
    t->n_points += info.n_points;
    return t->told ? tell(t, entry, info.n_points, err) : LT_OK;
}

static lt_status add_told(lt_buf *out, const char *head, const lt_buf *told, lt_error *err)
{
    if (told->len == 0)
        return LT_OK;
    LT_TRY(lt_buf_adds(out, head, err));
    return lt_buf_add(out, told->data, told->len, err);
}

lt_status lt_qdrant_metrics(lt_service *s, lt_buf *out, lt_error *err)
{
    LT_CLEANUP(tally_done) tally t = {.shelf = s->shelf, .told = true};

    LT_TRY(lt_shelf_each(s->shelf, count_collection, &t, err));
    LT_TRY(lt_buf_addf(out, err,
                       "# HELP collections_total Number of collections.\n"
                       "# TYPE collections_total gauge\n"
                       "collections_total %zu\n"
                       "# HELP points_total Number of points in all collections.\n"
                       "# TYPE points_total gauge\n"
                       "points_total %llu\n"
                       "# HELP cluster_enabled Whether this node is part of a cluster.\n"
                       "# TYPE cluster_enabled gauge\n"
                       "cluster_enabled 0\n",
                       t.n_collections, (unsigned long long)t.n_points));
    LT_TRY(add_told(out,
                    "# HELP collection_points Number of points in a collection.\n"
                    "# TYPE collection_points gauge\n",
                    &t.points, err));
    LT_TRY(add_told(out,
                    "# HELP collection_responses_total Answers about a collection, by class of "
                    "status.\n"
                    "# TYPE collection_responses_total counter\n",
                    &t.answers, err));
    return add_told(out,
                    "# HELP collection_responses_duration_seconds_total How long these took.\n"
                    "# TYPE collection_responses_duration_seconds_total counter\n",
                    &t.seconds, err);
}

static lt_status add_requests(lt_service *s, lt_buf *out, lt_error *err)
{
    size_t n = 0;

    for (size_t i = 0; i < lt_route_count(); i++) {
        const lt_route *route = lt_route_at(i);
        unsigned long long answers = 0, failures = 0;

        for (unsigned class = 1; class < 6; class ++) {
            unsigned long long k = atomic_load(&s->stats[i].by_class[class]);

            answers += k;
            failures += class >= 4 ? k : 0;
        }
        if (answers == 0)
            continue;
        LT_TRY(lt_buf_addf(out, err,
                           "%s\"%s %s\":{\"all\":{\"count\":%llu,\"fail_count\":%llu,"
                           "\"total_duration_micros\":%llu}}",
                           n++ ? "," : "", route->method, route->path, answers, failures,
                           atomic_load(&s->stats[i].micros)));
    }
    return LT_OK;
}

static lt_status write_telemetry(lt_service *s, lt_buf *out, lt_error *err)
{
    tally t = {0};
    char startup[32];
    struct tm utc;

    gmtime_r(&s->started_at, &utc);
    strftime(startup, sizeof startup, "%Y-%m-%dT%H:%M:%SZ", &utc);
    LT_TRY(lt_shelf_each(s->shelf, count_collection, &t, err));
    LT_TRY(lt_buf_addf(out, err,
                       "{\"id\":\"%016llx\",\"app\":{\"name\":\"qdrant\",\"version\":\"%s\","
                       "\"startup\":\"%s\"},\"collections\":{\"number_of_collections\":%zu},"
                       "\"cluster\":{\"enabled\":false},\"requests\":{\"rest\":{\"responses\":{",
                       (unsigned long long)s->peer_id, LT_QDRANT_VERSION, startup,
                       t.n_collections));
    LT_TRY(add_requests(s, out, err));
    return lt_buf_adds(out, "}},\"grpc\":{\"responses\":{}}}}", err);
}

/* Runs a writer and answers with what it wrote. */
static lt_status answer_written(lt_service *s, const lt_http_request *r, lt_http_answer *a,
                                lt_status (*write)(lt_service *, lt_buf *, lt_error *),
                                lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};
    lt_qdrant_params params;

    LT_TRY(lt_qdrant_read_params(r, &params, err));
    LT_TRY(write(s, &text, err));
    lt_qdrant_ok(r, a, text.data, text.len);
    return LT_OK;
}

LT_QDRANT_HANDLER(telemetry)
{
    uint64_t level;
    bool flag;

    LT_TRY(lt_qdrant_number(r, "details_level", 0, &level, err));
    LT_TRY(lt_qdrant_flag(r, "anonymize", &flag, err));
    LT_TRY(lt_qdrant_flag(r, "per_collection", &flag, err));
    return answer_written(s, r, a, write_telemetry, err);
}

/* ---- issues, quotas -------------------------------------------------------------------------- */

/* Issues are hints about missing indexes; latent makes none. */
LT_QDRANT_HANDLER(get_issues)
{
    static const char none[] = "{\"issues\":[]}";

    lt_qdrant_ok(r, a, none, sizeof none - 1);
    return LT_OK;
}

LT_QDRANT_HANDLER(clear_issues)
{
    lt_qdrant_true(r, a, true);
    return LT_OK;
}

static lt_status write_quotas(lt_service *s, lt_buf *out, lt_error *err)
{
    return lt_quota_show(s->quota, out, err);
}

LT_QDRANT_HANDLER(get_quotas)
{
    return answer_written(s, r, a, write_quotas, err);
}

LT_QDRANT_HANDLER(set_quotas)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    lt_qdrant_params params;

    LT_TRY(lt_qdrant_read_params(r, &params, err));
    /* Parsed for the place of a syntax error alone. */
    LT_TRY(lt_qdrant_parse_body(r, &doc, err));
    LT_TRY(lt_quota_set(s->quota, r->body, r->n_body, err));
    lt_qdrant_true(r, a, true);
    return LT_OK;
}

/* ---- a node alone ---------------------------------------------------------------------------- */

LT_QDRANT_HANDLER(cluster)
{
    static const char disabled[] = "{\"status\":\"disabled\"}";

    lt_qdrant_ok(r, a, disabled, sizeof disabled - 1);
    return LT_OK;
}

static lt_status write_cluster_telemetry(lt_service *s, lt_buf *out, lt_error *err)
{
    (void)s;
    return lt_buf_adds(
        out, "{\"collections\":{},\"cluster\":{\"enabled\":false,\"number_of_peers\":0,\"peers\":{}}}",
        err);
}

LT_QDRANT_HANDLER(cluster_telemetry)
{
    uint64_t level;

    LT_TRY(lt_qdrant_number(r, "details_level", 0, &level, err));
    return answer_written(s, r, a, write_cluster_telemetry, err);
}

static lt_status show_shards(lt_service *s, const lt_http_request *r, lt_shelf_entry *entry,
                             lt_http_answer *a, lt_error *err)
{
    lt_collection_info info = LT_COLLECTION_INFO_INIT;
    char text[256];

    LT_TRY(lt_collection_get_info(lt_shelf_collection(entry), &info, err));
    int n = snprintf(text, sizeof text,
                     "{\"peer_id\":%llu,\"shard_count\":1,\"local_shards\":[{\"shard_id\":0,"
                     "\"points_count\":%llu,\"state\":\"Active\"}],\"remote_shards\":[],"
                     "\"shard_transfers\":[]}",
                     (unsigned long long)s->peer_id, (unsigned long long)info.n_points);

    lt_qdrant_ok(r, a, text, (size_t)n);
    return LT_OK;
}

LT_QDRANT_HANDLER(collection_cluster)
{
    lt_shelf_entry *entry = NULL;

    LT_TRY(lt_shelf_take(s->shelf, args->name, &entry, err));
    lt_status st = show_shards(s, r, entry, a, err);

    lt_shelf_give(s->shelf, entry);
    return st;
}

LT_QDRANT_HANDLER(shard_keys)
{
    static const char none[] = "{\"shard_keys\":null}";
    lt_shelf_entry *entry = NULL;

    LT_TRY(lt_shelf_take(s->shelf, args->name, &entry, err));
    lt_shelf_give(s->shelf, entry);
    lt_qdrant_ok(r, a, none, sizeof none - 1);
    return LT_OK;
}

LT_QDRANT_HANDLER(standalone)
{
    lt_answer_error(a, LT_ERRORS_QDRANT, 405, "", "Qdrant is running in standalone mode");
    return LT_OK;
}
