"""gunicorn with threads, in development too: Werkzeug's server hangs on senders that are too large."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from app.cli.gunicorn_worker import CaptureWorker, Served
from app.cli.logs import configure_logging

RESERVE_THREADS = 24
"""For HTTP beside the sockets, each of which holds a thread of its own."""

GRACEFUL_SECONDS = 8

SWITCH_SECONDS = 0.0005
"""How long a thread that computes in Python keeps the others out: a tenth of Python's default. A frame gives the
interpreter up some hundred times, and waits for whoever has it each time that it comes back."""


@dataclass(frozen=True)
class Listen:
    """Where to listen, and with which certificate (development in a LAN only)."""

    host: str
    port: int
    certificate: Path | None = None
    private_key: Path | None = None


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

    def __init__(
        self, build: Callable[[], Served], listen: Listen, sockets: int, request_read_seconds: int, log_level: str
    ) -> None:
        self._build, self._listen, self._sockets, self._log_level = build, listen, sockets, log_level
        self.request_read_seconds = request_read_seconds
        super().__init__()

    def load_config(self) -> None:
        """Settings of gunicorn. Paths carry session tokens: no access log, and no log of each request either."""
        host = f"[{self._listen.host}]" if ":" in self._listen.host else self._listen.host
        threads = self._sockets + RESERVE_THREADS
        options: dict[str, object] = {
            "bind": f"{host}:{self._listen.port}",
            "workers": 1,
            "worker_class": "app.cli.gunicorn_worker.CaptureWorker",
            "threads": threads,
            "worker_connections": threads * 4,
            # Whether the main loop still runs; it is no limit on a request (app/cli/gunicorn_connection.py).
            "timeout": 120,
            "graceful_timeout": GRACEFUL_SECONDS,
            "keepalive": 5,
            # A file is written as any answer is: sendfile would wait for its reader without end.
            "sendfile": False,
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
        sys.setswitchinterval(SWITCH_SECONDS)
        application = self._build()
        application.start()
        return WsgiEntry(application)
