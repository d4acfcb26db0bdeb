"""Sessions live as a small model says, whatever is done to them and in whichever order.

How many steps: BONAFIDE_TEST_STEPS, 2,000 at least. Each world sees fifty of them at most; steps are counted, and
worlds are made until there were enough.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from app.adapters.db.engine import make_engine
from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import (
    ActiveSessionExists,
    BonafideError,
    EntityPaused,
    InvalidState,
    KycNotApproved,
    MatchingUnavailable,
)
from app.domain.session import BiometricSession, SessionStatus
from app.services.open_session import SessionRequest
from tests.services.lives import PAUSE, PEOPLE, REASON, Life, Subject, World

STEPS = max(2_000, int(os.environ.get("BONAFIDE_TEST_STEPS", "0")))
STEPS_OF_A_WORLD = 50
ENDS = {status.value for status in SessionStatus if status.is_terminal}
S = SessionStatus

people = st.integers(0, PEOPLE - 1)
subjects = st.sampled_from(list(Subject))
captured = st.sampled_from([None, *Subject])
"""Who is captured first, where nobody was yet: verdicts would be rare otherwise."""

steps_of_time = st.sampled_from([timedelta(minutes=minutes) for minutes in (1, 1, 14, 15, 8 * 60, 24 * 60)])
sessions = st.tuples(people, st.sampled_from([0, 0, 0, 1, 2]))
"""Whose, and how many came after it: most often somebody's latest, where there is something to happen."""

looked_for = st.sampled_from([None, *S, S.PENDING, S.EXPIRED, S.IN_PROGRESS, S.ABANDONED])
"""Those that time changes more often than those it does not."""


class SessionLives(RuleBasedStateMachine):
    """Every step is taken in the model and in the world, and both must answer the same."""

    template: ClassVar[Path]
    steps_in_all: ClassVar[int]
    happened: ClassVar[Counter[str]]
    """In all worlds, by the names of the audit trail."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = -1
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "store.sqlite3"
        shutil.copy(self.template, path)
        self.engine = make_engine(f"sqlite:///{path}")
        sa.event.listen(self.engine, "connect", lambda one, _: one.execute("PRAGMA synchronous=OFF"))
        self.world = World(SqlStore(self.engine))
        self.all: list[Life] = []

    @invariant()
    def count(self) -> None:
        """Called once before the first step, and after each."""
        self.steps += 1

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def agree(self, life: Life, step: Callable[[], object], refusal: type[BonafideError] | None) -> None:
        """Take the step; it must be refused where the model refuses it. Then the session must be as it has it."""
        if refusal is None:
            step()
        else:
            with pytest.raises(refusal):
                step()
        self.compare(life, self.world.read.by_id(self.world.caller, life.session.session_id))

    def compare(self, life: Life, session: BiometricSession) -> None:
        assert session.status is life.status
        assert session.is_in_review is life.is_in_review
        assert (session.completed_at is None) is life.is_active
        if life.status in (S.APPROVED, S.REJECTED, S.CANCELLED):
            assert session.completed_at == life.completed_at

    def find(self, which: tuple[int, int]) -> Life:
        """The session, which is opened where there is none: a step that finds nothing would be wasted."""
        person, older = which
        own = [life for life in reversed(self.all) if life.person == person]
        if not own:
            whose = self.world.people[person]
            if not whose.has_reference:
                self.judge_validation(person, approves=True)
            self.create(person)
            return self.all[-1]
        return own[min(older, len(own) - 1)]

    def find_running(self, person: int) -> Life:
        """The latest session; another is asked for where that is over. It may be refused."""
        life = self.find((person, 0))
        if life.is_active:
            return life
        self.create(person)
        return self.find((person, 0))

    def find_captured(self, which: tuple[int, int], subject: Subject | None) -> Life:
        """The session; somebody's latest sits before the camera first, if so wished."""
        person, older = which
        if subject is not None and older == 0:
            self.capture(person, subject)
        return self.find(which)

    def settle(self) -> None:
        for life in self.all:
            life.settle(self.now)

    # What people, integrators and time do

    @rule(person=people)
    def create(self, person: int) -> None:
        refusal = self._refusal_of_opening(person)
        request = SessionRequest(self.world.people[person].entity.entity_id)
        if refusal is not None:
            with pytest.raises(refusal):
                self.world.open(self.world.caller, request)
        else:
            self.all.append(Life(self.world.open(self.world.caller, request), person))

    def _refusal_of_opening(self, person: int) -> type[BonafideError] | None:
        own = [life for life in self.all if life.person == person]
        since = self.now - timedelta(hours=PAUSE.pause_hours)
        failures = [
            one for one in own if one.status is S.REJECTED and one.completed_at and one.completed_at >= since
        ]
        if not self.world.people[person].has_reference:
            return KycNotApproved
        if len(failures) >= PAUSE.pause_after_failures:
            return EntityPaused
        return ActiveSessionExists if any(life.is_active for life in own) else None

    @rule(step=steps_of_time)
    def wait(self, step: timedelta) -> None:
        self.world.clock.advance(seconds=step.total_seconds())
        self.settle()

    @rule(person=people, begins=st.booleans(), status=looked_for)
    def forget(self, person: int, begins: bool, status: SessionStatus | None) -> None:
        """Somebody's session is left alone for a day, and the list is the first to notice."""
        life = self.find_running(person)
        if begins:
            self.begin(person)
        self.wait(timedelta(hours=24))
        self.look(None, status, 3)
        self.compare(life, self.world.read.by_id(self.world.caller, life.session.session_id))

    @rule(person=people)
    def begin(self, person: int) -> None:
        life = self.find_running(person)
        if life.status is S.PENDING:
            self.world.begin(life.session)
            life.status, life.active_at = S.IN_PROGRESS, self.now

    @rule(person=people)
    def move(self, person: int) -> None:
        life = self.find_running(person)
        if life.status is S.IN_PROGRESS and life.subject is None:
            self.world.touch(life.session)
            life.active_at = self.now

    @rule(person=people, subject=subjects)
    def capture(self, person: int, subject: Subject) -> None:
        self.begin(person)
        life = self.find_running(person)
        if life.status is S.IN_PROGRESS and life.subject is None:
            self.world.capture(life.session, subject)
            life.subject = subject

    @rule(person=people, approves=st.sampled_from([True, True, True, False]))
    def judge_validation(self, person: int, approves: bool) -> None:
        whose, review = self.world.people[person], self.world.review_validation
        judge = partial(
            review.approve if approves else review.reject,
            self.world.caller,
            whose.validation.validation_id,
            REASON,
        )
        if whose.has_reference is approves:
            with pytest.raises(InvalidState):
                judge()
        else:
            judge()
        whose.has_reference = approves

    @rule(is_away=st.sampled_from([False, False, False, True]))
    def core(self, is_away: bool) -> None:
        self.world.core.is_away = is_away

    @rule(person=people, subject=subjects)
    def lose_verdict(self, person: int, subject: Subject) -> None:
        """Half of a verdict is written."""
        self.capture(person, subject)
        life = self.find((person, 0))
        if life.waits and life.subject is not None:
            self.world.lose_verdict(life.session, life.subject)
            life.is_verdict_lost = True

    # What ends a session

    @rule(which=sessions, subject=captured)
    def complete(self, which: tuple[int, int], subject: Subject | None) -> None:
        """The upload or the background decides; a verdict that was lost is none of its business."""
        life = self.find_captured(which, subject)
        refusal = MatchingUnavailable if life.waits and self.world.core.is_away else None
        if life.waits and refusal is None:
            life.decide(self.now, has_reference=self.world.people[life.person].has_reference)
        self.agree(life, lambda: self.world.decide(life.session.hosted_session_id), refusal)

    @rule(which=sessions, subject=captured)
    def sync(self, which: tuple[int, int], subject: Subject | None) -> None:
        life = self.find_captured(which, subject)
        refusal = MatchingUnavailable if life.waits and self.world.core.is_away else None
        if life.is_verdict_lost:
            life.decide(self.now, has_reference=True)
        elif life.waits and refusal is None:
            life.decide(self.now, has_reference=self.world.people[life.person].has_reference)
        self.agree(life, lambda: self.world.sync(self.world.caller, life.session.session_id), refusal)

    @rule(which=sessions)
    def cancel(self, which: tuple[int, int]) -> None:
        life = self.find(which)
        refusal = None if life.is_active else InvalidState
        if refusal is None:
            life.end(S.CANCELLED, self.now)
        self.agree(life, lambda: self.world.cancel(self.world.caller, life.session.session_id), refusal)

    @rule(which=sessions, approves=st.booleans(), is_decided=st.booleans())
    def review(self, which: tuple[int, int], approves: bool, is_decided: bool) -> None:
        if is_decided:
            self.complete(which, Subject.UNSURE)
        life = self.find(which)
        refusal = None if life.is_in_review else InvalidState
        if refusal is None:
            life.end(S.APPROVED if approves else S.REJECTED, self.now)
        review = self.world.review.approve if approves else self.world.review.reject
        self.agree(life, lambda: review(self.world.caller, life.session.session_id, REASON), refusal)

    # What is seen of it

    @rule(person=st.none() | people, status=looked_for, limit=st.integers(1, 4))
    def look(self, person: int | None, status: SessionStatus | None, limit: int) -> None:
        """Page by page, newest first, all of them and no other."""
        wanted = [one for one in reversed(self.all) if person in (None, one.person)]
        own = wanted
        wanted = [one for one in wanted if status in (None, one.status)]
        for offset in range(0, len(wanted) + 1, limit):
            page = self.world.list(
                self.world.caller,
                entity_id=None if person is None else self.world.people[person].entity.entity_id,
                status=status,
                limit=limit,
                offset=offset,
            )
            expected = wanted[offset : offset + limit]
            assert [one.session_id for one in page.sessions] == [one.session.session_id for one in expected]
            for life, session in zip(expected, page.sessions, strict=True):
                self.compare(life, session)
            assert page.total == len(wanted)
            assert page.current_session_id == (None if person is None else _latest_approved(own))

    @rule(person=people)
    def look_at_current(self, person: int) -> None:
        own = [one for one in reversed(self.all) if one.person == person]
        entity_id = self.world.people[person].entity.entity_id
        latest = self.world.read.latest_of(self.world.caller, entity_id, only_approved=False)
        assert (latest and latest.session_id) == (own[0].session.session_id if own else None)
        approved = self.world.read.latest_of(self.world.caller, entity_id, only_approved=True)
        assert (approved and approved.session_id) == _latest_approved(own)

    def teardown(self) -> None:
        """Every session ended once, or not at all; nobody reviewed it twice."""
        self.settle()
        for life in self.all:
            self.compare(life, self.world.read.by_id(self.world.caller, life.session.session_id))
        trail = self.world.trail()
        for life in self.all:
            happened = trail[life.session.session_id]
            ends = [what for what in happened if what in ENDS]
            assert ends == ([] if life.is_active else [life.status.value])
            assert happened.count("in_review") <= 1
            self.happened.update(happened)
        type(self).steps_in_all += self.steps
        self.engine.dispose()
        self.folder.cleanup()


def _latest_approved(newest_first: list[Life]) -> str | None:
    approved = [(one.completed_at, one.session.session_id) for one in newest_first if one.status is S.APPROVED]
    return max(approved)[1] if approved else None


def test_whatever_is_done_sessions_live_as_the_model_says(sqlite_template: Path) -> None:
    class Lives(SessionLives):
        template = sqlite_template
        steps_in_all = 0
        happened: ClassVar[Counter[str]] = Counter()

    while Lives.steps_in_all < STEPS:
        run_state_machine_as_test(
            Lives,
            settings=settings(
                max_examples=math.ceil((STEPS - Lives.steps_in_all) / STEPS_OF_A_WORLD),
                stateful_step_count=STEPS_OF_A_WORLD,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    assert {"created", "in_progress", "in_review", *ENDS} <= Lives.happened.keys(), "nothing was left out"
