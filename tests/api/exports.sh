#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# exports.sh LIBRARY HEADER: the library exports the functions marked LT_API and nothing else.
set -euo pipefail
exported=$(nm -D --defined-only "$1" | awk '$2 ~ /[TDBR]/ {sub(/@.*/, "", $3); print $3}' | sort)
declared=$(tr '\n' ' ' <"$2" | grep -oE 'LT_API[^;{]*' |
    grep -oE 'lt_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u)
if ! diff <(printf '%s\n' "$exported") <(printf '%s\n' "$declared"); then
    echo "exports: '<' is exported but not in latent.h, '>' the reverse" >&2
    exit 1
fi
echo "exports: $(wc -l <<<"$exported") functions, all in latent.h"
