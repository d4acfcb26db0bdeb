from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.web_address import callback_problem, origin_problem, webhook_problem
from tests.hostile_urls import HOSTILE


@pytest.mark.parametrize("url", HOSTILE)
def test_hostile_webhook_addresses_are_refused(url: str) -> None:
    assert webhook_problem(url, allows_http_to_loopback=False)


@pytest.mark.parametrize("url", [url for url in HOSTILE if url != "http://127.0.0.1/"])
def test_and_in_development_too(url: str) -> None:
    assert webhook_problem(url, allows_http_to_loopback=True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/hook", "http://localhost/", "http://[::1]:80/"])
def test_plain_http_to_loopback_is_for_development(url: str) -> None:
    assert webhook_problem(url, allows_http_to_loopback=True) is None
    assert webhook_problem(url, allows_http_to_loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?a=1",
        "HTTPS://Example.COM",
        "https://example.com.:8443/",
        "https://8.8.8.8/",
        "https://[2001:4860:4860::8888]:8443/x",
        "https://[::ffff:8.8.8.8]/",
        "https://[64:ff9b::808:808]/",
        "https://xn--nxasmq6b.example/",
        "https://1a.example/",
        "https://a_b.example/",
    ],
)
def test_addresses_out_in_the_world_are_taken(url: str) -> None:
    assert webhook_problem(url, allows_http_to_loopback=False) is None


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    webhook_problem(text, allows_http_to_loopback=True)
    webhook_problem(f"https://{text}", allows_http_to_loopback=True)
    callback_problem(f"https://{text}", [text])


@pytest.mark.parametrize(
    "url",
    ["https://a.example/done?x=1#top", "http://localhost:3000/done", "http://127.0.0.1/", "http://b.localhost/"],
)
def test_callbacks_are_https_or_loopback(url: str) -> None:
    assert callback_problem(url, []) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://u:p@a.example/",
        "/done",
        "https:///done",
        "https://a.example/\r\nX: y",
        "",
        "https://a.example/" + "x" * 2048,
    ],
)
def test_other_callbacks_are_refused(url: str) -> None:
    assert callback_problem(url, [])


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("https://a.example/x/y", "https://a.example"),
        ("https://a.example:443/app", "https://A.example/app/"),
        ("https://a.example/app/done?x=1", "https://a.example/app"),
        ("https://a.example/app?x=1", "https://a.example/app"),
        ("https://a.example/app?x=1", "https://a.example/app?x=1"),
    ],
)
def test_an_allowed_address_covers_what_lies_below(url: str, entry: str) -> None:
    assert callback_problem(url, ["https://other.example", entry]) is None


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("https://a.example.evil.example/", "https://a.example"),
        ("https://a.example/apple", "https://a.example/app"),
        ("https://a.example/app/../admin", "https://a.example/app/"),
        ("https://a.example/app/%2e%2e/admin", "https://a.example/app/"),
        ("https://a.example:8443/app", "https://a.example/app"),
        ("http://localhost/app", "https://localhost/app"),
        ("https://a.example/app?x=2", "https://a.example/app?x=1"),
        ("https://a.example/", "not an address"),
    ],
)
def test_and_nothing_else(url: str, entry: str) -> None:
    assert callback_problem(url, [entry])


@pytest.mark.parametrize(
    "origin",
    [
        "https://shop.example",
        "https://shop.example:8443",
        "https://xn--bcher-kva.example",
        "http://localhost:3000",
        "http://127.0.0.1:5173",
        "https://127.0.0.1",
    ],
)
def test_origins_as_browsers_write_them(origin: str) -> None:
    assert origin_problem(origin) is None


@pytest.mark.parametrize(
    ("origin", "problem"),
    [
        ("https://Shop.Example", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("https://shop.example/", "https://shop.example"),
        ("https://shop.example/page?x#y", "https://shop.example"),
        ("http://shop.example", "must begin with https://"),
        ("http://localhost.evil.example", "must begin with https://"),
        ("https://*.shop.example", "must have a plain host name"),
        ("https://shop.example;script-src", "must have a plain host name"),
        ("https://shop.example,https://b.example", "must have a plain host name"),
        ("https://'self'", "must have a plain host name"),
        ("https://bücher.example", "must have a plain host name"),
        ("http://[::1]:3000", "must have a plain host name"),
        ("https://user@shop.example", "must not carry a user name"),
        ("https://shop.example https://b.example", "must not contain spaces"),
        ("*", "must be an absolute web address"),
        ("null", "must be an absolute web address"),
        ("", "must be an absolute web address"),
        ("wss://shop.example", "must be an absolute web address"),
    ],
)
def test_what_is_no_origin_is_told(origin: str, problem: str) -> None:
    assert problem in (origin_problem(origin) or "")
