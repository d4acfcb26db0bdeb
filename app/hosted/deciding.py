"""Captures that wait for their verdict, decided beside the socket: one thread a session, not one a question."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from app.domain.errors import BonafideError
from app.services.decide_capture import DecideCapture

log = logging.getLogger(__name__)


class Deciding:
    """Decides what a crash or an absent matching core has left waiting, once somebody asks for it."""

    def __init__(self, decide_capture: DecideCapture, announce: Callable[[str], None]) -> None:
        self._decide_capture, self._announce = decide_capture, announce
        self._lock = threading.Lock()
        self._running: set[str] = set()

    def start(self, hosted_session_id: str) -> threading.Thread | None:
        """The thread that decides the session, None where one does already."""
        with self._lock:
            if hosted_session_id in self._running:
                return None
            self._running.add(hosted_session_id)
        thread = threading.Thread(target=self._decide, args=(hosted_session_id,), name="decide", daemon=True)
        thread.start()
        return thread

    def _decide(self, hosted_session_id: str) -> None:
        try:
            self._decide_capture(hosted_session_id)
            self._announce(hosted_session_id)
        except BonafideError as error:
            log.warning("capture %s waits: %s", hosted_session_id, type(error).__name__)
        except Exception:
            log.exception("capture %s is not decided", hosted_session_id)
        finally:
            with self._lock:
                self._running.discard(hosted_session_id)
