"""Sessions as the operator names them: by their id alone, whosever they are."""

from __future__ import annotations

from app.domain.errors import ObjectNotFound
from app.domain.session import BiometricSession, HostedSession
from app.services.store import UnitOfWork


def session_of_any(uow: UnitOfWork, session_id: str) -> tuple[BiometricSession, HostedSession]:
    """It, and its hosted half. `ObjectNotFound` for an unknown one."""
    try:
        hosted = uow.sessions.hosted_of(session_id)
    except LookupError:
        raise ObjectNotFound("No such session.") from None
    found = uow.sessions.by_hosted_id(hosted.hosted_session_id)
    if found is None:
        raise ObjectNotFound("No such session.")
    return found[0], hosted
