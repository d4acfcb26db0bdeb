"""Attackers before a camera: tapes in a fixed order, other people, instruments in a hand."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import cv2
import numpy as np

from app.domain.challenge import ChallengeKind
from app.domain.face import BgrImage
from app.simulation.camera import decode, encode
from app.simulation.clips import KEPT_QUALITY
from app.simulation.performance import Performance
from app.simulation.player import REACTION_MS, REPEAT_AFTER_MS, Player
from app.simulation.scene import Filmed, Person, Source
from bench.pad.instruments import Acting, Instrument, acting_for

OUT_MS, HOLD_MS = 800.0, 900.0
"""How long an instrument is moved outward, and held there; judges want 250–450 ms beyond what is required."""

AGAIN_MS = 1_200.0
STEPS = 16
"""Positions on the way outward that are drawn: as many as the page sees frames of it, twice over."""

PAUSE_MS = (450.0, 600.0)
"""How long an attacker sends nothing to hide a cut: no longer than a busy phone does now and then."""

CUT_SHARE = (0.5, 1.0)
"""Where in the pause the take begins: of the lead-in before a movement little is lost."""

ALIGNED_FRAMES = (2, 6)
"""Frames of an alignment before the one pause in it, so that pauses are usual with this camera."""

KNOWN_MAX = 256
"""Drawn positions that are kept; drawing one costs more than all the rest of a frame."""


class FixedOrder:
    """Takes in an order fixed before the draw, one at each prompt: only by chance the one that is asked."""

    def __init__(self, performance: Performance, seed: int) -> None:
        kinds = list(performance.movements)
        random.Random(seed).shuffle(kinds)  # noqa: S311 (reproducible on purpose)
        self._kinds, self._next, self.player = kinds, 0, Player(performance, seed)

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        self.player.ask(self._kinds[self._next % len(self._kinds)], now_ms)
        self._next += 1

    def rest(self, now_ms: float) -> None:
        self.player.rest()

    def picture(self, now_ms: float) -> BgrImage:
        return decode(self.player.frame(now_ms))


class Swapped:
    """The right person rests; at each challenge somebody else performs."""

    def __init__(self, person: Performance, others: Sequence[Performance], seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 (reproducible on purpose)
        self._person, self._others, self._seed = Person(person, seed), others, seed
        self._now: Person = self._person

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        able = [other for other in self._others if kind in other.movements]
        if able:
            self._now = Person(self._chance.choice(able), self._seed)
            self._now.picture(now_ms)
        self._now.ask(kind, now_ms)

    def rest(self, now_ms: float) -> None:
        self._now.rest(now_ms)
        self._now = self._person

    def picture(self, now_ms: float) -> BgrImage:
        return self._now.picture(now_ms)


class SwappedBack(Swapped):
    """Somebody else only from the prompt until the movement begins to return: it is the right person who is back.

    `others` have takes that end there. What was not accepted is shown again.
    """

    def __init__(self, person: Performance, others: Sequence[Performance], seed: int) -> None:
        super().__init__(person, others, seed)
        self._kind: ChallengeKind | None = None
        self._was_moving, self._again_ms = False, math.inf

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        super().ask(kind, now_ms)
        self._kind, self._was_moving, self._again_ms = kind, False, math.inf

    def rest(self, now_ms: float) -> None:
        super().rest(now_ms)
        self._kind, self._again_ms = None, math.inf

    def picture(self, now_ms: float) -> BgrImage:
        if self._kind is not None and now_ms >= self._again_ms:
            self.ask(self._kind, now_ms)
        shown = self._now.picture(now_ms)
        is_over = self._was_moving and not self._now.is_moving
        self._was_moving = self._now.is_moving
        if self._now is self._person or not is_over:
            return shown
        self._now, self._again_ms = self._person, now_ms + REPEAT_AFTER_MS
        return self._person.picture(now_ms)


class PromptPlayer(Player):
    """Cuts to the take at the moment it is told, and out of it when it is over, wherever that is."""

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        super().ask(kind, now_ms)
        self._due_ms = now_ms
        self._cut()

    def rest(self) -> None:
        super().rest()
        self._cut()

    def _cut(self) -> None:
        self._playing, self._place, self._step = None, 0, 1


class HiddenCuts:
    """The right take at each prompt; time goes on in it while nothing is sent."""

    def __init__(self, performance: Performance, seed: int) -> None:
        self._player, self._step_ms = PromptPlayer(performance, seed), 1_000 / performance.frames_per_second
        self._at_ms: float | None = None

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        """Begins at that time, which may lie ahead."""
        self._player.ask(kind, now_ms)

    def rest(self, now_ms: float) -> None:
        self._player.rest()

    def picture(self, now_ms: float) -> BgrImage:
        at_ms = now_ms if self._at_ms is None else self._at_ms
        while at_ms + self._step_ms < now_ms:
            at_ms += self._step_ms
            self._player.frame(at_ms)
        self._at_ms = now_ms
        return decode(self._player.frame(now_ms))


class Paused(Filmed):
    """A page that sends nothing for a moment at each prompt, while the source cuts, and once in alignment."""

    def __init__(self, source: Source, seed: int, frame_ms: float) -> None:
        super().__init__(source, seed, frame_ms)
        self._chance = random.Random(seed)  # noqa: S311 (reproducible on purpose)
        self._pause_ms = 0.0
        self._frames_to_pause = 0

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        """The movement that was shown before is cut off in the same pause."""
        self._pause_ms, self._frames_to_pause = self._chance.uniform(*PAUSE_MS), 0
        super().ask(kind, now_ms + self._chance.uniform(*CUT_SHARE) * self._pause_ms)

    def rest(self, now_ms: float) -> None:
        super().rest(now_ms)
        self._frames_to_pause = self._chance.randint(*ALIGNED_FRAMES)

    def wait_ms(self) -> float:
        if self._frames_to_pause:
            self._frames_to_pause -= 1
            self._pause_ms = 0.0 if self._frames_to_pause else self._chance.uniform(*PAUSE_MS)
        pause_ms, self._pause_ms = self._pause_ms, 0.0
        return pause_ms or super().wait_ms()


class Handled:
    """An instrument in somebody's hand: moved as the prompts ask, never quite still.

    `answers` are the movements the attacker tries to show with it; at other prompts it is only moved about.
    `is_recording`: it gives another frame at each call, so that none can be kept.
    """

    def __init__(
        self,
        instrument: Instrument,
        answers: Sequence[ChallengeKind],
        seed: int,
        tremor: float = 1.0,
        *,
        is_recording: bool = False,
    ) -> None:
        self._instrument, self._answers, self._tremor = instrument, frozenset(answers), tremor
        self._chance = random.Random(seed)  # noqa: S311 (reproducible on purpose)
        self._phases = [self._chance.uniform(0, 2 * math.pi) for _ in range(6)]
        self._is_recording, self._known = is_recording, dict[Acting, bytes]()
        self._kind: ChallengeKind | None = None
        self._due_ms = 0.0
        self._wander: Acting | None = None

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        self._kind = kind
        self._due_ms = now_ms + self._chance.uniform(*REACTION_MS)
        yaw, pitch = self._chance.uniform(-20, 20), self._chance.uniform(-15, 15)
        self._wander = Acting(yaw_degrees=yaw, pitch_degrees=pitch, scale=self._chance.uniform(0.95, 1.1))

    def rest(self, now_ms: float) -> None:
        self._kind = None

    def picture(self, now_ms: float) -> BgrImage:
        return self._shaken(self._drawn(self.acting(now_ms)), now_ms / 1_000)

    def acting(self, now_ms: float) -> Acting:
        """How the hand holds it now, its tremor apart."""
        share = self._share(now_ms - self._due_ms) if self._kind is not None else 0.0
        share = round(share * STEPS) / STEPS
        if self._kind in self._answers and self._kind is not None:
            return acting_for(self._kind, share)
        return _towards(self._wander or Acting(), share)

    def _drawn(self, acting: Acting) -> BgrImage:
        if self._is_recording:
            return self._instrument.render(acting)
        if acting not in self._known:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            self._known[acting] = encode(self._instrument.render(acting), KEPT_QUALITY)
        return decode(self._known[acting])

    def _shaken(self, image: BgrImage, seconds: float) -> BgrImage:
        """The hand and the camera are not still: shifts of a few pixels, a little nearer, a little turned."""
        waves = [
            math.sin(2 * math.pi * seconds / period + phase)
            for period, phase in zip(_PERIODS, self._phases, strict=True)
        ]
        height, width = image.shape[:2]
        nearer = 1 + self._tremor * (0.008 * waves[4] + 0.002 * waves[5])
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), self._tremor * 0.6 * waves[0], nearer)
        matrix[0, 2] += self._tremor * (3.0 * waves[0] + 0.8 * waves[1])
        matrix[1, 2] += self._tremor * (2.5 * waves[2] + 0.8 * waves[3])
        shaken = cv2.warpAffine(
            image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(shaken, dtype=np.uint8)

    def _share(self, since_ms: float) -> float:
        """Outward, held, back, and again where it was not accepted."""
        round_ms = 2 * OUT_MS + HOLD_MS + AGAIN_MS
        if since_ms < 0:
            return 0.0
        since_ms %= round_ms
        if since_ms < OUT_MS:
            return _eased(since_ms / OUT_MS)
        if since_ms < OUT_MS + HOLD_MS:
            return 1.0
        return _eased(1 - min((since_ms - OUT_MS - HOLD_MS) / OUT_MS, 1.0))


_PERIODS = (3.1, 0.43, 3.7, 0.51, 4.3, 0.61)
"""Seconds: slow sway of an arm, and physiological tremor under 3 Hz of what is held."""


def _eased(share: float) -> float:
    return share * share * (3 - 2 * share)


def _towards(acting: Acting, share: float) -> Acting:
    return Acting(share * acting.yaw_degrees, share * acting.pitch_degrees, 1 + share * (acting.scale - 1))
