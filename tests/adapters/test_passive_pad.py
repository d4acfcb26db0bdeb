from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.adapters.passive_pad import PassivePadModels, pad_crop
from app.domain.face import BgrImage, FaceBox
from tests.models_fixture import model_path
from tests.portrait import close_up
from tests.shared_media import shared_path

FACE = FaceBox(220, 100, 200, 240)


@pytest.fixture(scope="module")
def pad() -> PassivePadModels:
    return PassivePadModels({"fr_liveness": model_path("fr_liveness")})


def test_every_present_model_answers_with_a_probability(pad: PassivePadModels) -> None:
    scores = pad.score(close_up(), FACE)
    assert set(scores) == {"fr_liveness"}
    assert 0 <= scores["fr_liveness"] <= 1


def test_missing_models_are_named(pad: PassivePadModels) -> None:
    identities = {identity.name: identity.sha256 for identity in pad.models()}
    assert identities == {
        "minifasnet_v2": None,
        "fr_liveness": "afa783b7e902fdfcf323a7240cac2a1c580c25314ea4161129dc1b0d100dc32d",
    }
    none_at_all = PassivePadModels({})
    assert none_at_all.score(close_up(), FACE) == {}
    assert [identity.sha256 for identity in none_at_all.models()] == [None, None]


def test_files_that_are_no_models_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    with pytest.raises(RuntimeError, match=r"broken\.onnx"):
        PassivePadModels({"fr_liveness": broken})
    with pytest.raises(ValueError, match="another"):
        PassivePadModels({"another": broken})


@pytest.mark.parametrize(
    ("box", "left_top_right_bottom"),
    [
        (FaceBox(40, 40, 20, 20), (23, 23, 78, 78)),  # room on all sides: 27 pixels each way
        (FaceBox(0, 40, 20, 20), (0, 23, 55, 78)),  # pushed in from the left
        (FaceBox(85, 85, 20, 20), (45, 45, 100, 100)),  # pushed in from the lower right
        (FaceBox(20, 20, 60, 60), (0, 0, 100, 100)),  # grows only as far as the picture allows
        (FaceBox(-20, -20, 200, 200), (0, 0, 100, 100)),  # larger than the picture
    ],
)
def test_the_crop_keeps_inside_the_picture(box: FaceBox, left_top_right_bottom: tuple[int, int, int, int]) -> None:
    image = np.zeros((100, 100, 3), dtype=np.uint8)
    image[..., 0] = np.arange(100)
    image[..., 1] = np.arange(100)[:, None]
    crop = pad_crop(image, box)
    assert crop is not None
    left, top, right, bottom = left_top_right_bottom
    assert crop.shape == (bottom - top, right - left, 3)
    assert (int(crop[0, 0, 0]), int(crop[0, 0, 1])) == (left, top)


@pytest.mark.parametrize(
    "box",
    [
        FaceBox(200, 10, 20, 20),
        FaceBox(-50, 10, 20, 20),
        FaceBox(10, 10, 0, 20),
        FaceBox(10, 10, 20, 0),
        FaceBox(float("nan"), 10, 20, 20),
    ],
)
def test_a_box_outside_the_picture_is_not_measured(pad: PassivePadModels, box: FaceBox) -> None:
    assert pad.score(np.zeros((100, 100, 3), dtype=np.uint8), box) == {}


def test_both_models_tell_prints_from_people(shared_media: Path) -> None:
    """A sample of the table in the design notes: live and printed faces of the NUAA set."""
    nuaa = shared_media / "spoof" / "nuaa" / "dev"
    landmarkers = LandmarkerPool(model_path("face_landmarker"), size=1)
    both = PassivePadModels(
        {
            "minifasnet_v2": shared_path("models", "MiniFASNetV2.onnx"),
            "fr_liveness": model_path("fr_liveness"),
        }
    )
    medians = {
        label: _medians(both, landmarkers, sorted((nuaa / label).rglob("*.jpg"))[::20])
        for label in ("live", "print")
    }
    landmarkers.close()
    assert set(medians["live"]) == {"minifasnet_v2", "fr_liveness"}
    assert min(medians["live"].values()) > 0.9
    assert max(medians["print"].values()) < 0.1


def _medians(pad: PassivePadModels, landmarkers: LandmarkerPool, paths: Sequence[Path]) -> dict[str, float]:
    scores: dict[str, list[float]] = {}
    for path in paths:
        image: BgrImage = np.asarray(cv2.imread(str(path)), dtype=np.uint8)
        face = landmarkers.observe(image).face
        assert face is not None
        for model_id, score in pad.score(image, face.box).items():
            scores.setdefault(model_id, []).append(score)
    assert all(len(values) > 10 for values in scores.values())
    return {model_id: float(np.median(values)) for model_id, values in scores.items()}
