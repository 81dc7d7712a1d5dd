#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How well does a score tell what a collection has from what it lacks? Prints the constants of a
curve from a cosine to how much it is to be believed, for texts and for pictures.

usage: relevance.py --features DIR --heads heads.npz

Texts: the concepts' names in five languages are asked of the 1,000 held-out photos. A concept is
present if some caption says it (1 to 150 photos), absent if none does and it shares few classes
with any that is said. A top hit is right if its captions say the concept. Compared statistics of
the top hit: the cosine; the cosine less the text's mean over other photos; the same in standard
deviations. Pictures: each held-out photo is asked of the others; its top hit is right if the two
photos' captions are near (frozen sentence vectors), wrong if they are like those of random pairs.

The constants are of a logistic curve through the cosine, right top hits and others weighing alike:
relevance = 1 / (1 + exp(-slope * (cosine - center))).
"""
import argparse
import json
import pathlib

import numpy as np

import lists
from train_heads import held_out, softmax, unit

BINS = (0, .15, .2, .25, .3, .35, .4, .5, 1)


def pictures(folder, heads):
    """Unit vectors of all photos."""
    part = {k: np.load(folder / f"image.0.{k}.npy").astype(np.float32)
            for k in (*lists.IMAGE_KEYS, "classes", "local")}
    z = np.concatenate([part[k] for k in lists.IMAGE_KEYS], 1)
    return unit((z @ heads["img_B"] + heads["img_b"] + softmax(part["classes"] * heads["T"])
                 @ heads["C"] + part["local"] @ heads["local_C"]) @ heads["rotation"])


def auc(right, wrong):
    """The share of pairs (right, wrong) in the right order."""
    wrong = np.sort(wrong)
    return np.mean(np.searchsorted(wrong, right) + np.searchsorted(wrong, right, "right")) / (
        2 * len(wrong))


def interval(right, wrong):
    random = np.random.RandomState(0)
    some = [auc(random.choice(right, len(right)), random.choice(wrong, len(wrong)))
            for _ in range(300)]
    low, high = np.quantile(some, [.025, .975])
    return f"{auc(right, wrong):.3f} ({low:.3f} to {high:.3f})"


def logistic(right, wrong):
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


def report(what, right, wrong):
    center, slope = logistic(right, wrong)
    print(f"{what}: center {center:.3f}, slope {slope:.1f}; of right top hits "
          f"{np.mean(right >= center):.2f} are at 0.5 or more, of the others "
          f"{np.mean(wrong >= center):.2f}")


def mentions(concepts, captions):
    """(concepts, photos): whether some caption of the photo says the concept."""
    said = ["".join(map(lists.spoken, of)) for of in captions]
    result = np.zeros((len(concepts), len(said)), bool)
    for i, concept in enumerate(concepts):
        names = [lists.spoken(n)[:-1] + end for n in concept.names[0] for end in (" ", "s ", "es ")]
        result[i] = [any(n in s for n in names) for s in said]
    return result


def absent(concepts, count):
    """Concepts of which nothing is said, nor of anything that shares a third of the classes."""
    looks = {c.names[0][0]: set(c.classes) for c in lists.concepts()}
    classes = [looks.get(c.names[0][0], set()) for c in concepts]
    seen = [classes[i] for i in np.flatnonzero(count) if classes[i]]
    return [i for i in np.flatnonzero(count == 0)
            if not any(len(classes[i] & s) >= .34 * min(len(classes[i]), len(s))
                       and classes[i] & s for s in seen)]


def texts(folder, heads, seen, background, captions):
    concepts = lists.named_concepts()
    said = mentions(concepts, captions)
    count = said.sum(1)
    present, lacking = np.flatnonzero((count > 0) & (count <= 150)), absent(concepts, count)
    index = {t: i for i, t in enumerate(json.loads((folder / "words.json").read_text()))}
    vectors = np.load(folder / "words.npy", mmap_mode="r")

    def asked(which):
        rows = [index[concepts[i].names[g][0]] for g in range(lists.LANGUAGE_COUNT) for i in which]
        return unit((vectors[rows].astype(np.float32) @ heads["txt_A"] + heads["txt_a"])
                    @ heads["rotation"])

    queries, others = asked(present), asked(lacking)
    scores = queries @ seen.T
    best = scores.argmax(1)
    right = np.tile(said[present], (lists.LANGUAGE_COUNT, 1))[np.arange(len(best)), best]
    mean, spread = background.mean(0), np.cov(background.T)
    statistics = {"cosine": lambda q, s: s, "cosine less its mean": lambda q, s: s - q @ mean,
                  "standard deviations": lambda q, s: (s - q @ mean) / np.sqrt(
                      ((q @ spread) * q).sum(1))}
    print(f"texts: {len(present)} present and {len(lacking)} absent concepts in five languages")
    for name, value in statistics.items():
        top, lack = value(queries, scores.max(1)), value(others, (others @ seen.T).max(1))
        print(f"AUC of {name}: right top hits {interval(top[right], lack)}, "
              f"all of present concepts {interval(top, lack)}")
    top, lack = scores.max(1), (others @ seen.T).max(1)
    report("texts", top[right], lack)
    every, good = np.concatenate([top, lack]), np.concatenate([right, np.zeros(len(lack), bool)])
    for low, high in zip(BINS, BINS[1:]):
        of = (every >= low) & (every < high)
        print(f"top hit {low} to {high}: {of.sum()} queries, right {good[of].mean():.2f}")


def photos(seen, sentences):
    alike = sentences @ sentences.T
    np.fill_diagonal(alike, -1)
    scores = seen @ seen.T
    np.fill_diagonal(scores, -1)
    nearness = alike[np.arange(len(seen)), scores.argmax(1)]
    right = nearness >= np.quantile(alike.max(1), .25)
    wrong = nearness < np.quantile(alike[alike > -1], .95)
    top = scores.max(1)
    print(f"AUC of pictures' top hits by cosine: {interval(top[right], top[wrong])}")
    report("pictures", top[right], top[wrong])


def main():
    parser = argparse.ArgumentParser(description="What a score says.")
    parser.add_argument("--features", required=True, type=pathlib.Path)
    parser.add_argument("--heads", required=True)
    options = parser.parse_args()
    heads = {k: v for k, v in np.load(options.heads).items() if k != "keys"}
    names = json.loads((options.features / "names.json").read_text())
    ours = np.sort(held_out(len(names)))
    every = pictures(options.features, heads)
    place = {names[i]: n for n, i in enumerate(ours)}
    captions = [[] for _ in ours]
    vectors = np.load(options.features / "captions.npy", mmap_mode="r")
    sentences = np.zeros((len(ours), vectors.shape[1]), np.float32)
    for row, (photo, language, text) in enumerate(
            json.loads((options.features / "captions.json").read_text())):
        if language == "en" and photo in place:
            captions[place[photo]].append(text)
            sentences[place[photo]] += vectors[row]
    texts(options.features, heads, every[ours], np.delete(every, ours, axis=0), captions)
    sentences = unit(sentences)
    photos(every[ours], unit(sentences - sentences.mean(0)))


if __name__ == "__main__":
    main()
