"""The matching core as `bonafide calibrate` and bench/ need it: for templates, with or without a scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.adapters.onnx_recognizer import OnnxRecognizer
from app.adapters.photometry import measure_face
from app.adapters.recognizer_entry import template_format
from app.adapters.yunet_detector import YunetDetector
from app.config import ConfigurationError, Settings
from app.domain.comparison import Calibration, TemplateFormat
from app.main.models import DETECTOR_MODEL, load_models, make_images
from app.matching.embedded import EmbeddedMatchingCore, Recognizer
from app.matching.workers import Workers

UNUSED_SCALE = Calibration("none", (-1.0, 1.0), (0.0, 100.0))
"""Stands in for the scale of a recognizer that has none; templates do not depend on it."""


@dataclass(frozen=True)
class TemplateMaker:
    """A core for templates, made by `threads` at once, and the scale of its recognizer: None where it has none."""

    core: EmbeddedMatchingCore
    template_format: TemplateFormat
    recognizer_sha256: str
    detector_sha256: str
    calibration: Calibration | None
    threads: int


def open_template_maker(settings: Settings) -> TemplateMaker:
    """`ConfigurationError` where a model cannot be used, with the remedy. The caller closes the core."""
    models = load_models(settings)
    model, entry = models.recognizer, models.recognizer.recognizer
    assert entry is not None
    unusable = [
        f"model {name} is missing or damaged; {models.files.remedy(name)}"
        for name in (DETECTOR_MODEL, model.model_id)
        if name not in models.paths
    ]
    if unusable:
        raise ConfigurationError(unusable)
    sha256 = models.files.sha256(model.model_id)
    found = template_format(model.model_id, sha256, entry)
    threads = settings.limits.matching_threads
    try:
        encoder = OnnxRecognizer(models.paths[model.model_id], found, entry)
        detector = YunetDetector(models.paths[DETECTOR_MODEL])
    except RuntimeError as error:
        raise ConfigurationError([f"model {error}"]) from error
    core = EmbeddedMatchingCore(
        make_images(settings),
        detector,
        Recognizer(encoder, entry.calibration or UNUSED_SCALE),
        measure_face,
        [models.identity(DETECTOR_MODEL), models.identity(model.model_id)],
        Workers(threads, threads),
    )
    detector_sha256 = models.files.sha256(DETECTOR_MODEL)
    return TemplateMaker(core, found, sha256, detector_sha256, entry.calibration, threads)


def picture_reader(folder: Path, settings: Settings) -> Callable[[str], bytes]:
    """Reads a picture below the folder, no more of it than shows that it is too large."""
    limit = settings.limits.image_max_bytes + 1

    def read(path: str) -> bytes:
        with (folder / path).open("rb") as file:
            return file.read(limit)

    return read
