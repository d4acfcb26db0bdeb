"""Prepares a model's graph for ONNX Runtime: the same function in a form that runs two to five times faster.

Measured on SFace, MobileFaceNet and YuNet (docs/matching.md). What is changed, and why:

- Initializers that are listed as inputs too (files before IR version 4) count as variable, and nothing is folded.
- Weights that are stored as 8-bit blocks are dequantized at every run: here once.
- Denormal weights (below 1e-30) slow a multiplication down a hundredfold and change no result.
- PReLU has no kernel in the runtime's blocked layout, and the conversions around it cost more than all the
  convolutions. a·x + (1 − a)·max(x, 0) is the same and has one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

FOLDED = frozenset({"DequantizeLinear", "Reshape", "Transpose", "Cast", "Squeeze", "Unsqueeze", "Identity"})
"""Operations that turn stored weights into those that are used."""

SMALLEST_WEIGHT = 1e-30

Constants = dict[str, NDArray[np.generic]]


def prepare(path: Path, *, any_size: bool = False) -> bytes:
    """The model, serialized. ValueError where the file holds none.

    With `any_size` it takes pictures of any height and width (N, C, H, W), whatever its file says.
    """
    try:
        model = onnx.load_model(path)
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        nodes = [
            made
            for node in model.graph.node
            if not _folds(node, constants, model)
            for made in _faster(node, constants)
        ]
    except Exception as error:
        raise ValueError(f"{path.name} is no usable ONNX model") from error
    used = {name for node in nodes for name in node.input}
    _replace(model.graph.node, nodes)
    _replace(model.graph.input, [given for given in model.graph.input if _is_fed(given.name, constants, used)])
    kept = [name for name in constants if name in used]
    _replace(model.graph.initializer, [numpy_helper.from_array(_without_denormals(constants[n]), n) for n in kept])
    if any_size:
        _free_sizes(model.graph)
    return bytes(model.SerializeToString())


def _free_sizes(graph: onnx.GraphProto) -> None:
    """What the file says of sizes is for one picture; the runtime infers the others by itself."""
    del graph.value_info[:]
    for result in graph.output:
        result.type.tensor_type.ClearField("shape")
    for given in graph.input:
        for name, size in zip("hw", given.type.tensor_type.shape.dim[2:], strict=True):
            size.dim_param = name


def _is_fed(name: str, constants: Constants, used: set[str]) -> bool:
    return name in used and name not in constants


def _folds(node: onnx.NodeProto, constants: Constants, model: onnx.ModelProto) -> bool:
    """Compute a node all of whose inputs are constants, once and for all."""
    if node.op_type not in FOLDED or not all(name in constants for name in node.input):
        return False
    graph = helper.make_graph(
        [node],
        "constant",
        [],
        [helper.make_empty_tensor_value_info(name) for name in node.output],
        [numpy_helper.from_array(constants[name], name) for name in node.input],
    )
    alone = helper.make_model(graph, opset_imports=model.opset_import)
    for name, value in zip(node.output, ReferenceEvaluator(alone).run(None, {}), strict=True):
        constants[name] = np.asarray(value)
    return True


def _faster(node: onnx.NodeProto, constants: Constants) -> list[onnx.NodeProto]:
    slope = constants.get(node.input[1]) if node.op_type == "PRelu" else None
    if slope is None or slope.size not in slope.shape[:1]:  # one slope a channel: (C, 1, 1)
        return [node]
    return _prelu_in_blocks(node, slope.reshape(-1, 1, 1, 1).astype(np.float32), constants)


def _prelu_in_blocks(
    node: onnx.NodeProto, slope: NDArray[np.float32], constants: Constants
) -> list[onnx.NodeProto]:
    """PReLU as two convolutions of one pixel and one channel each, whose sum the runtime fuses."""
    given, result, channels = node.input[0], node.output[0], len(slope)
    positive, linear, rest = (f"{result}/{part}" for part in ("positive", "linear", "rest"))
    constants[f"{linear}/weight"], constants[f"{rest}/weight"] = slope, 1 - slope
    return [
        helper.make_node("Relu", [given], [positive]),
        helper.make_node("Conv", [given, f"{linear}/weight"], [linear], group=channels, kernel_shape=[1, 1]),
        helper.make_node("Conv", [positive, f"{rest}/weight"], [rest], group=channels, kernel_shape=[1, 1]),
        helper.make_node("Add", [linear, rest], [result]),
    ]


def _without_denormals(weights: NDArray[np.generic]) -> NDArray[np.generic]:
    if weights.dtype != np.float32:
        return weights
    return np.where(np.abs(weights) < SMALLEST_WEIGHT, np.float32(0), weights)


def _replace(field: object, items: list[object] | list[onnx.NodeProto]) -> None:
    """Protocol buffers' lists cannot be assigned."""
    del field[:]  # type: ignore[attr-defined]
    field.extend(items)  # type: ignore[attr-defined]
