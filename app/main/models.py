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
from app.adapters.recognizer_entry import BadRecognizerEntry, template_format
from app.config import ConfigurationError, Settings
from app.domain.verdict import ModelIdentity
from app.matching.embedded import Recognizer

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
    def all_missing(self) -> tuple[str, ...]:
        """What the strict profile cannot do without."""
        return (*self.required_missing, *self.optional_missing)

    @property
    def recognizer(self) -> Model:
        """The one that the settings name."""
        return self.files.recognizer

    def identity(self, model_id: str) -> ModelIdentity:
        """How a decision names a model; no hash for one that took no part."""
        return ModelIdentity(model_id, self.files.sha256(model_id) if model_id in self.paths else None)


def load_models(settings: Settings, *, with_matching: bool = True) -> LoadedModels:
    """Verify every model file. One that is missing or damaged is no reason not to start: `/readyz` says so.

    Without `with_matching` those of the matching core are left out: it is elsewhere. `ConfigurationError` where
    the settings name a recognizer that is not described.
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
        if is_of_matching(model) and not with_matching:
            continue
        try:
            paths[model.model_id] = files.path(model.model_id)
        except (ModelMissing, ModelCorrupt) as error:
            state = "damaged" if isinstance(error, ModelCorrupt) else "missing"
            (required if model.is_required else optional).append(f"{model.model_id} ({state})")
    return LoadedModels(files, paths, tuple(required), tuple(optional))


def is_of_matching(model: Model) -> bool:
    """Whether nothing but the matching core uses it."""
    return model.model_id == DETECTOR_MODEL or model.recognizer is not None


def make_images(settings: Settings) -> Images:
    """Reads images within the configured bounds."""
    return Images(settings.limits.image_max_pixels, settings.limits.image_max_bytes)


def make_recognizer(models: LoadedModels) -> Recognizer | str:
    """The recognizer that the settings name, or why there is none."""
    model = models.recognizer
    path, entry = models.paths.get(model.model_id), model.recognizer
    if path is None or entry is None:
        return f"the file of the recognizer {model.model_id} is missing or damaged"
    if entry.calibration is None:
        return f"the recognizer {model.model_id} has no calibration: run `bonafide calibrate`"
    found = template_format(model.model_id, models.files.sha256(model.model_id), entry)
    try:
        return Recognizer(OnnxRecognizer(path, found, entry), entry.calibration)
    except RuntimeError as error:
        return f"the recognizer {model.model_id} cannot be used: {error}"


def make_analyzer(settings: Settings, models: LoadedModels) -> Analyzer:
    """Landmarkers, one for each core by default; without the model every frame is refused."""
    path = models.paths.get(LANDMARKER_MODEL)
    return LandmarkerPool(path, settings.limits.landmarker_pool_size) if path else NoFaceAnalyzer()
