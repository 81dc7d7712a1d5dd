# SPDX-License-Identifier: Apache-2.0
"""A small writer of ONNX graphs: nodes and constants in the order in which they are asked for.

A value is the name of a tensor in the graph (a str), so parts written by different functions join
by passing names along.
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
ELEMENT_TYPES = {"f32": TensorProto.FLOAT, "i64": TensorProto.INT64}


class Graph:
    def __init__(self, name):
        self._name = name
        self._nodes = []
        self._constants = {}
        self._inputs = []
        self._outputs = []

    def input(self, name, element, shape):
        """Declares an input of the graph; a str in `shape` names a free dimension."""
        self._inputs.append(helper.make_tensor_value_info(name, ELEMENT_TYPES[element], shape))
        return name

    def output(self, name, value, shape):
        """Declares `value` (f32) as the output `name` of the graph."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def constant(self, array, name=None):
        """A constant with the array's own element type. Without a name it gets a numbered one."""
        name = name or f"constant_{len(self._constants)}"
        if name in self._constants:
            raise ValueError(f"constant {name} is there already")
        self._constants[name] = numpy_helper.from_array(np.array(array, order="C"), name)
        return name

    def floats(self, array, name=None):
        return self.constant(np.asarray(array, np.float32), name)

    def integers(self, array, name=None):
        return self.constant(np.asarray(array, np.int64), name)

    def half(self, array, name):
        """f32 values stored as f16; the runtime widens them when it compiles the model."""
        return self.cast(self.constant(np.asarray(array, np.float16), name), "f32")

    def op(self, kind, *inputs, **attributes):
        """Appends a node with one output and returns that."""
        output = f"value_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def cast(self, value, element):
        return self.op("Cast", value, to=ELEMENT_TYPES[element])

    def int8(self, matrix, name):
        """A matrix stored as int8 with one scale a column (per output of the layer).

        Written so that OpenVINO recognises compressed weights and multiplies with the int8 values:
        an f32 copy of them exists neither in its cache nor in memory.
        """
        rows = np.ascontiguousarray(matrix.T)
        scale = np.maximum(np.abs(rows).max(axis=1) / 127, 1e-9).astype(np.float32)
        quantised = np.clip(np.rint(rows / scale[:, None]), -127, 127).astype(np.int8)
        wide = self.op("DequantizeLinear", self.constant(quantised, name),
                       self.floats(scale, f"{name}.scale"), axis=0)
        return self.op("Transpose", wide, perm=[1, 0])

    def linear(self, value, weight, bias, name, *, store):
        """value @ weight + bias; `weight` is (inputs, outputs), `store` "f32", "f16" or "int8"."""
        stored = {"f32": self.floats, "f16": self.half, "int8": self.int8}[store]
        product = self.op("MatMul", value, stored(weight, f"{name}.weight"))
        return self.op("Add", product, self.floats(bias, f"{name}.bias"))

    def unit(self, value):
        """Rows of an (n, dims) matrix scaled to length 1; a row of zeros stays one."""
        length = self.op("ReduceL2", value, axes=[1], keepdims=1)
        return self.op("Div", value, self.op("Max", length, self.floats(1e-12)))

    def pooled(self, value, kind):
        """Global "Average" or "Max" pooling of an (n, channels, h, w) map to (n, channels)."""
        return self.op("Flatten", self.op(f"Global{kind}Pool", value), axis=1)

    def serialise(self):
        """The bytes of the checked model."""
        graph = helper.make_graph(self._nodes, self._name, self._inputs, self._outputs,
                                  list(self._constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)],
                                  ir_version=IR_VERSION, producer_name="latent")
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)
