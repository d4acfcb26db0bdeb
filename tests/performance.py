"""What somebody in front of a camera does, as JPEG frames: resting, and one movement for each challenge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from app.domain.challenge import Ability, ChallengeKind

FRAMES_PER_SECOND = 15
"""Above the ten a page sends, so that no frame is shown twice."""

REACTION_MS = 600
"""How long the performer takes to follow a prompt; people take 300–1,500 ms."""

REPEAT_AFTER_MS = 1_500
"""A movement that was not accepted is shown again after so long at rest."""


@dataclass(frozen=True)
class Performance:
    """`idle` is played to and fro without end; each movement begins and ends at rest.

    `portrait` is a picture of the same person that is part of neither: the reference.
    """

    name: str
    width: int
    height: int
    idle: Sequence[bytes] = field(repr=False)
    movements: Mapping[ChallengeKind, Sequence[bytes]] = field(repr=False)
    portrait: bytes = field(repr=False)

    def abilities_to_avoid(self) -> list[str]:
        """What a session must not ask of this performer: abilities with a movement that is missing."""
        missing = {kind.ability for kind in ChallengeKind if kind not in self.movements}
        return [ability.value for ability in Ability if ability in missing]


def wire_name(kind: ChallengeKind) -> str:
    """The kind as the protocol names it: ability and direction, such as `look up` or `blink`."""
    return f"{kind.ability.value} {kind.direction or ''}".strip()


class Player:
    """Plays a performance along a clock: at rest until a challenge is asked, then its movement."""

    def __init__(self, performance: Performance) -> None:
        self._performance = performance
        self._movements = {wire_name(kind): frames for kind, frames in performance.movements.items()}
        self._asked: str | None = None
        self._asked_ms = 0.0

    def ask(self, kind: str, direction: str | None, now_ms: float) -> None:
        """A challenge was asked, in the words of the protocol."""
        self._asked, self._asked_ms = f"{kind} {direction or ''}".strip(), now_ms

    def rest(self) -> None:
        """The challenge is over."""
        self._asked = None

    def frame(self, now_ms: float) -> bytes:
        """What the camera sees now."""
        position = self._position(now_ms)
        if position is not None:
            frames = self._movements[str(self._asked)]
            if position < len(frames):
                return frames[position]
        return to_and_fro(self._performance.idle, int(now_ms * FRAMES_PER_SECOND / 1_000))

    def _position(self, now_ms: float) -> int | None:
        """Index into the movement, repeated with a rest between; None before the reaction."""
        frames = self._movements.get(self._asked or "")
        since_ms = now_ms - self._asked_ms - REACTION_MS
        if not frames or since_ms < 0:
            return None
        position = int(since_ms * FRAMES_PER_SECOND / 1_000)
        return position % (len(frames) + REPEAT_AFTER_MS * FRAMES_PER_SECOND // 1_000)


def to_and_fro(frames: Sequence[bytes], position: int) -> bytes:
    """A short stretch played forwards and backwards, so that it never jumps."""
    period = max(1, 2 * len(frames) - 2)
    place = position % period
    return frames[place if place < len(frames) else period - place]


def blind_recording(performance: Performance) -> Iterator[bytes]:
    """Everything the performer can do, one after another, whatever is asked: a recording that is replayed."""
    return chain(performance.idle, *(chain(frames, performance.idle) for frames in performance.movements.values()))
