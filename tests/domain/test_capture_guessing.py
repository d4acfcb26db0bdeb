"""What a bot reaches that moves without seeing what is asked: a session has three attempts."""

from __future__ import annotations

import random

import pytest

from app.domain.capture import AttemptFailed, CapturePhase, CaptureRun
from app.domain.challenge import ChallengeKind
from app.domain.face import Observation
from tests.domain.sitting import ALL_KINDS, config_for, new_run
from tests.faces import RESTING, moved, seen
from tests.fakes import EPOCH

SESSIONS = 2_000
STEP_MS = 200
STILL = seen(RESTING)


def movement_frames(kind: ChallengeKind) -> list[Observation]:
    """Out, held for as long as it takes to be what was asked or a movement instead, and back."""
    return [STILL, *[seen(moved(kind, share)) for share in (0.6, *[1.3] * 5, 0.6)], STILL]


FRAMES = {kind: movement_frames(kind) for kind in ChallengeKind}


def passes_blindly(kinds: tuple[ChallengeKind, ...], rng: random.Random) -> bool:
    """Three attempts of a bot that performs one random movement after another."""
    run, now_ms = new_run(config_for(kinds), rng.randrange(2**32)), 0
    for attempt in (1, 2, 3):
        run.align(attempt, now_ms)
        while run.phase is CapturePhase.ALIGN:
            now_ms += STEP_MS
            run.observe(STILL, now_ms, EPOCH)
        now_ms = guess_on(run, kinds, rng, now_ms)
        if run.phase is CapturePhase.CAPTURE:
            return True
    return False


def guess_on(run: CaptureRun, kinds: tuple[ChallengeKind, ...], rng: random.Random, now_ms: int) -> int:
    """Guess until the attempt has failed or all challenges are passed."""
    while run.phase is CapturePhase.CHALLENGE:
        asked = run.challenge
        for observation in FRAMES[rng.choice(kinds)]:
            now_ms += STEP_MS
            events = run.observe(observation, now_ms, EPOCH)
            if run.challenge is not asked or any(isinstance(event, AttemptFailed) for event in events):
                break
    return now_ms


def test_random_movements_pass_at_most_two_sessions_in_a_thousand() -> None:
    """One attempt in 2,744 by the rule for eight kinds; a blink may be tried before something else."""
    rng = random.Random(20_260_619)  # noqa: S311 (reproducible on purpose)
    passed = sum(passes_blindly(ALL_KINDS, rng) for _ in range(SESSIONS))
    assert passed / SESSIONS <= 0.002


@pytest.mark.parametrize("kind", list(ChallengeKind))
def test_the_bot_s_movements_do_pass_where_they_are_asked(kind: ChallengeKind) -> None:
    """Otherwise the odds above would show nothing."""
    config = config_for(ALL_KINDS)
    run = CaptureRun(
        config,
        choose=lambda kinds: kind if kind in kinds else kinds[0],
        new_id=lambda: "id",
        new_nonce=lambda: "n",
    )
    run.align(1, 0)
    now_ms = 0
    while run.phase is CapturePhase.ALIGN:
        now_ms += STEP_MS
        run.observe(STILL, now_ms, EPOCH)
    assert run.challenge is not None
    assert run.challenge.kind is kind
    for observation in FRAMES[kind]:
        now_ms += STEP_MS
        run.observe(observation, now_ms, EPOCH)
    assert run.passed_count() == 1
