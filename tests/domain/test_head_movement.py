"""A movement of the head is most likely among those asked: skin is told from a mask by it."""

from __future__ import annotations

import pytest

from app.domain.capture_phase import CapturePhase
from app.domain.challenge import MORE_FOR_THE_HEAD, ChallengeKind, with_a_head_movement
from tests.domain.sitting import ALL_KINDS, Sitting, config_for, new_run
from tests.fakes import EPOCH

K = ChallengeKind
STILL_HEAD = [K.BLINK, K.SMILE, K.OPEN_MOUTH, K.MOVE_CLOSER, K.BLINK, K.SMILE, K.OPEN_MOUTH]


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        ([], 4),
        (STILL_HEAD[:3], 4),
        (STILL_HEAD[:4], 5),
        ([*STILL_HEAD[:3], K.LOOK_UP], 4),
        ([*STILL_HEAD[:4], K.TURN_LEFT], 5),
        (STILL_HEAD[:5], 6),
        (STILL_HEAD[:6], 6),
        ([*STILL_HEAD[:5], K.LOOK_DOWN], 6),
    ],
)
def test_more_is_asked_one_by_one_until_the_head_has_moved_but_not_for_ever(
    asked: list[ChallengeKind], number: int
) -> None:
    assert with_a_head_movement(4, asked, ALL_KINDS) == number


def test_whose_head_cannot_move_is_asked_no_more() -> None:
    assert with_a_head_movement(4, STILL_HEAD[:4], STILL_HEAD[:4]) == 4


def test_a_run_counts_what_it_asks_and_asks_what_it_counts() -> None:
    """Over many draws: the number that is said never falls, and what was passed is what was said last."""
    seen: dict[int, int] = {}
    for seed in range(400):
        sitting = Sitting(new_run(config_for(), seed)).begin().align().pass_all()
        assert sitting.run.phase is CapturePhase.CAPTURE
        asked = [event.challenge for event in sitting.asked()]
        totals = [one.total for one in asked]
        assert totals == sorted(totals)
        assert [one.index for one in asked] == list(range(totals[-1]))
        assert sitting.run.passed_count() == sitting.run.number_of_challenges == totals[-1]
        is_moved = any(one.kind.moves_head for one in asked)
        assert is_moved or totals[-1] == 4 + MORE_FOR_THE_HEAD
        seen[totals[-1]] = seen.get(totals[-1], 0) + 1
    assert set(seen) >= {4, 5}
    assert seen[4] > 0.9 * sum(seen.values())


def test_a_challenge_that_is_drawn_anew_asks_for_more_beside_what_is_asked_for_the_head() -> None:
    """The fifth was there for the head: whoever lets it go does not get another for nothing."""
    run, met = None, 0
    for seed in range(600):
        run = new_run(config_for(), seed)
        sitting = Sitting(run).begin().align()
        while run.phase is CapturePhase.CHALLENGE and run.passed_count() < 4:
            sitting.obey()
        if run.challenge is None:
            continue
        met += 1
        before = run.number_of_challenges
        run.interrupt(EPOCH)
        assert run.resume(sitting.now_ms + 1_000) is not None
        sitting.align()
        assert run.challenge is not None
        assert run.challenge.total >= max(before, 6)
        sitting.pass_all()
        assert run.passed_count() >= 6
    assert met >= 5
