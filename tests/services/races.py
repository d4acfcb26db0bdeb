"""Many who want the same thing at once, over a real store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Barrier
from typing import Any

from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import InvalidState
from app.domain.organization import Caller, Entity
from app.domain.session import BiometricSession, HostedState
from tests.builders import Builder
from tests.fakes import FakeClock

ROUNDS = 6
"""A race that is lost once in a while is lost."""

REASON = "looked at by a person"
Job = Callable[[], object]


@dataclass
class World:
    """One person's sessions, and whoever wants something of them."""

    store: SqlStore
    build: Builder
    caller: Caller
    entity: Entity
    clock: FakeClock

    def use_case(self, kind: Callable[..., Any], **more: object) -> Any:  # noqa: ANN401 (one of several kinds)
        return kind(store=self.store, clock=self.clock, randomness=self.build.randomness, **more)

    def add(self, state: HostedState, **changes: Any) -> BiometricSession:
        session, hosted = self.build.session(self.entity, **changes)
        with self.store.begin() as uow:
            uow.sessions.add(session, replace(hosted, state=state))
            uow.commit()
        return session

    def trail_of(self, object_id: str) -> list[str]:
        with self.store.read() as uow:
            entries = uow.audit.of_organization(self.entity.organization_id)
        return [entry.action for entry in entries if entry.object_id == object_id]


def at_once(jobs: Sequence[Job]) -> list[object]:
    """What each answered; None for those that came too late."""
    together = Barrier(len(jobs))

    def run(job: Job) -> object:
        together.wait()
        try:
            return job()
        except InvalidState:
            return None

    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(run, jobs))
