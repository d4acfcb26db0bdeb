"""A stock Firefox over WebDriver BiDi, which it speaks itself: no driver, no patched build.

Only what the tests need of the protocol: commands answered in order, events left unread.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from websocket import WebSocket, create_connection

START_SECONDS = 60
STOP_SECONDS = 15
ANSWER_SECONDS = 60
POLL_MS = 50
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
PREFERENCES = {
    # Nothing is asked of the network but what the test asks.
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.newtabpage.enabled": False,
    "browser.region.network.url": "",
    "browser.safebrowsing.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "media.gmp-manager.url": "",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
}
Json = dict[str, Any]


class BidiError(Exception):
    """Firefox refused a command, or a script threw."""


class Firefox:
    """One window. `run` evaluates an expression in its page."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._last_id = 0
        self._ask("session.new", capabilities={})
        self._context = str(self._ask("browsingContext.getTree")["contexts"][0]["context"])

    def preload(self, script: str) -> None:
        """Run this in every page before its own scripts."""
        self._ask("script.addPreloadScript", functionDeclaration=f"() => {{ {script} }}")

    def resize(self, width: int, height: int) -> None:
        """The page's window, in CSS pixels."""
        viewport = {"width": width, "height": height}
        self._ask("browsingContext.setViewport", context=self._context, viewport=viewport)

    def goto(self, url: str) -> None:
        self._ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def run(self, expression: str) -> Any:  # noqa: ANN401 - whatever the page says, as JSON
        """Its value, awaited where it is a promise."""
        text = self._evaluate(f"Promise.resolve({expression}).then((value) => JSON.stringify(value ?? null))")
        return json.loads(text["value"])

    def wait_for(self, expression: str, seconds: float = ANSWER_SECONDS / 2) -> Any:  # noqa: ANN401
        """The first value of the expression that is not falsy; BidiError after that many seconds."""
        return self.run(
            f"""new Promise((resolve, reject) => {{
              const deadline = performance.now() + {1000 * seconds};
              const look = () => {{
                const value = ({expression});
                if (value) return resolve(value);
                if (performance.now() > deadline) return reject(new Error("never came"));
                setTimeout(look, {POLL_MS});
              }};
              look();
            }})"""
        )

    def click(self, selector: str) -> None:
        """As a mouse does, in the middle of the element."""
        element = self._evaluate(f"document.querySelector({json.dumps(selector)})")
        if element["type"] != "node":
            raise BidiError(f"nothing to click at {selector}")
        origin = {"type": "element", "element": {"sharedId": element["sharedId"]}}
        actions = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "actions": actions}
        self._ask("input.performActions", context=self._context, actions=[mouse])

    def screenshot(self) -> str:
        """A PNG of the window, in base64."""
        return str(self._ask("browsingContext.captureScreenshot", context=self._context)["data"])

    def close(self) -> None:
        self._ask("browser.close")

    def _evaluate(self, expression: str) -> Json:
        target = {"context": self._context}
        answer = self._ask("script.evaluate", expression=expression, target=target, awaitPromise=True)
        if answer["type"] == "exception":
            raise BidiError(f"{answer['exceptionDetails']['text']} in {expression}")
        result: Json = answer["result"]
        return result

    def _ask(self, method: str, **params: object) -> Json:
        self._last_id += 1
        self._socket.send(json.dumps({"id": self._last_id, "method": method, "params": params}))
        while True:
            answer: Json = json.loads(self._socket.recv())
            if answer.get("id") != self._last_id:
                continue
            if answer["type"] == "error":
                raise BidiError(f"{method}: {answer['error']}: {answer['message']}")
            result: Json = answer["result"]
            return result


@contextmanager
def running_firefox(path: str, folder: Path) -> Iterator[Firefox]:
    """Start it on a profile of its own, without a window, and close it in the end."""
    profile, log = folder / "firefox", folder / "firefox.log"
    profile.mkdir()
    lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines), "utf-8")
    command = [path, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, "about:blank"], stdout=output, stderr=subprocess.STDOUT)
    try:
        # Firefox refuses whoever names an origin: pages do, and no page may drive it.
        url = f"{_address(process, log)}/session"
        with closing(create_connection(url, timeout=ANSWER_SECONDS, suppress_origin=True)) as socket:
            firefox = Firefox(socket)
            yield firefox
            firefox.close()
        process.wait(STOP_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(STOP_SECONDS)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = LISTENING.search(log.read_text("utf-8", errors="replace"))
        if found:
            return found[1]
        time.sleep(0.1)
    raise BidiError(f"Firefox does not listen:\n{log.read_text('utf-8', errors='replace')}")
