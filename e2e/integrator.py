"""An integrator's site, as small as can be: a page that embeds a session, and the page it comes back to."""

from __future__ import annotations

import html
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, make_server

StartResponse = Callable[..., Any]

EMBED = """<!doctype html><title>Shop</title><link rel="icon" href="data:,">
<iframe id="check" src="{url}" allow="{allow}" style="width:{width}px;height:{height}px;border:0"></iframe>
<script>
  const origin = new URL({url_json}).origin;
  window.messages = [];
  addEventListener("message", (event) => {{
    if (event.origin === origin) window.messages.push(event.data);
  }});
</script>"""
DONE = """<!doctype html><title>Back in the shop</title><link rel="icon" href="data:,"><h1>Back in the shop</h1>"""


@dataclass
class Integrator:
    """The site. `returns` holds the query of every visit to its callback, `headers` what a page is sent with."""

    port: int
    pages: dict[str, str] = field(default_factory=dict)
    headers: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    returns: list[dict[str, str]] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """A site of its own: not the server's, and not one that shares cookies with it."""
        return f"http://a.localhost:{self.port}"

    @property
    def callback(self) -> str:
        """Where sessions return to; its own query must survive."""
        return f"{self.origin}/done?order=7"

    def embed(self, url: str, allow: str, width: int = 420, height: int = 700) -> str:
        """Address of a page that holds the session in an iframe."""
        path = f"/embed/{len(self.pages)}"
        self.pages[path] = EMBED.format(
            url=html.escape(url), url_json=json.dumps(url), allow=html.escape(allow), width=width, height=height
        )
        return self.origin + path

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/done":
            self.returns.append(dict(parse_qsl(environ["QUERY_STRING"])))
            body = DONE
        else:
            body = self.pages.get(path, "")
        headers = [("Content-Type", "text/html; charset=utf-8"), *self.headers.get(path, [])]
        start_response("200 OK" if body else "404 Not Found", headers)
        return [body.encode()]


class QuietHandler(WSGIRequestHandler):
    """Without a line for each request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
        """Nothing."""


@contextmanager
def running_integrator() -> Iterator[Integrator]:
    """Serve the site on a free port of the loopback interface."""
    site = Integrator(0)
    with make_server("127.0.0.1", 0, site, handler_class=QuietHandler) as server:
        site.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, name="integrator", daemon=True)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
