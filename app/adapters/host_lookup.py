"""Host names to addresses within a bounded time: the system's resolver knows no deadline of a caller's."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from app.domain.public_address import IpAddress

Resolve = Callable[[str, int], Sequence[str]]
"""Addresses of a host for connections to a port. `OSError` where it has none."""

LOOKUPS_MAX = 256
"""At once. One that nobody waits for any more goes on until the resolver gives up (half a minute, commonly)."""


class LookupFailed(Exception):
    """The host has no address, or none was told in time."""


def system_resolve(host: str, port: int) -> Sequence[str]:
    """By the system's resolver, as it is set up there."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class HostLookup:
    """Looks names up, each time anew and in a thread of its own. Threads share it."""

    def __init__(self, resolve: Resolve = system_resolve) -> None:
        self._resolve = resolve
        self._room = threading.BoundedSemaphore(LOOKUPS_MAX)

    def addresses(self, host: str, port: int, seconds: float) -> Sequence[IpAddress]:
        """All of them, in the resolver's order; `LookupFailed` where there is none within so many seconds."""
        if not self._room.acquire(blocking=False):
            raise LookupFailed("too many lookups hang")
        answers: queue.SimpleQueue[Sequence[IpAddress]] = queue.SimpleQueue()
        # A daemon: the process must be able to end while a resolver hangs.
        threading.Thread(
            target=self._look_up, args=(host, port, answers), name="webhook-lookup", daemon=True
        ).start()
        try:
            found = answers.get(timeout=seconds)
        except queue.Empty:
            raise LookupFailed("the resolver did not answer in time") from None
        if not found:
            raise LookupFailed("the host has no address")
        return found

    def _look_up(self, host: str, port: int, answers: queue.SimpleQueue[Sequence[IpAddress]]) -> None:
        found: Sequence[IpAddress] = ()
        try:
            found = [ip_address(text) for text in self._resolve(host, port)]
        except (OSError, ValueError):  # ValueError: a label is too long, or the resolver's answer no address
            pass
        finally:
            self._room.release()
            answers.put(found)
