#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares latent's vectors with those of Pillow, numpy, tokenizers and OpenVINO's Python.

    embed_reference.py EMBED_LINES [MODEL_DIRECTORY] [--photos N]

EMBED_LINES is tests/tools/embed_lines as built; the model is build/model/builtin by default. Photos
come from ../shared/data beside the project (left out with a message where that is absent), texts
from a list here and the captions there. Also holds OpenVINO against onnxruntime, without graph
optimizations, where that package is installed: an independent judge of the arithmetic. Prints the
lowest and the mean cosine of each comparison and fails below its floor.
"""
import argparse
import gzip
import json
import pathlib
import random
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import openvino
    from image_reference import opened, resized
    from tokenizers import Tokenizer
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)
try:
    import onnxruntime
except ImportError:
    onnxruntime = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
SEED = 7
TEXTS = [
    "Surfing", "dog", "Hund", "chien", "cane", "perro", "a", "!?", "1234567890", "ALL CAPS TEXT",
    "Eine Straße in Köln bei Nacht", "l'été à la mer, où l'on nage", "¿Dónde está el gato?",
    "un cane nero corre sull'erba bagnata", "\U0001F3C4 on a wave", "東京の夜", "naïve café",
    "word " * 700, "x" * 5000,
]
failures = []


def report(name, cosines, floor):
    low = float(np.min(cosines))
    print(f"{name}: n {len(cosines)}, cosine min {low:.6f}, mean {float(np.mean(cosines)):.6f}"
          f" (floor {floor})")
    if not low >= floor:
        failures.append(name)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def cosines(a, b):
    return np.sum(unit(a.astype(np.float64)) * unit(b.astype(np.float64)), axis=1)


def latent(args, model, kind, lines, *options):
    """The vectors of the lines, in a cache folder of their own."""
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run([args.embed_lines, str(model), kind, "--cache", cache, *options],
                              input="".join(f"{line}\n" for line in lines).encode(),
                              stdout=subprocess.PIPE, check=True)
    return np.frombuffer(done.stdout, np.float32).reshape(len(lines), -1)


# ---- the reference -----------------------------------------------------------------------------

def prepared(path, config):
    image = opened(path)  # upright, in sRGB, on white
    size = config["size"]
    if "shortest_edge" in size:
        scale = size["shortest_edge"] / min(image.size)
        new = tuple(max(1, int(side * scale)) for side in image.size)
    else:
        new = (size["width"], size["height"])
    array = np.asarray(resized(image, new, config.get("resample", 3)), np.float32)
    if config.get("do_center_crop"):
        crop = config["crop_size"]
        top, left = (array.shape[0] - crop["height"]) // 2, (array.shape[1] - crop["width"]) // 2
        array = array[top:top + crop["height"], left:left + crop["width"]]
    if config.get("do_rescale", True):
        array = array * np.float32(config.get("rescale_factor", 1 / 255))
    if config.get("do_normalize", True):
        array = (array - np.float32(config["image_mean"])) / np.float32(config["image_std"])
    return array.transpose(2, 0, 1)[None].astype(np.float32)


def graph(model, stem):
    found = [model / "onnx" / f"{stem}.onnx", model / f"{stem}.onnx"]
    return next(path for path in found if path.exists())


def compiled(path):
    return openvino.Core().compile_model(str(path), "CPU", {
        "INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"})


def text_inputs(model, text):
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    config = json.loads((model / "config.json").read_text())
    ours = json.loads((model / "latent.json").read_text())
    limit = config.get("text_config", config).get("max_position_embeddings", 512)
    tokenizer.enable_truncation(min(limit, ours.get("max_tokens", limit)))
    for line in text:
        ids = np.array([tokenizer.encode(ours.get("text_prefix", "") + line).ids], np.int64)
        yield {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def ort_session(path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


# ---- comparisons -------------------------------------------------------------------------------

def captions(n):
    path = DATA / "flickr8k-224.captions.jsonl.gz"
    if not path.exists():
        print("skipped: the captions of ../shared/data, which is not there")
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        every = [json.loads(line)["caption"] for line in lines]
    return random.Random(SEED).sample(every, n)


def compare_texts(args, model):
    texts = TEXTS + captions(300)
    tower = compiled(graph(model, "text_model"))
    inputs = list(text_inputs(model, texts))
    want = np.concatenate([tower(i)[0] for i in inputs])
    got = latent(args, model, "text", texts)
    report("texts", cosines(got, want), 0.9999)
    if onnxruntime:
        session = ort_session(graph(model, "text_model"))
        some = [session.run(None, i)[0] for i in inputs[:60]]
        report("texts, onnxruntime", cosines(got[:60], np.concatenate(some)), 0.9999)


def photos(n):
    folders = [DATA / "coco-train2017-80", DATA / "flickr8k-224", DATA / "coco-300"]
    files = [sorted(f.glob("*.jpg")) for f in folders]
    if not all(files):
        print("skipped: the photos of ../shared/data, which is not there")
        return []
    # All original JPEGs first: the only ones large enough to be shrunk while loading.
    rest = random.Random(SEED).sample(files[1], n // 2) + files[2]
    return (files[0] + rest)[:n]


def enlarged(paths, folder):
    """The same photos as a camera's: large enough to be shrunk while loading."""
    for path in paths:
        image = opened(path)
        larger = image.resize((image.width * 4, image.height * 4), 3)
        larger.save(pathlib.Path(folder) / path.name, quality=92)
        yield pathlib.Path(folder) / path.name


def compare_large(args, model, config, tower, paths):
    with tempfile.TemporaryDirectory() as folder:
        large = list(enlarged(paths, folder))
        want = np.concatenate([tower(prepared(path, config))[0] for path in large])
        report("large photos, full decode",
               cosines(latent(args, model, "tensor", large, "--full"), want), 0.999)
        report("large photos, shrink on load", cosines(latent(args, model, "image", large), want),
               0.995)


def compare_photos(args, model):
    paths = photos(args.photos)
    if not paths:
        return
    config = json.loads((model / "preprocessor_config.json").read_text())
    tensors = [prepared(path, config) for path in paths]
    tower = compiled(graph(model, "vision_model"))
    want = np.concatenate([tower(t)[0] for t in tensors])
    report("photos, full decode", cosines(latent(args, model, "tensor", paths, "--full"), want), 0.999)
    report("photos, as usual", cosines(latent(args, model, "image", paths), want), 0.995)
    report("photos, streams", cosines(latent(args, model, "tensor", paths, "--throughput"), want),
           0.995)
    compare_large(args, model, config, tower, paths[:60])
    if onnxruntime:
        session = ort_session(graph(model, "vision_model"))
        name = session.get_inputs()[0].name
        some = np.concatenate([session.run(None, {name: t})[0] for t in tensors[:40]])
        report("photos, OpenVINO and onnxruntime", cosines(want[:40], some), 0.9999)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("embed_lines")
    parser.add_argument("model", nargs="?", default=ROOT / "build/model/builtin", type=pathlib.Path)
    parser.add_argument("--photos", type=int, default=200)
    args = parser.parse_args()
    if not (args.model / "config.json").exists():
        print("skipped: no model in build/model/builtin")
        sys.exit(77)
    compare_texts(args, args.model)
    compare_photos(args, args.model)
    if failures:
        sys.exit(f"below the floor: {', '.join(failures)}")


if __name__ == "__main__":
    main()
