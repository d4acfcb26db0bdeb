from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_network
from typing import Any

import pytest

from app.adapters.trusted_proxies import IpNetwork, behind_proxies

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("::1"))


def seen(peer: str, trusted: Sequence[IpNetwork] = TRUSTED, **headers: str) -> tuple[str, str]:
    """Address and scheme that the application sees."""
    got: dict[str, Any] = {}

    def application(environ: dict[str, Any], _start_response: object) -> Iterable[bytes]:
        got.update(environ)
        return []

    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", **headers}
    behind_proxies(application, trusted)(environ, lambda *_: None)
    return got["REMOTE_ADDR"], got["wsgi.url_scheme"]


def test_word_of_a_stranger_counts_for_nothing() -> None:
    said = {"HTTP_X_FORWARDED_FOR": "1.2.3.4", "HTTP_X_FORWARDED_PROTO": "https"}
    for peer in ("192.0.2.9", "127.0.0.1", "2001:db8::1", "", "junk"):
        assert seen(peer, TRUSTED, **said) == (peer, "http")
    assert seen("10.0.0.1", (), **said) == ("10.0.0.1", "http")


@pytest.mark.parametrize(
    ("forwarded", "caller"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("1.1.1.1, 203.0.113.5", "203.0.113.5"),
        ("1.1.1.1, 203.0.113.5, 10.0.0.7", "203.0.113.5"),
        ("10.0.0.8,10.0.0.7", "10.0.0.8"),
        ("2001:db8::5", "2001:db8::5"),
        ("", "10.0.0.1"),
        ("unknown", "10.0.0.1"),
        ("203.0.113.5, junk", "10.0.0.1"),
        ("203.0.113.5, junk, 10.0.0.7", "10.0.0.7"),
        ("203.0.113.5:4711", "10.0.0.1"),
    ],
)
def test_caller_is_the_last_address_that_no_trusted_proxy_names(forwarded: str, caller: str) -> None:
    assert seen("10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)[0] == caller
    assert seen("::1", HTTP_X_FORWARDED_FOR=forwarded)[0] == caller.replace("10.0.0.1", "::1")


@pytest.mark.parametrize(
    ("proto", "scheme"),
    [("https", "https"), ("HTTPS ", "https"), ("http, https", "https"), ("wss", "http"), ("", "http")],
)
def test_scheme_is_what_the_nearest_proxy_says(proto: str, scheme: str) -> None:
    assert seen("10.0.0.1", HTTP_X_FORWARDED_PROTO=proto)[1] == scheme
