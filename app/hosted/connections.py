"""Which socket is which page of which session. One page at a time captures for a session."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from app.domain.frame_pace import FramePace
from app.hosted.bounded_websocket import BoundedServer
from app.services.ports import PageClaim

SOCKETS_PER_SESSION = 4
"""One page captures; others of the same link are told so. More than a few is nobody's honest use."""

TURNS = 64
"""Locks that sessions share by their id: few enough to keep for good, enough that they rarely meet."""


@dataclass
class PageConnection:
    """One connected socket. `page_id` is empty until its `hello`."""

    sid: str
    hosted_session_id: str
    socket: BoundedServer
    page_id: str = ""
    language: str = ""
    is_simulated: bool = False
    handoff_id: str | None = None
    """The handoff that its link came by: such a page is on the phone."""
    is_watching: bool = False
    """It follows what another device does, and may only end it."""
    is_waiting: bool = False
    """Its hello found no room."""
    is_hidden: bool = False
    """Something lies over its picture, by its own last word: nothing may be asked of the person."""
    versions: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    """Numbers of the `state` messages; drawn by several threads."""
    pace: FramePace = field(default_factory=FramePace)

    @property
    def is_phone(self) -> bool:
        """Whether its page is on the phone that a session was handed to."""
        return self.handoff_id is not None


class Connections:
    """Sockets by id, and the one that captures for each session."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_sid: dict[str, PageConnection] = {}
        self._capturing: dict[str, str] = {}
        self._phones_away: set[str] = set()
        # Reentrant: telling a page that is gone makes the library report its end in the same thread.
        self._turns = [threading.RLock() for _ in range(TURNS)]

    def turn_of(self, hosted_session_id: str) -> AbstractContextManager[object]:
        """Pages of one session come and go one after another: who was bound last is who captures."""
        return self._turns[hash(hosted_session_id) % TURNS]

    def add(self, sid: str, claim: PageClaim, socket: BoundedServer, limit: int) -> str | None:
        """A socket has joined with a valid token; why not where there are too many, of its session or in all."""
        hosted_session_id, handoff_id = claim.hosted_session_id, claim.handoff_id
        with self._lock:
            of_session = sum(1 for one in self._by_sid.values() if one.hosted_session_id == hosted_session_id)
            if of_session >= SOCKETS_PER_SESSION:
                return "too_many_pages"
            if len(self._by_sid) >= limit:
                return "busy"
            self._by_sid[sid] = PageConnection(sid, hosted_session_id, socket, handoff_id=handoff_id)
            return None

    def get(self, sid: str) -> PageConnection | None:
        """The connection of a socket."""
        with self._lock:
            return self._by_sid.get(sid)

    def bind(self, sid: str, page_id: str) -> PageConnection | None:
        """Make this socket the session's capturing one; returns the one it replaces, if another."""
        with self._lock:
            connection = self._by_sid.get(sid)
            if connection is None:
                return None
            connection.page_id, connection.is_watching = page_id, False
            connection.is_waiting, connection.is_hidden = False, False
            previous = self._capturing.get(connection.hosted_session_id)
            self._capturing[connection.hosted_session_id] = sid
            self._phones_away.discard(connection.hosted_session_id)
            return self._by_sid.get(previous) if previous not in (None, sid) else None

    def remove(self, sid: str) -> tuple[PageConnection | None, bool]:
        """Forget a socket; says whether it was the capturing one."""
        with self._lock:
            connection = self._by_sid.pop(sid, None)
            if connection is None:
                return None, False
            was_capturing = self._capturing.get(connection.hosted_session_id) == sid
            if was_capturing:
                del self._capturing[connection.hosted_session_id]
                if connection.is_phone:
                    self._phones_away.add(connection.hosted_session_id)
            if all(one.hosted_session_id != connection.hosted_session_id for one in self._by_sid.values()):
                self._phones_away.discard(connection.hosted_session_id)
            return connection, was_capturing

    def is_phone_away(self, hosted_session_id: str) -> bool:
        """Whether the phone has captured here and no socket of it is left: line down, or page closed."""
        with self._lock:
            of_session = [one for one in self._by_sid.values() if one.hosted_session_id == hosted_session_id]
            return hosted_session_id in self._phones_away and not any(one.is_phone for one in of_session)

    def watch(self, sid: str) -> bool:
        """This socket follows from now on; says whether it was the capturing one."""
        with self._lock:
            connection = self._by_sid.get(sid)
            if connection is None:
                return False
            connection.is_watching = True
            was_capturing = self._capturing.get(connection.hosted_session_id) == sid
            if was_capturing:
                del self._capturing[connection.hosted_session_id]
            return was_capturing

    def watchers(self, hosted_session_id: str) -> Sequence[PageConnection]:
        """Sockets that follow the session."""
        with self._lock:
            of_session = [one for one in self._by_sid.values() if one.hosted_session_id == hosted_session_id]
        return [one for one in of_session if one.is_watching]

    def open_pages(self) -> Sequence[str]:
        """Hosted sessions of which a page is connected here and captures or watches."""
        with self._lock:
            watched = {one.hosted_session_id for one in self._by_sid.values() if one.is_watching}
            return list(watched | self._capturing.keys())

    def capturing_sid(self, hosted_session_id: str) -> str | None:
        """Socket that captures for the session now."""
        with self._lock:
            return self._capturing.get(hosted_session_id)
