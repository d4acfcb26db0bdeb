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
from tests.uniformity import chi_square_tail, draw_many, first_draws_p, transitions_p

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
    ("kinds", "number"), [(0, 0), (1, 1), (2, 2), (3, 11), (4, 7), (5, 6), (6, 5), (7, 5), (8, 4)]
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


def test_what_was_dropped_is_no_candidate_either_and_the_others_are_alike() -> None:
    rng, previous, dropped = SeededRandomness(5), K.BLINK, K.SMILE
    drawn = Counter(draw_next(tuple(K), previous, rng.choose, dropped) for _ in range(6_000))
    assert set(drawn) == set(K) - {previous, dropped}
    expected = 6_000 / len(drawn)
    statistic = sum((count - expected) ** 2 / expected for count in drawn.values())
    assert chi_square_tail(statistic, len(drawn) - 1) > LEAST_P


def test_the_first_draw_may_give_any_kind() -> None:
    rng = SeededRandomness(11)
    assert {draw_next(tuple(ChallengeKind), None, rng.choose) for _ in range(200)} == set(ChallengeKind)


DRAWS, LEAST_P = 100_000, 0.001


def test_first_draws_are_uniform() -> None:
    assert first_draws_p(SeededRandomness(42).choose, DRAWS) > LEAST_P


def test_whatever_was_asked_each_other_kind_is_as_likely_to_follow() -> None:
    sequence = draw_many(SeededRandomness(42).choose, DRAWS)
    assert all(first is not second for first, second in itertools.pairwise(sequence))
    assert transitions_p(sequence) > LEAST_P


def test_a_draw_that_favours_one_kind_by_a_tenth_would_not_pass() -> None:
    """Otherwise the two tests above would show nothing."""
    rng = SeededRandomness(7)

    def loaded(kinds: Sequence[ChallengeKind]) -> ChallengeKind:
        return rng.choose([*list(kinds) * 10, kinds[0]])

    assert first_draws_p(loaded, DRAWS) < LEAST_P
    assert transitions_p(draw_many(loaded, DRAWS)) < LEAST_P


@pytest.mark.parametrize(
    ("statistic", "degrees", "tail"),
    [(24.322, 7, 0.001), (18.475, 7, 0.01), (84.037, 48, 0.001), (73.683, 48, 0.01)],
)
def test_the_tail_of_chi_square_agrees_with_the_tables(statistic: float, degrees: int, tail: float) -> None:
    assert chi_square_tail(statistic, degrees) == pytest.approx(tail, rel=0.01)
