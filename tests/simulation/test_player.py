"""A performer reacts as people do, begins at the anchor, and brings to an end what has begun."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from app.domain.challenge import ChallengeKind
from app.simulation.performance import Performance, blind_recording, kind_of_wire, wire_name
from app.simulation.player import REACTION_MS, REPEAT_AFTER_MS, Player

IDLE = [f"rest {place}".encode() for place in range(12)]
TURN = [f"turn {place}".encode() for place in range(20)]
PERFORMANCE = Performance("x", 480, 640, 20.0, IDLE, {ChallengeKind.TURN_LEFT: TURN}, b"portrait")


def shown(player: Player, until_ms: int, since_ms: int = 0) -> list[tuple[int, bytes]]:
    return [(at_ms, player.frame(at_ms)) for at_ms in range(since_ms, until_ms, 50)]


def onset_of(seed: int, performance: Performance = PERFORMANCE) -> int:
    player = Player(performance, seed)
    shown(player, 2_000)
    player.ask(ChallengeKind.TURN_LEFT, 2_000)
    return next(at_ms for at_ms, frame in shown(player, 6_000, 2_000) if frame == TURN[0]) - 2_000


def test_reactions_vary_within_what_people_take() -> None:
    times = [onset_of(seed) for seed in range(40)]
    way_back_ms = 1_000 * len(IDLE) / PERFORMANCE.frames_per_second
    assert min(times) >= REACTION_MS[0]
    assert max(times) <= max(REACTION_MS[1], way_back_ms) + way_back_ms
    assert len(set(times)) > 5


def test_movement_begins_at_the_anchor_and_nothing_is_left_out() -> None:
    player = Player(PERFORMANCE, 3)
    frames = [frame for _, frame in shown(player, 1_000)]
    player.ask(ChallengeKind.TURN_LEFT, 1_000)
    frames += [frame for _, frame in shown(player, 4_000, 1_000)]
    start = frames.index(TURN[0])
    assert frames[start - 1] == IDLE[0]
    assert frames[start : start + len(TURN)] == TURN
    assert frames[start + len(TURN)] == IDLE[0]


def test_rest_never_jumps() -> None:
    places = [IDLE.index(frame) for _, frame in shown(Player(PERFORMANCE, 5), 20_000)]
    assert max(abs(one - other) for one, other in pairwise(places)) == 1
    assert len(set(places)) == len(IDLE)


def test_movement_that_was_passed_is_still_brought_to_its_end() -> None:
    player = Player(PERFORMANCE, 3)
    player.frame(0)
    player.ask(ChallengeKind.TURN_LEFT, 0)
    began = next(at_ms for at_ms in range(0, 5_000, 50) if player.frame(at_ms) == TURN[0])
    player.rest()
    assert [player.frame(began + 50 * step) for step in range(1, len(TURN))] == TURN[1:]


def test_movement_that_was_not_accepted_comes_again() -> None:
    player = Player(PERFORMANCE, 3)
    player.ask(ChallengeKind.TURN_LEFT, 0)
    begins = [at_ms for at_ms, frame in shown(player, 12_000) if frame == TURN[0]]
    assert len(begins) > 1
    assert begins[1] - begins[0] >= 50 * len(TURN) + REPEAT_AFTER_MS


def test_who_is_asked_anew_while_a_movement_ends_waits_no_longer_than_to_react() -> None:
    """The prompt comes when the head is nearly back. Performers stood still for 1.5 s then."""
    player = Player(PERFORMANCE, 3)
    player.ask(ChallengeKind.TURN_LEFT, 0)
    first = next(at_ms for at_ms, frame in shown(player, 5_000) if frame == TURN[-3])
    player = Player(PERFORMANCE, 3)
    player.ask(ChallengeKind.TURN_LEFT, 0)
    shown(player, first)
    player.rest()
    player.ask(ChallengeKind.TURN_LEFT, first)
    again = next(at_ms for at_ms, frame in shown(player, 12_000, first) if frame == TURN[0])
    assert REACTION_MS[0] <= again - first <= REACTION_MS[1] + 200


def test_what_nobody_can_do_is_not_done() -> None:
    player = Player(PERFORMANCE, 3)
    player.ask(ChallengeKind.SMILE, 0)
    assert {frame for _, frame in shown(player, 10_000)} <= set(IDLE)


def test_takes_are_cut_in_wherever_the_tape_stands() -> None:
    cut = replace(PERFORMANCE, is_joined=False)
    player, before = Player(cut, 2), []
    player.ask(ChallengeKind.TURN_LEFT, 500)
    for _, frame in shown(player, 3_000):
        if frame == TURN[0]:
            break
        before.append(frame)
    assert before[-1] != IDLE[0]


def test_same_seed_gives_the_same_frames() -> None:
    assert shown(Player(PERFORMANCE, 9), 5_000) == shown(Player(PERFORMANCE, 9), 5_000)
    assert shown(Player(PERFORMANCE, 9), 5_000) != shown(Player(PERFORMANCE, 10), 5_000)


@pytest.mark.parametrize("kind", ChallengeKind)
def test_words_of_the_protocol_lead_back_to_the_kind(kind: ChallengeKind) -> None:
    assert kind_of_wire(kind.ability.value, kind.direction) is kind


def test_unknown_words_are_no_kind() -> None:
    with pytest.raises(ValueError, match="stand"):
        kind_of_wire("stand", "up")


def test_ability_with_half_its_movements_is_avoided() -> None:
    assert "head_turn" in PERFORMANCE.abilities_to_avoid()
    assert PERFORMANCE.kinds() == ()
    both = replace(PERFORMANCE, movements={ChallengeKind.TURN_LEFT: TURN, ChallengeKind.TURN_RIGHT: TURN})
    assert both.kinds() == (ChallengeKind.TURN_LEFT, ChallengeKind.TURN_RIGHT)
    assert wire_name(ChallengeKind.BLINK) == "blink"


def test_recording_shows_all_that_there_is() -> None:
    assert list(blind_recording(PERFORMANCE)) == [*IDLE, *TURN, *IDLE]
