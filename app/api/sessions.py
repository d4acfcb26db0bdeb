"""Embedded biometric sessions."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.api.authentication import caller, requires
from app.api.requests import CurrentQuery, ReasonBody, SessionBody, SessionQuery, path_id
from app.api.services import api_services
from app.api.wire import created_session_json, pagination_json, session_json
from app.domain.organization import Scope
from app.domain.session import BiometricSession
from app.services.authenticate import Integration
from app.web.requests import read_json, read_query

sessions = Blueprint("sessions", __name__, url_prefix="/kyc/biometric")


@sessions.post("/sessions")
@requires(Scope.SESSIONS_WRITE, Integration.KYC, Integration.BIOMETRIC)
def create_session() -> ResponseReturnValue:
    session = api_services().open_session(caller(), read_json(SessionBody).to_service())
    return jsonify(created_session_json(session, session_url(session))), 201


@sessions.get("/sessions")
@requires(Scope.SESSIONS_READ)
def list_sessions() -> ResponseReturnValue:
    query = read_query(SessionQuery)
    page = api_services().list_sessions(
        caller(), entity_id=query.entity_id, status=query.status, limit=query.limit, offset=query.offset
    )
    return jsonify(
        {
            "sessions": [session_json(session, session_url(session)) for session in page.sessions],
            "currentSessionId": page.current_session_id,
            "pagination": pagination_json(query.limit, query.offset, page.total),
        }
    )


@sessions.get("/sessions/<session_id>")
@requires(Scope.SESSIONS_READ)
def get_session(session_id: str) -> ResponseReturnValue:
    return _answer(api_services().read_session.by_id(caller(), path_id(session_id)))


@sessions.post("/sessions/<session_id>/sync")
@requires(Scope.SESSIONS_WRITE)
def sync_session(session_id: str) -> ResponseReturnValue:
    return _answer(api_services().sync_session(caller(), path_id(session_id)))


@sessions.post("/sessions/<session_id>/cancel")
@requires(Scope.SESSIONS_WRITE)
def cancel_session(session_id: str) -> ResponseReturnValue:
    return _answer(api_services().cancel_session(caller(), path_id(session_id)))


@sessions.post("/sessions/<session_id>/approve")
@requires(Scope.SESSIONS_WRITE)
def approve_session(session_id: str) -> ResponseReturnValue:
    reason = read_json(ReasonBody).reason
    return _answer(api_services().review_session.approve(caller(), path_id(session_id), reason))


@sessions.post("/sessions/<session_id>/reject")
@requires(Scope.SESSIONS_WRITE)
def reject_session(session_id: str) -> ResponseReturnValue:
    reason = read_json(ReasonBody).reason
    return _answer(api_services().review_session.reject(caller(), path_id(session_id), reason))


@sessions.get("/entities/<entity_id>/current")
@requires(Scope.SESSIONS_READ)
def get_current_session(entity_id: str) -> ResponseReturnValue:
    query = read_query(CurrentQuery)
    session = api_services().read_session.latest_of(
        caller(), path_id(entity_id), only_approved=query.basis == "approved"
    )
    return jsonify(None) if session is None else _answer(session)


def _answer(session: BiometricSession) -> ResponseReturnValue:
    return jsonify(session_json(session, session_url(session)))


def session_url(session: BiometricSession) -> str:
    """The address of the hosted page: the same on every read."""
    services = api_services()
    token = services.links.session_token(session.hosted_session_id, session.created_at)
    return f"{services.public_url}/session/{token}"
