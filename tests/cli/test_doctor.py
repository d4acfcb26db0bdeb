from __future__ import annotations

import base64
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.adapters.db import migrate
from app.cli import COMMANDS, cli
from app.cli import doctor as doctor_module

KEY = base64.b64encode(bytes(range(32))).decode()


def diagnose(tmp_path: Path, *arguments: str, **variables: str) -> Result:
    env = {
        "BONAFIDE_DATA_DIR": str(tmp_path / "data"),
        "BONAFIDE_MODELS_DIR": str(tmp_path / "models"),
        **variables,
    }
    return CliRunner().invoke(cli, ["doctor", *arguments], env=env)


def line_about(topic: str, result: Result) -> str:
    return next(line for line in result.output.splitlines() if f" {topic}: " in line)


def test_missing_models_and_secrets_are_problems_with_a_remedy(tmp_path: Path) -> None:
    result = diagnose(tmp_path)
    assert result.exit_code == 1
    assert line_about("model sface", result).startswith("PROBLEM")
    assert line_about("model minifasnet_v2", result).startswith("note")
    assert line_about("BONAFIDE_MASTER_KEYS", result).startswith("PROBLEM")
    assert "run `bonafide models pull`" in result.output


def test_development_needs_no_secrets_and_looking_makes_none(tmp_path: Path) -> None:
    result = diagnose(tmp_path, "--dev")
    assert line_about("BONAFIDE_MASTER_KEYS", result).startswith("note")
    assert list(tmp_path.iterdir()) == []


def test_a_pattern_is_no_secret_and_is_not_shown(tmp_path: Path) -> None:
    weak = "abab" * 10
    result = diagnose(tmp_path, BONAFIDE_SECRET_KEYS=weak, BONAFIDE_MASTER_KEYS=f"k:{KEY}")
    assert line_about("BONAFIDE_SECRET_KEYS", result).startswith("PROBLEM")
    assert line_about("BONAFIDE_MASTER_KEYS", result).startswith("ok")
    assert weak not in result.output
    assert KEY not in result.output


def test_the_store_is_fine_once_it_is_migrated(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite3"
    assert line_about("store", diagnose(tmp_path, BONAFIDE_DATABASE_URL=url)).startswith("note")
    (tmp_path / "store.sqlite3").touch()
    assert line_about("store", diagnose(tmp_path, BONAFIDE_DATABASE_URL=url)).startswith("PROBLEM")
    migrate.upgrade(url)
    assert line_about("store", diagnose(tmp_path, BONAFIDE_DATABASE_URL=url)).startswith("ok")


def test_a_store_out_of_reach_is_named_without_its_password(tmp_path: Path) -> None:
    result = diagnose(tmp_path, BONAFIDE_DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/none")
    assert line_about("store", result).startswith("PROBLEM")
    assert "hunter2" not in result.output


def test_a_data_folder_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = diagnose(tmp_path, BONAFIDE_DATA_DIR=str(tmp_path / "file"))
    assert line_about("data folder", result).startswith("PROBLEM")


def test_a_clock_before_the_programs_own_files_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert line_about("clock", diagnose(tmp_path)).startswith("ok")
    future = datetime(2999, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(doctor_module, "EARLIEST_CLOCK", future)
    assert line_about("clock", diagnose(tmp_path)).startswith("PROBLEM")


def test_settings_that_cannot_be_read_are_all_named(tmp_path: Path) -> None:
    result = diagnose(tmp_path, BONAFIDE_FRAMES_PER_SECOND_MAX="many", BONAFIDE_LOG_LEVEL="loud")
    assert result.exit_code == 1
    assert "BONAFIDE_FRAMES_PER_SECOND_MAX" in result.output
    assert "BONAFIDE_LOG_LEVEL" in result.output


def test_the_overview_names_every_command_and_loads_none() -> None:
    overview = CliRunner().invoke(cli, ["--help"]).output
    assert all(name in overview and command.summary in overview for name, command in COMMANDS.items())
    program = (
        "import sys; from app.cli import cli; cli(['--help'], standalone_mode=False); "
        "sys.exit(bool({'cv2', 'flask', 'mediapipe', 'sqlalchemy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, capture_output=True).returncode == 0


def test_consent_texts_that_nobody_reviewed_are_named(tmp_path: Path) -> None:
    result = diagnose(tmp_path, "--dev")
    line = line_about("consent texts", result)
    assert line.startswith("note")
    assert "es, pt, fr, ar, zh are drafts" in line
    assert "branding.consent" in result.output
