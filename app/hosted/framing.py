"""An integrator's page around ours: what lets it frame us, and whom it is known by."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from flask import request

from app.hosted.origins import framing_origin

FRAME_HEADERS = {"Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Resource-Policy": "cross-origin"}
"""Such a page holds only frames that ask of their own parts what it asks of its. Ours come from our own origin.

Who may frame at all, `frame-ancestors` says.
"""

FROM = "from"
"""In the query of a page that is loaded again: the origin that it was bound to. Also in parent_messages.js."""


def bound_origin(allowed: Sequence[str]) -> str | None:
    """Origin of the page that frames this one, or opened it, as far as it may.

    Under our policy a link sends no Referer, nor does a script's reload but in Firefox: then the query says it.
    Nobody wins by writing it: a message that is posted to an origin reaches no window of another.
    """
    return framing_origin(request.headers.get("Referer") or request.args.get(FROM, ""), allowed)


def again_from(origin: str | None) -> str:
    """Address, within the page, from which it is loaded again and stays bound to the same origin."""
    return f"?{urlencode({FROM: origin})}" if origin else ""
