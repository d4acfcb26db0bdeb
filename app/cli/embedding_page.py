"""Fetching an integrator's page within bounds, and reading out of its HTML what bears on frames."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

TIMEOUT_SECONDS = 10.0
"""Of one connection or read; all of them together end at `DEADLINE_SECONDS`."""
DEADLINE_SECONDS = 20.0
MAX_BYTES = 2 * 1024 * 1024
"""What comes after is not read: frames further down are rare."""
REDIRECTS_MAX = 5
USER_AGENT = "bonafide-doctor"


class NotFetched(Exception):
    """Why there is no page to judge."""


@dataclass(frozen=True)
class FetchedPage:
    """An answer, after redirects."""

    url: str
    status: int
    fields: httpx.Headers
    html: str

    def headers(self, name: str) -> Sequence[str]:
        """Every field of that name."""
        return self.fields.get_list(name)

    def header(self, name: str) -> str:
        """All of them as one, in small letters."""
        return ", ".join(self.headers(name)).lower()

    def resolve(self, address: str) -> str:
        """Absolute, as the page means it; empty for what is no web address."""
        try:
            absolute = urljoin(self.url, address.strip())
        except ValueError:
            return ""
        return absolute if is_web_address(absolute) else ""


@dataclass(frozen=True)
class Frame:
    """An iframe. `sandbox` is None where the attribute is not there."""

    line: int
    src: str
    allow: str
    sandbox: Sequence[str] | None
    referrer_policy: str


@dataclass
class PageParts:
    """What the HTML says."""

    frames: list[Frame] = field(default_factory=list)
    csp: list[str] = field(default_factory=list)
    referrer: list[str] = field(default_factory=list)
    has_sdk: bool = False


def fetch_page(url: str) -> FetchedPage:
    """GET, following a few redirects to web addresses, for so long and so much. `NotFetched` says why not."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    headers = {"User-Agent": USER_AGENT, "Accept": "text/html"}
    with httpx.Client(timeout=TIMEOUT_SECONDS, headers=headers, follow_redirects=False) as http:
        for _ in range(REDIRECTS_MAX + 1):
            _refuse_odd(url)
            try:
                with http.stream("GET", url) as response:
                    if not response.has_redirect_location:
                        return FetchedPage(url, response.status_code, response.headers, _read(response, deadline))
                    url = urljoin(url, response.headers["location"])
            except httpx.TimeoutException:
                raise NotFetched("does not answer in time") from None
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                raise NotFetched(f"cannot be fetched: {error}") from None
    raise NotFetched(f"leads through more than {REDIRECTS_MAX} redirects")


def _refuse_odd(url: str) -> None:
    if not is_web_address(url):
        raise NotFetched("is no address of a page (http or https, without a user)")


def is_web_address(url: str) -> bool:
    """Whether it is one that can be asked."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and "@" not in parts.netloc
            and parts.port != 0
        )
    except ValueError:
        return False


def _read(response: httpx.Response, deadline: float) -> str:
    content = b""
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) >= MAX_BYTES:
            break
        if time.monotonic() > deadline:
            raise NotFetched("does not come to an end in time")
    encoding = response.charset_encoding or "utf-8"
    try:
        return content[:MAX_BYTES].decode(encoding, "replace")
    except LookupError:
        return content[:MAX_BYTES].decode("utf-8", "replace")


def read_parts(html: str) -> PageParts:
    """Read what bears on frames; HTML that is broken is read as far as it goes."""
    reader = _Reader()
    # Without `close`, which would look at an unfinished rest from each of its characters anew.
    reader.feed(html)
    return reader.parts


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts = PageParts()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in reversed(attrs)}
        if tag == "iframe":
            self.parts.frames.append(self._frame(values))
        elif tag == "meta":
            self._read_meta(values)
        elif tag == "bonafide-capture" or (tag == "script" and "sdk/bonafide.js" in values.get("src", "")):
            self.parts.has_sdk = True

    def handle_data(self, data: str) -> None:
        """Scripts that import it are text to the parser."""
        if "sdk/bonafide.js" in data:
            self.parts.has_sdk = True

    def _frame(self, values: dict[str, str]) -> Frame:
        sandbox = values["sandbox"].lower().split() if "sandbox" in values else None
        referrer = values.get("referrerpolicy", "").strip().lower()
        return Frame(self.getpos()[0], values.get("src", ""), values.get("allow", ""), sandbox, referrer)

    def _read_meta(self, values: dict[str, str]) -> None:
        if values.get("http-equiv", "").lower() == "content-security-policy":
            self.parts.csp.append(values.get("content", ""))
        elif values.get("name", "").lower() == "referrer":
            self.parts.referrer.append(values.get("content", ""))
