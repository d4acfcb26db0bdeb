"""The capture subject accepts or declines; the accepted text's version, hash and language are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.domain.session import BiometricSession, HostedState, SessionStatus
from app.domain.verdict import (
    Decision,
    DecisionWarning,
    InjectionEvidence,
    RejectionCode,
)
from app.services.audit import record
from app.services.end_session import end_session
from app.services.live_capture import LiveCaptures
from app.services.ports import Clock, Randomness
from app.services.session_policy import policy_now
from app.services.store import Store, UnitOfWork


@dataclass(frozen=True)
class ConsentText:
    """Which text was shown. `source` says whose: the one that comes with Bonafide, or the organization's own.

    `is_draft`: a translation that nobody has reviewed as a legal text.
    """

    version: str
    sha256: str
    language: str
    source: str = "standard"
    is_draft: bool = False


@dataclass(frozen=True, kw_only=True)
class RecordConsent:
    """Consent before anything is recorded: without it no frame is accepted."""

    store: Store
    clock: Clock
    randomness: Randomness
    live: LiveCaptures

    def accept(self, hosted_session_id: str, text: ConsentText) -> bool:
        """Note the consent; False where the session no longer waits for it. Accepting twice is one consent."""
        now = self.clock.now()
        with self.store.begin() as uow:
            found = uow.sessions.by_hosted_id(hosted_session_id)
            if found is None or found[0].status is not SessionStatus.IN_PROGRESS:
                return False
            session, hosted = found
            if hosted.state is not HostedState.CREATED:
                return True
            uow.sessions.save_hosted(
                replace(
                    hosted,
                    state=HostedState.CONSENTED,
                    consent_version=text.version,
                    consent_hash=text.sha256,
                    consent_language=text.language,
                    consented_at=now,
                )
            )
            uow.sessions.touch(session.session_id, now)
            self._note(uow, session, "consent.accepted", text)
            uow.commit()
        return True

    def decline(self, hosted_session_id: str, text: ConsentText) -> BiometricSession | None:
        """REJECTED with `CAPTURE_DECLINED` and the warning `CONSENT_DECLINED`; None where nothing changed."""
        now = self.clock.now()
        with self.store.begin() as uow:
            found = uow.sessions.by_hosted_id(hosted_session_id)
            if found is None or found[0].status is not SessionStatus.IN_PROGRESS:
                return None
            session, hosted = found
            if hosted.state not in (HostedState.CREATED, HostedState.CONSENTED):
                return None
            ended = end_session(
                uow,
                self.randomness,
                session,
                SessionStatus.REJECTED,
                now,
                actor="capture_subject",
                rejection_code=RejectionCode.CAPTURE_DECLINED,
                rejection_message="The person declined the capture.",
                decision=Decision(
                    liveness=None,
                    face_match=None,
                    injection=InjectionEvidence(risk="not_measured", signals=()),
                    models=(),
                    policy_version=policy_now(uow, session).policy_version,
                    warnings=(DecisionWarning.CONSENT_DECLINED.value,),
                ),
            )
            if ended is None:
                return None
            self._note(uow, session, "consent.declined", text)
            uow.commit()
        self.live.drop(hosted_session_id)
        return ended

    def _note(self, uow: UnitOfWork, session: BiometricSession, action: str, text: ConsentText) -> None:
        record(
            uow,
            self.randomness,
            self.clock.now(),
            organization_id=session.organization_id,
            actor="capture_subject",
            action=action,
            object_id=session.session_id,
            detail={
                "version": text.version,
                "sha256": text.sha256,
                "language": text.language,
                "source": text.source,
                "draft": text.is_draft,
            },
        )
