"""Compare and decide a session whose capture is in.

Can be repeated until the session ends; exactly one verdict is written.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from app.domain.comparison import ComparisonScore, FaceTemplate, Template, TemplateFormat
from app.domain.errors import (
    InvalidImage,
    MatchingFailed,
    MatchingUnavailable,
    NoReferencePortrait,
    RecordUnreadable,
)
from app.domain.organization import Capture, KycValidation, ValidationStatus
from app.domain.policy import (
    compare_with_threshold,
    concluded,
    decide,
    judge_liveness,
)
from app.domain.session import BiometricSession, HostedState, is_waiting
from app.domain.settings import SessionPolicy
from app.domain.verdict import (
    Decision,
    DecisionWarning,
    FaceMatchEvidence,
    LivenessEvidence,
    Verdict,
)
from app.services.cross_entity import ProbeOf
from app.services.end_session import apply_verdict
from app.services.enrolment import read_portrait, read_template
from app.services.live_capture import KeptFrame
from app.services.ports import BlobAddress, BlobStore, Clock, MatchingCore, Randomness, TemplateVault
from app.services.search_probe import NOBODY_SEARCHED, ProbeSearched, SearchProbe
from app.services.session_policy import policy_at
from app.services.store import Store, UnitOfWork

TEMPLATE_THREADS = 4
"""Templates of one capture that are asked for at the same time; the core bounds its own work."""


Described = FaceTemplate | MatchingFailed | None
"""What is known of a picture: its largest face, that it could not be described, or (None) that it shows none."""


class _EnrolmentWithdrawn(Exception):
    """A validation that the verdict rests on has been rejected meanwhile."""


@dataclass(frozen=True, kw_only=True)
class DecideCapture:
    """Compare and decide a session whose capture is in. Safe to repeat; exactly one verdict is written."""

    store: Store
    blobs: BlobStore
    vault: TemplateVault
    core: MatchingCore
    search: SearchProbe
    clock: Clock
    randomness: Randomness

    def __call__(self, hosted_session_id: str) -> BiometricSession | None:
        """The session after its verdict. None where nothing waits. `MatchingUnavailable`: try again later."""
        while True:
            with contextlib.suppress(_EnrolmentWithdrawn):
                return self._decide(hosted_session_id)

    def _decide(self, hosted_session_id: str) -> BiometricSession | None:
        """`_EnrolmentWithdrawn` where the verdict would rest on a validation that was rejected meanwhile."""
        with self.store.read() as uow:
            found = uow.sessions.by_hosted_id(hosted_session_id)
            if found is None:
                return None
            session, hosted = found
            if not is_waiting(session, hosted) or hosted.evidence is None:
                return session
            policy = policy_at(uow, session, hosted.evidence.policy_version)
            captures = uow.captures.of_session(session.session_id)
            validation = uow.validations.latest_approved(
                session.organization_id, session.is_test, session.entity_id
            )
        frames = [KeptFrame(item.kind, self._read_capture(item)) for item in captures if item.is_image]
        decision, probe = self._complete(hosted.evidence, policy, frames, validation)
        rests_on = () if validation is None else (validation.validation_id,)
        write = partial(self._write, hosted_session_id, decision, policy, rests_on)
        # One-to-many only where it may change something: nobody is looked for whom the rest rejects.
        if probe is None or decide(decision, policy).verdict is Verdict.REJECTED:
            return write(NOBODY_SEARCHED)
        whose = ProbeOf(session.organization_id, session.is_test, session.entity_id)
        return self.search.and_write(whose, probe, policy, write)

    def _read_capture(self, capture: Capture) -> bytes:
        """Empty where the image is gone or damaged: asking again would change nothing, and it shows no face."""
        address = BlobAddress(capture.organization_id, capture.entity_id, capture.capture_id, capture.kind)
        try:
            return self.blobs.get(capture.blob_id, address)
        except RecordUnreadable:
            return b""

    def _complete(
        self,
        evidence: Decision,
        policy: SessionPolicy,
        frames: Sequence[KeptFrame],
        validation: KycValidation | None,
    ) -> tuple[Decision, Template | None]:
        """Add continuity and face match to the evidence; with it the probe, if there is one.

        A core that fails and is not well is away: waiting helps. One that is well and fails would fail again.
        """
        with ThreadPoolExecutor(max_workers=TEMPLATE_THREADS) as threads:
            made = list(threads.map(lambda frame: self._describe(frame.jpeg), frames))
        described = dict(zip((frame.kind for frame in frames), made, strict=True))
        _check_one_format(item for item in made if isinstance(item, FaceTemplate))
        liveness = self._with_continuity(evidence.liveness, policy, described)
        face_match = self._face_match(policy, described, validation)
        health = self.core.health()
        has_failed = face_match.has_failed or (liveness is not None and liveness.has_continuity_failed)
        if has_failed and not health.is_ready:
            raise MatchingUnavailable(health.reason or "The matching core is not ready.")
        models = (*evidence.models, *health.models)
        probe = _probe_of(described)
        complete = replace(evidence, liveness=liveness, face_match=face_match, models=models)
        return complete, None if probe is None else probe.template

    def _describe(self, image: bytes) -> Described:
        """None where there is no face, or no image."""
        try:
            return self.core.create_template(image) if image else None
        except InvalidImage:
            return None
        except MatchingFailed as failure:
            return failure

    def _with_continuity(
        self,
        liveness: LivenessEvidence | None,
        policy: SessionPolicy,
        described: Mapping[str, Described],
    ) -> LivenessEvidence | None:
        """The weakest score between the probe and every other kept frame; a frame without a face breaks it."""
        if liveness is None:
            return None
        score, has_failed = None, False
        if described and None not in described.values():
            try:
                score = self._weakest(described)
            except MatchingFailed:
                has_failed = True
        return judge_liveness(
            challenges=liveness.challenges,
            attempt=liveness.attempts,
            asked=liveness.asked,
            passive=liveness.passive,
            continuity_score=score,
            profile=policy.liveness_profile,
            detectors=liveness.detectors,
            has_continuity_failed=has_failed,
        )

    def _weakest(self, described: Mapping[str, Described]) -> float | None:
        """`MatchingFailed` where not every frame could be described and compared. None without a probe."""
        faces = []
        for item in described.values():
            if isinstance(item, MatchingFailed):
                raise item
            faces += [item] if item else []
        probe = _probe_of(described)
        if probe is None:
            return None
        return min(found.value for found in self.core.compare(probe.template, [face.template for face in faces]))

    def _face_match(
        self,
        policy: SessionPolicy,
        described: Mapping[str, Described],
        validation: KycValidation | None,
    ) -> FaceMatchEvidence:
        probe = _probe_of(described)
        try:
            if probe is None:
                _check_described(described)
                return compare_with_threshold(None, policy, [DecisionWarning.NO_FACE_DETECTED.value])
            score = self._score(probe.template, validation)
        except MatchingFailed:
            return compare_with_threshold(None, policy, has_failed=True)
        if score is None:
            return compare_with_threshold(None, policy, [DecisionWarning.NO_REFERENCE_IMAGE.value])
        return compare_with_threshold(score.value, policy)

    def _score(self, probe: Template, validation: KycValidation | None) -> ComparisonScore | None:
        """The probe against the reference, None where there is none. `MatchingFailed`: it cannot be compared.

        The stored template where the present model made it and it can be used, else one of the portrait.
        """
        if validation is None:
            return None
        stored = read_template(self.store, self.vault, validation, probe.format)
        if stored is not None:
            with contextlib.suppress(MatchingFailed):
                return self.core.compare(probe, [stored])[0]
        try:
            portrait = self._describe(read_portrait(self.blobs, validation))
        except NoReferencePortrait:
            return None
        if portrait is None:
            return None
        if isinstance(portrait, MatchingFailed):
            raise portrait
        _check_one_format([portrait], probe.format)
        return self.core.compare(probe, [portrait.template])[0]

    def _write(
        self,
        hosted_session_id: str,
        decision: Decision,
        policy: SessionPolicy,
        rests_on: Sequence[str],
        searched: ProbeSearched,
    ) -> BiometricSession | None:
        """`rests_on` are the entity's own validations. `SearchOvertaken`: nothing was written."""
        decision = replace(decision, cross_entity=searched.cross_entity, blocklist=searched.blocklist)
        result = decide(decision, policy)
        decision = concluded(decision, result)
        with self.store.begin() as uow:
            found = uow.sessions.by_hosted_id(hosted_session_id)
            if found is None:
                return None
            session, hosted = found
            if not is_waiting(session, hosted):
                return session
            # In one order for all: whoever decides others at the same time locks the same rows.
            if not all(_still_counts(uow, session, one) for one in sorted((*rests_on, *searched.rests_on))):
                raise _EnrolmentWithdrawn
            after = apply_verdict(uow, self.randomness, session, decision, result, self.clock.now())
            if after is None:
                return uow.sessions.get(session.organization_id, session.is_test, session.session_id)
            uow.sessions.save_hosted(replace(hosted, state=HostedState.DECIDED, evidence=decision))
            searched.hold(uow, session.organization_id)
            uow.commit()
        return after


def _still_counts(uow: UnitOfWork, session: BiometricSession, validation_id: str) -> bool:
    """Whether the validation is approved now; until the commit nobody can reject it."""
    found = uow.validations.get(session.organization_id, session.is_test, validation_id)
    return found is not None and found.status is ValidationStatus.APPROVED


def _probe_of(described: Mapping[str, Described]) -> FaceTemplate | None:
    """The final still where it shows the eyes at least as large, else the best frame of the session.

    One of the two is chosen by quality, before any comparison: the better of two scores would raise the FMR.
    """
    in_session, still = (
        item if isinstance(item, FaceTemplate) else None
        for item in (described.get("selfie"), described.get("still"))
    )
    if in_session is None or still is None:
        return still or in_session
    return still if still.interocular_px >= in_session.interocular_px else in_session


def _check_described(described: Mapping[str, Described]) -> None:
    """`MatchingFailed` where it is not known whether one of the two stills shows a face."""
    for item in (described.get("selfie"), described.get("still")):
        if isinstance(item, MatchingFailed):
            raise item


def _check_one_format(faces: Iterable[FaceTemplate], wanted: TemplateFormat | None = None) -> None:
    """`MatchingUnavailable` where a core far away has changed its recognizer meanwhile: then once more, later."""
    for face in faces:
        wanted = wanted or face.template.format
        if face.template.format != wanted:
            raise MatchingUnavailable("The matching core is changing its recognizer.")
