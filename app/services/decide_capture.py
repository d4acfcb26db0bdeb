"""Compare and decide a session whose capture is in.

Can be repeated until the session ends; exactly one verdict is written.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from app.domain.comparison import FaceTemplate, Template, TemplateFormat
from app.domain.errors import InvalidImage, NoReferencePortrait, RecordUnreadable
from app.domain.organization import Capture, KycValidation, OrganizationSettings
from app.domain.policy import (
    PolicyResult,
    compare_with_threshold,
    decide,
    judge_liveness,
)
from app.domain.session import BiometricSession, HostedSession, HostedState, SessionStatus
from app.domain.verdict import (
    Decision,
    DecisionWarning,
    FaceMatchEvidence,
    LivenessEvidence,
    Verdict,
)
from app.services.audit import record
from app.services.end_session import end_session
from app.services.enrolment import TEMPLATE, address_of, read_portrait, unpack_template
from app.services.live_capture import KeptFrame
from app.services.ports import (
    BlobAddress,
    BlobStore,
    Clock,
    MatchingCore,
    Randomness,
    Store,
    UnitOfWork,
)

TEMPLATE_THREADS = 4
"""Templates of one capture that are asked for at the same time; the core bounds its own work."""


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
        """The weakest score between the probe and every other kept frame; a frame without a face breaks it."""
        if liveness is None:
            return None
        score: float | None = None
        if probe is not None and len(others) == frames:
            score = min(found.value for found in self.core.compare(probe.template, others))
        return judge_liveness(
            challenges=liveness.challenges,
            attempt=liveness.attempts,
            asked=liveness.asked,
            passive=liveness.passive,
            continuity_score=score,
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
        reference = self._reference(validation, probe.template.format)
        if reference is None:
            return compare_with_threshold(None, settings, [DecisionWarning.NO_REFERENCE_IMAGE.value])
        score = self.core.compare(probe.template, [reference])[0]
        return compare_with_threshold(score.value, settings)

    def _reference(self, validation: KycValidation | None, wanted: TemplateFormat) -> Template | None:
        """The stored template where the present model made it, else one made from the portrait."""
        if validation is None:
            return None
        if validation.template_blob_id and validation.template_model_id == str(wanted):
            with contextlib.suppress(RecordUnreadable):
                packed = self.blobs.get(validation.template_blob_id, address_of(validation, TEMPLATE))
                return unpack_template(wanted, packed)
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
