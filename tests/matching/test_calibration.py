from __future__ import annotations

import csv
from pathlib import Path

from app.domain.comparison import DEFAULT_THRESHOLD
from tests.models_fixture import calibration_of, real_core


def test_the_default_threshold_is_the_measured_cosine() -> None:
    scale = calibration_of("sface")
    at_threshold = dict(zip(scale.scores, scale.cosines, strict=True))[DEFAULT_THRESHOLD]
    assert scale.score(at_threshold).value == DEFAULT_THRESHOLD
    assert scale.score(at_threshold - 0.001).value < DEFAULT_THRESHOLD


def test_the_scale_is_monotone_and_spans_0_to_100() -> None:
    scale = calibration_of("sface")
    scores = [scale.score(step / 1000).value for step in range(-1000, 1001)]
    assert scores == sorted(scores)
    assert (scores[0], scores[-1]) == (0, 100)
    above_zero = scores[1001:]
    assert len(set(above_zero)) == len(above_zero), "two cosines a thousandth apart score differently"


def test_portraits_of_the_same_people_match_and_others_do_not(shared_media: Path) -> None:
    core = real_core()
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
        if is_mated != (core.compare(templates[first], [templates[second]])[0].value >= DEFAULT_THRESHOLD)
    ]
    assert len(pairs) > 300
    assert wrong == []
