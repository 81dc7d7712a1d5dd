#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# demo.sh [PHOTOS]: the main job, end to end. Indexes a folder, searches it with words of five
# languages and with a picture, prints the hits and writes all of them to one HTML page.
# Without PHOTOS: the photographs among Debian's stamps for Tux Paint. `make demo` calls it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
latent=${LATENT_BIN:-$root/build/release/latent}
out=${LATENT_DEMO_DIR:-$root/build/demo}
stamps=/usr/share/tuxpaint/stamps
mkdir -p "$out"
sheet=$out/contact-sheet.html
rm -f "$sheet"

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[[ -t 1 && -z ${NO_COLOR:-} ]] || title() { printf '\n%s\n' "$*"; }

if [[ $# -gt 0 ]]; then
    photos=${1/#\~\//$HOME/}     # not every shell opens the ~ of PHOTOS=~/Pictures
    data=$out/photos
    skip=()
    queries=(
        "people at the beach" "a dog" "food on a table" "mountains"            # English
        "ein Auto auf der Straße" "Kinder spielen"                             # German
        "une fleur" "un bateau sur l'eau"                                      # French
        "un gatto" "un edificio antico"                                        # Italian
        "un tren" "la puesta de sol"                                           # Spanish
    )
else
    photos=/usr/share/tuxpaint/stamps
    [[ -d $photos ]] || { echo "demo: $photos is not there; run: make setup, or make demo PHOTOS=DIR" >&2; exit 1; }
    data=$out/stamps
    rm -rf "$data"                # few enough to be embedded anew each time
    # Drawings and signs; what is left are photographs of things, cut out. The query picture is kept
    # out too, so that it is another photo that is searched with.
    picture=$photos/vehicles/auto/sportscar2.png
    skip=(--exclude cartoon --exclude symbols --exclude seasonal --exclude flags
        --exclude roadsigns --exclude toys --exclude plastic --exclude space
        --exclude 't_*' --exclude 'sedan_police*' --exclude "${picture##*/}")
    queries=(
        "an elephant" "a ripe strawberry" "a violin"                           # English
        "ein Hammer" "eine Trompete"                                           # German
        "un canard" "un camion de pompiers"                                    # French
        "una chitarra" "un pesce"                                              # Italian
        "un caballo" "flor amarilla" "un avión"                                # Spanish
    )
fi

# --in: the index of PHOTOS may hold other folders, of earlier runs.
search() { "$latent" --data "$data" search --in "$photos" "$@"; }

title "latent index $photos"
"$latent" --data "$data" index "$photos" "${skip[@]}"
[[ -n $(search picture -k 1 --json) ]] || { echo "demo: there is nothing to search in $photos" >&2; exit 1; }
for query in "${queries[@]}"; do
    title "latent search \"$query\""
    search "$query" -k 4 --html "$sheet" --append
done
# Of your photos: the best hit for the second query, which then finds itself before its likes.
[[ -n ${picture:-} ]] || picture=$(search "${queries[1]}" -k 1 --json | python3 -c '
import json, os, sys
hit = json.loads(sys.stdin.readline())
exact = hit["payload"].get("filename_hex")
sys.stdout.buffer.write(bytes.fromhex(exact) if exact else os.fsencode(hit["filename"]))')
title "latent search --image $picture"
search --image "$picture" -k 5 --html "$sheet" --append
title "All hits as pictures: $sheet"
echo "More: $latent --data $data search WORDS"
