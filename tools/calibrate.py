#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""calibrate.py LATENT [--write]: from which score on is a hit one?

Asks collections for things that they have and for things that they lack, and fits, for words and for
pictures, the share of right answers as a curve over the cosine of the best hit:

    relevance = 1 / (1 + exp(-slope * (cosine - center)))

with right and wrong answers weighing alike. `least` is the relevance that 5 % of the right answers do
not reach, rounded down. --write puts all of them into models/builtin/relevance.json.

Collections are the photo sets of eval_sets.py that no training saw. A thing is a concept of
train/data/concepts.tsv; a collection has it if a caption says it. It lacks it if none does, nor says
anything that shares an ImageNet class with it; what no class shows ("animal", "summer") may be there
without being said, and counts as lacking nowhere.
  words     the concept's name in five languages. Right: the best hit's captions say it.
  pictures  each photo that shows concepts asks its own set and another. Right: the best hit shares
            one. Wrong: the best hit, all photos that share one being taken out.
Curves are fitted on every second concept, and all figures are of the others.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

import numpy as np

import eval_sets

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "train"))
import lists  # noqa: E402

SETS = ("flickr", "coco", "stamps")
MOST = 0.15     # what more photos than this show is no thing to look for
REFUSED = 0.05  # share of right answers that `least` may lose


def embed(latent, option, inputs):
    run = subprocess.run([latent, "embed", option], text=True, stdout=subprocess.PIPE, check=True,
                         input="".join(f"{line}\n" for line in inputs))
    return np.array([json.loads(line)["embedding"] for line in run.stdout.splitlines()], np.float32)


def words_of(text):
    return " " + " ".join(re.findall(r"[^\W_]+", text.lower())) + " "


class Photos:
    """One set: vectors, and which photo's English captions say which concept."""

    def __init__(self, latent, rows, concepts):
        captions = [row["captions"]["en"] for row in rows]
        said = ["".join(map(words_of, [c] if isinstance(c, str) else c)) for c in captions]
        self.vectors = embed(latent, "--stdin-files", [row["photo"] for row in rows])
        self.says = np.array([[any(name in text for name in self.forms(concept)) for text in said]
                              for concept in concepts])
        count = self.says.sum(1)
        there = set().union(*(set(c.classes) for c, n in zip(concepts, count, strict=True) if n))
        self.has = (count > 0) & (count <= MOST * len(rows))
        self.lacks = np.array([bool(n == 0 and c.classes and not there & set(c.classes))
                               for c, n in zip(concepts, count, strict=True)])

    @staticmethod
    def forms(concept):
        return [words_of(name)[:-1] + end for name in concept.names[0] for end in (" ", "s ", "es ")]


def ask_words(photos, names, which):
    """Best scores of right answers and of answers to what is not there. `names`: per language."""
    right, wrong = [], []
    for vectors in names:
        scores = vectors @ photos.vectors.T
        best = scores.argmax(1)
        good = photos.says[np.arange(len(best)), best] & photos.has
        right.append(scores.max(1)[good & which])
        wrong.append(scores.max(1)[photos.lacks & which])
    return np.concatenate(right), np.concatenate(wrong)


def ask_pictures(photos, asking, which):
    things = asking.says & (photos.has | photos.lacks)[:, None] & which[:, None]
    scores = asking.vectors @ photos.vectors.T
    if asking is photos:
        np.fill_diagonal(scores, -1)
    shared = things.T.astype(int) @ photos.says > 0  # the asking photo's concepts, some of them
    asked = things.any(0)
    good = asked & shared[np.arange(len(scores)), scores.argmax(1)]
    return scores.max(1)[good], np.where(shared, -1, scores).max(1)[asked]


def fit(right, wrong):
    """(center, slope) by Newton's method, both sides weighing alike."""
    x = np.concatenate([right, wrong])
    y = np.arange(len(x)) < len(right)
    weight = np.where(y, .5 / len(right), .5 / len(wrong))
    rows, b = np.stack([x, np.ones_like(x)], 1), np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-rows @ b))
        curve = (rows * (weight * p * (1 - p))[:, None]).T @ rows
        b += np.linalg.solve(curve, rows.T @ (weight * (y - p)))
    return -b[1] / b[0], b[0]


def relevance(curve, cosine):
    return 1 / (1 + np.exp(-curve["slope"] * (cosine - curve["center"])))


def auc(right, wrong):
    """The share of pairs (right, wrong) in the right order."""
    wrong = np.sort(wrong)
    return np.mean(np.searchsorted(wrong, right) + np.searchsorted(wrong, right, "right")) / (
        2 * len(wrong))


def report(what, curve, right, wrong):
    refused = [100 * np.mean(relevance(curve, x) < curve["least"]) for x in (right, wrong)]
    print(f"| {what} | {len(right)} | {len(wrong)} | {auc(right, wrong):.2f} | "
          f"{refused[0]:.0f} | {refused[1]:.0f} |")


def calibrate(kind, cases):
    """cases: {what: f(which) -> (right, wrong)}."""
    pools = [case(False) for case in cases.values()]
    right, wrong = (np.concatenate(side) for side in zip(*pools, strict=True))
    center, slope = fit(right, wrong)
    curve = {"center": round(float(center), 3), "slope": round(float(slope), 1)}
    curve["least"] = int(100 * np.quantile(relevance(curve, right), REFUSED)) / 100
    for what, case in cases.items():
        report(f"{kind} of {what}", curve, *case(True))
    return curve


def main():
    parser = argparse.ArgumentParser(description="Calibrates the built-in model's relevance.")
    parser.add_argument("latent")
    parser.add_argument("--write", action="store_true", help="into models/builtin/relevance.json")
    options = parser.parse_args()
    concepts = lists.named_concepts()
    sets = {name: Photos(options.latent, list(eval_sets.SETS[name][0]()), concepts)
            for name in SETS if eval_sets.SETS[name][1].is_dir()}
    if set(sets) != set(SETS):
        sys.exit(f"calibrate: needs all of {', '.join(SETS)}; here are: {', '.join(sets)}")
    names = [embed(options.latent, "--stdin-text", [c.names[g][0] for c in concepts])
             for g in range(len(eval_sets.LANGUAGES))]
    odd = np.arange(len(concepts)) % 2 == 1
    print("| questions | there | not there | AUC | refused, % | refused, not there, % |")
    print("| --- | --- | --- | --- | --- | --- |")
    result = {
        "text": calibrate("words", {
            name: lambda held, p=p: ask_words(p, names, odd == held) for name, p in sets.items()}),
        "picture": calibrate("pictures", {
            f"{a} to {b}": lambda held, p=p, q=q: ask_pictures(p, q, odd == held)
            for a, q in sets.items() for b, p in sets.items() if "stamps" not in (a, b)}),
    }
    print(json.dumps(result))
    if options.write:
        path = ROOT / "models" / "builtin" / "relevance.json"
        path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
