"""Web addresses that strangers hand in: what may be one, and which of them lead out into the world."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from app.domain import public_address

MAX_CHARACTERS = 2048
MAX_BYTES = 2048
"""Of a webhook's address: lanes of deliveries are found by it, or by its origin and an organization's id before
that, and PostgreSQL's index takes no more than 2,704 bytes."""

DEFAULT_PORTS = {"http": 80, "https": 443}
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_NOT_PLAIN = "must have a plain host name (other alphabets in punycode)"
_HOST_AND_PORT = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*)(:[0-9]*)?")
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")


def callback_problem(url: str, allowed: Sequence[str]) -> str | None:
    """Why the end user may not be sent there; None where they may. `allowed` empty: anywhere that is safe."""
    parts = _split(url)
    if isinstance(parts, str):
        return parts
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        return "must begin with https:// (or http:// on loopback)"
    if allowed and not any(_covers(entry, parts) for entry in allowed):
        return "is not among the organization's allowed callback addresses"
    return None


def origin_problem(origin: str) -> str | None:
    """Why this is no origin of pages that may frame ours, as browsers write it; None where it is one.

    It goes into `frame-ancestors`, which knows neither paths nor addresses in brackets.
    """
    parts = _split(origin)
    if isinstance(parts, str):
        return parts
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        return "must begin with https:// (or http:// on loopback)"
    if not _HOST_NAME.fullmatch(host):
        return _NOT_PLAIN
    scheme, _, port = _origin(parts)
    written = f"{scheme}://{host}" + ("" if port == DEFAULT_PORTS[scheme] else f":{port}")
    return None if origin == written else f"must be an origin as browsers write it: {written}"


def webhook_problem(url: str, *, allows_http_to_loopback: bool) -> str | None:
    """Why nothing may be delivered there, judged by the address alone; None where it may.

    A name can still lead anywhere: what it resolves to is judged when the connection is made.
    """
    if len(url.encode("utf-8", "replace")) > MAX_BYTES:
        return f"must be at most {MAX_BYTES} bytes of UTF-8"
    parts = _split(url)
    if isinstance(parts, str):
        return parts
    host = parts.hostname or ""
    if parts.scheme == "http" and allows_http_to_loopback and is_loopback(host):
        return None
    if parts.scheme != "https":
        return "must begin with https://"
    return _public_host_problem(host, is_bracketed=parts.netloc.startswith("["))


def origin_of(url: str) -> str:
    """Scheme, host and port of an address that was accepted, the same however they are written."""
    scheme, host, port = _origin(urlsplit(url))
    return f"{scheme}://{(host or '').rstrip('.')}:{port}"


def _public_host_problem(host: str, *, is_bracketed: bool) -> str | None:
    if is_bracketed:
        return _literal_problem(IPv6Address, host)
    if not _HOST_NAME.fullmatch(host):
        return _NOT_PLAIN
    if _NUMERIC_LABEL.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return _literal_problem(IPv4Address, host)
    return "must not name a private address" if is_loopback(host.rstrip(".")) else None


def is_loopback(host: str) -> bool:
    """Whether a host, as it is written, is this very machine (RFC 6761, RFC 1122, RFC 4291)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return public_address.is_loopback(ip_address(host))
    except ValueError:
        return False


def _literal_problem(kind: type[IPv4Address] | type[IPv6Address], host: str) -> str | None:
    """Only the plain forms are taken: clients also read 2130706433, 0x7f.1 and 0177.0.0.1 as addresses."""
    try:
        address = kind(host)
    except ValueError:
        return "must not have a numeric host other than a plain dotted quad or bracketed IPv6"
    return None if public_address.is_public(address) else "must not name a private address"


def _split(url: str) -> SplitResult | str:
    """The parts of an absolute address with a host, or what is wrong with it."""
    if len(url) > MAX_CHARACTERS:
        return f"must be at most {MAX_CHARACTERS} characters long"
    if _UNSAFE.search(url):
        return "must not contain spaces, control characters or backslashes"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a web address"
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        return "must be an absolute web address"
    if "@" in parts.netloc:
        return "must not carry a user name or password"
    # Some characters of other alphabets become digits, dots or plain letters once they are looked up.
    # Python reads a host in brackets whatever stands around them.
    is_plain = parts.netloc.isascii() and _HOST_AND_PORT.fullmatch(parts.netloc)
    return parts if is_plain else _NOT_PLAIN


def _covers(entry: str, parts: SplitResult) -> bool:
    """An entry covers itself and what lies below its path, never a longer host name."""
    allowed = _split(entry)
    if isinstance(allowed, str) or _origin(allowed) != _origin(parts):
        return False
    if any(segment in {".", ".."} for segment in unquote(parts.path).split("/")):
        return False
    if allowed.query:
        return (allowed.path, allowed.query) == (parts.path, parts.query)
    folder = allowed.path if allowed.path.endswith("/") else f"{allowed.path}/"
    return parts.path == allowed.path or f"{parts.path}/" == folder or parts.path.startswith(folder)


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme]
