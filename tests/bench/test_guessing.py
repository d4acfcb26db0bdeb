"""Bots that cannot see what is asked; 10,000 sessions of each are the bench's own matter."""

from __future__ import annotations

import pytest

from app.domain import attempt_record
from app.domain.challenge import ChallengeKind
from bench import guessing
from bench.guessing import BOTS, draws_of, session_passes, sessions_passed

K = ChallengeKind
SESSIONS = 300


@pytest.mark.parametrize("kinds", [4, 8])
@pytest.mark.parametrize("name", BOTS)
def test_no_bot_passes_more_than_a_session_or_two(name: str, kinds: int) -> None:
    """At odds of 400 to one, and with lids excused, eyes first passed 0.44 % of sessions with four kinds."""
    assert sessions_passed(BOTS[name], kinds, SESSIONS, seed=5) <= 1


def test_with_a_single_challenge_guessing_often_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the odds above would show nothing: three guesses at one of four, 1 − (3/4)³ = 58 %."""
    monkeypatch.setattr(guessing, "number_of_challenges", lambda _: 1)
    monkeypatch.setattr(attempt_record, "with_a_head_movement", lambda number, *_: number)
    for name in ("random mover", "eyes first", "all at once", "loop in a fixed order"):
        assert 0.4 < sessions_passed(BOTS[name], 4, 200, seed=5) / 200 < 0.75, name


@pytest.mark.parametrize(("kinds", "number"), [(8, 1), (7, 4), (6, 8), (5, 12), (4, 14)])
def test_draws_are_all_that_some_avoid_leaves(kinds: int, number: int) -> None:
    draws = draws_of(kinds)
    assert len(draws) == number == len(set(draws))
    assert all(len(left) == kinds for left in draws)


def test_the_same_seed_gives_the_same_session() -> None:
    outcomes = [session_passes(BOTS["random mover"], tuple(K), seed) for seed in range(20)]
    assert outcomes == [session_passes(BOTS["random mover"], tuple(K), seed) for seed in range(20)]
