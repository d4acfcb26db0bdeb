from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import Forbidden, IntegrationDisabled, ObjectNotFound, Unauthorized
from app.domain.organization import Organization, Scope
from app.domain.settings import OrganizationSettings
from app.services.authenticate import (
    KEY_FORMAT,
    Authenticate,
    Integration,
    require_integrations,
    require_organization,
    require_scope,
)
from app.services.manage_keys import ManageKeys
from tests.builders import Builder, add_organization, caller_of
from tests.fakes import EPOCH, FakeClock, SeededRandomness


@dataclass
class World:
    clock: FakeClock
    organization: Organization
    keys: ManageKeys
    authenticate: Authenticate
    store: SqlStore


@pytest.fixture
def world(sqlite_store: SqlStore) -> World:
    build, clock = Builder(SeededRandomness()), FakeClock()
    organization = add_organization(sqlite_store, build.organization())
    keys = ManageKeys(store=sqlite_store, clock=clock, randomness=build.randomness)
    return World(clock, organization, keys, Authenticate(store=sqlite_store, clock=clock), sqlite_store)


@pytest.mark.parametrize("is_test", [True, False])
def test_a_key_names_its_organization_mode_and_scopes(world: World, is_test: bool) -> None:
    issued = world.keys.issue(world.organization, [Scope.SESSIONS_READ], is_test=is_test, name="n")
    assert KEY_FORMAT.fullmatch(issued.text)
    assert issued.text.startswith("bf_test_" if is_test else "bf_live_")
    caller = world.authenticate(f"Bearer {issued.text}")
    assert caller.organization == world.organization
    assert caller.is_test is is_test
    assert caller.scopes == {Scope.SESSIONS_READ}
    assert caller.actor == f"api_key:{issued.key.key_id}"


def test_nothing_of_the_secret_is_stored(world: World) -> None:
    issued = world.keys.issue(world.organization, [Scope.ADMIN], is_test=True, name="n")
    with world.store.read() as uow:
        stored = uow.api_keys.of_organization(world.organization.organization_id)
        audit = uow.audit.of_organization(world.organization.organization_id)
    assert issued.text not in repr(stored) + repr(audit)
    assert issued.text.startswith(stored[0].prefix)
    assert len(stored[0].prefix) == len("bf_test_") + 6


@pytest.mark.parametrize("form", ["bearer {}", "BEARER  {}", " Bearer {} "])
def test_the_scheme_is_written_as_one_likes(world: World, form: str) -> None:
    issued = world.keys.issue(world.organization, [Scope.ADMIN], is_test=True, name="n")
    assert world.authenticate(form.format(issued.text)).organization == world.organization


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer bf_test_", f"Bearer bf_test_{'x' * 43}", "Bearer ñ\x00"],
)
def test_whoever_has_no_key_is_unauthorized(world: World, header: str | None) -> None:
    with pytest.raises(Unauthorized):
        world.authenticate(header)


def test_a_revoked_key_and_an_expired_one_are_unauthorized(world: World) -> None:
    revoked = world.keys.issue(world.organization, [Scope.ADMIN], is_test=True, name="n")
    world.keys.revoke(world.organization, revoked.key.key_id)
    expiring = world.keys.issue(
        world.organization, [Scope.ADMIN], is_test=True, name="n", lifetime=timedelta(days=1)
    )
    world.authenticate(f"Bearer {expiring.text}")
    world.clock.advance(days=1)
    for key in (revoked, expiring):
        with pytest.raises(Unauthorized):
            world.authenticate(f"Bearer {key.text}")


def test_a_key_is_revoked_by_its_own_organization_only(world: World) -> None:
    other = add_organization(world.store, Builder(SeededRandomness(7), EPOCH).organization("globex"))
    issued = world.keys.issue(world.organization, [Scope.ADMIN], is_test=True, name="n")
    with pytest.raises(ObjectNotFound):
        world.keys.revoke(other, issued.key.key_id)
    world.authenticate(f"Bearer {issued.text}")


def test_authentication_writes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    issued = world.keys.issue(world.organization, [Scope.ADMIN], is_test=True, name="n")
    monkeypatch.setattr(world.store, "begin", lambda: pytest.fail("a transaction that writes"))
    world.authenticate(f"Bearer {issued.text}")


def test_a_known_key_is_added_once(world: World) -> None:
    text = f"bf_test_{'k' * 43}"
    for _ in range(2):
        world.keys.ensure(world.organization, text, [Scope.ADMIN], is_test=True, name="development")
    assert len(world.keys.of_organization(world.organization)) == 1
    world.authenticate(f"Bearer {text}")


def test_naming_another_organization_is_forbidden(world: World) -> None:
    issued = world.keys.issue(world.organization, [Scope.ADMIN], is_test=True, name="n")
    caller = world.authenticate(f"Bearer {issued.text}")
    own = world.organization.organization_id
    for accepted in (None, own, f" {own.upper()} "):
        require_organization(caller, accepted)
    for other in ("", "acme", own[:-1] + "0", f"{own}x"):
        with pytest.raises(Forbidden):
            require_organization(caller, other)


def test_admin_may_everything_and_others_what_they_carry(world: World) -> None:
    for scope in Scope:
        require_scope(caller_of(world.organization, Scope.ADMIN), scope)
    require_scope(caller_of(world.organization, Scope.SESSIONS_READ), Scope.SESSIONS_READ)
    with pytest.raises(Forbidden):
        require_scope(caller_of(world.organization, Scope.SESSIONS_READ), Scope.SESSIONS_WRITE)


@pytest.mark.parametrize("integration", list(Integration))
def test_an_integration_that_is_off_is_not_enabled(integration: Integration) -> None:
    off = {f"{integration.value}_enabled": False}
    with pytest.raises(IntegrationDisabled):
        require_integrations(OrganizationSettings(**off), (integration,))  # type: ignore[arg-type]
    require_integrations(OrganizationSettings(), tuple(Integration))
    require_integrations(OrganizationSettings(**off), ())  # type: ignore[arg-type]
