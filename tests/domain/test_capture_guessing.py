"""What a bot reaches that moves without seeing what is asked: a session has three attempts."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import reduce

import pytest

from app.domain.capture import CaptureRun
from app.domain.capture_config import CaptureConfig
from app.domain.capture_phase import CapturePhase
from app.domain.challenge import ChallengeKind
from app.domain.face import Observation
from tests.domain.sitting import ALL_KINDS, config_for, new_run
from tests.faces import RESTING, Face, moved, seen
from tests.fakes import EPOCH

K = ChallengeKind
STEP_MS = 200
STILL = seen(RESTING)
OUT_AND_BACK = (0.6, *[1.3] * 4, 0.6)


def movement_frames(kind: ChallengeKind) -> list[Observation]:
    """Out, held for as long as it takes to be what was asked or a movement instead, and back."""
    return [STILL, *[seen(moved(kind, share)) for share in OUT_AND_BACK], STILL]


FRAMES = {kind: movement_frames(kind) for kind in ChallengeKind}


def quick_config(kinds: Iterable[ChallengeKind]) -> CaptureConfig:
    """Alignment is not what is tried here: a single frame of it."""
    return replace(config_for(kinds), hold_ms=0, hold_frames=1)


CONFIG = quick_config(ALL_KINDS)


def passes_blindly(
    bot: Iterator[Observation], seed: int, step_ms: int = STEP_MS, config: CaptureConfig | None = None
) -> bool:
    """Whether one of the three attempts of a session succeeds."""
    run, now_ms = new_run(config or CONFIG, seed), 0
    for attempt in (1, 2, 3):
        run.align(attempt, now_ms)
        while run.phase is CapturePhase.ALIGN:
            now_ms += step_ms
            run.observe(STILL, now_ms, EPOCH)
        while run.phase is CapturePhase.CHALLENGE:
            now_ms += step_ms
            run.observe(next(bot), now_ms, EPOCH)
        if run.phase is CapturePhase.CAPTURE:
            return True
    return False


def shown(*faces: Face) -> list[Observation]:
    return [seen(face) for face in faces]


def all_at_once(share: float) -> Face:
    """Every movement that can be made together with the others."""
    together = (K.TURN_LEFT, K.LOOK_UP, K.BLINK, K.SMILE, K.OPEN_MOUTH, K.MOVE_CLOSER)
    return reduce(lambda face, kind: moved(kind, share, face), together, RESTING)


LOOPS = {
    "photographs": [item for kind in ALL_KINDS for item in shown(RESTING, RESTING, moved(kind, 1.3))],
    "quick movements": [
        item
        for kind in ALL_KINDS
        for item in shown(RESTING, *(moved(kind, share) for share in (0.4, 0.9, 1.3, 1.2, 0.8, 0.3)), RESTING)
    ],
    "flashes, then movements": [
        *(item for kind in ALL_KINDS for item in shown(RESTING, moved(kind, 3.0))),
        *(item for kind in ALL_KINDS for item in shown(RESTING, moved(kind, 0.6), *[moved(kind, 1.2)] * 6)),
    ],
    "all at once": shown(RESTING, RESTING, *(all_at_once(share) for share in (0.5, 1.3, 1.3, 0.5))),
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_recording_of_everything_in_a_loop_does_not_pass(name: str) -> None:
    """At ten frames a second, from any point of the loop."""
    loop = LOOPS[name]
    for seed in range(20):
        start = seed * len(loop) // 20
        bot = itertools.cycle([*loop[start:], *loop[:start]])
        assert not passes_blindly(bot, seed, step_ms=100), (name, seed)


@pytest.mark.parametrize("kind", list(ChallengeKind))
def test_the_bot_s_movements_do_pass_where_they_are_asked(kind: ChallengeKind) -> None:
    """Otherwise the odds above would show nothing."""
    run = CaptureRun(
        CONFIG,
        choose=lambda kinds: kind if kind in kinds else kinds[0],
        choose_colour=lambda colours: colours[0],
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
