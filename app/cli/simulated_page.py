"""The capture page without a browser: speaks the real socket of a running server, for one session.

Socket.IO 5 over one websocket is a handful of texts (https://socket.io/docs/v4/socket-io-protocol/), and the
library for it is here for the server anyway; its client half would need another.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import httpx
import simple_websocket

from app.hosted.origins import origin_of, websocket_origin_of
from app.hosted.protocol import NAMESPACE
from app.simulation.performance import kind_of_wire
from app.simulation.scene import Actor

Json = dict[str, Any]
ANSWER_SECONDS = 30.0
LONGEST_SECONDS = 600.0
"""Longer than three attempts with all their challenges."""

VERDICT_SECONDS = 120.0
BUSY_SECONDS = 5.0
"""A page that finds the server full asks again so often; who does not for 15 s loses its place."""


class PageRefused(Exception):
    """The server did not let the simulated page go on; the text says with which code."""


@dataclass
class CaptureSocket:
    """Namespace `/capture` over one websocket. `heard` are messages that nobody has read yet."""

    socket: simple_websocket.Client
    heard: deque[tuple[str, Json]] = field(default_factory=deque)
    _answers: dict[int, Any] = field(default_factory=dict)
    _number: int = 0
    _has_joined: bool = False

    @classmethod
    def join(cls, origin: str, token: str) -> CaptureSocket:
        """Connect as a page of that origin does. `PageRefused` where it may not."""
        address = f"{websocket_origin_of(origin)}/socket.io/?EIO=4&transport=websocket"
        try:
            socket = cls(simple_websocket.Client.connect(address, headers={"Origin": origin}))
            socket.send(f"40{NAMESPACE}," + json.dumps({"token": token}))
            deadline = time.monotonic() + ANSWER_SECONDS
            while not socket._has_joined and time.monotonic() < deadline:
                socket.listen(1.0)
        except (OSError, simple_websocket.ConnectionError, simple_websocket.ConnectionClosed) as error:
            raise PageRefused(f"no connection to {origin}: {type(error).__name__}") from error
        if not socket._has_joined:
            raise PageRefused("the server did not answer")
        return socket

    def send(self, text: str) -> None:
        self.socket.send(text)

    def ask(self, event: str, payload: Json, attachment: bytes | None = None) -> Json:
        """Send a message; what the server answers to it. `PageRefused` where it does not."""
        self._number += 1
        number = self._number
        told: list[object] = [event, payload]
        if attachment is None:
            self.send(f"42{NAMESPACE},{number}{json.dumps(told)}")
        else:
            told.append({"_placeholder": True, "num": 0})
            self.send(f"451-{NAMESPACE},{number}{json.dumps(told)}")
            self.socket.send(attachment)
        deadline = time.monotonic() + ANSWER_SECONDS
        while number not in self._answers:
            if time.monotonic() > deadline:
                raise PageRefused(f"no answer to {event}")
            self.listen(1.0)
        answer = self._answers.pop(number)
        return answer if isinstance(answer, dict) else {}

    def listen(self, seconds: float) -> None:
        """Take in one message, if one comes in time. `PageRefused` once the server has closed."""
        try:
            text = self.socket.receive(timeout=seconds)
        except simple_websocket.ConnectionClosed as error:
            raise PageRefused("the server closed the connection") from error
        if isinstance(text, str):
            self._take(text)

    def close(self) -> None:
        self.socket.close()

    def _take(self, text: str) -> None:
        if text == "2":
            self.send("3")
            return
        kind, _, rest = text[:2], text[2:], text[2:].removeprefix(f"{NAMESPACE},")
        if kind == "40":
            self._has_joined = True
        elif kind == "44":
            raise PageRefused(str(json.loads(rest).get("data", {}).get("code", "refused")))
        elif kind == "42":
            name, *payload = json.loads(rest)
            self.heard.append((name, payload[0] if payload else {}))
        elif kind == "43":
            number, _, body = rest.partition("[")
            answer = json.loads(f"[{body}")
            self._answers[int(number)] = answer[0] if answer else {}


@dataclass
class SimulatedPage:
    """One page of one session, with an actor in the place of its camera."""

    http: httpx.Client
    session_url: str
    actor: Actor
    say: Any = print
    _nonce: str = ""
    _challenge_id: str | None = None
    _seq: int = 0
    _ticket: str = ""
    _outcome: Json | None = None

    def play(self) -> Json:
        """The session's RESULT (docs/capture-protocol.md). `PageRefused` where it comes to none."""
        origin = origin_of(self.session_url)
        if origin is None:
            raise PageRefused("this is no address of a session")
        consent = self._consent_version()
        socket = CaptureSocket.join(origin, self.session_url.rstrip("/").rsplit("/", 1)[-1])
        try:
            self._hello(socket)
            if self._outcome is None:
                self._expect(socket.ask("consent", {"version": consent, "accepted": True}))
                self._begin(socket)
            return self._capture(socket, origin)
        finally:
            socket.close()

    def _consent_version(self) -> str:
        page = self.http.get(self.session_url)
        _, found, rest = page.text.partition('id="boot"')
        if page.status_code != 200 or not found:
            raise PageRefused(f"the page of the session answers {page.status_code}")
        boot = json.loads(rest.split(">", 1)[1].split("</script>", 1)[0])
        return str(boot["consent"]["version"])

    def _hello(self, socket: CaptureSocket) -> None:
        hello = {"page_id": str(uuid.uuid4()), "last_seq": -1, "language": "en", "simulated": True}
        answer = self._expect(socket.ask("hello", hello))
        self._outcome = answer.get("result")

    def _begin(self, socket: CaptureSocket) -> None:
        """The camera is live: an attempt begins with alignment."""
        camera = {"width": 640, "height": 480, "fps": 30.0, "facing": "user", "label_class": "unknown"}
        self._challenge_id = None
        self.actor.rest(_now_ms())
        answer = socket.ask("camera", camera)
        deadline = time.monotonic() + LONGEST_SECONDS
        while answer.get("code") == "busy" and time.monotonic() < deadline:
            self.say("busy     the server is full; waiting for a place")
            self._wait(socket, BUSY_SECONDS)
            self._follow(socket)
            if self._outcome is not None:
                return
            answer = socket.ask("camera", camera)
        self._expect(answer)
        self._nonce = str(answer.get("nonce") or "")

    def _capture(self, socket: CaptureSocket, origin: str) -> Json:
        deadline = time.monotonic() + LONGEST_SECONDS
        due = time.monotonic()
        while self._outcome is None:
            if time.monotonic() > deadline:
                raise PageRefused("no verdict in time")
            self._follow(socket)
            if self._ticket:
                self._upload(socket, origin)
                continue
            self._wait(socket, due - time.monotonic())
            asked_seconds = self._frame(socket)
            due = max(due + self.actor.wait_ms() / 1_000, time.monotonic() + asked_seconds)
        return self._outcome

    @staticmethod
    def _wait(socket: CaptureSocket, seconds: float) -> None:
        """Hear what comes meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            socket.listen(left)

    def _frame(self, socket: CaptureSocket) -> float:
        """Send one; the pause that the server asks for, in seconds."""
        self._follow(socket)
        if self._outcome is not None or self._ticket:
            return 0.0
        now_ms = _now_ms()
        header = {
            "seq": self._seq + 1,
            "captured_at_ms": now_ms,
            "challenge_id": self._challenge_id,
            "nonce": self._nonce,
        }
        answer = socket.ask("frame", header, self.actor.frame(now_ms))
        # A number is used up unless the frame was not the next one; the answer says which would be.
        self._seq = int(answer["expected_seq"]) - 1 if "expected_seq" in answer else self._seq + 1
        return float(answer.get("next_in_ms") or 0) / 1_000

    def _follow(self, socket: CaptureSocket) -> None:
        """Do what the server has said meanwhile."""
        while socket.heard:
            name, message = socket.heard.popleft()
            self._nonce = str(message.get("nonce") or self._nonce)
            if name == "challenge":
                self._challenge_id = message["challenge_id"]
                asked = kind_of_wire(message["kind"], message["direction"])
                self.say(f"asked    {asked.value}")
                self.actor.ask(asked, _now_ms())
            elif name == "challenge_result":
                self.say("passed" if message["passed"] else f"failed   {message['reason']}")
                self._challenge_id = None
                self.actor.rest(_now_ms())
            elif name == "light_notice":
                self.say("lights   skipped: none falls on a picture")
                self._expect(socket.ask("light_ready", {"accepted": False}))
            elif name == "capture_request":
                self._ticket = message["ticket"]
            elif name == "result":
                self._outcome = message
            elif name == "state" and message["state"] == "retry":
                self.say(f"again    {message['reason']}, {message['attempts_left']} attempts left")
                self._begin(socket)

    def _upload(self, socket: CaptureSocket, origin: str) -> None:
        """The final still; then the verdict, at once or over the socket."""
        headers = {"Authorization": f"Ticket {self._ticket}", "Content-Type": "image/jpeg"}
        self._ticket = ""
        sent = self.http.post(f"{origin}/capture", content=self.actor.still(_now_ms()), headers=headers)
        answer = sent.json()
        if not answer.get("ok"):
            self.say(f"still    {answer.get('code')}")
            return
        self._outcome = answer.get("result")
        deadline = time.monotonic() + VERDICT_SECONDS
        while self._outcome is None and time.monotonic() < deadline:
            socket.listen(1.0)
            self._follow(socket)

    @staticmethod
    def _expect(answer: Json) -> Json:
        if not answer.get("ok"):
            raise PageRefused(str(answer.get("code")))
        return answer


def _now_ms() -> float:
    return time.monotonic() * 1_000
