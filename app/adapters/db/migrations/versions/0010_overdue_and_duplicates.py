"""Indexes by which sessions that time ends, and enrolments to search, are found; what an import found.

Revision: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_INDEXES = {
    "ix_biometric_sessions_expiring": ("expires_at", "status = 'pending'"),
    "ix_biometric_sessions_silent": ("last_activity_at", "status = 'in_progress' AND NOT is_in_review"),
}


def upgrade() -> None:
    for name, (column, condition) in _INDEXES.items():
        where = sa.text(condition)
        op.create_index(
            name, "biometric_sessions", [column], unique=False, sqlite_where=where, postgresql_where=where
        )
    op.create_index(
        "ix_kyc_validations_searched", "kyc_validations", ["organization_id", "is_test", "status"], unique=False
    )
    op.add_column("kyc_validations", sa.Column("duplicates", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("kyc_validations", "duplicates")
    op.drop_index("ix_kyc_validations_searched", "kyc_validations")
    for name in _INDEXES:
        op.drop_index(name, "biometric_sessions")
