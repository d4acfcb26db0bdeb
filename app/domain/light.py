"""The light challenge: the screen shines on the face in colours drawn at random, and skin has to answer them.

Nobody is flashed at: see `LIGHT_COLOUR_MS`. The page warns before the first colour, and whoever says no, or the
integrator for them, is shown none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.face import Observation
from app.domain.liveness import FACE_LOST_MS, SECOND_FACE_MS
from app.domain.quality import HintCode, QualityLimits, presence_hint
from app.domain.verdict import ChallengeOutcome

LIGHT_COLOUR_MS = 650
"""How long a colour stays at the least. So there are at most two changes in any second, and never three flashes
(a flash is a pair of opposing changes: WCAG 2.2, 2.3.1)."""

LIGHT_OFF_MS = 600
"""After the last colour the screen is as before for so long: the still is not to be taken in coloured light, and
late frames show the answer to the last colour."""

LIGHT_COLOURS_SHOWN = 6
"""2,490 sequences (`draw_light`), four seconds."""


class LightColour(StrEnum):
    """What the screen shines in. `OFF` is the page as it is without any."""

    RED = "red"
    GREEN = "green"
    BLUE = "blue"
    WHITE = "white"
    DARK = "dark"
    OFF = "off"


LIGHT_RGB: dict[LightColour, tuple[int, int, int]] = {
    LightColour.RED: (255, 130, 110),
    LightColour.GREEN: (90, 230, 120),
    LightColour.BLUE: (90, 130, 255),
    LightColour.WHITE: (245, 245, 245),
    LightColour.DARK: (16, 16, 16),
}
"""As the page paints them (sRGB, `--light-…` in tokens.css). The red is far from saturated: red over the sum of
all three is 0.73 in linear light, where WCAG 2.2 counts a red flash from 0.8."""

LIGHT_HUES = (LightColour.RED, LightColour.GREEN, LightColour.BLUE)

ChooseColour = Callable[[Sequence[LightColour]], LightColour]
"""Picks one of the given colours, uniformly; in production from the operating system's CSPRNG."""


def draw_light(choose: ChooseColour) -> tuple[LightColour, ...]:
    """A sequence in which none follows itself and each of the three hues comes at least once."""
    drawn: list[LightColour] = []
    while len(drawn) < LIGHT_COLOURS_SHOWN:
        missing = [hue for hue in LIGHT_HUES if hue not in drawn]
        must_be_hue = len(missing) >= LIGHT_COLOURS_SHOWN - len(drawn)
        options = missing if must_be_hue else list(LIGHT_RGB)
        drawn.append(choose([one for one in options if one not in drawn[-1:]]))
    return tuple(drawn)


class LightStanding(StrEnum):
    """Where the light challenge of an attempt stands."""

    NOT_ASKED = "not_asked"
    """The organization does not demand it."""
    AVOIDED = "avoided"
    """The integrator has said of this person that they must not be flashed at: it is not demanded."""
    DECLINED = "declined"
    """The person does not want it. Anybody can say so, an attacker too: it counts as not shown."""
    ASKED = "asked"
    SHOWN = "shown"
    """The whole sequence was."""


@dataclass(frozen=True)
class LightNoticed:
    """The person is to be warned, and asked whether the screen may shine. Frames meanwhile carry `nonce`."""

    nonce: str


@dataclass(frozen=True)
class LightShown:
    """The screen is to shine in this colour from now on. `nonce` is that of the whole sequence."""

    nonce: str
    index: int
    colour: LightColour
    duration_ms: int


@dataclass(frozen=True)
class Lit:
    """What the screen was told to show when a frame came: colour `index`, since `since_ms` (the run's clock)."""

    index: int
    colour: LightColour
    since_ms: int


class LightShow:
    """A sequence as it is shown: one colour after another, as frames come, by the run's clock."""

    def __init__(self, nonce: str, colours: Sequence[LightColour], now_ms: int) -> None:
        self._nonce, self._colours = nonce, (*colours, LightColour.OFF)
        self._index, self._since_ms = 0, now_ms
        self._face_seen_ms = now_ms
        self._second_face_since_ms: int | None = None

    @property
    def lit(self) -> Lit:
        """What the screen shows now."""
        return Lit(self._index, self._colours[self._index], self._since_ms)

    @property
    def shown(self) -> LightShown:
        """What the page is told of it."""
        colour = self._colours[self._index]
        return LightShown(self._nonce, self._index, colour, _lasts_ms(colour))

    def trouble(self, observation: Observation, quality: QualityLimits, now_ms: int) -> ChallengeOutcome | None:
        """Why the sequence is worth nothing any more: the same that ends a challenge, after as long."""
        absent = presence_hint(observation, quality)
        if absent is None:
            self._face_seen_ms, self._second_face_since_ms = now_ms, None
        elif absent.code is HintCode.MULTIPLE_FACES:
            self._face_seen_ms = now_ms
            if self._second_face_since_ms is None:
                self._second_face_since_ms = now_ms
            if now_ms - self._second_face_since_ms >= SECOND_FACE_MS:
                return ChallengeOutcome.MULTIPLE_FACES
        elif now_ms - self._face_seen_ms >= FACE_LOST_MS:
            return ChallengeOutcome.FACE_LOST
        return None

    def is_due(self, now_ms: int) -> bool:
        """Whether what is shown has been there for long enough. A late frame makes it stay longer."""
        return now_ms - self._since_ms >= _lasts_ms(self._colours[self._index])

    def advance(self, now_ms: int) -> LightShown | None:
        """The next colour, None where that was all."""
        if self._index + 1 == len(self._colours):
            return None
        self._index, self._since_ms = self._index + 1, now_ms
        return self.shown


def _lasts_ms(colour: LightColour) -> int:
    return LIGHT_OFF_MS if colour is LightColour.OFF else LIGHT_COLOUR_MS
