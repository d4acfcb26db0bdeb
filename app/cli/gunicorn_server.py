"""gunicorn with threads, in development too: Werkzeug's server hangs on senders that are too large."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker

from app.cli.logs import configure_logging

RESERVE_THREADS = 24
"""For HTTP beside the sockets, each of which holds a thread of its own."""

GRACEFUL_SECONDS = 8


@dataclass(frozen=True)
class Listen:
    """Where to listen, and with which certificate (development in a LAN only)."""

    host: str
    port: int
    certificate: Path | None = None
    private_key: Path | None = None


class Served(Protocol):
    """An application as this server needs it."""

    @property
    def wsgi(self) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]: ...

    def start(self) -> None:
        """What runs beside the requests."""

    def drain(self) -> None:
        """Say goodbye to whoever holds a connection open."""

    def close(self) -> None:
        """Give everything back."""


class CaptureWorker(ThreadWorker):  # type: ignore[misc]
    """A worker that tells its pages goodbye, so that open sockets do not hold up its end."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: stop accepting, tell the pages, close their sockets."""
        super().handle_exit(sig, frame)
        application: Served = self.wsgi.application
        # Not in the signal handler: closing takes locks that the interrupted thread may hold.
        threading.Thread(target=application.drain, name="drain", daemon=True).start()


def close_application(_server: object, worker: CaptureWorker) -> None:
    """Gunicorn's hook for the end of a worker, whichever way it came."""
    entry = getattr(worker, "wsgi", None)
    if isinstance(entry, WsgiEntry):
        entry.application.close()


class WsgiEntry:
    """The WSGI callable, and the application behind it for the worker's signals."""

    def __init__(self, application: Served) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:  # noqa: ANN401 (WSGI)
        return self.application.wsgi(environ, start_response)


class GunicornServer(BaseApplication):  # type: ignore[misc]
    """One worker process: live captures are in its memory. The application is made after the fork."""

    def __init__(self, build: Callable[[], Served], listen: Listen, sockets: int, log_level: str) -> None:
        self._build, self._listen, self._sockets, self._log_level = build, listen, sockets, log_level
        super().__init__()

    def load_config(self) -> None:
        """Settings of gunicorn. Paths carry session tokens: no access log, and no log of each request either."""
        host = f"[{self._listen.host}]" if ":" in self._listen.host else self._listen.host
        threads = self._sockets + RESERVE_THREADS
        options: dict[str, object] = {
            "bind": f"{host}:{self._listen.port}",
            "workers": 1,
            "worker_class": "app.cli.gunicorn_server.CaptureWorker",
            "threads": threads,
            "worker_connections": threads * 4,
            "timeout": 120,
            "graceful_timeout": GRACEFUL_SECONDS,
            "keepalive": 5,
            "control_socket_disable": True,
            "worker_exit": close_application,
            "accesslog": None,
            "loglevel": "error" if self._log_level == "error" else "warning",
            # Whom to believe about the caller is the application's to say (app/adapters/trusted_proxies.py).
            "forwarded_allow_ips": "",
        }
        if self._listen.certificate and self._listen.private_key:
            options["certfile"] = str(self._listen.certificate)
            options["keyfile"] = str(self._listen.private_key)
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> WsgiEntry:
        """Runs in the worker: landmarkers and the background have threads that would not survive a fork."""
        configure_logging(self._log_level)
        application = self._build()
        application.start()
        return WsgiEntry(application)
