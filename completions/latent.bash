# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Made by completions/generate.py from `latent help --json`; do not edit.

# The command among the words before the cursor, in $command; options' values are
# passed over.
_latent_command()
{
    local i=1
    command=
    while ((i < COMP_CWORD)); do
        case ${COMP_WORDS[i]} in
            --after|--alias|--api-key|--batch-wait|--before|--collection|--config|--data|--dims|--exclude|--filter|--host|--html|--image|--in|--limit|--max-body|--min-relevance|--min-score|--minus|--model|--near|--photos|--port|--queue|--read-only-api-key|--text|--threads|--timeout|--tls-cert|--tls-key|--weight|--workers|-i|-j|-k|-p|-t|-x) ((i += 1)) ;;
            -*) ;;
            *) command=${COMP_WORDS[i]}; return ;;
        esac
        ((i += 1))
    done
}

_latent()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command
    COMPREPLY=()
    _latent_command
    case "$command $before" in
        *" --data")
            mapfile -t COMPREPLY < <(compgen -d -- "$word"); compopt -o filenames 2>/dev/null
            return ;;
        *" --model")
            mapfile -t COMPREPLY < <(compgen -d -- "$word"); compopt -o filenames 2>/dev/null
            return ;;
        *" --collection")
            COMPREPLY=()
            return ;;
        index" --exclude"|index" -x")
            COMPREPLY=()
            return ;;
        index" --threads"|index" -j")
            COMPREPLY=()
            return ;;
        search" --image"|search" -i")
            mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames 2>/dev/null
            return ;;
        search" --minus")
            COMPREPLY=()
            return ;;
        search" --weight")
            COMPREPLY=()
            return ;;
        search" --limit"|search" -k")
            COMPREPLY=()
            return ;;
        search" --min-score")
            COMPREPLY=()
            return ;;
        search" --min-relevance")
            COMPREPLY=()
            return ;;
        search" --in")
            mapfile -t COMPREPLY < <(compgen -d -- "$word"); compopt -o filenames 2>/dev/null
            return ;;
        search" --after")
            COMPREPLY=()
            return ;;
        search" --before")
            COMPREPLY=()
            return ;;
        search" --near")
            COMPREPLY=()
            return ;;
        search" --filter")
            COMPREPLY=()
            return ;;
        search" --html")
            mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames 2>/dev/null
            return ;;
        embed" --text"|embed" -t")
            COMPREPLY=()
            return ;;
        embed" --dims")
            COMPREPLY=()
            return ;;
        embed" --threads"|embed" -j")
            COMPREPLY=()
            return ;;
        serve" --host")
            COMPREPLY=()
            return ;;
        serve" --port"|serve" -p")
            COMPREPLY=()
            return ;;
        serve" --api-key")
            COMPREPLY=()
            return ;;
        serve" --read-only-api-key")
            COMPREPLY=()
            return ;;
        serve" --tls-cert")
            mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames 2>/dev/null
            return ;;
        serve" --tls-key")
            mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames 2>/dev/null
            return ;;
        serve" --alias")
            COMPREPLY=()
            return ;;
        serve" --workers")
            COMPREPLY=()
            return ;;
        serve" --queue")
            COMPREPLY=()
            return ;;
        serve" --timeout")
            COMPREPLY=()
            return ;;
        serve" --max-body")
            COMPREPLY=()
            return ;;
        serve" --batch-wait")
            COMPREPLY=()
            return ;;
        serve" --config")
            mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames 2>/dev/null
            return ;;
        dump" --filter")
            COMPREPLY=()
            return ;;
        eval" --photos")
            mapfile -t COMPREPLY < <(compgen -d -- "$word"); compopt -o filenames 2>/dev/null
            return ;;
        eval" --dims")
            COMPREPLY=()
            return ;;
        eval" --threads"|eval" -j")
            COMPREPLY=()
            return ;;
    esac
    if [[ $word == -* ]]; then
        local options=
        case $command in
            index) options="--prune --exclude -x --watch -w --follow-links -L --threads -j --json --quiet -q --fail-on-error" ;;
            search) options="--image -i --minus --weight --limit -k --min-score --min-relevance --in --after --before --near --filter --json --html --append --no-pictures" ;;
            embed) options="--text -t --stdin-files --stdin-text --dims --threads -j --json" ;;
            serve) options="--host --port -p --api-key --read-only-api-key --jwt-rbac --insecure --tls-cert --tls-key --alias --workers --queue --timeout --max-body --batch-wait --preload --config --print-config --quiet -q" ;;
            info) options="--json" ;;
            forget) options="--all --yes -y --dry-run -n --quiet -q" ;;
            check) options="--json" ;;
            stat) options="--json" ;;
            dump) options="--filter --no-vectors --no-payload" ;;
            model) options="--json" ;;
            eval) options="--photos --dims --threads -j --json" ;;
            help) options="--json" ;;
            version) options="--json" ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$options --data --model --collection --help -h --version -V" -- "$word")
        return
    fi
    case $command in
        '') mapfile -t COMPREPLY < <(compgen -W "index search embed serve info forget check stat dump model eval help version" -- "$word") ;;
        index) mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames 2>/dev/null ;;
        embed) mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames 2>/dev/null ;;
        forget) mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames 2>/dev/null ;;
        model) mapfile -t COMPREPLY < <(compgen -W "list check" -- "$word") ;;
        eval) mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames 2>/dev/null ;;
        help) mapfile -t COMPREPLY < <(compgen -W "index search embed serve info forget check stat dump model eval help version" -- "$word") ;;
    esac
}

complete -F _latent latent
