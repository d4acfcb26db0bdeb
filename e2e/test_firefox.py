"""The main flow in a stock Firefox, over WebDriver BiDi: from the link to the end of the session."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.challenge import Ability, ChallengeKind
from app.simulation.performance import Performance
from e2e.bidi import Firefox, running_firefox
from e2e.conftest import PHONE
from e2e.performer import Act, script_with_all
from tests.live_server import PROJECT, Api

SCREEN = "document.querySelector('#shell').dataset.screen"
ACTION = "button[data-action={}]"
OUTCOME_SECONDS = 60
BUT_TURNING = [one.value for one in Ability if one not in (Ability.HEAD_TURN, Ability.FLASH)]
TURNS = (ChallengeKind.TURN_LEFT, ChallengeKind.TURN_RIGHT)


@pytest.fixture
def firefox(tmp_path: Path) -> Iterator[Firefox]:
    """Skips only where there is none and none can be installed (`make test` tries)."""
    looked = subprocess.run([PROJECT / "scripts" / "find-firefox"], capture_output=True, text=True, check=False)
    if looked.returncode != 0:
        pytest.skip(f"Firefox is not to be had: {looked.stderr.strip()}")
    with running_firefox(looked.stdout.strip(), tmp_path) as running:
        yield running


def test_firefox_goes_from_the_link_to_the_verdict(
    firefox: Firefox, api: Api, entity_id: str, performer: Performance
) -> None:
    """Two movements, which a person then reviews: all of the page takes part, as quickly as it can."""
    turning = replace(performer, movements={kind: performer.movements[kind] for kind in TURNS})
    created = api.open_session(entity_id, accessibility={"avoid": BUT_TURNING, "moreTime": True})
    firefox.resize(**PHONE)
    firefox.preload(script_with_all(Act(turning)))
    firefox.goto(created["sessionUrl"])
    firefox.wait_for(f"{SCREEN} === 'consent'")
    firefox.click(ACTION.format("consent_accepted"))
    firefox.wait_for(f"{SCREEN} === 'precheck'")
    firefox.click(ACTION.format("start_pressed"))
    firefox.wait_for(f"{SCREEN} === 'challenge'")
    shoot(firefox, "firefox-challenge")
    firefox.wait_for(f"{SCREEN} === 'outcome'", OUTCOME_SECONDS)
    shoot(firefox, "firefox-outcome")
    assert firefox.run("document.querySelector('.card h1').textContent") == "Thank you, all done"
    session = api.session(created["id"])
    assert (session["status"], session["inReview"]) == ("in_progress", True)
    asked = [one["kind"] for one in session["decision"]["liveness"]["challenges"]]
    assert asked == ["head_turn", "head_turn"]
    assert firefox.run("document.cookie + localStorage.length") == "0"


def shoot(firefox: Firefox, name: str) -> None:
    """A screenshot into the folder `BONAFIDE_SHOTS`, where that is set."""
    folder = os.environ.get("BONAFIDE_SHOTS")
    if folder:
        (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(firefox.screenshot()))
