"""Answers kept for idempotency keys.

Revision: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_records",
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("key_sha256", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.organization_id"],
            name=op.f("fk_idempotency_records_organization_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "is_test", "key_sha256", name=op.f("pk_idempotency_records")),
    )
    op.create_index(op.f("ix_idempotency_records_ends_at"), "idempotency_records", ["ends_at"], unique=False)


def downgrade() -> None:
    op.drop_table("idempotency_records")
