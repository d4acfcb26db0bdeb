"""Evidence, and the decision it leads to. The API's words for these live in `app/api/answers_sessions.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.challenge import ChallengeKind
from app.domain.detector_evidence import DetectorEvidence
from app.domain.settings import STANDARD


class PresentationOutcome(StrEnum):
    """What was presented to the camera (ISO/IEC 30107-3). Undetermined is never a pass."""

    BONA_FIDE = "bona_fide"
    PRESENTATION_ATTACK = "presentation_attack"
    UNDETERMINED = "undetermined"


class ChallengeOutcome(StrEnum):
    """How one challenge ended."""

    PASSED = "passed"
    TIMED_OUT = "timed_out"
    WRONG_MOVEMENT = "wrong_movement"
    FACE_LOST = "face_lost"
    MULTIPLE_FACES = "multiple_faces"
    INTERRUPTED = "interrupted"
    SWAPPED = "swapped"
    """The person said they cannot do it; another was drawn."""

    RESUMED = "resumed"
    """An interruption voided it; the attempt went on in time, with another in its place and more to do."""


class DecisionWarning(StrEnum):
    """Warnings of a decision; the values are the contract's."""

    LOW_FACE_MATCH_SIMILARITY = "LOW_FACE_MATCH_SIMILARITY"
    NO_REFERENCE_IMAGE = "NO_REFERENCE_IMAGE"
    FACE_MATCH_NOT_COMPUTED = "FACE_MATCH_NOT_COMPUTED"
    NO_FACE_DETECTED = "NO_FACE_DETECTED"
    MULTIPLE_FACES_DETECTED = "MULTIPLE_FACES_DETECTED"
    LOW_LIVENESS_SCORE = "LOW_LIVENESS_SCORE"
    LIVENESS_FACE_ATTACK = "LIVENESS_FACE_ATTACK"
    LOW_FACE_QUALITY = "LOW_FACE_QUALITY"
    FRAME_INJECTION_SUSPECTED = "FRAME_INJECTION_SUSPECTED"
    VIRTUAL_CAMERA_SUSPECTED = "VIRTUAL_CAMERA_SUSPECTED"
    REPLAYED_FRAMES = "REPLAYED_FRAMES"
    FACE_CHANGED_DURING_CAPTURE = "FACE_CHANGED_DURING_CAPTURE"
    CONSENT_DECLINED = "CONSENT_DECLINED"
    CHALLENGE_FAILED = "CHALLENGE_FAILED"
    ATTEMPTS_EXHAUSTED = "ATTEMPTS_EXHAUSTED"
    DUPLICATED_FACE = "DUPLICATED_FACE"
    POSSIBLE_DUPLICATED_FACE = "POSSIBLE_DUPLICATED_FACE"
    FACE_IN_BLOCKLIST = "FACE_IN_BLOCKLIST"


class RejectionCode(StrEnum):
    """Why a session was rejected; the values are the contract's."""

    FACE_MATCH_SCORE_LOW = "FACE_MATCH_SCORE_LOW"
    CROSS_ENTITY = "CROSS_ENTITY"
    CAPTURE_DECLINED = "CAPTURE_DECLINED"
    FACE_IN_BLOCKLIST = "FACE_IN_BLOCKLIST"
    REVIEW_REJECTED = "REVIEW_REJECTED"


class ReviewReason(StrEnum):
    """What a person has to look at, where nothing that was measured rejects."""

    FEW_MOVEMENTS = "few_movements"
    LIGHT_UNANSWERED = "light_unanswered"
    CUTS_COULD_HIDE = "cuts_could_hide"
    SKIN_UNSEEN = "skin_unseen"
    CONTINUITY_NOT_MEASURED = "continuity_not_measured"
    FACE_NOT_COMPARED = "face_not_compared"
    SCORE_IN_REVIEW_BAND = "score_in_review_band"
    FACE_OF_ANOTHER_ENTITY = "face_of_another_entity"
    NOT_ALL_SEARCHED = "not_all_searched"


class Verdict(StrEnum):
    """What policy makes of the evidence."""

    APPROVED = "approved"
    REJECTED = "rejected"
    IN_REVIEW = "in_review"


@dataclass(frozen=True)
class ChallengeEvidence:
    """One challenge as it went. `measured` and `required` are in `unit`; times count from `asked_at`.

    `challenge_id` is that of its prompt in the trace; None in evidence that was kept before there was one.
    """

    attempt: int
    kind: ChallengeKind
    asked_at: datetime
    passed_at: datetime | None
    unit: str
    required: float
    measured: float | None
    onset_ms: int | None
    apex_ms: int | None
    return_ms: int | None
    time_limit_ms: int
    outcome: ChallengeOutcome
    challenge_id: str | None = None


@dataclass(frozen=True)
class PassivePadEvidence:
    """Passive presentation attack detection: fused score 0–100 (100 = bona fide), None where not measured."""

    score: float | None
    frames: int
    models: tuple[str, ...]


@dataclass(frozen=True)
class LivenessEvidence:
    """Everything the challenges and the passive detectors have shown.

    `attempts` numbers the attempt that counts, `asked` is how many challenges it had to pass,
    `score` 0–100 is the weakest of the parts, 0 unless the outcome is BONA_FIDE.
    `has_continuity_failed`: the matching core could not measure continuity, and the capture is not to blame.
    `detectors` watched the attempt that counts, `profile` says how they were fused.
    """

    outcome: PresentationOutcome
    score: float
    attempts: int
    asked: int
    challenges: tuple[ChallengeEvidence, ...]
    passive: PassivePadEvidence
    continuity_score: float | None = None
    warnings: tuple[str, ...] = ()
    has_continuity_failed: bool = False
    detectors: tuple[DetectorEvidence, ...] = ()
    profile: str = STANDARD


@dataclass(frozen=True)
class AttemptFailure:
    """How an attempt failed, and whether it counted. `reason` is the page's word for it.

    One that was interrupted may have been resumed: its challenge then has the outcome `resumed`. Challenges say
    what was asked; there are none where the face was not found, or the photo was no use.
    """

    attempt: int
    at: datetime
    reason: str
    is_counted: bool


@dataclass(frozen=True)
class FaceMatchEvidence:
    """Probe against reference. `score` is None where no comparison could be made.

    `has_failed`: the matching core could not do it, and neither probe nor reference is to blame.
    """

    score: float | None
    threshold: float
    is_match: bool
    warnings: tuple[str, ...] = ()
    has_failed: bool = False


@dataclass(frozen=True)
class FoundFace:
    """An entity that a search found: its best score with the probe. `is_own`: it is the probe's own entity."""

    entity_id: str
    score: float
    is_own: bool = False


@dataclass(frozen=True)
class SearchEvidence:
    """A search of a probe among enrolments, the highest score first.

    `found` has those that reached the `threshold`, a few at most, and always the best of the others: enough to
    judge the search again by any threshold, among the same people. Where the probe's own entity is searched too,
    it is there too.
    `searched` and `not_searched` count enrolments; the latter have no template that can be compared.
    """

    threshold: float
    found: tuple[FoundFace, ...]
    searched: int
    not_searched: int

    @property
    def matched_entity_ids(self) -> tuple[str, ...]:
        """Other entities whose face it is, by the threshold of then."""
        return tuple(one.entity_id for one in self.found if not one.is_own and not one.score < self.threshold)


@dataclass(frozen=True)
class DuplicateCheck:
    """What an import found of its portrait, and by which settings: among other entities, and on the block list.

    None where the settings had nobody searched.
    """

    policy_version: int
    search: SearchEvidence | None
    warnings: tuple[str, ...]
    blocklist: SearchEvidence | None = None


@dataclass(frozen=True)
class InjectionEvidence:
    """Signs that frames did not come from a camera. `risk` is `low`, `elevated` or `high`.

    Those that the browser reported never reject alone in the standard profile; what the server measured may.
    """

    risk: str
    signals: tuple[str, ...]


@dataclass(frozen=True)
class ModelIdentity:
    """A model that took part, or one that was missing (`sha256` None)."""

    name: str
    sha256: str | None


@dataclass(frozen=True)
class Decision:
    """The whole evidence of a session, from which policy can be recomputed.

    `cross_entity` and `blocklist` are None where nothing was searched. `verdict` is what policy made of it all,
    None where the session ended before; `review_reasons` why it left it to a person, else empty.
    """

    liveness: LivenessEvidence | None
    face_match: FaceMatchEvidence | None
    injection: InjectionEvidence
    models: tuple[ModelIdentity, ...]
    policy_version: int
    warnings: tuple[str, ...] = ()
    needs_review: bool = False
    cross_entity: SearchEvidence | None = None
    blocklist: SearchEvidence | None = None
    verdict: Verdict | None = None
    review_reasons: tuple[ReviewReason, ...] = ()
    failures: tuple[AttemptFailure, ...] = ()
