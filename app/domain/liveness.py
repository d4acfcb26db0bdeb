"""Judges of the eight movements: relative to the person's own neutral face, onset → apex → return.

A movement counts only if it begins after the prompt and from the neutral pose, reaches what its kind
requires, comes back, and no other movement is performed instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from app.domain.challenge import ChallengeKind
from app.domain.face import FaceMeasurement, Observation
from app.domain.quality import Hint, HintCode, QualityLimits, presence_hint
from app.domain.verdict import ChallengeOutcome


@dataclass(frozen=True)
class MovementLimits:
    """What a movement must reach, in the unit of its kind, relative to neutral.

    `onset` is where it has begun, `required` its apex, `home` where it counts as returned.
    `lasting_ms` is how long it must stay at `required` or beyond to count: as the movement asked, and as
    one performed *instead*. The two are one figure on purpose: a clip of quick movements of every kind,
    each too short to count against it, would otherwise pass whatever is asked.
    """

    unit: str
    onset: float
    required: float
    home: float
    lasting_ms: int


_TURN = MovementLimits(unit="degrees", onset=6.0, required=18.0, home=9.0, lasting_ms=250)
_LOOK = MovementLimits(unit="degrees", onset=5.0, required=12.0, home=7.0, lasting_ms=250)

LIMITS: dict[ChallengeKind, MovementLimits] = {
    ChallengeKind.TURN_LEFT: _TURN,
    ChallengeKind.TURN_RIGHT: _TURN,
    ChallengeKind.LOOK_UP: _LOOK,
    ChallengeKind.LOOK_DOWN: _LOOK,
    # A natural blink passes nothing and costs nobody anything: the page asks for a slow one.
    ChallengeKind.BLINK: MovementLimits("blendshape", 0.20, 0.35, 0.20, 450),
    ChallengeKind.SMILE: MovementLimits("blendshape", 0.15, 0.35, 0.22, 400),
    ChallengeKind.OPEN_MOUTH: MovementLimits("blendshape", 0.10, 0.25, 0.14, 500),
    ChallengeKind.MOVE_CLOSER: MovementLimits("ratio", 0.08, 0.20, 0.10, 400),
}
"""Chosen on the development clips (docs/liveness.md); blendshapes rest within 0.05 of neutral there.

Turns and nods that people make on purpose stay beyond `required` for 1.9–2.9 s there, smiles for 0.8–2.5 s,
open mouths for 0.9 s; what comes by itself, for 0.3 s at most, but a talking mouth for 0.45 s
(`grid_lrwp9a`). Natural blinks stay closed for 0.25 s as a rule and 0.4 s at most (glasses, `lp_d9`),
deliberate ones for 1.3–2.7 s.
"""

REST = 0.05
"""What the blendshapes of a resting face read at most as a rule."""

CEILINGS = {ChallengeKind.BLINK: 0.75, ChallengeKind.SMILE: 0.90, ChallengeKind.OPEN_MOUTH: 0.80}
"""What they reach when the eyes are shut (0.65–0.78 on the clips), the smile full (0.83–0.97), the mouth open
wide (0.61–0.87)."""

LEAST_WAY = 0.25
"""To the ceiling at least, whatever a face rests at; alignment accepts none with less."""

BELONG_TOGETHER = frozenset({(ChallengeKind.BLINK, ChallengeKind.LOOK_DOWN)})
"""(foreign, asked) pairs that no body keeps apart: the lids follow a lowered gaze.

They are excused as far as the body goes: lids that open again before the head has been down for its time
were a blink, else whoever blinks first has one of the two for nothing. The other way round nothing is
excused, else one lowered head with its lids would pass both: eyes that stay shut move the head by 8° at
most (`lp_d3`, `lp_d9`).
"""

REACTION_MS = 150
"""Faster than any person reacts to a prompt (simple visual reaction takes about 200 ms)."""

LONGEST_MOVEMENT_MS = 8_000
"""From onset to return; longer is a pose that is held, not a movement."""

FACE_LOST_MS = 1_500
SECOND_FACE_MS = 1_000


@dataclass(frozen=True)
class Neutral:
    """The person's own resting face, medians over the alignment."""

    yaw_degrees: float
    pitch_degrees: float
    eyes_closed: float
    smile: float
    jaw_open: float
    scale_px: float


def neutral_of(faces: Sequence[FaceMeasurement]) -> Neutral:
    """Medians over the frames of a completed alignment (at least one)."""
    return Neutral(
        yaw_degrees=median(face.pose.yaw_degrees for face in faces),
        pitch_degrees=median(face.pose.pitch_degrees for face in faces),
        eyes_closed=median(face.expression.eyes_closed for face in faces),
        smile=median(face.expression.smile for face in faces),
        jaw_open=median(face.expression.jaw_open for face in faces),
        scale_px=median(face.scale_px for face in faces),
    )


def movement(kind: ChallengeKind, face: FaceMeasurement, neutral: Neutral) -> float:
    """How far the face has moved from neutral in the sense of `kind`, in the unit of its limits."""
    return _movements(face, neutral)[kind]


def _movements(face: FaceMeasurement, neutral: Neutral) -> dict[ChallengeKind, float]:
    yaw = face.pose.yaw_degrees - neutral.yaw_degrees
    pitch = face.pose.pitch_degrees - neutral.pitch_degrees
    expression = face.expression
    return {
        ChallengeKind.TURN_LEFT: yaw,
        ChallengeKind.TURN_RIGHT: -yaw,
        ChallengeKind.LOOK_UP: pitch,
        ChallengeKind.LOOK_DOWN: -pitch,
        ChallengeKind.BLINK: _grown(ChallengeKind.BLINK, expression.eyes_closed, neutral.eyes_closed),
        ChallengeKind.SMILE: _grown(ChallengeKind.SMILE, expression.smile, neutral.smile),
        ChallengeKind.OPEN_MOUTH: _grown(ChallengeKind.OPEN_MOUTH, expression.jaw_open, neutral.jaw_open),
        ChallengeKind.MOVE_CLOSER: face.scale_px / neutral.scale_px - 1.0,
    }


def _grown(kind: ChallengeKind, score: float, resting: float) -> float:
    """Growth of a blendshape, as it would be in a face that rests at `REST`."""
    return (score - resting) / way_left(kind, resting)


def way_left(kind: ChallengeKind, resting: float) -> float:
    """How much of the way to its ceiling a blendshape that rests here has left, of what it has from `REST`: 0–1.

    Narrow eyes rest nearer to shut, a friendly face nearer to a smile: 0.35 above 0.40 is more than any eye
    reaches.
    """
    ceiling = CEILINGS[kind]
    return max(ceiling - max(resting, REST), LEAST_WAY) / (ceiling - REST)


class Phase(StrEnum):
    """Where a movement stands."""

    SETTLING = "settling"
    """Waiting for the neutral pose: what began before the prompt does not count."""
    READY = "ready"
    MOVING = "moving"
    RETURNING = "returning"
    OVER = "over"


@dataclass(frozen=True)
class Judgement:
    """After one frame: progress 0–100 of the movement, the hint, and the outcome once there is one."""

    percent: int
    hint: Hint | None
    outcome: ChallengeOutcome | None


class ChallengeJudge:
    """Judges one challenge frame by frame. Times are milliseconds since the challenge was asked."""

    def __init__(self, kind: ChallengeKind, neutral: Neutral, time_limit_ms: int, quality: QualityLimits) -> None:
        self.kind = kind
        self.limits = LIMITS[kind]
        self.phase = Phase.SETTLING
        self.peak: float | None = None
        self.onset_ms: int | None = None
        self.apex_ms: int | None = None
        self.return_ms: int | None = None
        self._neutral = neutral
        self._time_limit_ms = time_limit_ms
        self._quality = quality
        self._face_seen_ms = 0
        self._second_face_since_ms: int | None = None
        self._far_since_ms: int | None = None
        self._foreign_since_ms: dict[ChallengeKind, int] = {}
        self._seen_home: set[ChallengeKind] = set()
        self._excused: set[ChallengeKind] = set()

    def observe(self, observation: Observation, at_ms: int) -> Judgement:
        """Judge one frame; frames come in order."""
        if at_ms >= self._time_limit_ms:
            return self._over(ChallengeOutcome.TIMED_OUT)
        absent = presence_hint(observation, self._quality)
        if absent is not None or observation.face is None:
            return self._without_one_face(absent, at_ms)
        self._face_seen_ms, self._second_face_since_ms = at_ms, None
        if self._foreign_movement(observation.face, at_ms):
            return self._over(ChallengeOutcome.WRONG_MOVEMENT)
        return self._advance(movement(self.kind, observation.face, self._neutral), observation.face, at_ms)

    def _without_one_face(self, hint: Hint | None, at_ms: int) -> Judgement:
        if hint is not None and hint.code is HintCode.MULTIPLE_FACES:
            self._face_seen_ms = at_ms
            if self._second_face_since_ms is None:
                self._second_face_since_ms = at_ms
            if at_ms - self._second_face_since_ms >= SECOND_FACE_MS:
                return self._over(ChallengeOutcome.MULTIPLE_FACES)
        elif at_ms - self._face_seen_ms >= FACE_LOST_MS:
            return self._over(ChallengeOutcome.FACE_LOST)
        return Judgement(self._percent(0.0), hint, None)

    def _foreign_movement(self, face: FaceMeasurement, at_ms: int) -> bool:
        """Whether another movement was performed instead: far enough, long enough, and more than the own one.

        The own one counts as it stands, and with its apex only once that has lasted: a single frame of it
        does not excuse what follows. What was there before the prompt is a posture: a head that has drifted
        nearer since alignment performs nothing until it goes back and comes again.
        """
        apex = self.peak if self.peak is not None and self.phase is Phase.RETURNING else 0.0
        moved = _movements(face, self._neutral)
        own = max(apex, moved[self.kind]) / self.limits.required
        others = [kind for kind in LIMITS if kind is not self.kind]
        return any(self._is_instead(kind, moved[kind], own, at_ms) for kind in others)

    def _is_instead(self, kind: ChallengeKind, value: float, own: float, at_ms: int) -> bool:
        limits = LIMITS[kind]
        if value <= limits.home:
            self._seen_home.add(kind)
            was_excused = kind in self._excused
            self._excused.discard(kind)
            if was_excused and self.phase is not Phase.RETURNING:
                return True
        share = value / limits.required
        is_greater = share > own or (self.kind, kind) in BELONG_TOGETHER or (kind, self.kind) in BELONG_TOGETHER
        if share < 1.0 or not is_greater or kind not in self._seen_home:
            self._foreign_since_ms.pop(kind, None)
            return False
        if at_ms - self._foreign_since_ms.setdefault(kind, at_ms) < limits.lasting_ms:
            return False
        if (kind, self.kind) in BELONG_TOGETHER:
            self._excused.add(kind)
            return False
        return True

    def _advance(self, value: float, face: FaceMeasurement, at_ms: int) -> Judgement:
        if self.phase is Phase.SETTLING and value < self.limits.onset:
            self.phase = Phase.READY
        elif self.phase is Phase.READY and value >= self.limits.onset:
            self._begin(at_ms)
        if self.phase in (Phase.MOVING, Phase.RETURNING):
            self._follow(value, at_ms)
        if self.phase is Phase.OVER:
            return Judgement(100, None, ChallengeOutcome.PASSED)
        return Judgement(self._percent(value), self._hint(value, face), None)

    def _begin(self, at_ms: int) -> None:
        if at_ms < REACTION_MS:
            self.phase = Phase.SETTLING
            return
        self.phase, self.onset_ms, self.peak, self._far_since_ms = Phase.MOVING, at_ms, None, None

    def _follow(self, value: float, at_ms: int) -> None:
        if self.peak is None or value > self.peak:
            self.peak = value
            self.apex_ms = at_ms if value >= self.limits.required else None
        if self.phase is Phase.MOVING and self._has_lasted(value, at_ms):
            self.phase = Phase.RETURNING
        held_ms = at_ms - (self.onset_ms or 0)
        if held_ms > LONGEST_MOVEMENT_MS:
            self.phase, self.apex_ms, self.peak = Phase.SETTLING, None, None
        elif self.phase is Phase.RETURNING and value <= self.limits.home:
            self.phase, self.return_ms = Phase.OVER, at_ms
        elif self.phase is Phase.MOVING and value < self.limits.onset:
            self.phase = Phase.READY

    def _has_lasted(self, value: float, at_ms: int) -> bool:
        """Whether the movement has stayed far enough for as long as it must."""
        if value < self.limits.required:
            self._far_since_ms = None
            return False
        if self._far_since_ms is None:
            self._far_since_ms = at_ms
        return at_ms - self._far_since_ms >= self.limits.lasting_ms

    def _over(self, outcome: ChallengeOutcome) -> Judgement:
        self.phase = Phase.OVER
        return Judgement(self._percent(0.0), None, outcome)

    def _percent(self, value: float) -> int:
        """Outward movement fills to 90; the rest comes with the return."""
        if self.phase is Phase.RETURNING:
            return 90
        return int(90 * min(max(value / self.limits.required, 0.0), 1.0))

    def _hint(self, value: float, face: FaceMeasurement) -> Hint | None:
        if self.phase is Phase.RETURNING or (self.phase is Phase.SETTLING and value >= self.limits.onset):
            return Hint(_RETURN_HINTS.get(self.kind, HintCode.RETURN_TO_CENTRE))
        if self.phase is Phase.MOVING:
            return Hint(HintCode.KEEP_GOING)
        opposite = _OPPOSITE.get(self.kind)
        if opposite and movement(opposite, face, self._neutral) >= LIMITS[opposite].onset:
            return Hint(HintCode.WRONG_WAY, self.kind.direction)
        return None


_RETURN_HINTS = {
    ChallengeKind.BLINK: HintCode.OPEN_EYES,
    ChallengeKind.SMILE: HintCode.RELAX_FACE,
    ChallengeKind.OPEN_MOUTH: HintCode.RELAX_FACE,
    ChallengeKind.MOVE_CLOSER: HintCode.MOVE_BACK,
}
_OPPOSITE = {
    ChallengeKind.TURN_LEFT: ChallengeKind.TURN_RIGHT,
    ChallengeKind.TURN_RIGHT: ChallengeKind.TURN_LEFT,
    ChallengeKind.LOOK_UP: ChallengeKind.LOOK_DOWN,
    ChallengeKind.LOOK_DOWN: ChallengeKind.LOOK_UP,
}
