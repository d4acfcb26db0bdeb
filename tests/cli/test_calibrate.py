"""`bonafide calibrate` from a CSV file to its four files. One portrait, stretched, plays several people."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.adapters.model_files import load_own_recognizer
from app.cli import cli
from tests.models_fixture import entry_of, model_files, model_path
from tests.portrait import astronaut, jpeg

PEOPLE = 26
HEADER = "path_a,path_b,same\n"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder a person: p00 has three pictures, the others one; `none` has no face, `text` is no picture."""
    root = tmp_path_factory.mktemp("people")
    for number, picture in enumerate(_pictures()):
        _write(root / f"p{number:02}" / "1.jpg", picture)
    _write(root / "p00" / "2.png", astronaut()[:400])
    _write(root / "none" / "1.jpg", np.full((200, 200, 3), 128, np.uint8))
    (root / "text").mkdir()
    (root / "text" / "1.jpg").write_text("no picture")
    return root


def _pictures() -> Iterator[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    """The portrait, wider and narrower, mirrored or not: the labels alone make people of it."""
    for number in range(PEOPLE):
        picture = astronaut()[:300, 60:400, :: -1 if number % 2 else 1]
        width = 200 + 10 * number
        yield np.asarray(cv2.resize(picture, (width, 300)), dtype=np.uint8)


def _write(path: Path, picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(jpeg(picture))


def pairs_file(folder: Path, *rows: str, name: str = "pairs.csv") -> Path:
    file = folder / name
    file.write_text(HEADER + "\n".join(rows) + "\n", "utf-8")
    return file


def calibrate(*arguments: object, **variables: str) -> Result:
    return CliRunner().invoke(cli, ["calibrate", *map(str, arguments)], env=variables)


def own_recognizer(folder: Path) -> Path:
    """SFace as an operator would bring it: described by a file, without a scale."""
    entry = entry_of("sface")
    file = folder / "mine.toml"
    file.write_text(
        f'id = "mine"\nfile_name = "{model_path("sface")}"\nsha256 = "{model_files().sha256("sface")}"\n'
        f'[recognizer]\ninput_side = {entry.input_side}\nchannels = "{entry.channels}"\n'
        f"mean = {list(entry.mean)}\nstd = {list(entry.std)}\n"
        f'alignment = "arcface_112"\ndimension = {entry.dimension}\nmetric = "cosine"\n'
    )
    return file


def test_pairs_become_a_table_a_report_and_a_plot(people: Path, tmp_path: Path) -> None:
    rows = ["p00/1.jpg,p00/2.png,1", "p00/1.jpg,p09/1.jpg,0", "p01/1.jpg,none/1.jpg,0", "p00/1.jpg,text/1.jpg,0"]
    file = pairs_file(tmp_path, *rows)
    result = calibrate(file, "--media", people, "--out", tmp_path / "out", "--target-fmr", "0.01")
    assert result.exit_code == 0, result.output
    assert "none/1.jpg: No face was found." in result.output
    assert "Failed to enrol: 2 of 6 pictures" in result.output
    assert "non-mated pairs are too few" in result.output
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert (report["mated_pairs"], report["non_mated_pairs"], report["calibration"]) == (1, 14, "sface-lfw-1")
    assert report["failures_to_enrol"].keys() == {"none/1.jpg", "text/1.jpg"}
    assert report["non_mated_pairs_without_template"] == 9
    assert report["recommended"]["threshold"] is None
    assert (tmp_path / "out" / "det.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "out" / "calibration.toml").exists(), "this recognizer has a scale"
    with (tmp_path / "out" / "table.csv").open(newline="") as table:
        found = list(csv.DictReader(table))
    shown = next(line for line in result.output.splitlines() if line.lstrip().startswith("30 "))
    (at_default,) = [row for row in found if row["score"] == "30"]
    assert f"{float(at_default['accuracy']):.4f}" in shown
    assert [float(row["fmr"]) for row in found] == sorted((float(row["fmr"]) for row in found), reverse=True)


def test_a_recognizer_without_a_scale_gets_one_that_it_can_be_used_with(people: Path, tmp_path: Path) -> None:
    rows = ["p00/1.jpg,p00/2.png,1", *(f"p00/1.jpg,p{number:02}/1.jpg,0" for number in range(1, PEOPLE))]
    own = own_recognizer(tmp_path)
    file = pairs_file(tmp_path, *rows)
    out = tmp_path / "out"
    result = calibrate(file, "--media", people, "--out", out, "--target-fmr", "0.2", BONAFIDE_RECOGNIZER=str(own))
    assert result.exit_code == 0, result.output
    scale = tomllib.loads((out / "calibration.toml").read_text("utf-8"))["recognizer"]["calibration"]
    assert scale["version"].startswith("mine-pairs-")
    report = json.loads((out / "report.json").read_text("utf-8"))
    assert report["calibration"] == scale["version"]
    assert report["calibration_made_from_these_pairs"] is True
    assert report["calibration_measured_to"] == 10
    at_ten = next(row for row in report["table"] if row["score"] == 10)
    assert at_ten["fmr"]["share"] <= 0.1
    with own.open("a") as text:
        text.write((out / "calibration.toml").read_text("utf-8"))
    calibration = load_own_recognizer(own).recognizer.calibration  # type: ignore[union-attr]
    assert calibration is not None
    assert calibration.version == scale["version"]
    again = calibrate(file, "--media", people, "--out", tmp_path / "2", BONAFIDE_RECOGNIZER=str(own))
    assert f"scale {scale['version']}" in again.output
    assert not (tmp_path / "2" / "calibration.toml").exists()


def test_without_a_scale_and_with_few_pairs_thresholds_are_cosines(people: Path, tmp_path: Path) -> None:
    file = pairs_file(people, "p00/1.jpg,p00/2.png,1", "p00/1.jpg,p09/1.jpg,0", name="few.csv")
    own = own_recognizer(tmp_path)
    result = calibrate(file, "--no-cross", "--out", tmp_path / "out", BONAFIDE_RECOGNIZER=str(own))
    assert result.exit_code == 0, result.output
    assert "no scale: it takes 250 non-mated pairs" in result.output
    assert not (tmp_path / "out" / "calibration.toml").exists()
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert {row["score"] for row in report["table"]} == {None}
    assert report["non_mated_pairs"] == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("path_a,path_b\np00/1.jpg,p01/1.jpg\n", "line 1: the header lacks the column same"),
        (HEADER + "p00/1.jpg,p00/2.png,maybe\n", "line 2: same is 1 or 0, not 'maybe'"),
        (HEADER + "p00/1.jpg,p00/2.png,1\np00/1.jpg,p99/1.jpg,0\n", "line 3: p99/1.jpg is missing"),
        (HEADER + "p00/1.jpg,../secret.jpg,1\n", "line 2: ../secret.jpg leaves the folder"),
        (HEADER + "p00/1.jpg,p01,1\n", "line 2: p01 is missing"),
        (HEADER + "p00/1.jpg,p01/1.jpg,0\n", "no mated pair"),
        (HEADER + "p00/1.jpg,p00/2.png,1\n", "no pair of two people"),
        (HEADER, "no mated pair"),
        (HEADER + "".join(f"p00/1.jpg,{number}.jpg,1\n" for number in range(30)), "… and 20 more"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_before_any_work(
    text: str, problem: str, people: Path, tmp_path: Path
) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text(text)
    out = tmp_path / "out"
    result = calibrate(file, "--media", people, "--out", out, BONAFIDE_MODELS_DIR=str(tmp_path / "no models"))
    assert result.exit_code == 1
    assert problem in result.output
    assert not out.exists()


def test_cross_pairs_are_refused_where_folders_are_no_people(people: Path, tmp_path: Path) -> None:
    file = pairs_file(tmp_path, "p00/1.jpg,p01/1.jpg,1", "p00/1.jpg,p02/1.jpg,0")
    result = calibrate(file, "--media", people, "--cross", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "line 2: p00/1.jpg and p01/1.jpg are one person, in two folders" in result.output


def test_missing_models_come_with_a_remedy(people: Path, tmp_path: Path) -> None:
    file = pairs_file(tmp_path, "p00/1.jpg,p00/2.png,1", "p00/1.jpg,p01/1.jpg,0")
    models = str(tmp_path / "no models")
    result = calibrate(file, "--media", people, "--out", tmp_path / "out", BONAFIDE_MODELS_DIR=models)
    assert result.exit_code == 1
    assert "run `bonafide models pull`" in result.output


def test_a_folder_that_cannot_be_written_is_named_before_any_work(people: Path, tmp_path: Path) -> None:
    file = pairs_file(tmp_path, "p00/1.jpg,p00/2.png,1", "p00/1.jpg,p01/1.jpg,0")
    (tmp_path / "file").touch()
    result = calibrate(file, "--media", people, "--out", tmp_path / "file" / "out")
    assert result.exit_code == 1
    assert "cannot be written" in result.output


def test_people_who_look_different_are_told_apart(shared_media: Path, tmp_path: Path) -> None:
    folders = sorted((shared_media / "faces" / "wild" / "face_recognition").iterdir())
    pictures = [[path.relative_to(shared_media) for path in sorted(folder.iterdir())] for folder in folders]
    rows = [f"{first},{second},1" for first, second, *_ in pictures]
    file = pairs_file(tmp_path, *rows)
    out = tmp_path / "out"
    result = calibrate(file, "--media", shared_media, "--out", out)
    assert result.exit_code == 0, result.output
    report = json.loads((out / "report.json").read_text("utf-8"))
    assert (report["people"], report["mated_pairs"]) == (5, 5)
    assert report["auc"] == 1
    at_default = next(row for row in report["table"] if row["score"] == 30)
    assert (at_default["fmr"]["errors"], at_default["fnmr"]["errors"]) == (0, 0)
