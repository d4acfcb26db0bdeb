"""Sessions that have run out of time are ended, read or not, and pages that are still open are told of any end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from app.domain.errors import StoreUnavailable
from app.domain.session import BiometricSession
from app.services.ports import Clock, Randomness
from app.services.read_session import end_if_overdue
from app.services.store import Store

BATCH = 50
"""Sessions of each kind a batch, each in a transaction of its own: well below a second of work."""

TRY_AGAIN_MS = 10 * 60 * 1_000
"""Until a session is tried again whose end failed as it never should: it must not hold up the others."""


@dataclass(frozen=True, kw_only=True)
class ExpireSessions:
    """One batch of overdue sessions, the longest due first. Any number of processes may do it at once.

    `note_failure` is told what failed in a way that should not happen.
    """

    store: Store
    clock: Clock
    randomness: Randomness
    abandon_after: timedelta
    note_failure: Callable[[str, Exception], None]
    _again_at_ms: dict[str, int] = field(default_factory=dict)

    def __call__(self) -> bool:
        """Whether more may be overdue. `StoreUnavailable`: the rest waits."""
        now_ms = self.clock.monotonic_ms()
        for session_id in [one for one, at in self._again_at_ms.items() if at <= now_ms]:
            del self._again_at_ms[session_id]
        now, limit = self.clock.now(), BATCH + len(self._again_at_ms)
        with self.store.read() as uow:
            overdue = uow.sessions.overdue(now, now - self.abandon_after, limit)
        turn = [one for one in overdue if one.session_id not in self._again_at_ms]
        for session in turn:
            self._end(session)
        return len(turn) >= BATCH

    def _end(self, session: BiometricSession) -> None:
        """What somebody else has ended, or woken, since it was looked at stays as it is."""
        try:
            with self.store.begin() as uow:
                end_if_overdue(uow, self.randomness, session, self.clock.now(), self.abandon_after)
                uow.commit()
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up the others
            self.note_failure(f"ending session {session.session_id}", error)
            self._again_at_ms[session.session_id] = self.clock.monotonic_ms() + TRY_AGAIN_MS


@dataclass(frozen=True, kw_only=True)
class TellEnded:
    """Whoever ended a session, in whatever process: its page hears of it here, where it is connected.

    `open_pages` names the hosted sessions with a page, `tell` lets one of them know how it stands, `forget` drops
    what memory still holds of its capture.
    """

    store: Store
    open_pages: Callable[[], Sequence[str]]
    tell: Callable[[str], None]
    forget: Callable[[str], None]
    _told: set[str] = field(default_factory=set)

    def __call__(self) -> bool:
        """False: nothing is left to do at once. `StoreUnavailable`: pages are told later."""
        pages = frozenset(self.open_pages())
        self._told.intersection_update(pages)
        if untold := pages - self._told:
            with self.store.read() as uow:
                ended = uow.sessions.ended_of(untold)
            for hosted_session_id in ended:
                self._told.add(hosted_session_id)
                self.forget(hosted_session_id)
                self.tell(hosted_session_id)
        return False
