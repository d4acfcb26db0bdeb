"""By which policy a session is run, and by which it is judged."""

from __future__ import annotations

from app.domain.errors import RecordUnreadable, WorkflowNotConfigured
from app.domain.session import BiometricSession
from app.domain.settings import SessionPolicy, effective
from app.services.store import UnitOfWork


def policy_now(uow: UnitOfWork, session: BiometricSession) -> SessionPolicy:
    """What holds for the session now: the organization's settings, its workflow over them.

    A workflow that was removed since goes on for it as it last was: removing one must not loosen what stands.
    """
    found = uow.settings.current(session.organization_id)
    if found.settings.workflow(session.workflow_id) is None:
        found = uow.settings.last_with_workflow(session.organization_id, session.workflow_id) or found
    return effective(found.settings, session.workflow_id)


def policy_at(uow: UnitOfWork, session: BiometricSession, policy_version: int) -> SessionPolicy:
    """What held when the session's evidence was taken, which is what it is judged by.

    `RecordUnreadable` where that version is not kept: better no verdict than one by other rules.
    """
    found = uow.settings.get(session.organization_id, policy_version)
    if found is None:
        raise RecordUnreadable(f"version {policy_version} of the settings of {session.session_id} is missing")
    try:
        return effective(found.settings, session.workflow_id)
    except WorkflowNotConfigured as error:
        raise RecordUnreadable(f"version {policy_version} has no workflow {session.workflow_id}") from error
