"""What an organization used in a month.

Revision: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "usage",
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.organization_id"], name=op.f("fk_usage_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "is_test", "month", name=op.f("pk_usage")),
    )


def downgrade() -> None:
    op.drop_table("usage")
