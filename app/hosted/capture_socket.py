"""The socket of the capture page: every event is authorized by its connection and answered with a code."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

from flask import request
from flask_socketio import ConnectionRefusedError as Refused

from app.domain.challenge import Ability
from app.domain.errors import BonafideError
from app.domain.moment import iso
from app.hosted import protocol
from app.hosted.bounded_websocket import SOCKET_KEY, BoundedServer, close_quietly
from app.hosted.connections import Connections, PageConnection
from app.hosted.consent import shown_consent
from app.hosted.deciding import Deciding
from app.hosted.handoff_socket import WatchTeller
from app.hosted.messages import (
    Camera,
    Consent,
    Frame,
    Hello,
    LightReady,
    SwapChallenge,
    Telemetry,
    Visibility,
    read_message,
)
from app.hosted.services import HostedServices
from app.hosted.telling import TooFast
from app.hosted.telling import spend_write as _spend
from app.hosted.wire import Json, refusal, view_json
from app.services.capture_view import CaptureView, PageState
from app.services.frame_traffic import ServerFull
from app.services.observe_frame import FrameHeader
from app.services.ports import PageClaim
from app.services.start_capture import HandoffOver, UnknownHostedSession

log = logging.getLogger(__name__)

REFUSED_SOCKET_CLOSES_AFTER = 0.3
"""Seconds in which a refused page can still read why."""


class CaptureNamespace(WatchTeller):
    """Namespace `/capture`. Handlers of one socket run one after another, in the order of its messages."""

    def __init__(self, services: HostedServices, connections: Connections) -> None:
        super().__init__(services, connections)
        self._deciding = Deciding(services.decide_capture, self.announce)

    # Connection

    def on_connect(self, auth: object) -> None:
        """`auth` has no default on purpose: with one, a handshake without it would slip through."""
        claim = self._claim_of(auth)
        if claim is None:
            raise self._refused("unknown_session", is_retryable=False)
        socket = _socket()
        full = self._connections.add(_sid(), claim, socket, self._services.max_sockets)
        if full is not None:
            raise self._refused(full)
        socket.has_joined = True

    def on_disconnect(self, reason: object = None) -> None:
        """The page went away; what was asked of it is void. Its socket goes too: it counts nowhere any more."""
        connection = self._connections.get(_sid())
        if connection is None:
            return
        if connection.socket.connected:
            _close_soon(connection.socket)
        with self._connections.turn_of(connection.hosted_session_id):
            _, was_capturing = self._connections.remove(connection.sid)
            if not was_capturing:
                return
            try:
                self._services.interrupt_capture(connection.hosted_session_id, connection.page_id)
            except BonafideError as error:
                log.warning("capture %s: not interrupted: %s", connection.hosted_session_id, type(error).__name__)
        self.tell_watchers(connection.hosted_session_id)

    def _claim_of(self, auth: object) -> PageClaim | None:
        token = auth.get("token") if isinstance(auth, dict) else None
        if not isinstance(token, str) or len(token) > 1_024:
            return None
        return self._services.links.read_page_token(token)

    def _refused(self, code: str, *, is_retryable: bool = True) -> Refused:
        _close_soon(_socket())
        return Refused(code, {"code": code, "retryable": is_retryable})

    # Messages. Each returns its acknowledgement.

    def trigger_event(self, event: str, *args: Any) -> Any:  # noqa: ANN401, PLR0911 (as the library calls it; one answer each)
        """Check who speaks before any handler runs, and never let an error reach the page as such."""
        if event in ("connect", "disconnect"):
            return super().trigger_event(event, *args)
        if event not in protocol.CLIENT_EVENTS:
            return refusal("unknown_event", is_retryable=False)
        sid, payload = args[0], args[1:]
        connection = self._connections.get(sid)
        if connection is None:
            return refusal("not_connected", is_retryable=False)
        if not self._may(connection, event):
            code = "watching" if connection.is_watching else "superseded"
            return refusal(code, connection.hosted_session_id, is_retryable=False)
        try:
            return super().trigger_event(event, sid, connection, payload)
        except TooFast:
            return refusal("too_fast", connection.hosted_session_id)
        except ServerFull:
            return refusal("busy", connection.hosted_session_id)
        except UnknownHostedSession:
            return refusal("unknown_session", connection.hosted_session_id, is_retryable=False)
        except BonafideError as error:
            log.warning("capture %s: %s failed: %s", connection.hosted_session_id, event, type(error).__name__)
            return refusal("unavailable", connection.hosted_session_id)
        except Exception:
            log.exception("capture %s: %s failed", connection.hosted_session_id, event)
            return refusal("internal", connection.hosted_session_id)

    def _may(self, connection: PageConnection, event: str) -> bool:
        """Only the page that captures is heard. One that watches may end the session or take it back.

        So may one that waits for room, as long as no other captures.
        """
        if event in ("hello", "watch") or (connection.is_watching and event in protocol.WATCHER_EVENTS):
            return True
        capturing = self._connections.capturing_sid(connection.hosted_session_id)
        return capturing == connection.sid or (event == "cancel" and connection.is_waiting and capturing is None)

    def on_hello(self, connection: PageConnection, payload: Sequence[object]) -> Json:
        """Bind this page to the session; another page of it is told that it was superseded."""
        hello = read_message(Hello, _first(payload))
        if hello is None:
            return refusal("invalid_message", connection.hosted_session_id, is_retryable=False)
        _spend(connection)
        if not self._services.is_able:
            return refusal("unavailable", connection.hosted_session_id)
        if hello.simulated and not self._services.read_capture(connection.hosted_session_id)[0].session.is_test:
            return refusal("simulated", connection.hosted_session_id, is_retryable=False)
        if self._must_wait(connection):
            connection.is_waiting = True
            self.tell_watchers(connection.hosted_session_id)
            return refusal("busy", connection.hosted_session_id)
        try:
            with self._connections.turn_of(connection.hosted_session_id):
                self._bind(connection, hello)
        except HandoffOver:
            return refusal("handoff_over", connection.hosted_session_id, is_retryable=False)
        self.tell_watchers(connection.hosted_session_id)
        version = self.next_version(connection)
        # Read again: what ended meanwhile was told to the page that was bound before.
        _, view = self._services.read_capture(connection.hosted_session_id)
        if view.state is PageState.PROCESSING:
            self._deciding.start(connection.hosted_session_id)
        if view.state is PageState.CAPTURE:
            self.request_still(connection)
        if view.state is PageState.LIGHT:
            self.notice_light(connection)
        return {"ok": True, **self._hello_answer(connection, view, version)}

    def _must_wait(self, connection: PageConnection) -> bool:
        """A page whose camera found no room comes back with `hello`; one that is over is not held up by it."""
        hosted_session_id = connection.hosted_session_id
        if not self._services.traffic.must_wait(hosted_session_id):
            return False
        return self._services.read_capture(hosted_session_id)[1].state is PageState.CAMERA

    def _bind(self, connection: PageConnection, hello: Hello) -> None:
        """Two pages that say hello at once take turns: the store, the run and the socket name the same one."""
        if self.is_cast_off(connection):
            raise HandoffOver
        self._interrupt_other_page(connection, hello.page_id)
        self._services.start_capture(
            connection.hosted_session_id,
            page_id=hello.page_id,
            avoid=[Ability(item) for item in hello.accessibility.avoid],
            has_more_time=hello.accessibility.more_time,
            handoff_id=connection.handoff_id,
        )
        connection.language, connection.is_simulated = hello.language, hello.simulated
        replaced = self._connections.bind(connection.sid, hello.page_id)
        if replaced is not None and connection.is_phone and not replaced.is_phone:
            self._connections.watch(replaced.sid)
        elif replaced is not None:
            self._supersede(replaced, is_same_page=replaced.page_id == hello.page_id)

    def _interrupt_other_page(self, connection: PageConnection, page_id: str) -> None:
        """What another page of the session was asked is void, at no cost to the person."""
        sid = self._connections.capturing_sid(connection.hosted_session_id)
        other = self._connections.get(sid) if sid else None
        if other is not None and other.page_id != page_id:
            self._services.interrupt_capture(connection.hosted_session_id, other.page_id)

    def _hello_answer(self, connection: PageConnection, view: CaptureView, version: int) -> Json:
        limits = self._services.frame_limits
        return {
            **view_json(view, version),
            "session_id": view.session_id,
            "server_time": iso(self._services.clock.now()),
            "consent_required": view.state is PageState.CONSENT,
            "frame_policy": {
                "width": protocol.FRAME_WIDTH,
                "height": protocol.FRAME_HEIGHT,
                "quality": protocol.FRAME_QUALITY,
                "fps": protocol.FRAMES_PER_SECOND,
                "max_bytes": limits.max_bytes,
            },
            "result": self.result(connection, view.outcome),
        }

    def on_consent(self, connection: PageConnection, payload: Sequence[object]) -> Json:
        """Accepted: on to the camera. Declined: the session is over."""
        consent = read_message(Consent, _first(payload))
        if consent is None:
            return refusal("invalid_message", connection.hosted_session_id, is_retryable=False)
        _spend(connection)
        loaded, _ = self._services.read_capture(connection.hosted_session_id)
        text = shown_consent(loaded.session.language or connection.language, loaded)
        if consent.version != text.version:
            return refusal("invalid_message", connection.hosted_session_id, is_retryable=False)
        if consent.accepted:
            if not self._services.record_consent.accept(connection.hosted_session_id, text):
                return self.not_expected(connection)
        else:
            ended = self._services.record_consent.decline(connection.hosted_session_id, text)
            if ended is None:
                return self.not_expected(connection)
            self.announce_end(connection, ended)
        self.tell_watchers(connection.hosted_session_id)
        return {"ok": True, **self.state(connection)}

    def on_camera(self, connection: PageConnection, payload: Sequence[object]) -> Json:
        """Frames are about to come (or the camera is in trouble): begin with alignment."""
        camera = read_message(Camera, _first(payload))
        if camera is None:
            return refusal("invalid_message", connection.hosted_session_id, is_retryable=False)
        _spend(connection)
        if camera.error is not None:
            self._services.interrupt_capture(connection.hosted_session_id, connection.page_id)
            return {"ok": True, **self.state(connection)}
        if connection.is_hidden:
            return self.refused(connection, "hidden")
        signals = [protocol.SIMULATED] * connection.is_simulated + camera.injection_signals()
        events = self._services.begin_alignment(connection.hosted_session_id, connection.page_id, signals)
        if events is None:
            return self.not_expected(connection)
        self.send(connection, events)
        self.tell_watchers(connection.hosted_session_id)
        state = self.state(connection)
        if state["state"] == PageState.CAPTURE:
            self.request_still(connection)
        return {"ok": True, **state}

    def on_frame(self, connection: PageConnection, payload: Sequence[object]) -> Json:
        """One frame; its acknowledgement says when the next is wanted."""
        arrived_ms = self._services.clock.monotonic_ms()
        header = read_message(Frame, _first(payload))
        data = payload[1] if len(payload) == 2 else None
        if header is None or not isinstance(data, bytes):
            return refusal("invalid_message", connection.hosted_session_id, is_retryable=False)
        result = self._services.observe_frame(
            connection.hosted_session_id,
            connection.page_id,
            FrameHeader(header.seq, header.captured_at_ms, header.challenge_id, header.nonce),
            data,
        )
        if result.refusal is not None:
            if result.refused_in_a_row > protocol.MAX_REFUSALS_IN_A_ROW:
                log.warning("capture %s: flood, socket closed", connection.hosted_session_id)
                close_quietly(_socket())
            numbers = {"seq": header.seq, "expected_seq": result.expected_seq}
            return {**refusal(result.refusal, connection.hosted_session_id), **numbers}
        self.tell(connection, result)
        return {"ok": True, "seq": header.seq, "next_in_ms": self._next_in_ms(connection, arrived_ms)}

    def _next_in_ms(self, connection: PageConnection, arrived_ms: int) -> int:
        traffic, now_ms = self._services.traffic, self._services.clock.monotonic_ms()
        return connection.pace.pause_ms(arrived_ms, now_ms, traffic.interval_ms(), traffic.wanted_ms)

    def on_swap_challenge(self, connection: PageConnection, payload: Sequence[object]) -> Json:
        """Another movement instead of one the person cannot do."""
        swap = read_message(SwapChallenge, _first(payload))
        if swap is None:
            return refusal("invalid_message", connection.hosted_session_id, is_retryable=False)
        _spend(connection)
        events = self._services.swap_challenge(connection.hosted_session_id, connection.page_id, swap.challenge_id)
        if events is None:
            return self.not_expected(connection)
        self.send(connection, events)
        return {"ok": True}

    def on_light_ready(self, connection: PageConnection, payload: Sequence[object]) -> Json:
        """The person has read the notice: the screen shines, or the still comes at once."""
        ready = read_message(LightReady, _first(payload))
        if ready is None:
            return refusal("invalid_message", connection.hosted_session_id, is_retryable=False)
        _spend(connection)
        result = self._services.answer_light(
            connection.hosted_session_id, connection.page_id, is_accepted=ready.accepted
        )
        if result is None:
            return self.not_expected(connection)
        self.tell(connection, result)
        return {"ok": True}

    def on_visibility(self, connection: PageConnection, payload: Sequence[object]) -> Json:
        """Hidden: the person cannot see what is asked, so it is not asked until they can."""
        visibility = read_message(Visibility, _first(payload))
        if visibility is None:
            return refusal("invalid_message", connection.hosted_session_id, is_retryable=False)
        _spend(connection)
        connection.is_hidden = visibility.hidden
        if visibility.hidden:
            result = self._services.interrupt_capture(
                connection.hosted_session_id, connection.page_id, at_no_cost=visibility.reason == "dialog"
            )
            self.tell(connection, result)
        return {"ok": True, **self.state(connection)}

    def on_cancel(self, connection: PageConnection, payload: Sequence[object]) -> Json:
        """The person leaves: the session is abandoned."""
        _spend(connection)
        hosted_session_id = connection.hosted_session_id
        if self.has_lost(connection):
            return refusal("superseded", hosted_session_id, is_retryable=False)
        ended = self._services.withdraw(hosted_session_id, ends_handoff=not connection.is_phone)
        if ended is None:
            return self._not_withdrawn(connection)
        tell = self.announce if connection.is_watching else self.tell_watchers
        tell(hosted_session_id)
        outcome = self._services.presenter.outcome_of(ended)
        return {"ok": True, "result": self.result(connection, outcome)}

    def _not_withdrawn(self, connection: PageConnection) -> Json:
        """It is over, or the capture is in. A page that watches is told no state: that has a nonce."""
        if connection.is_watching:
            return refusal("not_expected", connection.hosted_session_id, is_retryable=False)
        return self.not_expected(connection)

    def on_telemetry(self, connection: PageConnection, payload: Sequence[object]) -> Json:
        """What went wrong on pages, in names of events only."""
        telemetry = read_message(Telemetry, _first(payload))
        if telemetry is None:
            return refusal("invalid_message", connection.hosted_session_id, is_retryable=False)
        names = [item.name for item in telemetry.events]
        log.debug("capture %s: page events %s", connection.hosted_session_id, names)
        return {"ok": True}

    def _supersede(self, replaced: PageConnection, *, is_same_page: bool) -> None:
        """Another page took over; the same page on a new socket needs no telling."""
        if not is_same_page:
            self.emit("superseded", {"code": "superseded"}, room=replaced.sid)
        _close_soon(replaced.socket)


def _sid() -> str:
    return str(request.sid)  # type: ignore[attr-defined]


def _socket() -> BoundedServer:
    socket: BoundedServer = request.environ[SOCKET_KEY]
    return socket


def _close_soon(socket: BoundedServer) -> None:
    """Close a socket once its page has had time to read why."""
    timer = threading.Timer(REFUSED_SOCKET_CLOSES_AFTER, close_quietly, args=(socket,))
    timer.daemon = True
    timer.start()


def _first(payload: Sequence[object]) -> object:
    return payload[0] if payload else None
