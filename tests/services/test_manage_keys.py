"""Keys are rotated with an overlap, by the clock; what an administrator may do with them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import BonafideError, Forbidden, InvalidState, ObjectNotFound, Unauthorized
from app.domain.organization import ApiKey, Caller, KeyState, Organization, Scope
from app.services.administer_keys import AdministerKeys
from app.services.authenticate import Authenticate
from app.services.manage_keys import IssuedKey, ManageKeys
from tests.builders import Builder, add_organization, caller_of
from tests.fakes import FakeClock, SeededRandomness

ROUNDS = 6
DAY = timedelta(days=1)
NOTHING = timedelta(0)


@dataclass
class World:
    clock: FakeClock
    build: Builder
    organization: Organization
    keys: ManageKeys
    administer: AdministerKeys
    store: SqlStore

    def issue(self, *scopes: Scope, lifetime: timedelta | None = None, is_test: bool = True) -> IssuedKey:
        wanted = scopes or (Scope.ADMIN,)
        return self.keys.issue(self.organization, wanted, is_test=is_test, name="shop", lifetime=lifetime)

    def works(self, issued: IssuedKey) -> bool:
        try:
            Authenticate(store=self.store, clock=self.clock)(f"Bearer {issued.text}")
        except Unauthorized:
            return False
        return True

    def stored(self, issued: IssuedKey) -> ApiKey:
        with self.store.read() as uow:
            found = uow.api_keys.get(self.organization.organization_id, issued.key.key_id)
        assert found is not None
        return found

    def state(self, issued: IssuedKey) -> KeyState:
        return self.stored(issued).state(self.clock.now())

    def trail(self) -> list[tuple[str, str, str]]:
        with self.store.read() as uow:
            entries = uow.audit.of_organization(self.organization.organization_id)
        return [(entry.actor, entry.action, entry.object_id) for entry in entries]


def make_world(store: SqlStore) -> World:
    clock, build = FakeClock(), Builder(SeededRandomness())
    organization = add_organization(store, build.organization())
    keys = ManageKeys(store=store, clock=clock, randomness=build.randomness)
    return World(clock, build, organization, keys, AdministerKeys(keys=keys), store)


@pytest.fixture
def world(sqlite_store: SqlStore) -> World:
    return make_world(sqlite_store)


def test_the_successor_may_the_same_and_both_name_each_other(world: World) -> None:
    old = world.issue(Scope.MEDIA_READ, Scope.CHECKS_READ, is_test=False)
    world.clock.advance(days=3)
    new = world.keys.rotate(world.organization, old.key.key_id)
    retired = world.stored(old)
    assert new.text.startswith("bf_live_")
    assert new.text != old.text
    assert world.stored(new) == new.key
    assert new.key == replace(
        old.key,
        key_id=new.key.key_id,
        prefix=new.text[:14],
        sha256=new.key.sha256,
        created_at=world.clock.now(),
        replaces=old.key.key_id,
    )
    assert retired == replace(old.key, rotated_to=new.key.key_id, expires_at=world.clock.now() + DAY)


def test_both_work_until_the_overlap_is_over(world: World) -> None:
    old = world.issue()
    new = world.keys.rotate(world.organization, old.key.key_id, overlap=timedelta(hours=2))
    assert (world.works(old), world.works(new)) == (True, True)
    assert (world.state(old), world.state(new)) == (KeyState.ROTATED, KeyState.ACTIVE)
    world.clock.advance(seconds=7199)
    assert world.works(old)
    world.clock.advance(seconds=1)
    assert (world.works(old), world.works(new)) == (False, True)
    assert (world.state(old), world.state(new)) == (KeyState.EXPIRED, KeyState.ACTIVE)


def test_without_an_overlap_the_old_key_ends_at_once(world: World) -> None:
    old = world.issue()
    new = world.keys.rotate(world.organization, old.key.key_id, overlap=NOTHING)
    assert (world.works(old), world.works(new)) == (False, True)


def test_an_overlap_prolongs_no_life(world: World) -> None:
    old = world.issue(lifetime=timedelta(hours=3))
    end = old.key.expires_at
    world.keys.rotate(world.organization, old.key.key_id, overlap=timedelta(days=30))
    assert world.stored(old).expires_at == end


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(None, None, None), (90 * DAY, None, 90 * DAY), (90 * DAY, DAY, DAY), (None, DAY, DAY)],
)
def test_a_successor_lives_as_long_as_its_predecessor_was_to(
    world: World, first: timedelta | None, second: timedelta | None, expected: timedelta | None
) -> None:
    """A key that had to end is not followed by one that never does, unless nobody ever meant it to end."""
    old = world.issue(lifetime=first)
    world.clock.advance(days=60)
    new = world.keys.rotate(world.organization, old.key.key_id, lifetime=second)
    newest = world.keys.rotate(world.organization, new.key.key_id)
    for one in (new, newest):
        assert one.key.expires_at == (expected and world.clock.now() + expected)


def test_a_key_is_rotated_once_and_then_its_successor(world: World) -> None:
    old = world.issue()
    new = world.keys.rotate(world.organization, old.key.key_id)
    with pytest.raises(InvalidState, match="Rotate its successor"):
        world.keys.rotate(world.organization, old.key.key_id)
    assert len(world.keys.of_organization(world.organization)) == 2
    assert world.keys.rotate(world.organization, new.key.key_id).key.replaces == new.key.key_id


def test_what_has_ended_is_not_rotated(world: World) -> None:
    revoked, expired = world.issue(), world.issue(lifetime=DAY)
    world.keys.revoke(world.organization, revoked.key.key_id)
    world.clock.advance(days=1)
    for issued, word in ((revoked, "revoked"), (expired, "expired")):
        with pytest.raises(InvalidState, match=word):
            world.keys.rotate(world.organization, issued.key.key_id)
        assert world.stored(issued).rotated_to is None
    assert len(world.keys.of_organization(world.organization)) == 2


def test_revoking_ends_an_overlap_and_leaves_the_successor(world: World) -> None:
    old = world.issue()
    new = world.keys.rotate(world.organization, old.key.key_id)
    revoked = world.keys.revoke(world.organization, old.key.key_id)
    assert revoked == world.stored(old)
    assert revoked.revoked_at == world.clock.now()
    assert (world.state(old), world.works(old), world.works(new)) == (KeyState.REVOKED, False, True)
    with pytest.raises(InvalidState):
        world.keys.revoke(world.organization, old.key.key_id)


def test_another_organizations_key_is_not_found_and_stays_as_it_is(world: World) -> None:
    other = add_organization(world.store, world.build.organization("globex"))
    issued = world.issue()
    for do in (world.keys.rotate, world.keys.revoke):
        with pytest.raises(ObjectNotFound):
            do(other, issued.key.key_id)
    assert world.stored(issued) == issued.key


def test_who_did_what_is_in_the_trail(world: World) -> None:
    operator = world.issue()
    caller = caller_of(world.organization)
    made = world.administer.issue(caller, [Scope.MEDIA_READ], is_test=None, name="n", lifetime=None)
    rotated = world.administer.rotate(caller, made.key.key_id, overlap=DAY, lifetime=None)
    world.administer.revoke(caller, made.key.key_id)
    assert world.trail() == [
        ("operator", "api_key.created", operator.key.key_id),
        ("test", "api_key.created", made.key.key_id),
        ("test", "api_key.rotated", made.key.key_id),
        ("test", "api_key.created", rotated.key.key_id),
        ("test", "api_key.revoked", made.key.key_id),
    ]
    with world.store.read() as uow:
        audit = repr(uow.audit.of_organization(world.organization.organization_id))
    for issued in (operator, made, rotated):
        assert issued.text not in audit
        assert issued.key.sha256 not in audit


Do = Callable[[AdministerKeys, Caller, str], object]
DEEDS: dict[str, Do] = {
    "read": lambda administer, caller, key_id: administer.by_id(caller, key_id),
    "rotate": lambda administer, caller, key_id: administer.rotate(caller, key_id, overlap=NOTHING, lifetime=None),
    "revoke": lambda administer, caller, key_id: administer.revoke(caller, key_id),
}


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("is_test", [True, False])
def test_keys_of_the_other_mode_are_not_there(world: World, deed: str, is_test: bool) -> None:
    others = world.issue(is_test=not is_test)
    caller = caller_of(world.organization, is_test=is_test)
    with pytest.raises(ObjectNotFound):
        DEEDS[deed](world.administer, caller, others.key.key_id)
    assert world.stored(others) == others.key
    assert world.administer.page(caller, 10, 0) == ([], 0)
    with pytest.raises(Forbidden):
        world.administer.issue(caller, [Scope.ADMIN], is_test=not is_test, name="n", lifetime=None)


def test_nobody_hands_out_what_they_lack(world: World) -> None:
    """Today only `admin` comes so far, and it has all; the rule does not rest on that."""
    caller = caller_of(world.organization, Scope.MEDIA_READ)
    admin = world.issue(Scope.ADMIN)
    with pytest.raises(Forbidden):
        world.administer.issue(caller, [Scope.MEDIA_READ, Scope.ADMIN], is_test=None, name="n", lifetime=None)
    with pytest.raises(Forbidden):
        world.administer.rotate(caller, admin.key.key_id, overlap=DAY, lifetime=None)
    world.administer.issue(caller, [Scope.MEDIA_READ], is_test=None, name="n", lifetime=None)
    assert world.stored(admin) == admin.key


def at_once(jobs: list[Callable[[], object]]) -> list[object]:
    """What each answered, or the reason why it was refused."""
    together = Barrier(len(jobs))

    def run(job: Callable[[], object]) -> object:
        together.wait()
        try:
            return job()
        except BonafideError as refusal:
            return refusal

    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(run, jobs))


def test_of_parallel_rotations_one_wins_and_leaves_one_successor(store: SqlStore) -> None:
    world = make_world(store)
    for number in range(ROUNDS):
        old = world.issue()
        answers = at_once([partial(world.keys.rotate, world.organization, old.key.key_id)] * 6)
        (won,) = [answer for answer in answers if isinstance(answer, IssuedKey)]
        assert [type(answer) for answer in answers].count(InvalidState) == 5
        assert world.stored(old).rotated_to == won.key.key_id
        assert len(world.keys.of_organization(world.organization)) == 2 * (number + 1)
        assert world.works(won)


def test_of_a_rotation_and_a_revocation_at_once_the_key_ends_either_way(store: SqlStore) -> None:
    """Revoked first, there is no successor; rotated first, there is one. Never a key that lives on."""
    world = make_world(store)
    for _ in range(ROUNDS):
        old = world.issue()
        rotated, revoked = at_once(
            [
                partial(world.keys.rotate, world.organization, old.key.key_id),
                partial(world.keys.revoke, world.organization, old.key.key_id),
            ]
        )
        assert revoked == world.stored(old)
        assert world.state(old) is KeyState.REVOKED
        if isinstance(rotated, IssuedKey):
            assert world.stored(old).rotated_to == rotated.key.key_id
        else:
            assert isinstance(rotated, InvalidState)
            assert world.stored(old).rotated_to is None
