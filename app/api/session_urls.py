"""Where the hosted page of a session is."""

from __future__ import annotations

from app.domain.session import BiometricSession
from app.services.ports import SessionLinks


def session_page_url(links: SessionLinks, public_url: str, session: BiometricSession) -> str:
    """The same on every read. Made when it is shown, never stored: it lets its holder into the session."""
    return f"{public_url}/session/{links.session_token(session.hosted_session_id, session.created_at)}"
