"""Challenges: the eight kinds, which of them someone can be asked, how many, and the draw."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

GUESSING_ODDS = 2_000
"""A blind guess of one attempt's challenges shall succeed at most once in this many tries.

Three attempts then pass 0.15 % of sessions, below the 0.2 % that blind guessing may reach
(`bench/guessing.py`).
"""

MIN_KINDS_FOR_VERDICT = 4
"""With fewer kinds left after `avoid`, no automatic approval: a person reviews the session."""


class Ability(StrEnum):
    """What a capture subject may be unable to do: the values of `accessibility.avoid`."""

    HEAD_TURN = "head_turn"
    LOOK = "look"
    BLINK = "blink"
    SMILE = "smile"
    MOUTH = "mouth"
    APPROACH = "approach"
    FLASH = "flash"


class ChallengeKind(StrEnum):
    """The eight movements. Directions are the capture subject's own."""

    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"
    LOOK_UP = "look_up"
    LOOK_DOWN = "look_down"
    BLINK = "blink"
    SMILE = "smile"
    OPEN_MOUTH = "open_mouth"
    MOVE_CLOSER = "move_closer"

    @property
    def ability(self) -> Ability:
        """The ability this movement asks for."""
        return _ABILITY_OF[self]

    @property
    def direction(self) -> str | None:
        """`left`, `right`, `up`, `down`, or None for a movement without one."""
        return _DIRECTION_OF.get(self)

    @property
    def moves_head(self) -> bool:
        """Whether the head is turned or tilted."""
        return self.ability in (Ability.HEAD_TURN, Ability.LOOK)


_ABILITY_OF = {
    ChallengeKind.TURN_LEFT: Ability.HEAD_TURN,
    ChallengeKind.TURN_RIGHT: Ability.HEAD_TURN,
    ChallengeKind.LOOK_UP: Ability.LOOK,
    ChallengeKind.LOOK_DOWN: Ability.LOOK,
    ChallengeKind.BLINK: Ability.BLINK,
    ChallengeKind.SMILE: Ability.SMILE,
    ChallengeKind.OPEN_MOUTH: Ability.MOUTH,
    ChallengeKind.MOVE_CLOSER: Ability.APPROACH,
}
_DIRECTION_OF = {
    ChallengeKind.TURN_LEFT: "left",
    ChallengeKind.TURN_RIGHT: "right",
    ChallengeKind.LOOK_UP: "up",
    ChallengeKind.LOOK_DOWN: "down",
}


@dataclass(frozen=True)
class Challenge:
    """One movement as it was asked: `nonce` binds frames and the upload ticket to it."""

    challenge_id: str
    nonce: str
    kind: ChallengeKind
    index: int
    total: int
    time_limit_ms: int


Choose = Callable[[Sequence[ChallengeKind]], ChallengeKind]
"""Picks one of the given kinds, uniformly; in production from the operating system's CSPRNG."""


def kinds_left(avoid: Iterable[Ability]) -> tuple[ChallengeKind, ...]:
    """Kinds that ask for none of the abilities in `avoid`, in the order of the enumeration."""
    avoided = frozenset(avoid)
    return tuple(kind for kind in ChallengeKind if kind.ability not in avoided)


def number_of_challenges(kinds: int, raised_to: int | None = None) -> int:
    """Smallest n with kinds·(kinds−1)^(n−1) ≥ `GUESSING_ODDS`, never the same twice in a row.

    Two kinds can only alternate and one cannot follow itself, so no number keeps the odds there;
    those sessions are reviewed by a person and ask each kind once. `raised_to` only ever raises it.
    """
    if kinds < 3:
        return kinds
    number, guesses = 1, kinds
    while guesses < GUESSING_ODDS:
        number, guesses = number + 1, guesses * (kinds - 1)
    return max(number, raised_to or 0)


FEW_KINDS = 5
"""With so few kinds a guess is right so often that one challenge more does not make up for another draw."""


def more_after_replacement(kinds: int) -> int:
    """How many challenges more an attempt asks for each one in whose place another was drawn: resumed, swapped.

    Whoever drops an unwelcome challenge gets another draw and keeps what was passed; with so many more to do, that
    is worth less than the new attempt which an interruption gives anyway.
    """
    return 2 if kinds <= FEW_KINDS else 1


def draw_next(
    kinds: Sequence[ChallengeKind],
    previous: ChallengeKind | None,
    choose: Choose,
    dropped: ChallengeKind | None = None,
) -> ChallengeKind:
    """Draw one kind, never the one passed just before, nor the one that was dropped since."""
    candidates = [kind for kind in kinds if kind not in (previous, dropped)]
    return choose(candidates)


MORE_FOR_THE_HEAD = 2


def with_a_head_movement(number: int, asked: Sequence[ChallengeKind], kinds: Sequence[ChallengeKind]) -> int:
    """How many are asked so that a movement of the head is most likely among them; `asked` so far, in order.

    Skin is told from a mask by how it changes as the head moves. Where no such movement was among the `number`
    drawn, another challenge is drawn, up to `MORE_FOR_THE_HEAD`: what is drawn stays uniform, and the odds of a
    guess only fall.
    """
    for _ in range(MORE_FOR_THE_HEAD if any(kind.moves_head for kind in kinds) else 0):
        if len(asked) < number or any(kind.moves_head for kind in asked[:number]):
            break
        number += 1
    return number
