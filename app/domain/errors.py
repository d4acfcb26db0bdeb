"""Exceptions that state a reason. Each is translated to HTTP in `app/web/errors.py` and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping


class BonafideError(Exception):
    """Base of every reason the domain or a service gives for refusing."""


class InvalidRequest(BonafideError):
    """The caller sent something wrong; `fields` names what (wire name → what is wrong with it)."""

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


class InvalidImage(BonafideError):
    """An image is broken, truncated, too large or of a format that is not accepted."""


class Unauthorized(BonafideError):
    """No API key, an unknown, revoked or expired one."""


class Forbidden(BonafideError):
    """The key lacks the scope, or another organization was named."""


class IntegrationDisabled(BonafideError):
    """The organization has this integration switched off."""


class NotConfigured(BonafideError):
    """The organization has no KYC webhook secret, which synchronous checks ask for."""


class ObjectNotFound(BonafideError):
    """No such object in this organization; says nothing about others."""


class DuplicateEntity(BonafideError):
    """`externalId` or `taxId` is taken in this organization."""


class KycNotApproved(BonafideError):
    """The entity has no approved validation."""


class NoReferencePortrait(BonafideError):
    """The approved validation has no usable reference portrait."""


class WorkflowNotConfigured(BonafideError):
    """The organization's workflow was removed, or an unknown one was named."""


class ActiveSessionExists(BonafideError):
    """A pending or in-progress session of this entity stands."""

    def __init__(self, active_session_id: str) -> None:
        super().__init__(
            "The latest biometric session for this entity is still active. Cancel it or wait for its outcome."
        )
        self.active_session_id = active_session_id


class EntityPaused(BonafideError):
    """Too many failed sessions of this entity; `retry_after_seconds` says when the pause ends."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("Too many failed sessions for this entity. Try again later.")
        self.retry_after_seconds = retry_after_seconds


class RateLimited(BonafideError):
    """Too many requests; `retry_after_seconds` says when the next one is let through."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("Too many requests. Try again later.")
        self.retry_after_seconds = retry_after_seconds


class QuotaExceeded(BonafideError):
    """The organization's monthly quota is used up."""

    def __init__(self) -> None:
        super().__init__("The organization's quota for this month is used up.")


class InvalidState(BonafideError):
    """The object's state does not allow this, for example cancelling a session that has ended."""


class IdempotencyConflict(BonafideError):
    """The idempotency key belongs to another request."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another request. Use a new key for each request.")


class IdempotencyInProgress(BonafideError):
    """The first request with this idempotency key still runs; a create takes far less than a second."""

    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__("The first request with this Idempotency-Key still runs. Ask again for its answer.")


class MatchingUnavailable(BonafideError):
    """The matching core is out of reach; nothing is lost and the work can be repeated."""


class MatchingFailed(BonafideError):
    """The matching core answered, but could not do the comparison."""


class AnalysisUnavailable(BonafideError):
    """Frames cannot be analysed: the model is missing. Fail closed, and say so."""


class StoreUnavailable(BonafideError):
    """The database or the blob store is out of reach or read-only."""


class RecordUnreadable(BonafideError):
    """A stored blob cannot be decrypted: a key is missing or the bytes were changed."""
