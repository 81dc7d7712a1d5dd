#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# bench/peers.sh [SIZE]: the index beside hnswlib, faiss and qdrant-edge, in one run of peers.py; then
# filtered searches beside faiss. Prints tables; JSON lines go to bench/results/peers-<date>.jsonl.
#   SIZE      full (default): 100k x 128 and 50k x 512, about 20 minutes on two idle cores;
#             small: 10k x 128, to see that all of it works
#   PEERS_DIR where peers.py lies (default ../shared/bench-peers)
#   BENCH_VENV a Python environment with the peers; made in build/bench-venv where it is not given
set -euo pipefail
cd "$(dirname "$0")/.."
size=${1:-full}
peers=${PEERS_DIR:-../shared/bench-peers}
[[ -f $peers/peers.py ]] || { echo "peers.sh: no peers.py in $peers; set PEERS_DIR" >&2; exit 2; }
venv=${BENCH_VENV:-build/bench-venv}
if [[ ! -x $venv/bin/python ]]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet numpy hnswlib faiss-cpu qdrant-edge-py
fi
cmake --build --preset release --target latent-ann bench_filter >/dev/null
ann=$PWD/build/release/latent-ann
results=bench/results/peers-$(date +%F).jsonl
[[ $size == full ]] || results=build/peers-small.jsonl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case $size in
full) data=(--data synth:100000:128 --data synth:50000:512) filtered=(--n 100000 --d 128) ;;
small) data=(--data synth:10000:128) filtered=(--n 10000 --d 128 --queries 100) ;;
*) echo "peers.sh: SIZE is full or small" >&2; exit 2 ;;
esac
printf '{"kind": "run", "commit": "%s", "cpu": "%s", "cores": %s, "load": %s}\n' \
    "$(git describe --always --dirty)" "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
    "$(nproc)" "$(cut -d ' ' -f 1 /proc/loadavg)" >> "$results"
run() { # run NAME ARGS...: one run of peers.py over all data
    local name=$1
    shift
    "$venv/bin/python" "$peers/peers.py" run --work "$work" --jsonl "$results" --table "$work/$name.md" \
        --ef 16,24,32,48,64,96,128,256 "${data[@]}" "$@"
}
# The graphs, built by one thread and by two.
run graphs --threads 1,2 --engines hnswlib,faiss-hnsw --external "latent=$ann"
# Whole engines, codes and scans: what is built does not differ, so one thread will do.
run codes --engines qdrant-edge,qdrant-edge-int8,faiss-flat,faiss-flat-sq8 \
    --external "latent-mapped=$ann --mapped" \
    --external "latent-int8=$ann --quant int8 --mapped" \
    --external "latent-2bit=$ann --quant 2bit --oversample 6 --mapped" \
    --external "latent-1bit=$ann --quant 1bit --oversample 8 --mapped" \
    --external "latent-pq16=$ann --quant pq16 --oversample 8 --mapped" \
    --external "latent-scan=$ann --scan" \
    --external "latent-scan-int8=$ann --scan --quant int8"
"$venv/bin/python" bench/filtered.py "$peers" "$ann" "${filtered[@]}" --jsonl "$results"
TMPDIR=$work build/release/bench/bench_filter 20000
