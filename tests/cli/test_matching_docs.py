"""What docs/matching.md tells an operator to do works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.adapters.model_files import load_own_recognizer
from app.cli import cli

PROJECT = Path(__file__).resolve().parents[2]
TEXT = (PROJECT / "docs" / "matching.md").read_text("utf-8")


def block(name: str) -> str:
    found = re.search(rf"<!-- test: {name} -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_of_an_own_recognizer_is_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(block("recognizer"), "utf-8")
    model = load_own_recognizer(file)
    assert model.recognizer is not None
    assert (model.model_id, model.recognizer.dimension, model.recognizer.calibration) == ("my-arcface", 512, None)


def test_the_example_of_calibrate_prints_what_is_written(
    shared_media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (PROJECT / "../shared/media").resolve() == shared_media.resolve()
    program, *arguments = shlex.split(block("calibrate"))
    assert program == ".venv/bin/bonafide"
    monkeypatch.chdir(PROJECT)
    arguments[arguments.index("--out") + 1] = str(tmp_path / "out")
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    for line in block("calibrated").splitlines():
        assert line in result.output
