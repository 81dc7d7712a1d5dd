/* SPDX-License-Identifier: Apache-2.0
 * The program: takes the command line apart and runs one command. */
#include <signal.h>

#include "cmd.h"
#include "term.h"

const cli_command *const cli_commands[] = {
    &cli_cmd_index,  &cli_cmd_search, &cli_cmd_embed, &cli_cmd_serve, &cli_cmd_info,
    &cli_cmd_forget, &cli_cmd_check,  &cli_cmd_stat,  &cli_cmd_dump,  &cli_cmd_model,
    &cli_cmd_eval,   &cli_cmd_help,   &cli_cmd_version,
};
const size_t cli_n_commands = CLI_COUNT_OF(cli_commands);

static int run(const cli_parsed *p)
{
    if (p->globals.help) {
        if (p->command)
            cli_print_help(p->command);
        else
            cli_print_overview();
        return CLI_EXIT_OK;
    }
    if (p->globals.version)
        return cli_print_version(false);
    if (!p->command) {
        cli_complain("a command is missing, as in: latent index PHOTOS; latent search \"a red "
                     "boat\" (all commands: latent help)");
        return CLI_EXIT_USAGE;
    }
    return p->command->run(&p->globals, p->args, &p->operands);
}

int main(int argc, char **argv)
{
    cli_parsed parsed;
    lt_error err;
    int code = CLI_EXIT_USAGE;

    /* A closed pipe is noticed where output is written; see cli_out_end. */
    signal(SIGPIPE, SIG_IGN);
    cli_term_init();
    if (cli_parse(cli_commands, cli_n_commands, argc, argv, &parsed, &err) == LT_OK)
        code = run(&parsed);
    else
        cli_complain("%s", err.message);
    cli_parsed_done(&parsed);
    return cli_out_end(code);
}
