"""An index in the order in which an organization's sessions are listed.

Revision: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_biometric_sessions_newest",
        "biometric_sessions",
        ["organization_id", "is_test", "created_at", "session_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_biometric_sessions_newest", "biometric_sessions")
