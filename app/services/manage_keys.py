"""API keys: made (the secret is shown once and never stored), listed, revoked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.domain.organization import ApiKey, Organization, Scope
from app.services.audit import record
from app.services.authenticate import key_digest
from app.services.ports import Clock, Randomness
from app.services.store import Store, UnitOfWork

PREFIX_CHARACTERS = 14
"""`bf_live_` and six characters of the secret: enough to tell keys apart, useless for guessing."""


@dataclass(frozen=True)
class IssuedKey:
    """A new key. `text` is the only copy of the secret there is."""

    key: ApiKey
    text: str


@dataclass(frozen=True, kw_only=True)
class ManageKeys:
    """What an operator does with keys."""

    store: Store
    clock: Clock
    randomness: Randomness

    def issue(
        self,
        organization: Organization,
        scopes: Iterable[Scope],
        *,
        is_test: bool,
        name: str,
        lifetime: timedelta | None = None,
    ) -> IssuedKey:
        """A new key."""
        text = f"bf_{'test' if is_test else 'live'}_{self.randomness.secret()}"
        return IssuedKey(self._add(organization, text, scopes, is_test, name, lifetime), text)

    def ensure(
        self, organization: Organization, text: str, scopes: Iterable[Scope], *, is_test: bool, name: str
    ) -> None:
        """Add a key that is known beforehand, unless it is there."""
        with self.store.read() as uow:
            existing = uow.api_keys.by_sha256(key_digest(text))
        if existing is None:
            self._add(organization, text, scopes, is_test, name, None)

    def _add(
        self,
        organization: Organization,
        text: str,
        scopes: Iterable[Scope],
        is_test: bool,
        name: str,
        lifetime: timedelta | None,
    ) -> ApiKey:
        now = self.clock.now()
        key = ApiKey(
            key_id=self.randomness.object_id(),
            organization_id=organization.organization_id,
            name=name,
            prefix=text[:PREFIX_CHARACTERS],
            sha256=key_digest(text),
            scopes=frozenset(scopes),
            is_test=is_test,
            created_at=now,
            expires_at=now + lifetime if lifetime else None,
        )
        with self.store.begin() as uow:
            uow.api_keys.add(key)
            scope_names = sorted(scope.value for scope in key.scopes)
            self._note(uow, key, "api_key.created", {"prefix": key.prefix, "scopes": scope_names})
            uow.commit()
        return key

    def of_organization(self, organization: Organization) -> Sequence[ApiKey]:
        """All keys, revoked ones too, oldest first."""
        with self.store.read() as uow:
            return uow.api_keys.of_organization(organization.organization_id)

    def revoke(self, organization: Organization, key_id: str) -> bool:
        """False where the organization has no such key, or it was revoked before."""
        with self.store.begin() as uow:
            keys = uow.api_keys.of_organization(organization.organization_id)
            key = next((key for key in keys if key.key_id == key_id), None)
            if key is None or not uow.api_keys.revoke(key_id, self.clock.now()):
                return False
            self._note(uow, key, "api_key.revoked", {"prefix": key.prefix})
            uow.commit()
        return True

    def _note(self, uow: UnitOfWork, key: ApiKey, action: str, detail: Mapping[str, object]) -> None:
        record(
            uow,
            self.randomness,
            self.clock.now(),
            organization_id=key.organization_id,
            actor="operator",
            action=action,
            object_type="api_key",
            object_id=key.key_id,
            detail=detail,
        )
