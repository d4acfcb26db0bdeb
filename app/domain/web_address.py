"""Web addresses that strangers hand in: what may be one, and which of them lead out into the world."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, unquote, urlsplit

MAX_CHARACTERS = 2048

_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")

_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_IPV4_COMPATIBLE = IPv6Network("::/96")
_GLOBAL_UNICAST_6 = IPv6Network("2000::/3")
_IETF_PROTOCOLS_4 = IPv4Network("192.0.0.0/24")


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
        return "must have a plain host name (other alphabets in punycode)"
    scheme, _, port = _origin(parts)
    written = f"{scheme}://{host}" + ("" if port == _DEFAULT_PORTS[scheme] else f":{port}")
    return None if origin == written else f"must be an origin as browsers write it: {written}"


def webhook_problem(url: str, *, allows_http_to_loopback: bool) -> str | None:
    """Why nothing may be delivered there, judged by the address alone; None where it may.

    A name can still lead anywhere: what it resolves to is judged when the connection is made.
    """
    parts = _split(url)
    if isinstance(parts, str):
        return parts
    host = parts.hostname or ""
    if parts.scheme == "http" and allows_http_to_loopback and is_loopback(host):
        return None
    if parts.scheme != "https":
        return "must begin with https://"
    return _public_host_problem(host, is_bracketed=parts.netloc.startswith("["))


def _public_host_problem(host: str, *, is_bracketed: bool) -> str | None:
    if is_bracketed:
        return _literal_problem(IPv6Address, host)
    if not _HOST_NAME.fullmatch(host):
        return "must have a plain host name (other alphabets in punycode)"
    if _NUMERIC_LABEL.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return _literal_problem(IPv4Address, host)
    return "must not name a private address" if is_loopback(host.rstrip(".")) else None


def is_loopback(host: str) -> bool:
    """Whether a host, as it is written, is this very machine (RFC 6761, RFC 1122, RFC 4291)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_global_unicast(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one host out in the world.

    `is_global` alone lets through what wraps another address and what is not unicast; wrapped ones are
    judged by what is inside.
    """
    if isinstance(address, IPv4Address):
        is_special = address.is_multicast or address.is_reserved or address in _IETF_PROTOCOLS_4
        return address.is_global and not is_special
    inner = _wrapped(address)
    if inner is not None:
        return all(is_global_unicast(one) for one in inner)
    return address in _GLOBAL_UNICAST_6 and address.is_global and not address.is_multicast


def _wrapped(address: IPv6Address) -> tuple[IPv4Address, ...] | None:
    """IPv4 addresses inside: mapped, compatible, NAT64, 6to4, Teredo (server and client)."""
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if address in _IPV4_COMPATIBLE or any(address in network for network in _NAT64):
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return None


def _literal_problem(kind: type[IPv4Address] | type[IPv6Address], host: str) -> str | None:
    """Only the plain forms are taken: clients also read 2130706433, 0x7f.1 and 0177.0.0.1 as addresses."""
    try:
        address = kind(host)
    except ValueError:
        return "must not have a numeric host other than a plain dotted quad or bracketed IPv6"
    is_scoped = "%" in host
    return None if is_global_unicast(address) and not is_scoped else "must not name a private address"


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
    return parts


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
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme]
