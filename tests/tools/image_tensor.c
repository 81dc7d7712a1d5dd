/* SPDX-License-Identifier: Apache-2.0
 * Prints tensors of pictures as lt_image_load makes them, for tests/python/image_reference.py and
 * for measuring:
 *
 *   image_tensor [--exact WxH | --shortest N | --thumbnail WxH] [--resample N] [--crop WxH]
 *                [--full] [--info] [--time N] FILE...
 *
 * A file gives 3 * crop floats (native order, planar, rescale 1/255, mean 0, std 1) on stdout; a
 * thumbnail gives its width and height as two uint32 and its bytes. A file that fails gives its
 * message on stderr and status 1. --info prints what lt_image_probe says instead. --time loads each
 * N times, prints nothing but the milliseconds a load and the peak memory. */
#include <base/clock.h>
#include <base/mem.h>
#include <getopt.h>
#include <image/image.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

typedef struct settings {
    lt_image_prep prep;
    unsigned thumb_width, thumb_height;
    bool info;
    int times;
} settings;

static bool read_size(const char *text, unsigned *width, unsigned *height)
{
    return sscanf(text, "%ux%u", width, height) == 2;
}

static bool parse(int argc, char **argv, settings *s)
{
    static const struct option options[] = {
        {"exact", 1, NULL, 'e'},     {"shortest", 1, NULL, 's'}, {"resample", 1, NULL, 'r'},
        {"crop", 1, NULL, 'c'},      {"full", 0, NULL, 'f'},     {"info", 0, NULL, 'i'},
        {"thumbnail", 1, NULL, 't'}, {"time", 1, NULL, 'n'},     {NULL, 0, NULL, 0},
    };
    lt_image_prep *p = &s->prep;

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        bool good = true;

        switch (c) {
        case 'e':
            p->resize = LT_RESIZE_EXACT;
            good = read_size(optarg, &p->resize_width, &p->resize_height);
            p->out_width = p->resize_width;
            p->out_height = p->resize_height;
            break;
        case 's':
            p->resize = LT_RESIZE_SHORTEST;
            p->resize_width = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'r':
            p->resample = (lt_resample)strtoul(optarg, NULL, 10);
            break;
        case 'c':
            p->center_crop = true;
            good = read_size(optarg, &p->out_width, &p->out_height);
            break;
        case 'f':
            p->full_decode = true;
            break;
        case 'i':
            s->info = true;
            break;
        case 't':
            good = read_size(optarg, &s->thumb_width, &s->thumb_height);
            break;
        case 'n':
            s->times = (int)strtol(optarg, NULL, 10);
            break;
        default:
            good = false;
        }
        if (!good)
            return false;
    }
    return optind < argc;
}

static lt_status print_info(const lt_picture *picture, lt_error *err)
{
    lt_image_info i;

    LT_TRY(lt_image_probe(picture, &i, err));
    printf("%s: %s %u x %u taken '%s' camera '%s'", picture->path, i.format, i.width, i.height,
           i.taken, i.camera);
    if (i.has_location)
        printf(" at %.5f %.5f", i.lat, i.lon);
    putchar('\n');
    return LT_OK;
}

static lt_status print_thumbnail(const lt_picture *picture, const settings *s, lt_error *err)
{
    LT_AUTOFREE uint8_t *pixels = NULL;
    unsigned size[2];

    LT_TRY(lt_image_thumbnail(picture, s->thumb_width, s->thumb_height, &pixels, &size[0], &size[1],
                              err));
    fwrite(size, sizeof *size, 2, stdout);
    fwrite(pixels, 3, (size_t)size[0] * size[1], stdout);
    return LT_OK;
}

static lt_status print_tensor(const lt_picture *picture, const settings *s, lt_error *err)
{
    size_t n = (size_t)3 * s->prep.out_width * s->prep.out_height;
    LT_AUTOFREE float *tensor = lt_malloc(n * sizeof *tensor);
    double begin = lt_clock_s();

    if (!tensor)
        return lt_fail_nomem(err);
    for (int i = 0; i < (s->times ? s->times : 1); i++)
        LT_TRY(lt_image_load(picture, &s->prep, tensor, NULL, err));
    if (s->times)
        printf("%.3f ms  %s\n", (lt_clock_s() - begin) * 1e3 / s->times, picture->path);
    else
        fwrite(tensor, sizeof *tensor, n, stdout);
    return LT_OK;
}

int main(int argc, char **argv)
{
    settings s = {.prep = {.resample = LT_RESAMPLE_BICUBIC,
                           .rescale = 1.0f / 255.0f,
                           .std = {1.0f, 1.0f, 1.0f}}};
    lt_error err;
    int failed = 0;

    if (!parse(argc, argv, &s)) {
        fprintf(stderr, "usage: see the head of tests/tools/image_tensor.c\n");
        return 2;
    }
    if (lt_image_init(&err) != LT_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    for (int i = optind; i < argc; i++) {
        lt_picture picture = {.path = argv[i]};
        lt_status st = s.info          ? print_info(&picture, &err)
                       : s.thumb_width ? print_thumbnail(&picture, &s, &err)
                                       : print_tensor(&picture, &s, &err);

        if (st != LT_OK) {
            fprintf(stderr, "%s: %s\n", lt_status_name(st), err.message);
            failed = 1;
        }
    }
    struct rusage usage;

    if (s.times && getrusage(RUSAGE_SELF, &usage) == 0)
        printf("peak %ld MB\n", usage.ru_maxrss / 1024);
    return failed;
}
