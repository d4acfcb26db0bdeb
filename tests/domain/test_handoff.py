"""Numbers to match, the words for the asking device, and which of two devices is sent on."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from app.domain.handoff import CHOICES, AskingDevice, asking_device, draw_numbers, is_sent_on

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0 Safari/537.36"


def test_numbers_cannot_be_mistaken_for_one_another_and_none_is_likelier() -> None:
    chance = random.Random(5)  # noqa: S311 (a test's dice)

    def choose(options: Sequence[int]) -> int:
        return chance.choice(options)

    places: Counter[int] = Counter()
    for _ in range(3_000):
        number, choices = draw_numbers(choose)
        assert len(set(choices)) == CHOICES
        assert list(choices) == sorted(choices)
        assert all(10 <= one <= 99 for one in choices)
        tens = [one // 10 for one in choices]
        assert len(set(tens)) == CHOICES
        assert not {f"{one}"[::-1] for one in choices} & {f"{one}" for one in choices if one % 11}
        places[choices.index(number)] += 1
    assert max(places.values()) < 1.2 * min(places.values()), "the place tells nothing of the number"


@pytest.mark.parametrize(
    ("user_agent", "expected"),
    [
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME}", AskingDevice("Chrome", "Windows")),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Edg/143.0", AskingDevice("Edge", "Windows")),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME}", AskingDevice("Chrome", "ChromeOS")),
        (f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} OPR/120.0", AskingDevice("Opera", "Linux")),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Firefox/145.0", AskingDevice("Firefox", "Linux")),
        ("Mozilla/5.0 (Macintosh; Intel) Version/18.0 Safari/605.1.15", AskingDevice("Safari", "macOS")),
        ("", AskingDevice(None, None)),
        ("<script>alert(1)</script>" * 1_000, AskingDevice(None, None)),
    ],
)
def test_asking_device_is_named_by_words_of_our_own(user_agent: str, expected: AskingDevice) -> None:
    assert asking_device(user_agent) == expected


@pytest.mark.parametrize(
    ("method", "phone_and_computer"),
    [
        ("initiator", (False, True)),
        ("completer", (True, False)),
        ("both", (True, True)),
    ],
)
def test_which_device_is_sent_on(method: str, phone_and_computer: tuple[bool, bool]) -> None:
    sent_on = [is_sent_on(method, is_phone=one, was_completed_by_phone=True) for one in (True, False)]
    assert tuple(sent_on) == phone_and_computer
    alone = [is_sent_on(method, is_phone=one, was_completed_by_phone=False) for one in (True, False)]
    assert alone == [False, True], "a computer that took the session back is both"
