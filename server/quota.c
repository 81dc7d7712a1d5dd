/* SPDX-License-Identifier: Apache-2.0
 * A resource that has reached its limit stays refused until it has fallen by the margin below it,
 * so that one that rests on its limit does not flutter. Usage is looked at once a second at most. */
#include "quota.h"

#include <base/clock.h>
#include <base/error.h>
#include <base/file.h>
#include <base/mem.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <value/value.h>

enum { FILE_MAX_BYTES = 4096, DEFAULT_MARGIN = 5, N_RESOURCES = 2 };
static const double LOOK_EVERY_S = 1.0;

static const char *const limit_names[N_RESOURCES] = {"max_resident_memory_percent",
                                                     "max_disk_usage_percent"};
static const char *const usage_names[N_RESOURCES] = {"resident_memory_percent",
                                                     "disk_usage_percent"};

typedef struct config {
    bool enabled;
    int limit[N_RESOURCES]; /* percent; -1: none */
    int margin;             /* percent; -1: not set */
} config;

struct lt_quota {
    pthread_mutex_t lock;
    char *data, *file;
    config config;
    int usage[N_RESOURCES]; /* percent; -1: not known */
    bool exceeded[N_RESOURCES];
    double looked_s;
};

/* ---- usage ----------------------------------------------------------------------------------- */

static double first_number(const char *path)
{
    double n = -1;
    FILE *f = fopen(path, "re");

    if (!f)
        return -1;
    if (fscanf(f, "%lf", &n) != 1)
        n = -1; /* cgroup: "max" */
    fclose(f);
    return n;
}

static int memory_percent(void)
{
    double page = (double)sysconf(_SC_PAGESIZE), pages = 0;
    double total = (double)sysconf(_SC_PHYS_PAGES) * page;
    double limit = first_number("/sys/fs/cgroup/memory.max");
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f)
        return -1;
    if (fscanf(f, "%*u %lf", &pages) != 1)
        pages = -1;
    fclose(f);
    if (limit > 0 && limit < total)
        total = limit;
    return pages < 0 || total <= 0 ? -1 : (int)(100 * pages * page / total);
}

static int disk_percent(const char *path)
{
    struct statvfs v;

    if (statvfs(path, &v) != 0 || v.f_blocks == 0)
        return -1;
    return (int)(100 * (double)(v.f_blocks - v.f_bfree) / (double)v.f_blocks);
}

/* Under the lock. */
static void look(lt_quota *q)
{
    q->usage[0] = memory_percent();
    q->usage[1] = disk_percent(q->data);
    q->looked_s = lt_clock_s();
    for (size_t i = 0; i < N_RESOURCES; i++) {
        int limit = q->config.limit[i];
        int margin = q->config.margin < 0 ? DEFAULT_MARGIN : q->config.margin;
        int from = q->exceeded[i] ? limit - margin : limit;

        q->exceeded[i] = q->config.enabled && limit >= 0 && q->usage[i] >= from;
    }
}

lt_status lt_quota_check(lt_quota *q, lt_error *err)
{
    lt_status st = LT_OK;

    pthread_mutex_lock(&q->lock);
    if (q->config.enabled && lt_clock_s() - q->looked_s > LOOK_EVERY_S)
        look(q);
    for (size_t i = 0; i < N_RESOURCES && st == LT_OK; i++)
        if (q->exceeded[i])
            st = lt_fail(err, LT_ELIMIT,
                         "Insufficient storage: %s is %d, the quota's limit is %d", usage_names[i],
                         q->usage[i], q->config.limit[i]);
    pthread_mutex_unlock(&q->lock);
    return st;
}

/* ---- configuration --------------------------------------------------------------------------- */

static lt_status read_percent(yyjson_val *root, const char *name, uint64_t min, int *out,
                              lt_error *err)
{
    yyjson_val *v = yyjson_obj_get(root, name);

    *out = -1;
    if (!v || yyjson_is_null(v))
        return LT_OK;
    if (!yyjson_is_uint(v))
        return lt_fail(err, LT_EINVAL, "Format error in JSON body: %s: an integer is expected",
                       name);
    if (yyjson_get_uint(v) < min || yyjson_get_uint(v) > 100)
        return lt_fail(err, LT_EVALIDATION,
                       "Validation error in JSON body: [%s: value %llu invalid, must be from %llu "
                       "to 100]",
                       name, (unsigned long long)yyjson_get_uint(v), (unsigned long long)min);
    *out = (int)yyjson_get_uint(v);
    return LT_OK;
}

static lt_status read_config(const char *json, size_t n_json, config *out, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    config c = {0};

    if (lt_json_parse_object(json, n_json, "the quotas", &doc, err) != LT_OK)
        return lt_fail(err, LT_EINVAL, "Format error in JSON body: an object is expected");
    yyjson_val *root = yyjson_doc_get_root(doc), *enabled = yyjson_obj_get(root, "enabled");

    if (enabled && !yyjson_is_bool(enabled))
        return lt_fail(err, LT_EINVAL, "Format error in JSON body: enabled: a bool is expected");
    c.enabled = yyjson_get_bool(enabled);
    for (size_t i = 0; i < N_RESOURCES; i++)
        LT_TRY(read_percent(root, limit_names[i], 1, &c.limit[i], err));
    LT_TRY(read_percent(root, "release_margin_percent", 0, &c.margin, err));
    *out = c;
    return LT_OK;
}

static lt_status write_config(const config *c, lt_buf *out, lt_error *err)
{
    LT_TRY(lt_buf_addf(out, err, "{\"enabled\":%s", c->enabled ? "true" : "false"));
    for (size_t i = 0; i < N_RESOURCES; i++)
        if (c->limit[i] >= 0)
            LT_TRY(lt_buf_addf(out, err, ",\"%s\":%d", limit_names[i], c->limit[i]));
    if (c->margin >= 0)
        LT_TRY(lt_buf_addf(out, err, ",\"release_margin_percent\":%d", c->margin));
    return lt_buf_addc(out, '}', err);
}

static lt_status show(lt_quota *q, lt_buf *out, lt_error *err)
{
    look(q);
    LT_TRY(lt_buf_adds(out, "{\"config\":", err));
    LT_TRY(write_config(&q->config, out, err));
    LT_TRY(lt_buf_adds(out, ",\"usage\":{", err));
    for (size_t i = 0, n = 0; i < N_RESOURCES; i++)
        if (q->usage[i] >= 0)
            LT_TRY(lt_buf_addf(out, err, "%s\"%s\":%d", n++ ? "," : "", usage_names[i],
                               q->usage[i]));
    return lt_buf_adds(out, "}}", err);
}

lt_status lt_quota_show(lt_quota *q, lt_buf *out, lt_error *err)
{
    pthread_mutex_lock(&q->lock);
    lt_status st = show(q, out, err);

    pthread_mutex_unlock(&q->lock);
    return st;
}

lt_status lt_quota_set(lt_quota *q, const char *json, size_t n_json, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};
    config c;

    LT_TRY(read_config(json, n_json, &c, err));
    LT_TRY(write_config(&c, &text, err));
    pthread_mutex_lock(&q->lock);
    lt_status st = lt_file_write_atomic(q->file, text.data, text.len, err);

    if (st == LT_OK) {
        q->config = c;
        memset(q->exceeded, 0, sizeof q->exceeded);
        look(q);
    }
    pthread_mutex_unlock(&q->lock);
    return st;
}

static lt_status load(lt_quota *q, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};

    if (!lt_path_exists(q->file))
        return LT_OK;
    LT_TRY(lt_file_read(q->file, FILE_MAX_BYTES, &text, err));
    return read_config(text.data ? text.data : "", text.len, &q->config, err);
}

lt_status lt_quota_open(const char *data, lt_quota **out, lt_error *err)
{
    lt_quota *q = lt_calloc(1, sizeof *q);

    if (!q)
        return lt_fail_nomem(err);
    pthread_mutex_init(&q->lock, NULL);
    q->config = (config){.limit = {-1, -1}, .margin = -1};
    q->data = lt_strdup(data);
    q->file = lt_path_join(data, "quotas.json");
    lt_status st = q->data && q->file ? load(q, err) : lt_fail_nomem(err);

    if (st != LT_OK) {
        lt_quota_close(q);
        return st;
    }
    *out = q;
    return LT_OK;
}

void lt_quota_close(lt_quota *q)
{
    if (!q)
        return;
    pthread_mutex_destroy(&q->lock);
    lt_free(q->data);
    lt_free(q->file);
    lt_free(q);
}
