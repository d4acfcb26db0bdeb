from __future__ import annotations

import csv
from pathlib import Path

from app.adapters.images import Images
from app.adapters.opencv_faces import SfaceEncoder, YunetDetector
from app.adapters.photometry import measure_face
from app.domain.comparison import (
    CALIBRATION_COSINE,
    CALIBRATION_SCORE,
    DEFAULT_THRESHOLD,
    score_from_cosine,
)
from app.matching.embedded import EmbeddedMatchingCore
from tests.models_fixture import model_path


def test_the_default_threshold_is_the_measured_cosine() -> None:
    at_threshold = dict(zip(CALIBRATION_SCORE, CALIBRATION_COSINE, strict=True))[DEFAULT_THRESHOLD]
    assert score_from_cosine(at_threshold).value == DEFAULT_THRESHOLD
    assert score_from_cosine(at_threshold - 0.001).value < DEFAULT_THRESHOLD


def test_the_scale_is_monotone_and_spans_0_to_100() -> None:
    scores = [score_from_cosine(step / 1000).value for step in range(-1000, 1001)]
    assert scores == sorted(scores)
    assert (scores[0], scores[-1]) == (0, 100)
    above_zero = scores[1001:]
    assert len(set(above_zero)) == len(above_zero), "two cosines a thousandth apart score differently"


def test_portraits_of_the_same_people_match_and_others_do_not(shared_media: Path) -> None:
    core = EmbeddedMatchingCore(
        Images(),
        YunetDetector(model_path("yunet")),
        SfaceEncoder(model_path("sface")),
        measure_face,
        (),
    )
    with (shared_media / "pairs" / "wild_pairs.csv").open(newline="", encoding="utf-8") as rows:
        pairs = [(row["path_a"], row["path_b"], row["same"] == "1") for row in csv.DictReader(rows)]
    templates = {}
    for path in sorted({path for pair in pairs for path in pair[:2]}):
        made = core.create_template((shared_media / path).read_bytes())
        assert made is not None, path
        templates[path] = made.template
    wrong = [
        (first, second)
        for first, second, is_mated in pairs
        if is_mated
        != (score_from_cosine(core.compare(templates[first], [templates[second]])[0]).value >= DEFAULT_THRESHOLD)
    ]
    assert len(pairs) > 300
    assert wrong == []
