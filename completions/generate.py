#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""generate.py LATENT [NAME...]: makes the shells' completions from the program's own tables.

LATENT is the program. With a NAME (latent.bash, _latent, latent.fish) that file goes to standard
output, otherwise all three are written beside this script. tests/python/test_cli.py holds the
committed files against what this makes.
"""
import json
import pathlib
import subprocess
import sys

NOTE = "Made by completions/generate.py from `latent help --json`; do not edit."


def load(program):
    return json.loads(subprocess.run([program, "help", "--json"], capture_output=True,
                                     check=True).stdout)


def spellings(option):
    return [f"--{option['name']}"] + ([f"-{option['letter']}"] if option["letter"] else [])


# ---- bash ---------------------------------------------------------------------------------------


def bash_action(kind, commands):
    """A line of bash that fills COMPREPLY for the word $word."""
    if kind == "files":
        return 'mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames 2>/dev/null'
    if kind == "folders":
        return 'mapfile -t COMPREPLY < <(compgen -d -- "$word"); compopt -o filenames 2>/dev/null'
    if kind == "commands":
        return f'mapfile -t COMPREPLY < <(compgen -W "{" ".join(commands)}" -- "$word")'
    if kind == "none":
        return "COMPREPLY=()"
    return f'mapfile -t COMPREPLY < <(compgen -W "{kind}" -- "$word")'


def bash(table):
    commands = [c["name"] for c in table["commands"]]
    every = table["options"] + [o for c in table["commands"] for o in c["options"]]
    valued = sorted({s for o in every if o["value"] for s in spellings(o)})
    lines = ["# shellcheck shell=bash", "# SPDX-License-Identifier: Apache-2.0", f"# {NOTE}", "",
             "# The command among the words before the cursor, in $command; options' values are",
             "# passed over.",
             "_latent_command()", "{", "    local i=1", "    command=",
             "    while ((i < COMP_CWORD)); do", '        case ${COMP_WORDS[i]} in',
             f"            {'|'.join(valued)}) ((i += 1)) ;;", "            -*) ;;",
             '            *) command=${COMP_WORDS[i]}; return ;;', "        esac",
             "        ((i += 1))", "    done", "}", "", "_latent()", "{",
             '    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command',
             "    COMPREPLY=()", "    _latent_command", '    case "$command $before" in']
    for scope, options in [("*", table["options"])] + [(c["name"], c["options"])
                                                       for c in table["commands"]]:
        for option in options:
            if option["value"]:
                pattern = "|".join(f'{scope if scope == "*" else scope}" {s}"'
                                   for s in spellings(option))
                lines += [f"        {pattern})",
                          f"            {bash_action(option['completes'], commands)}",
                          "            return ;;"]
    lines += ["    esac", '    if [[ $word == -* ]]; then', "        local options=",
              "        case $command in"]
    for command in table["commands"]:
        names = " ".join(s for o in command["options"] for s in spellings(o))
        lines.append(f'            {command["name"]}) options="{names}" ;;')
    names = " ".join(s for o in table["options"] for s in spellings(o))
    lines += ["        esac",
              f'        mapfile -t COMPREPLY < <(compgen -W "$options {names}" -- "$word")',
              "        return", "    fi", "    case $command in",
              f"        '') {bash_action('commands', commands)} ;;"]
    for command in table["commands"]:
        if command["completes"] != "none":
            lines.append(f"        {command['name']}) "
                         f"{bash_action(command['completes'], commands)} ;;")
    lines += ["    esac", "}", "", "complete -F _latent latent", ""]
    return "\n".join(lines)


# ---- zsh ----------------------------------------------------------------------------------------


def zsh_quote(text):
    return text.replace("'", "'\\''").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")


def zsh_action(kind, commands):
    return {"files": "_files", "folders": "_files -/", "none": " ",
            "commands": f"({' '.join(commands)})"}.get(kind, f"({kind})")


def zsh_options(options, commands, indent):
    lines = []
    for option in options:
        names = spellings(option)
        repeat = "*" if option["repeats"] else ""
        value = (f":{option['value']}:{zsh_action(option['completes'], commands)}"
                 if option["value"] else "")
        for name in names:
            others = "" if repeat else f"({' '.join(names)})"
            equals = "=" if option["value"] and name.startswith("--") else ""
            lines.append(f"{indent}'{others}{repeat}{name}{equals}"
                         f"[{zsh_quote(option['help'])}]{value}' \\")
    return lines


def zsh(table):
    commands = [c["name"] for c in table["commands"]]
    lines = ["#compdef latent", "# SPDX-License-Identifier: Apache-2.0", f"# {NOTE}", "",
             "_latent() {", "    local curcontext=$curcontext state line", "    typeset -A opt_args",
             "    local -a commands=("]
    lines += [f"        '{c['name']}:{zsh_quote(c['summary'])}'" for c in table["commands"]]
    lines += ["    )", "    _arguments -C -s \\"]
    lines += zsh_options(table["options"], commands, "        ")
    lines += ["        '1:command:->command' \\", "        '*::argument:->argument' && return",
              "    case $state in", "        command) _describe command commands ;;",
              "        argument)", "            case $words[1] in"]
    for command in table["commands"]:
        lines += [f"                {command['name']})", "                    _arguments -s \\"]
        lines += zsh_options(command["options"] + table["options"], commands, " " * 24)
        lines += [f"                        '*:{command['operands'] or 'nothing'}:"
                  f"{zsh_action(command['completes'], commands)}' ;;".replace("|", "or")]
    lines += ["            esac ;;", "    esac", "}", "", '_latent "$@"', ""]
    return "\n".join(lines)


# ---- fish ---------------------------------------------------------------------------------------


def fish_quote(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish_option(option, condition, commands):
    parts = ["complete -c latent"]
    if condition:
        parts.append(f"-n {fish_quote(condition)}")
    parts.append(f"-l {option['name']}")
    if option["letter"]:
        parts.append(f"-s {option['letter']}")
    if option["value"]:
        kind = option["completes"]
        parts.append({"files": "-r -F", "folders": "-x -a '(__fish_complete_directories)'",
                      "none": "-x"}.get(kind, f"-x -a {fish_quote(kind)}"))
    parts.append(f"-d {fish_quote(option['help'])}")
    return " ".join(parts)


def fish(table):
    commands = [c["name"] for c in table["commands"]]
    lines = ["# SPDX-License-Identifier: Apache-2.0", f"# {NOTE}", "", "complete -c latent -f"]
    lines += [fish_option(o, "", commands) for o in table["options"]]
    for command in table["commands"]:
        lines.append(f"complete -c latent -n __fish_use_subcommand -a {command['name']} "
                     f"-d {fish_quote(command['summary'])}")
    for command in table["commands"]:
        seen = f"__fish_seen_subcommand_from {command['name']}"
        kind = command["completes"]
        lines.append("")
        if kind == "files":
            lines.append(f"complete -c latent -n {fish_quote(seen)} -F")
        elif kind == "commands":
            lines.append(f"complete -c latent -n {fish_quote(seen)} -a "
                         f"{fish_quote(' '.join(commands))}")
        elif kind != "none":
            lines.append(f"complete -c latent -n {fish_quote(seen)} -a {fish_quote(kind)}")
        lines += [fish_option(o, seen, commands) for o in command["options"]]
    return "\n".join(lines) + "\n"


MAKERS = {"latent.bash": bash, "_latent": zsh, "latent.fish": fish}


def main():
    if len(sys.argv) < 2 or any(name not in MAKERS for name in sys.argv[2:]):
        sys.exit(__doc__)
    table = load(sys.argv[1])
    for name in sys.argv[2:]:
        sys.stdout.write(MAKERS[name](table))
    if len(sys.argv) == 2:
        here = pathlib.Path(__file__).resolve().parent
        for name, make in MAKERS.items():
            (here / name).write_text(make(table), encoding="utf-8")


if __name__ == "__main__":
    main()
