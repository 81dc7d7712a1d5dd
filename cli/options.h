/* SPDX-License-Identifier: Apache-2.0
 * The command line, driven by tables: each command says once which options it knows, what their
 * values are called and what they do. Parsing, help texts, suggestions and (by way of
 * `latent help --json`) the completions are all made from the same tables. */
#ifndef LT_CLI_OPTIONS_H
#define LT_CLI_OPTIONS_H

#include <base/buf.h>
#include <latent.h>

/* What a value is, and so where the parser puts it. */
typedef enum cli_kind {
    CLI_FLAG, /* bool: no value */
    CLI_TEXT, /* const char * */
    CLI_LIST, /* cli_list: the option may be given again */
    CLI_SIZE, /* size_t between `min` and `max` */
    CLI_REAL  /* double, finite */
} cli_kind;

/* What completes a value or an operand in a shell. */
typedef enum cli_completion {
    CLI_COMPLETE_NONE,
    CLI_COMPLETE_FILES,
    CLI_COMPLETE_FOLDERS,
    CLI_COMPLETE_COMMANDS,
    CLI_COMPLETE_LIST_CHECK /* the words `list` and `check` */
} cli_completion;

typedef struct cli_option {
    const char *name;  /* without dashes */
    char letter;       /* 0: none */
    cli_kind kind;
    size_t at;         /* where in the command's arguments */
    const char *value; /* what help calls the value; NULL for a flag */
    cli_completion completes;
    size_t min, max;   /* of CLI_SIZE */
    const char *help;  /* one line */
} cli_option;

/* Strings borrowed from argv. */
typedef struct cli_list {
    const char **items;
    size_t n;
} cli_list;

/* Options that every command takes, before or after its name. */
typedef struct cli_globals {
    const char *data;
    const char *model;
    const char *collection;
    bool help;
    bool version;
} cli_globals;

typedef struct cli_command {
    const char *name;
    const char *operands; /* for the usage line, e.g. "PATH..." */
    const char *summary;  /* one line */
    const char *about;    /* paragraphs for `latent help COMMAND` */
    const char *examples; /* command lines, one each line; may be NULL */
    const cli_option *options;
    size_t n_options;
    cli_completion completes; /* its operands */
    size_t min_operands, max_operands;
    const char *missing; /* what is missing when there are too few operands */
    /* Runs with arguments parsed into `args` (args_size bytes, begun from `defaults` or zeros).
     * Returns the exit code. */
    int (*run)(const cli_globals *globals, const void *args, const cli_list *operands);
    size_t args_size;
    const void *defaults;
} cli_command;

extern const cli_option cli_global_options[];
extern const size_t cli_n_global_options;
extern const cli_command *const cli_commands[];
extern const size_t cli_n_commands;

/* A command line taken apart. */
typedef struct cli_parsed {
    cli_globals globals;
    const cli_command *command; /* NULL where none was named */
    void *args;
    cli_list operands;
} cli_parsed;

/* Takes argv apart for the given commands. LT_EINVAL with a message for the user: an unknown
 * command or option (with the nearest known), a missing or wrong value, too few or many operands.
 * With --help or --version among the options nothing else is complained about. */
lt_status cli_parse(const cli_command *const *commands, size_t n_commands, int argc,
                    char *const *argv, cli_parsed *out, lt_error *err) LT_NODISCARD;
void cli_parsed_done(cli_parsed *p);

/* NULL where there is none of that name. */
const cli_command *cli_find_command(const cli_command *const *commands, size_t n, const char *name);
/* The nearest of the names by edit distance, or NULL if none is near enough to be meant. */
const char *cli_nearest(const char *word, const char *const *names, size_t n);
/* The number of edits (insert, delete, replace, swap of neighbours) between two short words. */
size_t cli_edit_distance(const char *a, const char *b);

#endif
