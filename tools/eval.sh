#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# eval.sh [MODEL]: measures retrieval with `latent eval` on the photos at hand and writes the tables
# between the marks of docs/MODEL.md (for the built-in model only). `make eval` calls it.
#   MODEL   another model directory: the figures are printed, the card stays
set -euo pipefail
cd "$(dirname "$0")/.."
latent=build/release/latent
python=build/deps/venv-test/bin/python
out=build/eval
model=${1:-}

tools/setup.sh --test --demo
"$python" tools/eval_sets.py "$out"
rm -f "$out"/*.result.jsonl
for set in stamps flickr coco coco+; do
    [[ -f $out/$set.jsonl ]] || continue
    for dims in "" 128; do
        "$latent" ${model:+--model "$model"} eval "$out/$set.jsonl" --json ${dims:+--dims "$dims"} \
            >"$out/$set${dims:+@$dims}.result.jsonl"
    done
done
"$python" tools/eval_copies.py "$latent" "$out" ${model:+"$model"}
"$python" tools/eval_table.py "$out" ${model:+--print}
