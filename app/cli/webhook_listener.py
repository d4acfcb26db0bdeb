"""A receiver of webhooks for a developer's machine: it verifies what comes, shows it, and answers."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from app.adapters.webhook_signatures import MESSAGE_ID, verification_problem
from app.cli.store import printable

HOST = "127.0.0.1"
BODY_MAX_BYTES = 1024 * 1024
SILENCE_SECONDS = 30.0
"""After which a connection is given up."""
REMEMBERED_MAX = 10_000
"""Deliveries, to tell which came before."""


@dataclass(frozen=True)
class Received:
    """A delivery as it is shown. `problem` says why it is not verified; None: it is, or there was no secret."""

    event: str
    message_id: str
    sequence: str
    problem: str | None
    is_checked: bool
    came_before: bool
    body: str

    @property
    def status(self) -> int:
        """What the sender is answered."""
        return 401 if self.problem else 204

    def lines(self) -> Sequence[str]:
        """For a terminal: nothing of it can be a command to it."""
        good = "verified" if self.is_checked else "not checked"
        verdict = f"NOT VERIFIED: {self.problem}" if self.problem else good
        again = ", came before" if self.came_before else ""
        head = f"{self.event}  sequence {self.sequence}  {self.message_id}  {verdict}{again}"
        return [printable(line) for line in (head, *self.body.splitlines(), "")]


class Listener(ThreadingHTTPServer):
    """Takes deliveries on loopback. `show` gets the lines of one at a time."""

    daemon_threads = True

    def __init__(
        self, port: int, secrets: Sequence[str], now: Callable[[], datetime], show: Callable[[Sequence[str]], None]
    ) -> None:
        super().__init__((HOST, port), _Handler)
        self.secrets = secrets
        self._now = now
        self._show = show
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, None] = OrderedDict()

    @property
    def url(self) -> str:
        """Where to send."""
        return f"http://{HOST}:{self.server_port}/"

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Show a delivery; the status of the answer."""
        problem = verification_problem(self.secrets, headers, body, self._now()) if self.secrets else None
        message_id = headers.get(MESSAGE_ID, "")
        with self._lock:
            received = _read(message_id, body, problem, bool(self.secrets), message_id in self._seen)
            if problem is None:
                self._seen[message_id] = None
                if len(self._seen) > REMEMBERED_MAX:
                    self._seen.popitem(last=False)
            self._show(received.lines())
        return received.status


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SILENCE_SECONDS
    server: Listener

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 10):
            self._answer(411)
        elif int(length) > BODY_MAX_BYTES:
            self._answer(413)
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._answer(self.server.take(headers, self.rfile.read(int(length))))

    def _answer(self, status: int) -> None:
        """What is left of a request that was not read must not be taken for the next one."""
        self.close_connection = self.close_connection or status in {411, 413}
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (as the base class has it)
        """Deliveries are shown, and nothing else."""


def _read(message_id: str, body: bytes, problem: str | None, is_checked: bool, came_before: bool) -> Received:
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        envelope, text = {}, body.decode("utf-8", "replace")
    else:
        text = json.dumps(envelope, indent=2, ensure_ascii=False)
    fields = envelope if isinstance(envelope, dict) else {}
    return Received(
        event=str(fields.get("event", "no event")),
        message_id=message_id or "no webhook-id",
        sequence=str(fields.get("sequence", "?")),
        problem=problem,
        is_checked=is_checked,
        came_before=came_before,
        body=text,
    )
