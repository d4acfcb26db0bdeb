"""The judge of the kill test: it sees what is lost, told differently, or changed afterwards."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.config import Settings
from app.domain.event import PER_REQUEST_EVENTS
from app.domain.session import BiometricSession, SessionStatus
from app.services.end_session import begin_session, end_session
from app.services.events import emit_session
from bench import kill_outbox as bench
from bench.kill_outbox import Lives
from bench.outbox import World, environment, opened

ENDS = (SessionStatus.REJECTED, SessionStatus.ABANDONED)


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    environ = environment(tmp_path, None)
    settings = Settings.from_env(environ, dev=True)
    with opened(environ) as world:
        world.endpoint("http://127.0.0.1:9/endpoint")
        chance = random.Random(1)  # noqa: S311 (reproducible on purpose)
        yield Lives(world, settings, environ, tmp_path, "http://127.0.0.1:9", chance)


def ended(world: World, status: SessionStatus) -> BiometricSession:
    randomness, now = world.infrastructure.randomness, world.infrastructure.clock.now()
    entity = replace(world.build.entity(world.organization), entity_id=randomness.object_id())
    session, hosted = world.build.session(entity, webhook_url="http://127.0.0.1:9/own")
    with world.infrastructure.store.begin() as uow:
        uow.entities.add(entity)
        uow.sessions.add(session, hosted)
        emit_session(uow, randomness, session, now)
        begun = begin_session(uow, randomness, session, now)
        assert begun is not None
        after = end_session(uow, randomness, begun, status, now, actor="test")
        assert after is not None
        uow.commit()
    return after


def told(lives: Lives) -> list[str]:
    """What comes where everything does: every delivery once, as the receiver notes it."""
    lines = []
    for event in bench._events(lives.world):
        status = event.session.status.value if event.session else ""
        one = f"{event.event_id} {event.sequence} {event.name} {event.object_id} {status}"
        lines.append(f"{one} /endpoint")
        if event.name in PER_REQUEST_EVENTS:
            lines.append(f"{one} /own")
    return lines


def test_everything_that_came_is_no_trouble_and_neither_is_what_came_twice(lives: Lives) -> None:
    sessions = [ended(lives.world, status) for status in ENDS]
    for session in sessions:
        lives.answer({"id": session.session_id, "status": session.status.value})
    figures, troubles = bench.judge(lives, [*told(lives), *told(lives)])
    assert troubles == []
    assert (figures["terminal"], figures["rejected"], figures["repeated"]) == (2, 1, len(told(lives)))


@pytest.mark.parametrize("path", ["/endpoint", "/own"])
def test_what_did_not_come_is_found(lives: Lives, path: str) -> None:
    session = ended(lives.world, SessionStatus.ABANDONED)
    lines = [line for line in told(lives) if not line.endswith(f"abandoned {path}")]
    (trouble,) = bench.judge(lives, lines)[1]
    assert trouble.startswith(session.session_id)


def test_another_webhook_id_is_found(lives: Lives) -> None:
    session = ended(lives.world, SessionStatus.REJECTED)
    again = f"another 9 biometric.session_rejected {session.session_id} rejected /endpoint"
    assert len(bench.judge(lives, [*told(lives), again])[1]) == 1


def test_a_status_that_changed_or_was_lost_is_found(lives: Lives) -> None:
    session = ended(lives.world, SessionStatus.REJECTED)
    lives.answer({"id": session.session_id, "status": "approved"})
    lives.answer({"id": "never-stored", "status": "cancelled"})
    lives.answer({"id": "never-stored", "status": "expired"})
    troubles = bench.judge(lives, told(lives))[1]
    assert len(troubles) == 3
