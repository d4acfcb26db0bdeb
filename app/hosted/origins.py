"""Origins as browsers write them: small letters, no user, no port that the scheme has anyway."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from app.domain.web_address import is_loopback

DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9_.-]+|[0-9a-f:.]+")


def origin_of(address: str) -> str | None:
    """Origin of a web address, None for what is none. Whatever a stranger sends may be handed in."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not _HOST.fullmatch(host):
        return None
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + ("" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}")


def websocket_origin_of(origin: str) -> str:
    """The same origin for websockets: `ws://` for `http://`, `wss://` for `https://`."""
    return f"ws{origin.removeprefix('http')}"


def framing_origin(referer: str, allowed: Sequence[str]) -> str | None:
    """Origin of the page that frames ours, as far as it is one that may. `allowed` empty: https and loopback."""
    origin = origin_of(referer)
    if origin is None:
        return None
    if allowed:
        return origin if origin in {origin_of(one) for one in allowed} else None
    return origin if origin.startswith("https://") or is_loopback(urlsplit(origin).hostname or "") else None
