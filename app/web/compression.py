"""Pages go compressed to whoever takes that: a third of the bytes before anything can begin.

Only for pages without a secret beside what a stranger may put in: length would betray it (BREACH).
"""

from __future__ import annotations

import gzip

from flask import Response, request

LEVEL = 6
LEAST_BYTES = 1_024
"""Below, the header costs more than is won."""


def compressed_page(response: Response) -> Response:
    """The same answer, compressed where it is a page of some length and the browser takes gzip."""
    response.vary.add("Accept-Encoding")
    is_page = response.mimetype == "text/html" and not response.is_streamed and response.content_encoding is None
    if not is_page or not request.accept_encodings.quality("gzip") > 0:
        return response
    plain = response.get_data()
    if len(plain) >= LEAST_BYTES:
        response.set_data(gzip.compress(plain, LEVEL, mtime=0))
        response.content_encoding = "gzip"
    return response
