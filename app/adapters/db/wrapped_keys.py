"""Wrapped data keys in the store."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from app.adapters.db.engine import READS_ONLY
from app.adapters.db.repositories import table, to_domain
from app.adapters.db.tables import EntityKeyRow
from app.adapters.db.unit_of_work import as_outage
from app.adapters.encryption import WrappedKey


class SqlWrappedKeys:
    """Implements `WrappedKeys`. Each call is a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._writers = engine
        self._readers = engine.execution_options(**{READS_ONLY: True})

    def find(self, organization_id: str, entity_id: str) -> WrappedKey | None:
        statement = select(table(EntityKeyRow)).where(
            EntityKeyRow.organization_id == organization_id, EntityKeyRow.entity_id == entity_id
        )
        try:
            with self._readers.connect() as connection:
                row = connection.execute(statement).mappings().first()
        except SQLAlchemyError as error:
            raise as_outage(error) from error
        return None if row is None else to_domain(WrappedKey, row)

    def find_all(self, entity_ids: Collection[str]) -> Sequence[WrappedKey]:
        statement = select(table(EntityKeyRow)).where(EntityKeyRow.entity_id.in_(entity_ids))
        try:
            with self._readers.connect() as connection:
                return [to_domain(WrappedKey, row) for row in connection.execute(statement).mappings()]
        except SQLAlchemyError as error:
            raise as_outage(error) from error

    def add_first(self, key: WrappedKey) -> WrappedKey:
        try:
            with self._writers.begin() as connection:
                connection.execute(insert(table(EntityKeyRow)).values(**vars(key)))
        except IntegrityError:
            standing = self.find(key.organization_id, key.entity_id)
            if standing is None:
                raise
            return standing
        except SQLAlchemyError as error:
            raise as_outage(error) from error
        return key

    def not_wrapped_by(self, master_key_id: str, limit: int) -> Sequence[WrappedKey]:
        statement = (
            select(table(EntityKeyRow))
            .where(EntityKeyRow.master_key_id != master_key_id)
            .order_by(EntityKeyRow.entity_id)
            .limit(limit)
        )
        try:
            with self._readers.connect() as connection:
                return [to_domain(WrappedKey, row) for row in connection.execute(statement).mappings()]
        except SQLAlchemyError as error:
            raise as_outage(error) from error

    def replace(self, before: WrappedKey, after: WrappedKey) -> bool:
        statement = (
            update(table(EntityKeyRow))
            .where(EntityKeyRow.entity_id == before.entity_id, EntityKeyRow.wrapped == before.wrapped)
            .values(**vars(after))
        )
        try:
            with self._writers.begin() as connection:
                return connection.execute(statement).rowcount == 1
        except SQLAlchemyError as error:
            raise as_outage(error) from error
