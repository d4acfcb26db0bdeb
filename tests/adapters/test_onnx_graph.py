"""What the preparation of a graph changes, and that it changes no result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from app.adapters.onnx_graph import prepare

Array = NDArray[np.generic]
Floats = NDArray[np.float32]

CHANNELS, ROWS, COLUMNS, BLOCK = 16, 192, 40, 64


def graph_file(
    folder: Path, nodes: list[onnx.NodeProto], constants: dict[str, Array], fed: list[int], results: list[str]
) -> Path:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, fed)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    model.ir_version = 10
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


def operations(model: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(model).graph.node]


def run(model: bytes, given: Floats, *, is_optimized: bool = True) -> list[Floats]:
    options = onnxruntime.SessionOptions()
    if not is_optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return [np.asarray(result) for result in session.run(None, {"x": given})]


def as_written(file: Path, given: Floats) -> Floats:
    """What the file says, node by node."""
    return run(file.read_bytes(), given, is_optimized=False)[0]


def random(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def bent(folder: Path, slope: Floats) -> Path:
    """A convolution and PReLU, as in a recognizer."""
    weight = random(CHANNELS, 3, 3, 3)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("PRelu", ["c", "s"], ["y"]),
    ]
    return graph_file(folder, nodes, {"w": weight, "s": slope}, [1, 3, 8, 8], ["y"])


@pytest.mark.parametrize("steepest", [0.0, 0.9, 1.0, 1.3])
def test_prelu_in_blocks_gives_what_prelu_gives(tmp_path: Path, steepest: float) -> None:
    slope = np.linspace(-0.8, steepest, CHANNELS, dtype=np.float32).reshape(CHANNELS, 1, 1)
    file, given = bent(tmp_path, slope), random(1, 3, 8, 8, seed=1)
    prepared = prepare(file)
    assert "PRelu" not in operations(prepared)
    np.testing.assert_allclose(run(prepared, given)[0], as_written(file, given), atol=1e-5)


def test_prelu_with_a_slope_for_every_place_stays_as_it_is(tmp_path: Path) -> None:
    assert "PRelu" in operations(prepare(bent(tmp_path, random(CHANNELS, 8, 8))))


def multiplied(folder: Path, *, axis: int = 1, is_turned: int = 1, block: int = BLOCK) -> Path:
    """A product with weights that are stored as signed 8-bit blocks."""
    generator = np.random.default_rng(3)
    shape = (COLUMNS, ROWS) if is_turned else (ROWS, COLUMNS)
    scales = tuple(size // block if number == axis else size for number, size in enumerate(shape))
    constants: dict[str, Array] = {
        "q": generator.integers(-128, 128, shape, dtype=np.int8),
        "scale": generator.uniform(0.001, 0.01, scales).astype(np.float32),
        "zero": generator.integers(-9, 9, scales, dtype=np.int8),
        "b": random(COLUMNS),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["w"], axis=axis, block_size=block),
        helper.make_node("Gemm", ["x", "w", "b"], ["y"], alpha=1.0, beta=1.0, transA=0, transB=is_turned),
    ]
    return graph_file(folder, nodes, constants, [1, ROWS], ["y"])


def test_a_product_with_stored_blocks_reads_them_as_they_are(tmp_path: Path) -> None:
    file, given = multiplied(tmp_path), random(1, ROWS, seed=4)
    prepared = prepare(file)
    assert operations(prepared) == ["MatMulNBits"]
    expected, found = as_written(file, given), run(prepared, given)[0]
    # Rounding 192 factors to 8 bits leaves less than a hundredth of the result's own size.
    assert np.abs(found - expected).max() < 0.01 * np.abs(expected).max()
    stored = {tensor.data_type for tensor in onnx.load_from_string(prepared).graph.initializer if tensor.dims}
    assert stored == {TensorProto.UINT8, TensorProto.FLOAT}


def test_any_other_product_is_dequantized_once(tmp_path: Path) -> None:
    given = random(1, ROWS, seed=4)
    for other in ({"axis": 0, "is_turned": 0}, {"axis": 0, "block": 40}, {"block": 48}):
        file = multiplied(tmp_path, **other)
        prepared = prepare(file)
        assert operations(prepared) == ["Gemm"]
        np.testing.assert_allclose(run(prepared, given)[0], as_written(file, given), rtol=1e-4, atol=1e-4)


def test_of_the_results_only_those_asked_for_are_computed(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["shared"]),
        helper.make_node("Exp", ["shared"], ["one"]),
        helper.make_node("Neg", ["shared"], ["other"]),
    ]
    file = graph_file(tmp_path, nodes, {}, [1, 4], ["one", "other"])
    given = random(1, 4)
    assert operations(prepare(file, outputs={"other"})) == ["Relu", "Neg"]
    np.testing.assert_array_equal(run(prepare(file, outputs={"other"}), given)[0], run(prepare(file), given)[1])
    with pytest.raises(ValueError, match="has not all of the results missing, one"):
        prepare(file, outputs={"one", "missing"})
