#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""eval_copies.py LATENT OUT [MODEL]: does an altered copy of a photo find the original?

The gallery is every photo of ../shared/data; 500 of them, drawn with seed 0, are altered in five
ways. Vectors come from `latent embed`. Writes OUT/copies.json, one figure an alteration.
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

SHARED = pathlib.Path(__file__).resolve().parent.parent.parent / "shared" / "data"
SAMPLE = 500


def centre(photo, part):
    """The middle of a photo: `part` of its width and height."""
    w, h = photo.size
    dx, dy = round(w * (1 - part) / 2), round(h * (1 - part) / 2)
    return photo.crop((dx, dy, w - dx, h - dy))


def halved(photo):
    return photo.resize((max(1, photo.width // 2), max(1, photo.height // 2)), Image.BICUBIC)


ALTERATIONS = {
    "crop to 60 %": (lambda p: centre(p, 0.6), 92),
    "half size": (halved, 92),
    "JPEG quality 30": (lambda p: p, 30),
    "mirrored": (ImageOps.mirror, 92),
    "30 % darker": (lambda p: ImageEnhance.Brightness(p).enhance(0.7), 92),
    "30 % brighter": (lambda p: ImageEnhance.Brightness(p).enhance(1.3), 92),
}


def embed(latent, model, paths):
    command = [latent, *(["--model", model] if model else []), "embed", "--json", "--stdin-files"]
    run = subprocess.run(command, input="".join(f"{p}\n" for p in paths), text=True,
                         stdout=subprocess.PIPE, check=True)
    rows = [json.loads(line)["embedding"] for line in run.stdout.splitlines()]
    return np.array(rows, np.float32)


def main():
    latent, out, model = sys.argv[1], pathlib.Path(sys.argv[2]), (sys.argv[3:] or [None])[0]
    photos = sorted(SHARED.rglob("*.jpg")) if SHARED.is_dir() else []
    if not photos:
        (out / "copies.json").unlink(missing_ok=True)
        print("eval: skipped altered copies: ../shared/data is not on this machine")
        return
    chosen = random.Random(0).sample(range(len(photos)), min(SAMPLE, len(photos)))
    gallery = embed(latent, model, photos)
    result = {"gallery": len(photos), "sample": len(chosen), "recall_at_1": {}}
    for name, (alter, quality) in ALTERATIONS.items():
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for i in chosen:
                paths.append(os.path.join(folder, f"{i}.jpg"))
                alter(Image.open(photos[i]).convert("RGB")).save(paths[-1], quality=quality)
            queries = embed(latent, model, paths)
        nearest = (queries @ gallery.T).argmax(axis=1)
        result["recall_at_1"][name] = round(float((nearest == np.array(chosen)).mean()), 4)
    (out / "copies.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
