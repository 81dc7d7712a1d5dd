/* SPDX-License-Identifier: Apache-2.0
 * picture_lines DATA: for each picture named on standard input, the best match in DATA's collection
 * "photos" as a line of: its file name, "copy" or "other", and the name of the best by vectors
 * alone, with tabs between. */
#include <latent.h>
#include <stdio.h>
#include <string.h>

static int fail(const lt_error *err)
{
    fprintf(stderr, "picture_lines: %s\n", err->message);
    return 1;
}

/* The file's name without its folders; the payload begins with {"filename":"...". */
static void print_name(const lt_hits *hits)
{
    const char *payload = hits->n_items ? hits->items[0].payload : "";
    const char *end = strstr(payload, "\",\"");
    const char *from = end;

    while (from && from > payload && from[-1] != '/' && from[-1] != '"')
        from--;
    printf("%.*s", from ? (int)(end - from) : 0, from ? from : "");
}

static lt_status search(lt_collection *photos, lt_model *model, const char *path,
                        bool by_vectors_only, lt_error *err)
{
    lt_picture picture = {.path = path};
    lt_query_part part = {.picture = &picture, .weight = 1};
    lt_gallery_query query = LT_GALLERY_QUERY_INIT;
    lt_matches *matches = NULL;

    query.parts = &part;
    query.n_parts = 1;
    query.k = 1;
    query.by_vectors_only = by_vectors_only;
    lt_status st = lt_gallery_search(photos, model, &query, &matches, err);

    if (st == LT_OK)
        print_name(&matches->hits);
    if (st == LT_OK && !by_vectors_only)
        printf("\t%s\t", matches->relevance && matches->relevance[0] >= 1 ? "copy" : "other");
    lt_matches_free(matches);
    return st;
}

static lt_status answer_all(lt_collection *photos, lt_model *model, lt_error *err)
{
    char line[4096];
    lt_status st = LT_OK;

    while (st == LT_OK && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        st = search(photos, model, line, false, err);
        if (st == LT_OK)
            st = search(photos, model, line, true, err);
        putchar('\n');
    }
    return st;
}

int main(int argc, char **argv)
{
    lt_db_options options = LT_DB_OPTIONS_INIT;
    lt_db *db = NULL;
    lt_model *model = NULL;
    lt_collection *photos = NULL;
    lt_error err = {0};

    options.read_only = true;
    if (argc != 2) {
        fprintf(stderr, "usage: picture_lines DATA < names\n");
        return 2;
    }
    if (lt_db_open(argv[1], &options, &db, &err) || lt_model_open(NULL, NULL, &model, &err) ||
        lt_gallery_open(db, "photos", model, &photos, &err))
        return fail(&err);
    lt_status st = answer_all(photos, model, &err);

    lt_collection_close(photos);
    lt_model_close(model);
    lt_db_close(db);
    return st == LT_OK ? 0 : fail(&err);
}
