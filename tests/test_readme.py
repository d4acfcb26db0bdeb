"""The README is true: its commands run, and its tables say what the code says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from app.api.answers_sessions import IFRAME_ALLOW
from app.cli import COMMANDS
from app.config import OVERRIDE_PREFIX, Settings
from app.domain.challenge import ChallengeKind
from app.domain.comparison import DEFAULT_THRESHOLD
from app.domain.liveness import LIMITS
from app.domain.policy import MIN_CONTINUITY_SCORE, MIN_PASSIVE_SCORE
from app.limits import Limits
from tests.live_server import LiveServer, running_server
from tests.portrait import astronaut, close_up, jpeg

PROJECT = Path(__file__).resolve().parents[1]
README = (PROJECT / "README.md").read_text("utf-8")
LIVENESS = (PROJECT / "docs" / "liveness.md").read_text("utf-8")
MARKED = re.compile(r"<!-- test: (\w+) -->\n```\w+\n(.*?)```", re.DOTALL)
ROW = re.compile(r"^\| `(BONAFIDE_[A-Z0-9_<>]+)` \| (.*?) \| (.*?) \|$", re.MULTILINE)
NO_LIMIT = frozenset({"BONAFIDE_LANDMARKER_POOL_SIZE", "BONAFIDE_MATCHING_THREADS"})
"""Defaults that depend on the machine."""

DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")])


def blocks(kind: str) -> list[str]:
    return [text for found, text in MARKED.findall(README) if found == kind]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with running_server(tmp_path_factory.mktemp("readme")) as running:
        yield running


def test_commands_of_the_integration_run_one_after_another(server: LiveServer, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        subprocess.run([PROJECT / "scripts" / "system-packages", "curl"], check=True)
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    (tmp_path / "portrait.jpg").write_bytes(jpeg(astronaut()))
    (tmp_path / "selfie.jpg").write_bytes(jpeg(close_up()))
    script = "\n".join(blocks("run")).replace("http://127.0.0.1:8000", server.url)
    assert server.url in script
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=dict(server.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line]
    links = [line for line in lines if line.startswith(f"{server.url}/session/")]
    assert len(set(links)) == 2, "one link for the iframe, another for the redirect"
    told = [line for line in lines if line in {"pending", "cancelled", "approved", "None", "True"}]
    assert told == ["pending", "pending", "None", "pending", "cancelled", "True", "approved"]
    assert DEFAULT_THRESHOLD <= float(lines[-1]) <= 100


def test_iframe_allows_what_the_api_says() -> None:
    (snippet,) = blocks("iframe")
    assert f'allow="{IFRAME_ALLOW}"' in snippet


def test_configuration_table_names_every_variable() -> None:
    source = (PROJECT / "app" / "config.py").read_text("utf-8")
    read = set(re.findall(r'"(BONAFIDE_[A-Z_]+[A-Z])"', source)) - {"BONAFIDE_TEST_POSTGRES_URL"}
    read |= {f"BONAFIDE_{limit.name.upper()}" for limit in fields(Limits)}
    documented = {name for name, _, _ in ROW.findall(README)}
    assert documented == read | {f"{OVERRIDE_PREFIX}<ID>"}


def test_configuration_table_has_the_defaults_of_the_code() -> None:
    limits = Settings.from_env({}).limits
    for name, default, _ in ROW.findall(README):
        field = name.removeprefix("BONAFIDE_").lower()
        if name not in NO_LIMIT and hasattr(limits, field):
            assert default == f"`{getattr(limits, field)}`", name
    documented = {name.removeprefix("BONAFIDE_").lower() for name, _, _ in ROW.findall(README)}
    assert {field.name for field in fields(limits)} <= documented


def test_every_runtime_dependency_has_its_reason() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    required = {re.split(r"[\[<>=]", line)[0] for line in project["dependencies"]}
    section = README.partition("## Dependencies")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| ([a-z0-9-]+) \| \w", section, re.MULTILINE)) - {"package"} == required


def test_every_command_and_model_is_named() -> None:
    manifest = tomllib.loads((PROJECT / "app" / "adapters" / "model_manifest.toml").read_text("utf-8"))
    for command in COMMANDS:
        assert f"`bonafide {command}" in README
    for model in manifest["model"]:
        row = next(line for line in README.splitlines() if line.startswith(f"| `{model['id']}`"))
        assert model["licence"] in row


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("turn left, right", ChallengeKind.TURN_LEFT),
        ("look up, down", ChallengeKind.LOOK_DOWN),
        ("blink", ChallengeKind.BLINK),
        ("smile", ChallengeKind.SMILE),
        ("open mouth", ChallengeKind.OPEN_MOUTH),
        ("move closer", ChallengeKind.MOVE_CLOSER),
    ],
)
def test_documented_limits_of_movements_are_those_of_the_code(row: str, kind: ChallengeKind) -> None:
    limits = LIMITS[kind]
    (line,) = re.findall(rf"^\| {row} \| [^|]+ \| (.*) \|$", LIVENESS, re.MULTILINE)
    figures = (limits.onset, limits.required, limits.home)
    assert line == " | ".join([*(f"{figure:g}" for figure in figures), f"{limits.lasting_ms} ms"])


def test_documented_limits_of_policy_are_those_of_the_code() -> None:
    assert f"| passive score under {MIN_PASSIVE_SCORE:g} |" in LIVENESS
    assert f"(score under {MIN_CONTINUITY_SCORE:g})" in LIVENESS


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", document.read_text("utf-8"))
    missing = [target for target in targets if "://" not in target and not (document.parent / target).exists()]
    assert missing == []
