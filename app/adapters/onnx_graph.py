"""Prepares a model's graph for ONNX Runtime: the same function in a form that runs two to five times faster.

Measured on SFace, MobileFaceNet and YuNet (docs/matching.md). What is changed, and why:

- Initializers that are listed as inputs too (files before IR version 4) count as variable, and nothing is folded.
- Weights that are stored as 8-bit blocks are dequantized at every run: here once.
- Denormal weights (below 1e-30) slow a multiplication down a hundredfold and change no result.
- PReLU has no kernel in the runtime's blocked layout, and the conversions around it cost more than all the
  convolutions. max((1 − a)·x, 0) + a·x is the same where no slope a exceeds one, and has one.
- A Gemm of one picture does little but read its weights. Where they are stored as 8-bit blocks they are read as
  stored, a quarter of the bytes; what they are multiplied by is rounded to 8 bits in blocks of the same length.
- What only results nobody asks for depend on is left out; the runtime would compute it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

FOLDED = frozenset({"DequantizeLinear", "Reshape", "Transpose", "Cast", "Squeeze", "Unsqueeze", "Identity"})
"""Operations that turn stored weights into those that are used."""

SMALLEST_WEIGHT = 1e-30

RUNTIME_DOMAIN = "com.microsoft"
"""Of the operations that the runtime has beyond ONNX."""

INT8_COMPUTE = 4
"""The runtime's `accuracy_level` of a product of 8-bit numbers. On a processor without VNNI its kernels for AVX2
multiply the halves of a pair apart, so nothing saturates there either (sqnbitgemm_kernel_avx2_int8_blklen64.h)."""

PLAIN_GEMM = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 1}
BLOCK_LENGTHS = (16, 32, 64, 128, 256)
"""That the runtime's product takes."""

Constants = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Blocks:
    """(quantized − zero) · scale: `quantized` n × k uint8 in blocks of `length`, `scale` and `zero` n × blocks."""

    quantized: NDArray[np.uint8]
    scale: NDArray[np.float32]
    zero: NDArray[np.uint8]
    length: int


def prepare(path: Path, *, any_size: bool = False, outputs: Collection[str] | None = None) -> bytes:
    """The model, serialized. ValueError where the file holds none.

    With `any_size` it takes pictures of any height and width (N, C, H, W), whatever its file says; of the results
    it has those named by `outputs`, by default all.
    """
    try:
        model = onnx.load_model(path)
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        blocks = dict(_stored_blocks(model.graph.node, constants))
        nodes = [
            made
            for node in model.graph.node
            if not _folds(node, constants, model)
            for made in _faster(node, constants, blocks)
        ]
    except Exception as error:
        raise ValueError(f"{path.name} is no usable ONNX model") from error
    if outputs is not None:
        wanted = [result for result in model.graph.output if result.name in outputs]
        if len(wanted) != len(outputs):
            raise ValueError(f"{path.name} has not all of the results {', '.join(sorted(outputs))}")
        _replace(model.graph.output, wanted)
        nodes = _needed(nodes, outputs)
    if any(node.domain == RUNTIME_DOMAIN for node in nodes):
        model.opset_import.append(helper.make_opsetid(RUNTIME_DOMAIN, 1))
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


def _faster(node: onnx.NodeProto, constants: Constants, blocks: dict[str, Blocks]) -> list[onnx.NodeProto]:
    if node.op_type == "PRelu":
        slope = constants.get(node.input[1])
        if slope is not None and slope.size in slope.shape[:1]:  # one slope a channel: (C, 1, 1)
            return _prelu_in_blocks(node, slope.reshape(-1, 1, 1, 1).astype(np.float32), constants)
    if node.op_type == "Gemm" and node.input[1] in blocks and _attributes(node) == PLAIN_GEMM:
        return [_gemm_of_blocks(node, blocks[node.input[1]], constants)]
    return [node]


def _prelu_in_blocks(
    node: onnx.NodeProto, slope: NDArray[np.float32], constants: Constants
) -> list[onnx.NodeProto]:
    """PReLU as two convolutions of one pixel and one channel each; the runtime fuses the sum, and Relu with one.

    Where a slope exceeds one, a·x + (1 − a)·max(x, 0): the maximum is then taken before the convolution.
    """
    given, result, channels = node.input[0], node.output[0], len(slope)
    positive, linear, rest = (f"{result}/{part}" for part in ("positive", "linear", "rest"))
    constants[f"{linear}/weight"], constants[f"{rest}/weight"] = slope, 1 - slope

    def scaled(value: str, to: str) -> onnx.NodeProto:
        return helper.make_node("Conv", [value, f"{to}/weight"], [to], group=channels, kernel_shape=[1, 1])

    if (slope > 1).any():
        bent = [helper.make_node("Relu", [given], [positive]), scaled(positive, rest)]
        return [*bent, scaled(given, linear), helper.make_node("Add", [linear, rest], [result])]
    bent = [scaled(given, rest), helper.make_node("Relu", [rest], [positive])]
    return [*bent, scaled(given, linear), helper.make_node("Add", [linear, positive], [result])]


def _stored_blocks(nodes: Iterable[onnx.NodeProto], constants: Constants) -> Iterable[tuple[str, Blocks]]:
    """Matrices stored as signed 8-bit blocks along their rows, as the runtime's product wants them: unsigned."""
    for node in nodes:
        if node.op_type != "DequantizeLinear" or not all(name in constants for name in node.input):
            continue
        found, length = [constants[name] for name in node.input], _attributes(node).get("block_size", 0)
        is_signed = len(found) == 3 and found[0].dtype == found[2].dtype == np.int8
        is_matrix = is_signed and found[0].ndim == 2 and _attributes(node).get("axis") == 1
        if is_matrix and length in BLOCK_LENGTHS and found[0].shape[1] == length * found[1].shape[1]:
            quantized, zero = ((part.astype(np.int16) + 128).astype(np.uint8) for part in (found[0], found[2]))
            yield node.output[0], Blocks(quantized, found[1].astype(np.float32), zero, length)


def _gemm_of_blocks(node: onnx.NodeProto, weights: Blocks, constants: Constants) -> onnx.NodeProto:
    columns, rows = weights.quantized.shape
    names = [f"{node.output[0]}/{part}" for part in ("quantized", "scale", "zero")]
    values = (weights.quantized.reshape(columns, -1, weights.length), weights.scale, weights.zero)
    constants.update(zip(names, values, strict=True))
    return helper.make_node(
        "MatMulNBits",
        [node.input[0], *names, "", *node.input[2:]],
        node.output,
        domain=RUNTIME_DOMAIN,
        K=rows,
        N=columns,
        bits=8,
        block_size=weights.length,
        accuracy_level=INT8_COMPUTE,
    )


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _needed(nodes: Sequence[onnx.NodeProto], outputs: Collection[str]) -> list[onnx.NodeProto]:
    """Those that the outputs depend on, in their order."""
    wanted, found = set(outputs), []
    for node in reversed(nodes):
        if wanted & set(node.output):
            wanted |= set(node.input)
            found.append(node)
    return found[::-1]


def _without_denormals(weights: NDArray[np.generic]) -> NDArray[np.generic]:
    if weights.dtype != np.float32:
        return weights
    return np.where(np.abs(weights) < SMALLEST_WEIGHT, np.float32(0), weights)


def _replace(field: object, items: list[object] | list[onnx.NodeProto]) -> None:
    """Protocol buffers' lists cannot be assigned."""
    del field[:]  # type: ignore[attr-defined]
    field.extend(items)  # type: ignore[attr-defined]
