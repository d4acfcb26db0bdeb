"""`bonafide doctor --embed URL`: what in an integrator's page would keep the camera from a session in it.

Judges headers and HTML as they are served. What scripts make of them only a browser sees: `/embed-check`.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from app.cli.embedding_page import FetchedPage, Frame, NotFetched, PageParts, fetch_page, read_parts
from app.cli.embedding_policies import (
    FRAME_SOURCES,
    SCRIPT_SOURCES,
    allowlist_covers,
    camera_allowlist,
    frame_allows_camera,
    origin,
    read_csp,
    refusing,
    source_allows,
)
from app.cli.findings import Finding, Findings, Level
from app.domain.web_address import is_loopback

SANDBOX_NEEDS = ("allow-scripts", "allow-same-origin")
SILENT_REFERRERS = {"no-referrer", "same-origin"}
"""Policies under which a page of another origin is not told who frames it."""
REFERRER_POLICIES = SILENT_REFERRERS | {
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
}

Judge = Callable[[FetchedPage, PageParts, str], Findings]


def check_embedding(url: str, session_url: str | None, public_url: str) -> Findings:
    """Fetch the page, and what it is to embed. Nothing begins by that."""
    try:
        page = fetch_page(url)
    except NotFetched as error:
        yield Finding(
            Level.PROBLEM, "page", f"{url} {error}", "check the address, and that it can be reached from here"
        )
        return
    embedded = session_url or f"{public_url.rstrip('/')}/embed-check"
    parts = read_parts(page.html)
    judges: tuple[Judge, ...] = (judge_page, judge_permissions, judge_csp, judge_isolation, judge_frames)
    for judge in judges:
        yield from judge(page, parts, embedded)
    yield from judge_embedded(page, embedded)


def server_of(address: str) -> str:
    """Scheme, host and port of ours, as they are written into policies."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def judge_page(page: FetchedPage, _parts: PageParts, embedded: str) -> Findings:
    if page.status >= 400:
        yield Finding(
            Level.PROBLEM, "page", f"answers {page.status}", "name the page that people get, without a login"
        )
    elif "html" not in page.header("content-type"):
        yield Finding(Level.NOTE, "page", f"is no HTML but {page.header('content-type') or 'nameless'}")
    else:
        yield Finding(Level.OK, "page", f"{page.url} answers {page.status}")
    if not _is_trustworthy(page.url):
        yield Finding(
            Level.PROBLEM, "https", "the page comes over plain http", "browsers give the camera to https only"
        )
    elif not _is_trustworthy(embedded):
        yield Finding(Level.PROBLEM, "https", f"{server_of(embedded)} is plain http", "serve sessions over https")
    else:
        yield Finding(Level.OK, "https", "both are https, or on loopback")


def _is_trustworthy(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def judge_permissions(page: FetchedPage, _parts: PageParts, embedded: str) -> Findings:
    topic, server = "Permissions-Policy", server_of(embedded)
    try:
        allowed = camera_allowlist(page.headers("permissions-policy"))
    except ValueError as error:
        yield Finding(Level.NOTE, topic, f"is malformed, so browsers ignore it: {error}")
        return
    if allowed is None:
        yield Finding(Level.OK, topic, "says nothing of the camera")
    elif not allowlist_covers(allowed, embedded, page.url):
        remedy = f'camera=(self "{server}")'
        yield Finding(Level.PROBLEM, topic, f"camera=({' '.join(allowed)}) leaves {server} out", remedy)
    elif not allowlist_covers(allowed, page.url, page.url):
        remedy = f'camera=(self "{server}")'
        yield Finding(Level.PROBLEM, topic, "leaves the page itself out, and so cannot pass the camera on", remedy)
    else:
        yield Finding(Level.OK, topic, f"passes the camera on to {server}")


def judge_csp(page: FetchedPage, parts: PageParts, embedded: str) -> Findings:
    topic, server = "Content-Security-Policy", server_of(embedded)
    policies = read_csp(page.headers("content-security-policy"))
    # Browsers heed no sandbox in a meta element.
    everywhere = policies + read_csp(parts.csp)
    refused = refusing(everywhere, FRAME_SOURCES, embedded, page.url)
    if refused:
        yield Finding(Level.PROBLEM, topic, f"`{refused}` keeps the frame out", f"add {server} to frame-src")
    else:
        yield Finding(Level.OK, topic, f"lets frames of {server} in")
    for policy in policies:
        missing = [one for one in SANDBOX_NEEDS if "sandbox" in policy and one not in policy["sandbox"]]
        if missing:
            yield Finding(Level.PROBLEM, topic, "its sandbox holds for frames too", f"add {' '.join(missing)}")
    refused = refusing(everywhere, SCRIPT_SOURCES, f"{server}/static/sdk/bonafide.js", page.url)
    if refused and "'strict-dynamic'" not in refused and "'nonce-" not in refused:
        level = Level.PROBLEM if parts.has_sdk else Level.NOTE
        yield Finding(level, topic, f"`{refused}` keeps the SDK out", f"add {server} to script-src, if you use it")


def judge_isolation(page: FetchedPage, _parts: PageParts, _embedded: str) -> Findings:
    if page.header("cross-origin-opener-policy").split(";")[0].strip() in {"same-origin", "noopener-allow-popups"}:
        what = "parts the page from tabs that it opens: mode `tab` of the SDK tells no events"
        yield Finding(Level.NOTE, "Cross-Origin-Opener-Policy", what, "use same-origin-allow-popups")


def judge_frames(page: FetchedPage, parts: PageParts, embedded: str) -> Findings:
    ours = [one for one in parts.frames if origin(urlsplit(page.resolve(one.src))) == origin(urlsplit(embedded))]
    policy = referrer_policy(page, parts)
    for frame in ours:
        where = f"iframe in line {frame.line}"
        found = list(_judge_frame(page, frame, where, frame.referrer_policy or policy))
        yield from found or [Finding(Level.OK, where, "passes the camera on")]
    if ours:
        return
    if parts.has_sdk:
        yield Finding(Level.OK, "iframe", "is made by the SDK, which writes what it needs")
        return
    what = f"none of {server_of(embedded)} in the HTML as served; a script may make it"
    remedy = "let a browser judge: open /embed-check in the place of the session (docs/embedding.md)"
    yield Finding(Level.NOTE, "iframe", what, remedy)
    if policy in SILENT_REFERRERS:
        remedy = 'give the iframe referrerpolicy="strict-origin"; the SDK does'
        yield Finding(Level.NOTE, "Referrer-Policy", f"{policy}: sessions would stay silent", remedy)


def _judge_frame(page: FetchedPage, frame: Frame, where: str, policy: str) -> Findings:
    if not frame_allows_camera(frame.allow, page.resolve(frame.src), page.url):
        yield Finding(Level.PROBLEM, where, "does not pass the camera on", 'add allow="camera"')
    missing = [one for one in SANDBOX_NEEDS if frame.sandbox is not None and one not in frame.sandbox]
    if missing:
        remedy = f"add {' '.join(missing)}, or leave it out"
        yield Finding(Level.PROBLEM, where, "its sandbox is in the way", remedy)
    if policy in SILENT_REFERRERS:
        remedy = 'add referrerpolicy="strict-origin" to the iframe'
        yield Finding(Level.PROBLEM, where, "the session does not learn whom to tell, and stays silent", remedy)


def referrer_policy(page: FetchedPage, parts: PageParts) -> str:
    """The one that holds: the last that is known, those of meta elements after the header's."""
    words = [
        word.strip().lower() for word in ",".join([*page.headers("referrer-policy"), *parts.referrer]).split(",")
    ]
    return next((word for word in reversed(words) if word in REFERRER_POLICIES), "")


def judge_embedded(page: FetchedPage, embedded: str) -> Findings:
    """The other side, as it comes through proxies."""
    server = server_of(embedded)
    try:
        answer = fetch_page(embedded)
    except NotFetched as error:
        yield Finding(Level.NOTE, "session", f"{server} {error} from here, so its headers are not judged")
        return
    if answer.status >= 400:
        yield Finding(
            Level.PROBLEM, "session", f"answers {answer.status}", "use the sessionUrl of a session that is open"
        )
        return
    found = list(_judge_answer(page, answer))
    yield from found or [Finding(Level.OK, "session", f"{server} may be framed by {server_of(page.url)}")]


def _judge_answer(page: FetchedPage, answer: FetchedPage) -> Findings:
    policies = read_csp(answer.headers("content-security-policy"))
    ancestors = [policy["frame-ancestors"] for policy in policies if "frame-ancestors" in policy]
    for sources in ancestors:
        if not any(source_allows(source, page.url, answer.url) for source in sources):
            remedy = f"add {server_of(page.url)} to the organization's allowedFrameOrigins"
            yield Finding(Level.PROBLEM, "session", f"may be framed by {' '.join(sources)} only", remedy)
    # Where frame-ancestors is there, browsers do not look at it.
    if answer.header("x-frame-options") and not ancestors:
        remedy = "take it out of the proxy before Bonafide, which sends frame-ancestors"
        yield Finding(Level.PROBLEM, "session", "comes with X-Frame-Options", remedy)
    try:
        allowed = camera_allowlist(answer.headers("permissions-policy"))
    except ValueError:
        allowed = None
    if allowed is not None and not allowlist_covers(allowed, answer.url, answer.url):
        remedy = "take Permissions-Policy out of the proxy before Bonafide"
        yield Finding(Level.PROBLEM, "session", "its own Permissions-Policy keeps the camera back", remedy)
