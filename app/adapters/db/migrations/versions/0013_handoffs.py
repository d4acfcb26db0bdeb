"""Handoffs of hosted sessions to a phone.

Revision: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "handoffs",
        sa.Column("handoff_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("hosted_session_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("choices", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("browser", sa.String(length=32), nullable=True),
        sa.Column("system", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["hosted_session_id"],
            ["hosted_sessions.hosted_session_id"],
            name=op.f("fk_handoffs_hosted_session_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_handoffs_organization_id")
        ),
        sa.PrimaryKeyConstraint("handoff_id", name=op.f("pk_handoffs")),
    )
    op.create_index("ix_handoffs_session", "handoffs", ["hosted_session_id", "created_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_handoffs_session", "handoffs")
    op.drop_table("handoffs")
