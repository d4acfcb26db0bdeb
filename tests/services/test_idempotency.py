"""Requests that come twice, on both databases: carried out once whatever happens in between."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from app.adapters.answer_vault import EncryptedAnswerVault
from app.adapters.db.unit_of_work import SqlStore, SqlUnitOfWork
from app.adapters.db.wrapped_keys import SqlWrappedKeys
from app.adapters.encryption import DataKeys
from app.domain.errors import (
    DuplicateEntity,
    IdempotencyConflict,
    IdempotencyInProgress,
    ObjectNotFound,
    RecordUnreadable,
    StoreUnavailable,
)
from app.domain.idempotency import IdempotencyRecord, KeptAnswer, place_of
from app.domain.organization import Organization
from app.services import idempotency as service
from app.services.idempotency import LEASE, Idempotency, Run, SweepIdempotency
from app.services.register_entity import NewEntity, RegisterEntity
from tests.builders import Builder, add_organization, caller_of
from tests.fakes import FakeClock, SeededRandomness

DAY = timedelta(hours=24)
ONE, OTHER = hashlib.sha256(b"one request").digest(), hashlib.sha256(b"another one").digest()


@dataclass
class World:
    store: SqlStore
    engine: Engine
    clock: FakeClock
    build: Builder
    organization: Organization
    idempotency: Idempotency
    register: RegisterEntity

    def run(self, key: str = "k", digest: bytes = ONE) -> AbstractContextManager[Run]:
        return self.idempotency(caller_of(self.organization), key, digest)

    def create(self, key: str = "k", digest: bytes = ONE, name: str = "Ada") -> KeptAnswer:
        """What a route does: the answer that goes out, kept or made."""
        with self.run(key, digest) as run:
            return run.kept or self.carry_out(run, name)

    def carry_out(self, run: Run, name: str = "Ada") -> KeptAnswer:
        entity = self.register(caller_of(self.organization), NewEntity(name, external_id=name))
        answer = KeptAnswer(201, (("Content-Type", "text/plain"),), entity.entity_id.encode("ascii"))
        run.keep(answer)
        return answer

    def names(self) -> list[str]:
        with self.store.read() as uow:
            page, _ = uow.entities.page(self.organization.organization_id, True, 100, 0)
        return sorted(entity.name for entity in page)

    def records(self) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(sa.text("SELECT count(*) FROM idempotency_records")).scalar_one())


@pytest.fixture
def world(store: SqlStore, engine: Engine) -> World:
    clock, build = FakeClock(), Builder(SeededRandomness())
    organization = add_organization(store, build.organization())
    keys = DataKeys(SqlWrappedKeys(engine), {"k": b"k" * 32})
    idempotency = Idempotency(
        store=store, vault=EncryptedAnswerVault(keys), clock=clock, randomness=build.randomness, lifetime=DAY
    )
    register = RegisterEntity(store=store, clock=clock, randomness=build.randomness)
    return World(store, engine, clock, build, organization, idempotency, register)


def beside(work: Callable[[], object]) -> object:
    """Another request at the same time: in a thread of its own, whose outcome is awaited."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(work).result()


def test_the_second_time_the_first_answer_is_given(world: World) -> None:
    first = world.create()
    world.clock.advance(hours=1)
    assert world.create(name="Grace") == first
    assert world.names() == ["Ada"]


def test_another_key_is_another_request(world: World) -> None:
    world.create("a")
    world.create("b", name="Grace")
    assert world.names() == ["Ada", "Grace"]


def test_another_request_under_the_key_is_refused_and_writes_nothing(world: World) -> None:
    first = world.create()
    with pytest.raises(IdempotencyConflict):
        world.create(digest=OTHER, name="Grace")
    assert world.names() == ["Ada"]
    assert world.create() == first


def test_what_is_wrong_with_another_request_is_told_before_the_conflict(world: World) -> None:
    world.create()
    with pytest.raises(ObjectNotFound), world.run(digest=OTHER):
        raise ObjectNotFound("No such entity.")


def test_another_request_that_writes_nothing_is_a_conflict_too(world: World) -> None:
    world.create()
    with pytest.raises(IdempotencyConflict), world.run(digest=OTHER) as run:
        run.keep(KeptAnswer(200, (), b""))


def test_a_request_without_an_object_is_kept(world: World) -> None:
    with world.run() as run:
        run.keep(KeptAnswer(200, (), b"nothing was written"))
    with world.run() as run:
        assert run.kept == KeptAnswer(200, (), b"nothing was written")


def test_while_the_first_runs_the_second_is_told_so(world: World) -> None:
    with world.run() as run:
        with pytest.raises(IdempotencyInProgress):
            beside(world.create)
        with pytest.raises(IdempotencyConflict):
            beside(lambda: world.create(digest=OTHER))
        first = world.carry_out(run)
    assert world.create() == first
    assert world.names() == ["Ada"]


def test_a_second_that_comes_while_the_first_is_written_waits_for_its_answer(world: World) -> None:
    """The first has the record's row, or on SQLite the whole store."""
    with ThreadPoolExecutor(1) as other, world.run() as run:
        entity = world.register(caller_of(world.organization), NewEntity("Ada"))
        second = other.submit(world.create)
        run.keep(KeptAnswer(201, (), entity.entity_id.encode("ascii")))
        assert second.result().body == entity.entity_id.encode("ascii")
    assert world.names() == ["Ada"]


def test_a_refusal_gives_the_key_back(world: World) -> None:
    world.create("a")
    with pytest.raises(DuplicateEntity):
        world.create("b")
    assert world.records() == 1
    world.create("b", digest=OTHER, name="Grace")
    assert world.names() == ["Ada", "Grace"]


def test_what_was_not_kept_has_not_happened(world: World) -> None:
    with world.run():
        world.register(caller_of(world.organization), NewEntity("Ada"))
    assert (world.names(), world.records()) == ([], 0)
    world.create()
    assert world.names() == ["Ada"]


def test_a_mistake_after_the_write_takes_the_object_back(world: World) -> None:
    def create() -> None:
        with world.run():
            world.register(caller_of(world.organization), NewEntity("Ada"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        create()
    assert (world.names(), world.records()) == ([], 0)


def died(world: World) -> IdempotencyRecord:
    """The reservation of a process that was killed while it worked."""
    caller = caller_of(world.organization)
    record = IdempotencyRecord(
        organization_id=caller.organization.organization_id,
        is_test=True,
        key_sha256=hashlib.sha256(b"k").hexdigest(),
        fingerprint=world.idempotency.vault.seal_of(caller.organization.organization_id).fingerprint(ONE),
        holder=world.build.randomness.object_id(),
        ends_at=world.clock.now() + LEASE,
    )
    with world.store.begin() as uow:
        assert uow.idempotency.take(record, world.clock.now())
        uow.commit()
    return record


@pytest.mark.parametrize("digest", [ONE, OTHER])
def test_a_process_that_died_before_the_commit_keeps_the_key_no_longer_than_its_lease(
    world: World, digest: bytes
) -> None:
    died(world)
    world.clock.advance(milliseconds=LEASE / timedelta(milliseconds=1) - 1)
    with pytest.raises(IdempotencyInProgress if digest == ONE else IdempotencyConflict):
        world.create(digest=digest)
    world.clock.advance(milliseconds=1)
    assert world.create(digest=digest) == world.create(digest=digest)
    assert world.names() == ["Ada"]


def test_object_and_answer_come_to_be_in_one_moment(world: World) -> None:
    """Until then nobody sees either, so a crash at any point leaves both or none."""

    def seen() -> tuple[list[str], bool]:
        with world.store.read() as uow:
            record = uow.idempotency.get(place)
        return world.names(), record is not None and record.sealed is not None

    place = place_of(world.organization.organization_id, True, "k")
    with world.run() as run:
        entity = world.register(caller_of(world.organization), NewEntity("Ada"))
        assert beside(seen) == ([], False)
        run.keep(KeptAnswer(201, (), entity.entity_id.encode("ascii")))
        assert beside(seen) == (["Ada"], True)
    assert beside(seen) == (["Ada"], True)


def test_a_commit_that_fails_without_telling_whether_it_happened(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = SqlUnitOfWork.commit

    def cut_off(uow: SqlUnitOfWork) -> None:
        commit(uow)
        if type(uow) is not SqlUnitOfWork:
            raise StoreUnavailable("the connection broke")

    monkeypatch.setattr(SqlUnitOfWork, "commit", cut_off)
    with pytest.raises(StoreUnavailable):
        world.create()
    monkeypatch.undo()
    assert world.names() == ["Ada"]
    with world.run() as run:
        assert run.kept is not None
    assert world.names() == ["Ada"]


def test_a_commit_that_failed_gives_the_key_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = SqlUnitOfWork.commit

    def fail(uow: SqlUnitOfWork) -> None:
        if type(uow) is not SqlUnitOfWork:
            raise StoreUnavailable("the disk is full")
        commit(uow)

    monkeypatch.setattr(SqlUnitOfWork, "commit", fail)
    with pytest.raises(StoreUnavailable):
        world.create()
    monkeypatch.undo()
    assert (world.names(), world.records()) == ([], 0)
    world.create()
    assert world.names() == ["Ada"]


def test_whoever_outlived_the_lease_finds_out_before_writing(world: World) -> None:
    overtakers: list[object] = []

    def be_overtaken() -> None:
        with world.run() as run:
            world.clock.advance(seconds=LEASE.total_seconds())
            overtakers.append(beside(world.create))
            world.carry_out(run, "Grace")

    with pytest.raises(IdempotencyInProgress):
        be_overtaken()
    assert world.names() == ["Ada"]
    assert world.create() in overtakers, "the late one gave nothing back that was not its own"


def test_a_lease_that_is_over_is_still_good_as_long_as_nobody_took_over(world: World) -> None:
    with world.run() as late:
        world.clock.advance(hours=1)
        first = world.carry_out(late)
    assert world.create() == first


def test_of_many_that_take_over_at_once_one_does(world: World) -> None:
    died(world)
    world.clock.advance(seconds=LEASE.total_seconds())

    def attempt(_: int) -> bytes | None:
        try:
            return world.create().body
        except IdempotencyInProgress:
            return None

    with ThreadPoolExecutor(16) as threads:
        answers = set(threads.map(attempt, range(32)))
    assert answers - {None} == {world.create().body}
    assert world.names() == ["Ada"]


def test_an_answer_is_given_again_for_its_lifetime_and_no_longer(world: World) -> None:
    first = world.create()
    world.clock.advance(milliseconds=DAY / timedelta(milliseconds=1) - 1)
    assert world.create() == first
    world.clock.advance(milliseconds=1)
    assert world.create(digest=OTHER, name="Grace") != first
    assert world.names() == ["Ada", "Grace"]


def test_organizations_and_modes_do_not_share_keys(world: World) -> None:
    world.create()
    stranger = add_organization(world.store, world.build.organization("globex"))
    for caller in (caller_of(stranger), caller_of(world.organization, is_test=False)):
        with world.idempotency(caller, "k", OTHER) as run:
            assert run.kept is None
            run.keep(KeptAnswer(200, (), b"theirs"))
    with world.run() as run:
        assert run.kept is not None
        assert run.kept.body != b"theirs"


def test_an_answer_that_was_moved_to_another_key_does_not_open(world: World) -> None:
    world.create("k")
    world.create("l", name="Grace")
    with world.engine.begin() as connection:
        connection.execute(
            sa.text(
                "UPDATE idempotency_records SET sealed = "
                "(SELECT sealed FROM idempotency_records ORDER BY key_sha256 LIMIT 1)"
            )
        )
    refused = 0
    for key in ("k", "l"):
        try:
            with world.run(key) as run:
                assert run.kept is not None
        except RecordUnreadable:
            refused += 1
    assert refused == 1
    assert world.names() == ["Ada", "Grace"]


def test_what_ended_is_swept_and_nothing_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "SWEEP_BATCH", 2)
    sweep = SweepIdempotency(store=world.store, clock=world.clock)
    for number in range(3):
        world.create(f"old-{number}", name=f"old-{number}")
    died(world)
    world.clock.advance(hours=23)
    world.create("new", name="new")
    assert not sweep()
    assert world.records() == 4, "only the reservation had ended"
    world.clock.advance(hours=1)
    assert sweep()
    assert not sweep()
    assert world.records() == 1
    assert world.create("new", name="again").body
    assert "again" not in world.names()
