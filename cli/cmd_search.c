/* SPDX-License-Identifier: Apache-2.0
 * latent search: the pictures nearest to words or to a picture. The database is opened read-only,
 * so that it works while `latent index` runs. Everything that costs time at the start is done only
 * when it is needed: the image tower for --image, libvips for pictures, chafa on terminals. */
#include <base/clock.h>
#include <base/error.h>
#include <base/file.h>
#include <base/limits.h>
#include <base/mem.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "found.h"
#include "mosaic.h"
#include "parts.h"
#include "pick.h"
#include "session.h"
#include "sheet.h"
#include "term.h"

typedef struct args {
    const char *after, *before, *near, *filter, *html;
    cli_list in, image, minus, weight;
    size_t k;
    double min_score, min_relevance; /* NAN: not given */
    bool json, append, no_pictures;
} args;

static const args defaults = {.k = 10, .min_score = NAN, .min_relevance = NAN};

static const cli_option options[] = {
    {"image", 'i', CLI_LIST, offsetof(args, image), "FILE", CLI_COMPLETE_FILES, 0, 0,
     "search by a picture, with or without words; may be given again"},
    {"minus", 0, CLI_LIST, offsetof(args, minus), "WORDS", CLI_COMPLETE_NONE, 0, 0,
     "away from what these words say; may be given again"},
    {"weight", 0, CLI_LIST, offsetof(args, weight), "WHAT=X", CLI_COMPLETE_NONE, 0, 0,
     "how much words, image (default: 1) or minus (0.5) count; may be given again"},
    {"limit", 'k', CLI_SIZE, offsetof(args, k), "N", CLI_COMPLETE_NONE, 1, LT_LIMIT_K,
     "how many hits at most (default: 10)"},
    {"min-score", 0, CLI_REAL, offsetof(args, min_score), "X", CLI_COMPLETE_NONE, 0, 0,
     "leave out hits with a lower score"},
    {"min-relevance", 0, CLI_REAL, offsetof(args, min_relevance), "X", CLI_COMPLETE_NONE, 0, 0,
     "leave out hits with a lower relevance, 0 to 1; 0 shows all"},
    {"in", 0, CLI_LIST, offsetof(args, in), "FOLDER", CLI_COMPLETE_FOLDERS, 0, 0,
     "only pictures below this folder; may be given again"},
    {"after", 0, CLI_TEXT, offsetof(args, after), "DATE", CLI_COMPLETE_NONE, 0, 0,
     "only pictures taken from the beginning of DATE on"},
    {"before", 0, CLI_TEXT, offsetof(args, before), "DATE", CLI_COMPLETE_NONE, 0, 0,
     "only pictures taken before the beginning of DATE"},
    {"near", 0, CLI_TEXT, offsetof(args, near), "LAT,LON,KM", CLI_COMPLETE_NONE, 0, 0,
     "only pictures taken within KM kilometres of a place"},
    {"filter", 0, CLI_TEXT, offsetof(args, filter), "JSON", CLI_COMPLETE_NONE, 0, 0,
     "only pictures whose payload passes a filter in Qdrant's form"},
    {"json", 0, CLI_FLAG, offsetof(args, json), NULL, CLI_COMPLETE_NONE, 0, 0,
     "print one JSON object a hit: filename, score, relevance, id, payload"},
    {"html", 0, CLI_TEXT, offsetof(args, html), "FILE", CLI_COMPLETE_FILES, 0, 0,
     "also write the hits as a page with small pictures"},
    {"append", 0, CLI_FLAG, offsetof(args, append), NULL, CLI_COMPLETE_NONE, 0, 0,
     "with --html: add to a page that is there"},
    {"no-pictures", 0, CLI_FLAG, offsetof(args, no_pictures), NULL, CLI_COMPLETE_NONE, 0, 0,
     "show no small pictures in the terminal"},
};

typedef struct search {
    const args *a;
    cli_session *s;
    cli_parts parts;
    char *filter; /* NULL: none */
    lt_matches *matches;
    cli_found *found; /* all of the matches */
    size_t n_found;   /* of them shown */
    double seconds;   /* of the search alone */
} search;

static void search_done(search *q)
{
    cli_found_free(q->found, q->matches ? q->matches->hits.n_items : 0);
    lt_matches_free(q->matches);
    lt_free(q->filter);
    cli_parts_done(&q->parts);
}

/* ---- the query --------------------------------------------------------------------------------- */

static lt_status check_image(const char *path, lt_error *err)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return lt_fail_errno(err, errno == ENOENT || errno == ENOTDIR ? LT_ENOTFOUND : LT_EIO,
                             errno, "%s", path);
    if (S_ISDIR(st.st_mode))
        return lt_fail(err, LT_EINVAL, "%s: a picture is expected, not a folder", path);
    return LT_OK;
}

/* What can be wrong on the command line is found before anything is opened. */
static lt_status prepare(search *q, const cli_list *words, lt_error *err)
{
    const args *a = q->a;
    cli_pick pick = {&a->in, a->after, a->before, a->near, a->filter};

    if (a->min_relevance < 0 || a->min_relevance > 1)
        return lt_fail(err, LT_EINVAL, "--min-relevance: a number from 0 to 1 is expected");
    if (a->append && !a->html)
        return lt_fail(err, LT_EINVAL, "--append goes with --html FILE");
    LT_TRY(cli_parts_read(words, &a->image, &a->minus, &a->weight, &q->parts, err));
    return cli_pick_filter(&pick, &q->filter, err);
}

/* People are not shown what is hardly a hit, unless they ask for it; programs can read how good the
 * hits are. */
static bool is_no_match(const search *q)
{
    return q->matches->hits.n_items && !q->a->json && isnan(q->a->min_relevance) &&
           q->found[0].relevance < q->matches->least_relevance;
}

static lt_status read_matches(search *q, lt_error *err)
{
    const lt_matches *m = q->matches;

    LT_TRY(cli_found_read(&m->hits, &q->found, err));
    for (size_t i = 0; m->relevance && i < m->hits.n_items; i++)
        q->found[i].relevance = m->relevance[i];
    q->n_found = is_no_match(q) ? 0 : m->hits.n_items;
    return LT_OK;
}

static lt_status find(search *q, lt_error *err)
{
    lt_db_options reading = LT_DB_OPTIONS_INIT;
    lt_gallery_query query = LT_GALLERY_QUERY_INIT;
    double began = lt_clock_s();

    reading.read_only = true;
    for (size_t i = 0; i < q->a->image.n; i++)
        LT_TRY(check_image(q->a->image.items[i], err));
    LT_TRY(cli_open_db(q->s, &reading, err));
    LT_TRY(cli_open_model(q->s, LT_USE_LATENCY, 0, err));
    LT_TRY(cli_open_gallery(q->s, err));
    query.parts = q->parts.items;
    query.n_parts = q->parts.n;
    query.k = q->a->k;
    query.filter = q->filter;
    query.has_threshold = !isnan(q->a->min_score);
    query.score_threshold = query.has_threshold ? (float)q->a->min_score : 0;
    query.min_relevance = isnan(q->a->min_relevance) ? 0 : (float)q->a->min_relevance;
    LT_TRY(lt_gallery_search(q->s->collection, q->s->model, &query, &q->matches, err));
    q->seconds = lt_clock_s() - began;
    return read_matches(q, err);
}

/* ---- answers ----------------------------------------------------------------------------------- */

static yyjson_mut_doc *hit_object(const cli_found *f)
{
    yyjson_mut_val *root, *payload;
    char id[LT_ID_TEXT_MAX];
    yyjson_mut_doc *doc = cli_json_object(&root);
    bool ok = root && cli_json_text(doc, root, "filename", f->name) &&
              cli_json_rounded(doc, root, "score", (double)f->hit->score, 6) &&
              (isnan(f->relevance) ||
               cli_json_rounded(doc, root, "relevance", (double)f->relevance, 3)) &&
              (f->hit->id.kind == LT_ID_NUM
                   ? yyjson_mut_obj_add_uint(doc, root, "id", f->hit->id.num)
                   : yyjson_mut_obj_add_strcpy(doc, root, "id", lt_id_format(&f->hit->id, id))) &&
              (payload = yyjson_val_mut_copy(doc, yyjson_doc_get_root(f->doc))) != NULL &&
              yyjson_mut_obj_add_val(doc, root, "payload", payload);

    if (ok)
        return doc;
    yyjson_mut_doc_free(doc);
    return NULL;
}

static lt_status print_json(const search *q, lt_error *err)
{
    for (size_t i = 0; i < q->n_found; i++)
        LT_TRY(cli_out_json(hit_object(&q->found[i]), err));
    return LT_OK;
}

/* A terminal that knows OSC 8 opens the file on a click; others print the name alone. */
static lt_status add_hyperlink(const char *path, const char *shown, lt_buf *out, lt_error *err)
{
    char host[256] = "";

    if (gethostname(host, sizeof host - 1) < 0)
        host[0] = '\0';
    LT_TRY(lt_buf_adds(out, "\033]8;;", err));
    LT_TRY(cli_file_url(path, host, out, err));
    LT_TRY(lt_buf_addf(out, err, "\033\\%s\033]8;;\033\\", shown));
    return LT_OK;
}

/* "  1   93 %  0.312  /home/me/Pictures/boat.jpg" */
static lt_status print_line(const cli_found *f, size_t rank, int rank_width, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf path = {0}, shown = {0}, line = {0};
    const cli_term *term = cli_term_get();
    const char *exact = f->path ? f->path : f->name;
    char front[64];
    int n = snprintf(front, sizeof front, "%*zu  ", rank_width, rank);

    if (!isnan(f->relevance))
        n +=
            snprintf(front + n, sizeof front - (size_t)n, "%3.0f %%  ", 100 * (double)f->relevance);
    n += snprintf(front + n, sizeof front - (size_t)n, "%.3f  ", (double)f->hit->score);
    LT_TRY(cli_escape(exact, strlen(exact), &path, err));
    const char *text = path.data ? path.data : "";

    if (term->out_tty) {
        size_t columns = term->width > (unsigned)n + 10 ? term->width - (unsigned)n : 10;

        LT_TRY(cli_shorten(text, columns, &shown, err));
        text = shown.data ? shown.data : "";
    }
    LT_TRY(lt_buf_adds(&line, front, err));
    if (term->out_style && f->path)
        LT_TRY(add_hyperlink(f->path, text, &line, err));
    else
        LT_TRY(lt_buf_adds(&line, text, err));
    LT_TRY(lt_buf_addc(&line, '\n', err));
    cli_out(line.data, line.len);
    return LT_OK;
}

static lt_status print_list(const search *q, lt_error *err)
{
    int width = q->n_found > 999 ? 7 : q->n_found > 99 ? 4 : 2;

    if (!q->a->no_pictures && cli_mosaic_possible())
        LT_TRY(cli_mosaic_print(q->found, q->n_found, err));
    for (size_t i = 0; i < q->n_found; i++)
        LT_TRY(print_line(&q->found[i], i + 1, width, err));
    return LT_OK;
}

/* "at night + beach.jpg - people" */
static lt_status describe(const search *q, lt_buf *out, lt_error *err)
{
    for (size_t i = 0; i < q->parts.n; i++) {
        const lt_query_part *part = &q->parts.items[i];
        const char *sign = i == 0 ? "" : part->weight < 0 ? " − " : " + ";

        LT_TRY(lt_buf_addf(out, err, "%s%s", sign,
                           part->text ? part->text : lt_path_name(part->picture->path)));
    }
    return LT_OK;
}

static lt_status write_sheet(const search *q, uint64_t n_points, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf heading = {0};
    char about[160];

    LT_TRY(describe(q, &heading, err));
    cli_section section = {
        .heading = heading.data,
        .picture = q->a->image.n ? q->a->image.items[0] : NULL,
        .about = about,
        .found = q->found,
        .n_found = q->n_found,
    };

    snprintf(about, sizeof about, "best %zu of %s, %.0f ms", q->n_found,
             cli_count(n_points, "picture", "pictures"), q->seconds * 1000);
    return cli_sheet_write(q->a->html, q->a->append, &section, err);
}

/* Nothing found is not an error, but a person wants to know why. */
static void explain_nothing(const search *q, uint64_t n_points)
{
    if (is_no_match(q))
        cli_complain("no picture seems to match: the nearest has a relevance of %.0f %%, and right "
                     "ones seldom have less than %.0f %%; --min-relevance 0 shows it",
                     100 * (double)q->found[0].relevance,
                     100 * (double)q->matches->least_relevance);
    else if (n_points == 0)
        cli_complain("the collection '%s' holds no pictures yet; add some with: latent index "
                     "PHOTOS",
                     q->s->globals->collection);
    else
        cli_complain("none of the %s passes the filters",
                     cli_count(n_points, "picture", "pictures"));
}

static lt_status answer(const search *q, lt_error *err)
{
    lt_collection_info info = LT_COLLECTION_INFO_INIT;

    if (q->a->html || q->n_found == 0)
        LT_TRY(lt_collection_get_info(q->s->collection, &info, err));
    LT_TRY(q->a->json ? print_json(q, err) : print_list(q, err));
    if (q->n_found == 0 && !q->a->json)
        explain_nothing(q, info.n_points);
    return q->a->html ? write_sheet(q, info.n_points, err) : LT_OK;
}

static int run(const cli_globals *globals, const void *a, const cli_list *operands)
{
    LT_CLEANUP(cli_session_done) cli_session s = {0};
    LT_CLEANUP(search_done) search q = {.a = a, .s = &s};
    lt_error err;

    if (operands->n == 0 && q.a->image.n == 0 && q.a->minus.n == 0) {
        cli_complain("what to look for? as in: latent search \"a red boat\", or: latent search "
                     "--image FILE");
        return CLI_EXIT_USAGE;
    }
    if (prepare(&q, operands, &err) != LT_OK) {
        cli_complain("%s", err.message);
        return CLI_EXIT_USAGE;
    }
    lt_status st = cli_session_init(&s, globals, &err);

    if (st == LT_OK)
        st = find(&q, &err);
    if (st == LT_OK)
        st = answer(&q, &err);
    return st == LT_OK ? CLI_EXIT_OK : cli_failed(&err);
}

const cli_command cli_cmd_search = {
    .name = "search",
    .operands = "[WORD]... [--image FILE]...",
    .summary = "find pictures by words, by a picture, or by both",
    .about =
        "Prints the pictures nearest in meaning, best first: rank, relevance, score, path. Words "
        "may be "
        "English, German, French, Italian or Spanish with the built-in model. On a terminal small "
        "pictures are shown.\n"
        "Relevance says how likely a hit with such a score is a right one. Where even the best is "
        "hardly one, none is shown.\n"
        "Words, pictures and --minus are mixed: their unit vectors are added, each times its "
        "weight, and the nearest to the sum are found.\n"
        "DATE is 2023, 2023-05, 2023-05-01 or an RFC 3339 time. It is compared with the day the "
        "picture was taken, or where the picture does not say, with its file's time.\n"
        "No hits is no error: the exit code is 0.",
    .examples = "latent search \"children playing in the snow\"\n"
                "latent search -k 3 --json Surfing\n"
                "latent search --image holiday.jpg --in ~/Pictures/2023\n"
                "latent search \"at night\" --image beach.jpg --minus people\n"
                "latent search Bergsee --after 2022 --before 2023-06 --near 46.6,8.0,30\n"
                "latent search sunset --html sheet.html",
    .options = options,
    .n_options = CLI_COUNT_OF(options),
    .completes = CLI_COMPLETE_NONE,
    .max_operands = SIZE_MAX,
    .run = run,
    .args_size = sizeof(args),
    .defaults = &defaults,
};
