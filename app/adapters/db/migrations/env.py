"""Alembic's entry: migrates over the connection that `app.adapters.db.migrate` hands in."""

from __future__ import annotations

from alembic import context

from app.adapters.db.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
