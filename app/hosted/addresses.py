"""By which name browsers know this server."""

from __future__ import annotations

from flask import request

from app.hosted.origins import origin_of
from app.hosted.services import HostedServices


def own_origin(services: HostedServices) -> str:
    """The public address whatever a proxy or a caller's `Host` says; in development any name we answer to."""
    asked = origin_of(f"{request.scheme}://{request.host}") if services.is_development else None
    return asked or services.public_origin
