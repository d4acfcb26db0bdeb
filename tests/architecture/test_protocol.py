"""The page and the server speak the same protocol: `protocol.js` and `app/hosted/protocol.py` agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.domain.challenge import Ability, ChallengeKind
from app.domain.light import LIGHT_RGB, LightColour
from app.domain.quality import HintCode
from app.domain.verdict import ChallengeOutcome
from app.hosted import protocol
from app.services.capture_view import PageState

SCRIPT = Path(__file__).resolve().parents[2] / "static" / "js" / "protocol.js"


def words_of(name: str) -> set[str]:
    """The strings of a frozen list in the script."""
    found = re.search(rf"export const {name} = Object\.freeze\(\[(.*?)\]\)", SCRIPT.read_text("utf-8"), re.DOTALL)
    assert found, f"protocol.js has no list {name}"
    return set(re.findall(r'"([a-z_]+)"', found.group(1)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CLIENT_EVENTS", protocol.CLIENT_EVENTS),
        ("SERVER_EVENTS", protocol.SERVER_EVENTS),
        ("SERVER_STATES", [state.value for state in PageState]),
        ("HINT_CODES", [code.value for code in HintCode]),
        ("CHALLENGE_KINDS", {kind.ability.value for kind in ChallengeKind}),
        ("ABILITIES", [ability.value for ability in Ability]),
        ("RETRY_REASONS", protocol.RETRY_REASONS),
        ("RESULT_REASONS", protocol.RESULT_REASONS),
        ("LIGHT_COLOURS", [colour.value for colour in LightColour]),
        ("FRAME_REFUSALS", protocol.FRAME_REFUSALS),
        ("REFUSALS", protocol.CONNECT_ERRORS),
    ],
)
def test_page_and_server_use_the_same_words(name: str, expected: list[str]) -> None:
    assert words_of(name) == set(expected)


def test_every_failed_challenge_has_a_retry_reason() -> None:
    failures = {item.value for item in ChallengeOutcome} - {"passed", "swapped", "resumed"}
    assert failures <= set(protocol.RETRY_REASONS)


def test_flash_is_the_only_ability_no_challenge_asks_for() -> None:
    assert set(Ability) - {kind.ability for kind in ChallengeKind} == {Ability.FLASH}


def test_page_shines_in_the_colours_that_the_detector_reckons_with() -> None:
    tokens = SCRIPT.parents[1].joinpath("css", "tokens.css").read_text("utf-8")
    painted = dict(re.findall(r"--light-([a-z]+): #([0-9a-f]{6});", tokens))
    assert painted == {colour.value: "{:02x}{:02x}{:02x}".format(*rgb) for colour, rgb in LIGHT_RGB.items()}
