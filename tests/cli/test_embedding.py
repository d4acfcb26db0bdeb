"""`bonafide doctor --embed` against a site of its own: what would stop the camera is said, and nothing else."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from app.cli import cli, embedding_page
from app.cli.embedding_page import read_parts
from app.cli.embedding_policies import camera_allowlist, frame_allows_camera, read_csp, refusing

Header = tuple[str, str]
SHOP, OURS = "https://shop.example/pay", "https://verify.example/session/t"
IFRAME = '<iframe src="{ours}/session/t" {attributes}></iframe>'


@dataclass
class Site:
    """The integrator's page on `localhost`, and ours on `127.0.0.1`."""

    port: int
    page: str = ""
    page_headers: list[Header] = field(default_factory=list)
    page_status: str = "200 OK"
    our_headers: list[Header] = field(default_factory=list)
    our_status: str = "200 OK"

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/pay"

    @property
    def ours(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/pay":
            status, headers, body = self.page_status, self.page_headers, self.page
        else:
            status, headers, body = self.our_status, self.our_headers, "<p>ours"
        start_response(status, [("Content-Type", "text/html; charset=utf-8"), *headers])
        return [body.encode()]


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
        """Nothing."""


@pytest.fixture(scope="module")
def served() -> Iterator[Site]:
    site = Site(0)
    with make_server("127.0.0.1", 0, site, handler_class=Quiet) as server:
        site.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield site
        server.shutdown()
        thread.join()


@pytest.fixture
def site(served: Site) -> Site:
    served.page = IFRAME.format(ours=served.ours, attributes='allow="camera"')
    served.page_headers, served.our_headers = (
        [],
        [("Content-Security-Policy", "frame-ancestors http://localhost:*")],
    )
    served.page_status = served.our_status = "200 OK"
    return served


def doctor(tmp_path: Path, site: Site, *arguments: str) -> Result:
    env = {"BONAFIDE_DATA_DIR": str(tmp_path), "BONAFIDE_PUBLIC_URL": site.ours}
    return CliRunner().invoke(cli, ["doctor", "--embed", *(arguments or (site.url,))], env=env)


def test_a_page_that_does_all_right_passes(tmp_path: Path, site: Site) -> None:
    site.page_headers = [
        ("Permissions-Policy", f'camera=(self "{site.ours}"), geolocation=()'),
        ("Content-Security-Policy", f"default-src 'none'; frame-src {site.ours}; script-src {site.ours}"),
        ("Referrer-Policy", "strict-origin"),
    ]
    result = doctor(tmp_path, site)
    assert result.exit_code == 0, result.output
    assert "PROBLEM" not in result.output
    assert "note" not in result.output
    assert "iframe in line 1: passes the camera on" in result.output
    assert list(tmp_path.iterdir()) == []


HEADERS: list[tuple[str, str, str]] = [
    ("Permissions-Policy", "camera=()", "leaves {ours} out"),
    ("Permissions-Policy", "camera=(self)", "leaves {ours} out"),
    ("Permissions-Policy", 'camera=("{ours}")', "leaves the page itself out"),
    ("Content-Security-Policy", "frame-src 'self'", "`frame-src 'self'` keeps the frame out"),
    ("Content-Security-Policy", "child-src 'none'", "`child-src 'none'` keeps the frame out"),
    ("Content-Security-Policy", "default-src 'self' https:", "`default-src 'self' https:` keeps the frame out"),
    ("Content-Security-Policy", "sandbox allow-scripts", "its sandbox holds for frames too"),
    ("Referrer-Policy", "no-referrer", "stays silent"),
]


@pytest.mark.parametrize(
    ("name", "value", "said"), HEADERS, ids=[f"{name}: {value}" for name, value, _ in HEADERS]
)
def test_a_header_that_stops_the_camera_or_the_messages_is_a_problem(
    tmp_path: Path, site: Site, name: str, value: str, said: str
) -> None:
    site.page_headers = [(name, value.format(ours=site.ours))]
    result = doctor(tmp_path, site)
    assert result.exit_code == 1
    assert said.format(ours=site.ours) in result.output
    assert result.output.count("PROBLEM") == 1


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ("", 'add allow="camera"'),
        ('allow="microphone; fullscreen"', 'add allow="camera"'),
        ("allow=\"camera 'none'\"", 'add allow="camera"'),
        ("allow=\"camera 'self'\"", 'add allow="camera"'),
        ('allow="camera https://other.example"', 'add allow="camera"'),
        ('allow="camera" sandbox', "add allow-scripts allow-same-origin"),
        ('allow="camera" sandbox="allow-scripts"', "add allow-same-origin"),
        ('allow="camera" referrerpolicy="no-referrer"', 'add referrerpolicy="strict-origin"'),
    ],
)
def test_an_iframe_that_keeps_the_camera_back_is_named_with_its_line(
    tmp_path: Path, site: Site, attributes: str, said: str
) -> None:
    site.page = "<!doctype html>\n<p>Pay</p>\n" + IFRAME.format(ours=site.ours, attributes=attributes)
    result = doctor(tmp_path, site)
    assert result.exit_code == 1
    assert "iframe in line 3" in result.output
    assert said in result.output


def test_a_header_that_browsers_ignore_is_noted(tmp_path: Path, site: Site) -> None:
    site.page_headers = [("Permissions-Policy", "camera 'none'; geolocation 'self'")]
    result = doctor(tmp_path, site)
    assert (result.exit_code, "is malformed, so browsers ignore it" in result.output) == (0, True)


def test_policies_in_meta_elements_hold_too(tmp_path: Path, site: Site) -> None:
    site.page = "<meta http-equiv=content-security-policy content=\"frame-src 'none'\">"
    assert "`frame-src 'none'` keeps the frame out" in doctor(tmp_path, site).output
    site.page = '<meta name="referrer" content="no-referrer">'
    result = doctor(tmp_path, site)
    assert (result.exit_code, "sessions would stay silent" in result.output) == (0, True)


def test_a_page_whose_frame_a_script_makes_is_referred_to_the_browser(tmp_path: Path, site: Site) -> None:
    site.page = '<iframe src="https://elsewhere.example/"></iframe><iframe src="http://[bad"></iframe>'
    result = doctor(tmp_path, site)
    assert (result.exit_code, "/embed-check" in result.output) == (0, True)
    site.page = '<script type="module">import { open } from "http://v.example/static/sdk/bonafide.js"</script>'
    assert "is made by the SDK" in doctor(tmp_path, site).output


def test_the_sdk_must_be_let_in_where_it_is_used(tmp_path: Path, site: Site) -> None:
    site.page_headers = [("Content-Security-Policy", "script-src 'self'")]
    assert doctor(tmp_path, site).exit_code == 0
    site.page = f'<script type="module" src="{site.ours}/static/sdk/bonafide.js"></script>'
    result = doctor(tmp_path, site)
    assert (result.exit_code, "keeps the SDK out" in result.output) == (1, True)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ([("Content-Security-Policy", "frame-ancestors https://other.example")], "allowedFrameOrigins"),
        ([("Content-Security-Policy", "frame-ancestors 'none'")], "allowedFrameOrigins"),
        ([("X-Frame-Options", "DENY")], "take it out of the proxy"),
        ([("Permissions-Policy", "camera=()")], "its own Permissions-Policy"),
    ],
)
def test_our_own_side_is_judged_as_it_comes_through_proxies(
    tmp_path: Path, site: Site, headers: list[Header], said: str
) -> None:
    site.our_headers = headers
    result = doctor(tmp_path, site, site.url, "--session-url", f"{site.ours}/session/t")
    assert (result.exit_code, said in result.output) == (1, True), result.output


def test_a_dead_link_of_a_session_is_a_problem(tmp_path: Path, site: Site) -> None:
    site.our_status = "410 Gone"
    result = doctor(tmp_path, site, site.url, "--session-url", f"{site.ours}/session/t")
    assert (result.exit_code, "answers 410" in result.output) == (1, True)


def test_what_cannot_be_had_is_said_and_nothing_is_raised(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.page_status = "503 Service Unavailable"
    assert "answers 503" in doctor(tmp_path, site).output
    site.page_status, site.page_headers = "302 Found", [("Location", "/pay")]
    assert "more than 5 redirects" in doctor(tmp_path, site).output
    site.page_headers = [("Location", "file:///etc/passwd")]
    assert "is no address of a page" in doctor(tmp_path, site).output
    site.page_status, site.page_headers = "200 OK", []
    monkeypatch.setattr(embedding_page, "DEADLINE_SECONDS", -1.0)
    assert "does not come to an end in time" in doctor(tmp_path, site).output


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "file:///etc/passwd",
        "shop.example",
        "",
        "http://u:p@a.example/",
        "http://[",
        "http://a:0",
    ],
)
def test_other_addresses_are_not_asked(tmp_path: Path, site: Site, url: str) -> None:
    result = doctor(tmp_path, site, url)
    assert result.exit_code in (1, 2) if url == "" else result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert doctor(tmp_path, site, site.url, "--session-url", url or "x").exit_code == 2


def test_a_page_that_never_ends_is_read_so_far(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_page, "MAX_BYTES", 1_000)
    site.page = " " * 2_000 + site.page
    assert "in the HTML as served" in doctor(tmp_path, site).output


@pytest.mark.parametrize(
    ("source", "is_in"),
    [
        ("*", True),
        ("https:", True),
        ("http:", True),
        ("wss:", False),
        ("verify.example", True),
        ("https://verify.example", True),
        ("https://VERIFY.example:443", True),
        ("https://verify.example:*", True),
        ("http://verify.example", True),
        ("http://verify.example:80", True),
        ("https://verify.example/session/", True),
        ("https://verify.example/other/", False),
        ("https://verify.example:8443", False),
        ("*.example", True),
        ("*.verify.example", False),
        ("https://evil-verify.example", False),
        ("'self'", False),
        ("'none'", False),
        ("'unsafe-inline'", False),
    ],
)
def test_sources_match_as_in_browsers(source: str, is_in: bool) -> None:
    refused = refusing(read_csp([f"frame-src {source}"]), ("frame-src",), OURS, SHOP)
    assert (refused is None) == is_in


def test_of_several_policies_all_hold_and_of_a_directive_twice_the_first() -> None:
    both = read_csp(["frame-src *, frame-src 'none'"])
    assert refusing(both, ("frame-src",), OURS, SHOP) == "frame-src 'none'"
    assert refusing(read_csp(["frame-src *; frame-src 'none'"]), ("frame-src",), OURS, SHOP) is None
    assert refusing(read_csp([]), ("frame-src",), OURS, SHOP) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], None),
        (["geolocation=()"], None),
        (["camera=()"], []),
        (["camera=*"], ["*"]),
        (["camera=self"], ["self"]),
        (['camera=(self "https://a.example");report-to=x'], ["self", "https://a.example"]),
        (["camera=()", "camera=*"], ["*"]),
    ],
)
def test_the_list_of_the_camera_is_read_out_of_the_structured_field(
    headers: list[str], expected: list[str] | None
) -> None:
    assert camera_allowlist(headers) == expected


@given(st.text(), st.text(), st.text())
def test_no_page_and_no_header_breaks_the_reader(html: str, policy: str, allow: str) -> None:
    read_parts(f"<iframe {html}><meta {html}>")
    refusing(read_csp([policy]), ("frame-src", "default-src"), OURS, SHOP)
    assert frame_allows_camera(allow, OURS, SHOP) in (True, False)
    with contextlib.suppress(ValueError):
        camera_allowlist([policy])
