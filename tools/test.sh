#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds and runs the tests: with AddressSanitizer and UBSan (the unit, property and crash tests),
# and the release build (the Python tests, which drive the program as a user does).
# LT_LONG=1 runs the long versions. Each step can be run alone by hand, as printed.
set -euo pipefail
cd "$(dirname "$0")/.."
jobs=$(nproc)

step() { printf '\n== %s\n' "$*"; "$@"; }
build() {
    cmake --preset "$1" >"build/$1.log" 2>&1 || { cat "build/$1.log"; exit 1; }
    cmake --build --preset "$1" -j "$jobs" >>"build/$1.log" 2>&1 || { cat "build/$1.log"; exit 1; }
}

# TBB loads a library of its own in a way that ASan refuses unless told.
export TBB_ENABLE_SANITIZERS=1
python=build/deps/venv-test/bin/python
long=${LT_LONG:-}

step tools/check_layers.py
step build asan
step build release
step "$python" tests/python/model_check.py ${long:+--long}
if [[ -n $long ]]; then
    step "$python" tests/python/tokenizer_live.py build/release/tests/tokenize_lines
    step "$python" tests/python/image_reference.py build/release/tests/image_tensor
    step "$python" tests/python/embed_reference.py build/release/tests/embed_lines
fi
step ctest --test-dir build/release --output-on-failure -R larger_than_memory
step "$python" -m pytest -q -p no:cacheprovider tests/python
# Last, so that its summary ends the output. `long` are the references above.
step ctest --test-dir build/asan --output-on-failure -j "$jobs" -LE long
