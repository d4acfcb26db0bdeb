"""How soon a person can be asked for the camera on a slow line: the page in real Chromium, its network throttled.

    BONAFIDE_CHROMIUM=/usr/bin/chromium .venv/bin/python -m bench.page_load [--runs 5]

The line is WebPageTest's "4G": 9 Mbit/s and 170 ms for a round trip, set by Chromium's own emulation
(`Network.emulateNetworkConditions`), which delays every answer, but neither new connections nor websockets.
A script presses "Agree" and "Start" as soon as they are there, and the camera is asked for where the page calls
getUserMedia. Served by `bonafide serve` itself (HTTP/1.1: six requests at a time), and behind a proxy that
speaks HTTP/2, as one with TLS does; each for a first visit, and for one whose files are in the browser's cache.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from app.cli.lan import make_certificate
from tests.live_server import PROJECT, Api, LiveServer, free_port, running_server
from tests.portrait import close_up, jpeg

BITS_PER_SECOND = 9_000_000
ROUND_TRIP_MS = 170
WATCH = """
  window.marks = {};
  const mark = (name) => { window.marks[name] ??= performance.now(); };
  addEventListener("load", () => mark("load"));
  navigator.mediaDevices.getUserMedia = () => {
    mark("camera asked for");
    document.documentElement.dataset.asked = "";
    return new Promise(() => {});
  };
  const press = () => {
    for (const [action, name] of [["consent_accepted", "first screen"], ["start_pressed", "start button"]]) {
      const button = document.querySelector(`button[data-action="${action}"]:not([aria-disabled])`);
      if (button && !(name in window.marks)) { mark(name); button.click(); }
    }
  };
  new MutationObserver(press).observe(document, { childList: true, subtree: true, attributes: true });
"""
MARKS = ("load", "first screen", "start button", "camera asked for")


@dataclass(frozen=True)
class Visit:
    """Milliseconds since the address was asked for; what came over the line."""

    marks: dict[str, float]
    requests: int
    received_bytes: int


def visit(context: BrowserContext, url: str) -> Visit:
    """Open the page and wait until it asks for the camera."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    line = {"downloadThroughput": BITS_PER_SECOND / 8, "uploadThroughput": BITS_PER_SECOND / 8}
    session.send("Network.emulateNetworkConditions", {"offline": False, "latency": ROUND_TRIP_MS, **line})
    received: list[int] = []
    session.on("Network.loadingFinished", lambda event: received.append(int(event["encodedDataLength"])))
    page.goto(url)
    page.wait_for_selector("html[data-asked]")
    marks = page.evaluate("window.marks")
    page.close()
    return Visit(marks, len(received), sum(received))


def measure(browser: Browser, api: Api, entity_id: str, runs: int) -> tuple[list[Visit], list[Visit]]:
    """First visits, and second ones in the same browser."""
    first: list[Visit] = []
    second: list[Visit] = []
    for _ in range(runs):
        context = browser.new_context(viewport={"width": 390, "height": 844}, ignore_https_errors=True)
        context.add_init_script(WATCH)
        for visits in (first, second):
            created = api.open_session(entity_id)
            visits.append(visit(context, created["sessionUrl"]))
            api.cancel(created["id"])
        context.close()
    return first, second


def show(name: str, visits: list[Visit]) -> None:
    """Medians, and the slowest."""
    middle = {mark: statistics.median(one.marks[mark] for one in visits) for mark in MARKS}
    slowest = max(one.marks["camera asked for"] for one in visits)
    since_load = statistics.median(one.marks["camera asked for"] - one.marks["load"] for one in visits)
    last = visits[-1]
    times = ", ".join(f"{mark} {ms:.0f}" for mark, ms in middle.items())
    print(f"{name:<28} {times} ms (slowest {slowest:.0f}; {since_load:.0f} after load)")
    print(f"{'':<28} {last.requests} answers, {last.received_bytes / 1000:.1f} kB with headers")


@contextmanager
def http2_proxy(folder: Path, port: int, server: LiveServer) -> Iterator[None]:
    """TLS and HTTP/2 before the server."""
    certificate, key = make_certificate(folder, "127.0.0.1", datetime.now(UTC))
    backend = server.url.rpartition(":")[2]
    command = [str(PROJECT / "scripts" / "node"), "node", str(PROJECT / "bench" / "h2_proxy.mjs")]
    arguments = [str(port), str(key), str(certificate), backend]
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            process.terminate()


def run(browser: Browser, folder: Path, runs: int) -> None:
    """Both ways of serving."""
    with running_server(folder / "bare") as server:
        api = Api(server.url, server.demo_key())
        first, second = measure(browser, api, api.enrol("Somebody", jpeg(close_up())), runs)
        show("HTTP/1.1, first visit", first)
        show("HTTP/1.1, files in the cache", second)
    port = free_port()
    public = {"BONAFIDE_PUBLIC_URL": f"https://127.0.0.1:{port}", "BONAFIDE_TRUSTED_PROXIES": "127.0.0.1"}
    with running_server(folder / "proxied", public) as server, http2_proxy(folder, port, server):
        api = Api(server.url, server.demo_key())
        first, second = measure(browser, api, api.enrol("Somebody", jpeg(close_up())), runs)
        show("HTTP/2, first visit", first)
        show("HTTP/2, files in the cache", second)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time until the camera can be asked for, on 4G.")
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    print(f"{BITS_PER_SECOND / 1e6:g} Mbit/s, {ROUND_TRIP_MS} ms; medians of {runs}")
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("BONAFIDE_CHROMIUM"), args=flags)
        for name in ("bare", "proxied"):
            (Path(folder) / name).mkdir()
        run(browser, Path(folder), runs)
        browser.close()


if __name__ == "__main__":
    main()
