"""The final still is in: check it, and store what the verdict will rest on.

The capture is kept (encrypted) before the matching core is asked, so that a core that is away loses nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.domain.capture_events import AttemptFailed
from app.domain.capture_phase import CapturePhase
from app.domain.detector_evidence import DetectorEvidence
from app.domain.errors import InvalidImage
from app.domain.fusion import injection_evidence
from app.domain.organization import Capture
from app.domain.policy import (
    judge_liveness,
    weakest_passive,
)
from app.domain.quality import presence_hint
from app.domain.session import BiometricSession, HostedSession, HostedState, SessionStatus
from app.domain.settings import SessionPolicy
from app.domain.verdict import (
    Decision,
    DecisionWarning,
    ModelIdentity,
)
from app.services.attempts import AttemptLedger
from app.services.live_capture import KeptFrame, LiveCapture, LiveCaptures
from app.services.new_blobs import NewBlobs
from app.services.ports import BlobAddress, BlobStore, Clock, FaceAnalyzer, ImageReader, PassivePad, Randomness
from app.services.replay_ledger import ReplayLedger
from app.services.session_policy import policy_now
from app.services.store import Store, UnitOfWork
from app.services.traces import put_trace

STILLS_REFUSED_MAX = 3
"""After so many stills without a usable face the attempt ends (for quality, so it may be free)."""

QUALITY = "quality"
"""Why it then ends, in the words of the page."""


class CaptureNotExpected(Exception):
    """The ticket is of another attempt, or the session does not wait for a still."""


class StillUnusable(Exception):
    """The still does not show exactly one face; another may be sent unless the attempt is over with it.

    `problem` is `no_face` or `not_an_image`, `ended` is the session where that was its last attempt.
    """

    def __init__(self, problem: str, *, is_attempt_over: bool, ended: BiometricSession | None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.is_attempt_over = is_attempt_over
        self.ended = ended

    @property
    def reason(self) -> str | None:
        """Why the attempt is over, None where it is not."""
        return QUALITY if self.is_attempt_over else None


@dataclass(frozen=True)
class Kept:
    """A capture that is in: session, its hosted part with the evidence so far, and the frames."""

    session: BiometricSession
    hosted: HostedSession
    frames: Sequence[KeptFrame]


@dataclass(frozen=True, kw_only=True)
class KeepCapture:
    """Take the final still, check that it shows one face, and store what the verdict rests on."""

    store: Store
    blobs: BlobStore
    images: ImageReader
    analyzer: FaceAnalyzer
    pad: PassivePad
    capture_models: Sequence[ModelIdentity]
    ledger: AttemptLedger
    replays: ReplayLedger
    clock: Clock
    randomness: Randomness
    live: LiveCaptures

    def __call__(self, hosted_session_id: str, attempt: int, nonce: str, still: bytes) -> Kept:
        """`CaptureNotExpected`, `StillUnusable`, `StoreUnavailable`; else the kept capture."""
        with self.live.locked(hosted_session_id) as live:
            if live is None or live.run.phase is not CapturePhase.CAPTURE:
                raise CaptureNotExpected
            if attempt != live.attempts_used or nonce != live.run.nonce:
                raise CaptureNotExpected
            passive = self._check_still(live, still)
            kept = self._store_capture(live, still, passive)
            live.run.stop()
        self.live.drop(hosted_session_id)
        return kept

    def _check_still(self, live: LiveCapture, still: bytes) -> Mapping[str, float]:
        """Passive PAD's scores of the still, or `StillUnusable`."""
        try:
            image = self.images.read_image(still)
        except InvalidImage:
            raise self._refusal(live, "not_an_image") from None
        observation = self.analyzer.observe(image)
        if observation.face is None or presence_hint(observation, live.run.config.quality) is not None:
            raise self._refusal(live, "no_face")
        return self.pad.score(image, observation.face.box)

    def _refusal(self, live: LiveCapture, problem: str) -> StillUnusable:
        """Another still may be sent, a few times; then the attempt is over."""
        live.stills_refused += 1
        if live.stills_refused < STILLS_REFUSED_MAX:
            return StillUnusable(problem, is_attempt_over=False, ended=None)
        live.stills_refused = 0
        live.run.stop()
        ended = self.ledger.fail(live, AttemptFailed(QUALITY, is_free=True))
        if ended is not None:
            self.live.drop(live.hosted_session_id)
        return StillUnusable(problem, is_attempt_over=True, ended=ended)

    def _store_capture(self, live: LiveCapture, still: bytes, passive: Mapping[str, float]) -> Kept:
        """Blobs first (slow, outside any transaction), then everything else in one."""
        frames = [KeptFrame("selfie", live.evidence.best_still or still), KeptFrame("still", still)]
        frames += live.evidence.challenge_frames
        with self.store.read() as uow:
            session, hosted, _ = self._awaiting(uow, live.hosted_session_id)
        replay = self.replays.compare(session, live.evidence.fingerprints)
        entry = self.replays.entry(session, live.evidence.fingerprints)
        with NewBlobs(self.blobs) as blobs:
            captures = [self._store_frame(blobs, session, frame) for frame in frames]
            captures.append(
                put_trace(blobs, self.randomness, session, live.evidence.watch.trace, self.clock.now())
            )
            with self.store.begin() as uow:
                session, hosted, policy = self._awaiting(uow, live.hosted_session_id)
                for capture in captures:
                    uow.captures.add(capture)
                if entry is not None:
                    uow.replays.add(entry)
                hosted = replace(
                    hosted,
                    state=HostedState.CAPTURED,
                    captured_at=self.clock.now(),
                    attempts_used=live.attempts_used,
                    evidence=self._evidence(live, policy, passive, replay),
                )
                uow.sessions.save_hosted(hosted)
                uow.sessions.touch(session.session_id, self.clock.now())
                blobs.keep()
                uow.commit()
        return Kept(session, hosted, frames)

    def _awaiting(
        self, uow: UnitOfWork, hosted_session_id: str
    ) -> tuple[BiometricSession, HostedSession, SessionPolicy]:
        """The session that still waits for its capture; `CaptureNotExpected` for any other."""
        found = uow.sessions.by_hosted_id(hosted_session_id)
        if found is None or found[0].status is not SessionStatus.IN_PROGRESS:
            raise CaptureNotExpected
        session, hosted = found
        if hosted.state is not HostedState.CONSENTED:
            raise CaptureNotExpected
        return session, hosted, policy_now(uow, session)

    def _store_frame(self, blobs: NewBlobs, session: BiometricSession, frame: KeptFrame) -> Capture:
        capture_id = self.randomness.object_id()
        address = BlobAddress(session.organization_id, session.entity_id, capture_id, frame.kind)
        return Capture(
            capture_id=capture_id,
            organization_id=session.organization_id,
            entity_id=session.entity_id,
            session_id=session.session_id,
            kind=frame.kind,
            blob_id=blobs.put(address, frame.jpeg),
            content_type="image/jpeg",
            sha256=hashlib.sha256(frame.jpeg).hexdigest(),
            created_at=self.clock.now(),
        )

    def _evidence(
        self,
        live: LiveCapture,
        policy: SessionPolicy,
        still_passive: Mapping[str, float],
        replay: Sequence[DetectorEvidence],
    ) -> Decision:
        """The evidence so far; continuity and face match follow when the matching core has answered."""
        asked, seen = live.run.number_of_challenges, live.evidence
        identity = [scores for scores in (*seen.passive_challenges, seen.best_passive, still_passive) if scores]
        liveness = judge_liveness(
            challenges=live.run.evidence,
            attempt=live.attempts_used,
            asked=asked,
            passive=weakest_passive(seen.passive_frontal, identity, asked),
            continuity_score=None,
            profile=policy.liveness_profile,
            detectors=(*live.detectors(), *replay),
        )
        injection = injection_evidence(live.injection_signals, liveness.detectors)
        warnings = (DecisionWarning.VIRTUAL_CAMERA_SUSPECTED.value,) if live.injection_signals else ()
        return Decision(
            liveness=liveness,
            face_match=None,
            injection=injection,
            models=tuple(self.capture_models),
            policy_version=policy.policy_version,
            warnings=warnings,
            needs_review=live.run.config.needs_review,
            failures=live.failures,
        )
