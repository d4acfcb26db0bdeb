"""The addresses that an organization is told of its events at: made, read, changed, rotated, removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from app.domain.errors import InvalidRequest, InvalidState, ObjectNotFound
from app.domain.moment import iso
from app.domain.organization import Caller
from app.domain.web_address import webhook_problem
from app.domain.webhook import WebhookEndpoint
from app.services.audit import record
from app.services.ports import Clock, Randomness, WebhookSecrets
from app.services.store import Store, UnitOfWork

SWITCHED_OFF = "switched_off"
"""Why an endpoint is disabled that its organization disabled."""


@dataclass(frozen=True)
class EndpointSecret:
    """An endpoint with the secret that signs for it, to be shown this once."""

    endpoint: WebhookEndpoint
    secret: str


@dataclass(frozen=True)
class EndpointChange:
    """What is to be otherwise; None: as it is."""

    url: str | None = None
    patterns: Sequence[str] | None = None
    is_enabled: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ManageWebhooks:
    """Endpoints of the caller's organization and mode; any other is `ObjectNotFound`.

    At most `endpoints_max` for each mode. `InvalidRequest` for an address that nothing may be delivered to.
    """

    store: Store
    clock: Clock
    randomness: Randomness
    secrets: WebhookSecrets
    endpoints_max: int
    is_development: bool

    def create(
        self, caller: Caller, url: str, patterns: Sequence[str], *, is_listener: bool = False
    ) -> EndpointSecret:
        """A new one, enabled. `InvalidState` where there are as many as there may be."""
        self._check(url)
        now = self.clock.now()
        organization_id = caller.organization.organization_id
        endpoint = WebhookEndpoint(
            endpoint_id=self.randomness.object_id(),
            organization_id=organization_id,
            is_test=caller.is_test,
            url=url,
            patterns=_without_doubles(patterns),
            created_at=now,
            updated_at=now,
            is_listener=is_listener,
        )
        secret_of = self.secrets.of_endpoint(organization_id, endpoint.endpoint_id)
        with self.store.begin() as uow:
            self._leave_room(uow, caller)
            uow.webhook_endpoints.add(endpoint)
            detail = {"host": _host(url), "events": list(endpoint.patterns), "isTest": endpoint.is_test}
            self._note(uow, caller, endpoint, "webhook.created", detail)
            uow.commit()
        return EndpointSecret(endpoint, secret_of(endpoint.secret_version))

    def page(self, caller: Caller, limit: int, offset: int) -> tuple[Sequence[WebhookEndpoint], int]:
        """A page of endpoints, disabled ones too, newest first, and how many there are in all."""
        with self.store.read() as uow:
            return uow.webhook_endpoints.page(caller.organization.organization_id, caller.is_test, limit, offset)

    def by_id(self, caller: Caller, endpoint_id: str) -> WebhookEndpoint:
        """`ObjectNotFound` where there is none."""
        with self.store.read() as uow:
            return _found(uow, caller, endpoint_id)

    def change(self, caller: Caller, endpoint_id: str, change: EndpointChange) -> WebhookEndpoint:
        """The endpoint as it stands then. What changes nothing leaves no trace.

        What is on its way goes to the new address; what it had asked for before and no longer asks for, too.
        """
        if change.url is not None:
            self._check(change.url)
        with self.store.begin() as uow:
            before = _found(uow, caller, endpoint_id)
            after = _changed(before, change)
            if after == before:
                return before
            after = replace(after, updated_at=self.clock.now())
            uow.webhook_endpoints.save(after)
            self._note(uow, caller, after, "webhook.changed", _differences(before, after))
            uow.commit()
        return after

    def remove(self, caller: Caller, endpoint_id: str) -> WebhookEndpoint:
        """The endpoint as it last stood. What was still to be sent to it fails."""
        with self.store.begin() as uow:
            endpoint = _found(uow, caller, endpoint_id)
            uow.webhook_endpoints.remove(endpoint_id, self.clock.now())
            self._note(uow, caller, endpoint, "webhook.removed", {"host": _host(endpoint.url)})
            uow.commit()
        return endpoint

    def rotate_secret(self, caller: Caller, endpoint_id: str, overlap: timedelta) -> EndpointSecret:
        """Another secret; the one that stood signs on for the overlap, one before that no more."""
        secret_of = self.secrets.of_endpoint(caller.organization.organization_id, endpoint_id)
        with self.store.begin() as uow:
            before, now = _found(uow, caller, endpoint_id), self.clock.now()
            after = replace(
                before,
                updated_at=now,
                secret_version=before.secret_version + 1,
                previous_secret_version=before.secret_version if overlap else None,
                previous_until=now + overlap if overlap else None,
            )
            uow.webhook_endpoints.save(after)
            ends = {"previousValidUntil": iso(after.previous_until)} if after.previous_until else {}
            self._note(uow, caller, after, "webhook.secret_rotated", {"version": after.secret_version, **ends})
            uow.commit()
        return EndpointSecret(after, secret_of(after.secret_version))

    def previous_valid_until(self, endpoint: WebhookEndpoint) -> datetime | None:
        """Until when the secret before signs as well; None where it no longer does."""
        until = endpoint.previous_until
        return until if until is not None and self.clock.now() < until else None

    def _check(self, url: str) -> None:
        problem = webhook_problem(url, allows_http_to_loopback=self.is_development)
        if problem:
            raise InvalidRequest("The web address cannot be accepted.", {"url": problem})

    def _leave_room(self, uow: UnitOfWork, caller: Caller) -> None:
        organization_id = caller.organization.organization_id
        uow.settings.current(organization_id)  # of two at once the second counts the first
        _, total = uow.webhook_endpoints.page(organization_id, caller.is_test, 1, 0)
        if total >= self.endpoints_max:
            raise InvalidState(f"There are at most {self.endpoints_max} webhook endpoints.")

    def _note(
        self,
        uow: UnitOfWork,
        caller: Caller,
        endpoint: WebhookEndpoint,
        action: str,
        detail: Mapping[str, object],
    ) -> None:
        record(
            uow,
            self.randomness,
            self.clock.now(),
            organization_id=endpoint.organization_id,
            actor=caller.actor,
            action=action,
            object_type="webhook",
            object_id=endpoint.endpoint_id,
            detail=detail,
        )


def _found(uow: UnitOfWork, caller: Caller, endpoint_id: str) -> WebhookEndpoint:
    endpoint = uow.webhook_endpoints.get(caller.organization.organization_id, caller.is_test, endpoint_id)
    if endpoint is None:
        raise ObjectNotFound("No such webhook endpoint.")
    return endpoint


def _changed(endpoint: WebhookEndpoint, change: EndpointChange) -> WebhookEndpoint:
    if change.url is not None:
        endpoint = replace(endpoint, url=change.url)
    if change.patterns is not None:
        endpoint = replace(endpoint, patterns=_without_doubles(change.patterns))
    if change.is_enabled is None or change.is_enabled is endpoint.is_enabled:
        return endpoint
    reason = None if change.is_enabled else SWITCHED_OFF
    return replace(endpoint, is_enabled=change.is_enabled, disabled_reason=reason)


def _differences(before: WebhookEndpoint, after: WebhookEndpoint) -> Mapping[str, object]:
    """For the audit trail. Of addresses only the hosts: paths and queries may hold what opens a door."""
    values = {
        "url": (_host(before.url), _host(after.url), before.url != after.url),
        "events": (list(before.patterns), list(after.patterns), before.patterns != after.patterns),
        "enabled": (before.is_enabled, after.is_enabled, before.is_enabled is not after.is_enabled),
    }
    return {name: {"from": old, "to": new} for name, (old, new, differs) in values.items() if differs}


def _host(url: str) -> str:
    """With its port; an address that was accepted names no user."""
    return urlsplit(url).netloc


def _without_doubles(patterns: Sequence[str]) -> tuple[str, ...]:
    """In the order in which they were first named."""
    return tuple(dict.fromkeys(patterns))
