/* SPDX-License-Identifier: Apache-2.0
 * Help texts, laid out from the option tables. `latent help --json` prints the tables themselves:
 * completions/generate.py makes the shells' completions from it, and a test holds the manual page
 * against it. */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "term.h"

typedef struct args {
    bool json;
} args;

static const cli_option options[] = {
    {"json", 0, CLI_FLAG, offsetof(args, json), NULL, CLI_COMPLETE_NONE, 0, 0,
     "print all commands and options as one JSON object"},
};

static const char *bold(void)
{
    return cli_term_get()->out_style ? "\033[1m" : "";
}

static const char *plain(void)
{
    return cli_term_get()->out_style ? "\033[0m" : "";
}

static size_t text_width(void)
{
    unsigned width = cli_term_get()->width;

    return width > 100 ? 100 : width < 40 ? 40 : width;
}

/* Prints words filled to the width; every line but the first begins with `indent` blanks, and the
 * first is taken to stand at that column already. */
static void print_filled(const char *text, size_t indent)
{
    size_t column = indent;

    while (*text) {
        size_t n = strcspn(text, " ");

        if (column > indent && column + 1 + n > text_width()) {
            cli_outf("\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            cli_outs(" ");
            column++;
        }
        cli_out(text, n);
        column += n;
        text += n;
        text += *text == ' ';
    }
    cli_outs("\n");
}

enum { HELP_COLUMN = 26 };

static void print_option(const cli_option *o)
{
    char left[128], letter[8] = "    ";

    if (o->letter)
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, o->name, o->value ? " " : "",
             o->value ? o->value : "");
    cli_outf("%-*s", HELP_COLUMN, left);
    if (strlen(left) > HELP_COLUMN - 2)
        cli_outf("\n%*s", HELP_COLUMN, "");
    print_filled(o->help, HELP_COLUMN);
}

static void print_options(const char *title, const cli_option *table, size_t n)
{
    if (n == 0)
        return;
    cli_outf("\n%s%s%s\n", bold(), title, plain());
    for (size_t i = 0; i < n; i++)
        print_option(&table[i]);
}

static void print_lines(const char *lines)
{
    while (*lines) {
        size_t n = strcspn(lines, "\n");

        cli_outs("  ");
        cli_out(lines, n);
        cli_outs("\n");
        lines += n;
        lines += *lines == '\n';
    }
}

static void print_paragraphs(const char *text)
{
    while (*text) {
        char paragraph[1024];
        size_t n = strcspn(text, "\n");

        snprintf(paragraph, sizeof paragraph, "%.*s", (int)n, text);
        cli_outs("\n");
        print_filled(paragraph, 0);
        text += n;
        text += *text == '\n';
    }
}

void cli_print_help(const cli_command *c)
{
    cli_outf("Usage: %slatent %s%s%s%s%s\n", bold(), c->name, plain(),
             c->n_options ? " [OPTION]..." : "", c->operands[0] ? " " : "", c->operands);
    print_paragraphs(c->about);
    print_options("Options", c->options, c->n_options);
    print_options("Options of all commands", cli_global_options, cli_n_global_options);
    if (c->examples) {
        cli_outf("\n%sExamples%s\n", bold(), plain());
        print_lines(c->examples);
    }
}

void cli_print_overview(void)
{
    cli_outf("%slatent%s - search pictures by meaning\n\n", bold(), plain());
    cli_outs("Usage: latent [OPTION]... COMMAND [ARGUMENT]...\n");
    cli_outf("\n%sCommands%s\n", bold(), plain());
    for (size_t i = 0; i < cli_n_commands; i++)
        cli_outf("  %-10s%s\n", cli_commands[i]->name, cli_commands[i]->summary);
    print_options("Options of all commands", cli_global_options, cli_n_global_options);
    cli_outf("\n%sExamples%s\n", bold(), plain());
    print_lines("latent index ~/Pictures\n"
                "latent search \"a red boat on a lake\"\n"
                "latent search --image holiday.jpg -k 5\n");
    cli_outs("\nMore about a command: latent help COMMAND; all of it: man latent\n");
}

/* ---- the tables as JSON ------------------------------------------------------------------------ */

static const char *completion_name(cli_completion c)
{
    static const char *const names[] = {"none", "files", "folders", "commands", "list check"};

    return names[c];
}

static bool add_options(yyjson_mut_doc *doc, yyjson_mut_val *object, const cli_option *table,
                        size_t n)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, object, "options");

    for (size_t i = 0; list && i < n; i++) {
        const cli_option *o = &table[i];
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

        if (!item || !yyjson_mut_obj_add_str(doc, item, "name", o->name) ||
            !yyjson_mut_obj_add_strncpy(doc, item, "letter", &o->letter, o->letter ? 1 : 0) ||
            !yyjson_mut_obj_add_str(doc, item, "value", o->value ? o->value : "") ||
            !yyjson_mut_obj_add_bool(doc, item, "repeats", o->kind == CLI_LIST) ||
            !yyjson_mut_obj_add_str(doc, item, "completes", completion_name(o->completes)) ||
            !yyjson_mut_obj_add_str(doc, item, "help", o->help))
            return false;
    }
    return list != NULL;
}

static bool add_command(yyjson_mut_doc *doc, yyjson_mut_val *list, const cli_command *c)
{
    yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

    return item && yyjson_mut_obj_add_str(doc, item, "name", c->name) &&
           yyjson_mut_obj_add_str(doc, item, "operands", c->operands) &&
           yyjson_mut_obj_add_str(doc, item, "summary", c->summary) &&
           yyjson_mut_obj_add_str(doc, item, "completes", completion_name(c->completes)) &&
           add_options(doc, item, c->options, c->n_options);
}

static int print_tables(void)
{
    yyjson_mut_val *root, *list;
    lt_error err;
    yyjson_mut_doc *doc = cli_json_object(&root);
    bool ok = root && yyjson_mut_obj_add_str(doc, root, "version", lt_version()) &&
              add_options(doc, root, cli_global_options, cli_n_global_options) &&
              (list = yyjson_mut_obj_add_arr(doc, root, "commands")) != NULL;

    for (size_t i = 0; ok && i < cli_n_commands; i++)
        ok = add_command(doc, list, cli_commands[i]);
    if (!ok) {
        yyjson_mut_doc_free(doc);
        doc = NULL;
    }
    return cli_out_json(doc, &err) == LT_OK ? CLI_EXIT_OK : cli_failed(&err);
}

static int run(const cli_globals *globals, const void *a, const cli_list *operands)
{
    const char *names[64];

    (void)globals;
    if (((const args *)a)->json)
        return print_tables();
    if (operands->n == 0) {
        cli_print_overview();
        return CLI_EXIT_OK;
    }
    const cli_command *c = cli_find_command(cli_commands, cli_n_commands, operands->items[0]);

    if (c) {
        cli_print_help(c);
        return CLI_EXIT_OK;
    }
    for (size_t i = 0; i < cli_n_commands; i++)
        names[i] = cli_commands[i]->name;
    const char *near = cli_nearest(operands->items[0], names, cli_n_commands);

    cli_complain("there is no command '%.64s'%s%s%s (all commands: latent help)",
                 operands->items[0], near ? "; did you mean '" : "", near ? near : "",
                 near ? "'?" : "");
    return CLI_EXIT_USAGE;
}

const cli_command cli_cmd_help = {
    .name = "help",
    .operands = "[COMMAND]",
    .summary = "explain a command",
    .about = "Explains a command and its options; without one, lists the commands.",
    .examples = "latent help search",
    .options = options,
    .n_options = CLI_COUNT_OF(options),
    .completes = CLI_COMPLETE_COMMANDS,
    .max_operands = 1,
    .run = run,
    .args_size = sizeof(args),
};
