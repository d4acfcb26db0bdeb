"""A receiver of webhooks on loopback, in this process: it answers at once and remembers what came."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class Received:
    """One request. Names of headers in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """Its address, and what came so far."""

    url: str
    requests: list[Received] = field(default_factory=list)

    def wait_for(self, number: int) -> list[Received]:
        """As soon as so many came; AssertionError where they do not."""
        deadline = time.monotonic() + WAIT_SECONDS
        while len(self.requests) < number:
            assert time.monotonic() < deadline, f"only {len(self.requests)} of {number} came"
            time.sleep(0.02)
        return self.requests


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """On a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append(Received(self.path, headers, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()
