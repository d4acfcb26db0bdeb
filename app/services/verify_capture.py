"""From the final still to the verdict: keep the capture, then compare, then let policy decide.

The capture is kept (encrypted) before the matching core is asked, so that a core that is away loses
nothing: the session waits with its capture in, and `DecideCapture` can be repeated until it ends.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from app.domain.capture import AttemptFailed, CapturePhase
from app.domain.comparison import FaceTemplate, Template, score_from_cosine
from app.domain.errors import InvalidImage, NoReferencePortrait, RecordUnreadable
from app.domain.organization import Capture, KycValidation, OrganizationSettings
from app.domain.policy import (
    PolicyResult,
    compare_with_threshold,
    decide,
    fuse_passive,
    judge_liveness,
)
from app.domain.quality import presence_hint
from app.domain.session import BiometricSession, HostedSession, HostedState, SessionStatus
from app.domain.verdict import (
    Decision,
    DecisionWarning,
    FaceMatchEvidence,
    LivenessEvidence,
    ModelIdentity,
    Verdict,
)
from app.services.attempts import AttemptLedger, injection_evidence
from app.services.audit import record
from app.services.end_session import end_session
from app.services.enrolment import TEMPLATE, address_of, read_portrait, unpack_template
from app.services.live_capture import KeptFrame, LiveCapture, LiveCaptures
from app.services.ports import (
    BlobAddress,
    BlobStore,
    Clock,
    FaceAnalyzer,
    ImageReader,
    MatchingCore,
    Randomness,
    Store,
    UnitOfWork,
)

TEMPLATE_THREADS = 4
"""Templates of one capture that are asked for at the same time; the core bounds its own work."""

STILLS_REFUSED_MAX = 3
"""After so many stills without a usable face the attempt ends (for quality, so it may be free)."""


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
    capture_models: Sequence[ModelIdentity]
    ledger: AttemptLedger
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
            self._check_still(live, still)
            kept = self._store_capture(live, still)
            live.run.stop()
        self.live.drop(hosted_session_id)
        return kept

    def _check_still(self, live: LiveCapture, still: bytes) -> None:
        problem = self._problem_with(live, still)
        if problem is None:
            return
        live.stills_refused += 1
        if live.stills_refused < STILLS_REFUSED_MAX:
            raise StillUnusable(problem, is_attempt_over=False, ended=None)
        live.stills_refused = 0
        live.run.stop()
        ended = self.ledger.fail(live, AttemptFailed("quality", is_free=True))
        if ended is not None:
            self.live.drop(live.hosted_session_id)
        raise StillUnusable(problem, is_attempt_over=True, ended=ended)

    def _problem_with(self, live: LiveCapture, still: bytes) -> str | None:
        try:
            observation = self.analyzer.observe(self.images.read_image(still))
        except InvalidImage:
            return "not_an_image"
        return None if presence_hint(observation, live.run.config.quality) is None else "no_face"

    def _store_capture(self, live: LiveCapture, still: bytes) -> Kept:
        """Blobs first (slow, outside any transaction), then everything else in one."""
        frames = [KeptFrame("selfie", live.evidence.best_still or still), KeptFrame("still", still)]
        frames += live.evidence.challenge_frames
        with self.store.read() as uow:
            session, hosted, _ = self._awaiting(uow, live.hosted_session_id)
        captures = [self._store_frame(session, frame) for frame in frames]
        with self.store.begin() as uow:
            session, hosted, settings = self._awaiting(uow, live.hosted_session_id)
            for capture in captures:
                uow.captures.add(capture)
            hosted = replace(
                hosted,
                state=HostedState.CAPTURED,
                captured_at=self.clock.now(),
                attempts_used=live.attempts_used,
                evidence=self._evidence(live, settings),
            )
            uow.sessions.save_hosted(hosted)
            uow.sessions.touch(session.session_id, self.clock.now())
            uow.commit()
        return Kept(session, hosted, frames)

    def _awaiting(
        self, uow: UnitOfWork, hosted_session_id: str
    ) -> tuple[BiometricSession, HostedSession, OrganizationSettings]:
        """The session that still waits for its capture; `CaptureNotExpected` for any other."""
        found = uow.sessions.by_hosted_id(hosted_session_id)
        if found is None or found[0].status is not SessionStatus.IN_PROGRESS:
            raise CaptureNotExpected
        session, hosted = found
        if hosted.state is not HostedState.CONSENTED:
            raise CaptureNotExpected
        organization = uow.organizations.get(session.organization_id)
        return session, hosted, organization.settings if organization else OrganizationSettings()

    def _store_frame(self, session: BiometricSession, frame: KeptFrame) -> Capture:
        capture_id = self.randomness.object_id()
        address = BlobAddress(session.organization_id, session.entity_id, capture_id, frame.kind)
        return Capture(
            capture_id=capture_id,
            organization_id=session.organization_id,
            entity_id=session.entity_id,
            session_id=session.session_id,
            kind=frame.kind,
            blob_id=self.blobs.put(address, frame.jpeg),
            content_type="image/jpeg",
            sha256=hashlib.sha256(frame.jpeg).hexdigest(),
            created_at=self.clock.now(),
        )

    def _evidence(self, live: LiveCapture, settings: OrganizationSettings) -> Decision:
        """The evidence so far; continuity and face match follow when the matching core has answered."""
        liveness = judge_liveness(
            challenges=live.run.evidence,
            attempt=live.attempts_used,
            asked=live.run.config.number_of_challenges,
            passive=fuse_passive(live.evidence.passive),
            continuity_cosine=None,
            profile=settings.liveness_profile,
        )
        injection = injection_evidence(live.injection_signals)
        warnings = (DecisionWarning.VIRTUAL_CAMERA_SUSPECTED.value,) if injection.signals else ()
        return Decision(
            liveness=liveness,
            face_match=None,
            injection=injection,
            models=tuple(self.capture_models),
            policy_version=settings.policy_version,
            warnings=warnings,
            needs_review=live.run.config.needs_review,
        )


@dataclass(frozen=True, kw_only=True)
class DecideCapture:
    """Compare and decide a session whose capture is in. Safe to repeat; exactly one verdict is written."""

    store: Store
    blobs: BlobStore
    core: MatchingCore
    clock: Clock
    randomness: Randomness

    def __call__(self, hosted_session_id: str) -> BiometricSession | None:
        """The session after its verdict. None where nothing waits. `MatchingUnavailable`: try again later."""
        with self.store.read() as uow:
            found = uow.sessions.by_hosted_id(hosted_session_id)
            if found is None:
                return None
            session, hosted = found
            if not _is_waiting(session, hosted) or hosted.evidence is None:
                return session
            organization = uow.organizations.get(session.organization_id)
            settings = organization.settings if organization else OrganizationSettings()
            captures = uow.captures.of_session(session.session_id)
            validation = uow.validations.latest_approved(
                session.organization_id, session.is_test, session.entity_id
            )
        frames = [KeptFrame(item.kind, self._read_capture(item)) for item in captures]
        decision = self._complete(hosted.evidence, settings, frames, validation)
        return self._write(hosted_session_id, decision, decide(decision, settings))

    def _read_capture(self, capture: Capture) -> bytes:
        """Empty where the image is gone or damaged: asking again would change nothing, and it shows no face."""
        address = BlobAddress(capture.organization_id, capture.entity_id, capture.capture_id, capture.kind)
        try:
            return self.blobs.get(capture.blob_id, address)
        except RecordUnreadable:
            return b""

    def _template(self, image: bytes) -> FaceTemplate | None:
        """None where there is no face, or no image."""
        try:
            return self.core.create_template(image) if image else None
        except InvalidImage:
            return None

    def _complete(
        self,
        evidence: Decision,
        settings: OrganizationSettings,
        frames: Sequence[KeptFrame],
        validation: KycValidation | None,
    ) -> Decision:
        """Add continuity and face match to the evidence."""
        with ThreadPoolExecutor(max_workers=TEMPLATE_THREADS) as threads:
            made = list(threads.map(lambda frame: self._template(frame.jpeg), frames))
        templates = {frame.kind: template for frame, template in zip(frames, made, strict=True)}
        probe = _better_probe(templates.get("selfie"), templates.get("still"))
        others = [item.template for item in templates.values() if item is not None]
        liveness = self._with_continuity(evidence.liveness, settings, probe, others, len(frames))
        return replace(
            evidence,
            liveness=liveness,
            face_match=self._face_match(settings, probe, validation),
            models=(*evidence.models, *self.core.health().models),
        )

    def _with_continuity(
        self,
        liveness: LivenessEvidence | None,
        settings: OrganizationSettings,
        probe: FaceTemplate | None,
        others: Sequence[Template],
        frames: int,
    ) -> LivenessEvidence | None:
        """The weakest cosine between the probe and every other kept frame; a frame without a face breaks it."""
        if liveness is None:
            return None
        cosine: float | None = None
        if probe is not None and len(others) == frames:
            cosine = min(self.core.compare(probe.template, others))
        return judge_liveness(
            challenges=liveness.challenges,
            attempt=liveness.attempts,
            asked=liveness.asked,
            passive=liveness.passive,
            continuity_cosine=cosine,
            profile=settings.liveness_profile,
        )

    def _face_match(
        self,
        settings: OrganizationSettings,
        probe: FaceTemplate | None,
        validation: KycValidation | None,
    ) -> FaceMatchEvidence:
        if probe is None:
            return compare_with_threshold(None, settings, [DecisionWarning.NO_FACE_DETECTED.value])
        reference = self._reference(validation, probe.template.model_id)
        if reference is None:
            return compare_with_threshold(None, settings, [DecisionWarning.NO_REFERENCE_IMAGE.value])
        cosine = self.core.compare(probe.template, [reference])[0]
        return compare_with_threshold(score_from_cosine(cosine).value, settings)

    def _reference(self, validation: KycValidation | None, model_id: str) -> Template | None:
        """The stored template where the present model made it, else one made from the portrait."""
        if validation is None:
            return None
        if validation.template_blob_id and validation.template_model_id == model_id:
            with contextlib.suppress(RecordUnreadable):
                packed = self.blobs.get(validation.template_blob_id, address_of(validation, TEMPLATE))
                return unpack_template(model_id, packed)
        try:
            portrait = read_portrait(self.blobs, validation)
        except NoReferencePortrait:
            return None
        found = self._template(portrait)
        return found.template if found else None

    def _write(self, hosted_session_id: str, decision: Decision, result: PolicyResult) -> BiometricSession | None:
        with self.store.begin() as uow:
            found = uow.sessions.by_hosted_id(hosted_session_id)
            if found is None:
                return None
            session, hosted = found
            if not _is_waiting(session, hosted):
                return session
            decision = replace(decision, warnings=result.warnings)
            after = self._apply(uow, session, decision, result)
            uow.sessions.save_hosted(replace(hosted, state=HostedState.DECIDED, evidence=decision))
            uow.commit()
        return after

    def _apply(
        self, uow: UnitOfWork, session: BiometricSession, decision: Decision, result: PolicyResult
    ) -> BiometricSession:
        now = self.clock.now()
        if result.verdict is Verdict.IN_REVIEW:
            after = replace(session, is_in_review=True, decision=decision, updated_at=now)
            if not uow.sessions.swap(SessionStatus.IN_PROGRESS, after):
                return self._winner(uow, session)
            record(
                uow,
                self.randomness,
                now,
                organization_id=session.organization_id,
                actor="policy",
                action="biometric_session.in_review",
                object_id=session.session_id,
            )
            return after
        status = SessionStatus.APPROVED if result.verdict is Verdict.APPROVED else SessionStatus.REJECTED
        ended = end_session(
            uow,
            self.randomness,
            session,
            status,
            now,
            actor="policy",
            decision=decision,
            rejection_code=result.rejection_code,
            rejection_message=result.message,
        )
        return ended or self._winner(uow, session)

    def _winner(self, uow: UnitOfWork, session: BiometricSession) -> BiometricSession:
        """The session as a faster transition left it."""
        return uow.sessions.get(session.organization_id, session.is_test, session.session_id) or session


def _is_waiting(session: BiometricSession, hosted: HostedSession) -> bool:
    """Whether the capture is in, nobody has decided it, and the session was not ended meanwhile."""
    return hosted.state is HostedState.CAPTURED and session.status is SessionStatus.IN_PROGRESS


def _better_probe(in_session: FaceTemplate | None, still: FaceTemplate | None) -> FaceTemplate | None:
    """The final still where it shows the eyes at least as large, else the best frame of the session.

    One of the two is chosen by quality, before any comparison: the better of two scores would raise the FMR.
    """
    if in_session is None or still is None:
        return still or in_session
    return still if still.interocular_px >= in_session.interocular_px else in_session
