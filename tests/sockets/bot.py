"""A program that speaks the capture protocol: what a browser does, and what an attacker might."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Self

import httpx
import socketio
import websocket

from app.hosted.protocol import NAMESPACE, SERVER_EVENTS
from app.simulation.performance import Performance, kind_of_wire
from app.simulation.scene import Filmed, Person
from tests.live_server import LiveServer

ANSWER_SECONDS = 10
FRAME_SECONDS = 0.1
Json = dict[str, Any]


class Bot:
    """One page of one session. Everything it was told is in `heard`, in order."""

    def __init__(self, server: LiveServer, session_url: str) -> None:
        self.heard: list[tuple[str, Json]] = []
        self.seq = 0
        self.nonce = ""
        self.page_id = str(uuid.uuid4())
        self.token = session_url.rsplit("/", 1)[-1]
        self._server = server
        self._news = threading.Condition()
        self.is_closed = threading.Event()
        self._sockets: list[websocket.WebSocket] = []
        # The client library adds an Origin of its own making otherwise.
        options = {"suppress_origin": True, "class_": self._make_socket}
        self.client = socketio.Client(reconnection=False, handle_sigint=False, websocket_extra_options=options)
        for name in SERVER_EVENTS:
            self.client.on(name, self._listener(name), namespace=NAMESPACE)
        self.client.on("disconnect", lambda *_: self.is_closed.set(), namespace=NAMESPACE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave, and close the socket, which the client library leaves open where the server left first."""
        self.client.disconnect()
        for opened in self._sockets:
            opened.shutdown()  # type: ignore[no-untyped-call]

    def _make_socket(self, **options: Any) -> websocket.WebSocket:
        """Keep hold of the socket for `close`."""
        self._sockets.append(websocket.WebSocket(**options))
        return self._sockets[-1]

    def _listener(self, name: str) -> Callable[[Json], None]:
        def listen(message: Json) -> None:
            with self._news:
                self.heard.append((name, message))
                self._note_nonce(message)
                self._news.notify_all()

        return listen

    def connect(self, auth: object = None, headers: Mapping[str, str] | None = None) -> Self:
        """Join the namespace as the page does; `ConnectionError` where it is refused."""
        self.client.connect(
            self._server.url,
            headers=dict(headers) if headers is not None else {"Origin": self._server.url},
            auth={"token": self.token} if auth is None else auth,
            transports=["websocket"],
            namespaces=[NAMESPACE],
            wait_timeout=ANSWER_SECONDS,
        )
        return self

    def ask(self, event: str, *payload: object) -> Any:  # noqa: ANN401 (what the server answers is what is tested)
        """Send a message and return its acknowledgement."""
        data = payload if len(payload) != 1 else payload[0]
        answer = self.client.call(event, data, namespace=NAMESPACE, timeout=ANSWER_SECONDS)
        self._note_nonce(answer)
        return answer

    def _note_nonce(self, told: object) -> None:
        """Frames carry what was told last."""
        if isinstance(told, dict) and told.get("nonce"):
            self.nonce = told["nonce"]

    def hello(self) -> Json:
        answer: Json = self.ask("hello", {"page_id": self.page_id, "last_seq": self.seq, "language": "en"})
        return answer

    def begin(self) -> Self:
        """As far as the live camera: hello, consent, camera."""
        version = consent_version(self._server, self.token)
        assert self.hello()["ok"]
        assert self.ask("consent", {"version": version, "accepted": True})["ok"]
        camera = {"width": 640, "height": 480, "fps": 30, "facing": "user", "label_class": "physical"}
        assert self.ask("camera", camera)["state"] == "align"
        return self

    def frame(self, jpeg: object, challenge_id: str | None = None, seq: int | None = None) -> Json:
        """One frame and its acknowledgement; the numbers go on where the server wants them to."""
        self.seq = self.seq + 1 if seq is None else seq
        answer: Json = self.ask("frame", self.header(self.seq, challenge_id), jpeg)
        self.seq = (answer.get("expected_seq") or self.seq + 1) - 1
        return answer

    def header(self, seq: int, challenge_id: str | None = None) -> Json:
        """What goes before a frame's bytes now."""
        now_ms = time.monotonic() * 1_000
        return {"seq": seq, "captured_at_ms": now_ms, "challenge_id": challenge_id, "nonce": self.nonce}

    def wait_for(self, name: str, seconds: float = ANSWER_SECONDS) -> Json:
        """The first message of that name, heard already or yet to come."""
        with self._news:
            found = self._news.wait_for(lambda: self._first(name) is not None, seconds)
        assert found, f"no {name} in {seconds} s, but {[heard for heard, _ in self.heard]}"
        message = self._first(name)
        assert message is not None
        return message

    def _first(self, name: str) -> Json | None:
        return next((message for heard, message in self.heard if heard == name), None)

    def perform(self, performance: Performance, seconds: float, *, until: tuple[str, ...] = ()) -> str:
        """Be that person in front of a camera until one of the messages (or the still's request) arrives."""
        filmed, read, challenge_id = Filmed(Person(performance, seed=1), seed=1), 0, None
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            began = time.monotonic()
            for name, message in self.heard[read:]:
                read += 1
                if name == "challenge":
                    challenge_id = message["challenge_id"]
                    filmed.ask(kind_of_wire(message["kind"], message["direction"]), began * 1_000)
                elif name == "challenge_result":
                    challenge_id = None
                    filmed.rest(began * 1_000)
                elif name in ("capture_request", "result", *until):
                    return name
            self.frame(filmed.frame(began * 1_000), challenge_id)
            time.sleep(max(0.0, filmed.wait_ms() / 1_000 - (time.monotonic() - began)))
        raise AssertionError(f"not over in {seconds} s: {self.heard[-5:]}")

    def upload(self, still: bytes) -> httpx.Response:
        """The final still, with the ticket that was given for it."""
        ticket = self.wait_for("capture_request")["ticket"]
        headers = {"Authorization": f"Ticket {ticket}", "Content-Type": "image/jpeg"}
        return httpx.post(f"{self._server.url}/capture", content=still, headers=headers, timeout=30)


def consent_version(server: LiveServer, token: str) -> str:
    """Version of the consent text, from the page that shows it."""
    page = httpx.get(f"{server.url}/session/{token}").text
    boot = page.split('id="boot"', 1)[1].split(">", 1)[1].split("</script>", 1)[0]
    return str(json.loads(boot)["consent"]["version"])
