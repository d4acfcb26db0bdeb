"""The keys of an organization in the hands of one of them, instead of the operator's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.domain.errors import Forbidden, ObjectNotFound
from app.domain.organization import ApiKey, Caller, KeyState, Scope
from app.services.authenticate import require_scope
from app.services.manage_keys import IssuedKey, ManageKeys


@dataclass(frozen=True, kw_only=True)
class AdministerKeys:
    """Keys of the caller's organization and mode; any other is `ObjectNotFound`.

    A caller hands out no scope that it lacks, by a new key or by rotating another's. It may rotate and revoke
    itself, and the last key that could do this: a leaked key has to go at once, and the operator's command line
    can always make another.
    """

    keys: ManageKeys

    def issue(
        self,
        caller: Caller,
        scopes: Iterable[Scope],
        *,
        is_test: bool | None,
        name: str,
        lifetime: timedelta | None,
    ) -> IssuedKey:
        """A key of the caller's mode. `Forbidden`: the other is asked for, or a scope that the caller lacks."""
        if is_test is not None and is_test is not caller.is_test:
            raise Forbidden("A test key makes test keys only, and a live key live keys.")
        wanted = _granted(caller, scopes)
        return self.keys.issue(
            caller.organization,
            wanted,
            is_test=caller.is_test,
            name=name,
            lifetime=lifetime,
            actor=caller.actor,
        )

    def page(self, caller: Caller, limit: int, offset: int) -> tuple[Sequence[ApiKey], int]:
        """A page of keys, revoked and expired ones too, newest first, and how many there are in all."""
        with self.keys.store.read() as uow:
            return uow.api_keys.page(caller.organization.organization_id, caller.is_test, limit, offset)

    def by_id(self, caller: Caller, key_id: str) -> ApiKey:
        """`ObjectNotFound` where there is none."""
        with self.keys.store.read() as uow:
            key = uow.api_keys.get(caller.organization.organization_id, key_id)
        if key is None or key.is_test is not caller.is_test:
            raise ObjectNotFound("No such key.")
        return key

    def rotate(self, caller: Caller, key_id: str, *, overlap: timedelta, lifetime: timedelta | None) -> IssuedKey:
        """As `ManageKeys.rotate`; `Forbidden` where the key has a scope that the caller lacks."""
        _granted(caller, self.by_id(caller, key_id).scopes)
        return self.keys.rotate(
            caller.organization, key_id, overlap=overlap, lifetime=lifetime, actor=caller.actor
        )

    def revoke(self, caller: Caller, key_id: str) -> ApiKey:
        """As `ManageKeys.revoke`."""
        self.by_id(caller, key_id)
        return self.keys.revoke(caller.organization, key_id, actor=caller.actor)

    def state(self, key: ApiKey) -> KeyState:
        """How it stands now."""
        return key.state(self.keys.clock.now())


def _granted(caller: Caller, scopes: Iterable[Scope]) -> Sequence[Scope]:
    wanted = list(scopes)
    for scope in wanted:
        require_scope(caller, scope)
    return wanted
