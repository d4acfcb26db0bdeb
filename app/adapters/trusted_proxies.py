"""What a reverse proxy says of the caller, believed only from addresses that are configured."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from typing import Any

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

SCHEMES = ("http", "https")


def behind_proxies(inner: Wsgi, trusted: Sequence[IpNetwork]) -> Wsgi:
    """Set the caller's address and scheme from `X-Forwarded-For` and `-Proto` where the peer is trusted.

    The host is not taken from a header: links and policies name the public address of the settings.
    """

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if _is_trusted(environ.get("REMOTE_ADDR", ""), trusted):
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
            if scheme in SCHEMES:
                environ["wsgi.url_scheme"] = scheme
            environ["REMOTE_ADDR"] = _caller(environ, trusted)
        return inner(environ, start_response)

    return application


def _caller(environ: dict[str, Any], trusted: Sequence[IpNetwork]) -> str:
    """The last address that no trusted proxy has written about another one; what stands before it is hearsay."""
    caller = str(environ["REMOTE_ADDR"])
    for item in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        address = item.strip()
        if not _is_trusted(caller, trusted) or not _is_address(address):
            break
        caller = address
    return caller


def _is_trusted(address: str, trusted: Sequence[IpNetwork]) -> bool:
    if not _is_address(address):
        return False
    parsed = ipaddress.ip_address(address)
    return any(parsed.version == network.version and parsed in network for network in trusted)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
