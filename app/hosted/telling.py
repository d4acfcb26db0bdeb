"""What a page is told beside the answers to its own messages."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from flask_socketio import Namespace

from app.domain.capture_events import (
    AttemptFailed,
    CaptureEvent,
    ChallengeAsked,
    ChallengeJudged,
    StillRequested,
)
from app.domain.errors import BonafideError
from app.domain.light import LightNoticed
from app.domain.session import BiometricSession
from app.hosted import protocol
from app.hosted.allowance import WRITE_COST
from app.hosted.connections import Connections, PageConnection
from app.hosted.handoff_wire import watch_json
from app.hosted.services import HostedServices
from app.hosted.wire import Json, event_messages, outcome_json, refusal, view_json
from app.services.capture_view import Outcome, PageState
from app.services.observe_frame import FrameResult
from app.services.start_capture import UnknownHostedSession

log = logging.getLogger(__name__)


class TooFast(Exception):
    """The page asks for the store more often than any page needs to."""


def spend_write(connection: PageConnection) -> None:
    """A message that reads or writes the store has its price. `TooFast` where the page cannot pay it."""
    if not connection.socket.allowance.spend(WRITE_COST):
        raise TooFast


WATCHED_EVENTS = (ChallengeAsked, ChallengeJudged, AttemptFailed, LightNoticed, StillRequested)
"""What moves the progress that a watching page shows."""


class PageTeller(Namespace):  # type: ignore[misc]
    """The part of the namespace `/capture` that speaks first."""

    def __init__(self, services: HostedServices, connections: Connections) -> None:
        super().__init__(protocol.NAMESPACE)
        self._services = services
        self._connections = connections

    def tell(self, connection: PageConnection, result: FrameResult) -> None:
        """Send what a frame led to, with the state where it changed."""
        self.send(connection, result.events)
        if result.ended is not None:
            self.announce_end(connection, result.ended)
            self.tell_watchers(connection.hosted_session_id)
            return
        if any(isinstance(event, WATCHED_EVENTS) for event in result.events):
            self.tell_watchers(connection.hosted_session_id)
        for event in result.events:
            match event:
                case AttemptFailed(reason=reason):
                    self.emit("state", self.state(connection, reason), room=connection.sid)
                case ChallengeAsked(is_first=True):
                    self.emit("state", self.state(connection), room=connection.sid)
                case LightNoticed():
                    self.emit("state", self.state(connection), room=connection.sid)
                    self.notice_light(connection)
                case StillRequested():
                    self.emit("state", self.state(connection), room=connection.sid)
                    self.request_still(connection)
                case _:
                    pass

    def send(self, connection: PageConnection, events: Sequence[CaptureEvent]) -> None:
        for name, message in event_messages(events):
            self.emit(name, message, room=connection.sid)

    def notice_light(self, connection: PageConnection) -> None:
        """The notice, as long as it is unanswered; whoever comes back in coloured light gets the next colour."""
        live = self._services.live.get(connection.hosted_session_id)
        if live is not None and live.run.is_light_unanswered:
            self.emit("light_notice", {"nonce": live.run.nonce}, room=connection.sid)

    def request_still(self, connection: PageConnection) -> None:
        live = self._services.live.get(connection.hosted_session_id)
        if live is None:
            return
        ticket = self._services.links.upload_ticket(
            connection.hosted_session_id, live.attempts_used, live.run.nonce
        )
        message = {
            "ticket": ticket,
            "max_bytes": self._services.image_max_bytes,
            "width": protocol.STILL_WIDTH,
            "height": protocol.STILL_HEIGHT,
        }
        self.emit("capture_request", message, room=connection.sid)

    def announce_end(self, connection: PageConnection, session: BiometricSession) -> None:
        outcome = self._services.presenter.outcome_of(session)
        self.emit("result", self.result(connection, outcome), room=connection.sid)

    def result(self, connection: PageConnection, outcome: Outcome | None) -> Json | None:
        """The outcome for this device: sent on, or told where it goes on."""
        return self.result_of(connection.hosted_session_id, outcome, is_phone=connection.is_phone)

    def result_of(
        self, hosted_session_id: str, outcome: Outcome | None, *, is_phone: bool | None = None
    ) -> Json | None:
        """`is_phone` None: the device that has completed it."""
        if outcome is not None:
            outcome = self._services.handoffs.result_for(hosted_session_id, outcome, is_phone=is_phone)
        return outcome_json(outcome, hosted_session_id)

    def tell_watchers(self, hosted_session_id: str) -> None:
        """Tell the pages that follow the session how far it is, or how it ended. They can ask, so no error."""
        for watcher in self._connections.watchers(hosted_session_id):
            try:
                name, message = self.watched(watcher)
            except (BonafideError, UnknownHostedSession) as error:
                log.warning("capture %s: watcher not told: %s", hosted_session_id, type(error).__name__)
                return
            self.emit(name, message, room=watcher.sid)

    def watched(self, watcher: PageConnection) -> tuple[str, Json]:
        """`watch_state` or `result`: never a ticket, a nonce, or anything a frame needs."""
        hosted_session_id = watcher.hosted_session_id
        version = self.next_version(watcher)
        _, view = self._services.read_capture(hosted_session_id)
        if view.outcome is not None:
            return "result", self.result(watcher, view.outcome) or {}
        handoff = self._services.handoffs.watch(hosted_session_id)
        live = self._services.live.get(hosted_session_id)
        told = watch_json(view, handoff, live, version, self._services.clock.now())
        return "watch_state", {**told, "away": self._connections.is_phone_away(hosted_session_id)}

    def open_pages(self) -> Sequence[str]:
        """Hosted sessions whose page can be told something."""
        return self._connections.open_pages()

    def announce(self, hosted_session_id: str, reason: str | None = None) -> None:
        """Tell the pages, wherever they are, how their session stands now. They can also ask, so no error.

        `reason` is why the attempt is over, where it is.
        """
        self.tell_watchers(hosted_session_id)
        sid = self._connections.capturing_sid(hosted_session_id)
        connection = self._connections.get(sid) if sid else None
        if connection is None:
            return
        try:
            message = self.state(connection, reason)
        except (BonafideError, UnknownHostedSession) as error:
            log.warning("capture %s: page not told: %s", hosted_session_id, type(error).__name__)
            return
        if message["state"] == PageState.DONE:
            return
        self.emit("state", message, room=connection.sid)
        if message["state"] == PageState.CAPTURE:
            self.request_still(connection)

    def not_expected(self, connection: PageConnection) -> Json:
        return self.refused(connection, "not_expected")

    def refused(self, connection: PageConnection, code: str) -> Json:
        """What the page asked for cannot be now; with the state that it is in."""
        return {**refusal(code, connection.hosted_session_id), **self.state(connection)}

    def state(self, connection: PageConnection, reason: str | None = None) -> Json:
        """The state for the page; where the session is over (by others, or by time), its result goes first."""
        # Numbered before it is read: what was read later never carries a lower number.
        version = self.next_version(connection)
        _, view = self._services.read_capture(connection.hosted_session_id)
        if view.outcome is not None:
            self.emit("result", self.result(connection, view.outcome), room=connection.sid)
        return view_json(view, version, reason)

    def next_version(self, connection: PageConnection) -> int:
        return next(connection.versions)
