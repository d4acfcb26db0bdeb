"""What the two devices of a handoff are told, as JSON, and the QR code of its link."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby

import segno

from app.domain.handoff import Handoff
from app.hosted.wire import Json
from app.services.capture_view import CaptureView
from app.services.live_capture import LiveCapture

QUIET_ZONE = 4
"""Light modules around the code, as ISO/IEC 18004 wants them."""


def handoff_json(handoff: Handoff, link: str, now: datetime) -> Json:
    """What the computer shows: the link, its code, and the number to match."""
    size, path = qr_path(link)
    return {
        "link": link,
        "number": handoff.number,
        "expires_in_ms": int((handoff.expires_at - now).total_seconds() * 1_000),
        "qr": {"size": size, "path": path},
    }


def link_state(handoff: Handoff | None, now: datetime) -> str:
    """One of `LINK_STATES`: what time has made of it included."""
    if handoff is None:
        return "void"
    has_run_out = handoff.state.value == "open" and not handoff.is_open(now)
    return "expired" if has_run_out else handoff.state.value


def watch_json(
    view: CaptureView, handoff: Handoff | None, live: LiveCapture | None, version: int, now: datetime
) -> Json:
    """Progress in steps. Where the phone is connected to another process, the store's states are all it tells."""
    total = live.run.number_of_challenges if live else 0
    index = min(live.run.passed_count(), total) if live else 0
    return {
        "version": version,
        "link": link_state(handoff, now),
        "state": view.state.value,
        "index": index,
        "total": total,
    }


def qr_path(text: str) -> tuple[int, str]:
    """Side in modules, quiet zone included, and the dark modules as the path of an SVG."""
    code = segno.make(text, error="m", boost_error=False, micro=False)
    rows = code.matrix_iter(border=QUIET_ZONE)
    path = "".join(run for y, row in enumerate(rows) for run in _runs(y, row))
    width, _ = code.symbol_size(border=QUIET_ZONE)
    return int(width), path


def _runs(y: int, row: Iterable[int]) -> Iterable[str]:
    """Dark modules that lie beside each other are one rectangle."""
    x = 0
    for is_dark, modules in groupby(row):
        length = len(list(modules))
        if is_dark:
            yield f"M{x} {y}h{length}v1h-{length}z"
        x += length
