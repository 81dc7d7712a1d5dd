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
    photos=$1
    skip=()
    queries=(
        "people at the beach" "a dog" "food on a table" "mountains"            # English
        "ein Auto auf der Straße" "Kinder spielen"                             # German
        "une fleur" "un bateau sur l'eau"                                      # French
        "un gatto" "un edificio antico"                                        # Italian
        "un tren" "la puesta de sol"                                           # Spanish
    )
else
    photos=$stamps
    [[ -d $photos ]] || { echo "demo: $photos is not there; run: make setup, or make demo PHOTOS=DIR" >&2; exit 1; }
    # Drawings and signs; what is left are photographs of things, cut out.
    skip=(--exclude cartoon --exclude symbols --exclude seasonal --exclude flags
        --exclude roadsigns --exclude toys --exclude plastic --exclude space)
    queries=(
        "an elephant" "a ripe strawberry" "musical instrument with strings"    # English
        "ein Schmetterling" "eine Flasche" "Werkzeug"                          # German
        "une pomme rouge" "un canard"                                          # French
        "un fungo" "una chitarra"                                              # Italian
        "un caballo" "flor amarilla"                                           # Spanish
    )
fi

run() { "$latent" --data "$out/data" "$@"; }

title "latent index $photos"
run index "$photos" "${skip[@]}"
for query in "${queries[@]}"; do
    title "latent search \"$query\""
    run search "$query" -k 4 --html "$sheet" --append
done
# The query picture is one of the collection's own, made smaller, so that it is not the same file.
picture=$(run search "${queries[1]}" -k 1 --json | sed -n 's/.*"filename":"\([^"]*\)".*/\1/p' | head -n 1)
title "latent search --image $picture"
run search --image "$picture" -k 5 --html "$sheet" --append
title "All hits as pictures: $sheet"
