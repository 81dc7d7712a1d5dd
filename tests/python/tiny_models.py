#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/models: a model directory of a few hundred bytes whose vectors can be computed by
hand, and graphs as other exporters write them, or wrong in one way each. Needs the package onnx.

usage: tiny_models.py tests/data/models
"""
import json
import pathlib
import sys

import numpy as np
from onnx import TensorProto as T
from onnx import checker, helper, numpy_helper, save

VOCAB, DIMS, SIDE = 12, 4, 8


def table(rows, cols):
    """The same small numbers as tests/unit/test_embed.c computes."""
    return np.array([[(i * 7 + j * 3) % 11 - 4 for j in range(cols)] for i in range(rows)], np.float32)


class Graph:
    def __init__(self):
        self.nodes, self.consts = [], []

    def const(self, value, dtype):
        name = f"c{len(self.consts)}"
        self.consts.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def op(self, kind, *inputs, out=None, **attributes):
        out = out or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], **attributes))
        return out

    def write(self, path, inputs, outputs):
        value = helper.make_tensor_value_info
        graph = helper.make_graph(self.nodes, "tiny", [value(*i) for i in inputs],
                                  [value(*o) for o in outputs], self.consts)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                                  producer_name="latent")
        checker.check_model(model)
        path.parent.mkdir(parents=True, exist_ok=True)
        save(model, path)


IDS = ("input_ids", T.INT64, ["n", "l"])
MASK = ("attention_mask", T.INT64, ["n", "l"])
PIXELS = ("pixel_values", T.FLOAT, ["n", 3, "h", "w"])


def mean_of_tokens(g, dims, out, mask="attention_mask"):
    """Mean of the rows of the table that the tokens name, padding left out if there is a mask."""
    rows = g.op("Gather", g.const(table(VOCAB, dims), np.float32), "input_ids")
    if not mask:
        return g.op("ReduceMean", rows, out=out, axes=[1], keepdims=0)
    weight = g.op("Unsqueeze", g.op("Cast", mask, to=T.FLOAT), g.const([2], np.int64))
    total = g.op("ReduceSum", g.op("Mul", rows, weight), g.const([1], np.int64), keepdims=0)
    return g.op("Div", total, g.op("ReduceSum", weight, g.const([1], np.int64), keepdims=0), out=out)


def mean_of_pixels(g, dims, out, source="pixel_values"):
    pooled = g.op("Flatten", g.op("GlobalAveragePool", source), axis=1)
    return g.op("MatMul", pooled, g.const(table(3, dims), np.float32), out=out)


def text(path, dims=DIMS, out="text_embeds", mask=True):
    g = Graph()
    mean_of_tokens(g, dims, out, "attention_mask" if mask else None)
    g.write(path, [IDS, MASK] if mask else [IDS], [(out, T.FLOAT, ["n", dims])])


def vision(path, dims=DIMS, out="image_embeds", pixels=PIXELS):
    g = Graph()
    mean_of_pixels(g, dims, out, pixels[0])
    g.write(path, [pixels], [(out, T.FLOAT, ["n", dims])])


def joint(path):
    g = Graph()
    t = mean_of_tokens(g, DIMS, "text_embeds")
    i = mean_of_pixels(g, DIMS, "image_embeds")
    per_image = g.op("MatMul", i, g.op("Transpose", t, perm=[1, 0]), out="logits_per_image")
    g.op("Transpose", per_image, out="logits_per_text", perm=[1, 0])
    g.write(path, [IDS, PIXELS, MASK],
            [("logits_per_image", T.FLOAT, ["i", "t"]), ("logits_per_text", T.FLOAT, ["t", "i"]),
             ("text_embeds", T.FLOAT, ["t", DIMS]), ("image_embeds", T.FLOAT, ["i", DIMS])])


def text_int32(path):
    """Inputs of 32 bits, token types and positions, an output of half precision among others."""
    g = Graph()
    plain = mean_of_tokens(g, DIMS, "mean")
    for name in ("token_type_ids", "position_ids"):
        most = g.op("ReduceMax", g.op("Cast", name, to=T.FLOAT), axes=[1], keepdims=1)
        plain = g.op("Add", plain, most)
    g.op("Cast", plain, out="pooler_output", to=T.FLOAT16)
    g.op("Gather", g.const(table(VOCAB, DIMS), np.float32), "input_ids", out="last_hidden_state")
    names = ("input_ids", "attention_mask", "token_type_ids", "position_ids")
    g.write(path, [(n, T.INT32, ["n", "l"]) for n in names],
            [("last_hidden_state", T.FLOAT, ["n", "l", DIMS]),
             ("pooler_output", T.FLOAT16, ["n", DIMS])])


def hidden_only(path):
    g = Graph()
    g.op("Gather", g.const(table(VOCAB, DIMS), np.float32), "input_ids", out="last_hidden_state")
    g.write(path, [IDS], [("last_hidden_state", T.FLOAT, ["n", "l", DIMS])])


def degenerate(path, kind):
    """All zeros, or not a number."""
    g = Graph()
    rows = mean_of_pixels(g, DIMS, "rows")
    zero = g.op("Mul", rows, g.const(0, np.float32))
    if kind == "nan":
        g.op("Div", zero, zero, out="image_embeds")
    else:
        g.op("Identity", zero, out="image_embeds")
    g.write(path, [PIXELS], [("image_embeds", T.FLOAT, ["n", DIMS])])


def extra_input(path):
    g = Graph()
    rows = mean_of_pixels(g, DIMS, "rows")
    g.op("Add", rows, "noise", out="image_embeds")
    g.write(path, [PIXELS, ("noise", T.FLOAT, ["n", DIMS])], [("image_embeds", T.FLOAT, ["n", DIMS])])


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def directory(root):
    text(root / "onnx/text_model.onnx")
    vision(root / "onnx/vision_model.onnx")
    write_json(root / "config.json", {"model_type": "clip", "projection_dim": DIMS,
                                      "text_config": {"max_position_embeddings": 10}})
    write_json(root / "preprocessor_config.json",
               {"size": {"height": SIDE, "width": SIDE}, "resample": 3, "do_rescale": False,
                "do_normalize": False})
    write_json(root / "latent.json", {"name": "tiny", "languages": ["en", "de"], "dims": DIMS})
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "\u2581a", "\u2581b", "\u2581c", "\u2581d", "\u2581",
              "e", "f", "g"]
    assert len(pieces) == VOCAB
    special = [{"id": i, "content": p, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True} for i, p in enumerate(pieces[:4])]
    write_json(root / "tokenizer.json", {
        "version": "1.0", "truncation": None,
        "padding": {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None,
                    "pad_id": 1, "pad_type_id": 0, "pad_token": "<pad>"},
        "added_tokens": special, "normalizer": None,
        "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always",
                          "split": True},
        "post_processor": {"type": "TemplateProcessing",
                           "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                                      {"Sequence": {"id": "A", "type_id": 0}},
                                      {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                           "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                                    {"Sequence": {"id": "B", "type_id": 1}}],
                           "special_tokens": {p: {"id": p, "ids": [i], "tokens": [p]}
                                              for i, p in ((0, "<s>"), (2, "</s>"))}},
        "decoder": None,
        "model": {"type": "Unigram", "unk_id": 3,
                  "vocab": [[p, 0.0 if i < 4 else -float(i)] for i, p in enumerate(pieces)],
                  "byte_fallback": False}})


def main():
    root = pathlib.Path(sys.argv[1])
    directory(root / "tiny")
    graphs = root / "graphs"
    joint(graphs / "joint.onnx")
    text(graphs / "text_no_mask.onnx", mask=False)
    text(graphs / "text_three_dims.onnx", dims=3)
    text(graphs / "text_other_name.onnx", out="vectors")
    text_int32(graphs / "text_int32.onnx")
    hidden_only(graphs / "text_hidden_only.onnx")
    degenerate(graphs / "vision_nan.onnx", "nan")
    degenerate(graphs / "vision_zero.onnx", "zero")
    extra_input(graphs / "vision_extra.onnx")
    vision(graphs / "vision_static.onnx", pixels=("pixel_values", T.FLOAT, [1, 3, 16, 16]))
    vision(graphs / "vision_other_name.onnx", pixels=("images", T.FLOAT, ["n", 3, SIDE, SIDE]))


if __name__ == "__main__":
    main()
