"""How many challenges, which kinds, and a draw that nobody can foresee."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import pytest

from app.domain.challenge import (
    GUESSING_ODDS,
    Ability,
    ChallengeKind,
    draw_next,
    kinds_left,
    number_of_challenges,
)
from tests.fakes import SeededRandomness

K = ChallengeKind

KINDS_OF = {
    Ability.HEAD_TURN: {K.TURN_LEFT, K.TURN_RIGHT},
    Ability.LOOK: {K.LOOK_UP, K.LOOK_DOWN},
    Ability.BLINK: {K.BLINK},
    Ability.SMILE: {K.SMILE},
    Ability.MOUTH: {K.OPEN_MOUTH},
    Ability.APPROACH: {K.MOVE_CLOSER},
    Ability.FLASH: set(),
}


@pytest.mark.parametrize(
    ("kinds", "number"), [(0, 0), (1, 1), (2, 2), (3, 9), (4, 6), (5, 5), (6, 4), (7, 4), (8, 4)]
)
def test_the_number_of_challenges_of_each_number_of_kinds(kinds: int, number: int) -> None:
    assert number_of_challenges(kinds) == number


@pytest.mark.parametrize("kinds", range(3, 9))
def test_it_is_the_smallest_number_that_keeps_the_odds_against_guessing(kinds: int) -> None:
    number = number_of_challenges(kinds)
    assert kinds * (kinds - 1) ** (number - 1) >= GUESSING_ODDS
    assert kinds * (kinds - 1) ** (number - 2) < GUESSING_ODDS


@pytest.mark.parametrize("kinds", range(3, 9))
@pytest.mark.parametrize("wished", range(1, 9))
def test_a_wish_only_ever_raises_the_number(kinds: int, wished: int) -> None:
    assert number_of_challenges(kinds, wished) == max(wished, number_of_challenges(kinds))


@pytest.mark.parametrize("kinds", range(3))
def test_a_wish_raises_nothing_where_no_number_keeps_the_odds(kinds: int) -> None:
    assert number_of_challenges(kinds, 8) == kinds


@pytest.mark.parametrize("size", range(len(Ability) + 1))
def test_exactly_the_kinds_that_ask_for_an_avoided_ability_are_left_out(size: int) -> None:
    for avoid in itertools.combinations(Ability, size):
        gone = set[ChallengeKind]().union(*(KINDS_OF[ability] for ability in avoid))
        assert kinds_left(avoid) == tuple(kind for kind in ChallengeKind if kind not in gone)


def test_directions_are_those_of_the_kinds_that_have_one() -> None:
    assert {kind: kind.direction for kind in ChallengeKind} == {
        K.TURN_LEFT: "left",
        K.TURN_RIGHT: "right",
        K.LOOK_UP: "up",
        K.LOOK_DOWN: "down",
        K.BLINK: None,
        K.SMILE: None,
        K.OPEN_MOUTH: None,
        K.MOVE_CLOSER: None,
    }


@pytest.mark.parametrize("previous", list(ChallengeKind))
def test_every_kind_but_the_previous_one_is_a_candidate(previous: ChallengeKind) -> None:
    offered: list[list[ChallengeKind]] = []

    def choose(kinds: Sequence[ChallengeKind]) -> ChallengeKind:
        offered.append(list(kinds))
        return kinds[-1]

    drawn = draw_next(tuple(ChallengeKind), previous, choose)
    assert drawn is not previous
    assert offered == [[kind for kind in ChallengeKind if kind is not previous]]


def test_the_first_draw_may_give_any_kind() -> None:
    rng = SeededRandomness(11)
    assert {draw_next(tuple(ChallengeKind), None, rng.choose) for _ in range(200)} == set(ChallengeKind)


def test_a_long_draw_is_uniform_over_kinds_and_over_successors() -> None:
    """Chi-square against uniformity; the bounds are the 0.999 quantiles of 7 and 55 − 7 = 48 degrees."""
    rng, draws = SeededRandomness(42), 20_000
    sequence: list[ChallengeKind] = []
    for _ in range(draws):
        sequence.append(draw_next(tuple(ChallengeKind), sequence[-1] if sequence else None, rng.choose))
    singles = Counter(sequence)
    assert _chi_square([singles[kind] for kind in ChallengeKind]) < 24.3
    pairs = Counter(itertools.pairwise(sequence))
    assert all(first is not second for first, second in pairs)
    assert _chi_square([pairs[pair] for pair in itertools.permutations(ChallengeKind, 2)]) < 84.0


def _chi_square(counts: list[int]) -> float:
    expected = sum(counts) / len(counts)
    return sum((count - expected) ** 2 / expected for count in counts)
