"""Model files and what runs on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.adapters.images import Images
from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.adapters.missing_models import NoFaceAnalyzer
from app.adapters.model_files import (
    Model,
    ModelCorrupt,
    ModelFiles,
    ModelMissing,
    choose_recognizer,
    load_manifest,
)
from app.adapters.onnx_recognizer import OnnxRecognizer
from app.adapters.photometry import measure_face
from app.adapters.recognizer_entry import BadRecognizerEntry, template_format
from app.adapters.yunet_detector import YunetDetector
from app.config import ConfigurationError, Settings
from app.domain.verdict import ModelIdentity
from app.matching.embedded import EmbeddedMatchingCore, Recognizer
from app.matching.workers import Workers

LANDMARKER_MODEL, DETECTOR_MODEL = "face_landmarker", "yunet"


Analyzer = LandmarkerPool | NoFaceAnalyzer


@dataclass(frozen=True)
class LoadedModels:
    """Model files that are there and intact (id → path), and what is wrong with the others."""

    files: ModelFiles
    paths: Mapping[str, Path]
    required_missing: tuple[str, ...]
    optional_missing: tuple[str, ...]

    @property
    def recognizer(self) -> Model:
        """The one that the settings name."""
        return self.files.recognizer

    def identity(self, model_id: str) -> ModelIdentity:
        """How a decision names a model; no hash for one that took no part."""
        return ModelIdentity(model_id, self.files.sha256(model_id) if model_id in self.paths else None)


def load_models(settings: Settings) -> LoadedModels:
    """Verify every model file. One that is missing or damaged is no reason not to start: `/readyz` says so.

    `ConfigurationError` where the settings name a recognizer that is not described.
    """
    overrides = {model_id: (one.path, one.sha256) for model_id, one in settings.model_overrides.items()}
    try:
        files = ModelFiles(settings.models_dir, overrides, choose_recognizer(load_manifest(), settings.recognizer))
    except BadRecognizerEntry as error:
        raise ConfigurationError([f"BONAFIDE_RECOGNIZER: {error}"]) from error
    paths: dict[str, Path] = {}
    required: list[str] = []
    optional: list[str] = []
    for model in files.manifest:
        try:
            paths[model.model_id] = files.path(model.model_id)
        except (ModelMissing, ModelCorrupt) as error:
            state = "damaged" if isinstance(error, ModelCorrupt) else "missing"
            (required if model.is_required else optional).append(f"{model.model_id} ({state})")
    return LoadedModels(files, paths, tuple(required), tuple(optional))


def make_images(settings: Settings) -> Images:
    """Reads images within the configured bounds."""
    return Images(settings.limits.image_max_pixels, settings.limits.image_max_bytes)


def make_matching_core(settings: Settings, models: LoadedModels, images: Images) -> EmbeddedMatchingCore:
    """The embedded core; without its models it stands, says so, and refuses work."""
    threads = settings.limits.matching_threads
    detector = models.paths.get(DETECTOR_MODEL)
    return EmbeddedMatchingCore(
        images,
        YunetDetector(detector, threads) if detector else None,
        make_recognizer(models),
        measure_face,
        [models.identity(DETECTOR_MODEL), models.identity(models.recognizer.model_id)],
        Workers(threads, settings.limits.matching_waiting_max),
    )


def make_recognizer(models: LoadedModels) -> Recognizer | None:
    """The recognizer that the settings name; None where its file is missing."""
    model = models.recognizer
    path, entry = models.paths.get(model.model_id), model.recognizer
    if path is None or entry is None or entry.calibration is None:
        return None
    found = template_format(model.model_id, models.files.sha256(model.model_id), entry)
    return Recognizer(OnnxRecognizer(path, found, entry), entry.calibration)


def make_analyzer(settings: Settings, models: LoadedModels) -> Analyzer:
    """Landmarkers, one for each core by default; without the model every frame is refused."""
    path = models.paths.get(LANDMARKER_MODEL)
    return LandmarkerPool(path, settings.limits.landmarker_pool_size) if path else NoFaceAnalyzer()
