#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much worse are words outside the training lists?

usage: unknown_words.py LATENT EVAL SHIPPED [WHOLE HIDDEN_0 HIDDEN_1 ...]

LATENT is the program, EVAL the folder of tools/eval_sets.py, the rest model folders: the shipped
one, one trained with whole lists, and those trained with `--hide 0/N`, `--hide 1/N` ... and as many
seeds. Prints R@10 of text → photo with 95 % intervals (1,000 bootstrap samples of photos):

  - under the shipped heads, captions whose noun is in a list, and captions whose noun is in none;
  - captions whose noun is a concept: under the heads that had the concept in their lists, and under
    the heads that had it hidden, the same captions each time.

A caption's noun is the longest name of a concept or a class in it.
"""
import json
import pathlib
import subprocess
import sys

import numpy as np

import lists
from check_data import LANGUAGES

NAMES = {"stamps": "stamps", "coco+": "COCO among Flickr8k"}


def embed(latent, model, kind, lines):
    """Unit vectors of texts or files, by the program."""
    run = subprocess.run([latent, "embed", "--model", model, f"--stdin-{kind}"], text=True,
                         input="".join(f"{line}\n" for line in lines), stdout=subprocess.PIPE,
                         check=True)
    return np.array([json.loads(line)["embedding"] for line in run.stdout.splitlines()], np.float32)


class Nouns:
    """Finds the listed noun in a caption."""

    def __init__(self, folds):
        things = lists.classes() + [c.names for c in lists.named_concepts()]
        hidden = [lists.Hidden(fold, folds) for fold in range(folds)]
        self.known = [{lists.spoken(n) for names in things for n in names[g]}
                      for g in range(len(LANGUAGES))]
        # Which run had a name hidden.
        self.fold = [{lists.spoken(n): fold for fold, h in enumerate(hidden) for n in h.names[g]}
                     for g in range(len(LANGUAGES))]

    def of(self, caption, g):
        """The longest listed name in the caption, or None."""
        said = lists.spoken(caption)
        found = [n for n in self.known[g]
                 if n in said or LANGUAGES[g] == "en" and n[:-1] + "s " in said]
        return max(found, key=len, default=None)


class Captions:
    def __init__(self, path, nouns):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        self.photos = [row["photo"] for row in rows]
        self.all = []
        for photo, row in enumerate(rows):
            for language, texts in row.get("captions", {}).items():
                g = LANGUAGES.index(language)
                for text in texts if isinstance(texts, list) else [texts]:
                    self.all.append((photo, g, text, nouns.of(text, g)))
        self.owner = np.array([photo for photo, *_ in self.all])

    def languages(self):
        return sorted({g for _, g, _, _ in self.all})

    def found(self, latent, model):
        """Per caption whether its photo is among the first ten."""
        photos = embed(latent, model, "files", self.photos)
        texts = embed(latent, model, "text", [" ".join(text.split()) for _, _, text, _ in self.all])
        scores = texts @ photos.T
        own = scores[np.arange(len(scores)), self.owner]
        return (scores > own[:, None]).sum(1) < 10


def interval(found, owner):
    """The mean in per cent, with its interval."""
    if not len(found):
        return "–"
    random = np.random.RandomState(0)
    sums, counts = np.bincount(owner, found), np.bincount(owner)
    sums, counts = sums[counts > 0], counts[counts > 0]
    draws = random.randint(len(sums), size=(1000, len(sums)))
    low, high = np.quantile(sums[draws].sum(1) / counts[draws].sum(1), [.025, .975])
    signed = "+.1f" if found.min() < 0 else ".1f"
    return f"{100 * found.mean():{signed}} ({100 * low:{signed}} to {100 * high:{signed}})"


def listed_and_not(title, captions, found):
    """Rows of the first table, one a language."""
    for g in captions.languages():
        cells = []
        for listed in (True, False):
            i = [i for i, (_, language, _, noun) in enumerate(captions.all)
                 if language == g and bool(noun) == listed]
            cells.append(f"{len(i)} | {interval(found[i].astype(float), captions.owner[i])}")
        print(f"| {title} | {LANGUAGES[g]} | {cells[0]} | {cells[1]} |")


def known_and_hidden(title, captions, fold, whole, without):
    """Rows of the second table: `fold` tells which of the runs `without` had a name hidden."""
    for g in captions.languages():
        i = np.array([i for i, (_, language, _, noun) in enumerate(captions.all)
                      if language == g and noun in fold[g]])
        a = whole[i].astype(float)
        b = np.array([without[fold[g][captions.all[j][3]]][j] for j in i], float)
        cells = " | ".join(interval(x, captions.owner[i]) for x in (a, b, b - a))
        print(f"| {title} | {LANGUAGES[g]} | {len(i)} | {cells} |")


def main():
    latent, folder, shipped, *trained = sys.argv[1:]
    whole, hidden = trained[:1], trained[1:]
    nouns = Nouns(len(hidden))
    sets = {title: Captions(pathlib.Path(folder) / f"{name}.jsonl", nouns)
            for name, title in NAMES.items()}
    print("| captions | language | noun in a list | R@10 | noun in no list | R@10 |")
    print("| --- | --- | --- | --- | --- | --- |")
    for title, captions in sets.items():
        listed_and_not(title, captions, captions.found(latent, shipped))
    if not hidden:
        return
    print("\n| captions | language | questions | noun in the lists | noun hidden | difference |")
    print("| --- | --- | --- | --- | --- | --- |")
    for title, captions in sets.items():
        known_and_hidden(title, captions, nouns.fold, captions.found(latent, whole[0]),
                         [captions.found(latent, model) for model in hidden])


if __name__ == "__main__":
    main()
