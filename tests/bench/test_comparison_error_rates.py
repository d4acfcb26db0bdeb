"""The bench measures whatever folder it is given, and names what it cannot use."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.portrait import astronaut, jpeg

BENCH = Path(__file__).resolve().parents[2] / "bench" / "comparison_error_rates.py"
HEADER = "path_a,path_b,same\n"


def run(*arguments: object) -> int:
    code: int = runpy.run_path(str(BENCH))["main"]([str(argument) for argument in arguments])
    return code


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """Two people in two folders each, below a folder of no agreed name; and one file of pairs."""
    root = tmp_path / "elsewhere"
    for person, width in (("ann", 512), ("bob", 300), ("eve", 420)):
        for number in (1, 2):
            picture = cv2.resize(astronaut()[: 512 - 50 * number], (width, 500))
            path = root / "portraits" / person / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg(np.asarray(picture, dtype=np.uint8)))
    (root / "pairs").mkdir()
    write_pairs(root / "pairs" / "own.csv", ("ann/1", "ann/2", 1), ("bob/1", "bob/2", 1), ("ann/1", "bob/1", 0))
    return root


def write_pairs(file: Path, *rows: tuple[str, str, int]) -> Path:
    lines = [f"portraits/{first}.jpg,portraits/{second}.jpg,{same}" for first, second, same in rows]
    file.write_text(HEADER + "\n".join(lines) + "\n", "utf-8")
    return file


def measured(media: Path, *arguments: object) -> Any:  # noqa: ANN401 (JSON)
    assert run("--media", media, "--out", media / "out.json", *arguments) == 0
    return json.loads((media / "out.json").read_text("utf-8"))


def test_every_file_is_measured_alone_and_with_all_cross_pairs(
    media: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = measured(media, "--plot", media / "plot.png", "--markdown")
    alone, crossed = report["sets"]
    assert (alone["name"], alone["mated_pairs"], alone["non_mated_pairs"], alone["people"]) == ("own", 2, 1, 2)
    assert (crossed["name"], crossed["mated_pairs"], crossed["non_mated_pairs"]) == ("own, all cross pairs", 2, 4)
    assert report["calibration"] == "sface-lfw-1"
    assert (media / "plot.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "| **30** |" in printed
    assert "4 pictures in " in printed


def test_a_folder_of_people_adds_pictures_that_no_pair_names(media: Path) -> None:
    _, crossed = measured(media, "--people", "portraits")["sets"]
    assert (crossed["pictures"], crossed["people"], crossed["non_mated_pairs"]) == (6, 3, 12)


def test_missing_pictures_are_named_and_their_pairs_left_out(
    media: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_pairs(media / "more.csv", ("ann/1", "ann/2", 1), ("bob/1", "bob/9", 1), ("ann/1", "bob/1", 0))
    report = measured(media, "--pairs", file)
    assert report["missing"] == {"portraits/bob/9.jpg": "No such file or directory"}
    assert report["sets"][0]["mated_pairs"] == 1
    assert "1 pictures missing" in capsys.readouterr().out


def test_a_file_that_cannot_be_used_does_not_stop_the_others(media: Path) -> None:
    (media / "pairs" / "broken.csv").write_bytes(b"\xff\xfe")
    (media / "pairs" / "mated.csv").write_text(HEADER + "portraits/ann/1.jpg,portraits/ann/2.jpg,1\nx,y,2\n")
    report = measured(media)
    by_name = {one["name"]: one for one in report["sets"]}
    assert by_name["broken"]["problems"] == ["the file is not UTF-8 text"]
    assert by_name["mated"]["not_measured"] == "there is no non-mated pair"
    assert by_name["mated"]["problems"] == ["line 3: same is 1 or 0, not '2'"]
    assert "table" in by_name["own"]


def test_nothing_to_measure_is_said_and_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--media", tmp_path) == 2
    assert "no pairs to measure" in capsys.readouterr().err
    assert run("--media", tmp_path, "--pairs", tmp_path / "gone.csv") == 2
    assert "No such file" in capsys.readouterr().err


def test_a_recognizer_that_is_not_described_is_named(media: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--media", media, "--recognizer", "nobody") == 2
    assert "nobody" in capsys.readouterr().err
