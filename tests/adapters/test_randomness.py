"""The draw that is used in production."""

from __future__ import annotations

from app.adapters.randomness import SystemRandomness
from tests.uniformity import KINDS, draw_many, first_draws_p, transitions_p

DRAWS = 20_000
FLUKE = 1e-9
"""Nobody sees a uniform draw fall so far out; a test of 0.001 would fail once in a thousand runs."""


def test_what_production_draws_is_uniform_over_kinds_and_over_successors() -> None:
    choose = SystemRandomness().choose
    assert first_draws_p(choose, DRAWS) > FLUKE
    sequence = draw_many(choose, DRAWS)
    assert set(sequence) == set(KINDS)
    assert transitions_p(sequence) > FLUKE


def test_no_two_draws_are_alike() -> None:
    """A generator with a fixed seed would give the same sequence each time it is made."""
    assert draw_many(SystemRandomness().choose, 100) != draw_many(SystemRandomness().choose, 100)
