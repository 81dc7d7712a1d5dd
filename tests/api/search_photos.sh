#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# search_photos.sh PROGRAM PHOTOS: the example finds the elephant among the stamps of mammals.
set -euo pipefail
if [[ ! -d $2 ]]; then
    echo "skipped: $2 is not installed"
    exit 77
fi
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
out=$("$1" "$data/db" "$2" "an elephant")
printf '%s\n' "$out"
[[ $(wc -l <<<"$out") -eq 5 ]]
grep -qi elephant <<<"$out"
if "$1" "$data/db" "$data/nothing" "x" 2>"$data/err"; then exit 1; fi
grep -q nothing "$data/err"
