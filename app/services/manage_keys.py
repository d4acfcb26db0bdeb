"""API keys: made (the secret is shown once and never stored), listed, rotated, revoked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.errors import InvalidState, ObjectNotFound
from app.domain.moment import iso
from app.domain.organization import ApiKey, Organization, Scope
from app.services.audit import OPERATOR, record
from app.services.authenticate import key_digest
from app.services.ports import Clock, Randomness
from app.services.store import Store, UnitOfWork

PREFIX_CHARACTERS = 14
"""`bf_live_` and six characters of the secret: enough to tell keys apart, useless for guessing."""

LIFETIME_DAYS_MAX = 3650
OVERLAP_DEFAULT = timedelta(hours=24)
OVERLAP_MAX = timedelta(days=30)
"""How long a rotated key works beside its successor."""


@dataclass(frozen=True)
class IssuedKey:
    """A new key. `text` is the only copy of the secret there is."""

    key: ApiKey
    text: str


@dataclass(frozen=True, kw_only=True)
class ManageKeys:
    """What is done with the keys of an organization, of both modes. `actor` is who does it."""

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
        actor: str = OPERATOR,
    ) -> IssuedKey:
        """A new key, which never expires without a `lifetime`."""
        text = self._new_text(is_test)
        key = self._made(organization, text, scopes, is_test, name, lifetime)
        self._add(key, actor)
        return IssuedKey(key, text)

    def ensure(
        self, organization: Organization, text: str, scopes: Iterable[Scope], *, is_test: bool, name: str
    ) -> None:
        """Add a key that is known beforehand, unless it is there."""
        with self.store.read() as uow:
            existing = uow.api_keys.by_sha256(key_digest(text))
        if existing is None:
            self._add(self._made(organization, text, scopes, is_test, name, None), OPERATOR)

    def of_organization(self, organization: Organization) -> Sequence[ApiKey]:
        """All keys, revoked ones too, oldest first."""
        with self.store.read() as uow:
            return uow.api_keys.of_organization(organization.organization_id)

    def rotate(
        self,
        organization: Organization,
        key_id: str,
        *,
        overlap: timedelta = OVERLAP_DEFAULT,
        lifetime: timedelta | None = None,
        actor: str = OPERATOR,
    ) -> IssuedKey:
        """A key with the same rights in the place of this one, which works for the overlap, not beyond its end.

        Without a `lifetime` the new one is made to live as long as the old one was. `ObjectNotFound`;
        `InvalidState` for a key that is revoked or expired, and for all but the first of several rotations.
        """
        with self.store.begin() as uow:
            old, now = _found(uow, organization, key_id), self.clock.now()
            if old.rotated_to is not None or not old.is_usable(now):
                raise InvalidState(_why_not_rotated(old, now))
            text = self._new_text(old.is_test)
            lifetime = lifetime or _lifetime_of(old)
            new = self._made(organization, text, old.scopes, old.is_test, old.name, lifetime)
            new = replace(new, replaces=old.key_id)
            ends_at = now + overlap if old.expires_at is None else min(old.expires_at, now + overlap)
            uow.api_keys.add(new)
            if not uow.api_keys.retire(old.key_id, new.key_id, ends_at, now):
                raise InvalidState("The key has just been rotated or revoked.")
            self._note(uow, old, "api_key.rotated", actor, {"rotatedTo": new.key_id, "endsAt": iso(ends_at)})
            self._note_created(uow, new, actor)
            uow.commit()
        return IssuedKey(new, text)

    def revoke(self, organization: Organization, key_id: str, *, actor: str = OPERATOR) -> ApiKey:
        """The key, refused from the next request on. A successor that it was rotated to is a key of its own.

        `ObjectNotFound`; `InvalidState` where it was revoked before.
        """
        with self.store.begin() as uow:
            key = _found(uow, organization, key_id)
            if not uow.api_keys.revoke(key_id, self.clock.now()):
                raise InvalidState("The key is revoked already.")
            self._note(uow, key, "api_key.revoked", actor, {})
            revoked = _found(uow, organization, key_id)
            uow.commit()
        return revoked

    def _new_text(self, is_test: bool) -> str:
        return f"bf_{'test' if is_test else 'live'}_{self.randomness.secret()}"

    def _made(
        self,
        organization: Organization,
        text: str,
        scopes: Iterable[Scope],
        is_test: bool,
        name: str,
        lifetime: timedelta | None,
    ) -> ApiKey:
        now = self.clock.now()
        return ApiKey(
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

    def _add(self, key: ApiKey, actor: str) -> None:
        with self.store.begin() as uow:
            uow.api_keys.add(key)
            self._note_created(uow, key, actor)
            uow.commit()

    def _note_created(self, uow: UnitOfWork, key: ApiKey, actor: str) -> None:
        scopes = sorted(scope.value for scope in key.scopes)
        replaced = {"replaces": key.replaces} if key.replaces else {}
        self._note(uow, key, "api_key.created", actor, {"scopes": scopes, "isTest": key.is_test, **replaced})

    def _note(self, uow: UnitOfWork, key: ApiKey, action: str, actor: str, detail: Mapping[str, object]) -> None:
        record(
            uow,
            self.randomness,
            self.clock.now(),
            organization_id=key.organization_id,
            actor=actor,
            action=action,
            object_type="api_key",
            object_id=key.key_id,
            detail={"prefix": key.prefix, **detail},
        )


def _found(uow: UnitOfWork, organization: Organization, key_id: str) -> ApiKey:
    key = uow.api_keys.get(organization.organization_id, key_id)
    if key is None:
        raise ObjectNotFound("No such key.")
    return key


def _lifetime_of(key: ApiKey) -> timedelta | None:
    """How long it was made to live; right until it is rotated, which may bring its end forward."""
    return None if key.expires_at is None else key.expires_at - key.created_at


def _why_not_rotated(key: ApiKey, now: datetime) -> str:
    if key.rotated_to is not None:
        return "The key was rotated before. Rotate its successor."
    return f"A key that is {key.state(now).value} cannot be rotated."
