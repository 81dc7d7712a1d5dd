#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares latent's tokenizer with Python's `tokenizers` on many varied lines: identical ids.

    tokenizer_live.py DRIVER [--lines N] [--seed N] [TOKENIZER.json ...]

DRIVER is tests/tools/tokenize_lines.c, built. Without files: those of tests/data/tokenizer and the
built-in model's. The seed is printed; --seed or LT_SEED repeats a run. Needs `tokenizers`
(tools/requirements-test.txt)."""
import argparse
import os
import pathlib
import random
import struct
import subprocess
import sys

from tokenizers import Tokenizer

from tokenizer_lines import Lines, captions

ROOT = pathlib.Path(__file__).resolve().parents[2]
BATCH = 20000


def code_points():
    """Every code point by itself and beside others: properties of characters, whole."""
    for c in range(0x110000):
        if not 0xd800 <= c < 0xe000:
            ch = chr(c)
            yield f"{ch} a{ch}b \u00a0{ch}ª{ch} {ch}\u0301 \u1100{ch}\u0308".encode("utf-8")


def run_driver(driver, path, lines, arguments):
    data = b"".join(struct.pack("<I", len(line)) + line for line in lines)
    done = subprocess.run([driver, path, *arguments], input=data, stdout=subprocess.PIPE,
                          check=True)
    words = memoryview(done.stdout).cast("I")
    pos = 0
    for _ in lines:
        n = words[pos]
        pos += 1
        if n == 0xffffffff:
            yield None
            continue
        yield words[pos:pos + n].tolist()
        pos += n


def reference(tokenizer, line, special):
    return tokenizer.encode(line.decode("utf-8", "replace"), add_special_tokens=special).ids


def compare(driver, path, tokenizer, lines, arguments, special, what):
    """Prints the first differences; returns how many there were."""
    wrong = 0
    for begin in range(0, len(lines), BATCH):
        batch = lines[begin:begin + BATCH]
        for line, ours in zip(batch, run_driver(driver, path, batch, arguments)):
            try:
                theirs = reference(tokenizer, line, special)
            except BaseException as error:  # its panics derive from BaseException
                if isinstance(error, KeyboardInterrupt):
                    raise
                theirs = None
            if ours == theirs:
                continue
            wrong += 1
            if wrong <= 5:
                print(f"  {what}: {line!r}\n    tokenizers {theirs}\n    latent     {ours}")
    return wrong


def check(driver, path, lines, seed):
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    some = random.Random(seed).sample(lines, min(len(lines), 10000))
    wrong = compare(driver, path, tokenizer, lines, [], True, "whole")
    wrong += compare(driver, path, tokenizer, some, ["0", "plain"], False, "without special tokens")
    least = tokenizer.num_special_tokens_to_add(False)  # a lower limit is an error of ours
    for limit in (max(least, 1), least + 1, 16, 64):
        tokenizer.enable_truncation(limit)
        wrong += compare(driver, path, tokenizer, some, [str(limit)], True, f"at most {limit}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("driver")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    parser.add_argument("--lines", type=int, default=100000)
    parser.add_argument("--seed", type=int,
                        default=int(os.environ.get("LT_SEED", random.randrange(1 << 32))))
    parser.add_argument("--no-code-points", action="store_true")
    arguments = parser.parse_intermixed_args()
    files = arguments.files or sorted((ROOT / "tests/data/tokenizer").glob("*.json"))
    builtin = ROOT / "build/model/builtin/tokenizer.json"
    if not arguments.files and builtin.exists():
        files.append(builtin)
    elif not arguments.files:
        print("skipped: the built-in model's tokenizer, which is not there")
    real = captions()
    print(f"seed {arguments.seed}, {len(real)} captions", flush=True)
    generator = Lines(arguments.seed, real)
    lines = generator.fixed() + [generator.line() for _ in range(arguments.lines)]
    if not arguments.no_code_points:
        lines += code_points()
    wrong = 0
    for path in files:
        n = check(arguments.driver, path, lines, arguments.seed)
        print(f"{path}: {len(lines)} lines, {n} differences", flush=True)
        wrong += n
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
