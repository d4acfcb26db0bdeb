"""What the use cases need of the store: one transaction, and a repository for each kind of object."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from app.domain.check import CheckStatus, FaceMatch
from app.domain.comparison import TemplateFormat
from app.domain.idempotency import IdempotencyPlace, IdempotencyRecord
from app.domain.organization import (
    ApiKey,
    AuditEntry,
    Capture,
    Entity,
    KycValidation,
    Organization,
    StoredTemplate,
    ValidationStatus,
)
from app.domain.pause import Failure
from app.domain.replay import StoredFingerprints
from app.domain.session import BiometricSession, HostedSession, SessionStatus
from app.domain.settings import SettingsVersion
from app.services.handoff_store import Handoffs
from app.services.outbox_store import Deliveries, Events, WebhookEndpoints


class Organizations(Protocol):
    def get(self, organization_id: str) -> Organization | None: ...
    def by_slug(self, slug: str) -> Organization | None: ...
    def all(self) -> Sequence[Organization]:
        """By slug."""

    def add(self, organization: Organization) -> None:
        """`InvalidState` where the slug is taken."""


class SettingsVersions(Protocol):
    """Every version of every organization's settings; the one in force is the organization's own as well."""

    def add(self, version: SettingsVersion) -> None:
        """From now on in force."""

    def current(self, organization_id: str) -> SettingsVersion:
        """In a transaction that writes nobody else changes it until the commit."""

    def get(self, organization_id: str, policy_version: int) -> SettingsVersion | None: ...
    def last_with_workflow(self, organization_id: str, workflow_id: str) -> SettingsVersion | None:
        """The latest version that knows the workflow."""


class ApiKeys(Protocol):
    def add(self, key: ApiKey) -> None: ...
    def by_sha256(self, sha256: str) -> ApiKey | None: ...
    def get(self, organization_id: str, key_id: str) -> ApiKey | None: ...
    def of_organization(self, organization_id: str) -> Sequence[ApiKey]: ...
    def page(self, organization_id: str, is_test: bool, limit: int, offset: int) -> tuple[Sequence[ApiKey], int]:
        """Newest first, and how many there are in all."""

    def revoke(self, key_id: str, at: datetime) -> bool: ...
    def retire(self, key_id: str, rotated_to: str, ends_at: datetime, now: datetime) -> bool:
        """Note its successor and its end, where it is active at `now` and never was rotated: True for one only."""


class Entities(Protocol):
    def add(self, entity: Entity) -> None:
        """`DuplicateEntity` where `external_id` or `tax_id` is taken in the organization and mode."""

    def get(self, organization_id: str, is_test: bool, entity_id: str) -> Entity | None: ...
    def by_external_id(self, organization_id: str, is_test: bool, external_id: str) -> Entity | None: ...
    def page(self, organization_id: str, is_test: bool, limit: int, offset: int) -> tuple[Sequence[Entity], int]:
        """Newest first, and how many there are in all."""


class KycValidations(Protocol):
    def add(self, validation: KycValidation) -> None: ...
    def get(self, organization_id: str, is_test: bool, validation_id: str) -> KycValidation | None:
        """In a transaction that writes nobody else changes it until the commit."""

    def latest_approved(self, organization_id: str, is_test: bool, entity_id: str) -> KycValidation | None:
        """Latest by `approved_at` among those whose status is approved now."""

    def approved_of(self, organization_id: str, is_test: bool, entity_id: str) -> Sequence[KycValidation]:
        """All whose status is approved now, the latest approval first."""

    def latest_created(self, organization_id: str, is_test: bool, entity_id: str) -> KycValidation | None: ...
    def of_entity(
        self, organization_id: str, is_test: bool, entity_id: str, limit: int, offset: int
    ) -> tuple[Sequence[KycValidation], int]:
        """A page, newest first, and how many there are in all."""

    def judged_of(self, organization_id: str, is_test: bool, entity_ids: Sequence[str]) -> Sequence[KycValidation]:
        """All of these entities that are approved or rejected now."""

    def swap(self, before: ValidationStatus, after: KycValidation) -> bool:
        """Write `after` only where the stored status still is `before`: True for the one that wins."""


@dataclass(frozen=True)
class SessionFilter:
    """Which sessions are listed; None: all.

    `status` is what a session is at `now`, whether or not somebody has written that down: one that never began
    has expired at its `expires_at`, one that was last active at or before `silent_since` is abandoned.
    """

    organization_id: str
    is_test: bool
    now: datetime
    silent_since: datetime
    entity_id: str | None = None
    status: SessionStatus | None = None


class BiometricSessions(Protocol):
    def add(self, session: BiometricSession, hosted: HostedSession) -> None:
        """Insert both. `ActiveSessionExists` where the entity has an active one (partial unique index)."""

    def get(self, organization_id: str, is_test: bool, session_id: str) -> BiometricSession | None: ...
    def by_hosted_id(self, hosted_session_id: str) -> tuple[BiometricSession, HostedSession] | None: ...
    def hosted_of(self, session_id: str) -> HostedSession: ...
    def hosted_of_all(self, session_ids: Sequence[str]) -> Mapping[str, HostedSession]:
        """Hosted sessions by the id of their biometric session."""

    def page(self, wanted: SessionFilter, limit: int, offset: int) -> tuple[Sequence[BiometricSession], int]:
        """A page as it is stored, newest first, and how many there are in all."""

    def latest_created(self, organization_id: str, is_test: bool, entity_id: str) -> BiometricSession | None: ...
    def latest_approved(self, organization_id: str, is_test: bool, entity_id: str) -> BiometricSession | None:
        """Latest by `completed_at`."""

    def failures_since(self, entity_id: str, since: datetime) -> Sequence[Failure]:
        """The entity's sessions that ended since then rejected, or left or cancelled once an attempt had begun.

        The oldest come first.
        """

    def waiting_captures(self, captured_before: datetime, limit: int) -> Sequence[str]:
        """Hosted sessions whose capture is in and undecided, the longest waiting first."""

    def overdue(self, now: datetime, silent_since: datetime, limit: int) -> Sequence[BiometricSession]:
        """What `overdue_status` of the domain ends, of all organizations, as it is stored; the longest due first.

        So many that expired at most, and as many that are abandoned.
        """

    def ended_of(self, hosted_session_ids: Collection[str]) -> Sequence[str]:
        """Those of these hosted sessions whose session has come to its end."""

    def swap(self, before: SessionStatus, after: BiometricSession) -> bool:
        """Write `after` only where the stored status still is `before`: True for the one that wins.

        `attempts` is not written here: the hosted session counts them.
        """

    def touch(self, session_id: str, at: datetime) -> None:
        """Note activity of a session in progress."""

    def save_hosted(self, hosted: HostedSession) -> None:
        """Write it, and its `attempts_used` as the biometric session's `attempts`."""


@dataclass(frozen=True)
class Searchable:
    """An approved enrolment and since when it has a template of the format asked for; None: it has none."""

    validation_id: str
    entity_id: str
    described_at: datetime | None


@dataclass(frozen=True)
class TemplateCount:
    """How approved validations are described.

    `lacking` are those without a template of the format asked for, `lacking_without_portrait` those of them
    that have no portrait to make it from.
    """

    approved: int
    by_format: Mapping[TemplateFormat, int]
    lacking: int
    lacking_without_portrait: int


class Templates(Protocol):
    """Sealed templates of enrolments: one for each template format that describes a portrait.

    Pages are in the order of `validation_id` and begin behind `after`; the first one behind "".
    """

    def put(self, template: StoredTemplate) -> None:
        """Add, or replace the one of the same validation and format."""

    def get(self, validation_id: str, template_format: TemplateFormat) -> StoredTemplate | None: ...

    def of_approved(
        self, organization_id: str, is_test: bool, template_format: TemplateFormat, after: str, limit: int
    ) -> Sequence[StoredTemplate]:
        """A page of those whose validation is approved now."""

    def searchable(
        self, organization_id: str, is_test: bool, template_format: TemplateFormat
    ) -> Sequence[Searchable]:
        """All enrolments that are approved now, but those with neither template nor portrait."""

    def of(self, validation_ids: Sequence[str], template_format: TemplateFormat) -> Sequence[StoredTemplate]:
        """Those there are."""

    def lacking(self, template_format: TemplateFormat, after: str, limit: int) -> Sequence[KycValidation]:
        """A page of the approved validations with a portrait and no template of the format."""

    def removable_of(self, template_format: TemplateFormat) -> Sequence[str]:
        """Organizations of which `remove_other_formats` would delete something."""

    def remove_other_formats(self, organization_id: str, template_format: TemplateFormat) -> int:
        """Delete the templates of all other formats; how many there were.

        Those of an approved validation that lacks a template of this format stay: they are all that is left of
        the enrolment should the recognizer change back.
        """

    def count(self, template_format: TemplateFormat) -> TemplateCount:
        """Of all organizations together."""


class Captures(Protocol):
    def add(self, capture: Capture) -> None: ...
    def of_session(self, session_id: str) -> Sequence[Capture]: ...


class Replays(Protocol):
    """The replay ledger: one entry for each session whose capture is in."""

    def add(self, entry: StoredFingerprints) -> None: ...
    def to_compare(
        self, session: BiometricSession, since: datetime, entity_limit: int, limit: int
    ) -> Sequence[StoredFingerprints]:
        """Entries of other sessions since then: the latest of the entity, and of its organization and mode."""

    def remove_before(self, before: datetime, limit: int) -> int:
        """How many were removed."""


class FaceMatches(Protocol):
    def add(self, match: FaceMatch) -> None: ...
    def get(self, organization_id: str, is_test: bool, face_match_id: str) -> FaceMatch | None: ...
    def page(
        self,
        organization_id: str,
        is_test: bool,
        *,
        entity_id: str | None,
        status: CheckStatus | None,
        limit: int,
        offset: int,
    ) -> tuple[Sequence[FaceMatch], int]:
        """Newest first, and how many there are in all. None filters nothing."""


class IdempotencyRecords(Protocol):
    def take(self, record: IdempotencyRecord, now: datetime) -> bool:
        """Put the record where its key is free or what had it ended by now: True for one of those who race."""

    def get(self, place: IdempotencyPlace) -> IdempotencyRecord | None: ...
    def is_held(self, record: IdempotencyRecord) -> bool:
        """Whether its holder still has the key, unanswered. Nobody else takes it until the commit."""

    def answer(self, record: IdempotencyRecord) -> None:
        """Write the answer and its end."""

    def give_back(self, record: IdempotencyRecord) -> bool:
        """Remove it where its holder still has the key, unanswered."""

    def remove_ended(self, now: datetime, limit: int) -> int:
        """How many were removed."""


class Usage(Protocol):
    """What organizations used of their quota in a month (`2026-06`), live and test apart."""

    def used(self, organization_id: str, is_test: bool, month: str) -> int: ...
    def take(self, organization_id: str, is_test: bool, month: str, quota: int | None) -> bool:
        """Count one more where less than the quota is used (None: always), else False."""


class AuditTrail(Protocol):
    """Numbered within each organization, in the order of commits."""

    def add(self, entry: AuditEntry) -> None: ...
    def last_sequence(self, organization_id: str) -> int:
        """The number of the last entry. In a transaction that writes nobody else adds one until the commit."""

    def is_any_after(self, organization_id: str, sequence: int, object_type: str) -> bool:
        """Whether an entry behind this number tells of an object of the type."""


class UnitOfWork(Protocol):
    """One database transaction. Leaving the block without `commit()` rolls back.

    `StoreUnavailable` where the database is out of reach or cannot be written.
    """

    @property
    def organizations(self) -> Organizations: ...
    @property
    def settings(self) -> SettingsVersions: ...
    @property
    def api_keys(self) -> ApiKeys: ...
    @property
    def entities(self) -> Entities: ...
    @property
    def validations(self) -> KycValidations: ...
    @property
    def sessions(self) -> BiometricSessions: ...
    @property
    def handoffs(self) -> Handoffs: ...
    @property
    def captures(self) -> Captures: ...
    @property
    def replays(self) -> Replays: ...
    @property
    def templates(self) -> Templates: ...
    @property
    def face_matches(self) -> FaceMatches: ...
    @property
    def usage(self) -> Usage: ...
    @property
    def idempotency(self) -> IdempotencyRecords: ...
    @property
    def events(self) -> Events: ...
    @property
    def webhook_endpoints(self) -> WebhookEndpoints: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def audit(self) -> AuditTrail: ...

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def commit(self) -> None: ...


class HeldTransaction(Protocol):
    """What was written in a block of `Store.hold`, and waits to be committed."""

    @property
    def is_committed(self) -> bool: ...
    def commit(self, last: Callable[[UnitOfWork], None]) -> None:
        """Write the last of it and commit. Where nothing was written yet, in a transaction that begins now."""


class Store(Protocol):
    """Opens transactions."""

    def begin(self) -> UnitOfWork:
        """A transaction that writes. On SQLite writers queue: do slow work before it."""

    def read(self) -> UnitOfWork:
        """A transaction that only reads and has no `commit`; it waits for no writer."""

    def begin_apart(self) -> UnitOfWork:
        """As `begin`, but never held back: for what stays on record although the request comes to nothing."""

    def hold(self, opening: Callable[[UnitOfWork], None]) -> AbstractContextManager[HeldTransaction]:
        """While the block runs, a `begin` of this thread begins with `opening`, and its commit waits.

        What is not committed when the block ends is rolled back. One transaction can wait: a second `begin`
        is a RuntimeError, while `read` sees what waits. No other store is written meanwhile.
        """

    def is_ready(self) -> str | None:
        """None where the store can be read and written and is migrated, else the reason."""
