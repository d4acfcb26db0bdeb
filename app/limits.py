"""What a stranger, a session and an image may cost: every limit with its default and its bounds."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields

PREFIX = "BONAFIDE_"


def _cores() -> int:
    """Cores this process may use; a container's affinity counts, not the machine's size."""
    return len(os.sched_getaffinity(0))


def _within(low: int, high: int, default: int | Callable[[], int]) -> int:
    """A limit. The bounds keep out what can only be a slip of the keyboard."""
    return field(metadata={"bounds": (low, high), "default": default})  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Limits:
    """Each is read from the variable of its name, as `BONAFIDE_FRAME_MAX_BYTES`. Units as named."""

    landmarker_pool_size: int = _within(1, 256, _cores)
    matching_threads: int = _within(1, 256, _cores)
    matching_waiting_max: int = _within(0, 10_000, 64)
    matching_max_body_bytes: int = _within(16 * 1024**2, 256 * 1024**2, 32 * 1024**2)
    matching_connect_seconds: int = _within(1, 60, 2)
    matching_timeout_seconds: int = _within(1, 300, 10)
    matching_retries: int = _within(0, 10, 2)
    matching_breaker_failures: int = _within(1, 1000, 5)
    matching_breaker_seconds: int = _within(1, 3600, 10)
    max_capture_sockets: int = _within(1, 4096, 64)
    session_ttl_seconds: int = _within(60, 31 * 86_400, 86_400)
    abandon_after_seconds: int = _within(30, 86_400, 900)
    idempotency_seconds: int = _within(60, 31 * 86_400, 86_400)
    frame_max_bytes: int = _within(16_384, 4 * 1024**2, 262_144)
    frames_per_second_max: int = _within(1, 60, 20)
    frames_per_second_min: int = _within(1, 10, 8)
    request_read_seconds: int = _within(1, 600, 10)
    max_body_bytes: int = _within(64 * 1024, 256 * 1024**2, 16 * 1024**2)
    image_max_bytes: int = _within(64 * 1024, 64 * 1024**2, 5 * 1024**2)
    image_max_pixels: int = _within(10_000, 100_000_000, 25_000_000)
    handoff_seconds: int = _within(60, 86_400, 3600)
    upload_ticket_seconds: int = _within(5, 600, 60)
    rate_creates_per_minute: int = _within(0, 1_000_000, 600)
    rate_reads_per_minute: int = _within(0, 1_000_000, 3000)
    rate_failures_per_minute: int = _within(0, 1_000_000, 60)
    webhook_endpoints_max: int = _within(1, 1000, 20)
    webhook_timeout_seconds: int = _within(1, 60, 15)
    webhook_answer_max_bytes: int = _within(1024, 1024**2, 64 * 1024)
    webhook_concurrency: int = _within(1, 1024, 64)
    webhook_concurrency_per_receiver: int = _within(1, 256, 8)
    webhook_lease_seconds: int = _within(75, 3600, 90)
    webhook_poll_milliseconds: int = _within(20, 1000, 500)
    event_retention_days: int = _within(7, 3650, 30)
    replay_ledger_days: int = _within(1, 365, 30)


def read_limits(integer: Callable[[str, int, int, int], int]) -> Limits:
    """`integer` reads a variable, given its name, default, least and greatest value."""
    found = {}
    for limit in fields(Limits):
        (low, high), default = limit.metadata["bounds"], limit.metadata["default"]
        value = default() if callable(default) else default
        found[limit.name] = integer(PREFIX + limit.name.upper(), value, low, high)
    return Limits(**found)
