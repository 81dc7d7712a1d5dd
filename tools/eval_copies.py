#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""eval_copies.py LATENT OUT [MODEL]: does an altered copy of a photo find the original?

The gallery is every photo of ../shared/data; 500 of them, drawn with seed 0, are altered in some
ways and searched with. Also searched with are pictures that are not there (stamps), of which none
should be taken for a copy. Writes OUT/copies.json, the figures of each alteration: as `latent search
--image` finds it, which looks at the files of the best, and by vectors alone.
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

from PIL import Image, ImageEnhance, ImageOps

import eval_sets

SHARED = pathlib.Path(__file__).resolve().parent.parent.parent / "shared" / "data"
SAMPLE = 500


def centre(photo, part):
    """The middle of a photo: `part` of its width and height."""
    w, h = photo.size
    dx, dy = round(w * (1 - part) / 2), round(h * (1 - part) / 2)
    return photo.crop((dx, dy, w - dx, h - dy))


def corner(photo):
    """The lower right, three quarters of the width and half of the height."""
    return photo.crop((photo.width // 4, photo.height // 2, photo.width, photo.height))


def halved(photo):
    return photo.resize((max(1, photo.width // 2), max(1, photo.height // 2)), Image.BICUBIC)


ALTERATIONS = {
    "crop to 60 %": (lambda p: centre(p, 0.6), 92),
    "lower right, 75 % x 50 %": (corner, 92),
    "half size": (halved, 92),
    "JPEG quality 30": (lambda p: p, 30),
    "mirrored": (ImageOps.mirror, 92),
    "30 % darker": (lambda p: ImageEnhance.Brightness(p).enhance(0.7), 92),
    "30 % brighter": (lambda p: ImageEnhance.Brightness(p).enhance(1.3), 92),
}


def search(latent, data, model, paths):
    """A line of picture_lines a picture: (name, is a copy, name by vectors alone)."""
    program = pathlib.Path(latent).parent / "tests" / "picture_lines"
    environment = {**os.environ, **({"LATENT_MODEL": model} if model else {})}
    run = subprocess.run([program, data], input="".join(f"{p}\n" for p in paths), text=True,
                         stdout=subprocess.PIPE, check=True, env=environment)
    lines = [line.split("\t") for line in run.stdout.splitlines()]
    return [(name, kind == "copy", alone) for name, kind, alone in lines]


def figures(found, names):
    share = len(names) / 100
    return {"search": round(sum(f[0] == n for f, n in zip(found, names, strict=True)) / share, 1),
            "vectors": round(sum(f[2] == n for f, n in zip(found, names, strict=True)) / share, 1)}


def alter_all(photos, alter, quality, folder):
    for photo in photos:
        path = os.path.join(folder, f"{photo.stem}.jpg")
        alter(Image.open(photo).convert("RGB")).save(path, quality=quality)
        yield path


def main():
    latent, out, model = sys.argv[1], pathlib.Path(sys.argv[2]), (sys.argv[3:] or [None])[0]
    photos = sorted(SHARED.rglob("*.jpg")) if SHARED.is_dir() else []
    if not photos:
        (out / "copies.json").unlink(missing_ok=True)
        print("eval: skipped altered copies: ../shared/data is not on this machine")
        return
    data = os.environ.get("LATENT_DATA") or str(out / "copies-data")
    subprocess.run([latent, *(["--model", model] if model else []), "--data", data, "index", "-q",
                    SHARED], check=True)
    chosen = random.Random(0).sample(photos, min(SAMPLE, len(photos)))
    result = {"gallery": len(photos), "sample": len(chosen), "recall_at_1": {}}
    for name, (alter, quality) in ALTERATIONS.items():
        with tempfile.TemporaryDirectory() as folder:
            paths = list(alter_all(chosen, alter, quality, folder))
            result["recall_at_1"][name] = figures(search(latent, data, model, paths),
                                                  [photo.name for photo in chosen])
    strangers = [row["photo"] for row in eval_sets.stamps()]
    result["strangers"] = len(strangers)
    result["taken_for_copies"] = sum(f[1] for f in search(latent, data, model, strangers))
    (out / "copies.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
