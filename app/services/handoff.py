"""A session is handed to a phone: asked for on the computer, taken on the phone, watched meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.handoff import (
    HANDOFFS_MAX,
    AskingDevice,
    Handoff,
    HandoffState,
    draw_numbers,
    is_sent_on,
)
from app.domain.session import waits_for_person
from app.services.audit import record
from app.services.capture_view import Outcome
from app.services.ports import Clock, Randomness
from app.services.start_capture import LoadedSession, ReadCapture, UnknownHostedSession, load_session
from app.services.store import Store, UnitOfWork

PHONE, COMPUTER = "phone", "computer"


class HandoffNotExpected(Exception):
    """The session is over, its capture is in, or a phone has it: there is nothing to hand over."""


class HandoffsUsedUp(Exception):
    """The session has asked for as many links as it may."""


class LinkProblem(StrEnum):
    """Why a link leads nowhere; each has a page of its own."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    USED = "used"
    REFUSED = "refused"
    VOID = "void"
    OVER = "over"


class LinkUnusable(Exception):
    """The link of a handoff leads nowhere. `loaded` is its session, None where there is none."""

    def __init__(self, problem: LinkProblem, loaded: LoadedSession | None = None) -> None:
        super().__init__(problem.value)
        self.problem, self.loaded = problem, loaded


_ENDED = {
    HandoffState.TAKEN: LinkProblem.USED,
    HandoffState.REFUSED: LinkProblem.REFUSED,
    HandoffState.VOID: LinkProblem.VOID,
}


@dataclass(frozen=True, kw_only=True)
class RequestHandoff:
    """The computer's page asks for a link. One that was asked for before is void."""

    store: Store
    clock: Clock
    randomness: Randomness
    lifetime: timedelta

    def __call__(self, hosted_session_id: str, device: AskingDevice) -> Handoff:
        """`HandoffNotExpected`, `HandoffsUsedUp`, `UnknownHostedSession`."""
        now = self.clock.now()
        with self.store.begin() as uow:
            loaded = load_session(uow, hosted_session_id)
            latest = uow.handoffs.latest(hosted_session_id)
            if not waits_for_person(loaded.session, loaded.hosted) or (latest and latest.is_taken):
                raise HandoffNotExpected
            if uow.handoffs.count(hosted_session_id) >= HANDOFFS_MAX:
                raise HandoffsUsedUp
            uow.handoffs.void_standing(hosted_session_id, now)
            handoff = self._new(loaded, device, now)
            uow.handoffs.add(handoff)
            uow.sessions.touch(loaded.session.session_id, now)
            _record(uow, self.randomness, loaded, "hosted_session.handoff_asked", now)
            uow.commit()
        return handoff

    def _new(self, loaded: LoadedSession, device: AskingDevice, now: datetime) -> Handoff:
        number, choices = draw_numbers(self.randomness.choose)
        return Handoff(
            handoff_id=self.randomness.object_id(),
            hosted_session_id=loaded.hosted.hosted_session_id,
            organization_id=loaded.session.organization_id,
            state=HandoffState.OPEN,
            number=number,
            choices=choices,
            created_at=now,
            expires_at=now + self.lifetime,
            browser=device.browser,
            system=device.system,
        )


@dataclass(frozen=True, kw_only=True)
class ReadHandoff:
    """What the phone is shown before it takes the session. Begins nothing: link previews fetch pages."""

    store: Store
    clock: Clock
    read_capture: ReadCapture

    def __call__(self, handoff_id: str) -> tuple[Handoff, LoadedSession]:
        """`LinkUnusable` where the link leads nowhere (any more)."""
        with self.store.read() as uow:
            handoff = uow.handoffs.get(handoff_id)
        if handoff is None:
            raise LinkUnusable(LinkProblem.UNKNOWN)
        try:
            loaded, _ = self.read_capture(handoff.hosted_session_id)
        except UnknownHostedSession:
            raise LinkUnusable(LinkProblem.UNKNOWN) from None
        problem = _problem_of(handoff, loaded, self.clock.now())
        if problem is not None:
            raise LinkUnusable(problem, loaded)
        return handoff, loaded


@dataclass(frozen=True, kw_only=True)
class TakeHandoff:
    """The phone takes the session by the computer's number. The link works once, rightly or wrongly."""

    store: Store
    clock: Clock
    randomness: Randomness
    read_handoff: ReadHandoff

    def __call__(self, handoff_id: str, number: int) -> Handoff:
        """The handoff, taken. `LinkUnusable` where it is not, because of the number as well."""
        self.read_handoff(handoff_id)
        now = self.clock.now()
        with self.store.begin() as uow:
            handoff = uow.handoffs.get(handoff_id)
            if handoff is None:
                raise LinkUnusable(LinkProblem.UNKNOWN)
            # Locks the session: a computer that takes it back comes wholly before or after.
            loaded = load_session(uow, handoff.hosted_session_id)
            problem = _problem_of(handoff, loaded, now)
            state = HandoffState.TAKEN if number == handoff.number else HandoffState.REFUSED
            if problem is None and not uow.handoffs.end(handoff_id, state, now):
                problem = LinkProblem.USED
            if problem is not None:
                raise LinkUnusable(problem, loaded)
            uow.sessions.touch(loaded.session.session_id, now)
            _record(uow, self.randomness, loaded, f"hosted_session.handoff_{state.value}", now)
            uow.commit()
        if state is HandoffState.REFUSED:
            raise LinkUnusable(LinkProblem.REFUSED, loaded)
        return replace(handoff, state=state, ended_at=now)


@dataclass(frozen=True, kw_only=True)
class WatchHandoff:
    """How the latest link stands. A computer that waits for its phone keeps the session from running out."""

    store: Store
    clock: Clock

    def __call__(self, hosted_session_id: str, *, is_waiting: bool = False) -> Handoff | None:
        """None where there is no link, or the last one is void. `is_waiting`: its page is open and says so."""
        with self.store.read() as uow:
            handoff = uow.handoffs.latest(hosted_session_id)
        if handoff is None or handoff.state is HandoffState.VOID:
            return None
        if is_waiting and handoff.is_open(self.clock.now()):
            with self.store.begin() as uow:
                session = load_session(uow, hosted_session_id).session
                uow.sessions.touch(session.session_id, self.clock.now())
                uow.commit()
        return handoff


@dataclass(frozen=True, kw_only=True)
class ResultFor:
    """The outcome for one of two devices: by `callbackMethod` it is sent on, or told where it goes on."""

    store: Store

    def __call__(self, hosted_session_id: str, outcome: Outcome, *, is_phone: bool | None = None) -> Outcome:
        """`is_phone` None: the device that has completed it."""
        with self.store.read() as uow:
            handoff = uow.handoffs.latest(hosted_session_id)
            if handoff is None:
                return outcome
            method = load_session(uow, hosted_session_id).settings.callback_method
        is_phone = handoff.is_taken if is_phone is None else is_phone
        if outcome.redirect is None:
            # The integrator's page is where it began.
            return replace(outcome, continue_on=COMPUTER if is_phone else None)
        if is_sent_on(method, is_phone=is_phone, was_completed_by_phone=handoff.is_taken):
            return outcome
        return replace(outcome, redirect=None, continue_on=COMPUTER if is_phone else PHONE)


@dataclass(frozen=True)
class Handoffs:
    """All of it, as the hosted part is given it."""

    request: RequestHandoff
    read: ReadHandoff
    take: TakeHandoff
    watch: WatchHandoff
    result_for: ResultFor


def make_handoffs(
    store: Store, clock: Clock, randomness: Randomness, read_capture: ReadCapture, lifetime: timedelta
) -> Handoffs:
    """The use cases over one store."""
    read = ReadHandoff(store=store, clock=clock, read_capture=read_capture)
    return Handoffs(
        request=RequestHandoff(store=store, clock=clock, randomness=randomness, lifetime=lifetime),
        read=read,
        take=TakeHandoff(store=store, clock=clock, randomness=randomness, read_handoff=read),
        watch=WatchHandoff(store=store, clock=clock),
        result_for=ResultFor(store=store),
    )


def _problem_of(handoff: Handoff, loaded: LoadedSession, now: datetime) -> LinkProblem | None:
    if not waits_for_person(loaded.session, loaded.hosted) and handoff.state is not HandoffState.REFUSED:
        return LinkProblem.OVER
    if handoff.state is not HandoffState.OPEN:
        return _ENDED[handoff.state]
    return None if handoff.is_open(now) else LinkProblem.EXPIRED


def _record(uow: UnitOfWork, randomness: Randomness, loaded: LoadedSession, action: str, now: datetime) -> None:
    record(
        uow,
        randomness,
        now,
        organization_id=loaded.session.organization_id,
        actor="capture_subject",
        action=action,
        object_id=loaded.session.session_id,
    )
