"""Recognizers and what runs them: time of one template, and FNMR at FMR 0.1 % and 1 %, on the same aligned faces.

Every picture of the pairs is detected and aligned once; each variant then describes the same 112 × 112 faces.
The int8 variant is made here, by ONNX Runtime's own static quantization on `--quantize-on` of the faces.

    python -m bench.recognizers --media ../shared/media --out var/recognizers.json
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from unittest import mock

import cv2
import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from app.adapters import onnx_graph
from app.adapters.images import Images
from app.adapters.model_files import Model, load_manifest
from app.adapters.onnx_recognizer import OnnxRecognizer
from app.adapters.recognizer_entry import RecognizerEntry, template_format
from app.adapters.yunet_detector import YunetDetector
from app.config import Settings
from app.domain.error_rates import best_accuracy, fnmr_at_fmr
from app.domain.pair_scores import PairScores
from app.main import load_models

ROOT = Path(__file__).resolve().parents[1]
ERRORS_ONLY = 3

Face = NDArray[np.uint8]
Vector = NDArray[np.float32]
Run = Callable[[Vector], Vector]
"""1 × 3 × 112 × 112, as the model wants it → its answer."""


def main() -> int:
    options = _options()
    pairs = _read_pairs(options.media, options.pairs)
    paths = sorted({path for pair in pairs for path in pair[:2]})
    files = load_models(Settings.from_env({})).files
    models = {model.model_id: model for model in _recognizers()}
    report: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("sface", "fr_feature"):
            model = models[name]
            assert model.recognizer is not None
            file = files.location("yunet").parent / model.file_name
            recognizer = OnnxRecognizer(
                file, template_format(name, model.sha256, model.recognizer), model.recognizer
            )
            faces = _aligned(options.media, paths, YunetDetector(files.path("yunet")), recognizer)
            blobs = {path: _blob(face, model.recognizer) for path, face in faces.items()}
            sample = [blobs[path] for path in sorted(blobs)[:: max(1, len(blobs) // options.quantize_on)]]
            baseline: float | None = None
            for variant, run in _variants(name, file, Path(folder), sample):
                spent = _time(run, sample, options.rounds)
                baseline = baseline or spent
                report[variant] = _show(variant, spent, baseline, _rates(run, blobs, pairs))
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--media", type=Path, default=ROOT.parent / "shared" / "media")
    parser.add_argument("--pairs", type=Path, help="by default the media's pairs/lfw_pairs.csv")
    parser.add_argument("--rounds", type=int, default=60, help="templates that are timed")
    parser.add_argument("--quantize-on", type=int, default=200, help="faces that the int8 variant is fitted to")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def _recognizers() -> Iterator[Model]:
    yield from (model for model in load_manifest() if model.recognizer)


def _read_pairs(media: Path, file: Path | None) -> Sequence[tuple[str, str, bool]]:
    with (file or media / "pairs" / "lfw_pairs.csv").open(newline="", encoding="utf-8") as rows:
        return [(row["path_a"], row["path_b"], row["same"] == "1") for row in csv.DictReader(rows)]


def _aligned(
    media: Path, paths: Sequence[str], detector: YunetDetector, recognizer: OnnxRecognizer
) -> dict[str, Face]:
    images, faces = Images(), {}
    for path in paths:
        pixels = images.read_image((media / path).read_bytes())
        found = detector.detect(pixels)
        if found:
            faces[path] = recognizer._aligned(pixels, found[0].points)
    return faces


def _blob(face: Face, entry: RecognizerEntry) -> Vector:
    pixels = face[..., ::-1] if entry.channels == "rgb" else face
    mean, std = (np.array(values, dtype=np.float32) for values in (entry.mean, entry.std))
    return np.ascontiguousarray(((pixels.astype(np.float32) - mean) / std).transpose(2, 0, 1)[None])


def _variants(name: str, file: Path, folder: Path, sample: Sequence[Vector]) -> Iterator[tuple[str, Run]]:
    """The baseline first. A variant that does not run says why and is left out."""
    cv2.setNumThreads(1)
    yield f"{name}, OpenCV", _opencv(file)
    with mock.patch.object(onnx_graph, "_faster", lambda node, *_: [node]):
        plain = folder / f"{name}.onnx"
        plain.write_bytes(onnx_graph.prepare(file))
    makers: list[tuple[str, Callable[[], Run]]] = [
        (f"{name}, ONNX Runtime, the file as it is", lambda: _runtime(file.read_bytes())),
        (f"{name}, fp32, OpenCV", lambda: _opencv(plain)),
        (f"{name}, fp32, ONNX Runtime", lambda: _runtime(plain.read_bytes())),
        (f"{name}, fp32, ONNX Runtime, prepared", lambda: _runtime(onnx_graph.prepare(file))),
        (f"{name}, int8, ONNX Runtime", lambda: _runtime(_quantized(plain, folder / f"{name}-int8.onnx", sample))),
    ]
    for variant, make in makers:
        try:
            run = make()
            run(sample[0])
        except Exception as error:  # noqa: BLE001 (the reason is the finding)
            print(f"{variant:<44} does not run: {str(error).splitlines()[0][:120]}")
            continue
        yield variant, run


def _opencv(file: Path) -> Run:
    net = cv2.dnn.readNetFromONNX(str(file))

    def run(blob: Vector) -> Vector:
        net.setInput(blob)
        return np.asarray(net.forward(), dtype=np.float32).ravel().copy()

    return run


def _runtime(model: bytes) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0].name
    return lambda blob: np.asarray(session.run(None, {given: blob})[0], dtype=np.float32).ravel()


def _quantized(plain: Path, target: Path, sample: Sequence[Vector]) -> bytes:
    """Weights by channel and activations as int8, fitted to a sample of the faces."""
    given = onnx.load(plain).graph.input[0].name

    class Faces(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = iter(sample)

        def get_next(self) -> dict[str, Vector] | None:
            blob = next(self._left, None)
            return None if blob is None else {given: blob}

    quantize_static(
        str(plain),
        str(target),
        Faces(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return target.read_bytes()


def _time(run: Run, sample: Sequence[Vector], rounds: int) -> float:
    """Median ms of a template."""
    spent = []
    for number in range(rounds + 5):
        begin = time.perf_counter()
        run(sample[number % len(sample)])
        spent.append(1000 * (time.perf_counter() - begin))
    return median(spent[5:])


def _rates(run: Run, blobs: dict[str, Vector], pairs: Sequence[tuple[str, str, bool]]) -> dict[str, float]:
    paths = sorted(blobs)
    vectors = np.array([run(blobs[path]) for path in paths])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    row = {path: number for number, path in enumerate(paths)}
    person = np.unique([str(Path(path).parent) for path in paths], return_inverse=True)[1]
    upper = np.triu_indices(len(paths), 1)
    impostors = (vectors @ vectors.T)[upper][(person[:, None] != person[None, :])[upper]]
    mated, others = (
        np.array(
            [
                vectors[row[a]] @ vectors[row[b]] if a in row and b in row else -np.inf
                for a, b, same in pairs
                if same is kind
            ]
        )
        for kind in (True, False)
    )
    genuine, crossed = PairScores(mated), PairScores(impostors)
    return {
        "fnmr_at_1_percent": fnmr_at_fmr(genuine, crossed, 0.01).fnmr.share,
        "fnmr_at_0.1_percent": fnmr_at_fmr(genuine, crossed, 0.001).fnmr.share,
        "accuracy": best_accuracy(genuine, PairScores(others))[0],
    }


def _show(variant: str, spent: float, baseline: float, rates: dict[str, float]) -> dict[str, float]:
    accuracy = " ".join(
        (
            f"FNMR {rates['fnmr_at_1_percent']:.2%} at FMR 1 %,",
            f"{rates['fnmr_at_0.1_percent']:.2%} at 0.1 %,",
            f"best accuracy {rates['accuracy']:.4f}",
        )
    )
    print(f"{variant:<44}{spent:>7.1f} ms  {spent / baseline:>5.2f}×  {accuracy}", flush=True)
    return {"ms": round(spent, 2), "ratio": round(spent / baseline, 3), **rates}


if __name__ == "__main__":
    sys.exit(main())
