"""Where tests find the model files. `make setup` has fetched them, so a missing one is a failure, not a skip."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from app.adapters.images import Images
from app.adapters.model_files import ModelFiles
from app.adapters.onnx_recognizer import OnnxRecognizer
from app.adapters.photometry import measure_face
from app.adapters.recognizer_entry import RecognizerEntry, template_format
from app.adapters.yunet_detector import YunetDetector
from app.domain.comparison import Calibration
from app.domain.verdict import ModelIdentity
from app.matching.embedded import EmbeddedMatchingCore, Recognizer
from app.matching.workers import Workers


def model_files() -> ModelFiles:
    """The models of the manifest, from `BONAFIDE_MODELS_DIR` or the user's cache."""
    cache = platformdirs.user_cache_path("bonafide", appauthor=False) / "models"
    return ModelFiles(Path(os.environ.get("BONAFIDE_MODELS_DIR", cache)))


def model_path(model_id: str) -> Path:
    """The verified file of a model."""
    return model_files().path(model_id)


def entry_of(model_id: str) -> RecognizerEntry:
    """How the manifest describes a recognizer."""
    entry = next(model.recognizer for model in model_files().manifest if model.model_id == model_id)
    assert entry is not None
    return entry


def calibration_of(model_id: str) -> Calibration:
    """The scale that the manifest gives a recognizer."""
    calibration = entry_of(model_id).calibration
    assert calibration is not None
    return calibration


def real_encoder(model_id: str = "sface") -> OnnxRecognizer:
    """A recognizer of the manifest."""
    files, entry = model_files(), entry_of(model_id)
    return OnnxRecognizer(files.path(model_id), template_format(model_id, files.sha256(model_id), entry), entry)


def real_core(threads: int = 2) -> EmbeddedMatchingCore:
    """The embedded core as a server has it."""
    files = model_files()
    return EmbeddedMatchingCore(
        Images(),
        YunetDetector(files.path("yunet")),
        Recognizer(real_encoder(), calibration_of("sface")),
        measure_face,
        [ModelIdentity(model_id, files.sha256(model_id)) for model_id in ("yunet", "sface")],
        Workers(threads, 64),
    )
