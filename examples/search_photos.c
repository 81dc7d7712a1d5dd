/* search_photos DATA PHOTOS "words": indexes a folder of photos into the database DATA, then prints
 * the five that match the words best. Build: cc search_photos.c $(pkg-config --cflags --libs latent) */
#include <latent.h>
#include <stdio.h>

static int fail(const lt_error *err)
{
    fprintf(stderr, "search_photos: %s\n", err->message);
    return 1;
}

int main(int argc, char **argv)
{
    lt_error err = {0};
    lt_db *db = NULL;
    lt_model *model = NULL;
    lt_collection *photos = NULL;
    lt_hits *hits = NULL;
    size_t i;

    if (argc != 4)
        return fprintf(stderr, "usage: search_photos DATA PHOTOS \"words\"\n"), 2;
    const char *folder = argv[2];
    if (lt_db_open(argv[1], NULL, &db, &err) || lt_model_open(NULL, NULL, &model, &err) ||
        lt_gallery_open(db, "photos", model, &photos, &err) ||
        lt_gallery_index(photos, model, &folder, 1, NULL, NULL, &err) ||
        lt_gallery_search_text(photos, model, argv[3], 5, NULL, &hits, &err))
        return fail(&err);
    for (i = 0; i < hits->n_items; i++)
        printf("%.3f %s\n", (double)hits->items[i].score, hits->items[i].payload);
    lt_hits_free(hits);
    lt_collection_close(photos);
    lt_model_close(model);
    lt_db_close(db);
    return 0;
}
