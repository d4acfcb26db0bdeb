"""What an operator writes about a recognizer of their own is checked before anything is loaded."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from app.adapters import recognizer_entry
from app.adapters.model_files import load_manifest, load_own_recognizer
from app.adapters.recognizer_entry import BadRecognizerEntry, parse_recognizer, template_format
from app.config import Settings
from app.main import load_models, make_images, make_matching_core
from tests.models_fixture import model_path

GOOD: dict[str, object] = {
    "input_side": 112,
    "channels": "bgr",
    "mean": [127.5, 127.5, 127.5],
    "std": [127.5, 127.5, 127.5],
    "alignment": "arcface_112",
    "dimension": 512,
    "metric": "cosine",
}
FIVE_POINTS = [[38.0, 51.0], [73.0, 51.0], [56.0, 71.0], [41.0, 92.0], [70.0, 92.0]]


@pytest.mark.parametrize("alignment", ["arcface_112", FIVE_POINTS])
def test_a_whole_entry_is_read(alignment: object) -> None:
    entry = parse_recognizer({**GOOD, "alignment": alignment})
    assert entry.points.shape == (5, 2)
    assert entry.calibration is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"input_side": 8}, "16–1024"),
        ({"channels": "grey"}, "channels"),
        ({"std": [0, 1, 1]}, "std"),
        ({"mean": [1, 2]}, "mean"),
        ({"mean": [math.nan, 0, 0]}, "numbers"),
        ({"alignment": "my-own"}, "alignment"),
        ({"alignment": FIVE_POINTS[:4]}, "alignment"),
        ({"alignment": [[5.0 * i, 5.0 * i] for i in range(5)]}, "one line"),
        ({"alignment": [[5000.0, 1.0], *FIVE_POINTS[1:]]}, "in pixels"),
        ({"alignment": [[math.nan, 1.0], *FIVE_POINTS[1:]]}, "in pixels"),
        ({"metric": "euclidean"}, "metric"),
        ({"dimension": 0}, "16–4096"),
        ({"bogus": 1}, "bogus"),
        ({"calibration": {"version": "1", "cosines": [-1, 1], "scores": [0, 99]}}, "from 0 to 100"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, object], said: str) -> None:
    with pytest.raises(BadRecognizerEntry, match=said):
        parse_recognizer({**GOOD, **change})


def test_the_format_changes_with_the_file_and_the_way_faces_are_fed_but_not_with_the_scale() -> None:
    plain = parse_recognizer(GOOD)
    scaled = parse_recognizer({**GOOD, "calibration": {"version": "1", "cosines": [-1, 1], "scores": [0, 100]}})
    turned = parse_recognizer({**GOOD, "channels": "rgb"})
    assert template_format("a", "0" * 64, plain) == template_format("a", "0" * 64, scaled)
    formats = {template_format("a", "0" * 64, plain), template_format("a", "1" * 64, plain)}
    assert len(formats | {template_format("a", "0" * 64, turned)}) == 3


def test_the_format_changes_with_what_we_make_of_picture_and_file(monkeypatch: pytest.MonkeyPatch) -> None:
    before = template_format("a", "0" * 64, parse_recognizer(GOOD))
    monkeypatch.setattr(recognizer_entry, "PREPARATION", recognizer_entry.PREPARATION + 1)
    assert template_format("a", "0" * 64, parse_recognizer(GOOD)) != before


def own_recognizer(folder: Path, model: Path, sha256: str, *, dimension: int = 128, scale: bool = True) -> Path:
    """SFace's own entry under another name, as an operator would write it, but for what is changed."""
    file = folder / "own.toml"
    calibration = '[recognizer.calibration]\nversion = "1"\ncosines = [-1.0, 1.0]\nscores = [0.0, 100.0]\n'
    file.write_text(
        f'id = "own"\nfile_name = "{model}"\nsha256 = "{sha256}"\n[recognizer]\ninput_side = 112\n'
        f'channels = "rgb"\nmean = [0, 0, 0]\nstd = [1, 1, 1]\nalignment = "arcface_112"\n'
        f'dimension = {dimension}\nmetric = "cosine"\n' + (calibration if scale else ""),
        "utf-8",
    )
    return file


def reason_of(entry: Path) -> str | None:
    environ = {"BONAFIDE_RECOGNIZER": str(entry)}
    models_dir = model_path("sface").parent
    settings = Settings.from_env({**environ, "BONAFIDE_MODELS_DIR": str(models_dir)})
    core = make_matching_core(settings, load_models(settings), make_images(settings))
    try:
        health = core.health()
        assert health.is_ready == (health.reason is None)
        return health.reason
    finally:
        core.close()


def sha256_of_model(model_id: str) -> str:
    return next(model.sha256 for model in load_manifest() if model.model_id == model_id)


def test_an_own_recognizer_stands_in_for_sface_without_code(tmp_path: Path) -> None:
    assert reason_of(own_recognizer(tmp_path, model_path("sface"), sha256_of_model("sface"))) is None


def test_a_recognizer_that_cannot_be_used_leaves_a_core_that_says_why(tmp_path: Path) -> None:
    sface, sha256 = model_path("sface"), sha256_of_model("sface")
    assert "has no calibration" in str(reason_of(own_recognizer(tmp_path, sface, sha256, scale=False)))
    assert "gives 128 numbers" in str(reason_of(own_recognizer(tmp_path, sface, sha256, dimension=512)))
    assert "missing or damaged" in str(reason_of(own_recognizer(tmp_path, sface, "0" * 64)))
    pad = own_recognizer(tmp_path, model_path("fr_liveness"), sha256_of_model("fr_liveness"))
    assert "cannot be used" in str(reason_of(pad))


def test_a_file_that_describes_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    for text, said in (("id = ", "cannot be read"), ('id = "a"', "lacks file_name")):
        file.write_text(text, "utf-8")
        with pytest.raises(BadRecognizerEntry, match=said):
            load_own_recognizer(file)
