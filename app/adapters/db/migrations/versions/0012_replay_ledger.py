"""The replay ledger, and whether a test session takes part in it.

Revision: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "replay_ledger",
        sa.Column("session_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("entity_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.entity_id"], name=op.f("fk_replay_ledger_entity_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_replay_ledger_organization_id")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["biometric_sessions.session_id"], name=op.f("fk_replay_ledger_session_id")
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_replay_ledger")),
    )
    op.create_index(
        "ix_replay_ledger_newest", "replay_ledger", ["organization_id", "is_test", "created_at"], unique=False
    )
    op.create_index("ix_replay_ledger_entity", "replay_ledger", ["entity_id", "created_at"], unique=False)
    op.create_index("ix_replay_ledger_created_at", "replay_ledger", ["created_at"], unique=False)
    op.add_column(
        "biometric_sessions",
        sa.Column("has_replay_ledger", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("biometric_sessions", "has_replay_ledger")
    op.drop_index("ix_replay_ledger_created_at", "replay_ledger")
    op.drop_index("ix_replay_ledger_entity", "replay_ledger")
    op.drop_index("ix_replay_ledger_newest", "replay_ledger")
    op.drop_table("replay_ledger")
