/* SPDX-License-Identifier: Apache-2.0
 * As getopt_long understands them: --name=value, --name value, unambiguous beginnings of names,
 * -k3, -k 3, clusters of flags, options and operands mixed, `--` before operands that begin with a
 * dash. Options of all commands may stand before the command only if they are global. */
#include "options.h"

#include <base/error.h>
#include <base/mem.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const cli_option cli_global_options[] = {
    {"data", 0, CLI_TEXT, offsetof(cli_globals, data), "DIR", CLI_COMPLETE_FOLDERS, 0, 0,
     "where the index is kept (default: $LATENT_DATA, then ~/.local/share/latent)"},
    {"model", 0, CLI_TEXT, offsetof(cli_globals, model), "DIR", CLI_COMPLETE_FOLDERS, 0, 0,
     "the model's folder (default: $LATENT_MODEL, then the built-in model)"},
    {"collection", 0, CLI_TEXT, offsetof(cli_globals, collection), "NAME", CLI_COMPLETE_NONE, 0, 0,
     "the collection within the index (default: photos)"},
    {"help", 'h', CLI_FLAG, offsetof(cli_globals, help), NULL, CLI_COMPLETE_NONE, 0, 0,
     "show help and exit"},
    {"version", 'V', CLI_FLAG, offsetof(cli_globals, version), NULL, CLI_COMPLETE_NONE, 0, 0,
     "show the version and exit"},
};
const size_t cli_n_global_options = sizeof cli_global_options / sizeof *cli_global_options;

/* ---- the nearest word ------------------------------------------------------------------------ */

enum { WORD_MAX = 48 }; /* longer words are not compared */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment (Damerau 1964, with each place edited once). */
size_t cli_edit_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    size_t d[WORD_MAX + 1][WORD_MAX + 1];

    if (n > WORD_MAX || m > WORD_MAX)
        return n > m ? n : m;
    for (size_t i = 0; i <= n; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            size_t replace = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

            d[i][j] = least(replace, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[n][m];
}

const char *cli_nearest(const char *word, const char *const *names, size_t n)
{
    size_t length = strlen(word), best = SIZE_MAX;
    const char *nearest = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t d = cli_edit_distance(word, names[i]);

        /* "serach", and also "sea" where something begins so. */
        if (length >= 2 && strncmp(word, names[i], length) == 0)
            d = 1;
        if (d < best) {
            best = d;
            nearest = names[i];
        }
    }
    return best <= (length <= 3 ? 1 : length <= 8 ? 2 : 3) ? nearest : NULL;
}

/* ---- tables ---------------------------------------------------------------------------------- */

const cli_command *cli_find_command(const cli_command *const *commands, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

typedef struct parser {
    const cli_command *const *commands;
    size_t n_commands;
    cli_parsed *out;
    int argc, at;
    char *const *argv;
    lt_error *err;
} parser;

/* The option tables in force: the command's (if one is known by now), then the global ones. */
static const cli_option *option_at(const parser *p, size_t i)
{
    size_t own = p->out->command ? p->out->command->n_options : 0;

    if (i < own)
        return &p->out->command->options[i];
    i -= own;
    return i < cli_n_global_options ? &cli_global_options[i] : NULL;
}

static void *target_of(const parser *p, const cli_option *o)
{
    bool global = o >= cli_global_options && o < cli_global_options + cli_n_global_options;
    char *base = global ? (char *)&p->out->globals : p->out->args;

    return base + o->at;
}

static const char *command_word(const parser *p)
{
    return p->out->command ? p->out->command->name : "";
}

static lt_status fail_usage(const parser *p, const char *message)
{
    const char *word = command_word(p);

    return lt_fail(p->err, LT_EINVAL, "%s (see: latent help%s%s)", message, word[0] ? " " : "",
                   word);
}

static lt_status unknown_option(const parser *p, const char *name)
{
    const char *names[64], *owner = NULL;
    size_t n = 0;
    char text[256];

    for (const cli_option *o; n < 64 && (o = option_at(p, n)) != NULL;)
        names[n++] = o->name;
    const char *near = cli_nearest(name, names, n);

    for (size_t c = 0; !p->out->command && c < p->n_commands && !owner; c++)
        for (size_t i = 0; i < p->commands[c]->n_options; i++)
            if (strcmp(p->commands[c]->options[i].name, name) == 0)
                owner = p->commands[c]->name;
    if (owner)
        snprintf(text, sizeof text, "option --%s belongs behind the command: latent %s --%s", name,
                 owner, name);
    else if (near)
        snprintf(text, sizeof text, "unknown option --%.64s; did you mean --%s?", name, near);
    else
        snprintf(text, sizeof text, "unknown option --%.64s", name);
    return fail_usage(p, text);
}

/* ---- values ---------------------------------------------------------------------------------- */

static lt_status bad_value(const parser *p, const cli_option *o, const char *value,
                           const char *want)
{
    return lt_fail(p->err, LT_EINVAL, "--%s: %s is expected, not \"%.80s\"", o->name, want, value);
}

static lt_status add_to_list(cli_list *l, const char *item, lt_error *err)
{
    const char **more = lt_realloc(l->items, l->n + 1, sizeof *more);

    if (!more)
        return lt_fail_nomem(err);
    l->items = more;
    l->items[l->n++] = item;
    return LT_OK;
}

static lt_status set_size(const parser *p, const cli_option *o, const char *value, size_t *out)
{
    char *end, want[96];
    bool digit = value[0] >= '0' && value[0] <= '9';

    errno = 0;
    unsigned long long n = digit ? strtoull(value, &end, 10) : 0;

    if (!digit || *end != '\0' || errno == ERANGE || n < o->min || n > o->max) {
        snprintf(want, sizeof want, "a whole number from %zu to %zu", o->min, o->max);
        return bad_value(p, o, value, want);
    }
    *out = (size_t)n;
    return LT_OK;
}

static lt_status set_real(const parser *p, const cli_option *o, const char *value, double *out)
{
    char *end;
    double x = strtod(value, &end);

    if (end == value || *end != '\0' || !isfinite(x))
        return bad_value(p, o, value, "a number");
    *out = x;
    return LT_OK;
}

static lt_status set_value(const parser *p, const cli_option *o, const char *value)
{
    void *target = target_of(p, o);

    switch (o->kind) {
    case CLI_FLAG:
        *(bool *)target = true;
        return LT_OK;
    case CLI_TEXT:
        *(const char **)target = value;
        return LT_OK;
    case CLI_LIST:
        return add_to_list(target, value, p->err);
    case CLI_SIZE:
        return set_size(p, o, value, target);
    case CLI_REAL:
        return set_real(p, o, value, target);
    }
    return LT_OK;
}

/* The value of an option: what is attached to it, or the next word. */
static lt_status take_value(parser *p, const cli_option *o, const char *attached,
                            const char *spelled)
{
    char text[160];

    if (o->kind == CLI_FLAG) {
        if (!attached)
            return set_value(p, o, NULL);
        snprintf(text, sizeof text, "option --%s takes no value", o->name);
        return fail_usage(p, text);
    }
    if (!attached && p->at < p->argc)
        attached = p->argv[p->at++];
    if (attached)
        return set_value(p, o, attached);
    snprintf(text, sizeof text, "option %.64s needs a value: %.64s %s", spelled, spelled, o->value);
    return fail_usage(p, text);
}

/* ---- words of the command line ---------------------------------------------------------------- */

/* Finds a long option by its name or an unambiguous beginning of it. */
static lt_status find_long(const parser *p, const char *name, const cli_option **out)
{
    const cli_option *found = NULL, *o;
    char text[256];

    for (size_t i = 0; (o = option_at(p, i)) != NULL; i++) {
        if (strcmp(o->name, name) == 0) {
            *out = o;
            return LT_OK;
        }
        if (name[0] == '\0' || strncmp(o->name, name, strlen(name)) != 0)
            continue;
        if (found) {
            snprintf(text, sizeof text, "option --%.64s is ambiguous: --%s or --%s", name,
                     found->name, o->name);
            return fail_usage(p, text);
        }
        found = o;
    }
    if (!found)
        return unknown_option(p, name);
    *out = found;
    return LT_OK;
}

static lt_status long_option(parser *p, const char *word)
{
    const char *equals = strchr(word, '=');
    size_t n = equals ? (size_t)(equals - word) : strlen(word);
    const cli_option *o = NULL;
    char name[WORD_MAX + 1], spelled[WORD_MAX + 3];

    snprintf(name, sizeof name, "%.*s", (int)(n > WORD_MAX ? WORD_MAX : n), word);
    LT_TRY(find_long(p, name, &o));
    snprintf(spelled, sizeof spelled, "--%s", o->name);
    return take_value(p, o, equals ? equals + 1 : NULL, spelled);
}

static lt_status short_options(parser *p, const char *letters)
{
    for (; *letters; letters++) {
        const cli_option *o = NULL;
        char text[64];

        for (size_t i = 0; (o = option_at(p, i)) != NULL; i++)
            if (o->letter == *letters)
                break;
        if (!o) {
            snprintf(text, sizeof text, "unknown option -%c", *letters);
            return fail_usage(p, text);
        }
        if (o->kind == CLI_FLAG) {
            LT_TRY(set_value(p, o, NULL));
            continue;
        }
        snprintf(text, sizeof text, "-%c", *letters);
        return take_value(p, o, letters[1] ? letters + 1 : NULL, text);
    }
    return LT_OK;
}

static lt_status unknown_command(const parser *p, const char *word)
{
    const char *names[64];
    size_t n = p->n_commands < 64 ? p->n_commands : 64;

    for (size_t i = 0; i < n; i++)
        names[i] = p->commands[i]->name;
    const char *near = cli_nearest(word, names, n);

    if (near)
        return lt_fail(p->err, LT_EINVAL,
                       "unknown command '%.64s'; did you mean '%s'? (all commands: latent help)",
                       word, near);
    return lt_fail(p->err, LT_EINVAL, "unknown command '%.64s'; all commands: latent help", word);
}

static lt_status choose_command(parser *p, const char *word)
{
    const cli_command *c = cli_find_command(p->commands, p->n_commands, word);

    if (!c)
        return unknown_command(p, word);
    p->out->args = lt_calloc(1, c->args_size ? c->args_size : 1);
    if (!p->out->args)
        return lt_fail_nomem(p->err);
    if (c->defaults)
        memcpy(p->out->args, c->defaults, c->args_size);
    p->out->command = c;
    return LT_OK;
}

static lt_status operand(parser *p, const char *word)
{
    if (!p->out->command)
        return choose_command(p, word);
    if (p->out->operands.n == p->out->command->max_operands) {
        char text[160];

        snprintf(text, sizeof text, "\"%.80s\" is one argument too many for '%s'", word,
                 p->out->command->name);
        return fail_usage(p, text);
    }
    return add_to_list(&p->out->operands, word, p->err);
}

static lt_status parse_words(parser *p)
{
    bool options = true;

    while (p->at < p->argc) {
        const char *word = p->argv[p->at++];

        if (options && strcmp(word, "--") == 0)
            options = false;
        else if (options && word[0] == '-' && word[1] == '-')
            LT_TRY(long_option(p, word + 2));
        else if (options && word[0] == '-' && word[1] != '\0')
            LT_TRY(short_options(p, word + 1));
        else
            LT_TRY(operand(p, word));
    }
    return LT_OK;
}

/* --help must work beside any mistake: it is how one finds out. */
static bool asks_for_help(int argc, char *const *argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

lt_status cli_parse(const cli_command *const *commands, size_t n_commands, int argc,
                    char *const *argv, cli_parsed *out, lt_error *err)
{
    *out = (cli_parsed){.globals = {.collection = "photos"}};
    parser p = {
        .commands = commands, .n_commands = n_commands, .out = out,
        .argc = argc, .at = 1, .argv = argv, .err = err,
    };
    lt_status st = parse_words(&p);

    if (asks_for_help(argc, argv) && (st == LT_OK || out->command || argc == 2)) {
        out->globals.help = true;
        return LT_OK;
    }
    if (st != LT_OK || out->globals.version || !out->command)
        return st;
    if (out->operands.n < out->command->min_operands)
        return fail_usage(&p, out->command->missing);
    return LT_OK;
}

void cli_parsed_done(cli_parsed *p)
{
    for (size_t i = 0; p->command && p->args && i < p->command->n_options; i++) {
        const cli_option *o = &p->command->options[i];

        if (o->kind == CLI_LIST)
            lt_free(((cli_list *)(void *)((char *)p->args + o->at))->items);
    }
    lt_free(p->operands.items);
    lt_free(p->args);
    *p = (cli_parsed){0};
}
