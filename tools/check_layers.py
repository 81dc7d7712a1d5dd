#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the includes of src/ against the layer table of docs/ARCHITECTURE.md.

A folder may include its own headers, <latent.h>, and those of the folders named here. Some outside
headers belong to one folder alone.
"""
import pathlib
import re
import sys

MAY_USE = {
    "base": [],
    "simd": ["base"],
    "value": ["base"],
    "image": ["base"],
    "text": ["base"],
    "filter": ["base", "value"],
    "quant": ["base", "simd"],
    "embed": ["base", "image", "text"],
    "store": ["base", "value"],
    "index": ["base", "value", "simd", "quant", "filter"],
    "engine": ["base", "simd", "value", "filter", "quant", "store", "index"],
    "ops": ["base", "value", "filter", "index", "engine"],
    "gallery": ["base", "value", "image", "embed", "engine", "remote"],
    "api": ["base", "simd", "value", "image", "text", "filter", "quant", "embed", "store", "index",
            "engine", "gallery", "remote"],
    "server": ["base", "value"],
    "cli": ["base", "value", "server"],
}
OWNER = {"lmdb.h": ["store"], "vips": ["image"], "openvino": ["embed"], "chafa": ["cli"],
         "microhttpd.h": ["server"], "roaring": ["index"], "libstemmer.h": ["filter"]}

root = pathlib.Path(__file__).resolve().parent.parent
wrong = []
for folder, allowed in MAY_USE.items():
    where = root / (folder if folder in ("cli", "server") else f"src/{folder}")
    for path in sorted(where.rglob("*.[ch]")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+[<"]([^>"]+)[>"]', line)
            if not match:
                continue
            head = match.group(1).split("/")[0]
            if head in MAY_USE and head != folder and head not in allowed:
                wrong.append(f"{path.relative_to(root)}:{number}: {folder} may not include {head}/")
            if head in OWNER and folder not in OWNER[head]:
                wrong.append(f"{path.relative_to(root)}:{number}: only {', '.join(OWNER[head])} "
                             f"may include {head}")
print("\n".join(wrong) if wrong else "layers: every include is allowed")
sys.exit(bool(wrong))
