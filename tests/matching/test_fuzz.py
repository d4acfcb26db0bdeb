"""Whatever bytes are sent: a template, none, or `InvalidImage`; in silence, in time, below the memory line."""

from __future__ import annotations

import io
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.matching.image_mutations import mutants, valid_files
from tests.matching.served import TOKEN, make_app
from tests.matching.watched_core import Outcome, WatchedCore
from tests.models_fixture import real_core

MUTANTS = 400
SEED = 3


@pytest.fixture(scope="module")
def watched() -> Iterator[WatchedCore]:
    with WatchedCore() as core:
        yield core


def test_the_files_that_are_damaged_are_whole_before(watched: WatchedCore) -> None:
    outcomes = [watched.describe(data) for data in valid_files()[::8]]
    assert {outcome.answer for outcome in outcomes} <= {"template", "none"}
    assert all(outcome.is_allowed for outcome in outcomes)


def test_every_hostile_file_is_answered(watched: WatchedCore, shared_media: Path) -> None:
    paths = sorted(path for path in (shared_media / "badinput").rglob("*") if path.is_file())
    outcomes = {path.name: watched.describe(path.read_bytes()) for path in paths}
    assert not _not_allowed(outcomes)
    answers = Counter(outcome.answer for outcome in outcomes.values())
    assert min(answers["invalid"], answers["none"]) > 100
    assert answers["template"] > 5


def test_every_mutant_is_answered(watched: WatchedCore) -> None:
    outcomes = {
        f"mutant {number}": watched.describe(data)
        for number, data in enumerate(itertools.islice(mutants(SEED), MUTANTS))
    }
    assert not _not_allowed(outcomes)
    answers = Counter(outcome.answer for outcome in outcomes.values())
    assert min(answers.values()) > 10


def test_a_process_that_hangs_or_dies_is_noticed_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with WatchedCore() as core:
        assert core.describe(b"no image").answer == "invalid"
        assert core._process is not None
        core._process.kill()
        assert core.describe(b"no image").answer in ("died with -9", "hung")
        assert core.describe(b"no image").answer == "invalid"
        monkeypatch.setattr("tests.matching.watched_core.PATIENCE_S", 0.0)
        assert core.describe(valid_files()[0]).answer == "hung"


def test_the_service_never_fails(shared_media: Path) -> None:
    """Over HTTP every picture has an answer, and one that is none is the sender's mistake."""
    core = real_core(1)
    client = make_app(core).test_client()
    hostile = sorted(path for path in (shared_media / "badinput").rglob("*") if path.is_file())[::8]
    images = [*itertools.islice(mutants(SEED + 1), 100), *(path.read_bytes() for path in hostile)]
    answers = Counter(_status_over_http(client, image) for image in images)
    core.close()
    assert set(answers) <= {200, 400, 413, 422}
    assert answers[200] > 20
    assert len(images) - answers[200] > 20


def _status_over_http(client: FlaskClient, image: bytes) -> int:
    response = client.post(
        "/v1/templates",
        data={"image": (io.BytesIO(image), "portrait.jpg")},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    assert response.is_json
    return response.status_code


def _not_allowed(outcomes: dict[str, Outcome]) -> dict[str, Outcome]:
    return {name: outcome for name, outcome in outcomes.items() if not outcome.is_allowed}
