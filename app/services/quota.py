"""What an organization may have in a calendar month: sessions, biometric checks and face matches together.

Months are those of UTC. Live and test calls are counted apart and each may reach the quota, so that trying things
out uses up nothing that is paid for, and what happens at the end of it can be tried out as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from app.domain.errors import QuotaExceeded
from app.domain.idempotency import is_idempotency_key, place_of
from app.domain.organization import Caller
from app.services.ports import Clock
from app.services.store import Store, UnitOfWork


def month_of(at: datetime) -> str:
    """The calendar month in UTC, as `2026-06`."""
    return f"{at.astimezone(UTC):%Y-%m}"


def use_quota(uow: UnitOfWork, caller: Caller, at: datetime) -> None:
    """Count one more in the transaction of what it is for. `QuotaExceeded` where nothing is left of the month.

    Call it last before the commit: until then every other use of the organization waits for the row.
    """
    organization = caller.organization
    quota = organization.settings.monthly_quota
    if not uow.usage.take(organization.organization_id, caller.is_test, month_of(at), quota):
        raise QuotaExceeded


@dataclass(frozen=True, kw_only=True)
class RequireQuota:
    """Looks before anything is done: the use case itself takes, and may still find that others were faster."""

    store: Store
    clock: Clock

    def __call__(self, caller: Caller, idempotency_key: str | None = None) -> None:
        """`QuotaExceeded` where the month's quota is used up.

        What was answered before under the idempotency key is let through: giving that answer again uses nothing.
        """
        quota, now = caller.organization.settings.monthly_quota, self.clock.now()
        if quota is None:
            return
        with self.store.read() as uow:
            used = uow.usage.used(caller.organization.organization_id, caller.is_test, month_of(now))
            if used >= quota and not _is_answered(uow, caller, idempotency_key, now):
                raise QuotaExceeded


def _is_answered(uow: UnitOfWork, caller: Caller, key: str | None, now: datetime) -> bool:
    if key is None or not is_idempotency_key(key):
        return False
    record = uow.idempotency.get(place_of(caller.organization.organization_id, caller.is_test, key))
    return record is not None and record.sealed is not None and record.ends_at > now
