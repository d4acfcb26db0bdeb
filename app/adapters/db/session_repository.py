"""Biometric sessions and their hosted sessions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, not_, or_, select, text, update
from sqlalchemy.exc import IntegrityError

from app.adapters.db.repositories import Repository, select_rows, table
from app.adapters.db.tables import IS_CAPTURED, IS_PENDING, IS_RUNNING, BiometricSessionRow, HostedSessionRow
from app.domain.errors import ActiveSessionExists
from app.domain.pause import Failure
from app.domain.session import ACTIVE_STATUSES, BiometricSession, HostedSession, HostedState, SessionStatus
from app.services.store import SessionFilter

INSERT_TRIES = 3
"""How often a session is inserted when the one in its way ends in that very moment."""


class SqlBiometricSessions(Repository):
    def add(self, session: BiometricSession, hosted: HostedSession) -> None:
        for attempt in range(1, INSERT_TRIES + 1):
            try:
                with self.connection.begin_nested():
                    self._insert(BiometricSessionRow, vars(session))
                    self._insert(HostedSessionRow, vars(hosted))
            except IntegrityError:
                active_id = self._active_id(session.entity_id)
                if active_id is not None:
                    raise ActiveSessionExists(active_id) from None
                if attempt == INSERT_TRIES:
                    raise
            else:
                return

    def _active_id(self, entity_id: str) -> str | None:
        return self.connection.execute(
            select(BiometricSessionRow.session_id).where(
                BiometricSessionRow.entity_id == entity_id,
                BiometricSessionRow.status.in_(sorted(ACTIVE_STATUSES)),
            )
        ).scalar_one_or_none()

    def get(self, organization_id: str, is_test: bool, session_id: str) -> BiometricSession | None:
        statement = select_rows(BiometricSessionRow).where(
            BiometricSessionRow.organization_id == organization_id,
            BiometricSessionRow.is_test == is_test,
            BiometricSessionRow.session_id == session_id,
        )
        return self._first(BiometricSession, statement)

    def by_hosted_id(self, hosted_session_id: str) -> tuple[BiometricSession, HostedSession] | None:
        where = HostedSessionRow.hosted_session_id == hosted_session_id
        hosted = self._first(HostedSession, self._hosted_statement().where(where))
        if hosted is None:
            return None
        statement = select_rows(BiometricSessionRow).where(BiometricSessionRow.session_id == hosted.session_id)
        session = self._first(BiometricSession, statement)
        return None if session is None else (session, hosted)

    def hosted_of(self, session_id: str) -> HostedSession:
        statement = self._hosted_statement().where(HostedSessionRow.session_id == session_id)
        hosted = self._first(HostedSession, statement)
        if hosted is None:
            raise LookupError("a biometric session without its hosted session")
        return hosted

    def hosted_of_all(self, session_ids: Sequence[str]) -> Mapping[str, HostedSession]:
        statement = select_rows(HostedSessionRow).where(HostedSessionRow.session_id.in_(session_ids))
        return {hosted.session_id: hosted for hosted in self._all(HostedSession, statement)}

    def _hosted_statement(self) -> Select[Any]:
        """Locked while the transaction writes: abandoning a session and taking its capture exclude each other."""
        statement = select_rows(HostedSessionRow)
        return statement.with_for_update() if self.locks else statement

    def latest_created(self, organization_id: str, is_test: bool, entity_id: str) -> BiometricSession | None:
        statement = self._of_entity(organization_id, is_test, entity_id)
        newest_first = (BiometricSessionRow.created_at.desc(), BiometricSessionRow.session_id.desc())
        return self._first(BiometricSession, statement.order_by(*newest_first))

    def latest_approved(self, organization_id: str, is_test: bool, entity_id: str) -> BiometricSession | None:
        statement = self._of_entity(organization_id, is_test, entity_id).where(
            BiometricSessionRow.status == SessionStatus.APPROVED
        )
        newest_first = (BiometricSessionRow.completed_at.desc(), BiometricSessionRow.session_id.desc())
        return self._first(BiometricSession, statement.order_by(*newest_first))

    def _of_entity(self, organization_id: str, is_test: bool, entity_id: str) -> Select[Any]:
        return select_rows(BiometricSessionRow).where(
            BiometricSessionRow.organization_id == organization_id,
            BiometricSessionRow.is_test == is_test,
            BiometricSessionRow.entity_id == entity_id,
        )

    def page(self, wanted: SessionFilter, limit: int, offset: int) -> tuple[Sequence[BiometricSession], int]:
        where = _wanted(wanted)
        newest_first = (BiometricSessionRow.created_at.desc(), BiometricSessionRow.session_id.desc())
        statement = select_rows(BiometricSessionRow).where(*where).order_by(*newest_first)
        page = self._all(BiometricSession, statement.limit(limit).offset(offset))
        return page, self._count(BiometricSessionRow, *where)

    def failures_since(self, entity_id: str, since: datetime) -> Sequence[Failure]:
        row = BiometricSessionRow
        was_left = and_(row.status.in_((SessionStatus.ABANDONED, SessionStatus.CANCELLED)), row.attempts > 0)
        statement = (
            select(row.completed_at, row.attempts, row.status)
            .where(
                row.entity_id == entity_id,
                or_(row.status == SessionStatus.REJECTED, was_left),
                row.completed_at >= since,
            )
            .order_by(row.completed_at)
        )
        return [
            Failure(at, attempts, is_rejected=status is SessionStatus.REJECTED)
            for at, attempts, status in self.connection.execute(statement)
            if at is not None
        ]

    def waiting_captures(self, captured_before: datetime, limit: int) -> Sequence[str]:
        statement = (
            select(HostedSessionRow.hosted_session_id)
            .join(BiometricSessionRow, BiometricSessionRow.session_id == HostedSessionRow.session_id)
            .where(
                # As the partial index has it: a bound parameter would not let the database use it.
                text(f"hosted_sessions.{IS_CAPTURED}"),
                HostedSessionRow.captured_at < captured_before,
                BiometricSessionRow.status == SessionStatus.IN_PROGRESS,
                BiometricSessionRow.is_in_review.is_(False),
            )
            .order_by(HostedSessionRow.captured_at, HostedSessionRow.hosted_session_id)
            .limit(limit)
        )
        return list(self.connection.execute(statement).scalars())

    def overdue(self, now: datetime, silent_since: datetime, limit: int) -> Sequence[BiometricSession]:
        # As the partial indexes have it: bound parameters would not let the database use them.
        expired = (text(IS_PENDING), BiometricSessionRow.expires_at <= now)
        abandoned = (text(IS_RUNNING), _is_silent(silent_since))
        found: list[BiometricSession] = []
        for where, due in (
            (expired, BiometricSessionRow.expires_at),
            (abandoned, BiometricSessionRow.last_activity_at),
        ):
            statement = select_rows(BiometricSessionRow).where(*where, _can_run_out())
            oldest_first = (due, BiometricSessionRow.session_id)
            found += self._all(BiometricSession, statement.order_by(*oldest_first).limit(limit))
        return found

    def ended_of(self, hosted_session_ids: Collection[str]) -> Sequence[str]:
        statement = select(BiometricSessionRow.hosted_session_id).where(
            BiometricSessionRow.hosted_session_id.in_(hosted_session_ids),
            BiometricSessionRow.status.not_in(sorted(ACTIVE_STATUSES)),
        )
        return list(self.connection.execute(statement).scalars())

    def swap(self, before: SessionStatus, after: BiometricSession) -> bool:
        changed = self.connection.execute(
            update(table(BiometricSessionRow))
            .where(BiometricSessionRow.session_id == after.session_id, BiometricSessionRow.status == before)
            .values(**{name: value for name, value in vars(after).items() if name != "attempts"})
        )
        return changed.rowcount == 1

    def touch(self, session_id: str, at: datetime) -> None:
        self.connection.execute(
            update(BiometricSessionRow)
            .where(
                BiometricSessionRow.session_id == session_id,
                BiometricSessionRow.status == SessionStatus.IN_PROGRESS,
            )
            .values(last_activity_at=at)
        )

    def save_hosted(self, hosted: HostedSession) -> None:
        self.connection.execute(
            update(table(HostedSessionRow))
            .where(HostedSessionRow.hosted_session_id == hosted.hosted_session_id)
            .values(**vars(hosted))
        )
        self.connection.execute(
            update(table(BiometricSessionRow))
            .where(BiometricSessionRow.session_id == hosted.session_id)
            .values(attempts=hosted.attempts_used)
        )


def _wanted(wanted: SessionFilter) -> list[ColumnElement[bool]]:
    where = [
        BiometricSessionRow.organization_id == wanted.organization_id,
        BiometricSessionRow.is_test == wanted.is_test,
    ]
    if wanted.entity_id is not None:
        where.append(BiometricSessionRow.entity_id == wanted.entity_id)
    if wanted.status is not None:
        where.append(_stands_as(wanted.status, wanted))
    return where


def _stands_as(status: SessionStatus, wanted: SessionFilter) -> ColumnElement[bool]:
    """What is stored, and what time has made of it: `overdue_status` of the domain, as a condition."""
    is_stored = BiometricSessionRow.status == status
    match status:
        case SessionStatus.PENDING:
            return and_(is_stored, not_(_has_expired(wanted)))
        case SessionStatus.EXPIRED:
            return or_(is_stored, _has_expired(wanted))
        case SessionStatus.IN_PROGRESS:
            return and_(is_stored, not_(_is_abandoned(wanted)))
        case SessionStatus.ABANDONED:
            return or_(is_stored, _is_abandoned(wanted))
        case _:
            return is_stored


def _has_expired(wanted: SessionFilter) -> ColumnElement[bool]:
    return and_(
        BiometricSessionRow.status == SessionStatus.PENDING,
        BiometricSessionRow.expires_at <= wanted.now,
        _can_run_out(),
    )


def _is_abandoned(wanted: SessionFilter) -> ColumnElement[bool]:
    return and_(
        BiometricSessionRow.status == SessionStatus.IN_PROGRESS,
        _is_silent(wanted.silent_since),
        _can_run_out(),
    )


def _is_silent(since: datetime) -> ColumnElement[bool]:
    """Whoever begins is active then; a session without that time counts from its beginning."""
    begun_at = func.coalesce(BiometricSessionRow.started_at, BiometricSessionRow.created_at)
    return or_(
        BiometricSessionRow.last_activity_at <= since,
        and_(BiometricSessionRow.last_activity_at.is_(None), begun_at <= since),
    )


def _can_run_out() -> ColumnElement[bool]:
    """Neither under review nor with its capture in."""
    waits_for_the_person = exists().where(
        HostedSessionRow.session_id == BiometricSessionRow.session_id,
        HostedSessionRow.state.in_([HostedState.CREATED, HostedState.CONSENTED]),
    )
    return and_(BiometricSessionRow.is_in_review.is_(False), waits_for_the_person)
