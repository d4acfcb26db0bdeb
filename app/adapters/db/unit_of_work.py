"""The store: transactions over one engine, and outages told apart from everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Self

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.adapters.db.audit_trail import SqlAuditTrail
from app.adapters.db.engine import READS_ONLY
from app.adapters.db.face_match_repository import SqlFaceMatches
from app.adapters.db.handoff_repository import SqlHandoffs
from app.adapters.db.idempotency_repository import SqlIdempotencyRecords
from app.adapters.db.migrate import is_connection_current
from app.adapters.db.numbered_rows import write_numbered
from app.adapters.db.outbox_repository import SqlDeliveries, SqlEvents, SqlWebhookEndpoints
from app.adapters.db.replay_repository import SqlReplays
from app.adapters.db.repositories import (
    SqlApiKeys,
    SqlCaptures,
    SqlEntities,
    SqlKycValidations,
    SqlOrganizations,
)
from app.adapters.db.session_repository import SqlBiometricSessions
from app.adapters.db.settings_repository import SqlSettingsVersions
from app.adapters.db.template_repository import SqlTemplates
from app.adapters.db.usage_repository import SqlUsage
from app.domain.errors import StoreUnavailable
from app.services.store import UnitOfWork


class SqlUnitOfWork:
    """One transaction. Repositories exist only inside the `with` block."""

    organizations: SqlOrganizations
    settings: SqlSettingsVersions
    api_keys: SqlApiKeys
    entities: SqlEntities
    validations: SqlKycValidations
    sessions: SqlBiometricSessions
    handoffs: SqlHandoffs
    captures: SqlCaptures
    replays: SqlReplays
    templates: SqlTemplates
    face_matches: SqlFaceMatches
    usage: SqlUsage
    idempotency: SqlIdempotencyRecords
    events: SqlEvents
    webhook_endpoints: SqlWebhookEndpoints
    deliveries: SqlDeliveries
    audit: SqlAuditTrail

    def __init__(self, engine: Engine, *, is_writing: bool) -> None:
        self._engine, self._is_writing = engine, is_writing

    def __enter__(self) -> Self:
        try:
            self._connection = self._engine.connect()
        except SQLAlchemyError as error:
            raise as_outage(error) from error
        try:
            self._transaction = self._connection.begin()
        except SQLAlchemyError as error:
            self._connection.close()
            raise as_outage(error) from error
        self._bind()
        return self

    def _bind(self) -> None:
        connection = self._connection
        self.organizations = SqlOrganizations(connection)
        self.settings = SqlSettingsVersions(connection, locks=self._is_writing)
        self.api_keys = SqlApiKeys(connection)
        self.entities = SqlEntities(connection)
        self.validations = SqlKycValidations(connection, locks=self._is_writing)
        self.sessions = SqlBiometricSessions(connection, locks=self._is_writing)
        self.handoffs = SqlHandoffs(connection)
        self.captures = SqlCaptures(connection)
        self.replays = SqlReplays(connection)
        self.templates = SqlTemplates(connection)
        self.face_matches = SqlFaceMatches(connection)
        self.usage = SqlUsage(connection)
        self.idempotency = SqlIdempotencyRecords(connection)
        self.events = SqlEvents(connection)
        self.webhook_endpoints = SqlWebhookEndpoints(connection, locks=self._is_writing)
        self.deliveries = SqlDeliveries(connection, locks=self._is_writing)
        self.audit = SqlAuditTrail(connection, locks=self._is_writing)

    def commit(self) -> None:
        if not self._is_writing:
            raise RuntimeError("this unit of work only reads")
        try:
            write_numbered(self._connection, self.audit, self.events)
            self._transaction.commit()
        except SQLAlchemyError as error:
            if not self._transaction.is_active:
                # The commit itself failed, so nobody takes the transaction back: it goes with the connection.
                self._connection.invalidate()
            raise as_outage(error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._transaction.is_active:
                self._transaction.rollback()
            self._connection.close()
        except SQLAlchemyError as failure:
            self._connection.invalidate()
            raise as_outage(failure) from failure
        if isinstance(error, SQLAlchemyError) and (outage := as_outage(error)) is not error:
            raise outage from error


class _HeldUnitOfWork(SqlUnitOfWork):
    """One whose commit waits for `SqlHold.commit`."""

    def __init__(self, engine: Engine, hold: SqlHold) -> None:
        super().__init__(engine, is_writing=True)
        self._hold = hold

    def __enter__(self) -> Self:
        super().__enter__()
        with ExitStack() as stack:
            stack.push(super().__exit__)
            self._hold.opening(self)
            stack.pop_all()
        return self

    def commit(self) -> None:
        self._hold.waiting = self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._hold.waiting is self and kind is None:
            return
        self._hold.waiting = None
        super().__exit__(kind, error, trace)

    def finish(self, last: Callable[[UnitOfWork], None]) -> None:
        with ExitStack() as stack:
            stack.push(super().__exit__)
            last(self)
            super().commit()

    def drop(self) -> None:
        super().__exit__(None, None, None)

    def read(self) -> SqlUnitOfWork:
        return _JoinedReading(self._connection)


class _JoinedReading(SqlUnitOfWork):
    """Reads in a transaction of which it is not the owner."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._is_writing = connection, False

    def __enter__(self) -> Self:
        self._bind()
        return self

    def __exit__(self, *_: object) -> None:
        pass


class SqlHold:
    """Implements `HeldTransaction`."""

    def __init__(self, engine: Engine, opening: Callable[[UnitOfWork], None]) -> None:
        self.opening = opening
        self.waiting: _HeldUnitOfWork | None = None
        self.is_committed = False
        self._engine = engine

    def begin(self) -> SqlUnitOfWork:
        if self.waiting is not None or self.is_committed:
            raise RuntimeError("a held transaction is the only one of its request")
        return _HeldUnitOfWork(self._engine, self)

    def commit(self, last: Callable[[UnitOfWork], None]) -> None:
        if self.waiting is None:
            with self.begin() as uow:
                uow.commit()
        assert self.waiting is not None
        waiting, self.waiting = self.waiting, None
        waiting.finish(last)
        self.is_committed = True

    def drop(self) -> None:
        """Roll back what waits."""
        if self.waiting is not None:
            self.waiting.drop()
            self.waiting = None


_held: ContextVar[SqlHold | None] = ContextVar("bonafide_held_transaction", default=None)


class SqlStore:
    """Opens transactions over one engine."""

    def __init__(self, engine: Engine) -> None:
        self._writers = engine
        self._readers = engine.execution_options(**{READS_ONLY: True})

    def begin(self) -> SqlUnitOfWork:
        hold = _held.get()
        return self.begin_apart() if hold is None else hold.begin()

    def begin_apart(self) -> SqlUnitOfWork:
        return SqlUnitOfWork(self._writers, is_writing=True)

    def read(self) -> SqlUnitOfWork:
        hold = _held.get()
        if hold is not None and hold.waiting is not None:
            return hold.waiting.read()
        return SqlUnitOfWork(self._readers, is_writing=False)

    @contextmanager
    def hold(self, opening: Callable[[UnitOfWork], None]) -> Iterator[SqlHold]:
        hold = SqlHold(self._writers, opening)
        token = _held.set(hold)
        try:
            yield hold
        finally:
            _held.reset(token)
            hold.drop()

    def is_ready(self) -> str | None:
        """Writes nothing, but takes what a write takes: a read-only store is found out."""
        try:
            with self._writers.connect() as connection, connection.begin() as transaction:
                if not is_connection_current(connection):
                    return "the store is not migrated"
                connection.execute(sa.text("UPDATE organizations SET name = name WHERE slug = ''"))
                transaction.rollback()
        except SQLAlchemyError:
            return "the store is out of reach or cannot be written"
        return None

    def close(self) -> None:
        self._writers.dispose()


def as_outage(error: SQLAlchemyError) -> Exception:
    """`StoreUnavailable` where the database failed, the error itself where our statement did."""
    if isinstance(error, PoolTimeout):
        return StoreUnavailable("no connection to the store became free")
    if isinstance(error, DBAPIError) and not isinstance(error, DataError | IntegrityError):
        return StoreUnavailable("the store is out of reach or cannot be written")
    return error
