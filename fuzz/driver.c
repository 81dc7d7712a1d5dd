/* SPDX-License-Identifier: Apache-2.0
 * Runs a fuzz target on files and folders of files, without libFuzzer: so every input that once was
 * a find is a test in every build. */
#include <base/buf.h>
#include <base/file.h>
#include <base/mem.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t n_run;

static int run_file(const char *path)
{
    LT_CLEANUP(lt_buf_done) lt_buf file = {0};
    lt_error err;

    if (lt_file_read(path, (size_t)64 << 20, &file, &err) != LT_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    /* A copy of just its size, so that ASan sees a byte read behind the end. */
    uint8_t *copy = lt_malloc(file.len);

    if (!copy)
        return 1;
    for (size_t i = 0; i < file.len; i++)
        copy[i] = (uint8_t)file.data[i];
    (void)LLVMFuzzerTestOneInput(copy, file.len);
    lt_free(copy);
    n_run++;
    return 0;
}

static int run_folder(const char *path)
{
    DIR *dir = opendir(path);
    int failed = !dir;

    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        LT_AUTOFREE char *child = e->d_name[0] == '.' ? NULL : lt_path_join(path, e->d_name);

        if (child)
            failed |= run_file(child);
    }
    if (dir)
        closedir(dir);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++) {
        struct stat st;

        failed |= stat(argv[i], &st) < 0 || (S_ISDIR(st.st_mode) ? run_folder(argv[i])
                                                                 : run_file(argv[i]));
    }
    printf("%zu inputs\n", n_run);
    return failed || n_run == 0;
}
