# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-Lite2 as an ONNX graph, from its published state dict.

Batch norms are folded into their convolutions. The tower yields its taps: values along the way
that a head may use. It expects pixels normalised as (x - 127) / 128 for x in 0..255, RGB, which is
what preprocessor_config.json asks of whoever fits the picture.
"""
from dataclasses import dataclass

import numpy as np

from . import BuildError

PIXEL_MEAN, PIXEL_STD = 127, 128
BATCH_NORM_EPSILON = 1e-3
STAGE_STRIDES = (1, 2, 2, 2, 1, 2, 1)


@dataclass
class Taps:
    """Values of the graph, all with the batch in front."""
    stages: list    # the seven stages' last maps (n, channels, h, w)
    top: str        # the last map (n, 1280, h, w)
    pooled: str     # `top` averaged (n, 1280)


@dataclass(frozen=True)
class Block:
    """One inverted residual block as its weights describe it."""
    prefix: str
    stage: int
    stride: int
    expands: bool
    residual: bool


def blocks(state):
    """The blocks of a state dict in order. A change in the number of channels opens a stage."""
    result, stage, channels = [], -1, state["_conv_stem.weight"].shape[0]
    while (prefix := f"_blocks.{len(result)}.") + "_project_conv.weight" in state:
        n_out = state[prefix + "_project_conv.weight"].shape[0]
        opens = n_out != channels
        stage += opens
        stride = STAGE_STRIDES[stage] if opens and stage < len(STAGE_STRIDES) else 1
        result.append(Block(prefix, stage, stride, prefix + "_expand_conv.weight" in state,
                            residual=not opens))
        channels = n_out
    if stage + 1 != len(STAGE_STRIDES):
        raise BuildError(f"the image weights have {stage + 1} stages, not {len(STAGE_STRIDES)}")
    return result


def fold(state, convolution, batch_norm):
    """The weight and bias (f64) of a convolution that does its batch norm's work too."""
    gain = state[f"{batch_norm}.weight"] / np.sqrt(
        state[f"{batch_norm}.running_var"].astype(np.float64) + BATCH_NORM_EPSILON)
    bias = state[f"{batch_norm}.bias"] - state[f"{batch_norm}.running_mean"] * gain
    return state[f"{convolution}.weight"] * gain[:, None, None, None], bias


def write(graph, pixels, state):
    """Appends the tower to the graph and returns its Taps."""
    limits = graph.floats(0, "relu6.low"), graph.floats(6, "relu6.high")

    def convolve(value, convolution, batch_norm, *, stride=1, groups=1, relu=True):
        weight, bias = fold(state, convolution, batch_norm)
        size = weight.shape[2]
        value = graph.op("Conv", value, graph.half(weight, f"{convolution}.weight"),
                         graph.floats(bias, f"{convolution}.bias"), kernel_shape=[size, size],
                         strides=[stride, stride], group=groups, auto_pad="SAME_UPPER")
        return graph.op("Clip", value, *limits) if relu else value

    stages = [None] * len(STAGE_STRIDES)
    value = convolve(pixels, "_conv_stem", "_bn0", stride=2)
    for block in blocks(state):
        p, entry = block.prefix, value
        if block.expands:
            value = convolve(value, f"{p}_expand_conv", f"{p}_bn0")
        value = convolve(value, f"{p}_depthwise_conv", f"{p}_bn1", stride=block.stride,
                         groups=state[f"{p}_depthwise_conv.weight"].shape[0])
        value = convolve(value, f"{p}_project_conv", f"{p}_bn2", relu=False)
        if block.residual:
            value = graph.op("Add", value, entry)
        stages[block.stage] = value
    top = convolve(value, "_conv_head", "_bn1")
    return Taps(stages=stages, top=top, pooled=graph.pooled(top, "Average"))
