"""A real server process, as `bonafide serve --dev` starts it, on an empty data folder; and its API."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

PROJECT = Path(__file__).resolve().parents[1]
START_SECONDS = 60
"""The contract says 30 on a machine of its own; tests share theirs."""

STOP_SECONDS = 15
NO_RATES = {
    "BONAFIDE_RATE_CREATES_PER_MINUTE": "0",
    "BONAFIDE_RATE_READS_PER_MINUTE": "0",
    "BONAFIDE_RATE_FAILURES_PER_MINUTE": "0",
}
"""Tests are faster than callers may be; one that is about rates sets its own."""

ADMITS_ALL = {"BONAFIDE_FRAMES_PER_SECOND_MIN": "1"}
"""Tests share the cores, and a server that finds itself slow takes in fewer captures at once."""
Json = dict[str, Any]


@dataclass(frozen=True)
class LiveServer:
    """The running server. `log` holds everything it printed."""

    url: str
    data_dir: Path
    log: Path
    process: subprocess.Popen[bytes]
    environ: Mapping[str, str]

    def bonafide(self, *arguments: str) -> str:
        """Run a command beside the server; its last line of output."""
        command = [sys.executable, "-m", "app", *arguments]
        done = subprocess.run(command, cwd=PROJECT, env=self.environ, capture_output=True, text=True, check=True)
        return done.stdout.strip().splitlines()[-1]

    def demo_key(self) -> str:
        """The key of organization `demo` that a development server prints at its start."""
        found = re.search(r"Test key +(\S+)", self.log.read_text())
        assert found, self.log.read_text()
        return found[1]

    def key_for(self, organization: str) -> str:
        """A key that may do everything there."""
        return self.bonafide("keys", "create", "--org", organization, "--scopes", "admin")

    def memory_bytes(self) -> int:
        """Resident memory of all its processes."""
        return sum(_resident_bytes(pid) for pid in _family(self.process.pid))

    def age_session(self, session_id: str, by: timedelta) -> None:
        """Move the deadline of a session back, since a test does not wait for it."""
        ended = datetime.now(UTC) - by
        with closing(sqlite3.connect(self.data_dir / "bonafide.sqlite3", timeout=10)) as database:
            changed = database.execute(
                "UPDATE biometric_sessions SET expires_at = ? WHERE session_id = ?",
                (ended.strftime("%Y-%m-%d %H:%M:%S.%f"), session_id.replace("-", "")),
            )
            database.commit()
        assert changed.rowcount == 1

    def terminate(self) -> int:
        """SIGTERM, and its exit status; `TimeoutExpired` where it does not end."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def running_server(
    folder: Path, settings: Mapping[str, str] | None = None, port: int | None = None
) -> Iterator[LiveServer]:
    """Start on a free port (or this one), wait until it is ready, and stop it in the end."""
    port = port or free_port()
    data_dir, log = folder / "data", folder / "server.log"
    environ = {**os.environ, "BONAFIDE_DATA_DIR": str(data_dir), **NO_RATES, **ADMITS_ALL, **(settings or {})}
    command = [sys.executable, "-m", "app", "serve", "--dev", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=PROJECT, env=environ, stdout=output, stderr=subprocess.STDOUT)
    server = LiveServer(f"http://127.0.0.1:{port}", data_dir, log, process, environ)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        if process.poll() is None:
            try:
                server.terminate()
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_SECONDS)


def _wait_until_ready(server: LiveServer) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            if httpx.get(f"{server.url}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"the server is not ready:\n{server.log.read_text()}")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _family(pid: int) -> list[int]:
    """The process and all its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def _resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Api:
    """The integrator's side: the public API with a key."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30)

    def close(self) -> None:
        self.http.close()

    def enrol(self, name: str, portrait: bytes) -> str:
        """An entity with an approved validation; its id."""
        entity = self._json(self.http.post("/api/entities", json={"type": "person", "name": name}))
        form = {"entityId": entity["id"], "status": "approved"}
        files = {"portrait": ("portrait.jpg", portrait, "image/jpeg")}
        self._json(self.http.post("/api/kyc/validations/import", data=form, files=files))
        return str(entity["id"])

    def open_session(self, entity_id: str, **fields: object) -> Json:
        """A hosted session: the answer to the create."""
        body = {"entityId": entity_id, **fields}
        return self._json(self.http.post("/api/kyc/biometric/sessions", json=body))

    def session(self, session_id: str) -> Json:
        """The session object."""
        return self._json(self.http.get(f"/api/kyc/biometric/sessions/{session_id}"))

    def cancel(self, session_id: str) -> Json:
        """The session object after the cancel."""
        return self._json(self.http.post(f"/api/kyc/biometric/sessions/{session_id}/cancel"))

    @staticmethod
    def _json(response: httpx.Response) -> Json:
        assert response.is_success, f"{response.status_code} {response.text}"
        answer: Json = response.json()
        return answer
