"""The part of the namespace `/capture` that hands a session to a phone and lets the computer follow."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from flask import request

from app.domain.errors import BonafideError
from app.domain.handoff import asking_device
from app.hosted.connections import PageConnection
from app.hosted.handoff_wire import handoff_json
from app.hosted.messages import Handoff, Watch, read_message
from app.hosted.telling import PageTeller, spend_write
from app.hosted.wire import Json, refusal
from app.services.handoff import HandoffNotExpected, HandoffsUsedUp

log = logging.getLogger(__name__)


class WatchTeller(PageTeller):
    """`handoff` and `watch`. A page that watches gets no ticket, no nonce, and no say but to end it."""

    def on_handoff(self, connection: PageConnection, payload: Sequence[object]) -> Json:
        """A link for the phone, its QR code, and the number to match; the one before is void."""
        if read_message(Handoff, payload[0] if payload else None) is None:
            return refusal("invalid_message", connection.hosted_session_id, is_retryable=False)
        spend_write(connection)
        if self.has_lost(connection):
            return refusal("superseded", connection.hosted_session_id, is_retryable=False)
        if connection.is_phone:
            return refusal("not_expected", connection.hosted_session_id, is_retryable=False)
        device = asking_device(request.headers.get("User-Agent", ""))
        try:
            handoff = self._services.handoffs.request(connection.hosted_session_id, device)
        except HandoffNotExpected:
            return refusal("not_expected", connection.hosted_session_id, is_retryable=False)
        except HandoffsUsedUp:
            return refusal("handoff_limit", connection.hosted_session_id, is_retryable=False)
        token = self._services.links.handoff_token(handoff.handoff_id, handoff.created_at)
        link = f"{self._services.public_url}/handoff/{token}"
        return {"ok": True, **handoff_json(handoff, link, self._services.clock.now())}

    def on_watch(self, connection: PageConnection, payload: Sequence[object]) -> Json:
        """Follow the phone. `not_expected` where no link stands: then the page says hello."""
        if read_message(Watch, payload[0] if payload else None) is None:
            return refusal("invalid_message", connection.hosted_session_id, is_retryable=False)
        spend_write(connection)
        handoffs, hosted_session_id = self._services.handoffs, connection.hosted_session_id
        handoff = None if connection.is_phone else handoffs.watch(hosted_session_id, is_waiting=True)
        if handoff is None:
            return self._unwatched(connection)
        # A page that captures, and asks how its own link stands, goes on capturing until that is taken.
        with self._connections.turn_of(hosted_session_id):
            captures = self._connections.capturing_sid(hosted_session_id) == connection.sid
            if not captures or handoff.is_taken:
                self._follow_phone(connection)
        name, message = self.watched(connection)
        # One shape for both: what has ended has no progress.
        return {"ok": True, **(message if name == "watch_state" else {"result": message})}

    def _unwatched(self, connection: PageConnection) -> Json:
        """No link stands: the session has ended without the phone, or another page has it."""
        _, view = self._services.read_capture(connection.hosted_session_id)
        if view.outcome is None or connection.is_phone:
            return refusal("not_expected", connection.hosted_session_id, is_retryable=False)
        return {"ok": True, "result": self.result(connection, view.outcome)}

    def has_lost(self, connection: PageConnection) -> bool:
        """Whether this page watches a session that another page has taken back: it has no say in it any more."""
        if not connection.is_watching or self._services.handoffs.watch(connection.hosted_session_id) is not None:
            return False
        return self._services.read_capture(connection.hosted_session_id)[1].outcome is None

    def is_cast_off(self, connection: PageConnection) -> bool:
        """Whether this page is on a phone that has lost the session: not even its hello disturbs who has it."""
        if not connection.is_phone:
            return False
        handoff = self._services.handoffs.watch(connection.hosted_session_id)
        if handoff is not None and handoff.is_taken and handoff.handoff_id == connection.handoff_id:
            return False
        return self._services.read_capture(connection.hosted_session_id)[1].outcome is None

    def link_moved(self, hosted_session_id: str) -> None:
        """The phone has chosen, rightly or wrongly: tell the computer, which follows where it was right."""
        handoff = self._services.handoffs.watch(hosted_session_id)
        with self._connections.turn_of(hosted_session_id):
            sid = self._connections.capturing_sid(hosted_session_id)
            computer = self._connections.get(sid) if sid else None
            if computer is not None and not computer.is_phone and handoff is not None:
                if handoff.is_taken:
                    self._follow_phone(computer)
                else:
                    name, message = self.watched(computer)
                    self.emit(name, message, room=computer.sid)
        self.tell_watchers(hosted_session_id)

    def _follow_phone(self, connection: PageConnection) -> None:
        """From capturing to watching; what was asked of this page is void, at no cost."""
        if not self._connections.watch(connection.sid):
            return
        try:
            self._services.interrupt_capture(connection.hosted_session_id, connection.page_id)
        except BonafideError as error:
            log.warning("capture %s: not interrupted: %s", connection.hosted_session_id, type(error).__name__)
