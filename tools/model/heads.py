# SPDX-License-Identifier: Apache-2.0
"""The trained parts: from the towers' features into the one space that pictures and texts share.

They read named arrays of heads.npz (written by train/):

    keys      which image features are joined, in order: "f" the pooled top map, "max" its maximum,
              "s1" .. "s7" a stage's pooled last map, "d1" .. "d7" its standard deviation over
              places
    img_B, img_b   linear map of the joined features (their standardisation is folded in)
    C, T      vectors of the 1,000 ImageNet classes, mixed by the classifier's softmax at
              sharpness T
    local_C, local_T   optional: the same for classes seen anywhere: the classifier is applied at
              each place of the top map at sharpness local_T, each class's highest share is taken,
              and what the shares sum to is scaled to 1
    txt_A, txt_a   linear map of the unit e5 sentence vector
    rotation  optional (dims, dims), orthogonal: turns both sides so that dimensions come in order
              of importance
"""
import zipfile
import zlib

import numpy as np

from . import BuildError

REQUIRED = ("keys", "img_B", "img_b", "C", "T", "txt_A", "txt_a")


class Heads:
    """The arrays of heads.npz, checked against each other, floats widened to f32."""

    def __init__(self, path):
        found = _read(path)
        missing = [name for name in REQUIRED if name not in found]
        if missing:
            raise BuildError(f"{path}: lacks {', '.join(missing)}")
        self.keys = [str(key) for key in found.pop("keys")]
        self._arrays = {name: a.astype(np.float32) for name, a in found.items()}
        self.dims = self["img_B"].shape[-1]
        if any(self[name].shape[-1:] != (self.dims,) for name in ("img_b", "C", "txt_A", "txt_a")):
            raise BuildError(f"{path}: its arrays do not agree on the number of dimensions")
        if self.local and self["local_C"].shape != self["C"].shape:
            raise BuildError(f"{path}: local_C is not as large as C")
        if self.local and "local_T" not in self._arrays:
            raise BuildError(f"{path}: lacks local_T")
        if self.ordered and self["rotation"].shape != (self.dims, self.dims):
            raise BuildError(f"{path}: rotation is not {self.dims} x {self.dims}")

    def __getitem__(self, name):
        return self._arrays[name]

    @property
    def ordered(self):
        """Whether the dimensions come in order of importance."""
        return "rotation" in self._arrays

    @property
    def local(self):
        """Whether classes seen at single places of the picture count too."""
        return "local_C" in self._arrays


def _read(path):
    """The arrays of an .npz: a dict from name to array."""
    try:
        with open(path, "rb") as f:
            if f.read(2) != b"PK":
                raise BuildError(f"{path}: not an .npz archive")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except OSError as e:
        raise BuildError(f"{path}: {e.strerror or e}") from None
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as e:
        raise BuildError(f"{path}: damaged: {e}") from None


def _finish(graph, value, heads):
    if heads.ordered:
        value = graph.op("MatMul", value, graph.floats(heads["rotation"], "head.rotation"))
    return graph.unit(value)


def write_image(graph, taps, state, heads):
    """Appends the image head to the tower's taps; returns unit vectors (n, dims)."""
    joined = graph.op("Concat", *[feature(graph, taps, key) for key in heads.keys], axis=1)
    value = graph.linear(joined, heads["img_B"], heads["img_b"], "head.direct", store="f16")
    return _finish(graph, graph.op("Add", value, _named(graph, taps, state, heads)), heads)


def feature(graph, taps, key):
    """The pooled image feature of that name (n, channels)."""
    if key == "f":
        return taps.pooled
    if key == "max":
        return graph.pooled(taps.top, "Max")
    if key[:1] in ("s", "d") and key[1:].isdigit() and 1 <= int(key[1:]) <= len(taps.stages):
        stage = taps.stages[int(key[1:]) - 1]
        return graph.pooled(stage, "Average") if key[0] == "s" else _spread(graph, stage)
    raise BuildError(f"heads.npz names an unknown image feature '{key}'")


def _spread(graph, stage):
    """The standard deviation of each channel over the places of its map (n, channels)."""
    apart = graph.op("Sub", stage, graph.op("GlobalAveragePool", stage))
    return graph.op("Sqrt", graph.pooled(graph.op("Mul", apart, apart), "Average"))


def class_evidence(graph, taps, state, local_sharpness):
    """What the classifier says: its answer for the whole picture (n, 1000) and, per class, the
    highest share at any place, scaled to sum to 1 (n, 1000).

    The classifier is linear, so its answer for the pooled map is the mean of its answers for the
    places: one pass over the map serves both.
    """
    weight = graph.half(state["_fc.weight"][:, :, None, None], "classifier.weight")
    places = graph.op("Conv", taps.top, weight, graph.floats(state["_fc.bias"], "classifier.bias"),
                      kernel_shape=[1, 1])
    shares = graph.op("Softmax", graph.op("Mul", places, graph.floats(local_sharpness)), axis=1)
    highest = graph.pooled(shares, "Max")
    total = graph.op("ReduceSum", highest, graph.integers([1]), keepdims=1)
    return graph.pooled(places, "Average"), graph.op("Div", highest, total)


def _named(graph, taps, state, heads):
    """The vectors of the classes that the classifier sees (n, dims)."""
    local_sharpness = heads["local_T"] if heads.local else 1
    whole, local = class_evidence(graph, taps, state, local_sharpness)
    sharpened = graph.op("Mul", whole, graph.floats(heads["T"]))
    value = graph.op("MatMul", graph.op("Softmax", sharpened, axis=1),
                     graph.half(heads["C"], "head.classes"))
    if not heads.local:
        return value
    return graph.op("Add", value, graph.op("MatMul", local,
                                           graph.half(heads["local_C"], "head.local")))


def write_text(graph, sentence, heads):
    """Appends the text head to the tower's sentence vector; returns unit vectors (n, dims)."""
    value = graph.linear(graph.unit(sentence), heads["txt_A"], heads["txt_a"], "head.text",
                         store="f32")
    return _finish(graph, value, heads)
