"""Embedded biometric sessions."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api.answers import Pagination, reply
from app.api.answers_sessions import (
    CreatedSessionAnswer,
    SessionAnswer,
    SessionsAnswer,
    created_session_answer,
    session_answer,
)
from app.api.authentication import caller, requires
from app.api.idempotency import idempotent
from app.api.requests import CurrentQuery, ReasonBody, SessionBody, SessionQuery, path_id
from app.api.services import api_services
from app.api.session_urls import session_page_url
from app.domain.organization import Scope
from app.domain.session import BiometricSession
from app.services.authenticate import Integration
from app.web.openapi import JSON, Operation, Returns
from app.web.requests import read_json, read_query

sessions = Blueprint("sessions", __name__, url_prefix="/kyc/biometric")

_ONE = {200: Returns("The session.", SessionAnswer)}
_PATH = "/api/kyc/biometric/sessions"

OPERATIONS = (
    Operation(
        method="post",
        path=_PATH,
        operation_id="createSession",
        summary="Make a session",
        description="Asks the person of an entity to show that they are there. Embed `sessionUrl`, or open it.",
        scope=Scope.SESSIONS_WRITE,
        is_idempotent=True,
        request={JSON: SessionBody},
        answers={201: Returns("The session.", CreatedSessionAnswer)},
        errors=(
            "NOT_ENABLED",
            "QUOTA_EXCEEDED",
            "NOT_FOUND",
            "KYC_NOT_APPROVED",
            "NO_PORTRAIT",
            "BIOMETRIC_WORKFLOW_NOT_CONFIGURED",
            "ENTITY_PAUSED",
            "ACTIVE_SESSION_EXISTS",
        ),
    ),
    Operation(
        method="get",
        path=_PATH,
        operation_id="listSessions",
        summary="List sessions",
        description="The latest first. An `entityId` that is unknown is `NOT_FOUND`.",
        scope=Scope.SESSIONS_READ,
        query=SessionQuery,
        answers={200: Returns("A page of sessions.", SessionsAnswer)},
        errors=("NOT_FOUND",),
    ),
    Operation(
        method="get",
        path=f"{_PATH}/{{sessionId}}",
        operation_id="getSession",
        summary="Read a session",
        scope=Scope.SESSIONS_READ,
        answers=_ONE,
    ),
    Operation(
        method="post",
        path=f"{_PATH}/{{sessionId}}/sync",
        operation_id="syncSession",
        summary="Sync a session",
        description="Reads the hosted session again and applies its verdict again. Safe to repeat.",
        scope=Scope.SESSIONS_WRITE,
        answers=_ONE,
    ),
    Operation(
        method="post",
        path=f"{_PATH}/{{sessionId}}/cancel",
        operation_id="cancelSession",
        summary="Cancel a session",
        scope=Scope.SESSIONS_WRITE,
        answers=_ONE,
        errors=("INVALID_STATE",),
    ),
    Operation(
        method="post",
        path=f"{_PATH}/{{sessionId}}/approve",
        operation_id="approveSession",
        summary="Approve a session under review",
        scope=Scope.SESSIONS_WRITE,
        request={JSON: ReasonBody},
        answers=_ONE,
        errors=("INVALID_STATE",),
    ),
    Operation(
        method="post",
        path=f"{_PATH}/{{sessionId}}/reject",
        operation_id="rejectSession",
        summary="Reject a session under review",
        description="It gets `rejectionCode: REVIEW_REJECTED`.",
        scope=Scope.SESSIONS_WRITE,
        request={JSON: ReasonBody},
        answers=_ONE,
        errors=("INVALID_STATE",),
    ),
    Operation(
        method="get",
        path="/api/kyc/biometric/entities/{entityId}/current",
        operation_id="getCurrentSession",
        summary="Read the latest session of an entity",
        description="Whatever its status; with `basis=approved` the latest that was approved.",
        scope=Scope.SESSIONS_READ,
        query=CurrentQuery,
        answers={200: Returns("The session, `null` where there is none.", SessionAnswer, is_nullable=True)},
    ),
)


@sessions.post("/sessions")
@requires(Scope.SESSIONS_WRITE, Integration.KYC, Integration.BIOMETRIC, uses_quota=True)
@idempotent
def create_session() -> ResponseReturnValue:
    session = api_services().open_session(caller(), read_json(SessionBody).to_service())
    return reply(created_session_answer(session, session_url(session)), 201)


@sessions.get("/sessions")
@requires(Scope.SESSIONS_READ)
def list_sessions() -> ResponseReturnValue:
    query = read_query(SessionQuery)
    page = api_services().list_sessions(
        caller(), entity_id=query.entity_id, status=query.status, limit=query.limit, offset=query.offset
    )
    return reply(
        SessionsAnswer(
            sessions=tuple(session_answer(session, session_url(session)) for session in page.sessions),
            current_session_id=page.current_session_id,
            pagination=Pagination(limit=query.limit, offset=query.offset, total=page.total),
        )
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
    return reply(None) if session is None else _answer(session)


def _answer(session: BiometricSession) -> ResponseReturnValue:
    return reply(session_answer(session, session_url(session)))


def session_url(session: BiometricSession) -> str:
    """The address of the hosted page: the same on every read."""
    services = api_services()
    return session_page_url(services.links, services.public_url, session)
