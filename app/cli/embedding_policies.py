"""Policies of a page that bear on a frame in it: what browsers read out of its headers.

Content-Security-Policy as CSP Level 3 matches sources; Permissions-Policy is a structured field (RFC 9651).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

import http_sf

DEFAULT_PORTS = {"http": 80, "https": 443}
FRAME_SOURCES = ("frame-src", "child-src", "default-src")
"""The first that is there decides."""
SCRIPT_SOURCES = ("script-src-elem", "script-src", "default-src")

_HOST_SOURCE = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<host>\*|(?:\*\.)?[a-z0-9_.-]+)(?::(?P<port>\d+|\*))?(?P<path>/.*)?",
    re.IGNORECASE,
)

Policy = Mapping[str, Sequence[str]]


def read_csp(headers: Sequence[str]) -> list[Policy]:
    """Directives of each policy; a header may hold several, and all of them hold."""
    return [_directives(policy) for header in headers for policy in header.split(",") if policy.strip()]


def _directives(policy: str) -> Policy:
    directives: dict[str, Sequence[str]] = {}
    for part in policy.split(";"):
        words = part.split()
        if words:
            directives.setdefault(words[0].lower(), words[1:])
    return directives


def refusing(policies: Sequence[Policy], directives: Sequence[str], target: str, page: str) -> str | None:
    """The directive, as it is written, that keeps `target` off the page; None where none does."""
    for policy in policies:
        name = next((one for one in directives if one in policy), None)
        if name is not None and not any(source_allows(source, target, page) for source in policy[name]):
            return " ".join((name, *policy[name]))
    return None


def source_allows(source: str, target: str, page: str) -> bool:
    """Whether one source expression lets an address in."""
    wanted, here = urlsplit(target), urlsplit(page)
    if source.lower() == "'self'":
        return origin(wanted) == origin(here)
    if source == "*":
        return True
    if source.endswith(":"):
        return _scheme_covers(source[:-1].lower(), wanted.scheme)
    match = _HOST_SOURCE.fullmatch(source)
    if match is None:
        return False
    return (
        _scheme_covers((match["scheme"] or here.scheme).lower(), wanted.scheme)
        and _host_covers(match["host"].lower(), wanted.hostname or "")
        and _port_covers(match["port"], wanted)
        and _path_covers(match["path"] or "", wanted.path)
    )


def _scheme_covers(allowed: str, wanted: str) -> bool:
    return wanted == allowed or (allowed, wanted) == ("http", "https")


def _host_covers(allowed: str, wanted: str) -> bool:
    return allowed in {"*", wanted} or (allowed.startswith("*.") and wanted.endswith(allowed[1:]))


def _port_covers(allowed: str | None, wanted: SplitResult) -> bool:
    port = wanted.port or DEFAULT_PORTS.get(wanted.scheme)
    if allowed is None:
        return port == DEFAULT_PORTS.get(wanted.scheme)
    return allowed == "*" or int(allowed) == port or (int(allowed), port) == (80, 443)


def _path_covers(allowed: str, wanted: str) -> bool:
    return allowed in {"", "/"} or wanted == allowed or (allowed.endswith("/") and wanted.startswith(allowed))


def origin(parts: SplitResult) -> tuple[str, str, int | None]:
    """Scheme, host and port."""
    return parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme)


def camera_allowlist(headers: Sequence[str]) -> list[str] | None:
    """What Permissions-Policy says of the camera: `*`, `self`, origins. None where it says nothing.

    `ValueError` for a header that is no structured field, which browsers ignore as a whole.
    """
    fields: Any = http_sf.parse(", ".join(headers).encode("latin-1", "replace"), tltype="dictionary")
    if "camera" not in fields:
        return None
    value, _parameters = fields["camera"]
    items = [item for item, _parameters in value] if isinstance(value, list) else [value]
    return [str(item) for item in items if isinstance(item, str | http_sf.Token)]


def allowlist_covers(allowed: Sequence[str], target: str, page: str) -> bool:
    """Whether a list of Permissions-Policy names the origin of `target`."""
    return any(_entry_covers(entry, target, page) for entry in allowed)


def _entry_covers(entry: str, target: str, page: str) -> bool:
    if entry == "*":
        return True
    if entry == "self":
        return origin(urlsplit(target)) == origin(urlsplit(page))
    return "://" in entry and source_allows(entry.rstrip("/"), target, page)


def frame_allows_camera(allow: str, target: str, page: str) -> bool:
    """What the `allow` of an iframe says of the camera; a bare name means the frame's own address."""
    for part in allow.lower().split(";"):
        words = part.split()
        if words and words[0] == "camera":
            named = [word.strip("'") for word in words[1:]]
            return not named or "src" in named or allowlist_covers(named, target, page)
    return False
