#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# bench/run.sh [PHOTOS]: how fast latent is here; prints JSON lines. Run it on an idle machine.
#   PHOTOS   a folder of photographs of usual size (default: ../shared/data/coco-train2017-80, else
#            the stamps of the demo)
# 5,000 files are made of them with hard links, so that the figures are of a library's size while
# the pictures are few.
set -euo pipefail
cd "$(dirname "$0")/.."
latent=build/release/latent
photos=${1:-../shared/data/coco-train2017-80}
[[ -d $photos ]] || photos=/usr/share/tuxpaint/stamps/animals
[[ -d $photos ]] || { echo "bench: no photos at $photos; name a folder" >&2; exit 2; }
cmake --build --preset release --target bench_parts >/dev/null

work=$(mktemp -d)
export TMPDIR=$work
trap 'rm -rf "$work"' EXIT
mapfile -t files < <(find "$photos" -type f \( -iname '*.jpg' -o -iname '*.png' \) | sort)
spread() { # spread DIR N: N pictures, by turns
    mkdir -p "$1"
    for ((i = 0; i < $2; i++)); do
        local f=${files[i % ${#files[@]}]}
        ln "$f" "$1/$i-${f##*/}" 2>/dev/null || cp "$f" "$1/$i-${f##*/}"
    done
}
printf '{"bench": "machine", "commit": "%s", "cpu": "%s", "cores": %s, "load": %s}\n' \
    "$(git rev-parse --short HEAD 2>/dev/null || echo none)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(cut -d ' ' -f 1 /proc/loadavg)"
build/release/bench/bench_parts scan 5000 384
spread "$work/some" 400
build/release/bench/bench_parts gallery "$work/some" 3
spread "$work/many" 5000
python3 bench/cold.py "index of 5000" 1+0 -- "$latent" --data "$work/data" index --quiet "$work/many"
python3 bench/cold.py "reindex of 5000 unchanged" 5 -- \
    "$latent" --data "$work/data" index --quiet "$work/many"
python3 bench/cold.py "cold search by text" 20 -- "$latent" --data "$work/data" search Surfing -k 3 --json
python3 bench/cold.py "cold search by picture" 20 -- \
    "$latent" --data "$work/data" search --image "${files[0]}" -k 3 --json
