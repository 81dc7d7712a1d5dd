/* SPDX-License-Identifier: Apache-2.0
 * What operators ask: the version, health, figures. */
#include <base/clock.h>
#include <base/error.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "qdrant.h"

extern const unsigned long long lt_bucket_us[LT_BUCKETS];

LT_HANDLER(lt_rest_root)
{
    yyjson_mut_val *root;
    yyjson_mut_doc *doc = lt_reply_new(&root);

    if (doc) {
        yyjson_mut_obj_add_str(doc, root, "title", LT_QDRANT_TITLE);
        yyjson_mut_obj_add_str(doc, root, "version", LT_QDRANT_VERSION);
        yyjson_mut_obj_add_str(doc, root, "commit", LT_COMMIT);
        yyjson_mut_obj_add_str(doc, root, "latent", lt_version());
    }
    lt_answer_json(a, 200, doc);
    return LT_OK;
}

LT_HANDLER(lt_rest_healthz)
{
    char text[64];

    if (strcmp(r->path, "/readyz") == 0)
        snprintf(text, sizeof text, "all shards are ready");
    else
        snprintf(text, sizeof text, "%s check passed", r->path + 1);
    lt_answer_text(a, 200, text);
    return LT_OK;
}

static unsigned long long resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    unsigned long long pages = 0;

    if (!f)
        return 0;
    if (fscanf(f, "%*u %llu", &pages) != 1)
        pages = 0;
    fclose(f);
    return pages * (unsigned long long)sysconf(_SC_PAGESIZE);
}

static lt_status add_responses(const lt_service *s, lt_buf *out, lt_error *err)
{
    LT_TRY(lt_buf_adds(out,
                       "# HELP rest_responses_total Answers given, by path and class of status.\n"
                       "# TYPE rest_responses_total counter\n",
                       err));
    for (size_t i = 0; i < lt_route_count(); i++) {
        for (unsigned class = 2; class < 6; class ++) {
            unsigned long long n = atomic_load(&s->stats[i].by_class[class]);

            if (n)
                LT_TRY(lt_buf_addf(out, err,
                                   "rest_responses_total{method=\"%s\",endpoint=\"%s\","
                                   "status=\"%uxx\"} %llu\n",
                                   lt_route_at(i)->method, lt_route_at(i)->path, class, n));
        }
    }
    return LT_OK;
}

static lt_status add_durations(const lt_service *s, lt_buf *out, lt_error *err)
{
    LT_TRY(lt_buf_adds(out,
                       "# HELP rest_responses_duration_seconds How long answers took.\n"
                       "# TYPE rest_responses_duration_seconds histogram\n",
                       err));
    for (size_t i = 0; i < lt_route_count(); i++) {
        const lt_route *route = lt_route_at(i);
        unsigned long long sum = 0;

        for (size_t b = 0; b <= LT_BUCKETS; b++)
            sum += atomic_load(&s->stats[i].buckets[b]);
        if (sum == 0)
            continue;
        sum = 0;
        for (size_t b = 0; b <= LT_BUCKETS; b++) {
            char bound[24] = "+Inf";

            sum += atomic_load(&s->stats[i].buckets[b]);
            if (b < LT_BUCKETS)
                snprintf(bound, sizeof bound, "%g", (double)lt_bucket_us[b] * 1e-6);
            LT_TRY(lt_buf_addf(out, err,
                               "rest_responses_duration_seconds_bucket{method=\"%s\",endpoint="
                               "\"%s\",le=\"%s\"} %llu\n",
                               route->method, route->path, bound, sum));
        }
        LT_TRY(lt_buf_addf(out, err,
                           "rest_responses_duration_seconds_sum{method=\"%s\",endpoint=\"%s\"} %g\n"
                           "rest_responses_duration_seconds_count{method=\"%s\",endpoint=\"%s\"} "
                           "%llu\n",
                           route->method, route->path,
                           (double)atomic_load(&s->stats[i].micros) * 1e-6, route->method,
                           route->path, sum));
    }
    return LT_OK;
}

static lt_status write_metrics(lt_service *s, lt_buf *out, lt_error *err)
{
    LT_TRY(lt_buf_addf(out, err,
                       "# HELP app_info The program and its version.\n"
                       "# TYPE app_info gauge\n"
                       "app_info{name=\"latent\",version=\"%s\"} 1\n"
                       "# HELP process_resident_memory_bytes Resident memory.\n"
                       "# TYPE process_resident_memory_bytes gauge\n"
                       "process_resident_memory_bytes %llu\n"
                       "# HELP app_uptime_seconds Time since the start.\n"
                       "# TYPE app_uptime_seconds gauge\n"
                       "app_uptime_seconds %g\n",
                       lt_version(), resident_bytes(), lt_clock_s() - s->started));
    LT_TRY(lt_qdrant_metrics(s, out, err));
    LT_TRY(add_responses(s, out, err));
    return add_durations(s, out, err);
}

LT_HANDLER(lt_rest_metrics)
{
    a->content_type = "text/plain; version=0.0.4";
    return write_metrics(s, &a->body, err);
}
