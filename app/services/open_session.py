"""An integrator opens a session: everything it needs is checked now, not when the person sits there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.challenge import Ability
from app.domain.errors import (
    EntityPaused,
    InvalidRequest,
    KycNotApproved,
    ObjectNotFound,
    WorkflowNotConfigured,
)
from app.domain.language import choose_language
from app.domain.organization import Caller
from app.domain.pause import paused_until
from app.domain.session import BiometricSession, HostedSession, HostedState, SessionStatus
from app.domain.settings import OrganizationSettings
from app.domain.web_address import callback_problem, webhook_problem
from app.services.audit import record
from app.services.enrolment import read_portrait
from app.services.events import emit_session
from app.services.ports import BlobStore, Clock, Randomness
from app.services.quota import use_quota
from app.services.read_session import end_if_overdue
from app.services.store import Store, UnitOfWork

TEST_KEYS_ONLY = "Only test keys may say whether a session takes part."


@dataclass(frozen=True)
class SessionRequest:
    """What the integrator asks for. None: the organization's or the server's own."""

    entity_id: str
    webhook_url: str | None = None
    callback: str | None = None
    language: str | None = None
    workflow_id: str | None = None
    metadata: Mapping[str, object] | None = None
    avoid: frozenset[Ability] = frozenset()
    has_more_time: bool = False
    challenges: int | None = None
    replay_ledger: bool | None = None
    expires_in: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class OpenSession:
    """The order of refusals is the contract's.

    `InvalidRequest` or `WorkflowNotConfigured`, `ObjectNotFound`, `KycNotApproved`, `NoReferencePortrait`,
    `EntityPaused`, `ActiveSessionExists`; `QuotaExceeded` where others took what was left meanwhile.
    """

    store: Store
    blobs: BlobStore
    clock: Clock
    randomness: Randomness
    session_lifetime: timedelta
    abandon_after: timedelta
    is_development: bool

    def __call__(self, caller: Caller, request: SessionRequest) -> BiometricSession:
        settings = caller.organization.settings
        if request.replay_ledger is not None and not caller.is_test:
            raise InvalidRequest("Live sessions always take part in it.", {"replayLedger": TEST_KEYS_ONLY})
        self._check_addresses(settings, request)
        workflow_id = _workflow(settings, request.workflow_id)
        self._check_reference(caller, request.entity_id)
        session, hosted = self._new(caller, request, workflow_id)
        with self.store.begin() as uow:
            self._end_overdue(uow, session)
            self._check_pause(uow, settings, session)
            uow.sessions.add(session, hosted)
            record(
                uow,
                self.randomness,
                session.created_at,
                organization_id=session.organization_id,
                actor=caller.actor,
                action="biometric_session.created",
                object_id=session.session_id,
            )
            emit_session(uow, self.randomness, session, session.created_at)
            use_quota(uow, caller, session.created_at)
            uow.commit()
        return session

    def _check_addresses(self, settings: OrganizationSettings, request: SessionRequest) -> None:
        problems: dict[str, str] = {}
        if request.callback is not None:
            problem = callback_problem(request.callback, settings.allowed_callback_urls)
            problems |= {"callback": problem} if problem else {}
        if request.webhook_url is not None:
            problem = webhook_problem(request.webhook_url, allows_http_to_loopback=self.is_development)
            problems |= {"webhookUrl": problem} if problem else {}
        if problems:
            raise InvalidRequest("A web address cannot be accepted.", problems)

    def _check_reference(self, caller: Caller, entity_id: str) -> None:
        """The entity, its approved validation, and that the reference portrait can really be read."""
        organization_id = caller.organization.organization_id
        with self.store.read() as uow:
            if uow.entities.get(organization_id, caller.is_test, entity_id) is None:
                raise ObjectNotFound("No such entity.")
            validation = uow.validations.latest_approved(organization_id, caller.is_test, entity_id)
        if validation is None:
            raise KycNotApproved("The entity has no approved KYC validation.")
        read_portrait(self.blobs, validation)

    def _new(
        self, caller: Caller, request: SessionRequest, workflow_id: str
    ) -> tuple[BiometricSession, HostedSession]:
        now = self.clock.now()
        organization = caller.organization
        session = BiometricSession(
            session_id=self.randomness.object_id(),
            organization_id=organization.organization_id,
            entity_id=request.entity_id,
            hosted_session_id=self.randomness.object_id(),
            is_test=caller.is_test,
            status=SessionStatus.PENDING,
            workflow_id=workflow_id,
            language=_language(request.language, organization.settings.default_language),
            created_at=now,
            updated_at=now,
            expires_at=now + (request.expires_in or self.session_lifetime),
            callback=request.callback,
            webhook_url=request.webhook_url,
            metadata=request.metadata,
            avoid=request.avoid,
            has_more_time=request.has_more_time,
            challenges_at_least=request.challenges,
            has_replay_ledger=request.replay_ledger or False,
        )
        hosted = HostedSession(
            session.hosted_session_id, session.session_id, session.organization_id, HostedState.CREATED, now
        )
        return session, hosted

    def _check_pause(self, uow: UnitOfWork, settings: OrganizationSettings, session: BiometricSession) -> None:
        pause = timedelta(hours=settings.pause_hours)
        failures = uow.sessions.failures_since(session.entity_id, session.created_at - pause)
        until = paused_until(failures, settings.pause_after_failures, settings.max_attempts, pause)
        if until is not None:
            raise EntityPaused(_seconds_until(until, session.created_at))

    def _end_overdue(self, uow: UnitOfWork, session: BiometricSession) -> None:
        """A session whose time is over does not stand in the way, even when nobody read it since."""
        latest = uow.sessions.latest_created(session.organization_id, session.is_test, session.entity_id)
        if latest is not None and not latest.status.is_terminal:
            end_if_overdue(uow, self.randomness, latest, session.created_at, self.abandon_after)


def _workflow(settings: OrganizationSettings, wished: str | None) -> str:
    """The one wished for, else the organization's own. `WorkflowNotConfigured` where there is no such one."""
    workflow_id = wished if wished is not None else settings.biometric_workflow_id
    if workflow_id is None or settings.workflow(workflow_id) is None:
        raise WorkflowNotConfigured("The biometric workflow is not configured for this organization.")
    return workflow_id


def _language(wished: str | None, default: str) -> str | None:
    """An unknown wish falls back to the organization's own; without a wish the page asks the browser."""
    return choose_language(wished, default) if wished else None


def _seconds_until(end: datetime, now: datetime) -> int:
    return max(1, math.ceil((end - now).total_seconds()))
