"""TEXTURE: whether skin changes its look as it turns and moves, or one picture is bent.

`FrameSignals.texture` lays every frame's face flat by its mesh. A picture that a program bends, or paper, is then
the same picture again, whatever it does. A face is not: its parts hide each other, light falls on it from another
side, gloss wanders, cheeks fold. Two measures of that are added, each set against what the kind of movement shows:
how far small patches have ceased to match (their place may be off by two pixels), and how much smooth skin has
changed in brightness beyond the whole. What frames at rest differ by, noise and compression, is taken off the
first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from app.domain.capture_phase import CapturePhase
from app.domain.challenge import ChallengeKind
from app.domain.detection import WatchedFrame
from app.domain.detector_evidence import LIMIT_SCORE, TYPICAL_SCORE, Detector, DetectorEvidence, graded
from app.domain.face import FaceMeasurement
from app.domain.frame_signals import TEXTURE_SIDE, GreyImage
from app.domain.liveness import LIMITS, Neutral, movement

Picture = NDArray[np.float32]
"""`TEXTURE_SIDE` square."""


@dataclass(frozen=True, slots=True)
class KindLimits:
    """Frames count in which the movement has gone from `least` to `most`, in the unit of its kind.

    Beyond, the mesh fits less and everything looks new. `novelty` is the limit for this kind.
    """

    least: float
    most: float
    novelty: float


_TURN = KindLimits(0.8 * LIMITS[ChallengeKind.TURN_LEFT].required, 34.0, 1.5)


@dataclass(frozen=True, slots=True)
class TextureLimits:
    """Chosen on the development clips and on puppets of them (`bench/detectors.py`, docs/liveness.md).

    `mismatch` and `shading` are the units in which the two measures are added. `novelty` of an attempt is that of
    its weakest kind, the mean of its movements over the kind's limit, so 1 is the limit. Shading makes up
    `shading_most` of that at most: a program that darkens one side of a picture shows as much as it likes.
    """

    mismatch: float = 0.04
    shading: float = 0.02
    shading_most: float = 0.7
    novelty: float = 1.0
    usual_novelty: float = 1.6
    frames_min: int = 3
    frames_max: int = 12
    neutral_frames: int = 8
    neutral_degrees: float = 5.0
    neutral_share: float = 0.1
    face_px_min: float = 70.0


LIMITS_OF_TEXTURE = TextureLimits()

KINDS: Mapping[ChallengeKind, KindLimits] = {
    ChallengeKind.TURN_LEFT: _TURN,
    ChallengeKind.TURN_RIGHT: _TURN,
    ChallengeKind.LOOK_UP: KindLimits(0.8 * LIMITS[ChallengeKind.LOOK_UP].required, 36.0, 2.0),
    ChallengeKind.LOOK_DOWN: KindLimits(0.8 * LIMITS[ChallengeKind.LOOK_DOWN].required, 30.0, 3.0),
    ChallengeKind.SMILE: KindLimits(LIMITS[ChallengeKind.SMILE].required, 2.0, 1.0),
}
"""Lids and open mouths change too small a part, or show what any drawing can: they are not measured."""

PATCH_REACH, SEARCH = 5, 2
"""Patches are eleven pixels wide, and are looked for two pixels around their place."""

FEATURELESS = 2.0
"""Patches with a smaller standard deviation, in grey levels, match anything."""

PATCHES_MIN = 4
FAR_SIDE_FROM = 4
"""In a turn the far side is foreshortened: patches count up to so many pixels beyond the middle."""

TURNED_DEGREES = 8.0
DARK = 8.0
"""Added to grey levels before their logarithm is taken, so that black noise does not count."""


@dataclass(frozen=True, slots=True)
class Change:
    """How one face differs from its resting look.

    `match` is the median correlation of patches, None where there are too few; `shading` the median change of
    smooth skin, as a logarithm.
    """

    match: float | None
    shading: float


@dataclass(frozen=True, slots=True)
class _Moved:
    """One frame of a movement: how far it has gone, in the unit of its kind, and how far the head is turned."""

    amount: float
    turned_degrees: float
    texture: GreyImage


@dataclass(slots=True)
class _Movement:
    """The frames of one movement that have gone furthest."""

    kind: ChallengeKind
    frames: list[_Moved] = field(default_factory=list)

    def take(self, frame: _Moved, frames_max: int) -> None:
        self.frames.append(frame)
        if len(self.frames) > frames_max:
            self.frames.remove(min(self.frames, key=lambda one: one.amount))


class TextureDetector:
    """`FrameDetector` of TEXTURE: keeps small pictures, 4 kB each, and compares them at the end, 0.6 ms each."""

    def __init__(self, limits: TextureLimits = LIMITS_OF_TEXTURE) -> None:
        self._limits = limits
        self._resting: deque[tuple[FaceMeasurement, GreyImage]] = deque(maxlen=limits.neutral_frames)
        self._neutral: RestingLook | None = None
        self._at_rest: list[GreyImage] = []
        self._movements: dict[str, _Movement] = {}

    def observe(self, frame: WatchedFrame) -> None:
        """Take one frame."""
        face, texture = frame.observation.face, frame.signals.texture
        if face is None or texture is None or face.box.width < self._limits.face_px_min:
            return
        if frame.phase is CapturePhase.ALIGN:
            self._resting.append((face, texture))
            return
        if frame.challenge is None or frame.neutral is None:
            return
        if self._neutral is None:
            self._neutral = self._resting_look(frame.neutral)
        if self._neutral is None:
            return
        if self._is_at_rest(face, frame.neutral):
            if len(self._at_rest) < self._limits.frames_max:
                self._at_rest.append(texture)
        elif frame.challenge.kind in KINDS:
            found = self._movements.setdefault(frame.challenge.challenge_id, _Movement(frame.challenge.kind))
            self._take(found, face, texture, frame.neutral)

    def evidence(self) -> DetectorEvidence:
        """`score` is None where no movement was seen that could tell."""
        noise = self._match_at_rest()
        found = {
            challenge_id: novelty
            for challenge_id, one in self._movements.items()
            if (novelty := self._novelty(one, noise)) is not None
        }
        if not found:
            return DetectorEvidence(Detector.TEXTURE, None, "no_movement", {"movements": 0.0})
        by_kind = self._by_kind(found)
        novelty = min(by_kind.values())
        score = graded(novelty, limit=self._limits.novelty, typical=self._limits.usual_novelty)
        measured = {"novelty": round(novelty, 3), "match_at_rest": round(noise, 4), "movements": float(len(found))}
        measured |= {_novelty_of(kind): round(value, 3) for kind, value in by_kind.items()}
        reason = "skin_changes" if score >= LIMIT_SCORE else "one_picture"
        return DetectorEvidence(Detector.TEXTURE, score, reason, measured)

    def _by_kind(self, found: Mapping[str, float]) -> Mapping[ChallengeKind, float]:
        """The mean of each kind's movements.

        The weakest kind counts: a bent picture tears where it turns, which must not make up for the others.
        """
        kinds = {name: self._movements[name].kind for name in found}
        return {
            kind: float(np.mean([value for name, value in found.items() if kinds[name] is kind]))
            for kind in KINDS
            if kind in kinds.values()
        }

    def _match_at_rest(self) -> float:
        """How well frames at rest match the resting look: what noise and compression cost."""
        if self._neutral is None:
            return 1.0
        matches = [self._neutral.change(texture, 0.0).match for texture in self._at_rest]
        return float(np.median([match for match in matches if match is not None] or [1.0]))

    def _novelty(self, found: _Movement, noise: float) -> float | None:
        if self._neutral is None or len(found.frames) < self._limits.frames_min:
            return None
        changes = [self._neutral.change(one.texture, one.turned_degrees) for one in found.frames]
        matches = [change.match for change in changes if change.match is not None]
        if len(matches) < self._limits.frames_min:
            return None
        mismatch = 1.0 - float(np.median(matches)) / max(noise, 0.5)
        shading = float(np.median([change.shading for change in changes]))
        limits, of_kind = self._limits, KINDS[found.kind].novelty
        new_looks, new_light = mismatch / limits.mismatch / of_kind, shading / limits.shading / of_kind
        return new_looks + min(new_light, limits.shading_most)

    def _take(self, found: _Movement, face: FaceMeasurement, texture: GreyImage, neutral: Neutral) -> None:
        limits, amount = KINDS[found.kind], movement(found.kind, face, neutral)
        if limits.least <= amount <= limits.most:
            turned = face.pose.yaw_degrees - neutral.yaw_degrees
            found.take(_Moved(amount, turned, texture), self._limits.frames_max)

    def _is_at_rest(self, face: FaceMeasurement, neutral: Neutral) -> bool:
        degrees, share = self._limits.neutral_degrees, self._limits.neutral_share
        pose, expression = face.pose, face.expression
        return (
            abs(pose.yaw_degrees - neutral.yaw_degrees) < degrees
            and abs(pose.pitch_degrees - neutral.pitch_degrees) < degrees
            and abs(expression.smile - neutral.smile) < share
            and abs(expression.jaw_open - neutral.jaw_open) < share
            and abs(expression.eyes_closed - neutral.eyes_closed) < share
        )

    def _resting_look(self, neutral: Neutral) -> RestingLook | None:
        textures = [texture for face, texture in self._resting if self._is_at_rest(face, neutral)]
        return RestingLook(np.median(textures, axis=0).astype(np.float32)) if textures else None


def is_skin_unseen(evidence: Sequence[DetectorEvidence]) -> bool:
    """Whether nothing was seen to move that skin can be told by: a mask with holes blinks as faces do.

    It smiles, too, and what shows through the holes changes: a smile alone must change as much as is usual.
    """
    return any(_is_unseen(one) for one in evidence if one.detector is Detector.TEXTURE)


def _is_unseen(found: DetectorEvidence) -> bool:
    is_by_smile_alone = {name for name in found.measured if name in _NOVELTIES} == {
        _novelty_of(ChallengeKind.SMILE)
    }
    return found.score is None or (is_by_smile_alone and not found.score >= TYPICAL_SCORE)


def _novelty_of(kind: ChallengeKind) -> str:
    """Under which name the evidence has it."""
    return f"{kind.value}_novelty"


_NOVELTIES = frozenset(_novelty_of(kind) for kind in KINDS)


class RestingLook:
    """A face at rest, to compare others with."""

    def __init__(self, texture: Picture) -> None:
        self._smooth = _smooth(texture)
        templates = sliding_window_view(_detail(texture), (_PATCH, _PATCH))[_ROWS, _COLUMNS]
        centred = templates - templates.mean(axis=(1, 2), keepdims=True)
        spread = np.sqrt((centred**2).sum(axis=(1, 2)))
        self._has_features = spread / _PATCH >= FEATURELESS
        self._templates = centred / np.maximum(spread, 1e-6)[:, None, None]

    def change(self, texture: GreyImage, turned_degrees: float) -> Change:
        """How `texture` differs, where a head turned by so much shows it."""
        picture = texture.astype(np.float32)
        matches = self._matches(_detail(picture))[self._has_features & _visible(_CENTRES_X, turned_degrees)]
        skin = _SKIN & _visible(_PIXELS_X, turned_degrees)
        change = np.log((_smooth(picture)[skin] + DARK) / (self._smooth[skin] + DARK))
        return Change(
            match=float(np.median(matches)) if len(matches) >= PATCHES_MIN else None,
            shading=float(np.median(np.abs(change - np.median(change)))),
        )

    def _matches(self, detail: Picture) -> Picture:
        """The best correlation of each patch with its surroundings."""
        windows = sliding_window_view(detail, (_PATCH, _PATCH))[_WINDOW_ROWS, _WINDOW_COLUMNS]
        centred = windows - windows.mean(axis=(3, 4), keepdims=True)
        spread = np.sqrt(np.einsum("pijrc,pijrc->pij", centred, centred))
        products = np.einsum("pijrc,prc->pij", centred, self._templates)
        return np.asarray((products / np.maximum(spread, 1e-6)).max(axis=(1, 2)), dtype=np.float32)


def _visible(x: NDArray[np.int_], turned_degrees: float) -> NDArray[np.bool_]:
    """Places in the middle and on the side that a turned head shows; all of them of a frontal one."""
    middle = TEXTURE_SIDE // 2
    if turned_degrees > TURNED_DEGREES:
        return np.asarray(x <= middle + FAR_SIDE_FROM)
    if turned_degrees < -TURNED_DEGREES:
        return np.asarray(x >= middle - FAR_SIDE_FROM)
    return np.ones(x.shape, dtype=bool)


def _blur(sigma: float) -> Picture:
    """A Gaussian as a matrix: `blur @ picture @ blur.T`; weights at the edges are made to sum to one."""
    place = np.arange(TEXTURE_SIDE)
    weights = np.exp(-((place[:, None] - place[None]) ** 2) / (2 * sigma**2))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _smooth(texture: Picture) -> Picture:
    return np.asarray(_SHADE @ texture @ _SHADE.T, dtype=np.float32)


def _detail(texture: Picture) -> Picture:
    """Without the finest noise and without light."""
    return np.asarray(_FINE @ texture @ _FINE.T - _COARSE @ texture @ _COARSE.T, dtype=np.float32)


def _skin() -> NDArray[np.bool_]:
    """Forehead, ridge of the nose, cheeks and chin: the face without brows, eyes, nostrils and mouth."""
    rows, columns = np.mgrid[0:TEXTURE_SIDE, 0:TEXTURE_SIDE]
    across, down = np.abs(columns - 31.5), rows
    inside = (across / 24.0) ** 2 + ((rows - 31.5) / 25.5) ** 2 <= 1.0
    eyes = (across > 5) & (across < 27) & (down >= 9) & (down <= 25)
    nostrils = (across < 10) & (down >= 33) & (down <= 40)
    mouth = (across < 13) & (down >= 41) & (down <= 53)
    return np.asarray(inside & ~eyes & ~nostrils & ~mouth)


_FINE, _COARSE, _SHADE = _blur(1.0), _blur(4.5), _blur(2.0)
_SKIN = _skin()
_PIXELS_X = np.mgrid[0:TEXTURE_SIDE, 0:TEXTURE_SIDE][1]
_PATCH = 2 * PATCH_REACH + 1
_CENTRES = np.array(
    [
        (y, x)
        for y in range(12, 53, 8)
        for x in range(12, 53, 8)
        if ((x - 32) / 25.0) ** 2 + ((y - 32) / 26.0) ** 2 <= 1.0
    ]
)
_CENTRES_X = _CENTRES[:, 1]
_ROWS, _COLUMNS = (_CENTRES - PATCH_REACH).T
_OFFSETS = np.arange(-SEARCH, SEARCH + 1)
_WINDOW_ROWS = _ROWS[:, None, None] + _OFFSETS[None, :, None]
_WINDOW_COLUMNS = _COLUMNS[:, None, None] + _OFFSETS[None, None, :]
