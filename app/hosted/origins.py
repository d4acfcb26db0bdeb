"""Origins as browsers write them: small letters, no user, no port that the scheme has anyway."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

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
