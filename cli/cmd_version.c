/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"
#include "term.h"

typedef struct args {
    bool json;
} args;

static const cli_option options[] = {
    {"json", 0, CLI_FLAG, offsetof(args, json), NULL, CLI_COMPLETE_NONE, 0, 0,
     "print one JSON object"},
};

int cli_print_version(bool json)
{
    yyjson_mut_val *root;
    lt_error err;

    if (!json) {
        cli_outf("latent %s\n", lt_version());
        return CLI_EXIT_OK;
    }
    yyjson_mut_doc *doc = cli_json_object(&root);

    if (root)
        yyjson_mut_obj_add_str(doc, root, "version", lt_version());
    return cli_out_json(doc, &err) == LT_OK ? CLI_EXIT_OK : cli_failed(&err);
}

static int run(const cli_globals *globals, const void *a, const cli_list *operands)
{
    (void)globals;
    (void)operands;
    return cli_print_version(((const args *)a)->json);
}

const cli_command cli_cmd_version = {
    .name = "version",
    .operands = "",
    .summary = "print the version",
    .about = "Prints the version of latent.",
    .options = options,
    .n_options = CLI_COUNT_OF(options),
    .run = run,
    .args_size = sizeof(args),
};
