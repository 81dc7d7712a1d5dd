#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# demo_coco.sh: the demo on the 5,000 photos of COCO val2017. Needs a network; 778 MB are fetched
# once into build/coco, resumed where a download broke off, and checked. `make demo-coco` calls it.
set -euo pipefail
cd "$(dirname "$0")/.."
url=${LATENT_COCO_URL:-http://images.cocodataset.org/zips/val2017.zip}
sum=4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05
dir=build/coco
zip=$dir/val2017.zip
mkdir -p "$dir"

get() { # goes on where the file ends; prints the HTTP status
    curl --fail --location --retry 5 --continue-at - --output "$zip" --write-out '%{http_code}' "$url"
}

fetch() {
    local http code=0
    http=$(get) || code=$?
    # A server that cannot resume (33 is curl's word for it), or a file that is no beginning of what
    # the server has (416): then from the start.
    if [[ $code -eq 33 || $http == 416 ]]; then
        rm -f "$zip"
        code=0
        get >/dev/null || code=$?
    fi
    return "$code"
}

if [[ ! -f $dir/complete ]]; then
    for tool in curl unzip; do
        command -v "$tool" >/dev/null || { echo "demo-coco: please install $tool" >&2; exit 1; }
    done
    if ! printf '%s  %s\n' "$sum" "$zip" | sha256sum --check --status 2>/dev/null; then
        echo "demo-coco: downloading $url (778 MB)"
        fetch || { echo "demo-coco: the download failed; run it again to go on" >&2; exit 1; }
        printf '%s  %s\n' "$sum" "$zip" | sha256sum --check --status || {
            rm -f "$zip"
            echo "demo-coco: what came is not the file expected (sha256); it was deleted, run again" >&2
            exit 1
        }
    fi
    unzip -q -o "$zip" -d "$dir"
    [[ $(find "$dir/val2017" -name '*.jpg' | wc -l) -eq 5000 ]] || { echo "demo-coco: the archive lacks photos" >&2; exit 1; }
    touch "$dir/complete"
    rm -f "$zip"
fi
demo=build/demo-coco
LATENT_DEMO_DIR=$PWD/$demo tools/demo.sh "$PWD/$dir/val2017"
build/release/latent --data "$demo/photos" search Surfing -k 3 --html "$demo/contact-sheet.html" --append
