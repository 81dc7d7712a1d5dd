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

step tools/check_layers.py
step build asan
step build release
step ctest --test-dir build/asan --output-on-failure -j "$jobs"
