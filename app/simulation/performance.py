"""What somebody in front of a camera can show, as JPEG frames: resting, and one movement for each challenge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from app.domain.challenge import Ability, ChallengeKind

Frame = TypeVar("Frame")


@dataclass(frozen=True)
class Performance:
    """`idle` is played to and fro without end, beginning with its first frame: the anchor.

    A performance that is `joined` has movements that lead from the anchor back to it, so that nothing jumps where
    one begins at the anchor. Of any other the movements are cut out of the clip as they stand. Frames are JPEGs
    of `width` × `height` pixels, `frames_per_second` of them. `portrait` is a picture of the same person that is
    part of neither: the reference.
    """

    name: str
    width: int
    height: int
    frames_per_second: float
    idle: Sequence[bytes] = field(repr=False)
    movements: Mapping[ChallengeKind, Sequence[bytes]] = field(repr=False)
    portrait: bytes = field(repr=False)
    is_joined: bool = True

    def abilities_to_avoid(self) -> list[str]:
        """What a session must not ask of this performer: abilities with a movement that is missing."""
        missing = {kind.ability for kind in ChallengeKind if kind not in self.movements}
        return [ability.value for ability in Ability if ability in missing]

    def abilities_to_avoid_but(self, kept: Ability) -> list[str]:
        """So that only this ability is asked for: a quick session, and one that a person reviews in the end."""
        if kept.value in self.abilities_to_avoid():
            raise ValueError(f"this performer shows no {kept.value}")
        return [ability.value for ability in Ability if ability not in (kept, Ability.FLASH)]

    def kinds(self) -> tuple[ChallengeKind, ...]:
        """What can be asked once `abilities_to_avoid` are avoided."""
        avoided = self.abilities_to_avoid()
        return tuple(kind for kind in ChallengeKind if kind.ability.value not in avoided)


def wire_name(kind: ChallengeKind) -> str:
    """The kind as the protocol names it: ability and direction, such as `look up` or `blink`."""
    return f"{kind.ability.value} {kind.direction or ''}".strip()


def kind_of_wire(kind: str, direction: str | None) -> ChallengeKind:
    """The kind that the protocol calls so. ValueError for words of a protocol that is not this one."""
    name = f"{kind} {direction or ''}".strip()
    for one in ChallengeKind:
        if wire_name(one) == name:
            return one
    raise ValueError(f"no challenge is called {name!r}")


def to_and_fro(frames: Sequence[Frame], position: int) -> Frame:
    """A short stretch played forwards and backwards, so that it never jumps."""
    period = max(1, 2 * len(frames) - 2)
    place = position % period
    return frames[place if place < len(frames) else period - place]


def blind_recording(performance: Performance) -> Iterator[bytes]:
    """Everything the performer can do, one after another, whatever is asked: a recording that is replayed."""
    return chain(performance.idle, *(chain(frames, performance.idle) for frames in performance.movements.values()))
