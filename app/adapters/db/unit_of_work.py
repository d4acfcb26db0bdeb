"""The store: transactions over one engine, and outages told apart from everything else."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.adapters.db.audit_trail import SqlAuditTrail
from app.adapters.db.engine import READS_ONLY
from app.adapters.db.face_match_repository import SqlFaceMatches
from app.adapters.db.migrate import is_connection_current
from app.adapters.db.repositories import (
    SqlApiKeys,
    SqlCaptures,
    SqlEntities,
    SqlKycValidations,
    SqlOrganizations,
)
from app.adapters.db.session_repository import SqlBiometricSessions
from app.adapters.db.template_repository import SqlTemplates
from app.domain.errors import StoreUnavailable


class SqlUnitOfWork:
    """One transaction. Repositories exist only inside the `with` block."""

    organizations: SqlOrganizations
    api_keys: SqlApiKeys
    entities: SqlEntities
    validations: SqlKycValidations
    sessions: SqlBiometricSessions
    captures: SqlCaptures
    templates: SqlTemplates
    face_matches: SqlFaceMatches
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
        self.api_keys = SqlApiKeys(connection)
        self.entities = SqlEntities(connection)
        self.validations = SqlKycValidations(connection, locks=self._is_writing)
        self.sessions = SqlBiometricSessions(connection, locks=self._is_writing)
        self.captures = SqlCaptures(connection)
        self.templates = SqlTemplates(connection)
        self.face_matches = SqlFaceMatches(connection)
        self.audit = SqlAuditTrail(connection)

    def commit(self) -> None:
        if not self._is_writing:
            raise RuntimeError("this unit of work only reads")
        try:
            self.audit.write()
            self._transaction.commit()
        except SQLAlchemyError as error:
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


class SqlStore:
    """Opens transactions over one engine."""

    def __init__(self, engine: Engine) -> None:
        self._writers = engine
        self._readers = engine.execution_options(**{READS_ONLY: True})

    def begin(self) -> SqlUnitOfWork:
        return SqlUnitOfWork(self._writers, is_writing=True)

    def read(self) -> SqlUnitOfWork:
        return SqlUnitOfWork(self._readers, is_writing=False)

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
