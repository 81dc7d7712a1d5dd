#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""eval_sets.py OUT: writes the photo sets that `make eval` measures, as lines for `latent eval`.

  stamps.jsonl    photographs among the stamps of Tux Paint with a caption in each language
  flickr.jsonl    the 1,000 photos of ../shared/data/flickr8k-224 that no training saw
  coco.jsonl      the 80 photos of ../shared/data/coco-train2017-80
  coco+.jsonl     the same among those 1,000, which have no captions here

Sets whose photos are not on this machine are left out, with a line that says so.
"""
import collections
import gzip
import json
import pathlib
import sys

STAMPS = pathlib.Path("/usr/share/tuxpaint/stamps")
SHARED = pathlib.Path(__file__).resolve().parent.parent.parent / "shared" / "data"
LANGUAGES = ("en", "de", "fr", "it", "es")
# Folders of drawings and of signs.
NOT_PHOTOS = {"cartoon", "toys", "symbols", "seasonal", "flags", "roadsigns", "plastic"}
HELD_OUT = 1000


def stamp_captions(png):
    """The captions beside a stamp: the first line is English, then `de.utf8=...` and so on."""
    text = png.with_suffix(".txt")
    if not text.exists():
        return {}
    lines = text.read_text(encoding="utf-8").splitlines()
    captions = {"en": lines[0].strip()} if lines else {}
    for line in lines[1:]:
        name, _, caption = line.partition("=")
        language = name.removesuffix(".utf8")
        if language in LANGUAGES and language != "en" and caption.strip():
            captions[language] = caption.strip()
    return {k: v for k, v in captions.items() if v}


def stamps():
    """One photo a caption: of stamps that share their English caption the first stands."""
    seen = set()
    for png in sorted(STAMPS.rglob("*.png"), key=str):
        captions = stamp_captions(png)
        if NOT_PHOTOS & set(png.relative_to(STAMPS).parts) or len(captions) < len(LANGUAGES):
            continue
        if captions["en"] not in seen:
            seen.add(captions["en"])
            yield {"photo": str(png), "captions": captions}


def held_out(photos):
    """The split that training keeps: the first 1,000 of a permutation with seed 0."""
    import numpy as np

    order = np.random.RandomState(0).permutation(len(photos))
    return sorted(photos[i] for i in order[:HELD_OUT])


def flickr():
    captions = collections.defaultdict(lambda: collections.defaultdict(list))
    with gzip.open(SHARED / "flickr8k-224.captions.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            captions[line["photo"]][line["lang"]].append(line["caption"])
    names = sorted(p.name for p in (SHARED / "flickr8k-224").glob("*.jpg"))
    for name in held_out(names):
        yield {"photo": str(SHARED / "flickr8k-224" / name), "captions": captions[name]}


def coco():
    data = json.loads((SHARED / "coco-train2017-80" / "captions.json").read_text(encoding="utf-8"))
    captions = collections.defaultdict(list)
    for annotation in data["annotations"]:
        captions[annotation["image_id"]].append(annotation["caption"].strip())
    for image in sorted(data["images"], key=lambda i: i["file_name"]):
        yield {"photo": str(SHARED / "coco-train2017-80" / image["file_name"]),
               "captions": {"en": captions[image["id"]]}}


def coco_among_flickr():
    yield from coco()
    for line in flickr():
        yield {"photo": line["photo"]}


SETS = {"stamps": (stamps, STAMPS), "flickr": (flickr, SHARED / "flickr8k-224"),
        "coco": (coco, SHARED / "coco-train2017-80"),
        "coco+": (coco_among_flickr, SHARED / "coco-train2017-80")}


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name, (make, where) in SETS.items():
        path = out / f"{name}.jsonl"
        if not where.is_dir():
            path.unlink(missing_ok=True)
            print(f"eval: skipped {name}: {where.name} is not on this machine")
            continue
        lines = [json.dumps(line, ensure_ascii=False) + "\n" for line in make()]
        path.write_text("".join(lines), encoding="utf-8")
        print(f"eval: {name}: {len(lines)} photos")


if __name__ == "__main__":
    main()
