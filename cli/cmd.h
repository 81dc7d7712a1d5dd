/* SPDX-License-Identifier: Apache-2.0
 * The commands, one cmd_*.c each; main.c lists them. */
#ifndef LT_CLI_CMD_H
#define LT_CLI_CMD_H

#include "options.h"

extern const cli_command cli_cmd_index;
extern const cli_command cli_cmd_search;
extern const cli_command cli_cmd_embed;
extern const cli_command cli_cmd_serve;
extern const cli_command cli_cmd_info;
extern const cli_command cli_cmd_forget;
extern const cli_command cli_cmd_model;
extern const cli_command cli_cmd_eval;
extern const cli_command cli_cmd_check;
extern const cli_command cli_cmd_stat;
extern const cli_command cli_cmd_dump;
extern const cli_command cli_cmd_help;
extern const cli_command cli_cmd_version;

/* The overview of all commands, or one command's help, on standard output. */
void cli_print_overview(void);
void cli_print_help(const cli_command *command);
int cli_print_version(bool json);

#define CLI_COUNT_OF(a) (sizeof(a) / sizeof *(a))

#endif
